"""How a confirmed dispatch is varied: its full periods, as they shall be from now on (profile 3).

    in force    0 ├─── 1.0 ───┤ 1 ├───────── 1.3 ─────────┤
                                       now ┊   ┊ from
    at_level                               ┊   ├── 0.8 ───┤
    varied      0 ├─── 1.0 ───┤ 1 ├─── 1.3 ────┤ 2 ├ 0.8 ─┤

State, not deltas: past periods stay, the running one keeps its id and ends at the change, what
does not change keeps its id too, and the rest gets ids that the thread never had. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ukprofile.flex.dispatch import Period, cut, edges, level_at

_SECOND = timedelta(seconds=1)


def may_change_from(plan: Iterable[Period], now: datetime) -> datetime:
    """The first instant that can still be varied at `now` (a whole second).

    A period that began this very second has to last one: it may not vanish any more.
    """
    return max([now, *(p.start + _SECOND for p in plan if p.start <= now < p.end)])


def at_level(
    plan: Iterable[Period],
    since: datetime,
    *,
    delta_w: int | None = None,
    setpoint_w: int | None = None,
) -> tuple[Period, ...]:
    """`plan` with another power from `since` on, wherever it asks for any then."""
    found: list[Period] = []
    for period in plan:
        other = replace(
            period, start=max(period.start, since), delta_w=delta_w, setpoint_w=setpoint_w
        )
        if replace(other, start=period.start) == period or period.end <= since:
            found.append(period)
        else:
            found += [*cut([period], since), other]
    return tuple(found)


def until(plan: Sequence[Period], end: datetime) -> tuple[Period, ...]:
    """`plan` with another end: cut there, or its last power going on."""
    last = plan[-1]
    if end <= last.end:
        return cut(plan, end)
    return (*plan, replace(last, start=last.end, end=end))


def varied(
    plan: Sequence[Period], wanted: Iterable[Period], now: datetime, next_id: int
) -> tuple[Period, ...]:
    """The periods of a variation: `wanted`, with the ids that profile 3 asks for.

    `plan` is what is in force; the ids of `wanted` do not matter, its times before
    `may_change_from` must be those of `plan`. `next_id` is above every id of the thread.
    """
    found: list[Period] = []
    for piece in _joined(wanted, edges(plan)):
        kept = next((p.id for p in plan if _stays(p, piece, now)), None)
        if kept is not None:
            found.append(replace(piece, id=kept))
        elif found and found[-1].id >= next_id and _goes_on(found[-1], piece):
            found[-1] = replace(found[-1], end=piece.end)
        else:
            new_id = next_id + sum(p.id >= next_id for p in found)
            found.append(replace(piece, id=new_id))
    return tuple(found)


def first_change(plan: Sequence[Period], new: Sequence[Period], since: datetime) -> datetime | None:
    """When `new` begins to ask for something else than `plan`, from `since` on; None = never."""
    return next((at for at, old, level in _levels(plan, new, since) if old != level), None)


def changes(plan: Sequence[Period], new: Sequence[Period], since: datetime) -> tuple[str, ...]:
    """What a variation does, in words: increase, decrease, extension, shortening."""
    ends = [periods[-1].end if periods else since for periods in (plan, new)]
    common = [pair for at, *pair in _levels(plan, new, since) if at < min(ends)]
    said = {
        "increase": any(level > old for old, level in common),
        "decrease": any(level < old for old, level in common),
        "extension": ends[1] > ends[0],
        "shortening": ends[1] < ends[0],
    }
    return tuple(word for word, holds in said.items() if holds)


def _stays(old: Period, piece: Period, now: datetime) -> bool:
    """Whether `piece` is `old` unchanged, or `old` as it runs, with another end."""
    same = (old.start, old.delta_w, old.setpoint_w) == (
        piece.start,
        piece.delta_w,
        piece.setpoint_w,
    )
    return same and (old.end == piece.end or old.start <= now < old.end)


def _joined(wanted: Iterable[Period], edged: Sequence[datetime]) -> Iterator[Period]:
    """The pieces, without seams at which nothing changes and nothing did before."""
    whole: Period | None = None
    for piece in wanted:
        if whole is not None and _goes_on(whole, piece) and piece.start not in edged:
            whole = replace(whole, end=piece.end)
            continue
        if whole is not None:
            yield whole
        whole = piece
    if whole is not None:
        yield whole


def _goes_on(one: Period, following: Period) -> bool:
    power = (one.delta_w, one.setpoint_w) == (following.delta_w, following.setpoint_w)
    return power and one.end == following.start


def _levels(
    plan: Sequence[Period], new: Sequence[Period], since: datetime
) -> Iterator[tuple[datetime, int, int]]:
    """Each instant from `since` on at which a level may change, and both levels there."""
    for at in sorted({since, *(edge for edge in edges(plan, new) if edge >= since)}):
        yield at, level_at(plan, at), level_at(new, at)
