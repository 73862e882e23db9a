"""The watch of the agent's clock: a person is told, the DSO is told, and nothing is signed by it.

    WatchedClock ─▶ stands otherwise ─▶ alarm CLOCK_STEP, security log, note in the journal
                                     └▶ heartbeat now: UKFLEX_CLOCK
    DIR/clock-vouched, left by `ukven trust-clock` ─▶ a person says that the clock is right

What is confirmed runs on to its end by the time that did not jump (N40a, N40b), and a stop still
acts at once. Answers wait until the clock can be believed (`ven.answer.InDoubt`).
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ukprofile.clock import WatchedClock
from ukprofile.clock_watch import Standing
from ven.alarms import Alarms, alarm
from ven.bell import Bell
from ven.heartbeat import Heartbeat
from ven.journal import Book, Journal

LOOKS_S = 1.0
"""Real seconds between two looks."""
NOTE = "clock"
"""The note of the journal that says what is wrong with the clock; "" = nothing."""
_TOLD = "told"
_SIGNS_NOTHING = "signs_nothing"


class ClockWatch:
    """Looks at the clock for as long as the agent lives."""

    def __init__(
        self,
        clock: WatchedClock,
        journal: Journal,
        alarms: Alarms,
        heartbeat: Heartbeat,
        bell: Bell,
        vouched: Path,
    ) -> None:
        """`vouched` is the file by which a person says that the clock is right."""
        self._clock = clock
        self._journal = journal
        self._alarms = alarms
        self._heartbeat = heartbeat
        self._bell = bell
        self._vouched = vouched
        self._key: str | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOKS_S)

    async def look(self) -> None:
        """Tell whoever should know, if the clock stands otherwise than before."""
        if await asyncio.to_thread(self._vouched.exists):
            self._clock.vouch()
            await asyncio.to_thread(self._vouched.unlink)
        found, now = self._clock.standing(), self._clock.now()
        key = _key(found)
        if key == self._key:
            return
        text = _text(found, now)
        for other in {_TOLD, _SIGNS_NOTHING} - {key}:
            await self._alarms.over(f"CLOCK_STEP:{other}", now)
        if key:
            await self._alarms.sound(alarm("CLOCK_STEP", key, now, detail=text))
        await self._journal.write(lambda book: book.note(NOTE, text))
        self._key = key  # only now: where there was no room it is told again
        self._heartbeat.hurry()
        self._bell.ring()  # for what could not be signed, and may be now


def proved_time(book: Book, dsos: Iterable[str]) -> datetime | None:
    """The newest time that a DSO has proved: no clock may say less (profile 2 Receiving 1)."""
    proved = (book.verified_time(dso) for dso in dsos)
    return max((when for when in proved if when is not None), default=None)


def _key(found: Standing) -> str:
    """What an alarm of it is about: one for each degree, and "" for none."""
    if found.kind == "steady":
        return ""
    return _SIGNS_NOTHING if found.refuses else _TOLD


def _text(found: Standing, now: datetime) -> str:
    """What is wrong, what follows, and what to do."""
    said = found.text if found.kind != "steady" else ""
    if found.kind == "stepped":
        said += f"; what is confirmed runs on by the time before, now {now:%H:%M:%S}Z"
    if found.refuses:
        said += (
            "; nothing is signed: set the clock right, or if it is right, ukven trust-clock DIR; "
            "what the DSO must hear now, tell it by telephone"
        )
    return said
