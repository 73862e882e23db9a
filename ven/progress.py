"""How a dispatch is getting on, and what of it the DSO has to hear. Pure.

    16:30        16:35        17:10           17:25            18:00
      ├── ramp ────┤            │               │                │
            executing       suspended        resumed         completed
                            (the battery     (it holds       failed, where it stood still
                             is empty)        again)         ceased, where a stop ended it before

A run that holds its level is executing. One that loses it for a minute, or for good, stands still:
suspended, and resumed once it is back (profile 5: running, suspended by VEN status). One that
never came up by ramp and grace has failed so far, and executes if it does come up later. The end
makes of it what the last word was: completed after executing and resumed, failed after suspended
and failed. After a refused command nothing else is said until the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ukprofile.flex.answer import State
from ukprofile.flex.contract import GRACE_S
from ukprofile.flex.dispatch import Period, read_periods
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
    one: Dispatch,
    said: Sequence[str],
    seen: Sequence[Seen],
    ramp: timedelta,
    now: datetime,
    lacks_since: datetime | None = None,
) -> Word | None:
    """The next word on `one`; None while there is nothing new. `seen` has each of its assets.

    `lacks_since` is since when it has not held its level; None where it did when last seen.
    """
    if over(one, said, now):
        return None
    last = said[-1] if said else ""
    if now >= one.end:
        return _ending(one, last, seen, now - one.end < ramp + GRACE)
    if refused := next((s.refused for s in seen if s.refused), ""):
        return None if last == "failed" else Word("failed", now, refused)
    period = running_period(one, now)
    if period is None:
        return None
    lacks = [(s, why) for s in seen if (why := lack(s, one.slot.thread))]
    if not lacks:
        return _holds(last, now)
    if last in ("failed", "suspended"):
        return None
    late = next((why for s, why in lacks if _late(s, period.start, ramp, now)), "")
    if not last:
        return Word("failed", now, late) if late else None
    lasts = lacks_since is not None and now - lacks_since >= GRACE
    for_good = any(s.measured is not None and s.measured.short for s, _ in lacks)
    return Word("suspended", now, late) if late and (lasts or for_good) else None


def running_period(one: Dispatch, now: datetime) -> Period | None:
    """The period that asks for something now."""
    return next((p for p in one.periods if p.start <= now < p.end), None)


def holds(one: Dispatch, seen: Sequence[Seen]) -> bool:
    """Whether every asset does what the dispatch asks of it."""
    return not any(lack(s, one.slot.thread) for s in seen)


def over(one: Dispatch, said: Sequence[str], now: datetime) -> bool:
    """Whether everything has been said of a dispatch as it stands now."""
    if {"ceased", "completed"} & set(said):
        return True
    return bool(said) and said[-1] == "failed" and now >= one.end and not stopped(one)


def stopped(one: Dispatch) -> bool:
    """Whether something ended it before its time."""
    return one.end < read_periods(one.confirmed.body)[-1].end


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


def _holds(last: str, now: datetime) -> Word | None:
    if last == "suspended":
        return Word("resumed", now)
    return Word("executing", now) if last in ("", "failed") else None


def _ending(one: Dispatch, last: str, seen: Sequence[Seen], early: bool) -> Word | None:
    if stopped(one):
        held = any(s.measured is not None and s.serves(one.slot.thread) for s in seen)
        return None if held and early else Word("ceased", one.end)
    if last == "suspended":
        return Word("failed", one.end, "suspended when it ended")
    if last or all(s.confirmed for s in seen):
        return Word("completed", one.end)
    return Word("failed", one.end, "not every device was told in time")
