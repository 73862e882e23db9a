"""The course of a dispatch: its state at a time, from signed texts and the clock alone (profile 5).

    texts of the thread ─┬─ each at its second ─┬─ step ─▶ step ─▶ step ─▶ state, next timer
    answers of the VEN ──┘  the timers between ─┘

Nothing local enters: not when a text was read, nor in which order. Both ends, and one that was
started anew, get the same course from the same texts; a later `now` only adds to its end. No text
is of the future: it is held, so its time has come.

A response counts for the very revision it names: once that is superseded it changes nothing. An
increase that the VEN refused supersedes nothing: the head before it is answered again.

`arrival` asks the same of a text that is not held yet: how it finds the dispatch at its place in
time, and what it does there. Whoever holds it afterwards finds that very step in the course.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Held, Period, Thread, asks_more, cut, read_periods
from ukprofile.flex.happenings import Happening, happenings
from ukprofile.flex.states import (
    AFTERWARDS,
    IN_RUN,
    ORDERS,
    RAN,
    STOPS,
    TERMINAL,
    VARIATIONS,
    WORDS,
    Event,
    Guard,
    Outcome,
    State,
    step,
)
from ukprofile.flex.timers import (
    ONCE,
    Due,
    Known,
    Side,
    confirm_by,
    has_passed,
    next_due,
    place,
    respond_by,
)
from ukprofile.flex.times import read_time

_WORDS = {
    "executing": Event.EXECUTING,
    "suspended": Event.SUSPENDS,
    "resumed": Event.RESUMES,
    "failed": Event.FAILS,
    "ceased": Event.CEASES,
    "completed": Event.COMPLETES,
}
_RESPONSES = {"accept": Event.ACCEPT, "partial": Event.PARTIAL, "refuse": Event.REFUSE}
_ENDS = {
    Event.EXECUTING: {"not_started", "said_failed"},
    Event.RESUMES: {"said_failed"},
    Event.POST_ACTION: {"not_reported"},
    Event.ACCEPT: {"increase_waits"},
    Event.REFUSE: {"increase_waits"},
    Event.INSTRUCTION: {"increase_waits"},
    Event.DECREASE: {"increase_waits"},
}
"""Which flags an event takes down."""
_CONFIRMED = (State.CONFIRMED, *IN_RUN, *RAN, *AFTERWARDS)
_AHEAD = timedelta(seconds=30)
"""How far ahead of a receiver's clock a text may be issued (profile 2 Receiving 4)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a course, what it did, and the text that brought it (None = the clock).

    `flags` are those that stand after it.
    """

    at: datetime
    event: Event
    outcome: Outcome
    held: Held | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """Where a dispatch stands, which timer is next (None = none), and how it came there."""

    state: State
    timer: Due | None
    flags: tuple[str, ...]
    steps: tuple[Step, ...]
    known: Known

    @property
    def confirmed(self) -> Held | None:
        """The text in force; None where nothing of it runs, ran or will run."""
        return self.known.head if self.state in _CONFIRMED else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A text that is not held yet, and the course of its dispatch up to it."""

    text: Happening
    before: Course
    terms: ContractTerms | None

    @property
    def outcome(self) -> Outcome | None:
        """What it does; None where it says nothing of the dispatch. Its body was checked."""
        event, guards = _read(self.text, self.before.known, self.terms)
        return None if event is None else step(self.before.state, event, guards)


def dispatch_state(
    thread: Thread,
    answers: Iterable[Held],
    now: datetime,
    terms: ContractTerms | None,
    side: Side = "dso",
) -> Course:
    """Where a dispatch stands at `now`, as the end `side` sees it.

    `answers` are the VEN's replies to texts of the thread, those that count. A text that does not
    count was refused by the VEN, or, at the DSO's end, never left it. The two sides differ in one
    point only: what was never confirmed lapses for the DSO at confirm_by, for the VEN, which may
    not have read everything yet, at the start.
    """
    texts = _happenings(thread, answers, side)
    return _course(texts, max((now, *(text.at for text in texts))), terms, side)


def arrival(
    held: Held,
    thread: Thread,
    answers: Iterable[Held],
    now: datetime,
    terms: ContractTerms | None,
    side: Side = "dso",
) -> Arrival | None:
    """How `held`, a text of the thread or an answer to one, finds it as it is read at `now`.

    It stands where it will stand once it is kept: where it was issued, but for a clock that runs
    slow. None for an answer to what is no text of the thread, or does not count there.
    """
    if held.header.in_reply_to is None:
        texts = _happenings(Thread((*thread.held, held)), answers, side)
    else:
        texts = _happenings(thread, (*answers, held), side)
    latest = now.replace(microsecond=0) + (_AHEAD if side == "dso" else timedelta())
    placed = sorted(
        (replace(t, at=min(t.at, latest)) if t.held is held else t for t in texts),
        key=lambda text: text.order,
    )
    text = next((t for t in placed if t.held is held), None)
    if text is None:
        return None
    before = _course(placed, max(now, text.at), terms, side, up_to=text)
    return Arrival(text, before, terms)


def in_force(course: Course, thread: Thread) -> tuple[Period, ...]:
    """The periods that run, ran or will run, cut by the stops; nothing of what never did.

    A VEN that said ceased has ended its run itself (profile 2 Acting).
    """
    if course.confirmed is None:
        return ()
    said = (step.at for step in course.steps if step.event is Event.CEASES and _ends(step))
    ended = next(said, None)
    periods = thread.cut_by_stops(course.known.plan)
    return periods if ended is None else cut(periods, ended)


def _ends(step: Step) -> bool:
    return step.outcome.effect == "acts" and step.outcome.state is State.CEASED


def _happenings(thread: Thread, answers: Iterable[Held], side: Side) -> list[Happening]:
    texts = thread.standing if side == "dso" else thread.held
    return happenings(texts, (a for a in answers if a.counts), own=side == "ven")


def _course(
    found: Iterable[Happening],
    until: datetime,
    terms: ContractTerms | None,
    side: Side,
    up_to: Happening | None = None,
) -> Course:
    """Live through the texts and the timers between them; `up_to` is not lived through itself."""
    texts = deque(found)
    known, steps = Known(), list[Step]()
    while True:
        due = next_due(known, terms, side)
        text = texts[0] if texts and (due is None or texts[0].place < place(due)) else None
        if text is not None and text is up_to:
            return Course(known.state, due, tuple(sorted(known.flags)), tuple(steps), known)
        if text is not None:
            at = texts.popleft().at
            event, guards = _read(text, known, terms)
        elif due is not None and has_passed(due, until):
            at = max(due.at, steps[-1].at) if steps else due.at
            event, guards = due.event, _of_clock(known, terms)
        else:
            return Course(known.state, due, tuple(sorted(known.flags)), tuple(steps), known)
        if event is not None:
            outcome = step(known.state, event, guards)
            known = _after(known, at, event, outcome, text)
            held = None if text is None else text.held
            steps.append(Step(at, event, outcome, held, tuple(sorted(known.flags))))


# -- what a text is, where the dispatch stands -----------------------------------------------------


def _read(
    text: Happening, known: Known, terms: ContractTerms | None
) -> tuple[Event | None, set[Guard]]:
    """Which event a text is, and which guards hold; no event where it changes nothing."""
    if text.answers is not None:
        return _of_ven(text, text.answers, known, terms)
    return _of_dso(text, known, terms)


def _of_dso(
    text: Happening, known: Known, terms: ContractTerms | None
) -> tuple[Event | None, set[Guard]]:
    header = text.held.header
    if header.stop:
        if text.again and known.state not in IN_RUN:
            return None, set()
        return (Event.CEASE if header.kind == "cease" else Event.CANCELLATION), _of_stop(
            text, known
        )
    if text.decided != "received":
        event = Event.LATE if text.decided == "late" else Event.RULE_REFUSAL
        return event, {Guard.HOLDS_EARLIER} if text.earlier_held else set()
    if header.revision <= known.newest:
        return None, set()  # stale, or equivocation: the head stays
    if header.kind == "variation":
        more = known.state in (State.CONFIRMED, *IN_RUN) and asks_more(
            known.plan, read_periods(text.held.body), header.issued_at
        )
        return (Event.INCREASE if more else Event.DECREASE), set()
    event = Event.SCHEDULE if header.kind == "schedule" else Event.INSTRUCTION
    return event, _of_plan(text.held, known, terms)


def _of_stop(text: Happening, known: Known) -> set[Guard]:
    start, read = known.start, text.acknowledged_at
    if start is not None and text.at >= start:
        return set()
    if start is not None and read is not None and read >= start:
        return {Guard.BEFORE_START, Guard.READ_AFTER_START}
    return {Guard.BEFORE_START}


def _of_plan(held: Held, known: Known, terms: ContractTerms | None) -> set[Guard]:
    periods, issued = read_periods(held.body), held.header.issued_at
    given = issued
    if held.body.get("channel") != "api":
        given = read_time(held.body.get("effective_at")) or issued
    due = confirm_by(known)
    holding = {
        Guard.NOTICE: terms is None or not periods or periods[0].start >= given + terms.notice,
        Guard.BY_CONFIRM_BY: due is None or issued <= due,
        Guard.BEFORE_START: known.start is None or issued < known.start,
        Guard.AS_ACCEPTED: periods == known.countered,
    }
    return {guard for guard, holds in holding.items() if holds}


def _of_ven(
    text: Happening, answered: Held, known: Known, terms: ContractTerms | None
) -> tuple[Event | None, set[Guard]]:
    kind, body = text.held.header.kind, text.held.body
    if kind == "status":
        return _WORDS[body["state"]], set()
    if kind == "post_action":
        return Event.POST_ACTION, set()
    if kind != "response":
        return None, set()
    event = _RESPONSES[body["answer"]]
    newest = known.pending or known.head
    if newest is None or newest.sha256 != answered.sha256:
        # an end that is over says so; an answer to what was superseded says nothing
        return (event if known.state in TERMINAL else None), set()
    due = respond_by(known, terms)
    holding = {
        Guard.BY_RESPOND_BY: due is None or text.at <= due,
        Guard.BEFORE_START: known.start is None or text.at < known.start,
        Guard.WAITING: known.pending is not None,
    }
    return event, {guard for guard, holds in holding.items() if holds}


def _of_clock(known: Known, terms: ContractTerms | None) -> set[Guard]:
    holding = {
        Guard.SILENCE_ACCEPTS: terms is not None and terms.silence == "accept",
        Guard.SAID_STARTED: known.started,
        Guard.SAID_FAILED: known.word is Event.FAILS,
    }
    return {guard for guard, holds in holding.items() if holds}


# -- what it leaves behind -------------------------------------------------------------------------


def _after(
    known: Known, at: datetime, event: Event, outcome: Outcome, text: Happening | None
) -> Known:
    held = None if text is None else text.held
    if outcome.effect == "noop" and known.state is State.CEASED and held is not None:
        # of two stops the earlier end counts
        return replace(known, ended=min(known.ended or at, _stop_end(known, held, at)))
    if outcome.effect != "acts":
        return known
    moved = outcome.state is not known.state
    flags = (known.flags - _ENDS.get(event, set())) | ({outcome.flag} if outcome.flag else set())
    new = replace(
        known,
        state=outcome.state,
        since=at if moved else known.since,
        flags=flags,
        passed=known.passed | ({event} & ONCE),
    )
    if event in ORDERS and text is not None:
        return _ordered(new, known.state, event, text)
    if event in WORDS:
        started = known.started or event is Event.EXECUTING
        new = replace(new, word=event, started=started, answered=True)
    elif event is Event.PARTIAL and held is not None:
        new = replace(new, countered=read_periods(held.body))
    elif event in (Event.ACCEPT, Event.REFUSE) and known.pending is not None:
        new = _answered_increase(new, event, known.pending)
    elif event in (Event.ACCEPT, Event.RESPOND_BY):
        new = replace(new, answered=True)
    if outcome.state in IN_RUN and known.state is State.CONFIRMED:
        return replace(new, began=at)
    if outcome.state in TERMINAL and known.state not in TERMINAL:
        return replace(
            new, pending=None, ended=_stop_end(known, held, at) if event in STOPS else at
        )
    return new


def _ordered(known: Known, before: State, event: Event, text: Happening) -> Known:
    """A new text in force, or an increase that waits."""
    if event is Event.INCREASE:
        return replace(known, pending=text.held, newest=text.held.header.revision)
    known = replace(known, newest=text.held.header.revision)
    new = replace(known, head=text.held, plan=read_periods(text.held.body), pending=None)
    if event is Event.SCHEDULE:
        return replace(new, countered=(), answered=False)
    kept = known.answered if event in VARIATIONS else before in (State.AGREED, State.COUNTERED)
    return replace(new, answered=text.taken_up or kept)


def _answered_increase(known: Known, event: Event, pending: Held) -> Known:
    if event is Event.REFUSE:
        return replace(known, pending=None)
    return replace(known, head=pending, plan=read_periods(pending.body), pending=None)


def _stop_end(known: Known, held: Held | None, at: datetime) -> datetime:
    """When a stop ends the run: as a cease states, never after the end there would have been."""
    stated = None if held is None else read_time(held.body.get("cease_at"))
    ends = known.plan[-1].end if known.plan else at
    return min(max(stated or at, at), max(ends, at))
