"""Time, passed in: the only module of the project that asks the machine what time it is.

Two clocks are handed to every process and never mixed:

- the *business* clock tells when a dispatch starts, when an answer is late, when a message was
  issued. In demos and rehearsals it runs faster than life, and stops between scenes;
- the *operational* clock tells when a request has taken too long, when to retry and when an
  access token expires. It is always real.

    business   16:00 ────────────── 16:30 ─────── 17:00        (rate 60: an hour in a minute)
    real       0 s                   30 s           60 s

`SharedClock` keeps anchor and rate of a business clock in a small memory-mapped file, so that
several processes agree, and a killed and restarted one finds the right time. `WatchedClock` is the
machine's clock for those who sign and act by it: it does not jump when that is set.
"""

import asyncio
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from ukprofile import clock_watch
from ukprofile.clock_watch import Reading, Standing, Watched

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAP_S = 5.0
"""A waiter looks again at least this often, so that a stepped clock is noticed."""


class Clock(Protocol):
    """What time it is, and a way to wait for a time."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def until(self, when: datetime) -> None:
        """Return once `now() >= when`; at once if that is so already."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def until(self, when: datetime) -> None:
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_NAP_S))


def steady_seconds() -> float:
    """Seconds that nobody can set, since some moment; those in which the machine slept count."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class WatchedClock:
    """A wall clock that is watched against steady seconds: a step of it is no step of this one.

    What is made of the two stands in `ukprofile.clock_watch`. May be asked from any thread.
    """

    _AT_ONCE_S = 0.05
    """The two are read together if that took no longer; a busy machine may stop us in between."""

    def __init__(
        self, wall: Clock | None = None, steady: Callable[[], float] = steady_seconds
    ) -> None:
        """`wall` None = the machine's."""
        self._wall = wall or SystemClock()
        self._steady = steady
        self._lock = threading.Lock()
        self._watched = clock_watch.begin(self._read())

    def now(self) -> datetime:
        return self._look().time

    async def until(self, when: datetime) -> None:
        while (left := (when - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_NAP_S))

    def standing(self) -> Standing:
        """What there is to say of the wall clock."""
        return clock_watch.standing(self._look())

    def doubt(self) -> str:
        """Why nothing may be signed by this clock; "" = it may."""
        found = self.standing()
        return found.text if found.refuses else ""

    def hear(self, said: datetime, took_s: float) -> None:
        """The other end's clock said that, in whole seconds, within the last `took_s` seconds."""
        self._look(lambda watched: clock_watch.hear(watched, said, took_s))

    def not_before(self, proved: datetime) -> None:
        """It is at least `proved`, as what was kept by an earlier process shows."""
        self._look(lambda watched: clock_watch.not_before(watched, proved))

    def vouch(self) -> None:
        """A person says that the wall clock is right."""
        self._look(clock_watch.vouch)

    def _look(self, then: Callable[[Watched], Watched] | None = None) -> Watched:
        with self._lock:
            self._watched = clock_watch.look(self._watched, self._read())
            if then is not None:
                self._watched = then(self._watched)
            return self._watched

    def _read(self) -> Reading:
        while True:
            before, wall, after = self._steady(), self._wall.now(), self._steady()
            if after - before <= self._AT_ONCE_S:
                return Reading(wall, after)


class ManualClock:
    """A clock that moves only when told to: for tests, and for one's own experiments."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def set(self, when: datetime) -> None:
        """Move to `when`, forwards or backwards, and wake who waits."""
        self._now = when
        self._moved.set()
        self._moved = asyncio.Event()

    def advance(self, by: timedelta) -> None:
        """Move on by `by`, and wake who waits."""
        self.set(self._now + by)

    async def until(self, when: datetime) -> None:
        while self._now < when:
            await self._moved.wait()


class SharedClock:
    """A business clock in a file: anchor and rate, read by many processes, set by one.

    The file holds five little-endian 64-bit fields: a sequence number (odd while a write is
    under way), the real and the business anchor in nanoseconds since 1970, the rate as an IEEE
    double, and the sequence number again. A reader that sees two different, or an odd, sequence
    number reads again.
    """

    _LAYOUT = struct.Struct("<QqqdQ")
    _NAP_S = 0.02
    """How often a waiter looks: the rate may change, or the clock be stopped, at any moment."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Map `path`, as `SharedClock.create` made it. Raises FileNotFoundError, ValueError."""
        fd = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        try:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(fd, self._LAYOUT.size, access=access)
        finally:
            os.close(fd)

    @classmethod
    def create(cls, path: Path, start: datetime, rate: float = 0.0) -> "SharedClock":
        """Make the file, showing `start` and running at `rate` business seconds a second."""
        path.write_bytes(bytes(cls._LAYOUT.size))
        path.chmod(0o600)
        clock = cls(path, writable=True)
        clock._write(start, rate)
        return clock

    def _read(self) -> tuple[int, int, float]:
        while True:
            before, real, business, rate, after = self._LAYOUT.unpack(self._map[:])
            if before == after and before % 2 == 0:
                return real, business, rate

    def _write(self, business: datetime, rate: float) -> None:
        sequence = self._LAYOUT.unpack(self._map[:])[0]
        self._map[0:8] = struct.pack("<Q", sequence + 1)
        self._map[8:40] = struct.pack(
            "<qqdQ", time.time_ns(), _nanoseconds(business), rate, sequence + 2
        )
        self._map[0:8] = struct.pack("<Q", sequence + 2)

    @property
    def rate(self) -> float:
        """Business seconds a real second; 0 = stopped."""
        return self._read()[2]

    def set_rate(self, rate: float) -> None:
        """Run at `rate` from now on, without a jump. Only the clock's conductor does this."""
        self._write(self.now(), rate)

    def now(self) -> datetime:
        real, business, rate = self._read()
        passed = int((time.time_ns() - real) * rate)
        return _EPOCH + timedelta(microseconds=(business + passed) // 1000)

    async def until(self, when: datetime) -> None:
        while (left := (when - self.now()).total_seconds()) > 0:
            rate = self.rate
            nap = left / rate if rate else self._NAP_S
            await asyncio.sleep(min(nap, self._NAP_S))


def _nanoseconds(when: datetime) -> int:
    since = when - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def monotonic() -> float:
    """Seconds of a clock that never steps: for time-outs, back-off and durations."""
    return time.monotonic()
