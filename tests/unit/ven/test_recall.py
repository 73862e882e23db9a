"""A journal that was put back, lost or cut short: nothing is said twice, nothing runs on."""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.agent import Agent, agent_at
from tests.dying import Doom, Fate, Killed
from tests.unit.ven.dso import ASSET, CONTRACT, NOON, Dso, dso_with_fsp7
from ukprofile.clock import ManualClock
from ukprofile.mapping.answer import message_of
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ven.device import Command
from ven.journal import RECALL
from ven.journal.lock import lock_of
from vtn.domain.desk import CancellationOrder, CeaseOrder

HALF, HOUR = timedelta(minutes=30), timedelta(hours=1)


class Scene:
    """The DSO, and an agent's directory; `agent` starts an agent there."""

    def __init__(self, dso: Dso, client: Client, folder: Path, clock: ManualClock) -> None:
        self.dso, self.client, self.folder, self.clock = dso, client, folder, clock
        self.journal, self.kept = folder / "journal.db", folder / "kept.db"

    def agent(self, client: Client | None = None, fates: Iterable[Fate | None] = ()) -> Any:
        return agent_at(
            client or self.client,
            self.folder,
            self.clock,
            self.dso.register,
            connection=Doom(fates).connection(),
        )

    def at(self, minutes: float) -> None:
        self.clock.set(NOON + timedelta(minutes=minutes))

    async def lived(self) -> str:
        """A dispatch from 16:30 runs, at 16:40; `kept` is the journal from before it."""
        async with self.agent() as agent:
            await agent.turn()
        shutil.copy(self.journal, self.kept)
        async with self.agent() as agent:
            thread = await self.dso.instruct(HALF, HOUR)
            await agent.turn()
            self.at(40)
            await agent.turn()
        return thread

    def put_back(self) -> None:
        shutil.copy(self.kept, self.journal)

    def lose(self) -> None:
        self.journal.unlink()
        lock_of(self.journal).unlink()

    def cut_short(self) -> None:
        """The disk lost the newest writes: nothing on it says so."""
        self.put_back()
        with closing(sqlite3.connect(self.journal)) as db:
            (mark,) = db.execute("SELECT value FROM notes WHERE name = 'mark'").fetchone()
        lock_of(self.journal).write_text(json.dumps({"pid": 1, "marks": [mark]}))

    async def cease(self, thread: str) -> None:
        await self.dso.running.vtn.desk.cease(CeaseOrder(contract_id=CONTRACT, thread=thread))

    def said(self) -> Counter[tuple[str, str]]:
        """How often each thing was said: kind, and state or decision."""
        carried = [message_of(report) for report in self.dso.reports()]
        texts = [parse_text(one.text) for one in carried if one is not None]
        return Counter(
            (t["kind"], t["body"].get("state") or t["body"].get("decided")) for t in texts
        )

    def revisions(self) -> list[tuple[str, int]]:
        carried = [message_of(report) for report in self.dso.reports()]
        texts = [parse_text(one.text) for one in carried if one is not None]
        return [(t["thread"], t["revision"]) for t in texts]


@pytest.fixture
async def scene(tmp_path):
    clock = ManualClock(NOON)
    async with dso_with_fsp7(clock) as dso:
        mine = Credentials(dso.client_id, dso.secret)
        async with Client(dso.url, mine, attempts=1) as client:
            yield Scene(dso, client, tmp_path, clock)


async def power(agent: Agent) -> int:
    return (await agent.reporter._devices[ASSET].measure()).power_w


@asynccontextmanager
async def after(scene: Scene, mishap: str):
    """An agent that is started after a mishap to its journal, and has looked once."""
    getattr(scene, mishap)()
    scene.at(45)
    async with scene.agent() as agent:
        await agent.turn()
        yield agent


MISHAPS = pytest.mark.parametrize("mishap", ["put_back", "lose", "cut_short"])


@MISHAPS
async def test_what_runs_runs_on_and_nothing_is_said_twice(scene, mishap):
    await scene.lived()
    before = scene.said()
    assert before["status", "executing"] == 1
    async with after(scene, mishap) as agent:
        assert await power(agent) == 1_000_000
        assert scene.said() == before
        assert ("JOURNAL_OLDER", False) in await agent.alarms()
        assert await agent.ask(lambda book: book.noted(RECALL)) == ""
        scene.at(91)
        await agent.turn()
        assert scene.said() - before == {("status", "completed"): 1}
    ids = [line["id"] for line in agent.told()]
    assert len(set(ids)) == len(ids)


@MISHAPS
async def test_a_cease_that_came_since_stops_a_device_the_journal_knows_nothing_of(scene, mishap):
    """The VTN shows the cease in place of what it ends: there is nothing else to know it by."""
    thread = await scene.lived()
    before = scene.said()
    scene.at(44)
    await scene.cease(thread)
    async with after(scene, mishap) as agent:
        assert agent.told()[-1]["delta_w"] is None
        scene.at(50)
        assert await power(agent) == 0
        await agent.turn()
        assert scene.said() - before == {("acknowledgement", "received"): 1}


@MISHAPS
async def test_what_was_ceased_long_ago_is_not_executed_again(scene, mishap):
    thread = await scene.lived()
    async with scene.agent() as agent:
        shutil.copy(scene.journal, scene.kept)  # from when it ran
        scene.at(44)
        await scene.cease(thread)
        await agent.turn()
        scene.at(50)
        await agent.turn()
        before = scene.said()
    getattr(scene, mishap)()
    scene.at(55)
    async with scene.agent() as agent:
        await agent.turn()
        told = agent.told()
        scene.at(60)
        assert await power(agent) == 0
        await agent.turn()
        assert scene.said() == before
    assert all(line["delta_w"] is None for line in told if line["at"] >= "2026-11-24T16:55")


async def test_before_the_vtn_was_asked_nothing_is_told(scene):
    """The journal is from when a dispatch was planned, and the device not told; it was cancelled
    since.
    """
    async with scene.agent() as agent:
        await agent.turn()
    thread = await scene.dso.instruct(HALF, HOUR)
    async with scene.agent(fates=["after"]) as agent:
        with pytest.raises(Killed):
            await agent.turn()
    shutil.copy(scene.journal, scene.kept)
    async with scene.agent() as agent:
        await agent.turn()
        order = CancellationOrder(contract_id=CONTRACT, thread=thread)
        await scene.dso.running.vtn.desk.cancel(order)
        await agent.turn()
        told = agent.told()
    scene.put_back()
    alone = Client("http://127.0.0.1:9", Credentials("a", "b"), attempts=1)
    async with alone as nobody, scene.agent(nobody) as agent:
        await agent.listener.look()
        for _ in range(20):  # whatever an actor would write by now is before these
            assert await agent.ask(lambda b: [p.state for p in b.commands()]) == ["PLANNED"]
        assert agent.told() == told
        assert ("JOURNAL_OLDER", True) in await agent.alarms()
    async with scene.agent() as agent:  # in contact again, and still not sure
        await agent.turn()
        assert all(line["delta_w"] is None for line in agent.told()[len(told) :])
        assert ("JOURNAL_OLDER", False) in await agent.alarms()


async def test_what_a_device_was_told_since_is_replaced_by_what_is_due(scene):
    """The very command that is due was sent before, and another one after it."""
    await scene.lived()
    since = Command("since", ASSET, NOON, NOON + HALF + HOUR, delta_w=300_000)
    async with scene.agent() as agent:
        await agent.reporter._devices[ASSET].apply(since)
    scene.put_back()
    scene.at(45)
    async with scene.agent() as agent:
        await agent.turn()
        scene.at(46)
        assert await power(agent) == 1_000_000


async def test_no_revision_is_used_twice_though_the_clock_went_back(scene):
    await scene.lived()
    scene.put_back()
    scene.at(39)
    async with scene.agent() as agent:
        await agent.turn()
        scene.at(91)
        await agent.turn()
    numbers = scene.revisions()
    assert len(set(numbers)) == len(numbers)
    by_thread = [n for thread, n in numbers if thread == "ST-DSP-1"]
    assert len(by_thread) == 2


async def test_a_report_that_was_queued_then_may_have_been_sent_since(scene):
    """It is looked for by its name first, though this journal never tried to send it."""
    async with scene.agent() as agent:
        await agent.turn()
        await scene.dso.instruct(HALF, HOUR)
        await agent.listener.look()  # acknowledged, and not sent yet
        await agent.journal.read(lambda book: book._db.execute("VACUUM INTO ?", (str(scene.kept),)))
        await agent.turn()
    before = scene.said()
    scene.put_back()
    async with scene.agent() as agent:
        await agent.turn()
        posts = await agent.ask(lambda book: [(p.state, p.attempts) for p in book.posts()])
    assert posts == [("SENT", 1), ("SENT", 1)]
    assert scene.said() == before


async def test_a_journal_that_knows_everything_asks_only_of_what_runs(scene):
    await scene.lived()
    asked: list[str] = []
    async with scene.agent() as agent:
        listing = scene.client.reports.list

        async def heard(**filters: Any) -> Any:
            asked.append(filters["event_id"])
            return await listing(**filters)

        scene.client.reports.list = heard
        await agent.turn()
        await agent.turn()
        assert asked == scene.dso.dispatch_ids()
        assert await agent.alarms() == []
