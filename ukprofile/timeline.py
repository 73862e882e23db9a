"""From the plans of several dispatches to what each asset is to do, and when.

    DSP-0001   ├──── 1.0 MW ────┤
    DSP-0002            ├──── 0.4 MW ────┤
    ───────────────────────────────────────────────▶ t
    levels     ├─ 1.0 ──┤─ 1.4 ─┤── 0.4 ─┤

Two confirmed dispatches that overlap on one asset add up (profile 5, contract rule `sum`); a
set-point, which is absolute, cannot be added to anything: of several the newest one counts, and
while it lasts it hides every relative level. Pure: no clock, no order of arrival, no memory.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ukprofile.flex.dispatch import Period


@dataclass(frozen=True, slots=True)
class Plan:
    """One dispatch as it stands: its thread, its newest revision, its assets, its periods."""

    thread: str
    revision: int
    assets: frozenset[str]
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """What is asked from `start` until, but not including, `end` (aware, UTC).

    Either `delta_w` (watts against the baseline, + = more export or less import) or `setpoint_w`
    (absolute watts, + = export). `threads` are the dispatches that ask for it.
    """

    start: datetime
    end: datetime
    delta_w: int | None
    setpoint_w: int | None
    threads: tuple[str, ...]


def timeline(plans: Iterable[Plan], asset_id: str) -> tuple[Level, ...]:
    """What `asset_id` is to do: ordered, non-overlapping levels, neighbours alike joined.

    The level is the total of the dispatch over its assets: whoever owns several shares it out.
    """
    mine = [plan for plan in plans if asset_id in plan.assets]
    edges = sorted({e for plan in mine for p in plan.periods for e in (p.start, p.end)})
    levels: list[Level] = []
    for start, end in itertools.pairwise(edges):
        level = _level(mine, start, end)
        if level is None:
            continue
        if levels and _continues(levels[-1], level):
            last = levels.pop()
            level = Level(last.start, end, level.delta_w, level.setpoint_w, level.threads)
        levels.append(level)
    return tuple(levels)


def level_now(levels: Sequence[Level], when: datetime) -> Level | None:
    """The level at `when`; None where nothing is asked."""
    return next((level for level in levels if level.start <= when < level.end), None)


def _level(plans: Sequence[Plan], start: datetime, end: datetime) -> Level | None:
    lit = [(plan, p) for plan in plans for p in plan.periods if p.start <= start < p.end]
    if not lit:
        return None
    absolute = [(plan, p) for plan, p in lit if p.setpoint_w is not None]
    if absolute:
        plan, period = max(absolute, key=lambda found: (found[0].revision, found[0].thread))
        return Level(start, end, None, period.setpoint_w, (plan.thread,))
    threads = tuple(sorted({plan.thread for plan, _ in lit}))
    return Level(start, end, sum(p.delta_w or 0 for _, p in lit), None, threads)


def _continues(last: Level, following: Level) -> bool:
    return last.end == following.start and (last.delta_w, last.setpoint_w, last.threads) == (
        following.delta_w,
        following.setpoint_w,
        following.threads,
    )
