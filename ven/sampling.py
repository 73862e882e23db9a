"""From looks at a device to readings of equal length. Pure.

    looks       o    o    o    o    x    x    o    o        x: the device did not answer
    readings  │  actual   │  actual   │estimated│
              16:00       16:01       16:02

Between two looks an energy counter says exactly what flowed, and where it has none, power is
taken to go from one look to the next in a straight line. A device that was silent, or not looked
at for two intervals, leaves a hole: a counter still says how much flowed in it, though not when;
without one nobody knows. What is not known is never made up: a reading that is known in part is
"estimated" from that part, and of a hole that fills it there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ukprofile.flex.energy import Reading, nearest, part

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_SECOND = 1_000_000
_LONGEST_HOLE = timedelta(days=1)
"""A counter is not asked to bridge more: nobody could say on which day it was."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a device did at `at`: watts, + = export; its counter in watt-seconds, None for none.

    `after_silence` says that it did not answer, or was not asked, since the sample before.
    """

    at: datetime
    power_w: int
    baseline_w: int
    exported_ws: int | None = None
    after_silence: bool = False


def whole_before(at: datetime, interval_s: int) -> datetime:
    """The last edge of an interval at or before `at`; intervals are counted from 1970."""
    length = timedelta(seconds=interval_s)
    return _EPOCH + (at - _EPOCH) // length * length


def readings(samples: Sequence[Sample], since: datetime, interval_s: int) -> list[Reading]:
    """A reading for each interval from `since` (an edge) that has ended with the last sample."""
    length = timedelta(seconds=interval_s)
    spans = [_Span(a, b, 2 * length) for a, b in pairwise(samples)]
    known = [span for span in spans if span.known]
    until = whole_before(samples[-1].at, interval_s)
    starts = {at for span in known for at in _edges(span, since, until, length)}
    return [_reading(known, start, length) for start in sorted(starts)]


def _edges(
    span: "_Span", since: datetime, until: datetime, length: timedelta
) -> Iterator[datetime]:
    """The starts of the intervals that a span touches."""
    start = max(since, whole_before(span.start, length // timedelta(seconds=1)))
    while start < min(until, span.end):
        yield start
        start += length


def _reading(spans: Sequence["_Span"], start: datetime, length: timedelta) -> Reading:
    end = start + length
    known = [s for s in spans if s.start < end and s.end > start]
    covered = sum((min(end, s.end) - max(start, s.start)) // _MICRO for s in known)
    exported = sum(s.exported_ws(max(start, s.start), min(end, s.end)) for s in known)
    baseline = sum(s.baseline_ws(max(start, s.start), min(end, s.end)) for s in known)
    whole = length // _MICRO
    actual = covered == whole and all(s.sure(start, end) for s in known)
    return Reading(
        start,
        length // timedelta(seconds=1),
        nearest(exported * whole, covered),
        nearest(baseline * whole, covered),
        "actual" if actual else "estimated",
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """The time between two samples."""

    before: Sample
    after: Sample
    longest: timedelta

    @property
    def start(self) -> datetime:
        return self.before.at

    @property
    def end(self) -> datetime:
        return self.after.at

    @property
    def hole(self) -> bool:
        return self.after.after_silence or self.end - self.start > self.longest

    @property
    def counted_ws(self) -> int | None:
        """What the counter says of the whole span."""
        if self.before.exported_ws is None or self.after.exported_ws is None:
            return None
        return self.after.exported_ws - self.before.exported_ws

    @property
    def known(self) -> bool:
        bridged = self.counted_ws is not None and self.end - self.start <= _LONGEST_HOLE
        return bridged or not self.hole

    def sure(self, start: datetime, end: datetime) -> bool:
        """Whether what it says of an interval is no guess: a counter knows how much, if all of
        the span lies in it.
        """
        inside = start <= self.start and self.end <= end
        return not self.hole or (inside and self.counted_ws is not None)

    def exported_ws(self, begin: datetime, until: datetime) -> int:
        counted = self.counted_ws
        if counted is not None:
            return part(counted, self.end - self.start, begin - self.start, until - self.start)
        return self._ramped(until - self.start) - self._ramped(begin - self.start)

    def _ramped(self, after: timedelta) -> int:
        """Watt-seconds since the first sample, along the straight line to the second."""
        whole, at = (self.end - self.start) // _MICRO, after // _MICRO
        gap = self.after.power_w - self.before.power_w
        return nearest(2 * whole * self.before.power_w * at + gap * at * at, 2 * whole * _SECOND)

    def baseline_ws(self, begin: datetime, until: datetime) -> int:
        """A baseline is a plan: it holds until the device says otherwise."""
        watts = self.before.baseline_w
        first, last = (begin - self.start) // _MICRO, (until - self.start) // _MICRO
        return nearest(watts * last, _SECOND) - nearest(watts * first, _SECOND)
