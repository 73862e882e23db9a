"""What a person at the desk must know of one dispatch: from its texts, its answers and the time.

    texts, answers ─▶ course, delivery ─┬─▶ concerns, each only while it holds
    now ─────────────────┘              ├─▶ when to look again, if no text comes before
                                        └─▶ the claim it makes on its assets (vtn.domain.clashes)

Pure and without memory: whoever asks twice gets the same keys, after a restart too. A concern is
over as soon as nothing is left to be done about it: when it was answered or mended, or when the
time that the dispatch was for has passed. What is not reported stands longer, `WATCHED_FOR`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ukprofile.flex.common import read_assets
from ukprofile.flex.course import Course, Step
from ukprofile.flex.delivery import Delivery, ack_by, acknowledgement_of
from ukprofile.flex.dispatch import Held, Period, Thread, cut, read_periods
from ukprofile.flex.states import ASKED, IN_RUN, LIVE, RAN, Event, State
from ukprofile.flex.timers import confirm_by, has_passed
from ukprofile.flex.times import time_text
from vtn.domain.alarm import Cause, Concern, Severity, concern
from vtn.domain.clashes import Claim
from vtn.domain.desk.book import Dispatch

WATCHED_FOR = timedelta(days=28)
"""How long after the end of a dispatch its missing report is still the desk's concern: longer
than the ten working days in which a report is disputed (profile 5)."""
CONFIRM_WARNING = timedelta(minutes=15)
"""How long before confirm_by the desk is reminded; never before half of its time has passed."""
_TICK = timedelta(microseconds=1)
"""A deadline passes after its instant: what is signed in that very second is in time."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to say of a dispatch now. It stays so until `look_at` (None = for good), or
    until a text comes.
    """

    concerns: tuple[Concern, ...] = ()
    look_at: datetime | None = None
    claim: Claim | None = None

    def beside(self, other: "Found") -> "Found":
        """What is found here, and what is found there."""
        moments = [when for when in (self.look_at, other.look_at) if when is not None]
        return Found(
            self.concerns + other.concerns, min(moments, default=None), self.claim or other.claim
        )


def look(dispatch: Dispatch) -> Found:
    """What there is to say of a dispatch at its `now`, and when to look again."""
    thread, now = dispatch.thread, dispatch.now
    if thread.head is None or thread.valid_until is None:
        return Found()
    view = _View(dispatch, thread.head, thread.last_end or thread.valid_until)
    if now >= view.ends + WATCHED_FOR:
        return Found()
    parts = (_unreported,) if now >= view.ends else (*_BEFORE_THE_END, _unreported)
    concerns = tuple(found for part in parts for found in part(view))
    ahead = [when for when in _moments(view) if when > now]
    return Found(concerns, min(ahead, default=None), _claim(view))


@dataclass(frozen=True, slots=True)
class _View:
    """A dispatch at its time. `newest` is its newest text, `ends` the last end it ever stated."""

    dispatch: Dispatch
    newest: Held
    ends: datetime

    @property
    def course(self) -> Course:
        return self.dispatch.course

    @property
    def state(self) -> State:
        return self.dispatch.state

    @property
    def now(self) -> datetime:
        return self.dispatch.now

    @property
    def name(self) -> str:
        """The dispatch, as a person says it."""
        return f"{self.dispatch.slot.thread} ({self.dispatch.slot.program})"

    @property
    def provider(self) -> str:
        return self.dispatch.slot.recipient

    @property
    def revision(self) -> int:
        """That of the text in force."""
        head = self.course.known.head or self.newest
        return head.header.revision

    @property
    def ack_by(self) -> datetime:
        return ack_by(self.newest, self.dispatch.terms)

    @property
    def warn_at(self) -> datetime | None:
        """When the desk is reminded to confirm; None where nothing is to be confirmed."""
        due, head = confirm_by(self.course.known), self.course.known.head
        if self.state not in ASKED or due is None or head is None:
            return None
        allowed = max(due - head.header.issued_at, timedelta(0))
        return due - min(CONFIRM_WARNING, allowed / 2)

    def last(self, *events: Event) -> Step | None:
        """The last of these events that did something."""
        steps = reversed(self.course.steps)
        return next((s for s in steps if s.event in events and s.outcome.effect == "acts"), None)

    def says(
        self,
        cause: Cause,
        about: int,
        since: datetime,
        text: str,
        severity: Severity | None = None,
    ) -> Concern:
        return concern(self.dispatch.slot, cause, about, since, text, severity)


# -- what may be wrong, one by one ---------------------------------------------------------------


def _unacknowledged(view: _View) -> Iterator[Concern]:
    due, header = view.ack_by, view.newest.header
    overdue = view.dispatch.delivery(view.newest) is Delivery.OVERDUE
    if overdue and (header.stop or view.state in LIVE):
        end = " that it ends" if header.stop else ""
        yield view.says(
            Cause.UNACKNOWLEDGED,
            header.revision,
            due,
            f"{view.provider} did not acknowledge the {header.kind} of {view.name} by "
            f"{time_text(due)}: telephone{end}",
        )


def _expired(view: _View) -> Iterator[Concern]:
    step = view.last(Event.RESPOND_BY)
    if view.state is State.EXPIRED and step is not None:
        yield view.says(
            Cause.EXPIRED,
            view.revision,
            step.at,
            f"{view.provider} did not respond to {view.name} by {time_text(step.at)}, and it has "
            "expired: telephone, and dispatch anew or elsewhere",
        )


def _unconfirmed(view: _View) -> Iterator[Concern]:
    due, warn_at = confirm_by(view.course.known), view.warn_at
    if due is not None and warn_at is not None and view.now >= warn_at:
        yield view.says(
            Cause.UNCONFIRMED,
            view.revision,
            warn_at,
            f"{view.name} is only {view.state}: confirm it by {time_text(due)}, or it lapses",
        )


def _lapsed(view: _View) -> Iterator[Concern]:
    step = view.last(Event.CONFIRM_BY)
    if view.state is State.LAPSED and step is not None:
        yield view.says(
            Cause.LAPSED,
            view.revision,
            step.at,
            f"the desk did not confirm {view.name} by {time_text(step.at)}, and it has lapsed: "
            "what is still needed takes a new dispatch",
        )


def _refused(view: _View) -> Iterator[Concern]:
    """By a person or by a rule: of the whole dispatch, or of its newest revision alone."""
    step = view.last(Event.REFUSE, Event.RULE_REFUSAL, Event.LATE)
    if step is None or step.held is None:
        return
    answer, text = _answer_and_text(view, step, step.held)
    if text is None or not (view.state in (State.REFUSED, State.LAPSED) or text is view.newest):
        return
    kind = text.header.kind
    reason = "" if answer is None else str(answer.body.get("reason", ""))
    named = ", ".join(() if answer is None else map(str, answer.body.get("notices", ())))
    because = (f": {reason}" if reason else "") + (f" at {named}" if named else "")
    who = view.provider if step.event is Event.REFUSE else f"the agent of {view.provider}"
    did = "took up too late" if step.event is Event.LATE else "refused"
    follows = "the revision before it runs on" if view.state in LIVE else "dispatch elsewhere"
    yield view.says(
        Cause.REFUSED,
        text.header.revision,
        step.at,
        f"{who} {did} the {kind} of {view.name}{because}; {follows}",
    )


def _answer_and_text(view: _View, step: Step, held: Held) -> tuple[Held | None, Held | None]:
    """The answer that refused, and the text that was refused."""
    if step.event is not Event.REFUSE:
        return acknowledgement_of(held, view.dispatch.answers), held
    reference = held.header.in_reply_to
    sha256 = "" if reference is None else reference.sha256
    return held, next((t for t in view.dispatch.thread.standing if t.sha256 == sha256), None)


def _countered(view: _View) -> Iterator[Concern]:
    """Serious where it was firm: what was counted on is confirmed no longer."""
    step = view.last(Event.PARTIAL)
    head = view.course.known.head
    if view.state is not State.COUNTERED or step is None or step.held is None or head is None:
        return
    firm = head.header.kind != "schedule"
    yield view.says(
        Cause.COUNTERED,
        step.held.header.revision,
        step.at,
        f"{view.provider} would run less of {view.name}, {_plan(view.course.known.countered)}: "
        "confirm exactly that, or cancel it",
        Severity.ALARM if firm else None,
    )


def _increase_waits(view: _View) -> Iterator[Concern]:
    pending = view.course.known.pending
    if pending is not None and view.state in LIVE:
        yield view.says(
            Cause.INCREASE_WAITS,
            pending.header.revision,
            pending.header.issued_at,
            f"{view.provider} has not accepted that {view.name} becomes "
            f"{_plan(read_periods(pending.body))}: the old level runs until it does",
        )


def _event_gone(view: _View) -> Iterator[Concern]:
    """Its FSP holds the text and cannot find its event: no revision would reach it (N121b)."""
    told = acknowledgement_of(view.newest, view.dispatch.answers)
    if told is None or told.body.get("reason") != "EVENT_WITHDRAWN" or view.state not in LIVE:
        return
    stops = view.dispatch.terms is not None and (
        view.dispatch.terms.on_unsigned_withdrawal == "stop"
    )
    after = "has lapsed there" if view.state in ASKED else "ends" if stops else "runs on"
    yield view.says(
        Cause.EVENT_GONE,
        told.header.revision,
        told.header.issued_at,
        f"{view.provider} does not find the event of {view.name} any more, and it {after}: mend "
        "its grant, and telephone what must change",
    )


def _not_started(view: _View) -> Iterator[Concern]:
    step = view.last(Event.STARTED_BY)
    failed = view.course.known.word is Event.FAILS
    late = "not_started" in view.course.flags and not failed
    if late and view.state in IN_RUN and step is not None:
        yield view.says(
            Cause.NOT_STARTED,
            view.revision,
            step.at,
            f"{view.provider} did not say by {time_text(step.at)} that {view.name} runs: telephone",
        )


def _not_delivered(view: _View) -> Iterator[Concern]:
    """As the FSP says: failed, suspended, or ended without the desk."""
    step = view.last(Event.FAILS, Event.SUSPENDS, Event.CEASES)
    if step is None or step.held is None:
        return
    stands = {
        Event.FAILS: "said_failed" in view.course.flags and view.state in LIVE,
        Event.SUSPENDS: view.state is State.SUSPENDED,
        Event.CEASES: view.state is State.CEASED,
    }
    if stands[step.event] or view.state is State.FAILED:
        word = step.held.body["state"]
        reason = step.held.body.get("reason")
        because = f", {reason}" if reason else ""
        yield view.says(
            Cause.NOT_DELIVERED,
            step.held.header.revision,
            step.at,
            f"{view.provider} says that {view.name} is {word} since {time_text(step.at)}{because}: "
            "telephone, or dispatch elsewhere",
        )


def _unreported(view: _View) -> Iterator[Concern]:
    """Of what has ended: it failed, or its report is missing."""
    if view.now >= view.ends and view.state is State.FAILED:
        yield from _not_delivered(view)
    step = view.last(Event.REPORT_BY)
    if "not_reported" in view.course.flags and step is not None:
        yield view.says(
            Cause.NOT_REPORTED,
            view.revision,
            step.at,
            f"{view.provider} did not report what {view.name} delivered by {time_text(step.at)}: "
            "ask for it",
        )


_BEFORE_THE_END = (
    _unacknowledged,
    _expired,
    _unconfirmed,
    _lapsed,
    _refused,
    _countered,
    _increase_waits,
    _event_gone,
    _not_started,
    _not_delivered,
)


# -- when to look again, and what it claims --------------------------------------------------------


def _moments(view: _View) -> Iterator[datetime]:
    """Every time at which something else may be true, though no text has come."""
    timer = view.course.timer
    if timer is not None:
        yield timer.at if has_passed(timer, timer.at) else timer.at + _TICK
    yield view.ack_by + _TICK
    if view.warn_at is not None:
        yield view.warn_at
    yield view.ends
    if view.state in RAN:
        yield view.ends + WATCHED_FOR


def _claim(view: _View) -> Claim | None:
    """Of what is confirmed, or ceased in a while; None where nothing is left to run."""
    known, head = view.course.known, view.course.known.head
    if head is None or view.state not in (State.CONFIRMED, *IN_RUN, State.CEASED):
        return None
    plan = known.plan if known.ended is None else cut(known.plan, known.ended)
    left = tuple(period for period in plan if period.end > view.now)
    if not left:
        return None
    stating = _stating(view.dispatch.thread)
    origin = stating.body.get("origin", {})
    return Claim(
        view.dispatch.slot,
        min(held.header.revision for held in view.dispatch.thread.standing),
        read_assets(head.body),
        left,
        origin.get("party", "DSO"),
        stating.body.get("priority"),
        head.header.issued_at,
    )


def _stating(thread: Thread) -> Held:
    """The newest text that can say who needs it: variations and stops cannot (profile 3)."""
    kinds = ("schedule", "instruction")
    return next(
        (h for h in reversed(thread.standing) if h.header.kind in kinds), thread.standing[0]
    )


def _plan(periods: tuple[Period, ...]) -> str:
    """Periods, as a person reads them."""
    return ", ".join(
        f"{p.level_w:+,} W from {time_text(p.start)} to {time_text(p.end)}" for p in periods
    )
