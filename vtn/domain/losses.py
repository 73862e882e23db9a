"""What a person must know of a store that was put back from a backup.

    the store itself   put back: for a day, whatever is done
    a lost text        until the desk speaks anew in its thread, or nothing comes of it any more

Pure but for one question to the ledger; `vtn.domain.watched` asks, as for every other concern.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ukprofile.flex.times import milliseconds, time_text
from ukprofile.receiving import Slot
from vtn.domain.alarm import Cause, Concern, concern
from vtn.domain.concerns import WATCHED_FOR, Found
from vtn.domain.restored import Gap, Lost, Restored
from vtn.domain.store import Transaction

STORE = Slot("", "", "", "", "store", "")
"""Where the concern stands that is about the whole store, and no dispatch."""
_TOLD_FOR = timedelta(days=1)
_FAMILIES = ("dispatch", "contract_terms", "request", "acceptance")
"""Where texts of a DSO stand (profile 3): what family a lost one was of, an answer does not say."""


def losses(restored: Restored, now: datetime) -> set[Slot]:
    """Where something is to be told of at `now`: lost texts, and the store."""
    lost = {one.slot for one in restored.lost if now < one.learned_at + WATCHED_FOR}
    recent = any(now < gap.until + _TOLD_FOR for gap in restored.gaps)
    return lost | ({STORE} if recent else set())


def forgotten(restored: Restored, now: datetime) -> Found:
    """That the store was put back, and what is to be done about it."""
    recent = [gap for gap in restored.gaps if now < gap.until + _TOLD_FOR]
    look_at = min((gap.until + _TOLD_FOR for gap in recent), default=None)
    return Found(tuple(_put_back(gap) for gap in recent), look_at)


def losses_of(tx: Transaction, restored: Restored, slot: Slot, now: datetime) -> Found:
    """The lost text of a dispatch, unless the desk has spoken after it."""
    held = [one for one in restored.lost if one.slot == slot]
    lost = next((one for one in held if now < one.learned_at + WATCHED_FOR), None)
    if lost is None or _spoken_since(tx, lost):
        return Found()
    return Found((_lost(tx, lost),), lost.learned_at + WATCHED_FOR)


def _spoken_since(tx: Transaction, lost: Lost) -> bool:
    slots = (replace(lost.slot, family=family) for family in _FAMILIES)
    return any(e.revision > lost.revision for slot in slots for e in tx.thread(slot))


def _put_back(gap: Gap) -> Concern:
    return concern(
        STORE,
        Cause.RESTORED,
        milliseconds(gap.until),
        gap.until,
        f"this VTN was put back to how it was at {time_text(gap.since)}: what was said from then "
        f"until {time_text(gap.until)} is gone from it. Ask every FSP what it runs, and look at "
        "clients and keys again",
    )


def _lost(tx: Transaction, lost: Lost) -> Concern:
    slot = lost.slot
    held = any(tx.thread(replace(slot, family=family)) for family in _FAMILIES)
    here = (
        "an older text of it stands here: telephone, and vary or cease what it runs"
        if held
        else "nothing of it is known here: telephone, and have it ended there if it must not run"
    )
    return concern(
        slot,
        Cause.LOST,
        lost.revision,
        lost.learned_at,
        f"{slot.recipient} holds revision {lost.revision} of {slot.thread} ({slot.program}), which "
        f"this VTN has forgotten; {here}",
    )
