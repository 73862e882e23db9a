"""The operations of the desk: what a DSO tells an FSP, and what became of it.

    order ─▶ state allows it? ─▶ body ─▶ signed ─▶ event ─▶ Objects (the VTN's own rules) ─▶ on disk
                 └─▶ Refused: what to do instead                                              │
    standing ◀── course of the thread (profile 5) ◀── acknowledged, answered, run ◀───────────┘

What a dispatch is at any time follows from the ledger of signed messages alone.
"""

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.flex.bodies import kind_of
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import cut
from ukprofile.flex.stop import Cancellation, Cease
from ukprofile.flex.variation import first_change
from ukprofile.mapping.dispatch import EventName
from ukprofile.mapping.event import FromDso, event_of
from ukprofile.receiving import Slot
from vtn.domain.alarm import Alarm
from vtn.domain.attempts import Keep, Said, forget
from vtn.domain.desk.alarms import AlarmsOrder
from vtn.domain.desk.allowed import check_cancel, check_cease, check_fits, check_new
from vtn.domain.desk.bodies import (
    LEAST_TO_ACCEPT,
    confirmation_of,
    instruction_of,
    schedule_of,
    variation_of,
)
from vtn.domain.desk.book import (
    Dispatch,
    Standing,
    all_dispatches,
    find_dispatches,
    read_dispatch,
    terms_of,
    the_dispatch,
)
from vtn.domain.desk.orders import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    InstructionOrder,
    ProposalOrder,
    ScheduleOrder,
    ThreadOrder,
    VariationOrder,
)
from vtn.domain.live import Field
from vtn.domain.objects import Objects
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind, Record
from vtn.domain.signer import Signer
from vtn.domain.store import Store

_LONGEST_VALID, _NO_LONGER = timedelta(hours=24), timedelta(0)
"""How long after the last end of a thread its texts may be valid (profile 2)."""


class Desk:
    """The desk of one DSO at its own VTN.

    Every operation returns once what it says is on disk, and `keep` has written, with it, where
    the dispatch stands then. Raises Refused only: NOT_FOUND and NOT_UNIQUE for a name,
    STATE_INVALID where the state says no, else the first rule broken.
    """

    def __init__(self, store: Store, objects: Objects, signer: Signer, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._signer = signer
        self._clock = clock

    # -- before the start ----------------------------------------------------------------------

    async def schedule(self, order: ScheduleOrder, keep: Keep = forget) -> Standing:
        """Propose a dispatch, or propose anew what was not confirmed yet (vector O15).

        It can be answered until respond_by, and lapses at confirm_by unless it is confirmed.
        Raises Refused also CONTRACT_NOT_IN_FORCE, BODY_VALUE for deadlines in a wrong order.
        """
        now = self._clock.now()
        program, terms, provider = await self._contract(order.contract_id)
        earlier = await self._named(order, now)
        if earlier is not None:
            check_fits(earlier[1], "scheduled")
            body = schedule_of(order, terms, earlier[1].speaks_at)
            return await self._revise(*earlier, body, keep, accept_by=body.confirm_by)
        body = schedule_of(order, terms, now)
        slot = self._slot(order, provider)
        return await self._create(
            program,
            slot,
            body,
            now,
            keep,
            accept_by=body.confirm_by,
            event_name="SCHEDULED_DISPATCH",
        )

    async def confirm(self, order: ConfirmationOrder, keep: Keep = forget) -> Standing:
        """Instruct what was proposed: as scheduled, or exactly as it was accepted in part."""
        event, held = await self._held(order)
        check_fits(held, "confirmed")
        body = confirmation_of(order, held)
        accept_by = _accept_by(body.periods[0].start, held.speaks_at)
        return await self._revise(event, held, body, keep, accept_by=accept_by)

    async def instruct(self, order: InstructionOrder, keep: Keep = forget) -> Standing:
        """Dispatch for certain. It can be taken up until it starts, for a minute at least.

        Raises Refused also CONTRACT_NOT_IN_FORCE, and SCOPE_MISSING for `unchecked` outside a
        sandbox.
        """
        if order.unchecked and self._signer.environment != "sandbox":
            raise Refused("SCOPE_MISSING", "only a sandbox sends what breaks its own rules")
        now = self._clock.now()
        program, terms, provider = await self._contract(order.contract_id)
        earlier = await self._named(order, now)
        if earlier is not None:
            check_new(earlier[1])
        body = instruction_of(order, terms, now)
        return await self._create(
            program,
            self._slot(order, provider),
            body,
            now,
            keep,
            accept_by=_accept_by(body.periods[0].start, now),
            event_name="REAL_TIME_DISPATCH",
            unchecked=order.unchecked,
        )

    # -- once it is confirmed --------------------------------------------------------------------

    async def vary(self, order: VariationOrder, keep: Keep = forget) -> Standing:
        """Change what is in force: a decrease is obeyed, more than that waits for acceptance.

        A VEN that never read what it varies may take it up until the change, for a minute at
        least.
        """
        event, held = await self._held(order)
        check_fits(held, "varied")
        body = variation_of(order, held)
        at = first_change(held.course.known.plan, body.periods, held.speaks_at)
        return await self._revise(event, held, body, keep, accept_by=_accept_by(at, held.speaks_at))

    async def cease(self, order: CeaseOrder, keep: Keep = forget) -> Standing:
        """End a confirmed dispatch: final, and never refused by the FSP."""
        event, held = await self._held(order)
        cease_at = (order.at or held.now).replace(microsecond=0)
        check_cease(held, cease_at)
        body = Cease(
            cease_at=cease_at,
            **held.about,
            periods=cut(held.thread.plan, cease_at),
            dispatch_type=held.said.get("dispatch_type"),
            mode=order.mode,
            reason=order.reason,
        )
        return await self._revise(event, held, body, keep)

    async def cancel(self, order: CancellationOrder, keep: Keep = forget) -> Standing:
        """Take back a dispatch that has not begun: nothing is left of it. Final."""
        event, held = await self._held(order)
        check_cancel(held)
        body = Cancellation(**held.about, reason=order.reason)
        return await self._revise(event, held, body, keep)

    # -- looking ---------------------------------------------------------------------------------

    async def dispatches(self) -> list[Standing]:
        """Every dispatch still remembered, oldest first."""
        now, live = self._clock.now(), self._store.live
        held = await self._store.read(lambda tx: all_dispatches(tx, live, now))
        return [dispatch.standing for dispatch in held]

    async def show(self, order: ThreadOrder) -> Dispatch:
        """One dispatch with its whole course."""
        _, held = await self._held(order)
        return held

    async def alarms(self, order: AlarmsOrder) -> Sequence[Alarm]:
        """What a person should look at, in the order it was raised; `vtn.domain.watch` does."""
        return await self._store.read(lambda tx: tx.alarms(all=order.all))

    # -- signing and publishing ------------------------------------------------------------------

    async def _create(
        self,
        program: Record,
        slot: Slot,
        body: FromDso,
        now: datetime,
        keep: Keep,
        *,
        accept_by: datetime | None,
        event_name: EventName,
        unchecked: bool = False,
    ) -> Standing:
        """Sign the first text of a thread, and publish its event."""
        sealed, header = await self._signer.sign(
            kind_of(body),
            slot.program,
            slot.recipient,
            slot.thread,
            body.to_json(),
            now,
            accept_by=accept_by,
            valid_until=_last_end(body) or now,
        )
        request = event_of(sealed, header, body, program.id, event_name)
        said = Said(lambda tx: read_dispatch(tx, slot, now).standing, keep)
        await self._objects.create(
            Kind.EVENT, request.dump(), OFFICE, unchecked=unchecked, then=said
        )
        return said.answer

    async def _revise(
        self,
        event: Record,
        held: Dispatch,
        body: FromDso,
        keep: Keep,
        *,
        accept_by: datetime | None = None,
    ) -> Standing:
        """Sign a further revision of a dispatch, and put it in place of the one before."""
        slot = held.slot
        now = held.now if isinstance(body, Cease | Cancellation) else held.speaks_at
        ends = [end for end in (held.thread.valid_until, _last_end(body)) if end is not None]
        sealed, header = await self._signer.sign(
            kind_of(body),
            slot.program,
            slot.recipient,
            slot.thread,
            body.to_json(),
            now,
            accept_by=accept_by,
            # never earlier than in a text that was forgotten (profile 2 valid_until)
            valid_until=max(ends, default=now) + (_LONGEST_VALID if held.forgotten else _NO_LONGER),
        )
        name = json.loads(event.body)["eventName"]
        request = event_of(sealed, header, body, event.program_id, name)
        said = Said(lambda tx: read_dispatch(tx, slot, held.now).standing, keep)
        await self._objects.update(Kind.EVENT, event.id, request.dump(), OFFICE, then=said)
        return said.answer

    def _slot(self, order: ProposalOrder, provider: str) -> Slot:
        return Slot(
            self._signer.party,
            provider,
            self._signer.environment,
            order.contract_id,
            "dispatch",
            order.thread or f"DSP-{secrets.token_hex(5)}",
        )

    # -- what is held ----------------------------------------------------------------------------

    async def _held(self, order: ThreadOrder) -> tuple[Record, Dispatch]:
        """The event of a dispatch, and the dispatch. Raises Refused NOT_FOUND, NOT_UNIQUE."""
        now, live = self._clock.now(), self._store.live
        return await self._store.read(
            lambda tx: the_dispatch(tx, live, order.thread, order.contract_id, now)
        )

    async def _named(self, order: ProposalOrder, now: datetime) -> tuple[Record, Dispatch] | None:
        """The dispatch of the contract that has the name of a new one already, if there is one."""
        name, live = order.thread, self._store.live
        if name is None:
            return None
        found = await self._store.read(
            lambda tx: find_dispatches(tx, live, name, order.contract_id, now)
        )
        return found[0] if found else None

    async def _contract(self, contract_id: str) -> tuple[Record, ContractTerms, str]:
        programs = self._store.live.find(Kind.PROGRAM, Field.NAME, contract_id)
        if not programs:
            raise Refused("NOT_FOUND", f"there is no contract {contract_id}: ukvtn contracts list")
        vens = self._store.live.under(Kind.VEN, programs[0].targets)
        terms = await self._store.read(lambda tx: terms_of(tx, contract_id))
        if terms is None or not vens:
            raise Refused("CONTRACT_NOT_IN_FORCE", f"{contract_id} has no terms or no ven yet")
        return programs[0], terms, vens[0].name


def _accept_by(start: datetime | None, now: datetime) -> datetime:
    """accept_by of what is firm: when it takes effect, and a minute from now at least."""
    least = now.replace(microsecond=0) + LEAST_TO_ACCEPT
    return least if start is None else max(start, least)


def _last_end(body: FromDso) -> datetime | None:
    periods = getattr(body, "periods", ())
    return periods[-1].end if periods else None
