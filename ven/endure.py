"""Living through a full disk: what cannot be written is not said, and taken up when there is room.

    part.run ──JournalFull──▶ STORE_DOWN in the log ─▶ room again? ─▶ STORE_DOWN over, part.run

A part that could not write begins anew, as after a kill: it decides by the time there is then,
never by the time at which there was no room.
"""

import asyncio
from typing import Protocol, TypeVar

import structlog

from ukprofile.clock import Clock
from ven.alarms import alarm
from ven.journal import Alarm, Book, Journal, JournalFull

Raised = TypeVar("Raised", bound=BaseException)
RETRY_S = 2.0
"""Real seconds between two looks for room."""


class Part(Protocol):
    """What runs for as long as the agent lives, and may be started again at any moment."""

    async def run(self) -> None: ...


class Endurance:
    """Runs the parts of one agent, and waits for room where there is none."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        log: structlog.stdlib.BoundLogger,
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._log = log
        self._retry_s = retry_s
        self._turn = asyncio.Lock()
        self._waits = 0

    async def run(self, part: Part) -> None:
        """Run `part`, again and again where there is no room for what it writes."""
        while True:
            found: JournalFull | None = None
            try:
                await part.run()
            except* JournalFull as group:
                found = first(group)
            if found is None:
                return
            await self._room(found)

    async def _room(self, full: JournalFull) -> None:
        """Return once there is room; a person is told once, however many parts wait."""
        waits = self._waits
        async with self._turn:
            if waits != self._waits:
                return
            raised = alarm("STORE_DOWN", "journal", self._clock.now(), detail=str(full))
            self._log.error("alarm", alarm=raised.alarm, reason=raised.reason, detail=raised.detail)
            kept = False
            while not kept:
                await asyncio.sleep(self._retry_s)
                kept = await self._kept(raised)
            self._waits += 1
            self._log.info("alarm over", key=raised.key)

    async def _kept(self, raised: Alarm) -> bool:
        """Whether there is room for the alarm itself, which is over then."""

        def write(book: Book) -> None:
            book.alarm(raised)
            book.alarm_over(raised.key, self._clock.now())

        try:
            await self._journal.write(write)
        except JournalFull:
            return False
        return True


def first(group: BaseExceptionGroup[Raised]) -> Raised:
    """One of what a group of tasks raised: the rest followed from it."""
    found = group.exceptions[0]
    return first(found) if isinstance(found, BaseExceptionGroup) else found
