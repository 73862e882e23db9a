"""Reading the devices, interval by interval, by the business clock.

    devices ─▶ samples ─▶ readings ─┐
                                    ├─ journal: one transaction
    the sample to go on from ───────┘

Six looks to an interval, the last of them at its end. Whatever was read of a device stands in the
journal, so a new agent goes on where the one before it was; what flowed while nobody looked is
bridged by the device's own counter, or stays unknown (`ven.sampling`).
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from ukprofile.clock import Clock
from ukprofile.flex.energy import Reading
from ven.device import Device, Measurement
from ven.journal import Book, Journal, Mark
from ven.measure import measure
from ven.sampling import Sample, readings, whole_before

REST_S = 0.1
"""Real seconds between two looks at least, however fast the business clock runs."""
KEPT = timedelta(days=92)
"""How long readings are kept; what counts of them is signed within days."""
_LOOKS = 6


class Meter:
    """Looks at every device and writes down what it did."""

    def __init__(
        self,
        journal: Journal,
        devices: Mapping[str, Device],
        clock: Clock,
        *,
        reading_s: int,
        timeout_s: float,
        rest_s: float = REST_S,
    ) -> None:
        """`reading_s` is the length of an interval in business seconds."""
        self._journal = journal
        self._devices = devices
        self._clock = clock
        self._reading_s = reading_s
        self._timeout_s = timeout_s
        self._rest_s = rest_s
        self._lines: dict[str, _Line] = {}
        self._forgot: datetime | None = None

    async def run(self) -> None:
        while True:
            until = await self.look()
            await self._clock.until(until)
            await asyncio.sleep(self._rest_s)

    async def look(self) -> datetime:
        """Look at every device once; when to look again."""
        if not self._lines:
            marks = await self._journal.read(
                lambda book: {a: book.readings.mark(a) for a in self._devices}
            )
            self._lines = {a: _Line(self._reading_s, mark) for a, mark in marks.items()}
        found = await measure(self._devices, self._devices, self._timeout_s)
        for asset_id, line in self._lines.items():
            line.take(found[asset_id])
        read = {a: done for a, line in self._lines.items() if (done := line.read()) is not None}
        now = self._clock.now()
        if read:
            await self._journal.write(lambda book: self._keep(book, read, now))
            for asset_id, (_, mark) in read.items():
                self._lines[asset_id].kept(mark)
        step = timedelta(seconds=self._reading_s) / _LOOKS
        edge = whole_before(now, self._reading_s)
        return edge + ((now - edge) // step + 1) * step

    def _keep(
        self, book: Book, read: Mapping[str, tuple[list[Reading], Mark]], now: datetime
    ) -> None:
        for asset_id, (found, mark) in read.items():
            book.readings.keep(asset_id, found, mark)
        if self._forgot is None or now - self._forgot > timedelta(days=1):
            book.readings.forget(now - KEPT)
            self._forgot = now


class _Line:
    """The samples of one device that are not in a reading yet."""

    def __init__(self, reading_s: int, mark: Mark | None) -> None:
        self._reading_s = reading_s
        self._samples = [] if mark is None else [mark.last]
        self._until = None if mark is None else mark.until
        self._silent = True

    def take(self, shown: Measurement | str) -> None:
        """One look: a sample, or why there is none."""
        if isinstance(shown, str):
            self._silent = True
            return
        if self._samples and shown.at <= self._samples[-1].at:
            return  # a clock that stepped back
        sample = Sample(shown.at, shown.power_w, shown.baseline_w, shown.exported_ws, self._silent)
        self._samples.append(sample)
        self._silent = False

    def read(self) -> tuple[list[Reading], Mark] | None:
        """The readings that are complete, and from where to go on; None while there is nothing."""
        if not self._samples:
            return None
        edge = whole_before(self._samples[-1].at, self._reading_s)
        until = self._until
        if until is None:
            until = whole_before(self._samples[0].at, self._reading_s)
        if edge <= until:
            return None
        found = readings(self._samples, until, self._reading_s)
        last = max(n for n, s in enumerate(self._samples) if n == 0 or s.at <= edge)
        return found, Mark(edge, self._samples[last])

    def kept(self, mark: Mark) -> None:
        """What was read up to `mark` is on the disk."""
        self._samples = [s for s in self._samples if s.at >= mark.last.at]
        self._until = mark.until
