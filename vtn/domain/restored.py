"""What a store that was put back from a backup knows of what it has forgotten.

    the newest moment the backup knows        the clock when it was put back
                 │                                      │
    ─────────────┼── the gap: signed, sent, answered ───┼── ─ ─ ─ lead ─ ─▶ first new revision
                 since                                until

Nobody can tell from the store alone what was said in the gap. So no revision is minted that could
have been used there, an answer to a text of the gap is kept although the text is not held, and
each text that is known to be missing is *lost*: the next revision of its thread stands above it,
and a person is told (docs/decisions/0009).
"""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ukprofile.flex.header import Reference
from ukprofile.flex.times import milliseconds
from ukprofile.receiving import Slot
from vtn.domain.store import Transaction

_SETTING = "restored"
_LEAD = timedelta(seconds=40)
"""Texts may be issued 30 s ahead of the clock (profile 2 Receiving 4). A revision may stand no
more than 60 s from `issued_at`, so the lead cannot be longer than that."""
_SPARE_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
_SLACK_MS = 60_000
"""How far a revision may stand from the time at which it was minted (profile 2 Receiving 4)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What was said between these business times is not in the store."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Lost:
    """A text of ours that somebody holds and this store does not: the newest known of its thread.

    `slot` is where it stood; of one that only an answer tells of, the family is not known, and
    "dispatch" stands there. `learned_at` is a business time.
    """

    slot: Slot
    revision: int
    sha256: str
    learned_at: datetime


@dataclass(frozen=True, slots=True)
class Restored:
    """Every gap of a store, and what it is known to have lost in them."""

    gaps: tuple[Gap, ...] = ()
    lost: tuple[Lost, ...] = ()

    def forgot(self, milliseconds_: int) -> bool:
        """Whether something minted at that time, in milliseconds, may lie in a gap."""
        return any(
            milliseconds(gap.since) - _SLACK_MS
            <= milliseconds_
            <= milliseconds(gap.until) + _SLACK_MS
            for gap in self.gaps
        )

    def forgot_event(self, event_id: str) -> bool:
        """Whether an event of that id may have been made in a gap: ids are `<DSO>-<UUIDv7>`."""
        try:
            made = uuid.UUID(event_id[-36:])
        except ValueError:
            return False
        return made.version == 7 and self.forgot(made.int >> 80)

    def floor(self, program: str, thread: str) -> int:
        """The lowest revision of a thread of ours that cannot have been used before."""
        ends = [milliseconds(gap.until + _LEAD) for gap in self.gaps]
        known = [one.revision + 1 for one in self.lost if _key(one) == (program, thread)]
        return max([*ends, *known], default=0)

    def forgot_after(self, said: datetime) -> bool:
        """Whether more may have been said in a thread than what was issued at `said`."""
        return any(said < gap.until for gap in self.gaps)

    def learn(self, new: Lost) -> "Restored":
        """The same, knowing of `new`: of a thread only its newest lost text is remembered."""
        held = next((one for one in self.lost if _key(one) == _key(new)), None)
        if held is not None and held.revision >= new.revision:
            return self
        if held is not None:  # what a signed text said of its family is known better
            new = replace(new, slot=held.slot)
        return replace(self, lost=(*(one for one in self.lost if one is not held), new))

    def answered(self, reply: Reference) -> Lost | None:
        """The lost text to which `reply` points."""
        return next((one for one in self.lost if one.sha256 == reply.sha256), None)


def spare_id(now: datetime) -> int:
    """A period id that nobody used in a thread of which texts may be forgotten: a thread never
    gives out an id twice (profile 3 variation). Seconds since 2020, so that it fits 31 bits.
    """
    return int((now - _SPARE_SINCE).total_seconds())


def read_restored(tx: Transaction) -> Restored:
    """What this store knows of its gaps; of one that was never restored, that there are none."""
    held = tx.setting(_SETTING)
    return Restored() if held is None else _read(held)


def put_restored(tx: Transaction, restored: Restored) -> None:
    tx.put_setting(_SETTING, json.dumps(_shown(restored)))


def learn_lost(tx: Transaction, lost: Iterable[Lost]) -> None:
    """Remember that these texts exist."""
    before = after = read_restored(tx)
    for one in lost:
        after = after.learn(one)
    if after is not before:
        put_restored(tx, after)


def _key(lost: Lost) -> tuple[str, str]:
    """A thread is unique for its issuer (profile 2), who is always this VTN's DSO."""
    return lost.slot.program, lost.slot.thread


def _shown(restored: Restored) -> Mapping[str, Any]:
    return {
        "gaps": [[_instant(gap.since), _instant(gap.until)] for gap in restored.gaps],
        "lost": [asdict(one) | {"learned_at": _instant(one.learned_at)} for one in restored.lost],
    }


@lru_cache(maxsize=8)
def _read(text: str) -> Restored:
    """Read once for each value: every signature asks."""
    shown = json.loads(text)
    return Restored(
        tuple(Gap(_time(since), _time(until)) for since, until in shown["gaps"]),
        tuple(
            Lost(Slot(**one["slot"]), one["revision"], one["sha256"], _time(one["learned_at"]))
            for one in shown["lost"]
        ),
    )


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
