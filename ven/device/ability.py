"""What devices could do, and whether it is enough. Pure.

    energy, could give    ▔▔╲______            falls as its baseline draws on it
    asked + promised       ╱▔▔▔▔▔              what would have been given by then
                           fits where the lower line never passes the upper one

A forecast is a row of steps in order. Powers are changes against the device's own baseline; what
has been promised to others is not in it, and is counted beside what is asked. A promise that could
not be kept anyway is no reason to refuse something else.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from ukprofile.errors import ProfileError

_HOUR = timedelta(hours=1)
_TRIFLE_WH = 1e-6


class ForecastError(ProfileError):
    """A forecast file cannot be read; the text names line and column."""


@dataclass(frozen=True, slots=True)
class Ability:
    """What one device could do for `start <= t < end` (aware, UTC), watts against its baseline.

    `most_w` is the greatest rise (+ = export), `least_w` the greatest fall, never above 0.
    `give_wh` and `take_wh` are what it could have given, and taken, by its start and by its end
    if nothing were asked of it before; None = no limit. `baseline_w` is what it does unasked, and
    `ramp_w_per_s` how fast its power changes; None = at once.
    """

    start: datetime
    end: datetime
    least_w: int
    most_w: int
    baseline_w: int = 0
    give_wh: tuple[float, float] | None = None
    take_wh: tuple[float, float] | None = None
    ramp_w_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What one device is to do for `start <= t < end`: `delta_w` watts against its baseline."""

    start: datetime
    end: datetime
    delta_w: int


def fits(
    forecast: Sequence[Ability],
    loads: Iterable[Load],
    beside: Iterable[Load] = (),
    ramp: timedelta | None = None,
) -> bool:
    """Whether a device could do all of `loads` at once, `beside` what it has promised.

    Nothing fits where it has no forecast. A new level is to be reached within `ramp`; None = in
    any time.
    """
    told = [load for load in loads if load.delta_w]
    others = [load for load in beside if load.delta_w]
    given = promised = 0.0
    before = 0
    for ability in _cut(forecast, [*told, *others]):
        mine, theirs = _at(told, ability.start), _at(others, ability.start)
        length = (ability.end - ability.start) / _HOUR
        given += (mine + theirs) * length
        promised += theirs * length
        broken = _breaks(ability, mine + theirs, given)
        if broken and (mine or not _breaks(ability, theirs, promised)):
            return False
        if mine and not _reaches(ability, mine + theirs - before, ramp):
            return False
        before = mine + theirs
    return all(_covered(forecast, load) for load in told)


def _at(loads: Iterable[Load], when: datetime) -> int:
    return sum(load.delta_w for load in loads if load.start <= when < load.end)


def _breaks(ability: Ability, watts: int, given_wh: float) -> bool:
    """Whether that is too much power, or energy; at rest it need not hold out: only its own
    baseline suffers.
    """
    if not ability.least_w <= watts <= ability.most_w:
        return True
    return bool(watts) and not _within(given_wh, ability)


def _reaches(ability: Ability, change_w: int, ramp: timedelta | None) -> bool:
    if ramp is None or ability.ramp_w_per_s is None:
        return True
    return abs(change_w) <= ability.ramp_w_per_s * ramp.total_seconds()


def _within(given_wh: float, ability: Ability) -> bool:
    give, take = ability.give_wh, ability.take_wh
    gives = give is None or given_wh <= give[1] + _TRIFLE_WH
    return gives and (take is None or -given_wh <= take[1] + _TRIFLE_WH)


def _cut(forecast: Sequence[Ability], loads: Sequence[Load]) -> Iterable[Ability]:
    """The steps, cut at every edge of a load; energies within a step change in a straight line."""
    edges = sorted({edge for load in loads for edge in (load.start, load.end)})
    for step in forecast:
        inside = [step.start, *(e for e in edges if step.start < e < step.end), step.end]
        for start, end in pairwise(inside):
            yield replace(
                step,
                start=start,
                end=end,
                give_wh=_line(step, step.give_wh, start, end),
                take_wh=_line(step, step.take_wh, start, end),
            )


def _line(
    step: Ability, energy: tuple[float, float] | None, start: datetime, end: datetime
) -> tuple[float, float] | None:
    if energy is None:
        return None
    slope = (energy[1] - energy[0]) / ((step.end - step.start) / _HOUR)
    first, last = ((at - step.start) / _HOUR for at in (start, end))
    return energy[0] + slope * first, energy[0] + slope * last


def _covered(forecast: Sequence[Ability], load: Load) -> bool:
    """Whether the forecast speaks of all of the load, without a gap."""
    reached = load.start
    for step in forecast:
        if step.start <= reached < step.end:
            reached = step.end
    return reached >= load.end


def larger(dispatched: Sequence[Load], reserved: Sequence[Load]) -> tuple[Load, ...]:
    """What is dispatched, and what a reservation for it asks for beyond that.

    A dispatch uses up what was reserved for it, so the two do not add up: instant by instant the
    greater one counts.
    """
    edges = sorted({e for load in (*dispatched, *reserved) for e in (load.start, load.end)})
    found = list(dispatched)
    for start, end in pairwise(edges):
        used, kept = _at(dispatched, start), _at(reserved, start)
        if abs(kept) > abs(used):
            found.append(Load(start, end, kept - used))
    return tuple(found)


def without(forecast: Iterable[Ability], start: datetime, end: datetime) -> tuple[Ability, ...]:
    """The forecast of a device that does nothing for `start <= t < end`."""
    return tuple(
        replace(step, least_w=0, most_w=0) if start <= step.start < end else step
        for step in _cut(tuple(forecast), (Load(start, end, 0),))
    )


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
