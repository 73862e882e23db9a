"""The simulated battery: ramps, limits, expiry, and its log."""

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.clock import ManualClock
from ven.device import Command, DeviceError, in_force
from ven.device.simulated import Battery, SimulatedBattery, State, advance

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
A = "UKPN-AS-000731"


def later(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def command(id: str, start: float, end: float, **power: int) -> Command:
    return Command(id, A, later(start), later(end), threads=("DSP-0001",), **power)


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "battery.jsonl"


def lines(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


async def test_it_ramps_holds_and_comes_back_by_itself(clock, log):
    kind = Battery(ramp_w_per_s=10_000, baseline=((0, -250_000),))
    battery = SimulatedBattery(A, kind, clock, log)
    await battery.apply(command("c1", 10, 40, delta_w=1_000_000))
    assert (await battery.measure()).power_w == -250_000
    clock.set(later(10) + timedelta(seconds=50))
    assert (await battery.measure()).power_w == 250_000
    clock.set(later(20))
    seen = await battery.measure()
    assert (seen.power_w, seen.baseline_w, seen.command_id) == (750_000, -250_000, "c1")
    clock.set(later(50))
    seen = await battery.measure()
    assert (seen.power_w, seen.command_id) == (-250_000, "")


async def test_a_set_point_is_absolute(clock, log):
    battery = SimulatedBattery(A, Battery(baseline=((0, -250_000),)), clock, log)
    await battery.apply(command("c1", 0, 40, setpoint_w=400_000))
    clock.set(later(5))
    assert (await battery.measure()).power_w == 400_000


async def test_the_same_command_twice_is_one(clock, log):
    battery = SimulatedBattery(A, Battery(), clock, log)
    await battery.apply(command("c1", 0, 40, delta_w=1000))
    await battery.apply(command("c1", 0, 40, delta_w=1000))
    assert len(lines(log)) == 1


async def test_a_newer_command_replaces_an_older_one(clock, log):
    battery = SimulatedBattery(A, Battery(), clock, log)
    await battery.apply(command("c1", 0, 60, delta_w=1_000_000))
    clock.set(later(10))
    await battery.apply(command("c2", 0, 20, delta_w=500_000))
    clock.set(later(15))
    assert (await battery.measure()).power_w == 500_000
    clock.set(later(25))
    assert (await battery.measure()).power_w == 0


async def test_a_release_ends_what_runs(clock, log):
    battery = SimulatedBattery(A, Battery(), clock, log)
    await battery.apply(command("c1", 0, 60, delta_w=1_000_000))
    clock.set(later(10))
    await battery.apply(command("c2", 10, 60))
    clock.set(later(12))
    assert (await battery.measure()).power_w == 0


async def test_beyond_its_limits_it_refuses_and_logs_nothing(clock, log):
    battery = SimulatedBattery(A, Battery(max_w=500_000), clock, log)
    with pytest.raises(DeviceError, match="beyond"):
        await battery.apply(command("c1", 0, 60, delta_w=500_001))
    assert not log.exists()


async def test_another_asset_is_refused(clock, log):
    battery = SimulatedBattery("UKPN-AS-000999", Battery(), clock, log)
    with pytest.raises(DeviceError, match="UKPN-AS-000999"):
        await battery.apply(command("c1", 0, 60, delta_w=1))


async def test_it_runs_empty_and_says_so(clock, log):
    kind = Battery(capacity_wh=1_000_000, energy_wh=500_000)
    battery = SimulatedBattery(A, kind, clock, log)
    await battery.apply(command("c1", 0, 60, delta_w=1_000_000))
    clock.set(later(29))
    assert (await battery.measure()).short == ""
    clock.set(later(31))
    seen = await battery.measure()
    assert (seen.power_w, seen.short) == (0, "the battery is empty")


async def test_it_fills_up_and_says_so(clock, log):
    kind = Battery(capacity_wh=1_000_000, energy_wh=900_000)
    battery = SimulatedBattery(A, kind, clock, log)
    await battery.apply(command("c1", 0, 60, delta_w=-1_000_000))
    clock.set(later(10))
    assert (await battery.measure()).short == "the battery is full"


async def test_after_a_crash_it_is_rebuilt_from_its_log(clock, log):
    kind = Battery(baseline=((0, -100_000),))
    first = SimulatedBattery(A, kind, clock, log)
    await first.apply(command("c1", 0, 60, delta_w=1_000_000))
    with log.open("a") as torn:
        torn.write('{"at": "2026-11-24T16:0')
    clock.set(later(30))
    second = SimulatedBattery(A, kind, clock, log)
    assert await second.measure() == await first.measure()
    await second.apply(command("c1", 0, 60, delta_w=1_000_000))
    await second.apply(command("c2", 60, 70, delta_w=2))
    assert [line["id"] for line in lines(log)] == ["c1", "c2"]


async def test_the_log_says_what_a_checker_needs(clock, log):
    battery = SimulatedBattery(A, Battery(baseline=((0, -1000), (16, -250_000))), clock, log)
    clock.set(later(1))
    await battery.apply(command("c1", 0, 60, delta_w=1_000_000))
    (line,) = lines(log)
    assert line == {
        "at": "2026-11-24T16:01:00Z",
        "id": "c1",
        "asset_id": A,
        "from": "2026-11-24T16:00:00Z",
        "to": "2026-11-24T17:00:00Z",
        "setpoint_w": None,
        "delta_w": 1_000_000,
        "baseline_w": -250_000,
        "target_w": 750_000,
        "threads": ["DSP-0001"],
        "energy_wh": line["energy_wh"],
        "power_w": -250_000.0,
    }


def test_specs_are_read_or_refused_with_the_reason():
    kind = Battery.read("capacity_wh=1000,max_w=50,min_w=-20,baseline=0:-1/16:-3")
    assert kind == Battery(1000, 800, 50, -20, baseline=((0, -1), (16, -3)))
    assert Battery.read("") == Battery()
    assert Battery.read("baseline=-5").baseline == ((0, -5),)
    for bad in ("colour=1", "max_w=x", "energy_wh=-1", "baseline=5:1", "ramp_w_per_s=0"):
        with pytest.raises(ValueError):
            Battery.read(bad)


@given(
    cuts=st.lists(st.integers(0, 7200), max_size=6),
    windows=st.lists(
        st.tuples(st.integers(0, 3600), st.integers(1, 3600), st.integers(-900_000, 900_000)),
        max_size=4,
    ),
)
def test_looking_more_often_changes_nothing(cuts, windows):
    """Energy and power at the end do not depend on when somebody measured in between."""
    kind = Battery(baseline=((0, -100_000), (17, -300_000)), ramp_w_per_s=5000)
    said = [
        Command(
            f"c{n}", A, START + timedelta(seconds=s), START + timedelta(seconds=s + d), delta_w=w
        )
        for n, (s, d, w) in enumerate(windows)
    ]
    begin = State(START, 3_000_000.0, -100_000.0)
    end = START + timedelta(hours=2)
    direct = advance(kind, begin, said, end)
    step = begin
    for cut in sorted(cuts):
        step = advance(kind, step, said, START + timedelta(seconds=cut))
    step = advance(kind, step, said, end)
    assert step.energy_wh == pytest.approx(direct.energy_wh, abs=1e-3)
    assert step.power_w == pytest.approx(direct.power_w, abs=1e-3)


@given(st.integers(1, 200))
def test_energy_is_what_power_adds_up_to(minutes):
    kind = Battery(capacity_wh=10_000_000, energy_wh=9_000_000, ramp_w_per_s=10**9)
    said = [Command("c", A, START, START + timedelta(days=1), delta_w=600_000)]
    state = advance(kind, State(START, 9_000_000.0, 0.0), said, later(minutes))
    assert state.energy_wh == pytest.approx(9_000_000 - 10_000 * minutes, abs=1)


@pytest.mark.parametrize("at", [0, 5, 10, 15, 20, 30])
def test_the_newest_that_has_begun_counts(at):
    said = [command("c1", 0, 30, delta_w=1), command("c2", 10, 20, delta_w=2)]
    found = in_force(said, later(at))
    expected = {0: "c1", 5: "c1", 10: "c2", 15: "c2", 20: None, 30: None}[at]
    assert (found.id if found else None) == expected
    assert all(a.valid_from <= b.valid_from for a, b in pairwise(said))


async def test_a_line_that_did_not_fit_never_counted(clock, log, monkeypatch):
    """The disk took half of it: no room is an error of the device, and the command is sent again."""
    battery = SimulatedBattery(A, Battery(), clock, log)
    await battery.apply(command("c1", 0, 60, delta_w=1))
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, raw: whole(fd, raw[: len(raw) // 2]))
    with pytest.raises(OSError, match="No space left"):
        await battery.apply(command("c2", 0, 60, delta_w=2))
    assert (await battery.measure()).command_id == "c1"
    monkeypatch.undo()
    await battery.apply(command("c2", 0, 60, delta_w=2))
    assert [line["id"] for line in lines(log)] == ["c1", "c2"]
