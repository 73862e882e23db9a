"""Answering what is asked: responses to schedules, instructions and increases; offers to requests.

    journal ─▶ what waits ─┐            ┌─ still as it was asked?
                           ├─ policy ─▶ signed report and new plan: one transaction
    devices ─▶ forecasts ──┘   (a thread: however long it thinks, a stop is never kept waiting)

Each text is answered once; the journal says which were, after a restart as well. Nothing is
answered after respond_by: by then the contract says what silence means (profile 5). What cannot be
decided holds up nothing else: a silent device only what is asked of it, a broken policy only its
own answer, and a person is told. Where silence would accept a schedule that nobody could decide, it
is refused just before: what was promised without anybody's knowing it can be done costs the DSO
a dispatch that fails, and the FSP its penalty; a refusal costs a sale.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from ukprofile.clock import Clock
from ukprofile.flex.answer import Response
from ukprofile.flex.common import read_assets
from ukprofile.flex.contract import ContractTerms
from ven.alarms import Alarms, alarm
from ven.anchor import carried_by, terms_of
from ven.answer import InDoubt, Voice, reply
from ven.bell import Bell, Ear, either
from ven.bid import Bidder
from ven.device import Device
from ven.foresight import Forecast, Forecaster, Foresight, available
from ven.journal import Alarm, Book, Journal
from ven.lawful import check
from ven.offer import Terms
from ven.offering import reservations
from ven.plan import Dispatch
from ven.policy import Asked, Policy, Reply
from ven.promises import (
    Waiting,
    asked_by,
    from_now,
    missed,
    outlook,
    overlaps,
    spoken_for,
)
from ven.replan import in_force, replan

RETRY_S = 2.0
"""Real seconds until what could not be decided is tried again."""
BEFORE_SILENCE = timedelta(seconds=60)
"""Business time in which a refusal still reaches the DSO before silence would accept."""


class Responder:
    """Answers for the FSP: by its policy, and with offers where it has a price."""

    def __init__(
        self,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        devices: Mapping[str, Device],
        weights: Mapping[str, int],
        clock: Clock,
        bell: Bell,
        log: structlog.stdlib.BoundLogger,
        *,
        policy: Policy,
        offers: Terms | None,
        forecast: Callable[[], Forecast],
        timeout_s: float,
    ) -> None:
        """`forecast` is asked each time, and stands before what devices say themselves; `offers`
        None = never offers.
        """
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._weights = weights
        self._clock = clock
        self._bell = bell
        self._log = log
        self._policy = policy
        self._bidder = Bidder(journal, voice, weights, offers)
        self._forecaster = Forecaster(devices, forecast, log, timeout_s=timeout_s)
        self._missed: set[str] = set()
        self._last_calls: list[datetime] = []

    async def run(self) -> None:
        """Answer for as long as the agent lives."""
        ear = self._bell.ear()
        while True:
            if await self.look():
                await ear.wait()
            else:
                await self._again(ear)

    async def _again(self, ear: Ear) -> None:
        """Wait a little, or for news, or until something must not wait any longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_S):
                if self._last_calls:
                    await either(ear, self._clock, min(self._last_calls))
                else:
                    await ear.wait()

    async def look(self) -> bool:
        """Answer what waits; whether everything was answered."""
        self._last_calls.clear()
        now = self._clock.now()
        await self._tell(now)
        if self._voice.doubt():
            return False  # nothing can be signed, so no device is asked in vain
        try:
            return await self._answer(now)
        except InDoubt:
            self._bell.ring()  # for what was answered before
            return False

    async def _answer(self, now: datetime) -> bool:
        """Answer and offer; whether nothing is left. Raises InDoubt."""
        said, left = await self._bidder.withdraw(now), False
        until = await self._journal.read(lambda book: self._until(book, now))
        if until is not None:
            seen = await self._forecaster.look(until)
            # what has passed while the devices were asked is not in their forecasts
            now = self._clock.now()
            responded, undecided = await self._respond(seen, now)
            offered, unoffered = await self._bidder.look(seen, now)
            said, left = said or responded or offered, bool(undecided) or unoffered
        if said:
            self._bell.ring()
        return not left

    async def _tell(self, now: datetime) -> None:
        """Tell a person of dispatches that overlap, and of answers that were not given in time."""
        raised, over = await self._journal.read(lambda book: _conflicts(book, now))
        if raised:
            await self._alarms.sound(*raised)
        for key in over:
            await self._alarms.over(key, now)
        for one in await self._journal.read(lambda book: missed(book, now)):
            if one.held.sha256 not in self._missed:
                self._missed.add(one.held.sha256)
                self._log.warning("not answered in time", thread=one.slot.thread, by=str(one.until))

    def _until(self, book: Book, now: datetime) -> datetime | None:
        """Until when devices must look ahead for what waits; None = nothing does."""
        waiting, promised = outlook(book, now)
        market = self._bidder.until(book, now)
        if not waiting and market is None:
            return None
        kept = reservations(book, now, accepted=True)
        plans = [one.periods for one in waiting] + [one.periods for one in (*promised, *kept)]
        ends = [period.end for plan in plans for period in plan]
        return max((*ends, market or now)) + timedelta(seconds=1)

    # -- responses -----------------------------------------------------------------------------

    async def _respond(self, seen: Foresight, now: datetime) -> tuple[bool, set[str]]:
        """Answer one after another; whether any was, and what was left undecided."""
        answered, left = False, set[str]()

        def ask(book: Book) -> tuple[Waiting, Asked] | None:
            for one in outlook(book, now)[0]:
                if one.held.sha256 not in left and one.periods[-1].end <= seen.until:
                    return one, self._asked(book, one, seen, now)
            return None

        while (found := await self._journal.read(ask)) is not None:
            one, asked = found
            response = await self._decide(one, asked, seen, now)
            if response is None:
                left.add(one.held.sha256)
            else:
                # where something came in between, it is asked anew
                answered |= await self._journal.write(self._giving(one, asked, response, seen, now))
        return answered, left

    def _asked(self, book: Book, one: Waiting, seen: Foresight, now: datetime) -> Asked:
        able = available(book, seen.able)
        promised = [p for p in outlook(book, now)[1] if p.slot != one.slot]
        # what was reserved under this very contract is what is dispatched now
        reserved = reservations(book, now, accepted=True)
        kept = [p for p in reserved if p.contract != one.slot.program]
        return Asked(
            periods=from_now(one.periods, now),
            assets=one.assets,
            terms=terms_of(book, one.slot.program),
            weights=self._weights,
            promised=spoken_for(promised, kept, self._weights, able, now),
            forecasts=able,
            whole=one.whole,
        )

    async def _decide(
        self, one: Waiting, asked: Asked, seen: Foresight, now: datetime
    ) -> Response | None:
        """What the policy says, if it may be said; None = nobody can decide now."""
        if silent := sorted(seen.silent.intersection(one.assets)):
            refusal = self._undecided(one, asked, "DEVICE_FAILED", now)
            if refusal is not None:
                where = f"{one.slot.program}:{one.slot.thread}"
                why = (
                    f"{one.slot.thread} is refused: nobody knows what {', '.join(silent)} could do"
                )
                await self._alarms.sound(alarm("DEVICE_FAILED", where, now, detail=why))
            return refusal
        key = f"POLICY_FAILED:{one.slot.program}:{one.slot.thread}"
        try:
            verdict = await asyncio.to_thread(self._policy.answer, asked)
            response = _response(one, verdict)
            check(response, one.held, asked.terms, whole=one.whole)
        except Exception as error:  # noqa: BLE001 - a policy is the FSP's own: it may do anything
            why = str(error) or type(error).__name__
            detail = f"{one.slot.thread}: {type(self._policy).__name__}: {why}"
            await self._alarms.sound(
                alarm("POLICY_FAILED", key.partition(":")[2], now, detail=detail)
            )
            return self._undecided(one, asked, "POLICY_FAILED", now)
        await self._alarms.over(key, now)
        return response

    def _undecided(self, one: Waiting, asked: Asked, reason: str, now: datetime) -> Response | None:
        """A refusal where silence would soon accept; None = there is time, or silence does not."""
        last_call = _last_call(one, asked.terms)
        if last_call is None:
            return None
        if now < last_call:
            self._last_calls.append(last_call)
            return None
        return _response(one, Reply("refuse", reason=reason))

    def _giving(
        self, one: Waiting, asked: Asked, response: Response, seen: Foresight, now: datetime
    ) -> Callable[[Book], bool]:
        """Sign and plan in one transaction, if all is still as it was asked; whether it was."""

        def give(book: Book) -> bool:
            waiting = outlook(book, now)[0]
            if one not in waiting or self._asked(book, one, seen, now) != asked:
                return False
            entry = book.entry(one.held.sha256)
            assert entry is not None
            reply(book, self._voice, entry, response, carried_by(book, one.slot), now)
            replan(book, self._weights, now)
            return True

        return give


def _last_call(one: Waiting, terms: ContractTerms | None) -> datetime | None:
    """When a schedule is refused that nobody could decide; None where silence accepts nothing.

    What is firm runs whether it is answered or not, and an increase is nothing until accepted.
    """
    header = one.held.header
    if one.until is None or terms is None or terms.silence != "accept" or header.kind != "schedule":
        return None
    return one.until - min(BEFORE_SILENCE, max(one.until - header.issued_at, timedelta(0)) / 2)


def _response(one: Waiting, verdict: Reply) -> Response:
    body = one.held.body
    return Response(
        contract_id=body["contract_id"],
        zone=body["zone"],
        assets=read_assets(body),
        answer=verdict.answer,
        periods=verdict.periods,
        dispatch_type=body.get("dispatch_type") if verdict.periods else None,
        reason=verdict.reason or None,
    )


def _conflicts(book: Book, now: datetime) -> tuple[list[Alarm], list[str]]:
    """Alarms of dispatches that overlap on an asset, and the keys of those that do no more.

    They add up (profile 5), and a person is told whose they are (A12).
    """
    found = [one for one in in_force(book, now) if one.end > now]
    standing = {a.key for a in book.alarms() if a.reason == "OVERLAP" and a.over_at is None}
    alarms = [
        alarm(
            "OVERLAP",
            f"{one.slot.program}:{one.slot.thread}:{other.slot.program}:{other.slot.thread}",
            now,
            detail=f"{asset}: {_whose(one)} and {_whose(other)} overlap, and add up",
        )
        for one, other, asset in overlaps(found)
    ]
    new = [one for one in alarms if one.key not in standing]
    return new, sorted(standing - {one.key for one in alarms})


def _whose(one: Dispatch) -> str:
    said = asked_by(one.thread)
    by = one.slot.issuer if said.origin == "DSO" else f"{said.origin} by {one.slot.issuer}"
    priority = "" if said.priority is None else f", priority {said.priority}"
    return f"{one.slot.thread} ({by}{priority})"
