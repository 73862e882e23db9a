"""The dispatch desk: instructs, and knows what became of it.

    issue ─▶ body ─▶ signed ─▶ event ─▶ Objects (the VTN's own rules) ─▶ on disk
                                                                          │
    dispatches ◀─ issued ─▶ acknowledged: received | refused, reason ◀────┘ the FSP's reports
                        └─▶ overdue at ack_by: telephone

What a dispatch is at any time follows from the ledger of signed messages alone.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.flex.common import Asset, read_common
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import dispatch_state
from ukprofile.flex.delivery import Delivery, ack_by, acknowledgement_of, delivery
from ukprofile.flex.dispatch import Held, Period, Thread, cut, read_periods
from ukprofile.flex.instruction import Instruction
from ukprofile.flex.states import State
from ukprofile.flex.stop import Cancellation, Cease, Mode
from ukprofile.flex.timers import Due
from ukprofile.flex.times import read_time
from ukprofile.mapping.dispatch import dispatch_event
from ukprofile.mapping.event import event_of
from ukprofile.receiving import Slot, parse_text
from ukprofile.receiving.thread import answers_to, other_threads, thread_of
from vtn.domain.live import Field
from vtn.domain.objects import Objects
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind, Record
from vtn.domain.signer import Signer
from vtn.domain.store import Store, Transaction

_LEAST_TO_ACCEPT = timedelta(seconds=60)
_STATES = "profile 5"
_TYPES = {True: "demand_turn_down", False: "demand_turn_up"}
"""What a positive and a negative `delta_w` mean, where nobody says (profile 3)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is instructed: watts over `periods`, of `assets` (empty = all of the contract).

    `dispatch_type` "" = demand turn-down for a positive change, demand turn-up for a negative.
    """

    contract_id: str
    periods: tuple[Period, ...]
    assets: tuple[str, ...] = ()
    dispatch_type: str = ""
    thread: str = ""
    """"" = a new one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one dispatch stands: by its newest message, or the periods that a stop left of it.

    `decided` and `reason` are the FSP's answer, `states` what it said of the run, each with its
    time. `state` is that of profile 5, with what a person should see beside it, and the timer
    that passes next.
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


@dataclass(frozen=True, slots=True)
class _Dispatch:
    """A dispatch as it is held: its event, and the thread of its messages."""

    event: Record
    slot: Slot
    thread: Thread

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
        return read_periods(self.said)[0].start


class Desk:
    """The desk of one DSO at its own VTN. Raises Refused only."""

    def __init__(self, store: Store, objects: Objects, signer: Signer, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._signer = signer
        self._clock = clock

    async def issue(self, order: Order, *, unchecked: bool = False) -> Standing:
        """Sign an instruction and publish it; returns once it is on disk.

        It can be accepted until it starts, for a minute at least, and is valid to its last end.
        `unchecked` leaves out the rules at this end, to see the other end refuse: sandbox only.
        Raises Refused NOT_FOUND, CONTRACT_NOT_IN_FORCE, THREAD_MISPLACED where its thread is in
        use, and with the first rule that it breaks.
        """
        _check_form(order.periods)
        program, terms, provider = await self._contract(order.contract_id)
        now = self._clock.now()
        thread = order.thread or f"DSP-{secrets.token_hex(5)}"
        body = _instruction(order, terms, now).to_json()
        first, last = order.periods[0].start, order.periods[-1].end
        sealed, header = await self._signer.sign(
            "instruction",
            order.contract_id,
            provider,
            thread,
            body,
            now,
            accept_by=max(first, now.replace(microsecond=0) + _LEAST_TO_ACCEPT),
            valid_until=last,
        )
        request = dispatch_event(sealed, header, body, program.id, "REAL_TIME_DISPATCH")
        await self._objects.create(Kind.EVENT, request.dump(), OFFICE, unchecked=unchecked)
        slot = Slot(header.issuer, provider, header.environment, header.program, "dispatch", thread)
        return await self._store.read(lambda tx: _standing(tx, slot, now))

    async def cease(
        self,
        thread: str,
        *,
        at: datetime | None = None,
        reason: str = "",
        mode: Mode = "ramp",
        contract_id: str = "",
    ) -> Standing:
        """End a confirmed dispatch at `at` (None = now): final, and never refused by the FSP.

        `contract_id` is needed where two contracts have a dispatch of that name. Raises Refused
        NOT_FOUND, NOT_UNIQUE, and STATE_INVALID where nothing is confirmed, or all is over.
        """
        held = await self._held(thread, contract_id)
        now = self._clock.now()
        cease_at = (at or now).replace(microsecond=0)
        if not held.thread.plan or now >= held.thread.plan[-1].end:
            raise Refused("STATE_INVALID", f"{thread} has nothing left to cease", clause=_STATES)
        if cease_at <= held.thread.plan[0].start:
            raise Refused("STATE_INVALID", f"nothing would be left of {thread}: cancel it")
        body = Cease(
            cease_at=cease_at,
            **held.about,
            periods=cut(held.thread.plan, cease_at),
            dispatch_type=held.said.get("dispatch_type"),
            mode=mode,
            reason=reason or None,
        )
        return await self._revise("cease", held, body, now)

    async def cancel(self, thread: str, *, reason: str = "", contract_id: str = "") -> Standing:
        """Take back a dispatch that has not begun: nothing is left of it. Final.

        Raises Refused NOT_FOUND, NOT_UNIQUE, and STATE_INVALID once it has begun: cease it then.
        """
        held = await self._held(thread, contract_id)
        now = self._clock.now()
        if now >= held.begins:
            raise Refused("STATE_INVALID", f"{thread} has begun: cease it", clause=_STATES)
        body = Cancellation(**held.about, reason=reason or None)
        return await self._revise("cancellation", held, body, now)

    async def _revise(
        self, kind: str, held: "_Dispatch", body: Cease | Cancellation, now: datetime
    ) -> Standing:
        """Sign a further revision of a dispatch, and put it in place of the one before."""
        slot, until = held.slot, held.thread.valid_until or now
        sealed, header = await self._signer.sign(
            kind, slot.program, slot.recipient, slot.thread, body.to_json(), now, valid_until=until
        )
        event = json.loads(held.event.body)
        request = event_of(sealed, header, body, held.event.program_id, event["eventName"])
        await self._objects.update(Kind.EVENT, held.event.id, request.dump(), OFFICE)
        return await self._store.read(lambda tx: _standing(tx, slot, now))

    async def _held(self, thread: str, contract_id: str) -> "_Dispatch":
        """The dispatch of that name. Raises NOT_FOUND, NOT_UNIQUE."""

        def question(tx: Transaction) -> list[_Dispatch]:
            found = [
                _Dispatch(event, slot, thread_of(tx, slot))
                for event in self._store.live.find(Kind.EVENT, Field.NAME, thread)
                for slot in _slots(tx, self._store.live.get(Kind.PROGRAM, event.program_id), event)
            ]
            return [d for d in found if contract_id in ("", d.slot.program)]

        found = await self._store.read(question)
        if not found:
            raise Refused("NOT_FOUND", f"there is no dispatch {thread}: ukvtn status")
        if len(found) > 1:
            contracts = ", ".join(d.slot.program for d in found)
            raise Refused("NOT_UNIQUE", f"{thread} is a dispatch of {contracts}: say --contract")
        return found[0]

    async def dispatches(self) -> list[Standing]:
        """Every dispatch still remembered, oldest first."""
        now = self._clock.now()
        names = [p.name for p in self._store.live.find(Kind.PROGRAM)]

        def question(tx: Transaction) -> list[Standing]:
            return [
                _standing(tx, slot, now)
                for name in names
                for slot, _ in other_threads(tx, name, now - timedelta(days=1))
            ]

        return sorted(await self._store.read(question), key=lambda s: (s.issued_at, s.thread))

    async def _contract(self, contract_id: str) -> tuple[Record, ContractTerms, str]:
        programs = self._store.live.find(Kind.PROGRAM, Field.NAME, contract_id)
        if not programs:
            raise Refused("NOT_FOUND", f"there is no contract {contract_id}: ukvtn contracts list")
        vens = self._store.live.under(Kind.VEN, programs[0].targets)
        terms = await self._store.read(lambda tx: _terms(tx, contract_id))
        if terms is None or not vens:
            raise Refused("CONTRACT_NOT_IN_FORCE", f"{contract_id} has no terms or no ven yet")
        return programs[0], terms, vens[0].name


def _slots(tx: Transaction, program: Record | None, event: Record) -> list[Slot]:
    """The slot of the dispatch that an event carries; none for any other event."""
    if program is None:
        return []
    entries = tx.dispatches(program.name, datetime.min.replace(tzinfo=UTC))
    return list(dict.fromkeys(e.slot for e in entries if e.slot.thread == event.name))


def _check_form(periods: Sequence[Period]) -> None:
    """What must hold of periods before any event can be made of them, rules or not."""
    if not periods:
        raise Refused("PERIODS_INVALID", "at least one period", path="/periods")
    for number, period in enumerate(periods):
        path = f"/periods/{number}"
        if period.start >= period.end:
            raise Refused("PERIODS_INVALID", "must end after it starts", path=path)
        if (period.delta_w is None) == (period.setpoint_w is None):
            raise Refused("POWER_FORM", path=path)


def _instruction(order: Order, terms: ContractTerms, now: datetime) -> Instruction:
    named = order.assets or tuple(asset.asset_id for asset in terms.assets)
    known = {asset.asset_id: asset for asset in terms.assets}
    absolute = order.periods[0].setpoint_w is not None
    kind = order.dispatch_type or _TYPES[(order.periods[0].delta_w or 0) >= 0]
    return Instruction(
        contract_id=terms.contract_id,
        zone=terms.zone,
        assets=tuple(known.get(name, Asset(name)) for name in named),
        periods=order.periods,
        effective_at=now.replace(microsecond=0),
        dispatch_type=None if absolute else kind,
        ack_by=terms.ack_by(now.replace(microsecond=0), order.periods[0].start),
        origin="DSO",
    )


def _standing(tx: Transaction, slot: Slot, now: datetime) -> Standing:
    """Where the thread in `slot` stands, by its newest message and what was answered to it."""
    thread = thread_of(tx, slot)
    answers = answers_to(tx, thread)
    terms = _terms(tx, slot.program)
    newest = thread.standing[-1]
    course = dispatch_state(thread, answers, now, terms)
    said = acknowledgement_of(newest, answers)
    due = ack_by(newest, terms)
    return Standing(
        slot.program,
        slot.recipient,
        slot.thread,
        newest.header.revision,
        newest.header.kind,
        newest.header.issued_at,
        due,
        # a stop acts by its header: what it says of periods need not even be periods
        thread.plan if newest.header.stop else read_periods(newest.body),
        delivery(newest, answers, due, now),
        "" if said is None else str(said.body.get("decided", "")),
        "" if said is None else str(said.body.get("reason", "")),
        _states(answers),
        course.state,
        course.flags,
        course.timer,
    )


def _terms(tx: Transaction, contract_id: str) -> ContractTerms | None:
    held = tx.terms(contract_id)
    return None if held is None else ContractTerms.read(parse_text(held.text)["body"])


def _states(answers: Sequence[Held]) -> tuple[tuple[str, datetime], ...]:
    found = [
        (str(answer.body["state"]), read_time(answer.body["at"]) or answer.header.issued_at)
        for answer in answers
        if answer.header.kind == "status" and answer.counts
    ]
    return tuple(sorted(found, key=lambda pair: pair[1]))
