"""A VEN that knows the draft GB API alone, at `ukvtn`: what runs is what was in force."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.rewriting import rewriting_before
from tests.ukvtn import Server, ukvtn
from tests.unit.ven.dso import CONTRACT, NOON, terms
from tests.waiting import until
from ukprofile.clock import SharedClock
from ukprofile.openadr import Report
from ukprofile.openadr.client import Client, Credentials

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
AGENT = Path(__file__).with_name("bare_draft_ven.py")

Levels = tuple[tuple[int, int, float], ...]
"""Minutes after 16:00 from and to, MW; the window of the contract opens at 30."""


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def text(minutes: int) -> str:
    return at(minutes).strftime("%Y-%m-%dT%H:%M:%SZ")


class Scene:
    """The DSO at its desk, and the log of the other side's device."""

    def __init__(self, data: Path, vtn: Client, clock: SharedClock, log: Path) -> None:
        self.data, self.vtn, self.clock, self.log = data, vtn, clock, log
        self.in_force: list[tuple[datetime, Levels]] = []
        self.read_backs = 0

    async def told(self, *words: str, stdin: str = "") -> Any:
        done = await asyncio.to_thread(ukvtn, *words, "-d", self.data, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async def desk(self, operation: str, name: str, *options: str, runs: Levels = ()) -> None:
        """One word of the DSO's, once the VEN has read it back; from then on `runs` is in force."""
        await self.told("desk", operation, name, *options)
        self.in_force.append((self.clock.now(), runs))
        self.read_backs += 1

        async def read() -> bool:
            kinds = [d.payload_type for r in await self.reports() for d in r.payload_descriptors]
            return kinds.count("READ_BACK") == self.read_backs

        await until(read, why=f"{self.read_backs} events were read back")

    async def reports(self) -> tuple[Report, ...]:
        return (await self.vtn.reports.list()).items

    async def statuses(self) -> list[str]:
        """The values of DISPATCH_STATUS that were reported."""
        return [
            str(p.values[0])
            for report in await self.reports()
            for resource in report.resources
            for interval in resource.intervals
            for p in interval.payloads
            if p.type == "DISPATCH_STATUS"
        ]

    async def executing(self) -> None:
        async def told() -> bool:
            return await self.statuses() == ["EXECUTING"]

        await until(told, why="it told its start, once")

    def to(self, minutes: int) -> None:
        """The business time, of everybody."""
        self.clock._write(at(minutes), 0.0)

    def device(self) -> list[tuple[datetime, float]]:
        if not self.log.exists():
            return []
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [(datetime.fromisoformat(line["at"]), line["mw"]) for line in lines]

    def due(self) -> Iterator[tuple[datetime, float]]:
        """What the device has to do: changes of the level in force, minute by minute."""
        before = 0.0
        for minute in range(241):
            plan = next((p for since, p in reversed(self.in_force) if since <= at(minute)), ())
            level = next((mw for start, end, mw in plan if start <= minute < end), 0.0)
            if level != before:
                yield at(minute), level
            before = level

    async def ran_as_in_force(self) -> None:
        self.to(241)
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
    clock, server = SharedClock(path, writable=True), Server(tmp_path)
    await server.start("--sandbox", "--dso", "UKPN", "--clock", path)
    bl = Credentials(server.ready["bl"]["client_id"], server.ready["bl"]["client_secret"])
    async with (
        Client(server.url, bl, attempts=1) as vtn,
        rewriting_before(server.url) as (_, other),
    ):
        scene = Scene(server.data, vtn, clock, log)
        client = await scene.told("clients", "add", "FSP7", "--role", "ven")
        body = json.dumps(terms())
        await scene.told("contracts", "add", "-", "--provider", "FSP7", stdin=body)
        url = other if rewritten else server.url
        known = (url, client["client_id"], client["client_secret"], path, log)
        ven = await asyncio.create_subprocess_exec(sys.executable, AGENT, *known)
        try:
            yield scene
            assert ven.returncode is None, "it ended by itself"
        finally:
            if ven.returncode is None:
                ven.send_signal(signal.SIGKILL)
            await ven.wait()
            await server.kill()


@pytest.fixture
async def scene(tmp_path):
    async with bare_ven_at_a_dso(tmp_path) as made:
        yield made


def asking(start: int, end: int, thread: str, **power: int) -> tuple[str, ...]:
    ((form, watts),) = power.items()
    option = "--" + form.replace("_", "-")
    return ("--start", text(start), "--end", text(end), option, str(watts), "--thread", thread)


@pytest.mark.parametrize("rewritten", [False, True])
async def test_schedule_confirmation_variation_and_cease_run_as_in_force(tmp_path, rewritten):
    async with bare_ven_at_a_dso(tmp_path, rewritten=rewritten) as scene:
        asked = asking(40, 100, "D1", setpoint_w=1_200_000)
        await scene.desk("schedule", CONTRACT, *asked, "--confirm-by", text(20))
        scene.to(10)
        await scene.desk("confirm", "D1", runs=((40, 100, 1.2),))
        scene.to(50)
        await scene.executing()
        less = ((40, 60, 1.2), (60, 100, 0.7))
        await scene.desk("vary", "D1", "--setpoint-w", "700000", "--from", text(60), runs=less)
        scene.to(70)
        await scene.desk("cease", "D1", "--at", text(72), runs=((40, 60, 1.2), (60, 72, 0.7)))
        await scene.ran_as_in_force()
        assert [mw for _, mw in scene.device()] == [1.2, 0.7, 0.0]
        await scene.executing()


async def test_nothing_runs_of_a_schedule_that_nobody_confirmed(scene):
    asked = asking(40, 100, "D1", delta_w=1_000_000)
    await scene.desk("schedule", CONTRACT, *asked, "--confirm-by", text(20))
    scene.to(110)
    later = asking(120, 150, "D2", delta_w=500_000)
    await scene.desk("instruct", CONTRACT, *later, runs=((120, 150, 0.5),))
    await scene.ran_as_in_force()
    assert scene.device() == [(at(120), 0.5), (at(150), 0.0)]
    await scene.executing()


async def test_nothing_runs_of_a_cancelled_dispatch_and_the_one_beside_it_does(scene):
    asked = asking(40, 100, "D1", delta_w=1_000_000)
    await scene.desk("instruct", CONTRACT, *asked, runs=((40, 100, 1.0),))
    scene.to(10)
    await scene.desk("cancel", "D1")
    beside = asking(60, 120, "D2", delta_w=500_000)
    await scene.desk("instruct", CONTRACT, *beside, runs=((60, 120, 0.5),))
    await scene.ran_as_in_force()
    assert scene.device() == [(at(60), 0.5), (at(120), 0.0)]


async def test_one_relative_level_is_cut_short_by_its_cease_and_acknowledged_by_nobody(scene):
    """Anybody at the VTN could have written its reports (profile 1: acknowledgements are signed)."""
    asked = asking(40, 100, "D1", delta_w=1_000_000)
    await scene.desk("instruct", CONTRACT, *asked, runs=((40, 100, 1.0),))
    (standing,) = (await scene.told("status"))["dispatches"]
    assert (standing["delivery"], standing["decided"]) == ("fetched", "")
    assert standing["flags"] == ["read_back_unsigned"]
    scene.to(50)
    await scene.desk("cease", "D1", "--at", text(55), runs=((40, 55, 1.0),))
    await scene.ran_as_in_force()
    assert scene.device() == [(at(40), 1.0), (at(55), 0.0)]


def test_it_imports_nothing_of_ours():
    imported = [line.split()[1] for line in AGENT.read_text().splitlines() if "import " in line]
    ours = {"ukprofile", "ven", "vtn", "tests", "demo"}
    assert not ours & {name.split(".")[0] for name in imported}
