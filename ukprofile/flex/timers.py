"""The timers of a dispatch as data: when each is due, and what passes with it (profile 5).

    issued   respond_by      confirm_by  start   started_by          end     report_by
      ├── proposed ─┤ agreed ────┤         ├── running ─┤─────────────┤ completed ─┤
                    expired    lapsed (DSO)             not_started                not_reported
                                          lapsed (VEN)

`start` and `end` are edges of periods: they pass at their second. The others are deadlines: what
is signed in that very second is in time, and they pass after it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ukprofile.flex.contract import DISPUTE_WORKING_DAYS, GRACE_S, RAMP_S, REPORT_S, ContractTerms
from ukprofile.flex.dispatch import Held, Period
from ukprofile.flex.states import ASKED, BEFORE_START, IN_RUN, RAN, Event, State
from ukprofile.flex.times import read_time

Side = Literal["dso", "ven"]


@dataclass(frozen=True, slots=True)
class Known:
    """What one end knows of a dispatch at one moment of its course.

    `since` is when `state` was reached, `began` and `ended` are when the run did. `head` is the
    newest text in force and `plan` its periods; `pending` an increase that waits, `newest` the
    revision that a further text must be newer than. `countered` are
    the periods of the newest partial; `answered` says whether the head was answered, or taken up. `word` is the last a status said, `started` whether one said executing. `passed` are timers that cannot pass twice.
    """

    state: State = State.NONE
    since: datetime | None = None
    began: datetime | None = None
    head: Held | None = None
    plan: tuple[Period, ...] = ()
    pending: Held | None = None
    newest: int = -1
    countered: tuple[Period, ...] = ()
    answered: bool = False
    word: Event | None = None
    started: bool = False
    ended: datetime | None = None
    flags: frozenset[str] = frozenset()
    passed: frozenset[Event] = frozenset()

    @property
    def start(self) -> datetime | None:
        return self.plan[0].start if self.plan else None

    def stated(self, name: str) -> datetime | None:
        """A time that the head itself states."""
        return None if self.head is None else read_time(self.head.body.get(name))


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer: in which states it is set, at which ends, when it is due, and what follows.

    `stated` names the field that sets it, `default` says what holds without one.
    """

    event: Event
    states: tuple[State, ...]
    stated: str
    default: str
    then: str
    due: Callable[[Known, ContractTerms | None], datetime | None]
    sides: tuple[Side, ...] = ("dso", "ven")
    edge: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that is set: which, and when it is due."""

    event: Event
    at: datetime


def respond_by(known: Known, terms: ContractTerms | None) -> datetime | None:
    """When the response to the head is due; None = at no time.

    What is firm needs none unless it states a time itself.
    """
    stated = known.stated("respond_by")
    if stated is not None or terms is None or known.head is None or known.start is None:
        return stated
    if known.head.header.kind != "schedule":
        return None
    return terms.respond_by(known.head.header.issued_at, known.start)


def confirm_by(known: Known) -> datetime | None:
    """When what is proposed must be confirmed, at the latest; None = nothing is proposed."""
    return known.stated("confirm_by") or known.start


def _respond_by(known: Known, terms: ContractTerms | None) -> datetime | None:
    """What is firm may be taken up until accept_by: silence before it says nothing (T08)."""
    due = respond_by(known, terms)
    if known.answered or due is None or known.head is None:
        return None
    accept_by = known.head.header.accept_by
    firm = known.state is State.CONFIRMED and accept_by is not None
    return max(due, accept_by) if firm and accept_by is not None else due


def _confirm_by(known: Known, _terms: ContractTerms | None) -> datetime | None:
    return confirm_by(known)


def _start(known: Known, _terms: ContractTerms | None) -> datetime | None:
    return known.start


def _started_by(known: Known, terms: ContractTerms | None) -> datetime | None:
    if known.began is None:
        return None
    ramp = timedelta(seconds=RAMP_S) if terms is None else terms.ramp
    return known.began + ramp + timedelta(seconds=GRACE_S)


def _end(known: Known, _terms: ContractTerms | None) -> datetime | None:
    return known.plan[-1].end if known.plan else None


def _report_by(known: Known, _terms: ContractTerms | None) -> datetime | None:
    return None if known.ended is None else known.ended + timedelta(seconds=REPORT_S)


def _dispute_by(known: Known, _terms: ContractTerms | None) -> datetime | None:
    return None if known.since is None else working_days_after(known.since, DISPUTE_WORKING_DAYS)


# fmt: off
TIMERS = (
    Timer(Event.RESPOND_BY, (State.PROPOSED, State.CONFIRMED), "respond_by",
          "schedule: respond_s (30 min) or half the time to the start, whichever is less; instruction: none, and never before accept_by",
          "expired, or deemed accepted where the contract's silence is accept", _respond_by),
    Timer(Event.CONFIRM_BY, ASKED, "confirm_by", "the start", "lapsed", _confirm_by, sides=("dso",)),
    Timer(Event.START, BEFORE_START, "periods, first start", "", "running; lapsed where nothing is confirmed", _start, edge=True),
    Timer(Event.STARTED_BY, IN_RUN, "", "start, or confirmation if later, + ramp_s (300 s) + grace (60 s)",
          "flag not_started unless the VEN said executing, alarm", _started_by),
    Timer(Event.END, IN_RUN, "periods, last end in force", "", "completed; failed where the VEN said so, or is suspended", _end, edge=True),
    Timer(Event.REPORT_BY, RAN, "", "end of the run + 24 h", "flag not_reported, alarm", _report_by),
    Timer(Event.DISPUTE_BY, (State.REPORTED,), "", "report + 10 working days", "nothing can be disputed any more", _dispute_by),
)
"""In the order of a dispatch's life. The timer of each revision, ack_by, is that of its delivery."""
# fmt: on

ONCE = frozenset({Event.STARTED_BY, Event.REPORT_BY, Event.DISPUTE_BY})
"""Timers that move nothing: they pass once, and are not set again."""


def next_due(known: Known, terms: ContractTerms | None, side: Side) -> Due | None:
    """The timer that passes next, at this end; None = nothing is waited for."""
    found = [
        Due(timer.event, at)
        for timer in TIMERS
        if known.state in timer.states
        and side in timer.sides
        and timer.event not in known.passed
        and (at := timer.due(known, terms)) is not None
    ]
    return min(found, key=place, default=None)


_EDGES = frozenset(timer.event for timer in TIMERS if timer.edge)


def place(due: Due) -> tuple[datetime, int]:
    """Where a timer stands among what happens in one second: a start, texts, an end, deadlines."""
    return due.at, 0 if due.event is Event.START else 3 if due.event is Event.END else 4


def has_passed(due: Due, now: datetime) -> bool:
    """Whether a timer has passed at `now`."""
    return now >= due.at if due.event in _EDGES else now > due.at


def working_days_after(when: datetime, days: int) -> datetime:
    """The same time of day, `days` days later that are neither Saturday nor Sunday."""
    while days:
        when += timedelta(days=1)
        days -= when.weekday() < 5
    return when
