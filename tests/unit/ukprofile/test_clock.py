"""The clocks: a manual one, and one shared by processes through a file."""

import asyncio
import struct
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.clock import (
    ManualClock,
    SharedClock,
    SystemClock,
    WatchedClock,
    monotonic,
    steady_seconds,
)

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


async def test_a_time_that_has_passed_is_not_waited_for() -> None:
    clock = SystemClock()
    await asyncio.wait_for(clock.until(clock.now() - timedelta(seconds=1)), timeout=1)


async def test_the_system_clock_waits_until_the_time_given() -> None:
    clock = SystemClock()
    when = clock.now() + timedelta(milliseconds=30)
    await clock.until(when)
    assert clock.now() >= when


async def test_a_manual_clock_wakes_only_those_whose_time_has_come() -> None:
    clock = ManualClock(START)
    early = asyncio.create_task(clock.until(START + timedelta(minutes=1)))
    late = asyncio.create_task(clock.until(START + timedelta(minutes=2)))
    await asyncio.sleep(0)
    clock.advance(timedelta(minutes=1))
    await early
    assert not late.done()
    clock.set(START + timedelta(hours=1))
    await late


class Hours:
    """A wall clock that anybody sets, and the seconds beside it."""

    def __init__(self) -> None:
        self.wall, self.steady_s = ManualClock(START), 7.0
        self.watched = WatchedClock(self.wall, lambda: self.steady_s)

    def passes(self, seconds: float) -> None:
        self.steady_s += seconds
        self.wall.advance(timedelta(seconds=seconds))


def test_a_watched_clock_follows_the_machines_own() -> None:
    watched = WatchedClock()
    assert abs(watched.now() - SystemClock().now()) < timedelta(seconds=0.5)
    assert watched.doubt() == ""


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_watched_clock_does_not_jump_when_the_machines_is_set(step: timedelta) -> None:
    hours = Hours()
    hours.wall.advance(step)
    assert hours.watched.now() == START
    hours.passes(90)
    assert hours.watched.now() == START + timedelta(seconds=90)
    assert "jumped 3,600.0 s" in hours.watched.doubt()
    hours.wall.advance(-step)
    assert (hours.watched.now(), hours.watched.doubt()) == (START + timedelta(seconds=90), "")


def test_a_small_step_is_told_of_and_raises_no_doubt() -> None:
    hours = Hours()
    hours.wall.advance(timedelta(seconds=2))
    assert (hours.watched.standing().kind, hours.watched.doubt()) == ("stepped", "")


def test_a_person_has_the_last_word() -> None:
    hours = Hours()
    hours.wall.advance(timedelta(hours=1))
    hours.watched.vouch()
    assert (hours.watched.now(), hours.watched.doubt()) == (START + timedelta(hours=1), "")


def test_the_other_ends_clock_is_the_second_witness() -> None:
    hours = Hours()
    hours.watched.hear(START + timedelta(minutes=1), took_s=0.3)
    assert hours.watched.doubt() == "the clock is 60.0 s behind the other end's"
    hours.watched.hear(START, took_s=0.3)
    assert hours.watched.doubt() == ""


def test_a_start_is_no_earlier_than_what_was_proved_before() -> None:
    hours = Hours()
    hours.watched.not_before(START + timedelta(hours=1))
    assert hours.watched.now() == START + timedelta(hours=1)
    assert "jumped 3,600.0 s back" in hours.watched.doubt()


def test_a_machine_that_was_busy_between_two_readings_is_no_step() -> None:
    """It stops us for seconds between the two clocks: they are read again."""
    wall, spent = ManualClock(START), iter((0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 9.0))
    watched = WatchedClock(wall, lambda: next(spent))
    wall.advance(timedelta(seconds=9))
    assert watched.standing().kind == "steady"


async def test_who_waits_by_a_watched_clock_is_not_kept_by_a_step_back() -> None:
    wall, began = ManualClock(START), steady_seconds()
    watched = WatchedClock(wall, lambda: steady_seconds() - began)
    wall.advance(timedelta(hours=-1))
    await asyncio.wait_for(watched.until(START + timedelta(milliseconds=30)), timeout=10)


def test_steady_seconds_never_go_back() -> None:
    seen = [steady_seconds() for _ in range(100)]
    assert seen == sorted(seen)


def test_a_stopped_shared_clock_stands_still(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", START)
    assert clock.now() == START == clock.now()
    assert clock.rate == 0


async def test_a_shared_clock_runs_at_its_rate_and_does_not_jump_when_the_rate_changes(
    tmp_path: Path,
) -> None:
    clock = SharedClock.create(tmp_path / "clock", START, rate=3600)
    await clock.until(START + timedelta(minutes=1))
    before = clock.now()
    clock.set_rate(0)
    stopped = clock.now()
    assert START + timedelta(minutes=1) <= before <= stopped
    assert clock.now() == stopped


def test_another_process_reads_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    SharedClock.create(path, START)
    code = (
        "import sys; from pathlib import Path; from ukprofile.clock import SharedClock;"
        "print(SharedClock(Path(sys.argv[1])).now().isoformat())"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert datetime.fromisoformat(seen.stdout.strip()) == START


def test_a_reader_cannot_set_the_clock(tmp_path: Path) -> None:
    SharedClock.create(tmp_path / "clock", START)
    with pytest.raises(TypeError):
        SharedClock(tmp_path / "clock").set_rate(60)


@pytest.mark.parametrize(("first", "last"), [(4, 2), (3, 3), (2, 4)])
def test_a_clock_that_is_being_set_is_read_only_when_that_is_done(
    tmp_path: Path, first: int, last: int
) -> None:
    """The two numbers around the time are equal and even only where nobody writes."""
    clock = SharedClock.create(tmp_path / "clock", START)
    whole = clock._map[:]
    clock._map[:] = struct.pack("<Q", first) + whole[8:32] + struct.pack("<Q", last)
    seen: list[datetime] = []
    reader = threading.Thread(target=lambda: seen.append(clock.now()), daemon=True)
    reader.start()
    reader.join(0.05)
    assert not seen
    clock._map[:] = whole
    reader.join(10)
    assert seen == [START]


@given(
    st.datetimes(
        min_value=datetime(1971, 1, 1), max_value=datetime(2250, 1, 1), timezones=st.just(UTC)
    )
)
def test_a_stopped_clock_shows_the_very_instant_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, when: datetime
) -> None:
    path = tmp_path_factory.mktemp("clock", numbered=True) / "clock"
    assert SharedClock.create(path, when).now() == when


def test_the_monotonic_clock_does_not_go_back() -> None:
    assert monotonic() <= monotonic()
