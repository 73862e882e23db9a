"""The states of a dispatch as one table, pure and total (profile 5).

    schedule            accept             instruction         start
    ────────▶ proposed ───────▶ agreed ───────────▶ confirmed ──────▶ running ◀─▶ suspended
                 │  └─ partial ─▶ countered ───────────▲                 │ cease      │ end
              silence: expired   confirm_by: lapsed               completed, ceased, failed
                                 refuse: refused   cancellation: cancelled      │ post_action
                                                              settled, disputed ◀─ reported

`step` reads the rows from above; the first that fits decides. What no row names is decided by
`OTHERWISE`, so that every pair of state and event has an outcome. Where profile 5 leaves room:

- A skipped revision is normal (vector O13): a variation that is the first to be read confirms.
- An instruction over a confirmed one replaces it before the start (O15), a schedule over what is
  only proposed likewise. A schedule never takes back what is confirmed.
- A stop is final from wherever it finds the dispatch, none included. A cease of what is confirmed
  leaves ceased, and the plan says what still runs until `cease_at`; of what never was, cancelled.
  A cancellation before the start cancels; read after it, it ceases.
- "running / suspended to completed / failed" is read in pairs: what is suspended at its end has
  failed, and so has what the VEN's last word calls failed. Until then failed is a word, no state.
- A VEN that says ceased has ended the run (an unsigned withdrawal, say), whatever the DSO wrote.
- What the VEN's rules refuse leaves the head it holds in force (codes.md, verdicts); where it
  holds none, the dispatch is refused. A first acceptance that came late voids the thread: lapsed.
- An instruction expires in silence only where it asks for a response, and the VEN showed by no
  word at all that it took it up; not before accept_by, until when it still may (vector T08).
- Passing report_by or dispute_by moves nothing: the first is an alarm, the second closes disputes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class State(StrEnum):
    """Where a dispatch stands; `none` = no text of it is held."""

    NONE = "none"
    PROPOSED = "proposed"
    AGREED = "agreed"
    COUNTERED = "countered"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    CEASED = "ceased"
    FAILED = "failed"
    LAPSED = "lapsed"
    EXPIRED = "expired"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    REPORTED = "reported"
    SETTLED = "settled"
    DISPUTED = "disputed"


class Event(StrEnum):
    """Everything that can happen to a dispatch: what the DSO or the VEN signs, and the clock.

    `decrease` and `increase` are variations; `late` and `rule_refusal` are acknowledgements of
    texts that did not enter the VEN's plan.
    """

    SCHEDULE = "schedule"
    INSTRUCTION = "instruction"
    DECREASE = "decrease"
    INCREASE = "increase"
    CEASE = "cease"
    CANCELLATION = "cancellation"
    ACCEPT = "accept"
    PARTIAL = "partial"
    REFUSE = "refuse"
    LATE = "late"
    RULE_REFUSAL = "rule_refusal"
    EXECUTING = "executing"
    SUSPENDS = "suspends"
    RESUMES = "resumes"
    FAILS = "fails"
    CEASES = "ceases"
    COMPLETES = "completes"
    POST_ACTION = "post_action"
    SETTLE = "settle"
    DISPUTE = "dispute"
    RESPOND_BY = "respond_by"
    CONFIRM_BY = "confirm_by"
    START = "start"
    STARTED_BY = "started_by"
    END = "end"
    REPORT_BY = "report_by"
    DISPUTE_BY = "dispute_by"


class Guard(StrEnum):
    """What must hold besides state and event, in the words of the reference page."""

    NOTICE = "start >= issued_at + notice"
    BY_RESPOND_BY = "issued by respond_by"
    BY_CONFIRM_BY = "issued by confirm_by"
    BY_DISPUTE_BY = "issued by dispute_by"
    BEFORE_START = "issued before the start"
    READ_AFTER_START = "acknowledged after the start"
    AS_ACCEPTED = "exactly the accepted periods"
    WAITING = "answers an increase that waits"
    HOLDS_EARLIER = "the VEN holds an earlier revision"
    SILENCE_ACCEPTS = "silence = accept"
    SAID_STARTED = "the VEN said executing"
    SAID_FAILED = "the VEN's last word is failed"


Effect = Literal["acts", "noop", "ignored", "refused"]
"""acts: as the row says; noop: acknowledged, changes nothing; ignored: nothing to be said."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event does: the state afterwards, and a code of ukprofile.codes where one fits.

    `flag` is what a person sees beside the state from then on.
    """

    state: State
    effect: Effect
    reason: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of profile 5: from any of `origins`, by any of `events`, where all `guards` hold.

    `to` None = stays. `refuses` is the code of a refusal.
    """

    origins: tuple[State, ...]
    to: State | None
    events: tuple[Event, ...]
    guards: tuple[Guard, ...] = ()
    refuses: str = ""
    flag: str = ""
    clause: str = "profile 5"


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What becomes of pairs that no row of the table names, and why."""

    origins: tuple[State, ...]
    events: tuple[Event, ...]
    effect: Effect
    reason: str
    why: str


_S, _E, _G = State, Event, Guard

ASKED = (_S.PROPOSED, _S.AGREED, _S.COUNTERED)
BEFORE_START = (*ASKED, _S.CONFIRMED)
IN_RUN = (_S.RUNNING, _S.SUSPENDED)
LIVE = (*BEFORE_START, *IN_RUN)
NEVER_RAN = (_S.LAPSED, _S.EXPIRED, _S.REFUSED, _S.CANCELLED)
RAN = (_S.COMPLETED, _S.CEASED, _S.FAILED)
AFTERWARDS = (_S.REPORTED, _S.SETTLED, _S.DISPUTED)
TERMINAL = (*NEVER_RAN, *RAN, *AFTERWARDS)
"""Final for the DSO: nothing of it ever runs again."""

VARIATIONS = (_E.DECREASE, _E.INCREASE)
ORDERS = (_E.SCHEDULE, _E.INSTRUCTION, *VARIATIONS)
STOPS = (_E.CEASE, _E.CANCELLATION)
WORDS = (_E.EXECUTING, _E.SUSPENDS, _E.RESUMES, _E.FAILS, _E.CEASES, _E.COMPLETES)
"""What a status says."""
CLOCK = (
    _E.RESPOND_BY,
    _E.CONFIRM_BY,
    _E.START,
    _E.STARTED_BY,
    _E.END,
    _E.REPORT_BY,
    _E.DISPUTE_BY,
)

# fmt: off
TABLE = (
    Row((_S.NONE,), _S.PROPOSED, (_E.SCHEDULE,)),
    Row(ASKED, _S.PROPOSED, (_E.SCHEDULE,), (_G.BY_CONFIRM_BY,), clause="vector O15"),
    Row((_S.NONE,), _S.CONFIRMED, (_E.INSTRUCTION,), (_G.NOTICE,)),
    Row((_S.NONE,), None, (_E.INSTRUCTION,), refuses="NOTICE_SHORT"),
    Row((_S.NONE, *ASKED), _S.CONFIRMED, VARIATIONS, clause="vector O13"),
    Row((_S.PROPOSED,), _S.AGREED, (_E.ACCEPT,), (_G.BY_RESPOND_BY,)),
    Row((_S.CONFIRMED, *IN_RUN), None, (_E.PARTIAL,), (_G.WAITING,), refuses="STATE_INVALID", clause="an increase is taken whole"),
    Row((_S.PROPOSED, _S.CONFIRMED), _S.COUNTERED, (_E.PARTIAL,), (_G.BY_RESPOND_BY,)),
    Row((_S.COUNTERED,), None, (_E.PARTIAL,), (_G.BY_RESPOND_BY,), clause="the newest partial counts"),
    Row((_S.AGREED, _S.CONFIRMED), None, (_E.ACCEPT,), clause="an answer, or one given twice"),
    Row((_S.PROPOSED, _S.COUNTERED, _S.CONFIRMED), None, (_E.ACCEPT, _E.PARTIAL), refuses="LATE"),
    Row((_S.PROPOSED,), _S.AGREED, (_E.RESPOND_BY,), (_G.SILENCE_ACCEPTS,), flag="deemed_accepted"),
    Row((_S.CONFIRMED,), None, (_E.RESPOND_BY,), (_G.SILENCE_ACCEPTS,), flag="deemed_accepted"),
    Row((_S.PROPOSED, _S.CONFIRMED), _S.EXPIRED, (_E.RESPOND_BY,)),
    Row((_S.PROPOSED, _S.AGREED), _S.CONFIRMED, (_E.INSTRUCTION,), (_G.BY_CONFIRM_BY,)),
    Row((_S.COUNTERED,), _S.CONFIRMED, (_E.INSTRUCTION,), (_G.BY_CONFIRM_BY, _G.AS_ACCEPTED)),
    Row((_S.COUNTERED,), None, (_E.INSTRUCTION,), (_G.BY_CONFIRM_BY,), refuses="NOT_AS_ACCEPTED"),
    Row(ASKED, None, (_E.SCHEDULE, _E.INSTRUCTION), refuses="TERMINAL"),
    Row((_S.CONFIRMED,), _S.CONFIRMED, (_E.INSTRUCTION,), (_G.BEFORE_START,)),
    Row(ASKED, _S.LAPSED, (_E.CONFIRM_BY,), clause="profile 5, DSO"),
    Row(ASKED, _S.LAPSED, (_E.START,), clause="profile 5, VEN"),
    Row((_S.NONE, *LIVE), _S.LAPSED, (_E.LATE,), clause="profile 2 accept_by"),
    Row((_S.CONFIRMED, *IN_RUN), None, (_E.REFUSE,), (_G.WAITING,), clause="the old level runs on"),
    Row(BEFORE_START, _S.REFUSED, (_E.REFUSE,), (_G.BEFORE_START,)),
    Row((_S.NONE, *LIVE), None, (_E.RULE_REFUSAL,), (_G.HOLDS_EARLIER,), clause="codes.md, verdicts"),
    Row((_S.NONE, *LIVE), _S.REFUSED, (_E.RULE_REFUSAL,), clause="profile 3 acknowledgement"),
    Row((_S.CONFIRMED,), None, (_E.CANCELLATION,), (_G.READ_AFTER_START,), clause="profile 3 cancellation"),
    Row((_S.NONE, *BEFORE_START), _S.CANCELLED, (_E.CANCELLATION,), (_G.BEFORE_START,)),
    Row((_S.CONFIRMED,), _S.RUNNING, (_E.START,)),
    Row(IN_RUN, None, (_E.STARTED_BY,), (_G.SAID_STARTED,)),
    Row(IN_RUN, None, (_E.STARTED_BY,), flag="not_started"),
    Row((_S.CONFIRMED, *IN_RUN), None, (_E.DECREASE,)),
    Row((_S.CONFIRMED, *IN_RUN), None, (_E.INCREASE,), flag="increase_waits"),
    Row(IN_RUN, None, (_E.ACCEPT,), (_G.WAITING,)),
    Row((_S.RUNNING,), _S.SUSPENDED, (_E.SUSPENDS,)),
    Row((_S.SUSPENDED,), _S.RUNNING, (_E.RESUMES, _E.EXECUTING)),
    Row((_S.CONFIRMED,), None, (_E.EXECUTING,), clause="the ramp may precede the start"),
    Row((_S.CONFIRMED,), None, (_E.FAILS,), flag="said_failed", clause="a device may refuse ahead of the start"),
    Row(IN_RUN, None, (_E.EXECUTING, _E.SUSPENDS, _E.RESUMES, _E.COMPLETES)),
    Row(IN_RUN, None, (_E.FAILS,), flag="said_failed"),
    Row(IN_RUN, _S.CEASED, (_E.CEASE,)),
    Row(IN_RUN, _S.CEASED, (_E.CANCELLATION,), clause="profile 3 cancellation"),
    Row((_S.NONE, _S.CONFIRMED), _S.CEASED, STOPS, clause="profile 2 Order: a stop is final"),
    Row(ASKED, _S.CANCELLED, STOPS, clause="profile 2 Order: a stop is final"),
    Row(IN_RUN, _S.CEASED, (_E.CEASES,), clause="profile 2 Acting"),
    Row((_S.RUNNING,), _S.FAILED, (_E.END,), (_G.SAID_FAILED,)),
    Row((_S.RUNNING,), _S.COMPLETED, (_E.END,)),
    Row((_S.SUSPENDED,), _S.FAILED, (_E.END,)),
    Row(RAN, _S.REPORTED, (_E.POST_ACTION,)),
    Row((_S.REPORTED,), None, (_E.POST_ACTION,), clause="profile 3: a further part or day"),
    Row(RAN, None, (_E.REPORT_BY,), flag="not_reported"),
    Row((_S.REPORTED,), _S.SETTLED, (_E.SETTLE,)),
    Row((_S.REPORTED,), _S.DISPUTED, (_E.DISPUTE,), (_G.BY_DISPUTE_BY,)),
    Row((_S.REPORTED,), None, (_E.DISPUTE,), refuses="LATE"),
)
"""In the order of profile 5; a clause of another place says why the row is there."""

OTHERWISE = (
    Otherwise(TERMINAL, STOPS, "noop", "ALREADY_STOPPED", "a stop of what has ended"),
    Otherwise(TERMINAL, ORDERS, "refused", "TERMINAL", "never revived: a new thread"),
    Otherwise((_S.LAPSED, _S.EXPIRED), (_E.ACCEPT, _E.PARTIAL), "refused", "LATE", "silence counted already"),
    Otherwise(tuple(State), WORDS, "ignored", "", "what a device did is a fact: kept as evidence"),
    Otherwise(tuple(State), (_E.LATE, _E.RULE_REFUSAL), "ignored", "", "the VEN took nothing up"),
    Otherwise(tuple(State), CLOCK, "ignored", "", "the timer is not set in this state"),
    Otherwise(tuple(State), tuple(Event), "refused", "STATE_INVALID", "does not fit the state"),
)
"""Read after the table, likewise from above; the last one takes whatever is left."""
# fmt: on


def step(state: State, event: Event, guards: Iterable[Guard] = ()) -> Outcome:
    """What `event` makes of a dispatch in `state` where `guards` hold, and no other guard does."""
    holding = frozenset(guards)
    for row in TABLE:
        if state in row.origins and event in row.events and holding.issuperset(row.guards):
            to = state if row.to is None else row.to
            return Outcome(to, "refused" if row.refuses else "acts", row.refuses, row.flag)
    other = next(o for o in OTHERWISE if state in o.origins and event in o.events)
    return Outcome(state, other.effect, other.reason)
