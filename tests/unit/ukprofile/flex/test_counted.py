"""What counts as delivered: never more than was accepted or metered, whatever overlaps, one watt once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from ukprofile.flex.common import Asset
from ukprofile.flex.contract import local_day
from ukprofile.flex.counted import Metered, Nomination, Run, count
from ukprofile.flex.dispatch import Period
from ukprofile.flex.energy import Reading
from ukprofile.flex.metering import Baseline

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
WH = 3_600_000_000
WATTS = st.integers(-2_000_000, 2_000_000)
LEVELS = st.lists(WATTS, min_size=1, max_size=3)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def run(*levels: int, assets: str = "A", first: float = 0, lasts: float = 10, **power: int) -> Run:
    """Changes one after another from minute `first` on, each for `lasts` minutes; or a set-point."""
    begins = START + minutes(first)
    periods = tuple(
        Period(n, begins + n * minutes(lasts), begins + (n + 1) * minutes(lasts), level)
        for n, level in enumerate(levels)
    ) or (Period(0, begins, begins + minutes(lasts), None, power["setpoint_w"]),)
    return Run(f"D{first}{levels}", 1, begins, frozenset(assets), periods, periods)


def read(*watts: int, seconds: int = 60, start: datetime = START) -> tuple[Reading, ...]:
    return tuple(
        Reading(start + n * timedelta(seconds=seconds), seconds, one * seconds, 0)
        for n, one in enumerate(watts)
    )


def nominated(watts: int, assets: str = "A", made: float = -60, start: datetime = START):
    series = Baseline(
        contract_id="C", zone="Z", assets=tuple(map(Asset, assets)), start=start,
        interval_s=1800, baseline_w=(watts,) * 4,
    )  # fmt: skip
    return Nomination(f"{assets}{made}", START + minutes(made), series)


def wh(*runs: Run, nominations=(), half_hours=(), **metered) -> list[tuple[Fraction, Fraction]]:
    """Delivered and counted of each, in watt-hours."""
    meters = {name: Metered(readings) for name, readings in metered.items()}
    if half_hours:
        meters["A"] = replace(meters.get("A", Metered()), half_hours=half_hours)
    return [
        (Fraction(c.delivered, WH), Fraction(c.counted, WH))
        for c in count(runs, meters, nominations)
    ]


def test_each_minute_counts_up_to_what_was_accepted_and_no_minute_makes_up_for_another():
    metered = read(600, 1800, -600, 600, *[0] * 6)
    assert wh(run(600), A=metered) == [(50, 30)]  # 10 + 30 + 0 + 10 Wh, the second capped at 10
    assert wh(run(-600), A=metered) == [(10, 10)]


def test_the_baseline_is_the_newest_one_nominated_before_the_start_else_zero():
    metered = read(*[-400] * 10)
    assert wh(run(600), A=metered) == [(0, 0)]
    early, late = nominated(-1000, made=-60), nominated(-9000, made=1)
    assert wh(run(600), A=metered, nominations=(late, early)) == [(100, 100)]
    newer = nominated(-700, made=-5)
    assert wh(run(600), A=metered, nominations=(newer, early)) == [(50, 50)]
    both = nominated(-1000, "AB", made=-1)
    assert wh(run(600), A=metered, nominations=(both,)) == [(0, 0)]  # of A alone it says nothing
    together = run(600, assets="AB")
    assert wh(together, A=metered, B=read(*[0] * 10), nominations=(both,)) == [(100, 100)]
    assert wh(together, A=metered, nominations=(both,)) == [(0, 0)]  # what B did is not known


def test_half_hours_stand_in_for_minutes_that_are_missing_and_it_is_told():
    halves = read(300, 300, seconds=1800)
    (found,) = count([run(600, lasts=60)], {"A": Metered(read(*[600] * 10), halves)}, ())
    assert found.counted / WH == 100 + 250
    assert {k: v // 60_000_000 for k, v in found.times.items()} == {
        "minutes": 10, "half_hours": 50, "missing": 0,
    }  # fmt: skip
    (bare,) = count([run(600, lasts=60)], {}, ())
    assert (bare.counted, bare.times["missing"] // 60_000_000) == (0, 60)


def test_a_set_point_asks_for_the_way_from_the_baseline_and_hides_what_else_is_in_force():
    metered, base = read(*[200] * 10), (nominated(-400),)
    (only,) = count([run(setpoint_w=200)], {"A": Metered(metered)}, base)
    assert (only.accepted / WH, only.counted / WH) == (100, 100)
    assert wh(run(setpoint_w=200), run(300), A=metered, nominations=base) == [(100, 100), (0, 0)]


def test_two_that_share_an_asset_share_what_is_there():
    metered = read(*[600] * 10)
    assert wh(run(600), run(600, first=0), A=metered) == [(50, 50), (50, 50)]
    assert wh(run(600), run(300), A=metered) == [(Fraction(200, 3),) * 2, (Fraction(100, 3),) * 2]
    apart = wh(run(600), run(600, assets="B"), A=metered, B=read(*[0] * 10))
    assert apart == [(100, 100), (0, 0)]
    over_both = wh(run(600, assets="AB"), run(600, assets="B"), A=metered, B=read(*[0] * 10))
    assert over_both == [(50, 50), (50, 50)]


RUNS = st.lists(
    st.builds(
        lambda levels, assets, first, lasts: run(
            *levels, assets=assets, first=first, lasts=lasts
        ),
        LEVELS, st.sampled_from(["A", "B", "AB", "BC"]), st.integers(0, 8), st.integers(1, 4),
    ),
    min_size=1, max_size=4,
)  # fmt: skip
METERED = st.fixed_dictionaries(
    {name: st.lists(WATTS, max_size=15).map(lambda watts: read(*watts)) for name in "ABC"}
)


@settings(max_examples=40)
@given(RUNS, METERED, WATTS, st.randoms())
def test_nothing_counts_twice_or_beyond_what_was_accepted_in_any_order(runs, metered, base, chance):
    nominations = (nominated(base), nominated(-base, "BC", made=-30))
    meters = {name: Metered(readings) for name, readings in metered.items()}
    found = count(runs, meters, nominations)
    order = list(range(len(runs)))
    chance.shuffle(order)
    shuffled = count([runs[n] for n in order], meters, nominations[::-1])
    assert [found[n].counted for n in order] == [one.counted for one in shuffled]
    for one in found:
        assert 0 <= one.counted <= min(one.accepted, one.delivered)
        assert sum(one.times.values()) * 2_000_000 >= one.accepted


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2_000_000), min_size=1, max_size=4), st.lists(WATTS, min_size=10))
def test_all_that_ask_for_more_of_one_asset_have_its_gain_together_once(levels, metered):
    runs = [run(level) for level in levels]
    found = count(runs, {"A": Metered(read(*metered))}, ())
    gain = sum(max(0, watts) for watts in metered[:10]) * 60_000_000
    asked = sum(min(max(0, watts), sum(levels)) for watts in metered[:10]) * 60_000_000
    assert sum(one.delivered for one in found) == (gain if any(levels) else 0)
    assert sum(one.counted for one in found) == asked


@settings(max_examples=40)
@given(LEVELS, st.lists(WATTS, min_size=12, max_size=12), WATTS, st.integers(1, 11 * 60))
def test_the_parts_of_a_dispatch_come_to_the_whole(levels, metered, base, second):
    whole = run(*levels)
    at = START + timedelta(seconds=second)
    before = tuple(replace(p, end=min(p.end, at)) for p in whole.accepted if p.start < at)
    after = tuple(replace(p, start=max(p.start, at)) for p in whole.accepted if p.end > at)
    meters, base = {"A": Metered(read(*metered))}, (nominated(base),)
    (one,) = count([whole], meters, base)
    parts = [count([replace(whole, asked=p, accepted=p)], meters, base)[0] for p in (before, after)]
    for name in ("asked", "accepted", "delivered", "counted"):
        assert sum(getattr(p, name) for p in parts) == getattr(one, name)


def test_a_night_of_a_clock_change_counts_its_real_hours():
    for day, hours in ((datetime(2026, 3, 29, 12), 23), (datetime(2026, 10, 25, 12), 25)):
        start, end = local_day(day.replace(tzinfo=UTC))
        period = (Period(0, start, end, 1000),)
        night = Run("N", 1, start, frozenset("A"), period, period)
        meter = Metered(read(*[600] * (hours * 60), start=start))
        (found,) = count([night], {"A": meter}, ())
        assert (found.accepted / WH, found.counted / WH) == (hours * 1000, hours * 600)
