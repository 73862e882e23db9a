"""Energy of readings: what is rounded adds up, and what is credited was metered."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import life, sealed_in
from tests.shared import needs_shared
from ukprofile.flex.contract import local_day
from ukprofile.flex.energy import Asked, Reading, nearest, part, rebased, tally, watt_hours
from ukprofile.flex.metering import PostAction
from ukprofile.receiving import parse_text

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)
WATTS = st.integers(-3_000_000, 3_000_000)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def minute(n: int, power_w: int, baseline_w: int = 0, start: datetime = START) -> Reading:
    return Reading(start + minutes(n), 60, power_w * 60, baseline_w * 60)


HOUR = st.lists(st.tuples(WATTS, WATTS), min_size=60, max_size=60).map(
    lambda pairs: tuple(minute(n, power, base) for n, (power, base) in enumerate(pairs))
)


@given(st.lists(st.integers(-(10**12), 10**12)))
def test_watt_hours_add_up_to_their_total_and_none_is_wrong_by_one(amounts):
    rounded = watt_hours(amounts)
    assert sum(rounded) == nearest(sum(amounts), 3600)
    assert all(abs(wh * 3600 - amount) < 3600 for wh, amount in zip(rounded, amounts, strict=True))


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 60_000_000), min_size=1))
def test_parts_of_an_amount_add_up_to_it(amount, cuts):
    length = timedelta(seconds=60)
    edges = [timedelta(0), *(timedelta(microseconds=c) for c in sorted(cuts)), length]
    parts = [part(amount, length, a, b) for a, b in pairwise(edges)]
    assert sum(parts) == amount


def test_halves_are_rounded_upwards():
    assert [nearest(n, 2) for n in (-3, -1, 1, 3)] == [-1, 0, 1, 2]


@given(HOUR, st.sampled_from([60, 300, 900, 1800, 3600]), st.integers(1, 60), st.booleans())
def test_what_is_delivered_is_the_gain_in_the_direction_asked(readings, interval, end, up):
    """However long the intervals are, they add up to the same watt-hours."""
    asked = (Asked(START, START + minutes(end), 1_000_000 if up else -1_000_000),)
    found = tally(readings, asked, START, START + 2 * HALF, interval)
    gain = sum(r.exported_ws - r.baseline_ws for r in readings[:end])
    assert sum(found.delivered_wh) == nearest(gain if up else -gain, 3600)
    assert set(found.quality) == {"actual"}
    assert len(found.metered_w) == len(found.baseline_w) == 3600 // interval


@given(HOUR, WATTS.filter(bool), WATTS.filter(bool))
def test_two_dispatches_on_one_asset_are_credited_the_gain_once(readings, one, other):
    end = START + 2 * HALF
    credited = [
        sum(tally(readings, (Asked(START, end, a, None, (b,)),), START, end, 3600).delivered_wh)
        * (1 if a > 0 else -1)
        for a, b in ((one, other), (other, one))
    ]
    gain = sum(r.exported_ws - r.baseline_ws for r in readings)
    assert abs(sum(credited) * 3600 - gain) <= 2 * 3600


def test_each_of_two_has_what_it_asked_for_where_both_were_met():
    readings = [minute(n, 600_000) for n in range(60)]
    end = START + 2 * HALF
    up = tally(readings, (Asked(START, end, 1_000_000, None, (-400_000,)),), START, end, 3600)
    down = tally(readings, (Asked(START, end, -400_000, None, (1_000_000,)),), START, end, 3600)
    assert (up.delivered_wh, down.delivered_wh) == ((1_000_000,), (400_000,))


def test_a_set_point_is_delivered_towards_it():
    readings = [minute(n, 100_000, -300_000) for n in range(30)]
    end = START + HALF
    up = tally(readings, (Asked(START, end, setpoint_w=200_000),), START, end, 1800)
    down = tally(readings, (Asked(START, end, setpoint_w=-500_000),), START, end, 1800)
    there = tally(readings, (Asked(START, end, setpoint_w=-300_000),), START, end, 1800)
    assert [t.delivered_wh for t in (up, down, there)] == [(200_000,), (-200_000,), (0,)]


def test_a_dispatch_that_ends_inside_a_reading_has_its_part_of_it():
    readings = [minute(n, 1_000_000) for n in range(30)]
    asked = (Asked(START, START + timedelta(minutes=10, seconds=30), 1_000_000),)
    assert sum(tally(readings, asked, START, START + HALF, 1800).delivered_wh) == 175_000


def test_what_nobody_knows_is_marked_and_never_made_up():
    readings = [minute(n, 600_000, 60_000) for n in range(30, 45)]
    found = tally(readings, (), START, START + 3 * HALF, 1800)
    assert found.quality == ("missing", "estimated", "missing")
    assert (found.metered_w, found.baseline_w) == ((0, 600_000, 0), (0, 60_000, 0))


@pytest.mark.parametrize(
    ("noon", "half_hours"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 46),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), 48),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), 50),
    ],
)
def test_a_day_of_london_has_46_48_or_50_half_hours(noon, half_hours):
    first, last = local_day(noon)
    count = (last - first) // minutes(1)
    readings = [minute(n, n, -n, first) for n in range(count)]
    found = tally(readings, (Asked(first, last, 1),), first, last, 1800)
    assert {len(s) for s in (found.metered_w, found.baseline_w, found.delivered_wh)} == {half_hours}
    assert sum(found.delivered_wh) == nearest(sum(120 * n for n in range(count)), 3600)
    assert found.quality == ("actual",) * half_hours


def test_another_baseline_counts_where_it_has_a_value():
    readings = [minute(n, 100, 7) for n in (-1, 0, 29, 30)]
    found = rebased(readings, START, 1800, (50,))
    assert [r.baseline_ws for r in found] == [7 * 60, 50 * 60, 50 * 60, 7 * 60]


@needs_shared
def test_the_golden_post_action_is_what_its_own_series_give():
    """Life 20, on the day the clocks go forward: 46 half hours, three of them dispatched."""
    said = PostAction.read(parse_text(sealed_in(life("20")).text)["body"])
    half_hours = [
        Reading(said.start + n * HALF, 1800, watts * 1800, base * 1800)
        for n, (watts, base) in enumerate(zip(said.metered_w, said.baseline_w, strict=True))
    ]
    touched = Asked(said.start + 31 * HALF, said.start + 34 * HALF, 1_000_000)
    found = tally(half_hours, (touched,), *local_day(said.start), said.interval_s)
    assert found.delivered_wh == said.delivered_wh
    assert (found.metered_w, found.baseline_w) == (said.metered_w, said.baseline_w)
    assert found.quality == said.quality
