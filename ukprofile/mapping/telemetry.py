"""Readings of one asset as a report of telemetry, and back (profile 1).

    resource   intervalPeriod  start of the first interval, length of each: they follow each other
    interval   DEMAND          mean power in kW as OpenADR means it: + = import
               DATA_QUALITY    ESTIMATED, or MISSING in place of a value; OK is not said

What is read back is the mean power to the watt, + = export; what the asset would have done unasked
stands in no report.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ukprofile.flex.energy import Quality, Reading
from ukprofile.openadr import (
    DateTime,
    Duration,
    Interval,
    IntervalPeriod,
    ReportResource,
    ValuesMap,
)

_LONDON = ZoneInfo("Europe/London")
_MOST_KW = 1e9
"""More is no power of an asset."""
_MOST = 1500
"""The newest so many intervals are shown: a day of 25 hours, minute by minute."""


def name_of(asset_id: str, day: datetime) -> str:
    """The name of the report of an asset on the London day that begins at `day`."""
    return f"TELEMETRY-{asset_id}-{day.astimezone(_LONDON):%Y-%m-%d}"


def shown_since(read: Sequence[Reading]) -> datetime:
    """From when on readings (at least one) are shown."""
    return max(read[0].start, read[-1].end - _MOST * timedelta(seconds=read[-1].seconds))


def resource(asset_id: str, read: Sequence[Reading]) -> ReportResource:
    """Readings (in order, at least one, of equal length) as intervals that follow each other.

    Where there is no reading the interval says MISSING; `id` counts from the first one shown.
    """
    length = timedelta(seconds=read[-1].seconds)
    first = shown_since(read)
    count = (read[-1].end - first) // length
    places = {(r.start - first) // length: r for r in read if r.start >= first}
    return ReportResource(
        resource_name=asset_id,
        interval_period=IntervalPeriod(start=DateTime.of(first), duration=Duration.of(length)),
        intervals=tuple(Interval(id=n, payloads=_payloads(places.get(n))) for n in range(count)),
    )


def _payloads(reading: Reading | None) -> tuple[ValuesMap, ...]:
    if reading is None:
        return (ValuesMap(type="DATA_QUALITY", values=("MISSING",)),)
    # 0 - x, since a battery at rest has no demand of -0.0
    demand = ValuesMap(type="DEMAND", values=((0 - reading.power_w) / 1000,))
    if reading.quality == "actual":
        return (demand,)
    return (demand, ValuesMap(type="DATA_QUALITY", values=("ESTIMATED",)))


def as_shown(asset_id: str, read: Sequence[Reading]) -> tuple[Reading, ...]:
    """What a reader of the report makes of them."""
    return tuple(readings_of(resource(asset_id, read))) if read else ()


def readings_of(shown: ReportResource) -> Iterator[Reading]:
    """The readings in such a resource, in order; none of what says MISSING or is no number.

    Written by anybody: an interval may state its own start and length.
    """
    usual = shown.interval_period or IntervalPeriod()
    for place, interval in enumerate(shown.intervals):
        own = interval.interval_period or IntervalPeriod()
        start, duration = own.start or usual.start, own.duration or usual.duration
        demand = _power(interval)
        if start is None or duration is None or duration.is_infinite or demand is None:
            continue
        seconds = duration.seconds
        if not isinstance(seconds, int) or not 0 < seconds <= 86_400:
            continue
        began = start.instant if own.start else start.instant + place * timedelta(seconds=seconds)
        yield Reading(began, seconds, demand * seconds, 0, _quality(interval))


def _power(interval: Interval) -> int | None:
    """Mean watts, + = export."""
    for payload in interval.payloads:
        if payload.type == "DEMAND" and payload.values:
            value = payload.values[0]
            if isinstance(value, int | float) and not isinstance(value, bool):
                return round(-1000 * value) if abs(value) < _MOST_KW else None
    return None


def _quality(interval: Interval) -> Quality:
    said = {p.values[0] for p in interval.payloads if p.type == "DATA_QUALITY" and p.values}
    return "estimated" if "ESTIMATED" in said else "actual"
