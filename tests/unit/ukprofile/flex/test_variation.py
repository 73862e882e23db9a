"""Varying periods: ids as profile 3 asks, levels as ordered, nothing of the past touched."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.made import body, header, held, minute, period
from ukprofile.flex.dispatch import Thread, cut, edges, level_at
from ukprofile.flex.variation import (
    at_level,
    changes,
    first_change,
    may_change_from,
    until,
    varied,
)
from ukprofile.rules.dispatch import RULES
from ukprofile.rules.rule import Case, violations

TWO = (period(0, 60, 90, 1000), period(1, 90, 150, 1300))
SHAPES = [r for r in RULES if r.reason in ("VARIATION_PAST_CHANGED", "PERIODS_INVALID")]


def faults(plan, new, now):
    """What the rules of a variation say of `new`, issued at minute `now` over `plan`."""
    case = Case(
        header=header("variation", now),
        body=body(*new),
        periods=new,
        thread=Thread((held("instruction", 0, *plan),)),
        plan=tuple(plan),
    )
    return [violation.detail for violation in violations(SHAPES, case)]


def vary(plan, wanted, now):
    return varied(plan, wanted, minute(now), 1 + max(p.id for p in plan))


def test_the_golden_change_cuts_the_running_period_and_names_the_rest_anew():
    new = vary(TWO, at_level(TWO, minute(110), delta_w=800), 100)
    assert new == (TWO[0], period(1, 90, 110, 1300), period(2, 110, 150, 800))
    assert faults(TWO, new, 100) == []


def test_a_level_is_that_of_everything_to_come_gaps_aside():
    gap = (period(0, 60, 90, 1000), period(1, 100, 150, 1300), period(2, 150, 160, 800))
    new = vary(gap, at_level(gap, minute(70), delta_w=800), 65)
    assert new == (
        period(0, 60, 70, 1000),
        period(3, 70, 90, 800),
        period(4, 100, 150, 800),
        period(2, 150, 160, 800),  # as it was, so it stays what it was
    )


def test_what_joins_at_one_new_level_is_one_period():
    new = vary(TWO, at_level(TWO, minute(70), delta_w=800), 65)
    assert new == (period(0, 60, 70, 1000), period(2, 70, 150, 800))


def test_a_level_that_runs_already_is_not_cut():
    assert vary(TWO, at_level(TWO, minute(70), delta_w=1000), 65) == (
        TWO[0],
        period(2, 90, 150, 1000),
    )
    assert vary(TWO, at_level(TWO, minute(95), delta_w=1300), 92) == TWO


def test_before_the_start_a_period_that_changes_gets_a_new_id():
    new = vary(TWO, at_level(TWO, minute(80), delta_w=500), 10)
    assert new == (period(2, 60, 80, 1000), period(3, 80, 150, 500))
    assert faults(TWO, new, 10) == []


def test_an_end_is_cut_or_goes_on_at_the_last_power():
    assert vary(TWO, until(TWO, minute(120)), 100) == (TWO[0], period(1, 90, 120, 1300))
    assert vary(TWO, until(TWO, minute(120)), 10) == (TWO[0], period(2, 90, 120, 1300))
    assert vary(TWO, until(TWO, minute(180)), 100) == (*TWO, period(2, 150, 180, 1300))


def test_a_period_that_began_this_second_stays_for_one():
    assert may_change_from(TWO, minute(90)) == minute(90) + timedelta(seconds=1)
    assert may_change_from(TWO, minute(89)) == minute(89)
    assert may_change_from(TWO, minute(10)) == minute(10)
    at = may_change_from(TWO, minute(60))
    assert faults(TWO, vary(TWO, at_level(TWO, at, delta_w=5), 60), 60) == []


@pytest.mark.parametrize(
    ("new", "said", "since"),
    [
        (at_level(TWO, minute(110), delta_w=800), ("decrease",), 110),
        (at_level(TWO, minute(110), delta_w=1400), ("increase",), 110),
        (at_level(TWO, minute(70), delta_w=1100), ("increase", "decrease"), 70),
        (until(TWO, minute(170)), ("extension",), 150),
        (until(TWO, minute(140)), ("shortening",), 140),
        (
            until(at_level(TWO, minute(100), delta_w=500), minute(160)),
            ("decrease", "extension"),
            100,
        ),
        (TWO, (), None),
        ((), ("shortening",), 65),
    ],
)
def test_a_variation_says_what_it_does_and_from_when(new, said, since):
    assert changes(TWO, new, minute(65)) == said
    assert first_change(TWO, new, minute(65)) == (None if since is None else minute(since))


@st.composite
def plans(draw):
    """Periods in order, with and without gaps, of a few levels, at whole minutes 60 to 180."""
    marks = draw(st.lists(st.integers(60, 180), min_size=2, max_size=8, unique=True).map(sorted))
    pairs = [p for p in pairwise(marks) if draw(st.booleans())]
    assume(pairs)
    levels = st.sampled_from([500, 1000, 1500])
    return tuple(period(n, a, b, draw(levels)) for n, (a, b) in enumerate(pairs))


@given(plans(), st.integers(0, 179), st.integers(0, 60), st.sampled_from([500, 800, 1500]))
def test_any_level_from_any_time_keeps_every_rule(plan, now, ahead, watts):
    since = max(minute(now + ahead), may_change_from(plan, minute(now)))
    new = vary(plan, at_level(plan, since, delta_w=watts), now)
    assert faults(plan, new, now) == []
    for at in (*edges(plan, new), since):
        asked = level_at(plan, at)
        assert level_at(new, at) == (asked if at < since or not asked else watts)
    assert_ids(plan, new)


@given(plans(), st.integers(0, 179), st.integers(60, 240))
def test_any_end_keeps_every_rule(plan, now, end):
    ends = max(minute(end), may_change_from(plan, minute(now)))
    assume(ends > plan[0].start)
    new = vary(plan, until(plan, ends), now)
    assert faults(plan, new, now) == []
    for at in edges(plan, new):
        if at < plan[-1].end:
            assert level_at(new, at) == (level_at(plan, at) if at < ends else 0)
        elif at < ends:
            assert level_at(new, at) == level_at(plan[-1:], plan[-1].start)
    assert_ids(plan, new)


@given(plans(), plans(), st.integers(0, 179))
@example((period(0, 60, 62, 500),), (period(0, 61, 62, 500),), 0)
def test_any_periods_to_come_keep_every_rule(plan, later, now):
    later = tuple(p for p in later if p.start >= may_change_from(plan, minute(now)))
    assume(later)
    new = vary(plan, (*cut(plan, later[0].start), *later), now)
    assert faults(plan, new, now) == []
    for at in edges(plan, later, new):
        assert level_at(new, at) == level_at(plan if at < later[0].start else later, at)
    assert_ids(plan, new)


@given(plans(), plans(), st.integers(0, 179))
def test_what_a_variation_does_is_nothing_exactly_if_nothing_changes(plan, other, now):
    since = minute(now)
    same = all(
        level_at(plan, at) == level_at(other, at)
        for at in (since, *edges(plan, other))
        if at >= since
    )
    assert (first_change(plan, other, since) is None) == same
    if plan[-1].end > since and other[-1].end > since:
        assert (changes(plan, other, since) == ()) == same


def assert_ids(plan, new):
    """Unchanged periods keep their ids, and new ids are those of no other."""
    before = {p.id for p in plan}
    for piece in new:
        twin = next((p for p in plan if p.id == piece.id), None)
        assert twin is None or twin.start == piece.start
        assert (piece.id in before) == (twin is not None)
        exact = [
            p
            for p in plan
            if (p.start, p.end, p.level_w) == (piece.start, piece.end, piece.level_w)
        ]
        assert not exact or exact[0].id == piece.id
