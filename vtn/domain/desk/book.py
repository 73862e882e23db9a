"""What the desk holds of a dispatch, and where it stands: from the ledger of signed texts alone.

event ─▶ slot ─▶ thread ─┐
reports ─────▶ answers ──┼─▶ course (profile 5) ─▶ Standing
contract ────▶ terms ────┘
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.common import read_common
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import Course, dispatch_state
from ukprofile.flex.delivery import Delivery, ack_by, acknowledgement_of, delivery
from ukprofile.flex.dispatch import Held, Period, Thread, read_periods
from ukprofile.flex.states import State
from ukprofile.flex.timers import Due
from ukprofile.flex.times import read_time
from ukprofile.flex.variation import changes
from ukprofile.receiving import Slot, parse_text
from ukprofile.receiving.thread import answers_to, other_threads, thread_of
from vtn.domain.live import Field, Live
from vtn.domain.read_back import UNSIGNED, read_back_unsigned
from vtn.domain.record import Kind, Record
from vtn.domain.restored import read_restored
from vtn.domain.store import Transaction

_REMEMBERED = timedelta(days=1)
"""How long after its `valid_until` a dispatch is still listed."""
_AHEAD = timedelta(seconds=30)
"""How far ahead of a receiver's clock a text may be issued (profile 2 Receiving 4)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one dispatch stands: by its newest message, or the periods that a stop left of it.

    `decided` and `reason` are the FSP's answer, `states` what it said of the run, each with its
    time. `state` is that of profile 5, with what a person should see beside it, and the timer
    that passes next. `changes` are what a variation does: increase, decrease, extension,
    shortening.
    """

    contract_id: str
    provider: str
    thread: str
    revision: int
    kind: str
    issued_at: datetime
    ack_by: datetime
    periods: tuple[Period, ...]
    delivery: Delivery
    decided: str = ""
    reason: str = ""
    states: tuple[tuple[str, datetime], ...] = ()
    state: State = State.NONE
    flags: tuple[str, ...] = ()
    timer: Due | None = None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A dispatch as it is held: the texts of its thread, what was answered, and its course.

    `fetched`: its newest text was read back by somebody who signs nothing. `forgotten`: the store
    was put back since its newest text, so that the FSP may hold a newer one.
    """

    slot: Slot
    thread: Thread
    answers: tuple[Held, ...]
    terms: ContractTerms | None
    course: Course
    now: datetime
    fetched: bool = False
    forgotten: bool = False

    @property
    def name(self) -> str:
        return self.slot.thread

    @property
    def state(self) -> State:
        return self.course.state

    @property
    def said(self) -> Mapping[str, Any]:
        """The body of its newest message that is no stop."""
        return next(h.body for h in reversed(self.thread.standing) if not h.header.stop)

    @property
    def about(self) -> dict[str, Any]:
        """What every body of it says."""
        return read_common(self.said)

    @property
    def begins(self) -> datetime:
        """The start of the plan in force, or of what was last asked for."""
        plan = self.course.known.plan or read_periods(self.said)
        return plan[0].start

    @property
    def speaks_at(self) -> datetime:
        """When a further text is issued: now, but a second after every response it may build on.

        In one second texts of the DSO stand before those of the FSP, whose clock may be ahead.
        """
        after = (
            answer.header.issued_at + timedelta(seconds=1)
            for answer in self.answers
            if answer.header.kind == "response"
        )
        return max(self.now, min(max(after, default=self.now), self.now + _AHEAD))

    def delivery(self, held: Held) -> Delivery:
        """How far one of its texts has come."""
        due = ack_by(held, self.terms)
        fetched = self.fetched and held is self.thread.standing[-1]
        return delivery(held, self.answers, due, self.now, fetched=fetched)

    @property
    def standing(self) -> Standing:
        newest = self.thread.standing[-1]
        said = acknowledgement_of(newest, self.answers)
        return Standing(
            contract_id=self.slot.program,
            provider=self.slot.recipient,
            thread=self.slot.thread,
            revision=newest.header.revision,
            kind=newest.header.kind,
            issued_at=newest.header.issued_at,
            ack_by=ack_by(newest, self.terms),
            # a stop acts by its header: what it says of periods need not even be periods
            periods=self.thread.plan if newest.header.stop else read_periods(newest.body),
            delivery=self.delivery(newest),
            decided="" if said is None else str(said.body.get("decided", "")),
            reason="" if said is None else str(said.body.get("reason", "")),
            states=_states(self.answers),
            state=self.course.state,
            flags=(*self.course.flags, UNSIGNED) if self.fetched else self.course.flags,
            timer=self.course.timer,
            changes=self._changes(newest),
        )

    def _changes(self, held: Held) -> tuple[str, ...]:
        """What a variation does to what was in force when it was issued; else nothing."""
        if held.header.kind != "variation":
            return ()
        before = Thread(tuple(h for h in self.thread.standing if h.order < held.order)).confirmed
        plan = () if before is None else read_periods(before.body)
        return changes(plan, read_periods(held.body), held.header.issued_at)


def read_dispatch(tx: Transaction, slot: Slot, now: datetime) -> Dispatch:
    """The dispatch in `slot`, as it stands at `now`."""
    thread = thread_of(tx, slot)
    answers = answers_to(tx, thread)
    terms = terms_of(tx, slot.program)
    course = dispatch_state(thread, answers, now, terms)
    signed = not thread.standing or acknowledgement_of(thread.standing[-1], answers) is not None
    fetched = not signed and read_back_unsigned(tx, slot)
    said = max((held.header.issued_at for held in thread.standing), default=now)
    forgotten = read_restored(tx).forgot_after(said)
    return Dispatch(slot, thread, answers, terms, course, now, fetched, forgotten)


def all_dispatches(tx: Transaction, live: Live, now: datetime) -> list[Dispatch]:
    """Every dispatch that is still remembered, oldest first by its newest message."""
    found = [
        read_dispatch(tx, slot, now)
        for program in live.find(Kind.PROGRAM)
        for slot, _ in other_threads(tx, program.name, now - _REMEMBERED)
    ]
    return sorted(found, key=lambda d: (d.thread.standing[-1].header.revision, d.name))


def find_dispatches(
    tx: Transaction, live: Live, thread: str, contract_id: str | None, now: datetime
) -> list[tuple[Record, Dispatch]]:
    """The events that carry a dispatch of that name, and what they carry: one for a contract."""
    return [
        (event, read_dispatch(tx, slot, now))
        for event in live.find(Kind.EVENT, Field.NAME, thread)
        for slot in _slots(tx, live.get(Kind.PROGRAM, event.program_id), event)
        if contract_id in (None, slot.program)
    ]


def the_dispatch(
    tx: Transaction, live: Live, thread: str, contract_id: str | None, now: datetime
) -> tuple[Record, Dispatch]:
    """The one dispatch of that name. Raises Refused NOT_FOUND, NOT_UNIQUE."""
    found = find_dispatches(tx, live, thread, contract_id, now)
    if not found:
        raise Refused("NOT_FOUND", f"there is no dispatch {thread}: ukvtn status")
    if len(found) > 1:
        contracts = ", ".join(dispatch.slot.program for _, dispatch in found)
        raise Refused("NOT_UNIQUE", f"{thread} is a dispatch of {contracts}: say --contract")
    return found[0]


def terms_of(tx: Transaction, contract_id: str) -> ContractTerms | None:
    """The newest terms of a contract; None = none were ever published."""
    held = tx.terms(contract_id)
    return None if held is None else ContractTerms.read(parse_text(held.text)["body"])


def _slots(tx: Transaction, program: Record | None, event: Record) -> list[Slot]:
    """The slot of the dispatch that an event carries; none for any other event."""
    if program is None:
        return []
    entries = tx.dispatches(program.name, datetime.min.replace(tzinfo=UTC))
    return list(dict.fromkeys(e.slot for e in entries if e.slot.thread == event.name))


def _states(answers: Sequence[Held]) -> tuple[tuple[str, datetime], ...]:
    found = [
        (str(answer.body["state"]), read_time(answer.body["at"]) or answer.header.issued_at)
        for answer in answers
        if answer.header.kind == "status" and answer.counts
    ]
    return tuple(sorted(found, key=lambda pair: pair[1]))
