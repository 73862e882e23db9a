"""The agent reads its devices: every minute, across restarts, silences and fast clocks."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.dying import Doom
from tests.unit.ven.test_simulated import START, A, command, later
from tests.waiting import until
from ukprofile.clock import ManualClock
from ukprofile.flex.energy import Reading
from ven.device import DeviceError, Measurement
from ven.device.simulated import Battery, SimulatedBattery
from ven.journal import Journal, JournalFull
from ven.meter import KEPT, Meter


class Cable(SimulatedBattery):
    """A battery whose cable can be pulled."""

    pulled = False

    async def measure(self) -> Measurement:
        if self.pulled:
            raise DeviceError("no link")
        return await super().measure()


class Scene:
    def __init__(self, folder, journal: Journal) -> None:
        self.folder, self.journal = folder, journal
        self.clock = ManualClock(START)
        self.restart()

    def restart(self) -> None:
        """The agent is killed, and another one starts on the same journal and device."""
        kind = Battery(ramp_w_per_s=50_000, baseline=((0, -100_000),), capacity_wh=9_000_000)
        self.device = Cable(A, kind, self.clock, self.folder / "device.jsonl")
        self.meter = Meter(
            self.journal, {A: self.device}, self.clock, reading_s=60, timeout_s=0.05, rest_s=0.0
        )

    async def looks(self, *minutes: float) -> None:
        for minute in minutes:
            self.clock.set(later(minute))
            await self.meter.look()

    async def each_minute(self, first: int, last: int) -> None:
        await self.looks(*range(first, last + 1))

    async def readings(self) -> tuple[Reading, ...]:
        everything = (START - timedelta(days=400), START + timedelta(days=400))
        return await self.journal.read(lambda b: b.readings.between(A, *everything))

    async def minutes(self) -> dict[int, str]:
        return {(r.start - START) // timedelta(minutes=1): r.quality for r in await self.readings()}


@pytest.fixture
async def scene(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    yield Scene(tmp_path, journal)
    await journal.close()


async def test_a_reading_each_minute_says_what_the_device_did_and_would_have_done(scene):
    await scene.each_minute(0, 3)
    found = await scene.readings()
    assert [r.start for r in found] == [later(0), later(1), later(2)]
    assert {(r.power_w, r.baseline_ws, r.quality) for r in found} == {
        (-100_000, -6_000_000, "actual")
    }


async def test_the_readings_of_a_run_add_up_to_what_the_battery_lost(scene):
    """Ramps and all: the device's own counter is read, not its power now and then."""
    await scene.device.apply(command("c1", 5, 35, delta_w=1_000_000))
    await scene.each_minute(0, 4)
    before = (await scene.device.measure()).exported_ws
    await scene.each_minute(5, 40)
    after = (await scene.device.measure()).exported_ws
    found = [r for r in await scene.readings() if r.start >= later(4)]
    assert sum(r.exported_ws for r in found) == after - before
    gained = sum(r.exported_ws - r.baseline_ws for r in found)
    # 30 minutes of 1 MW: what the ramp up lacks, the ramp down after the end makes good
    assert gained == 1_000_000 * 1800


async def test_a_new_agent_goes_on_where_the_one_before_it_was(scene):
    await scene.device.apply(command("c1", 0, 60, delta_w=1_000_000))
    await scene.looks(0, 1, 2, 2.5)
    scene.restart()
    await scene.looks(4.5, 5, 6)
    assert await scene.minutes() == {
        0: "actual", 1: "actual", 2: "estimated", 3: "estimated", 4: "estimated", 5: "actual",
    }  # fmt: skip
    found = await scene.readings()
    assert [r.power_w for r in found[2:]] == [900_000] * 4  # the counter went on by itself


async def test_before_the_battery_counts_a_restart_leaves_a_gap(scene):
    await scene.looks(0, 1, 2)
    scene.restart()
    await scene.looks(5, 6)
    assert await scene.minutes() == {0: "actual", 1: "actual", 5: "actual"}


async def test_a_silent_device_is_never_read(scene):
    await scene.looks(0, 1)
    scene.device.pulled = True
    await scene.looks(1.5, 2, 3)
    assert await scene.minutes() == {0: "actual"}
    scene.device.pulled = False
    await scene.looks(4, 5)
    assert await scene.minutes() == {0: "actual", 4: "actual"}


async def test_a_clock_that_steps_back_changes_nothing(scene):
    await scene.looks(0, 1, 2, 1, 1.5, 2.5, 3)
    assert await scene.minutes() == {0: "actual", 1: "actual", 2: "actual"}


async def test_at_six_hundred_times_the_clock_minutes_are_still_read(scene):
    """A look only every minute and a bit: enough for readings that are actual."""
    await scene.looks(*(1.1 * n for n in range(20)))
    minutes = await scene.minutes()
    assert minutes.pop(0) == "actual"
    assert set(minutes.values()) == {"actual"}
    assert len(minutes) == 19


async def test_old_readings_are_dropped(scene):
    await scene.looks(0, 1)
    scene.clock.set(later(1) + KEPT + timedelta(days=2))
    scene.restart()
    await scene.meter.look()
    await scene.looks(*(KEPT / timedelta(minutes=1) + 2 * 1440 + n for n in (1, 2, 3)))
    assert min(await scene.minutes()) > 1440


async def test_it_looks_by_itself_and_rests_between_two_looks(scene):
    looked: list[datetime] = []

    class Counted(SimulatedBattery):
        async def measure(self) -> Measurement:
            looked.append(scene.clock.now())
            return await super().measure()

    device = Counted(A, Battery(), scene.clock, scene.folder / "counted.jsonl")
    meter = Meter(scene.journal, {A: device}, scene.clock, reading_s=60, timeout_s=0.05, rest_s=0.0)
    task = asyncio.create_task(meter.run())
    for n in range(1, 8):
        await until(lambda n=n: len(looked) == n)
        await asyncio.sleep(0)
        scene.clock.advance(timedelta(seconds=10))
    await until(lambda: len(looked) == 8)
    assert looked == [START + timedelta(seconds=10 * n) for n in range(8)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_readings_that_found_no_room_are_written_when_there_is(tmp_path):
    journal = await Journal.open(
        tmp_path / "journal.db", connection=Doom([None, "full", "full"]).connection()
    )
    scene = Scene(tmp_path, journal)
    await scene.each_minute(0, 1)
    for minute in (2, 3):
        with pytest.raises(JournalFull):
            await scene.looks(minute)
    await scene.looks(4)
    assert await scene.minutes() == dict.fromkeys(range(4), "actual")
    assert len(scene.meter._lines[A]._samples) == 1  # what is written is not kept in memory
    await journal.close()
