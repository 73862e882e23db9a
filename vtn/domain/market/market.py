"""The market desk: asks those who may offer, takes their offers in merit order, and says so.

    add_market   program, its one target granted to every member
    request ───▶ event in the market's program ◀─── availability: a report of each FSP's own
                                                       │ merit order
    award ─────▶ one acceptance in each FSP's contract ◀┘ what is taken, or why nothing is
    cancel       a request, or an acceptance, is withdrawn: a revision of its event, final

What was offered and answered is read from the ledger of signed messages alone.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.flex.header import Reference
from ukprofile.flex.merit import Ranked
from ukprofile.flex.offer import Acceptance
from ukprofile.flex.request import Request
from ukprofile.flex.stop import Cancellation
from ukprofile.flex.times import time_text
from ukprofile.mapping.contract import is_market, market_name, market_program
from ukprofile.mapping.event import event_of
from ukprofile.receiving import Slot
from ukprofile.receiving.thread import thread_of
from vtn.domain.attempts import Keep, Said, forget
from vtn.domain.grants import OFFICE, grant, ven_of
from vtn.domain.live import Field
from vtn.domain.market.offers import Asked, Line, Listing, asked_in, listing
from vtn.domain.objects import Objects, Then, nothing_else
from vtn.domain.record import Kind, Record
from vtn.domain.signer import Signer
from vtn.domain.store import Store, Transaction

_A_YEAR = timedelta(days=365)
"""How long a market lasts: yearly programs keep lists short (profile 1)."""


@dataclass(frozen=True, slots=True)
class MarketPlace:
    """A market and the FSPs that may offer in it."""

    name: str
    program_id: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was withdrawn, and the revision that says so."""

    slot: Slot
    revision: int


class Market:
    """The markets of one DSO at its own VTN. Raises Refused only."""

    def __init__(self, store: Store, objects: Objects, signer: Signer, clock: Clock) -> None:
        """`clock` is the business clock."""
        self._store = store
        self._objects = objects
        self._signer = signer
        self._clock = clock
        self._awarding = asyncio.Lock()

    # -- markets -------------------------------------------------------------------------------

    async def add_market(self, product: str, zone: str, members: Sequence[str]) -> MarketPlace:
        """Open a market for a product in a zone, and let `members` into it.

        May be said again, also with more members: what is there already stays. Raises Refused
        NOT_FOUND for a member without a ven, before anything is stored.
        """
        vens = [ven_of(self._store.live, party) for party in members]
        day = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        program = market_program(self._signer.party, product, zone, day, day + _A_YEAR)
        if not self._store.live.find(Kind.PROGRAM, Field.NAME, program.program_name):
            await self._objects.create(Kind.PROGRAM, program.dump(), OFFICE)
        for ven in vens:
            await grant(self._objects, ven, program.targets or ())
        return self._place(self._program(program.program_name))

    def markets(self) -> list[MarketPlace]:
        """Every market, in the order in which they were opened."""
        programs = self._store.live.find(Kind.PROGRAM)
        return [self._place(program) for program in programs if is_market(program.name)]

    def _place(self, program: Record) -> MarketPlace:
        vens = self._store.live.under(Kind.VEN, program.targets)
        return MarketPlace(program.name, program.id, tuple(sorted(ven.name for ven in vens)))

    def _program(self, name: str) -> Record:
        found = self._store.live.find(Kind.PROGRAM, Field.NAME, name)
        if not found:
            known = "ukvtn markets list" if is_market(name) else "ukvtn contracts list"
            raise Refused("NOT_FOUND", f"there is no {name}: {known}")
        return found[0]

    # -- request -------------------------------------------------------------------------------

    async def request(self, request: Request, *, thread: str = "", keep: Keep = forget) -> Asked:
        """Ask everybody in the market of a product and a zone; returns once it is on disk.

        `thread` "" = a new one. Raises Refused NOT_FOUND where there is no such market,
        THREAD_MISPLACED where the thread is in use, and with the first rule that it breaks.
        """
        name = market_name(self._signer.party, request.service_product, request.zone)
        self._program(name)
        _check_times(request, self._clock.now())
        slot = self._signer.slot(name, name, "request", thread or f"REQ-{secrets.token_hex(5)}")
        said = Said(lambda tx: _asked_now(tx, slot), keep)
        await self._publish("request", slot, request, request.end, then=said)
        return said.answer

    async def requests(self) -> list[Asked]:
        """Every request whose window is not over for a day, oldest first."""
        since = self._clock.now() - timedelta(days=1)
        slots = [
            self._signer.slot(program.name, program.name, "request", event.name)
            for program in self._store.live.find(Kind.PROGRAM)
            if is_market(program.name)
            for event in self._store.live.find(Kind.EVENT, Field.PROGRAM, program.id)
        ]
        found = await self._store.read(lambda tx: [asked_in(tx, slot) for slot in slots])
        asked = (one for one in found if one is not None and one.request.end > since)
        return sorted(asked, key=lambda one: (one.issued_at, one.thread))

    async def offers(self, thread: str) -> Listing:
        """Every offer to a request in merit order, each with what is or would be taken of it.

        Raises Refused NOT_FOUND.
        """
        asked, now = await self._asked(thread), self._clock.now()
        return await self._store.read(lambda tx: listing(tx, asked, now))

    async def _asked(self, thread: str) -> Asked:
        events = self._store.live.find(Kind.EVENT, Field.NAME, thread)
        programs = (self._store.live.get(Kind.PROGRAM, event.program_id) for event in events)
        names = [program.name for program in programs if program and is_market(program.name)]
        slots = [self._signer.slot(name, name, "request", thread) for name in names]
        found = await self._store.read(lambda tx: [asked_in(tx, slot) for slot in slots])
        asked = [one for one in found if one is not None]
        if not asked:
            raise Refused("NOT_FOUND", f"there is no request {thread}: ukvtn desk offers")
        if len(asked) > 1:
            raise Refused("NOT_UNIQUE", f"{thread} is a request in {' and '.join(names)}")
        return asked[0]

    # -- acceptance ----------------------------------------------------------------------------

    async def award(self, thread: str) -> Listing:
        """Accept in merit order until the request is met, and turn the rest down: one signed
        acceptance for each offer that has none yet.

        May be said again, also after it was cut short: what was answered keeps its answer, and
        offers that came since are considered for what is still missing. Raises Refused NOT_FOUND,
        and STATE_INVALID for a request that is withdrawn or whose window is over.
        """
        async with self._awarding:
            found = await self.offers(thread)
            if found.asked.withdrawn:
                raise Refused("STATE_INVALID", f"{thread} is withdrawn", clause="profile 3")
            if self._clock.now() >= found.asked.request.end:
                raise Refused("STATE_INVALID", f"the window of {thread} is over")
            for line in found.lines:
                if line.offered.open:
                    await self._accept(found.asked, line)
        return await self.offers(thread)

    async def _accept(self, asked: Asked, line: Line) -> None:
        """One answer: in a new event, or as a revision of the one that turned the offer down."""
        held, body = line.offered.answer, _acceptance(line.ranked)
        event = None
        if held is not None:
            slot = held.slot
            event = self._event(slot)
        else:
            thread = f"ACC-{secrets.token_hex(5)}"
            provider = line.offered.offer.provider
            slot = self._signer.slot(body.contract_id, provider, "acceptance", thread)
        to, until = line.offered.newest, asked.request.end
        await self._publish("acceptance", slot, body, until, event=event, in_reply_to=to)

    # -- withdrawal ----------------------------------------------------------------------------

    async def owns(self, thread: str, contract_id: str = "") -> bool:
        """Whether a request or an acceptance has this name: something that `cancel` withdraws."""
        return bool(await self._withdrawable(thread, contract_id))

    async def cancel(
        self, thread: str, *, reason: str = "", contract_id: str = "", keep: Keep = forget
    ) -> Withdrawn:
        """Withdraw a request before its window is over, or an acceptance before it begins. Final.

        Neither stops a dispatch. `contract_id` is needed where two programs know the name.
        Raises Refused NOT_FOUND, NOT_UNIQUE, and STATE_INVALID where nothing is left to withdraw.
        """
        found = await self._withdrawable(thread, contract_id)
        if not found:
            raise Refused("NOT_FOUND", f"there is no request or acceptance {thread}")
        if len(found) > 1:
            names = ", ".join(slot.program for slot in found)
            raise Refused("NOT_UNIQUE", f"{thread} stands in {names}: say --contract")
        (slot,) = found
        async with self._awarding:
            held = await self._store.read(lambda tx: thread_of(tx, slot))
            if held.first_stop is not None:
                raise Refused("STATE_INVALID", f"{thread} is withdrawn already")
            newest = held.standing[-1]
            body = _withdrawal(slot, newest.body, reason, self._clock.now())
            until, event = newest.header.valid_until, self._event(slot)
            said = Said(lambda tx: _withdrawn(tx, slot), keep)
            await self._publish("cancellation", slot, body, until, event=event, then=said)
        return said.answer

    async def _withdrawable(self, thread: str, contract_id: str) -> list[Slot]:
        """Where requests and acceptances of that name are kept."""
        slots = []
        for event in self._store.live.find(Kind.EVENT, Field.NAME, thread):
            program = self._store.live.get(Kind.PROGRAM, event.program_id)
            if program is None or contract_id not in ("", program.name):
                continue
            if is_market(program.name):
                slots.append(self._signer.slot(program.name, program.name, "request", thread))
            vens = self._store.live.under(Kind.VEN, program.targets)
            slots += [self._signer.slot(program.name, v.name, "acceptance", thread) for v in vens]
        return await self._store.read(lambda tx: [slot for slot in slots if tx.thread(slot)])

    # -- writing -------------------------------------------------------------------------------

    async def _publish(
        self,
        kind: str,
        slot: Slot,
        body: Request | Acceptance | Cancellation,
        valid_until: datetime,
        *,
        event: Record | None = None,
        in_reply_to: Reference | None = None,
        then: Then = nothing_else,
    ) -> None:
        """Sign `body`, and put it into `event`, None = an event of its own."""
        sealed, header = await self._signer.sign(
            kind,
            slot.program,
            slot.recipient,
            slot.thread,
            body.to_json(),
            self._clock.now(),
            valid_until=valid_until,
            in_reply_to=in_reply_to,
        )
        program = self._program(slot.program)
        request = event_of(sealed, header, body, program.id).dump()
        if event is None:
            await self._objects.create(Kind.EVENT, request, OFFICE, then=then)
        else:
            await self._objects.update(Kind.EVENT, event.id, request, OFFICE, then=then)

    def _event(self, slot: Slot) -> Record:
        """The event that carries a thread."""
        program = self._program(slot.program)
        events = self._store.live.find(Kind.EVENT, Field.NAME, slot.thread)
        return next(event for event in events if event.program_id == program.id)


def _asked_now(tx: Transaction, slot: Slot) -> Asked:
    """The request that has just been stored."""
    asked = asked_in(tx, slot)
    assert asked is not None
    return asked


def _withdrawn(tx: Transaction, slot: Slot) -> Withdrawn:
    return Withdrawn(slot, thread_of(tx, slot).standing[-1].header.revision)


def _check_times(request: Request, now: datetime) -> None:
    """What the profile leaves to the DSO: that offers can still come, and are in time for use."""
    if request.start >= request.end:
        raise Refused("PERIODS_INVALID", "must end after it starts", path="/window")
    if not now < request.respond_by <= request.start:
        raise Refused(
            "BODY_VALUE",
            f"after {time_text(now)} and not after {time_text(request.start)}, when it starts",
            path="/respond_by",
            clause="profile 3 request",
        )


def _acceptance(ranked: Ranked) -> Acceptance:
    """The answer to an offer: what is taken at its price, or why nothing is."""
    offer = ranked.offer.body
    return Acceptance(
        contract_id=offer.contract_id,
        zone=offer.zone,
        assets=tuple(offered.asset for offered in offer.assets),
        periods=ranked.taken,
        dispatch_type=offer.dispatch_type,
        price=offer.price if ranked.taken else None,
        reason=ranked.says or None,
    )


def _withdrawal(slot: Slot, said: Mapping[str, Any], reason: str, now: datetime) -> Cancellation:
    """What withdraws the request or the acceptance that says `said`. Raises STATE_INVALID."""
    if slot.family == "request":
        if now >= Request.read(said).end:
            raise Refused("STATE_INVALID", f"the window of {slot.thread} is over")
        return Cancellation(of="request", reason=reason or None)
    accepted = Acceptance.read(said)
    if not accepted.periods:
        raise Refused("STATE_INVALID", f"{slot.thread} takes nothing: it turned an offer down")
    if now >= min(period.start for period in accepted.periods):
        detail = f"{slot.thread} has begun: what is dispatched under it, cease or cancel"
        raise Refused("STATE_INVALID", detail, clause="profile 3 cancellation")
    return Cancellation(
        of="acceptance",
        contract_id=accepted.contract_id,
        zone=accepted.zone,
        assets=accepted.assets,
        reason=reason or None,
    )
