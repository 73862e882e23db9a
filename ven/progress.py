"""How a dispatch is getting on, and what of it the DSO has to hear. Pure.

    16:30          16:35              17:10                    18:00
      ├── ramp ──────┤                  │                        │
                executing           failed (the battery        completed, or ceased where a
                                    is empty)                  stop ended it before its time

Each word is said once. After `failed` only a stop is still answered (profile 5: running to
completed, failed or ceased).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ukprofile.flex.answer import State
from ukprofile.flex.contract import GRACE_S
from ukprofile.flex.dispatch import read_periods
from ven.device import Measurement
from ven.journal import Planned
from ven.plan import Dispatch

GRACE = timedelta(seconds=GRACE_S)
_LEAST_W = 1000
_SHARE = 20  # a level is held when it is met to a twentieth


@dataclass(frozen=True, slots=True)
class Seen:
    """One asset, seen for one dispatch.

    `measured` is None where the device did not answer, and `error` says why. `command` is the
    journal's command that is in force there; `refused` why the device would not take one of this
    dispatch; `confirmed` whether it took all of them.
    """

    asset_id: str
    measured: Measurement | None
    error: str = ""
    command: Planned | None = None
    refused: str = ""
    confirmed: bool = True

    def serves(self, thread: str) -> bool:
        """Whether the command in force is one of that dispatch."""
        return self.command is not None and thread in self.command.command.threads

    @property
    def since(self) -> datetime | None:
        """When the device could begin with the command in force."""
        if self.command is None:
            return None
        taken = self.command.settled_at or self.command.sent_at
        begins = self.command.command.valid_from
        return begins if taken is None else max(begins, taken)


@dataclass(frozen=True, slots=True)
class Word:
    """What is to be said of a dispatch: its state since `at`, and why."""

    state: State
    at: datetime
    reason: str = ""


def progress(
    one: Dispatch, said: Sequence[str], seen: Sequence[Seen], ramp: timedelta, now: datetime
) -> Word | None:
    """The next word on `one`; None while there is nothing new. `seen` has each of its assets."""
    if over(one, said):
        return None
    if now >= one.end:
        return _ending(one, said, seen, now - one.end < ramp + GRACE)
    if "failed" in said:
        return None
    if refused := next((s.refused for s in seen if s.refused), ""):
        return Word("failed", now, refused)
    period = next((p for p in one.periods if p.start <= now < p.end), None)
    if period is None:
        return None
    lacks = [(s, why) for s in seen if (why := lack(s, one.slot.thread))]
    if not lacks:
        return None if "executing" in said else Word("executing", now)
    return next(
        (Word("failed", now, why) for s, why in lacks if _late(s, period.start, ramp, now)), None
    )


def over(one: Dispatch, said: Iterable[str]) -> bool:
    """Whether everything has been said of a dispatch as it stands now."""
    words = set(said)
    return bool(words & {"ceased", "completed"}) or ("failed" in words and not stopped(one))


def stopped(one: Dispatch) -> bool:
    """Whether something ended it before its time."""
    assert one.thread.confirmed is not None
    return one.end < read_periods(one.thread.confirmed.body)[-1].end


def lack(seen: Seen, thread: str) -> str:
    """Why an asset does not hold what the dispatch asks of it; "" = it does."""
    if seen.measured is None:
        return f"{seen.asset_id} does not answer: {seen.error}"
    if not seen.serves(thread) or seen.command is None:
        return f"{seen.asset_id} holds no command of this dispatch"
    if seen.measured.short:
        return f"{seen.asset_id}: {seen.measured.short}"
    command, baseline_w = seen.command.command, seen.measured.baseline_w
    wanted = command.setpoint_w
    if wanted is None:
        wanted = baseline_w + (command.delta_w or 0)
    allowed = max(_LEAST_W, abs(wanted - baseline_w) // _SHARE)
    if abs(seen.measured.power_w - wanted) > allowed:
        return f"{seen.asset_id} is at {seen.measured.power_w} W of {wanted} W"
    return ""


def _late(seen: Seen, start: datetime, ramp: timedelta, now: datetime) -> bool:
    """Whether it should hold its level by now; what is empty or full never will."""
    if seen.measured is not None and seen.measured.short:
        return True
    return now >= max(start, seen.since or start) + ramp + GRACE


def _ending(one: Dispatch, said: Sequence[str], seen: Sequence[Seen], early: bool) -> Word | None:
    if stopped(one):
        held = any(s.measured is not None and s.serves(one.slot.thread) for s in seen)
        return None if held and early else Word("ceased", one.end)
    if "executing" in said or all(s.confirmed for s in seen):
        return Word("completed", one.end)
    return Word("failed", one.end, "not every device was told in time")
