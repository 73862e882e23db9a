"""Overlapping dispatches become ordered levels: drawn cases, and properties of all."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ukprofile.flex.dispatch import Period
from ukprofile.timeline import Level, Plan, level_now, timeline

T = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)


def minutes(n: int) -> datetime:
    return T + timedelta(minutes=n)


def plan(
    thread: str, *periods: tuple[int, int, int], absolute: bool = False, revision: int = 1
) -> Plan:
    made = tuple(
        Period(i, minutes(a), minutes(b), None if absolute else w, w if absolute else None)
        for i, (a, b, w) in enumerate(periods)
    )
    return Plan(thread, revision, frozenset({"A"}), made)


def test_two_dispatches_that_overlap_add_up() -> None:
    levels = timeline([plan("D1", (0, 60, 1000)), plan("D2", (30, 90, 400))], "A")
    assert levels == (
        Level(minutes(0), minutes(30), 1000, None, ("D1",)),
        Level(minutes(30), minutes(60), 1400, None, ("D1", "D2")),
        Level(minutes(60), minutes(90), 400, None, ("D2",)),
    )


def test_periods_of_one_level_that_touch_are_one_level() -> None:
    levels = timeline([plan("D1", (0, 30, 1000), (30, 60, 1000))], "A")
    assert levels == (Level(minutes(0), minutes(60), 1000, None, ("D1",)),)


def test_a_pause_stays_a_pause() -> None:
    levels = timeline([plan("D1", (0, 30, 1000), (45, 60, 1000))], "A")
    assert [(level.start, level.end) for level in levels] == [
        (minutes(0), minutes(30)),
        (minutes(45), minutes(60)),
    ]
    assert level_now(levels, minutes(30)) is None
    assert level_now(levels, minutes(45)) == levels[1]
    assert level_now(levels, minutes(60)) is None


def test_a_set_point_hides_relative_levels_and_the_newest_counts() -> None:
    levels = timeline(
        [
            plan("D1", (0, 60, 1000)),
            plan("D2", (10, 20, -500), absolute=True, revision=2),
            plan("D3", (10, 20, -700), absolute=True, revision=3),
        ],
        "A",
    )
    assert [(x.delta_w, x.setpoint_w, x.threads) for x in levels] == [
        (1000, None, ("D1",)),
        (None, -700, ("D3",)),
        (1000, None, ("D1",)),
    ]


def test_dispatches_of_other_assets_do_not_concern_this_one() -> None:
    assert timeline([plan("D1", (0, 60, 1000))], "B") == ()


@st.composite
def plans(draw: st.DrawFn) -> list[Plan]:
    made = []
    for number in range(draw(st.integers(0, 4))):
        at, periods = draw(st.integers(0, 100)), []
        for _ in range(draw(st.integers(1, 4))):
            end = at + draw(st.integers(1, 40))
            periods.append((at, end, draw(st.integers(-1000, 1000))))
            at = end + draw(st.integers(0, 20))
        made.append(plan(f"D{number}", *periods))
    return made


@given(plans())
def test_levels_are_in_order_and_never_overlap(made: list[Plan]) -> None:
    levels = timeline(made, "A")
    assert all(level.start < level.end for level in levels)
    assert all(a.end <= b.start for a, b in itertools.pairwise(levels))


@given(plans(), st.integers(-10, 400))
def test_at_every_instant_the_level_is_the_sum_of_what_is_asked(made: list[Plan], n: int) -> None:
    when = minutes(n)
    lit = [p for one in made for p in one.periods if p.start <= when < p.end]
    level = level_now(timeline(made, "A"), when)
    assert (level is not None) == bool(lit)
    if level is not None:
        assert level.delta_w == sum(p.delta_w or 0 for p in lit)


@given(plans())
def test_the_order_in_which_dispatches_arrive_does_not_matter(made: list[Plan]) -> None:
    assert timeline(made, "A") == timeline(made[::-1], "A")
