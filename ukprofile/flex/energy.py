"""Energy of readings, and what of it a dispatch delivered. Pure, in whole watt-seconds.

    readings   │·····│·····│·····│·····│·····│     a minute each, + = export
    asked            ├── +1,000,000 W ──┤           delivered: the gain over the baseline, there
    series     ├───── 16:00 ─────┼───── 16:30 ───   half hours of the London day

Rounding is to the nearest whole unit, halves upwards. A series of watt-hours is rounded where
its running total stands, so that the hours of a day add up to the day: no interval is wrong by
1 Wh, and no watt-hour is lost between two of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Literal

Series = tuple[int, ...]
Quality = Literal["actual", "estimated", "missing"]

_HOUR_S = 3600
_MICRO = timedelta(microseconds=1)
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What flowed for `seconds` from `start` (aware, UTC), and what would have flowed unasked.

    Energies in watt-seconds at the connection point, + = export. `quality` is "estimated" where
    the device did not answer for a part; of a time nobody knows anything of there is no reading.
    """

    start: datetime
    seconds: int
    exported_ws: int
    baseline_ws: int
    quality: Quality = "actual"

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    @property
    def power_w(self) -> int:
        """Mean power, + = export."""
        return nearest(self.exported_ws, self.seconds)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dispatch asked of one asset for `start <= t < end`: a change, or a set-point (W).

    `beside_w` are the changes that other dispatches asked of it in the same time.
    """

    start: datetime
    end: datetime
    delta_w: int | None = None
    setpoint_w: int | None = None
    beside_w: Series = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """One value for each interval: mean watts (+ = export), and watt-hours as asked.

    A value of quality "missing" is 0 and says nothing; one that is known in part is the mean, or
    the energy, of what is known.
    """

    metered_w: Series
    baseline_w: Series
    delivered_wh: Series
    quality: tuple[Quality, ...]


def nearest(amount: int, per: int) -> int:
    """`amount / per` (per above 0) to the nearest whole number, halves upwards."""
    return (2 * amount + per) // (2 * per)


def watt_hours(amounts_ws: Sequence[int]) -> Series:
    """Watt-seconds of one interval after another as watt-hours that add up to their total."""
    totals = (nearest(total, _HOUR_S) for total in accumulate(amounts_ws, initial=0))
    return tuple(after - before for before, after in pairwise(totals))


def part(amount: int, length: timedelta, begin: timedelta, end: timedelta) -> int:
    """What of an `amount` that is spread evenly over `length` falls between two of its instants.

    Neighbouring parts add up exactly.
    """
    whole = length // _MICRO
    return nearest(amount * (end // _MICRO), whole) - nearest(amount * (begin // _MICRO), whole)


def rebased(
    readings: Sequence[Reading], start: datetime, interval_s: int, baseline_w: Series
) -> tuple[Reading, ...]:
    """The readings against another baseline, where that one has a value for them."""
    found = []
    for reading in readings:
        place = (reading.start - start) // timedelta(seconds=interval_s)
        known = 0 <= place < len(baseline_w)
        found.append(
            replace(reading, baseline_ws=baseline_w[place] * reading.seconds) if known else reading
        )
    return tuple(found)


def tally(
    readings: Sequence[Reading],
    asked: Sequence[Asked],
    start: datetime,
    end: datetime,
    interval_s: int,
) -> Tally:
    """What was metered and delivered in each interval from `start` until `end`."""
    step = timedelta(seconds=interval_s)
    sums = [_Sum() for _ in range((end - start) // step)]
    for reading in readings:
        for place in _places(reading, start, step, len(sums)):
            began = start + place * step
            sums[place].add(reading, asked, began, began + step)
    return Tally(
        tuple(one.mean(one.exported_ws) for one in sums),
        tuple(one.mean(one.baseline_ws) for one in sums),
        watt_hours([one.delivered_ws for one in sums]),
        tuple(one.quality(step) for one in sums),
    )


def _places(reading: Reading, start: datetime, step: timedelta, count: int) -> range:
    """The intervals that a reading touches."""
    first = (reading.start - start) // step
    last = -((start - reading.end) // step)
    return range(max(0, first), min(count, last))


@dataclass(slots=True)
class _Sum:
    """What the readings of one interval add up to."""

    covered: int = 0
    exported_ws: int = 0
    baseline_ws: int = 0
    delivered_ws: int = 0
    actual: bool = True

    def add(self, reading: Reading, asked: Sequence[Asked], start: datetime, end: datetime) -> None:
        begin, until = max(start, reading.start), min(end, reading.end)
        self.covered += (until - begin) // _MICRO
        self.exported_ws += _of(reading, reading.exported_ws, begin, until)
        self.baseline_ws += _of(reading, reading.baseline_ws, begin, until)
        self.delivered_ws += sum(_delivered(reading, asked, begin, until))
        self.actual = self.actual and reading.quality == "actual"

    def mean(self, amount_ws: int) -> int:
        return nearest(amount_ws * _SECOND, self.covered) if self.covered else 0

    def quality(self, length: timedelta) -> Quality:
        if not self.covered:
            return "missing"
        whole = self.covered == length // _MICRO
        return "actual" if whole and self.actual else "estimated"


def _delivered(
    reading: Reading, asked: Sequence[Asked], begin: datetime, until: datetime
) -> Iterator[int]:
    """The watt-seconds of each thing asked, positive in the direction that was asked for."""
    for one in asked:
        first, last = max(begin, one.start), min(until, one.end)
        if first < last:
            flown = _of(reading, reading.exported_ws, first, last)
            base = _of(reading, reading.baseline_ws, first, last)
            yield _credited(one, flown - base, base, (last - first) // _MICRO)


def _credited(one: Asked, gain_ws: int, baseline_ws: int, micros: int) -> int:
    """The gain of one dispatch. Of several on one asset each has what it asked for, and what was
    too little or too much is shared out by their size: together they have the whole gain, once.
    """
    if one.setpoint_w is not None:
        wanted = nearest(one.setpoint_w * micros, _SECOND) - baseline_ws
    else:
        wanted = nearest((one.delta_w or 0) * micros, _SECOND)
    if wanted == 0:
        return 0
    if one.beside_w:
        beside = [nearest(watts * micros, _SECOND) for watts in one.beside_w]
        over = gain_ws - wanted - sum(beside)
        gain_ws = wanted + nearest(over * abs(wanted), abs(wanted) + sum(map(abs, beside)))
    return gain_ws if wanted > 0 else -gain_ws


def _of(reading: Reading, amount_ws: int, begin: datetime, until: datetime) -> int:
    length = timedelta(seconds=reading.seconds)
    return part(amount_ws, length, begin - reading.start, until - reading.start)
