"""Rung when the journal has news; whoever waits for it looks again."""

import asyncio
from contextlib import suppress
from datetime import datetime
from weakref import WeakSet

from ukprofile.clock import Clock


class Ear:
    """One listener: however often the bell was rung meanwhile, it wakes once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def hear(self) -> None:
        self._rung.set()

    async def wait(self, longest_s: float | None = None) -> None:
        """Return when the bell has been rung since the last time, or after `longest_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._rung.wait()
        self._rung.clear()


class Bell:
    """Tells every part of the agent that there is news; what it is stands in the journal."""

    def __init__(self) -> None:
        self._ears = WeakSet[Ear]()  # a part that begins anew leaves its old one behind

    def ear(self) -> Ear:
        self._ears.add(ear := Ear())
        return ear

    def ring(self) -> None:
        for ear in self._ears:
            ear.hear()


async def either(ear: Ear, clock: Clock, until: datetime) -> None:
    """Wait for news or for a time of the business clock, whichever comes first."""
    waits = {asyncio.ensure_future(ear.wait()), asyncio.ensure_future(clock.until(until))}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
