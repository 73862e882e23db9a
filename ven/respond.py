"""Answering what is asked: responses to schedules, instructions and increases; offers to requests.

    journal ─▶ what waits ─┐            ┌─ still as it was asked?
                           ├─ policy ─▶ signed report and new plan: one transaction
    devices ─▶ forecasts ──┘   (a thread: however long it thinks, a stop is never kept waiting)

Each text is answered once; the journal says which were, after a restart as well. Nothing is
answered after respond_by: by then the contract says what silence means (profile 5). What cannot be
decided holds up nothing else: a silent device only what is asked of it, a broken policy only its
own answer, and a person is told.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ukprofile.clock import Clock
from ukprofile.flex.answer import Response, Unavailability
from ukprofile.flex.common import read_assets
from ukprofile.receiving import Slot, parse_text
from ven.alarms import Alarms, alarm
from ven.anchor import terms_of
from ven.answer import Voice, reply
from ven.bell import Bell
from ven.device import Device, Foreseeing
from ven.device.ability import Ability, ForecastError, without
from ven.journal import Alarm, Book, Journal
from ven.lawful import check
from ven.offer import Terms, chances, offer
from ven.plan import Dispatch
from ven.policy import Asked, Policy, Reply
from ven.promises import Waiting, from_now, loads, missed, outlook, overlaps
from ven.replan import in_force, replan

RETRY_S = 2.0
"""Real seconds until what could not be decided is tried again."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What each asset could do, and which devices did not say."""

    able: Mapping[str, tuple[Ability, ...]]
    silent: frozenset[str]


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
        forecast: Callable[[], Mapping[str, tuple[Ability, ...]]],
        timeout_s: float,
    ) -> None:
        """`forecast` is asked each time, and stands before what devices say themselves; `offers`
        None = never offers.
        """
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._devices = devices
        self._weights = weights
        self._clock = clock
        self._bell = bell
        self._log = log
        self._policy = policy
        self._offers = offers
        self._forecast = forecast
        self._timeout_s = timeout_s
        self._missed: set[str] = set()

    async def run(self) -> None:
        """Answer for as long as the agent lives."""
        ear = self._bell.ear()
        while True:
            done = await self.look()
            await ear.wait(None if done else RETRY_S)

    async def look(self) -> bool:
        """Answer what waits; whether everything was answered."""
        now = self._clock.now()
        await self._tell(now)
        until = await self._journal.read(lambda book: self._until(book, now))
        if until is None:
            return True
        seen = await self._foresee(until)
        # what has passed while the devices were asked is not in their forecasts
        now = self._clock.now()
        answered, left = await self._respond(seen, now)
        answered |= await self._journal.write(lambda book: self._offer(book, seen, now))
        if answered:
            self._bell.ring()
        return not left

    async def _tell(self, now: datetime) -> None:
        """Tell a person of dispatches that overlap, and of answers that were not given in time."""
        raised = await self._journal.read(lambda book: _conflicts(book, now))
        if raised:
            await self._alarms.sound(*raised)
        for one in await self._journal.read(lambda book: missed(book, now)):
            if one.held.sha256 not in self._missed:
                self._missed.add(one.held.sha256)
                self._log.warning("not answered in time", thread=one.slot.thread, by=str(one.until))

    def _until(self, book: Book, now: datetime) -> datetime | None:
        """Until when devices must look ahead for what waits; None = nothing does."""
        waiting, promised = outlook(book, now)
        open_ = chances(book, now) if self._offers else []
        if not waiting and not open_:
            return None
        ends = [p.end for one in waiting for p in one.periods]
        ends += [p.end for promise in promised for p in promise.periods]
        ends += [chance.request.end for chance in open_]
        return max(ends, default=now) + timedelta(seconds=1)

    async def _foresee(self, until: datetime) -> Foresight:
        """What each asset could do until then; a device may fail in any way."""
        try:
            told = await asyncio.to_thread(self._forecast)
        except ForecastError as error:
            self._log.warning("no forecast", why=str(error))
            return Foresight({}, frozenset(self._devices))

        async def one(asset_id: str, device: Device) -> tuple[str, tuple[Ability, ...] | None]:
            if asset_id in told or not isinstance(device, Foreseeing):
                return asset_id, told.get(asset_id, ())
            try:
                async with asyncio.timeout(self._timeout_s):
                    return asset_id, await device.forecast(until)
            except Exception as error:  # noqa: BLE001 - a device may fail in any way: asked again
                why = str(error) or type(error).__name__
                self._log.warning("no forecast", asset=asset_id, why=why)
                return asset_id, None

        found = await asyncio.gather(*(one(*item) for item in self._devices.items()))
        able = {asset: steps for asset, steps in found if steps is not None}
        silent = frozenset(asset for asset, steps in found if steps is None)
        return Foresight(able, silent)

    # -- responses -----------------------------------------------------------------------------

    async def _respond(self, seen: Foresight, now: datetime) -> tuple[bool, set[str]]:
        """Answer one after another; whether any was, and what was left undecided."""
        answered, left = False, set[str]()

        def ask(book: Book) -> tuple[Waiting, Asked] | None:
            for one in outlook(book, now)[0]:
                if one.held.sha256 not in left:
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
        promised = [p for p in outlook(book, now)[1] if p.slot != one.slot]
        able = _available(book, seen.able)
        return Asked(
            periods=from_now(one.periods, now),
            assets=one.assets,
            terms=terms_of(book, one.slot.program),
            weights=self._weights,
            promised=loads(promised, self._weights, able, now),
            forecasts=able,
            whole=one.whole,
        )

    async def _decide(
        self, one: Waiting, asked: Asked, seen: Foresight, now: datetime
    ) -> Response | None:
        """What the policy says, if it may be said; None = nobody can decide now."""
        if seen.silent.intersection(one.assets):
            return None
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
            return None
        await self._alarms.over(key, now)
        return response

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
            reply(book, self._voice, entry, response, _event_of(book, one.slot), now)
            replan(book, self._weights, now)
            return True

        return give

    # -- offers --------------------------------------------------------------------------------

    def _offer(self, book: Book, seen: Foresight, now: datetime) -> bool:
        """Offer to every request that is open; whether anything was."""
        if self._offers is None:
            return False
        able, answered = _available(book, seen.able), False
        for chance in chances(book, now):
            promised = loads(outlook(book, now)[1], self._weights, able, now)
            body = offer(chance, self._offers, self._weights, promised, able)
            if body is not None:
                event_id = _event_of(book, chance.entry.slot)
                reply(book, self._voice, chance.entry, body, event_id, now)
                answered = True
        return answered


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


def _available(
    book: Book, forecasts: Mapping[str, Sequence[Ability]]
) -> Mapping[str, tuple[Ability, ...]]:
    """The forecasts, without what was declared unavailable: the newest revision of each text."""
    found = {asset: tuple(steps) for asset, steps in forecasts.items()}
    newest = {
        entry.slot: entry
        for entry in sorted(book.of_family("unavailability"), key=lambda entry: entry.revision)
    }
    for entry in newest.values():
        said = Unavailability.read(parse_text(entry.text)["body"])
        named = [a for a in said.assets if said.unit in (a.asset_id, a.asset_group_id)]
        for asset in named or said.assets:  # a flexible unit has a name of its own
            steps = found.get(asset.asset_id, ())
            found[asset.asset_id] = without(steps, said.start, said.end)
    return found


def _conflicts(book: Book, now: datetime) -> list[Alarm]:
    """Dispatches that overlap on an asset: they add up, and a person is told whose they are."""
    found = [one for one in in_force(book, now) if one.end > now]
    return [
        alarm(
            "OVERLAP",
            f"{one.slot.thread}:{other.slot.thread}",
            now,
            detail=f"{asset}: {_whose(one)} and {_whose(other)} overlap, and add up",
        )
        for one, other, asset in overlaps(found)
    ]


def _whose(one: Dispatch) -> str:
    body = one.confirmed.body
    origin = body.get("origin", {}).get("party", "DSO")
    by = f"{origin} by {one.slot.issuer}" if origin != "DSO" else one.slot.issuer
    priority = f", priority {body['priority']}" if "priority" in body else ""
    return f"{one.slot.thread} ({by}{priority})"


def _event_of(book: Book, slot: Slot) -> str:
    """The event that carries what is in that slot."""
    where = (slot.program, slot.family, slot.thread)
    found = [s for s in book.sightings() if (s.program, s.family, s.thread) == where]
    return next(
        (s.event_id for s in found if s.gone_at is None), found[0].event_id if found else ""
    )
