"""Commands on their way to devices: once each, in order, again where nobody answered."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.dying import Doom
from tests.golden import at, life
from tests.shared import needs_shared
from tests.unit.ven.scene import Agent, event
from tests.waiting import until
from ven.act import Actor
from ven.bell import Bell
from ven.device import Command, Device, DeviceError
from ven.device.simulated import Battery, SimulatedBattery
from ven.endure import first
from ven.journal import Journal, JournalFull
from ven.replan import replan

pytestmark = needs_shared
ASSET = "UKPN-AS-000731"
INSTRUCTED, VARIED, CEASED = "2026-03-29T12:20:15Z", "2026-03-29T16:18:05Z", "2026-03-29T16:38:00Z"


class Moody(SimulatedBattery):
    """A battery that refuses, or answers too late, as often as it is told to."""

    refuses = 0
    hangs = 0
    loses = 0

    async def apply(self, command: Command) -> None:
        if self.refuses:
            self.refuses -= 1
            raise DeviceError("tripped")
        if self.hangs:
            self.hangs -= 1
            await asyncio.Event().wait()
        await super().apply(command)
        if self.loses:  # it took the command, and the answer is lost
            self.loses -= 1
            raise ConnectionResetError("cable")


class Scene:
    def __init__(self, journal: Journal, log) -> None:
        self.agent = Agent(journal)
        self.log = log
        self.bell = Bell()
        self.news = self.bell.ear()
        self.device = Moody(ASSET, Battery(), self.agent.clock, log)
        self.devices: dict[str, Device] = {ASSET: self.device}

    def actor(self) -> Actor:
        agent = self.agent
        return Actor(
            agent.journal,
            agent.alarms,
            self.devices,
            {},
            agent.clock,
            self.bell,
            timeout_s=0.05,
            retry_s=0.01,
        )

    async def read(self, number: str, now: str) -> None:
        await self.agent.read(event(life(number)), now, projection="gb-draft")
        self.bell.ring()

    async def states(self) -> list[str]:
        return [p.state for p in await self.agent.journal.read(lambda b: b.commands())]

    async def settled(self) -> list[str]:
        """The states of all commands, once none is open."""
        async with asyncio.timeout(5):
            while {"PLANNED", "SENT"} & set(states := await self.states()):
                await self.news.wait(0.05)
        return states

    def told(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def alarms(self) -> list[tuple[str, bool]]:
        found = await self.agent.journal.read(lambda b: b.alarms())
        return [(a.reason, a.over_at is None) for a in found]


@pytest.fixture
async def scene(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    made = Scene(journal, tmp_path / "device.jsonl")
    await made.agent.hold("05")
    yield made
    await journal.close()


@pytest.fixture
async def running(scene):
    task = asyncio.create_task(scene.actor().run())
    yield scene
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_command_goes_out_as_soon_as_it_is_planned(running):
    await running.read("12", INSTRUCTED)
    assert await running.settled() == ["CONFIRMED", "CONFIRMED"]
    assert [(line["delta_w"], line["threads"]) for line in running.told()] == [
        (1_000_000, ["UKPN-DSP-0088"]),
        (1_300_000, ["UKPN-DSP-0088"]),
    ]


async def test_a_cease_shortens_what_runs_and_nothing_is_told_twice(running):
    await running.read("12", INSTRUCTED)
    await running.settled()
    await running.read("17", CEASED)
    await running.settled()
    last = running.told()[-1]
    assert (last["delta_w"], last["to"]) == (1_300_000, "2026-03-29T16:40:00Z")
    assert len(running.told()) == 3
    running.agent.clock.set(at("2026-03-29T16:45:00Z"))
    assert (await running.device.measure()).power_w == 0


async def test_a_cease_read_after_its_time_releases_the_device_at_once(running):
    await running.read("12", INSTRUCTED)
    await running.settled()
    await running.read("17", "2026-03-29T16:50:00Z")
    await running.settled()
    running.agent.clock.advance(timedelta(minutes=2))
    assert running.told()[-1]["delta_w"] is None
    assert (await running.device.measure()).power_w == 0


async def test_a_crash_between_sending_and_the_answer_repeats_nothing_at_the_device(scene):
    """SENT is written before; the same id goes out again; the device takes it once."""
    await scene.read("12", INSTRUCTED)
    first = (await scene.agent.journal.read(lambda b: b.open_commands(ASSET)))[0].command
    await scene.agent.journal.write(lambda b: b.send(first.id, at(INSTRUCTED)))
    await scene.device.apply(first)
    task = asyncio.create_task(scene.actor().run())
    assert await scene.settled() == ["CONFIRMED", "CONFIRMED"]
    assert len(scene.told()) == 2
    task.cancel()


async def test_what_was_never_sent_before_the_crash_is_sent_after_it(scene):
    await scene.read("12", INSTRUCTED)
    first = (await scene.agent.journal.read(lambda b: b.open_commands(ASSET)))[0].command
    await scene.agent.journal.write(lambda b: b.send(first.id, at(INSTRUCTED)))
    task = asyncio.create_task(scene.actor().run())
    assert await scene.settled() == ["CONFIRMED", "CONFIRMED"]
    assert scene.told()[0]["id"] == first.id
    task.cancel()


@pytest.mark.parametrize("mood", ["hangs", "loses"])
async def test_a_device_that_does_not_answer_is_asked_again_with_the_same_id(running, mood):
    setattr(running.device, mood, 2)
    await running.read("12", INSTRUCTED)
    assert await running.settled() == ["CONFIRMED", "CONFIRMED"]
    assert len(running.told()) == 2
    assert await running.alarms() == [("DEVICE_FAILED", False)]


async def test_a_refused_command_fails_once_with_an_alarm(running):
    running.device.refuses = 1
    await running.read("12", INSTRUCTED)
    assert await running.settled() == ["FAILED", "CONFIRMED"]
    assert [line["delta_w"] for line in running.told()] == [1_300_000]
    assert await running.alarms() == [("DEVICE_FAILED", True)]


async def test_a_device_that_refuses_less_is_released_from_more(running):
    """The old level must not run on because the new one was refused."""
    await running.read("12", INSTRUCTED)
    await running.settled()
    running.device.refuses = 1
    await running.read("17", CEASED)
    await running.settled()
    running.agent.clock.set(at("2026-03-29T16:45:00Z"))
    assert running.told()[-1]["delta_w"] is None
    assert (await running.device.measure()).power_w == 0


async def test_a_release_is_asked_for_until_it_comes_about(running):
    await running.read("12", INSTRUCTED)
    await running.settled()
    running.device.refuses = 3
    await running.read("17", "2026-03-29T16:50:00Z")
    assert await running.settled() == ["CONFIRMED"] * 3
    assert running.told()[-1]["delta_w"] is None


async def test_what_a_newer_command_hides_is_told_again_under_a_new_id(running):
    """The device would ignore an id it has had."""
    await running.read("12", INSTRUCTED)
    await running.settled()
    first = running.told()[0]["id"]
    early = Command("early", ASSET, at("2026-03-29T15:00:00Z"), at("2026-03-29T15:10:00Z"), None, 5)
    await running.device.apply(early)

    def as_told(book):
        book.plan("early", early, at(INSTRUCTED))
        book.send("early", at(INSTRUCTED))
        book.settle("early", "CONFIRMED", at(INSTRUCTED))
        replan(book, {}, at(INSTRUCTED))

    await running.agent.journal.write(as_told)
    running.bell.ring()
    await running.settled()
    release, again, *_ = running.told()[3:]
    assert (release["from"], release["delta_w"]) == ("2026-03-29T15:00:00Z", None)
    assert again["id"] == f"{first}-2"
    running.agent.clock.set(at("2026-03-29T16:30:00Z"))
    assert (await running.device.measure()).power_w == 1_300_000


async def test_an_asset_without_a_device_fails_at_once(scene):
    scene.devices.clear()
    task = asyncio.create_task(scene.actor().run())
    await scene.read("12", INSTRUCTED)
    assert await scene.settled() == ["FAILED", "FAILED"]
    assert await scene.alarms() == [("DEVICE_FAILED", True)]
    task.cancel()


async def test_what_ended_before_the_device_answered_is_over(running):
    running.device.hangs = 10**6
    await running.read("12", INSTRUCTED)
    running.agent.clock.set(at("2026-03-29T20:00:00Z"))
    assert set(await running.settled()) == {"FAILED"}
    assert not running.log.exists()


@pytest.fixture
async def full(tmp_path):
    """A disk without room for SENT, once a dispatch was read."""
    doom = Doom([None, None, *["full"] * 2])  # the terms, and the dispatch with its plan
    journal = await Journal.open(tmp_path / "journal.db", connection=doom.connection())
    made = Scene(journal, tmp_path / "device.jsonl")
    await made.agent.hold("05")
    yield made
    await journal.close()


async def test_without_room_the_device_is_told_what_was_kept(full):
    await full.read("12", INSTRUCTED)
    actor = full.actor()
    for _ in range(2):
        with pytest.raises(BaseExceptionGroup) as raised:
            await actor.run()
        assert isinstance(first(raised.value), JournalFull)
        assert len(full.told()) == 2
    assert await full.states() == ["PLANNED", "PLANNED"]
    task = asyncio.create_task(actor.run())
    assert await full.settled() == ["CONFIRMED", "CONFIRMED"]
    assert len(full.told()) == 2
    task.cancel()


async def test_what_was_told_without_room_and_is_called_off_meanwhile_is_taken_back(full):
    """A cease is read as soon as there is room, before it is written that the device was told."""
    await full.read("12", INSTRUCTED)
    actor = full.actor()
    for _ in range(2):
        with pytest.raises(BaseExceptionGroup):
            await actor.run()
    await full.read("17", "2026-03-29T16:50:00Z")
    assert set(await full.states()) == {"WITHDRAWN"}
    task = asyncio.create_task(actor.run())
    await full.settled()
    await until(lambda: full.told()[-1]["delta_w"] is None, why="released")
    full.agent.clock.advance(timedelta(minutes=2))
    assert (await full.device.measure()).power_w == 0
    task.cancel()


async def test_what_would_have_followed_a_command_that_is_over_is_not_told_again(scene):
    """Nothing came between: the device holds it already."""
    await scene.read("12", INSTRUCTED)
    task = asyncio.create_task(scene.actor().run())
    await scene.settled()
    first = (await scene.agent.journal.read(lambda b: b.commands()))[0].command
    start, end = at("2026-03-29T15:00:00Z"), at("2026-03-29T15:10:00Z")
    scene.agent.clock.set(at("2026-03-29T15:20:00Z"))

    def as_planned(book):
        book.plan("over", Command("over", ASSET, start, end, None, 5), start)
        book.plan(first.id, replace(first, id=f"{first.id}-2"), start)

    await scene.agent.journal.write(as_planned)
    scene.bell.ring()
    assert sorted(await scene.settled()) == ["CONFIRMED", "CONFIRMED", "FAILED", "WITHDRAWN"]
    assert len(scene.told()) == 2
    task.cancel()
