"""A VEN that knows the draft GB API alone, at our VTN: what runs is what was in force."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.posting import Poster
from tests.rewriting import rewriting_before
from tests.unit.ven.dso import NOON, Dso, dso_with_fsp7
from tests.waiting import until
from ukprofile.clock import SharedClock
from ukprofile.flex.dispatch import Period
from ukprofile.openadr.client import Client, Credentials
from vtn.domain.record import Role

pytestmark = pytest.mark.e2e
AGENT = Path(__file__).with_name("bare_draft_ven.py")
MW = 1_000_000


def at(minutes: int) -> datetime:
    """Minutes after 16:00; the window of the contract opens at 30."""
    return NOON + timedelta(minutes=minutes)


def absolute(number: int, start: int, end: int, mw: float) -> Period:
    return Period(number, at(start), at(end), setpoint_w=int(mw * MW))


def relative(number: int, start: int, end: int, mw: float) -> Period:
    return Period(number, at(start), at(end), delta_w=int(mw * MW))


class Scene:
    """The DSO, what it posts, and the log of the other side's device."""

    def __init__(self, dso: Dso, poster: Poster, clock: SharedClock, log: Path) -> None:
        self.dso, self.post, self.clock, self.log = dso, poster, clock, log
        self.in_force: list[tuple[datetime, tuple[Period, ...]]] = []
        self.read_backs = 0

    def said(self, kind: str) -> list[str]:
        """The values reported of a payload type, in order."""
        payloads = (
            p
            for report in self.dso.reports()
            for resource in report.resources
            for interval in resource.intervals
            for p in interval.payloads
        )
        return [str(p.values[0]) for p in payloads if p.type == kind]

    def descriptors(self) -> list[str]:
        return [d.payload_type for r in self.dso.reports() for d in r.payload_descriptors or ()]

    async def taken(self, *periods: Period) -> None:
        """It has read what was posted last, after which `periods` are in force."""
        self.in_force.append((self.clock.now(), periods))
        self.read_backs += 1

        def told() -> bool:
            return self.descriptors().count("READ_BACK") == self.read_backs

        await until(told, why=f"{self.read_backs} events were read back")

    def device(self) -> list[tuple[datetime, float]]:
        if not self.log.exists():
            return []
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [(datetime.fromisoformat(line["at"]), line["mw"]) for line in lines]

    def due(self) -> Iterator[tuple[datetime, float]]:
        """What the device has to do: changes of the level in force, minute by minute."""
        before = 0.0
        for when in (at(minute) for minute in range(241)):
            plan = next((p for since, p in reversed(self.in_force) if since <= when), ())
            level = next((p.level_w / MW for p in plan if p.start <= when < p.end), 0.0)
            if level != before:
                yield when, level
            before = level

    async def ran_as_in_force(self) -> None:
        self.clock._write(at(241), 0.0)
        due = list(self.due())
        try:
            await until(lambda: self.device() == due, timeout_s=5)
        except TimeoutError:
            assert self.device() == due  # the difference is the message


@asynccontextmanager
async def bare_ven_at_a_dso(tmp_path, *, rewritten=False):
    """Beside a DSO; `rewritten`: at a VTN that shows it every event in other words."""
    path, log = tmp_path / "clock", tmp_path / "device.jsonl"
    SharedClock.create(path, NOON)
    clock = SharedClock(path, writable=True)
    async with dso_with_fsp7(clock) as dso, rewriting_before(dso.url) as (_, other):
        desk, secret = await dso.running.client("desk", Role.BL)
        ven = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                AGENT,
                other if rewritten else dso.url,
                dso.client_id,
                dso.secret,
                path,
                log,
            )
        )
        async with Client(dso.url, Credentials(desk, secret), attempts=1) as client:
            yield Scene(dso, Poster(client, dso.running.vtn.keys, clock), clock, log)
        assert ven.returncode is None, "it ended by itself"
        ven.send_signal(signal.SIGKILL)
        await ven.wait()


@pytest.fixture
async def scene(tmp_path):
    async with bare_ven_at_a_dso(tmp_path) as made:
        yield made


@pytest.mark.parametrize("rewritten", [False, True])
async def test_schedule_confirmation_variation_and_cease_run_as_in_force(tmp_path, rewritten):
    async with bare_ven_at_a_dso(tmp_path, rewritten=rewritten) as scene:
        await whole_life(scene)


async def whole_life(scene):
    planned = absolute(0, 40, 100, 1.2)
    await scene.post.schedule("D1", planned, confirm_by=at(20))
    await scene.taken()
    scene.clock._write(at(10), 0.0)
    await scene.post.instruct("D1", planned)
    await scene.taken(planned)

    scene.clock._write(at(50), 0.0)
    await until(lambda: scene.said("DISPATCH_STATUS") == ["EXECUTING"], why="it told its start")
    less = (absolute(0, 40, 60, 1.2), absolute(1, 60, 100, 0.7))
    await scene.post.vary("D1", *less)
    await scene.taken(*less)
    scene.clock._write(at(70), 0.0)
    await scene.post.cease("D1", at(72), *less)
    await scene.taken(less[0], absolute(1, 60, 72, 0.7))

    await scene.ran_as_in_force()
    assert [mw for _, mw in scene.device()] == [1.2, 0.7, 0.0]
    assert scene.said("DISPATCH_STATUS") == ["EXECUTING"]


async def test_nothing_runs_of_a_schedule_that_nobody_confirmed(scene):
    await scene.post.schedule("D1", relative(0, 40, 100, 1.0), confirm_by=at(20))
    await scene.taken()
    scene.clock._write(at(110), 0.0)
    later = relative(0, 120, 150, 0.5)
    await scene.post.instruct("D2", later)
    await scene.taken(later)
    await scene.ran_as_in_force()
    assert scene.device() == [(at(120), 0.5), (at(150), 0.0)]
    await until(lambda: scene.said("DISPATCH_STATUS") == ["EXECUTING"], why="only the later")


async def test_nothing_runs_of_a_cancelled_dispatch_and_the_one_beside_it_does(scene):
    await scene.post.instruct("D1", relative(0, 40, 100, 1.0))
    await scene.taken(relative(0, 40, 100, 1.0))
    scene.clock._write(at(10), 0.0)
    await scene.post.cancel("D1")
    await scene.taken()
    await scene.post.instruct("D2", relative(0, 60, 120, 0.5))
    await scene.taken(relative(0, 60, 120, 0.5))
    await scene.ran_as_in_force()
    assert scene.device() == [(at(60), 0.5), (at(120), 0.0)]


async def test_one_relative_level_is_cut_short_by_its_cease(scene):
    level = relative(0, 40, 100, 1.0)
    await scene.post.instruct("D1", level)
    await scene.taken(level)
    scene.clock._write(at(50), 0.0)
    await scene.post.cease("D1", at(55), level)
    await scene.taken(relative(0, 40, 55, 1.0))
    await scene.ran_as_in_force()
    assert scene.device() == [(at(40), 1.0), (at(55), 0.0)]


async def test_its_unsigned_reports_acknowledge_nothing(scene):
    """Anybody at the VTN could have written them (profile 1: the acknowledgement is signed)."""
    await scene.post.instruct("D1", relative(0, 40, 100, 1.0))
    await scene.taken(relative(0, 40, 100, 1.0))
    (standing,) = await scene.dso.standings()
    assert (standing.delivery, standing.decided) == ("fetched", "")
    assert standing.flags == ("read_back_unsigned",)


def test_it_imports_nothing_of_ours():
    imported = [line.split()[1] for line in AGENT.read_text().splitlines() if "import " in line]
    ours = {"ukprofile", "ven", "vtn", "tests", "demo"}
    assert not ours & {name.split(".")[0] for name in imported}
