"""Answering what is asked: responses to schedules, instructions and increases; offers to requests.

    journal ─▶ what waits ─┐
                           ├─ policy, offer ─▶ signed report and new plan: one transaction
    devices ─▶ forecasts ──┘

Each text is answered once; the journal says which were, after a restart as well. Nothing is
answered after respond_by: by then the contract says what silence means (profile 5).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from ukprofile.clock import Clock
from ukprofile.flex.answer import Response
from ukprofile.flex.common import read_assets
from ukprofile.receiving import Slot, parse_text
from ven.alarms import Alarms, alarm
from ven.anchor import terms_of
from ven.answer import Voice, reply
from ven.bell import Bell
from ven.device import Device, Foreseeing
from ven.device.ability import Ability, without
from ven.journal import Alarm, Book, Journal
from ven.offer import Terms, chances, offer
from ven.plan import Dispatch
from ven.policy import Asked, Policy, Reply
from ven.promises import Promise, Waiting, from_now, loads, outlook, overlaps
from ven.replan import in_force, replan

RETRY_S = 2.0
"""Real seconds until devices that did not say what they can are asked again."""


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
        forecast: Mapping[str, tuple[Ability, ...]],
        timeout_s: float,
    ) -> None:
        """`forecast` stands in for devices that foresee nothing; `offers` None = never offers."""
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

    async def run(self) -> None:
        """Answer for as long as the agent lives."""
        ear = self._bell.ear()
        while True:
            done = await self.look()
            await ear.wait(None if done else RETRY_S)

    async def look(self) -> bool:
        """Answer what waits; whether everything was answered."""
        now = self._clock.now()
        raised = await self._journal.read(lambda book: _conflicts(book, now))
        if raised:
            await self._alarms.sound(*raised)
        until = await self._journal.read(lambda book: self._until(book, now))
        if until is None:
            return True
        try:
            forecasts = await self._foresee(until)
        except Exception as error:  # noqa: BLE001 - a device may fail in any way: asked again
            self._log.warning("no forecast", why=str(error) or type(error).__name__)
            return False
        if await self._journal.write(lambda book: self._answer(book, forecasts, now)):
            self._bell.ring()
        return True

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

    async def _foresee(self, until: datetime) -> Mapping[str, tuple[Ability, ...]]:
        """What each asset could do until then. Raises whatever a device raises."""

        async def one(asset_id: str, device: Device) -> tuple[str, tuple[Ability, ...]]:
            if asset_id in self._forecast or not isinstance(device, Foreseeing):
                return asset_id, self._forecast.get(asset_id, ())
            async with asyncio.timeout(self._timeout_s):
                return asset_id, await device.forecast(until)

        return dict(await asyncio.gather(*(one(*item) for item in self._devices.items())))

    # -- in one transaction --------------------------------------------------------------------

    def _answer(
        self, book: Book, forecasts: Mapping[str, Sequence[Ability]], now: datetime
    ) -> bool:
        """Answer everything that waits now, one after another; whether anything did."""
        able = _available(book, forecasts)
        answered = False
        while waiting := outlook(book, now)[0]:
            self._respond(book, waiting[0], outlook(book, now)[1], able, now)
            answered = True
        if self._offers is not None:
            for chance in chances(book, now):
                promised = loads(outlook(book, now)[1], None, self._weights, now)
                body = offer(chance, self._offers, self._weights, promised, able)
                if body is not None:
                    event_id = _event_of(book, chance.entry.slot)
                    reply(book, self._voice, chance.entry, body, event_id, now)
                    answered = True
        if answered:
            replan(book, self._weights, now)
        return answered

    def _respond(
        self,
        book: Book,
        one: Waiting,
        promised: Sequence[Promise],
        able: Mapping[str, Sequence[Ability]],
        now: datetime,
    ) -> None:
        verdict = self._decide(book, one, promised, able, now)
        body = one.held.body
        response = Response(
            contract_id=body["contract_id"],
            zone=body["zone"],
            assets=read_assets(body),
            answer=verdict.answer,
            periods=verdict.periods,
            dispatch_type=body.get("dispatch_type") if verdict.periods else None,
            reason=verdict.reason or None,
        )
        entry = book.entry(one.held.sha256)
        assert entry is not None
        reply(book, self._voice, entry, response, _event_of(book, one.slot), now)

    def _decide(
        self,
        book: Book,
        one: Waiting,
        promised: Sequence[Promise],
        able: Mapping[str, Sequence[Ability]],
        now: datetime,
    ) -> Reply:
        asked = Asked(
            periods=from_now(one.periods, now),
            assets=one.assets,
            terms=terms_of(book, one.slot.program),
            weights=self._weights,
            promised=loads(promised, one.slot, self._weights, now),
            forecasts=able,
            whole=one.whole,
        )
        verdict = self._policy.answer(asked)
        if verdict.answer == "refuse" and _idle(able, one):
            return Reply("refuse", reason="UNAVAILABLE")
        return verdict


def _available(
    book: Book, forecasts: Mapping[str, Sequence[Ability]]
) -> Mapping[str, tuple[Ability, ...]]:
    """The forecasts, without what was declared unavailable."""
    found = {asset: tuple(steps) for asset, steps in forecasts.items()}
    for entry in book.of_family("unavailability"):
        body = parse_text(entry.text)["body"]
        start, end = (datetime.fromisoformat(body[name]) for name in ("from", "to"))
        for asset in body["assets"]:
            if body["unit"] in (asset["asset_id"], asset.get("asset_group_id")):
                steps = found.get(asset["asset_id"], ())
                found[asset["asset_id"]] = without(steps, start, end)
    return found


def _idle(able: Mapping[str, Sequence[Ability]], one: Waiting) -> bool:
    """Whether some asset can do nothing at all in some of the time asked."""
    return any(
        step.least_w == step.most_w == 0
        for asset in one.assets
        for step in able.get(asset, ())
        for period in one.periods
        if step.start < period.end and period.start < step.end
    )


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
    assert one.thread.confirmed is not None
    body = one.thread.confirmed.body
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
