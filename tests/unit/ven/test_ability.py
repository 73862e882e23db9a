"""What devices could do, and whether it is enough: against a battery that really does it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ukprofile.clock import ManualClock
from ven.device import Command
from ven.device.ability import (
    Ability,
    ForecastError,
    Load,
    fits,
    larger,
    read_forecast,
    without,
)
from ven.device.simulated import Battery, SimulatedBattery, State, advance, foreseen

FOUR = datetime(2026, 11, 24, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(start: float, end: float, delta_w: int) -> Load:
    return Load(FOUR + start * HOUR, FOUR + end * HOUR, delta_w)


def battery_forecast(**spec: object) -> tuple[Ability, ...]:
    battery = Battery(**{"capacity_wh": 2_000_000, "energy_wh": 1_000_000, "max_w": 1_000_000,
                         "min_w": -1_000_000, **spec})  # fmt: skip
    baseline = float(battery.baseline_w(FOUR))
    return foreseen(battery, State(FOUR, battery.energy_wh, baseline), FOUR + 6 * HOUR)


def test_a_battery_can_give_what_it_holds_and_no_more():
    forecast = battery_forecast()
    assert fits(forecast, [hours(1, 2, 1_000_000)])
    assert not fits(forecast, [hours(1, 2.1, 1_000_000)])
    assert not fits(forecast, [hours(1, 2, 1_000_001)])


def test_what_was_promised_before_or_after_counts_too():
    forecast = battery_forecast()
    assert fits(forecast, [hours(1, 2, 500_000), hours(3, 4, 500_000)])
    assert not fits(forecast, [hours(1, 2, 500_000), hours(3, 4, 500_001)])
    assert fits(forecast, [hours(0, 1, -500_000), hours(1, 2.5, 1_000_000)])
    assert not fits(forecast, [hours(1, 2.5, 1_000_000), hours(3, 4, -500_000)])


def test_two_at_once_add_up():
    forecast = battery_forecast()
    assert fits(forecast, [hours(1, 1.5, 600_000), hours(1.25, 1.5, 400_000)])
    assert not fits(forecast, [hours(1, 1.5, 600_000), hours(1.25, 1.5, 400_001)])


def test_room_runs_out_when_it_is_charged():
    assert fits(battery_forecast(), [hours(0, 1, -1_000_000)])
    assert not fits(battery_forecast(energy_wh=1_200_000), [hours(0, 1, -1_000_000)])


def test_a_baseline_draws_on_it_meanwhile():
    drawn = battery_forecast(baseline=((0, 200_000),))
    assert fits(drawn, [hours(0, 1, 800_000)])
    assert not fits(drawn, [hours(1, 2, 700_000)])
    assert not fits(drawn, [hours(0, 1, 800_001)])


def test_nothing_fits_where_nothing_is_foreseen():
    assert not fits((), [hours(0, 1, 1)])
    assert not fits(battery_forecast(), [hours(5.5, 6.5, 1)])
    assert fits((), [])


def test_what_is_unavailable_can_do_nothing_then():
    forecast = without(battery_forecast(), FOUR + 1.25 * HOUR, FOUR + 2 * HOUR)
    assert not fits(forecast, [hours(1, 1.5, 1)])
    assert fits(forecast, [hours(1, 1.25, 1)])
    assert fits(forecast, [hours(2, 3, 1_000_000)])
    assert [step.end for step in forecast][:-1] == [step.start for step in forecast][1:]


def test_a_promise_beyond_the_forecast_or_beyond_its_powers_is_no_reason_to_refuse_another():
    forecast = battery_forecast()
    for beside in (hours(50, 51, 100_000), hours(3, 4, 1_500_000), hours(5, 6, 3_000_000)):
        assert fits(forecast, [hours(1, 2, 500_000)], [beside])
    assert not fits(forecast, [hours(3.5, 4.5, 1)], [hours(3, 4, 1_500_000)])


def test_what_would_take_the_energy_of_a_promise_does_not_fit():
    promised = [hours(3, 4, 600_000)]
    assert fits(battery_forecast(), [hours(1, 2, 400_000)], promised)
    assert not fits(battery_forecast(), [hours(1, 2, 400_001)], promised)


def test_a_level_is_reached_within_the_ramp_or_does_not_fit():
    slow = battery_forecast(ramp_w_per_s=1000)
    five = timedelta(minutes=5)
    assert fits(slow, [hours(1, 2, 300_000)], ramp=five)
    assert not fits(slow, [hours(1, 2, 300_001)], ramp=five)
    assert fits(slow, [hours(1, 1.5, 300_000), hours(1.5, 2, 600_000)], ramp=five)
    assert fits(slow, [hours(1, 2, 300_001)])


def test_of_a_reservation_counts_what_is_not_dispatched_yet():
    reserved, used = [hours(1, 3, 500_000)], [hours(2, 2.5, 200_000), hours(4, 5, 1)]
    both = larger(used, reserved)
    at = lambda h: sum(x.delta_w for x in both if x.start <= FOUR + h * HOUR < x.end)  # noqa: E731
    assert [at(h) for h in (0, 1, 2, 2.5, 3, 4)] == [0, 500_000, 500_000, 500_000, 0, 1]
    assert larger([hours(1, 2, 700_000)], [hours(1, 2, 500_000)]) == (hours(1, 2, 700_000),)


steps = st.integers(0, 10)


@given(
    st.integers(0, 2_000_000),
    st.integers(-200_000, 200_000),
    st.lists(st.tuples(steps, st.integers(1, 4), st.integers(-1_000_000, 1_000_000)), max_size=2),
)
def test_what_fits_the_battery_holds_to_the_end(energy, baseline, told):
    """What the forecast allows, the very battery does without running empty or full."""
    spec = {"capacity_wh": 2_000_000, "max_w": 1_000_000, "min_w": -1_000_000}
    battery = Battery(**spec, energy_wh=energy, baseline=((0, baseline),), ramp_w_per_s=10**9)
    now = State(FOUR, float(energy), float(baseline))
    loads = [hours(s / 2, (s + n) / 2, w) for s, n, w in told]
    # a baseline that runs into a wall by itself is nobody's dispatch
    assume(advance(battery, now, (), FOUR + 8 * HOUR).power_w == baseline)
    if not fits(foreseen(battery, now, FOUR + 8 * HOUR), loads):
        return
    edges = sorted({e for load in loads for e in (load.start, load.end)})
    commands = [
        Command(str(n), "A", a, b, delta_w=sum(x.delta_w for x in loads if x.start <= a < x.end))
        for n, (a, b) in enumerate(pairwise(edges))
    ]
    state = now
    for command in commands:
        just_before = command.valid_to - timedelta(seconds=1)
        state = advance(battery, state, commands, just_before)
        assert round(state.power_w) == battery.wanted_w(command, command.valid_from)


async def test_a_simulated_battery_foresees_from_what_it_holds_now(tmp_path):
    clock = ManualClock(FOUR)
    spec = Battery(capacity_wh=2_000_000, energy_wh=1_000_000, max_w=1_000_000, min_w=-1_000_000,
                   ramp_w_per_s=10**9)  # fmt: skip
    device = SimulatedBattery("A", spec, clock, tmp_path / "a.jsonl")
    await device.apply(Command("c", "A", FOUR, FOUR + HOUR, delta_w=400_000))
    clock.advance(0.5 * HOUR)
    first = (await device.forecast(FOUR + 2 * HOUR))[0]
    assert (first.start, first.end) == (FOUR + 0.5 * HOUR, FOUR + HOUR)
    assert first.give_wh == pytest.approx((800_000, 800_000))
    assert first.take_wh == pytest.approx((1_200_000, 1_200_000))
    assert (first.least_w, first.most_w) == (-1_000_000, 1_000_000)


GOOD = "asset_id,start,end,delta_w\nA,2026-11-24T16:00:00Z,2026-11-24T17:00:00+00:00,500000\n"


def test_a_forecast_file_says_what_could_be_asked(tmp_path):
    path = tmp_path / "forecast.csv"
    path.write_text(GOOD + "A,2026-11-24T17:00:00Z,2026-11-24T18:00:00Z,-2000\n")
    found = read_forecast(path)
    assert fits(found["A"], [hours(0, 1, 500_000)])
    assert not fits(found["A"], [hours(0, 1, 500_001)])
    assert not fits(found["A"], [hours(0, 1, -1)])
    assert fits(found["A"], [hours(1, 2, -2000)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("asset_id,start,end\n", "line 1 lacks the column delta_w"),
        (GOOD.replace("500000", "0.5"), "line 2, delta_w: whole watts are due"),
        (GOOD.replace("16:00:00Z", "16:00:00"), "line 2, start: its offset is missing"),
        (GOOD.replace("16:00:00Z", "4 pm"), "line 2, start: a time such as"),
        (GOOD.replace("T17:", "T15:"), "line 2, end: not after the start"),
        (GOOD + GOOD.splitlines()[1] + "\n", "the rows of A overlap"),
    ],
)
def test_what_is_wrong_with_a_forecast_file_is_named(tmp_path, text, said):
    path = tmp_path / "forecast.csv"
    path.write_text(text)
    with pytest.raises(ForecastError, match=said):
        read_forecast(path)
