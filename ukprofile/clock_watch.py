"""Whether the machine's clock can be believed: watched against seconds that nobody sets. Pure.

    steady s     100    160  │  220    280   seconds since the machine started: they never step
    wall       16:39  16:40  │ 17:41  17:42  somebody set the clock an hour ahead
    time       16:39  16:40  │ 16:41  16:42  what counts as now: it runs on by the steady seconds
                             └─ a step: told above 0.5 s; above 5 s nothing is signed

As long as the wall clock drifts it is followed. Once it steps it is held off, and believed again

- when the step is undone: wall and time agree again;
- when it has stood still for a minute, and the step was 5 s at most, or what the other end has
  said since (the Date of its answers) bears the wall out, and no less than the time held;
- when a person says that it is right (`vouched`).

So a step neither ends nor extends anything (negatives N40a, N40b; research security 4). What the
other end says is the second witness: a time that is off it is told of in the same way, but that
never moves the time. Seconds are floats, + = ahead.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

WARN_S = 0.5
"""A person is told of anything above."""
REFUSE_S = 5.0
"""Above, nothing is signed."""
STEADY_S = 60.0
"""How long a clock that stepped must run evenly before it can be believed again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The wall clock (aware, UTC), and the steady seconds at that moment."""

    wall: datetime
    steady_s: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What the other end's clock said, in whole seconds, at some time of the last `took_s`.

    A Date is cut off to the second (RFC 9110 6.6.1), so it may have been a second later.
    """

    said: datetime
    took_s: float
    steady_s: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known at the newest reading: `time` is what counts as now.

    `stepped_s` is when, in steady seconds, the wall clock stepped last; None = it is followed.
    After `vouched` the other end's time is no reason not to sign.
    """

    reading: Reading
    time: datetime
    stepped_s: float | None = None
    heard: Heard | None = None
    vouched: bool = False

    @property
    def ahead_s(self) -> float:
        """How far the wall clock is ahead of the time."""
        return (self.reading.wall - self.time).total_seconds()


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is to say of the clock: by how much it is wrong, and whether that is too much."""

    kind: Literal["steady", "stepped", "off"]
    by_s: float = 0.0
    refuses: bool = False

    @property
    def text(self) -> str:
        """In words: "the clock jumped 3,600.0 s ahead"."""
        much = f"{abs(self.by_s):,.1f} s"
        if self.kind == "steady":
            return "the clock is steady"
        if self.kind == "stepped":
            return f"the clock jumped {much} {'ahead' if self.by_s > 0 else 'back'}"
        return f"the clock is {much} {'ahead of' if self.by_s > 0 else 'behind'} the other end's"


def begin(reading: Reading) -> Watched:
    """The clock as it is found, believed: there is nothing to hold against it yet."""
    return Watched(reading, reading.wall)


def look(before: Watched, reading: Reading) -> Watched:
    """What is known after one more reading."""
    time = _later(before.time, reading.steady_s - before.reading.steady_s)
    now = replace(before, reading=reading, time=time)
    if abs(now.ahead_s) <= WARN_S:
        return _followed(now)
    if before.stepped_s is None or abs(now.ahead_s - before.ahead_s) > WARN_S:
        return replace(now, stepped_s=reading.steady_s, vouched=False)
    return _followed(now) if _borne_out(now) else now


def hear(watched: Watched, said: datetime, took_s: float) -> Watched:
    """Take what the other end's clock said within the last `took_s` seconds (`Heard`)."""
    return replace(watched, heard=Heard(said, took_s, watched.reading.steady_s))


def not_before(watched: Watched, proved: datetime) -> Watched:
    """It cannot be earlier than `proved`: a wall clock that says so was set back meanwhile."""
    if watched.time >= proved:
        return watched
    later = replace(watched, time=proved)
    stepped = abs(later.ahead_s) > WARN_S
    return replace(later, stepped_s=watched.reading.steady_s if stepped else None)


def vouch(watched: Watched) -> Watched:
    """A person says that the wall clock is right."""
    return replace(_followed(watched), vouched=True)


def standing(watched: Watched) -> Standing:
    """What there is to say of the clock now."""
    off_s = _off(watched, watched.time)
    is_off = abs(off_s) > REFUSE_S and not watched.vouched
    if watched.stepped_s is not None:
        by_s = watched.ahead_s
        return Standing("stepped", by_s, refuses=is_off or abs(by_s) > REFUSE_S)
    if abs(off_s) > WARN_S:
        return Standing("off", off_s, refuses=is_off)
    return Standing("steady")


def _followed(watched: Watched) -> Watched:
    return replace(watched, time=watched.reading.wall, stepped_s=None)


def _borne_out(watched: Watched) -> bool:
    """Whether a clock that stepped may be believed by itself."""
    since, heard = watched.stepped_s, watched.heard
    if since is None or watched.reading.steady_s - since < STEADY_S:
        return False
    if heard is None or heard.steady_s < since:
        return abs(watched.ahead_s) <= REFUSE_S
    wall_s = abs(_off(watched, watched.reading.wall))
    return wall_s <= REFUSE_S and wall_s <= abs(_off(watched, watched.time))


def _off(watched: Watched, time: datetime) -> float:
    """How far `time` lies outside what the other end's clock can say now; 0 = it may be that."""
    heard = watched.heard
    if heard is None:
        return 0.0
    # never a sum with what somebody said: it may be at the end of all time
    since_s = watched.reading.steady_s - heard.steady_s
    ahead_s = (time - heard.said).total_seconds() - since_s
    return max(ahead_s - 1.0 - heard.took_s, 0.0) + min(ahead_s, 0.0)


def _later(when: datetime, seconds: float) -> datetime:
    return when + timedelta(seconds=seconds)
