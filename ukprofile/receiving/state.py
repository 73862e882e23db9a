"""How a message finds the dispatch it is about: the state table, where messages are received.

    texts and answers held ──▶ course up to the message ──▶ step ──▶ acts, noop, ignored, refused
                                       └─ terminal? refused before anything else is looked at

The message is judged where it stands in time, not when it was read: an instruction that was
issued in time and read late still confirms (profile 5). What a status says is a fact, and no
outcome of the table refuses it.

A stop is never refused, and the first one of a thread becomes its head whatever state it finds
(vector P15): the other end may be running what seems to be over here. What the table calls a no-op
is acknowledged as any other stop; only a further stop is told to change nothing.
"""

from datetime import datetime

from ukprofile.errors import Refused
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import Arrival, Course, arrival, dispatch_state, in_force
from ukprofile.flex.dispatch import Held, Period, Thread, read_periods
from ukprofile.flex.states import IN_RUN, TERMINAL, State
from ukprofile.flex.timers import Known, Side, respond_by
from ukprofile.receiving.ledger import Entry, Ledger
from ukprofile.receiving.thread import answers_to, held_of, other_threads, terms_of, thread_of
from ukprofile.receiving.values import Opened

_INSTEAD = {
    "TERMINAL": "it is over; what is needed now is a new thread",
    "NOT_AS_ACCEPTED": "confirm exactly the periods that were accepted in part",
    "LATE": "silence counted already",
}
_PATHS = {"NOT_AS_ACCEPTED": "/body/periods", "LATE": "/issued_at"}


def arrival_of(opened: Opened, ledger: Ledger, thread: Thread, now: datetime) -> Arrival | None:
    """How a message finds its dispatch, or that of the message it answers; None for any other."""
    held = Held(opened.sha256, opened.header, opened.body, now)
    about = thread
    if opened.header.in_reply_to is not None:
        answered = ledger.entry(opened.header.in_reply_to.sha256)
        if answered is None or answered.slot.family != "dispatch":
            return None
        about = thread_of(ledger, answered.slot)
    elif opened.slot.family != "dispatch":
        return None
    terms = terms_of(ledger, opened.header.program)
    return arrival(held, about, answers_to(ledger, about), now, terms, _side(opened))


def _side(opened: Opened) -> Side:
    """The end at which a message is received."""
    return "ven" if opened.context.role == "ven" else "dso"


def check_not_over(found: Arrival | None, opened: Opened) -> None:
    """Only a stop or an answer may come to a dispatch that is over. Raises Refused TERMINAL."""
    plans = opened.header.in_reply_to is None and not opened.stop
    if found is not None and plans and found.before.state in TERMINAL:
        raise refused("TERMINAL", found.before)


def refused(reason: str, before: Course) -> Refused:
    """A refusal of the table, with what to do instead."""
    return Refused(
        reason,
        f"the dispatch is {before.state}: {_INSTEAD.get(reason, 'that does not fit')}",
        path=_PATHS.get(reason, "/thread"),
        clause="profile 5",
    )


def runs(found: Arrival | None) -> bool:
    """Whether the dispatch is confirmed as the message finds it, and not over."""
    return found is not None and found.before.state in (State.CONFIRMED, *IN_RUN)


def plans_beside(opened: Opened, ledger: Ledger, now: datetime) -> tuple[tuple[Period, ...], ...]:
    """What the other dispatches of the contract ask for, those that run or will (profile 5)."""
    terms = terms_of(ledger, opened.header.program)
    found = []
    for _, thread in other_threads(ledger, opened.header.program, now, opened.slot):
        if thread.plan:
            answers = answers_to(ledger, thread)
            course = dispatch_state(thread, answers, now, terms, _side(opened))
            found.append(in_force(course, thread))
    return tuple(found)


def too_late(
    opened: Opened, answered: Entry | None, terms: ContractTerms | None, now: datetime
) -> bool:
    """Whether a response that is no refusal is read after respond_by (profile 5; vector V07)."""
    if opened.header.kind != "response" or opened.body["answer"] == "refuse" or answered is None:
        return False
    head = held_of(answered)
    due = respond_by(Known(head=head, plan=read_periods(head.body)), terms)
    return due is not None and now > due
