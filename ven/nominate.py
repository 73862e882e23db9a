"""Nominating each day's baseline from what the devices would do by themselves (profile 3).

    device ─▶ 46, 48 or 50 half hours of a London day ─▶ baseline, on the contract's event

Today's and tomorrow's, one asset to a text, and never over one that was nominated already: what a
person handed in stands.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from ukprofile.clock import Clock
from ukprofile.flex.contract import local_day
from ukprofile.flex.metering import Baseline
from ukprofile.receiving import parse_text
from ven.alarms import Alarms, alarm
from ven.anchor import contract_event, held_terms
from ven.answer import InDoubt, Voice
from ven.bell import Bell, either
from ven.device import Baselined, Device
from ven.errand import Nomination, Series
from ven.inbox import say
from ven.journal import Book, Journal
from ven.settings import HALF_HOUR_S

LOOKS = timedelta(minutes=10)
"""Business time between two looks."""
REST_S = 1.0
"""Real seconds between two looks at least."""


class Nominator:
    """Sees to it that every asset has a baseline for today and tomorrow."""

    def __init__(
        self,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        devices: Mapping[str, Device],
        clock: Clock,
        bell: Bell,
        *,
        timeout_s: float,
        rest_s: float = REST_S,
    ) -> None:
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._devices = {a: d for a, d in devices.items() if isinstance(d, Baselined)}
        self._clock = clock
        self._bell = bell
        self._timeout_s = timeout_s
        self._rest_s = rest_s

    async def run(self) -> None:
        ear = self._bell.ear()
        while True:
            until = self._clock.now() + LOOKS
            await self.look()
            await either(ear, self._clock, until)
            await asyncio.sleep(self._rest_s)

    async def look(self) -> None:
        """Nominate what was not nominated yet."""
        now = self._clock.now()
        for program, asset_id, day in await self._journal.read(lambda b: self._due(b, now)):
            series = await self._ask(asset_id, day)
            if series is not None:
                errand = Nomination((series,), (asset_id,), program)
                said = partial(say, voice=self._voice, errand=errand, now=now)
                with suppress(InDoubt):
                    await self._journal.write(said)
                    self._bell.ring()

    def _due(self, book: Book, now: datetime) -> list[tuple[str, str, tuple[datetime, datetime]]]:
        today = local_day(now)
        found = []
        for terms in held_terms(book):
            if not contract_event(book, terms.contract_id):
                continue
            said = [
                Baseline.read(parse_text(entry.text)["body"])
                for entry in book.spoken(terms.contract_id, "baseline")
            ]
            for day in (today, local_day(today[1])):
                taken = {a.asset_id for one in said if one.start == day[0] for a in one.assets}
                if terms.valid_from < day[1] and day[0] < terms.valid_to:
                    wanted = terms.asset_ids & self._devices.keys() - taken
                    found += [(terms.contract_id, a, day) for a in sorted(wanted)]
        return found

    async def _ask(self, asset_id: str, day: tuple[datetime, datetime]) -> Series | None:
        """What the device would do that day; None where it does not answer now."""
        count = (day[1] - day[0]) // timedelta(seconds=HALF_HOUR_S)
        try:
            async with asyncio.timeout(self._timeout_s):
                watts = await self._devices[asset_id].baseline(day[0], HALF_HOUR_S, count)
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            why = f"{asset_id}: no baseline: {str(error) or type(error).__name__}"
            silent = alarm("DEVICE_FAILED", f"baseline:{asset_id}", self._clock.now(), detail=why)
            await self._alarms.sound(silent)
            return None
        await self._alarms.over(f"DEVICE_FAILED:baseline:{asset_id}", self._clock.now())
        return Series(day[0], HALF_HOUR_S, watts)
