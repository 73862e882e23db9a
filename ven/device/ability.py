"""What devices could do, and whether it is enough. Pure.

    energy, could give    ▔▔╲______            falls as its baseline draws on it
    asked + promised       ╱▔▔▔▔▔              what would have been given by then
                           fits where the lower line never passes the upper one

A forecast is a row of steps in order. Powers are changes against the device's own baseline; what
has been promised to others is not in it, and is counted beside what is asked.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from ukprofile.errors import ProfileError

_HOUR = timedelta(hours=1)


class ForecastError(ProfileError):
    """A forecast file cannot be read; the text names line and column."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What one device could do for `start <= t < end` (aware, UTC), watts against its baseline.

    `most_w` is the greatest rise (+ = export), `least_w` the greatest fall, never above 0.
    `give_wh` and `take_wh` are what it could have given, and taken, by the end of this step if
    nothing were asked of it before; None = no limit. `baseline_w` is what it does unasked.
    """

    start: datetime
    end: datetime
    least_w: int
    most_w: int
    baseline_w: int = 0
    give_wh: float | None = None
    take_wh: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What one device is to do for `start <= t < end`: `delta_w` watts against its baseline."""

    start: datetime
    end: datetime
    delta_w: int


def fits(forecast: Sequence[Ability], loads: Iterable[Load]) -> bool:
    """Whether a device could do all of `loads` at once; nothing fits where it has no forecast."""
    told = [load for load in loads if load.delta_w]
    given = 0.0
    for ability in _cut(forecast, told):
        watts = sum(load.delta_w for load in told if load.start <= ability.start < load.end)
        if not ability.least_w <= watts <= ability.most_w:
            return False
        given += watts * ((ability.end - ability.start) / _HOUR)
        if ability.give_wh is not None and given > ability.give_wh + 1e-6:
            return False
        if ability.take_wh is not None and -given > ability.take_wh + 1e-6:
            return False
    return all(_covered(forecast, load) for load in told)


def _cut(forecast: Sequence[Ability], loads: Sequence[Load]) -> Iterable[Ability]:
    """The steps, cut at every edge of a load; energies within a step fall in a straight line."""
    edges = sorted({edge for load in loads for edge in (load.start, load.end)})
    before: Ability | None = None
    for step in forecast:
        inside = [step.start, *(e for e in edges if step.start < e < step.end), step.end]
        for start, end in pairwise(inside):
            share = (end - step.start) / (step.end - step.start)
            yield Ability(
                start,
                end,
                step.least_w,
                step.most_w,
                step.baseline_w,
                _between(before.give_wh if before else None, step.give_wh, share),
                _between(before.take_wh if before else None, step.take_wh, share),
            )
        before = step


def _between(before: float | None, after: float | None, share: float) -> float | None:
    if after is None or before is None:
        return after
    return before + (after - before) * share


def _covered(forecast: Sequence[Ability], load: Load) -> bool:
    """Whether the forecast speaks of all of the load, without a gap."""
    reached = load.start
    for step in forecast:
        if step.start <= reached < step.end:
            reached = step.end
    return reached >= load.end


def without(forecast: Iterable[Ability], start: datetime, end: datetime) -> tuple[Ability, ...]:
    """The forecast of a device that does nothing for `start <= t < end`."""
    found: list[Ability] = []
    for step in forecast:
        edges = [step.start, *(e for e in (start, end) if step.start < e < step.end), step.end]
        for first, last in pairwise(edges):
            idle = start <= first < end
            least, most = (0, 0) if idle else (step.least_w, step.most_w)
            found.append(
                Ability(first, last, least, most, step.baseline_w, step.give_wh, step.take_wh)
            )
    return tuple(found)


def read_forecast(path: Path) -> Mapping[str, tuple[Ability, ...]]:
    """A forecast file: CSV with the columns asset_id, start, end, delta_w; times with an offset.

    What stands in it is what could be asked, and no more: from 0 to `delta_w`. Raises
    ForecastError, naming line and column.
    """
    found: dict[str, list[Ability]] = defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, strict=True)
            lacking = {"asset_id", "start", "end", "delta_w"} - set(rows.fieldnames or ())
            if lacking:
                raise ForecastError(f"{path}: line 1 lacks the column {min(lacking)}")
            for row in rows:
                found[row["asset_id"]].append(_row(row, f"{path}: line {rows.line_num}"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ForecastError(f"{path}: {error}") from error
    for asset_id, steps in found.items():
        steps.sort(key=lambda step: step.start)
        if any(one.end > other.start for one, other in pairwise(steps)):
            raise ForecastError(f"{path}: the rows of {asset_id} overlap")
    return {asset_id: tuple(steps) for asset_id, steps in found.items()}


def _row(row: Mapping[str, str | None], where: str) -> Ability:
    start, end = (_time(row, name, where) for name in ("start", "end"))
    try:
        watts = int(row["delta_w"] or "")
    except ValueError:
        raise ForecastError(f"{where}, delta_w: whole watts are due") from None
    if start >= end:
        raise ForecastError(f"{where}, end: not after the start")
    return Ability(start, end, min(watts, 0), max(watts, 0))


def _time(row: Mapping[str, str | None], name: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(row[name] or "")
    except ValueError:
        raise ForecastError(f"{where}, {name}: a time such as 2026-11-24T16:30:00Z") from None
    if found.tzinfo is None:
        raise ForecastError(f"{where}, {name}: its offset is missing; Z is UTC")
    return found.astimezone(UTC)
