"""What the DSO hears of a dispatch: each change once, in time, and true."""

import asyncio
from datetime import timedelta

import pytest

from tests.golden import at, life
from tests.shared import needs_shared
from tests.unit.ven.scene import event
from tests.unit.ven.test_act import ASSET, INSTRUCTED, Moody, Scene
from tests.unit.ven.test_progress import dispatch
from ukprofile.flex.answer import Status
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import ReportRequest
from ukprofile.receiving import parse_text
from ven.device import DeviceError, Measurement
from ven.device.simulated import Battery
from ven.journal import Journal
from ven.progress import Seen, Word
from ven.report import Reporter, _status

pytestmark = needs_shared
START, END = at("2026-03-29T15:30:00Z"), at("2026-03-29T17:00:00Z")
CEASED_AT = at("2026-03-29T16:40:00Z")


class Reporting(Scene):
    def reporter(self) -> Reporter:
        agent = self.agent
        return Reporter(
            agent.journal, agent.alarms, agent.voice, self.devices, agent.clock, self.bell,
            timeout_s=0.05, rest_s=0.0,
        )  # fmt: skip

    async def look(self, when) -> list[tuple[str, str]]:
        """What is said at `when`: states with the text after their asset."""
        before = len(await self.statuses())
        self.agent.clock.set(when)
        await self.reporter().look()
        return [(s.state, s.reason or "") for s in (await self.statuses())[before:]]

    async def statuses(self) -> list[Status]:
        posts = await self.agent.journal.read(lambda b: b.posts())
        carried = [
            message_of(ReportRequest.read_bytes(p.body)) for p in posts if p.kind == "status"
        ]
        return [Status.read(parse_text(c.text)["body"]) for c in carried if c is not None]


@pytest.fixture
async def scene(tmp_path):
    """An instructed dispatch, 1.0 MW from 15:30 and 1.3 MW from 16:00 to 17:00, told to a device."""
    journal = await Journal.open(tmp_path / "journal.db")
    made = Reporting(journal, tmp_path / "device.jsonl")
    await made.agent.hold("05")
    task = asyncio.create_task(made.actor().run())
    await made.read("12", INSTRUCTED)
    await made.settled()
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.close()


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


async def test_a_dispatch_that_goes_well_is_executing_then_completed(scene):
    assert await scene.look(START - minutes(1)) == []
    assert await scene.look(START) == []  # the device ramps
    assert await scene.look(START + minutes(1)) == [("executing", "")]
    assert await scene.look(START + minutes(40)) == []
    assert await scene.look(END) == [("completed", "")]
    assert await scene.look(END + minutes(5)) == []
    executing, completed = await scene.statuses()
    assert (executing.power_w, executing.at) == (1_000_000, START + minutes(1))
    assert completed.at == END


async def test_a_cease_of_a_running_one_is_said_once_the_device_has_let_go(scene):
    await scene.look(START + minutes(1))
    await scene.read("17", "2026-03-29T16:38:00Z")
    await scene.settled()
    assert await scene.look(CEASED_AT - minutes(1)) == []
    assert await scene.look(CEASED_AT) == [("ceased", "")]
    assert await scene.look(END) == []
    posts = await scene.agent.journal.read(lambda b: b.posts())
    entries = {e.sha256: e for e in await scene.agent.journal.read(lambda b: b.entries())}
    (said,) = [e for e in entries.values() if e.kind == "status" and '"ceased"' in e.text]
    assert entries[said.in_reply_to].kind == "cease"
    assert {p.event_id for p in posts} == {"E1"}


async def test_an_empty_battery_is_suspended_at_once_and_has_failed_at_the_end(tmp_path, scene):
    small = Battery(capacity_wh=1_000_000, energy_wh=400_000)
    scene.devices[ASSET] = Moody(ASSET, small, scene.agent.clock, tmp_path / "small.jsonl")
    for planned in await scene.agent.journal.read(lambda b: b.commands()):
        await scene.devices[ASSET].apply(planned.command)
    assert await scene.look(START + minutes(1)) == [("executing", "")]
    empty = ("suspended", f"{ASSET}: the battery is empty")
    assert await scene.look(START + minutes(27)) == [empty]
    assert await scene.look(START + minutes(35)) == []
    assert await scene.look(END) == [("failed", "suspended when it ended")]
    assert await scene.look(END + minutes(5)) == []
    assert await scene.alarms() == [("NOT_DELIVERED", True)]


async def test_a_run_that_stands_still_is_suspended_after_a_minute_and_resumed(scene):
    class Cable(Moody):
        pulled = False

        async def measure(self) -> Measurement:
            if self.pulled:
                raise DeviceError("no link")
            return await super().measure()

    cable = Cable(ASSET, Battery(), scene.agent.clock, scene.log)
    scene.devices[ASSET] = cable
    reporter = scene.reporter()
    scene.reporter = lambda: reporter  # one agent, which remembers what it saw
    assert await scene.look(START + minutes(10)) == [("executing", "")]
    cable.pulled = True
    assert await scene.look(START + minutes(11)) == []
    assert await scene.look(START + minutes(11.9)) == []
    still = ("suspended", f"{ASSET} does not answer: no link")
    assert await scene.look(START + minutes(12)) == [still]
    assert await scene.alarms() == [("NOT_DELIVERED", True)]
    cable.pulled = False
    assert await scene.look(START + minutes(13)) == [("resumed", "")]
    assert await scene.alarms() == [("NOT_DELIVERED", False)]
    cable.pulled = True
    assert await scene.look(START + minutes(14)) == []
    cable.pulled = False  # a dip of a minute but one second is no standstill
    assert await scene.look(START + minutes(14.9)) == []
    assert await scene.look(END) == [("completed", "")]


async def test_a_refused_command_fails_the_dispatch_before_it_starts(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    scene = Reporting(journal, tmp_path / "device.jsonl")
    await scene.agent.hold("05")
    scene.device.refuses = 1
    task = asyncio.create_task(scene.actor().run())
    await scene.read("12", INSTRUCTED)
    await scene.settled()
    ((state, why),) = await scene.look(at(INSTRUCTED))
    assert state == "failed"
    assert why.endswith("tripped")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.close()


async def test_a_silent_device_fails_after_ramp_and_grace(scene):
    class Dead(Moody):
        async def measure(self) -> Measurement:
            raise DeviceError("no link")

    scene.devices[ASSET] = Dead(ASSET, Battery(), scene.agent.clock, scene.log)
    assert await scene.look(START + minutes(5)) == []
    assert await scene.look(START + minutes(6)) == [("failed", f"{ASSET} does not answer: no link")]


async def test_an_agent_that_was_dead_all_along_says_completed_as_its_device_was_told(scene):
    assert await scene.look(END + minutes(1)) == [("completed", "")]


async def test_what_was_never_told_is_failed_at_the_end(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    scene = Reporting(journal, tmp_path / "device.jsonl")
    await scene.agent.hold("05")
    await scene.read("12", INSTRUCTED)
    assert await scene.look(END) == [("failed", "not every device was told in time")]
    await journal.close()


async def test_a_withdrawn_event_is_reported_on_the_contract_event(scene):
    terms = await scene.agent.journal.read(lambda b: b.terms("UKPN:FLEX-2026-0042"))
    await scene.agent.journal.write(lambda b: (b.see("C1", terms, START), b.miss("E1", START)))
    assert await scene.look(START + minutes(1)) == [("executing", "")]
    posts = await scene.agent.journal.read(lambda b: b.posts())
    assert posts[-1].event_id == "C1"


async def test_it_looks_when_the_clock_says_so(scene):
    """Running by itself: it wakes at the start, through the ramp, and at the end."""
    task = asyncio.create_task(scene.reporter().run())
    news = scene.bell.ear()
    for moment, state in ((START + minutes(1), "executing"), (END, "completed")):
        scene.agent.clock.set(moment)
        async with asyncio.timeout(5):
            while state not in [s.state for s in await scene.statuses()]:
                await news.wait(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_said_of_what_was_called_off_before_it_began(scene):
    body = life("22")
    await scene.agent.read(event(life("21"), "E9"), "2026-03-29T12:00:15Z")
    await scene.agent.read(event(body, "E9"), "2026-03-29T12:10:15Z")
    assert await scene.look(at(INSTRUCTED)) == []


def test_of_several_assets_each_status_says_what_each_one_gives():
    """Requirement A6: an asset that does not answer is left out, and the total with it."""
    one, word = dispatch("12"), Word("executing", START)
    first = Seen("A", Measurement(START, 400_000, -100_000))
    second = Seen("B", Measurement(START, 300_000, 0))
    both = _status(one, word, (first, second))
    assert both.make_up == (("A", 500_000), ("B", 300_000))
    assert both.power_w == 700_000
    part = _status(one, word, (first, Seen("B", None, "no link")))
    assert (part.make_up, part.power_w) == ((("A", 500_000),), None)
    assert _status(one, word, (first,)).make_up == ()
