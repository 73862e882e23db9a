"""The agent at a DSO that knows the draft GB API alone: plain events, nobody's signature.

The DSO's business logic posts and puts JSON of the draft at a real VTN; the agent is whole.
"""

import json
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.agent import Agent, agent_at
from tests.rewriting import rewriting_before
from tests.unit.ven.dso import ASSET, NOON
from ukprofile.clock import ManualClock
from ukprofile.flex.times import time_text
from ukprofile.mapping.draft import DraftEvent, DraftProgram
from ukprofile.openadr import EventRequest, ProgramRequest
from ukprofile.openadr.client import Client, Credentials
from ukprofile.trust import Register
from ven.bell import Bell
from ven.device.simulated import Battery
from ven.fleet import Dialect
from ven.journal import Book
from ven.post_action import PostActions
from vtn.domain.grants import grant, ven_of
from vtn.domain.record import Kind, Role
from vtn.testing import RunningVtn, running_vtn

MW = 1_000_000
HOUSE = Battery(baseline=((0, -250_000),), max_w=1_500_000)
"""It imports a quarter of a megawatt by itself."""


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def interval(number: int = 0, *, firm: bool | None = True, **power: Any) -> dict[str, Any]:
    said = {"DISPATCH_" + kind.upper(): value for kind, value in power.items()}
    if firm is not None:
        said["SELF_DISPATCHED"] = firm
    return {"id": number, "payloads": [{"type": t, "values": [v]} for t, v in said.items()]}


def period(start: float, minutes: int) -> dict[str, str]:
    return {"start": time_text(at(start)), "duration": f"PT{minutes}M"}


class Dso:
    """Somebody else's desk, at a VTN that shows FSP7 one program."""

    def __init__(self, running: RunningVtn, client: Client, program_id: str) -> None:
        self.running, self.client, self.program_id = running, client, program_id

    def _event(self, when: dict[str, str], *intervals: dict[str, Any], **more: Any) -> EventRequest:
        described = [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": t, "units": "MW"}
            for t in ("DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE")
        ]
        body = {
            "programID": self.program_id,
            "eventName": "SCHEDULED_DISPATCH",
            "targets": ["VEN_NAME-FSP7"],
            "intervalPeriod": when,
            "payloadDescriptors": described,
            "intervals": list(intervals),
        }
        return EventRequest.read({**body, **more})

    async def post(self, when: dict[str, str], *intervals: dict[str, Any], **more: Any) -> str:
        return (await self.client.events.create(self._event(when, *intervals, **more))).value.id

    async def put(self, id: str, when: dict[str, str], *intervals: dict[str, Any]) -> None:
        await self.client.events.update(id, self._event(when, *intervals))

    async def delete(self, id: str) -> None:
        """By its id, past what is kept for evidence: the draft's way to cancel (7.7)."""
        await self.running.vtn.store.write(lambda tx: tx.delete(Kind.EVENT, id))

    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(r.body) for r in self.running.vtn.store.live.find(Kind.REPORT)]

    def said(self) -> list[tuple[str, Any]]:
        """Of each report what it is, and the one value or values that it says."""
        return [
            (
                report["payloadDescriptors"][0]["payloadType"],
                [p["values"][0] for r in report["resources"] for i in r["intervals"] for p in i["payloads"]],
            )
            for report in self.reports()
        ]  # fmt: skip


class Scene:
    def __init__(self, dso: Dso, agent: Agent, client: Client, clock: ManualClock) -> None:
        self.dso, self.agent, self.client, self.clock = dso, agent, client, clock

    def another_in(self, folder: Path, dialect: Dialect) -> AbstractAsyncContextManager[Agent]:
        """An agent of its own journal and device, at the same VTN."""
        register = Register("sandbox")
        return agent_at(self.client, folder, self.clock, register, HOUSE, dialect=dialect)

    async def turn(self, minutes: float) -> int:
        """The time comes, the agent does what is due; watts of its device against its baseline."""
        self.clock.set(at(minutes))
        await self.agent.turn()
        return await self.delta()

    async def delta(self) -> int:
        seen = await self.agent.reporter._devices[ASSET].measure()
        return seen.power_w - seen.baseline_w

    async def kinds(self) -> list[str]:
        return await self.agent.ask(lambda book: [e.kind for e in book.entries()])


@asynccontextmanager
async def at_a_draft_dso(tmp_path, *, rewritten=False):
    clock = ManualClock(NOON)
    async with running_vtn(clock=clock) as running, rewriting_before(running.url) as (_, other):
        url = other if rewritten else running.url
        hosts = [running.url.partition("//")[2]]
        ven = Credentials(*await running.client("FSP7", Role.VEN, ("VEN_NAME-FSP7",)))
        desk = Credentials(*await running.client("desk", Role.BL))
        async with (
            Client(url, desk, attempts=1, allow_token_hosts=hosts) as bl,
            Client(
                url,
                ven,
                attempts=1,
                allow_token_hosts=hosts,
                program=DraftProgram,
                event=DraftEvent,
            ) as mine,
            agent_at(
                mine, tmp_path, clock, Register("sandbox"), HOUSE, dialect="gb-draft"
            ) as agent,
        ):
            program = await bl.programs.create(
                ProgramRequest(program_name="flex 1", targets=("VEN_NAME-FSP7",))
            )
            yield Scene(Dso(running, bl, program.value.id), agent, mine, clock)


@pytest.fixture
async def scene(tmp_path):
    async with at_a_draft_dso(tmp_path) as made:
        yield made


@pytest.mark.parametrize("rewritten", [False, True])
async def test_confirmed_varied_and_voided(tmp_path, rewritten):
    async with at_a_draft_dso(tmp_path, rewritten=rewritten) as scene:
        dso, when = scene.dso, period(40, 60)
        event = await dso.post(when, interval(setpoint_relative=1.0, firm=False))
        await scene.turn(1)
        assert dso.said() == [("READ_BACK", [1.0, False])]
        await dso.put(event, when, interval(setpoint_relative=1.0))
        assert await scene.turn(2) == 0
        await scene.turn(40)
        assert await scene.turn(42) == MW
        await dso.put(event, when, interval(setpoint_relative=0.6))
        await scene.turn(50)
        assert await scene.turn(51) == 600_000
        await dso.put(
            event,
            {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"},
            {"id": 0, "payloads": [{"type": "SELF_DISPATCHED", "values": [False]}]},
        )
        await scene.turn(60)
        assert await scene.turn(61) == 0
        assert dso.said() == [
            ("READ_BACK", [1.0, False]),
            ("READ_BACK", [1.0, True]),
            ("DISPATCH_STATUS", ["EXECUTING"]),
            ("READ_BACK", [0.6, True]),
            ("READ_BACK", [False]),
        ]
        kinds = ["schedule", "instruction", "instruction", "cancellation"]
        assert await scene.kinds() == kinds
        assert await scene.agent.alarms() == []
        assert "UKFLEX" not in json.dumps(dso.reports())


async def test_set_points_step_by_step_are_absolute_and_measured_from_nothing(scene):
    steps = (
        interval(0, setpoint=1.0),
        interval(1, setpoint_relative=0.5),
        interval(2, setpoint=-0.5),
    )
    await scene.dso.post(period(40, 30), *steps)
    await scene.turn(1)
    assert await scene.turn(45) == MW + 250_000  # to 1 MW from -0.25 MW
    assert await scene.turn(75) == 500_000  # against the baseline, not the step before
    assert await scene.turn(105) == -250_000
    assert await scene.turn(140) == 0


async def test_do_it_now_for_ever_until_it_is_deleted(scene):
    now = {"start": "0001-01-01T00:00:00Z", "duration": "P9999Y"}
    event = await scene.dso.post(now, interval(setpoint=0.0, firm=None))
    await scene.turn(3)
    assert await scene.turn(4) == 250_000
    assert await scene.turn(5 * 24 * 60) == 250_000
    await scene.dso.delete(event)
    await scene.turn(5 * 24 * 60 + 1)
    assert await scene.turn(5 * 24 * 60 + 2) == 0
    assert await scene.kinds() == ["instruction", "cancellation"]
    assert await scene.agent.alarms() == []


async def test_an_unconfirmed_one_lapses_at_its_start_though_it_is_confirmed_later(scene):
    event = await scene.dso.post(period(40, 60), interval(setpoint_relative=1.0, firm=False))
    await scene.turn(1)
    await scene.turn(41)
    await scene.dso.put(event, period(40, 60), interval(setpoint_relative=1.0))
    await scene.turn(42)
    assert await scene.turn(44) == 0
    assert scene.agent.told() == []


async def test_a_deleted_one_never_begins(scene):
    event = await scene.dso.post(period(40, 60), interval(setpoint_relative=1.0))
    await scene.turn(1)
    await scene.dso.delete(event)
    await scene.turn(2)
    assert await scene.turn(45) == 0
    assert [word for word, _ in scene.dso.said()] == ["READ_BACK"]


async def test_a_restart_reads_nothing_twice_and_runs_on(tmp_path, scene):
    now = {"start": "0001-01-01T00:00:00Z", "duration": "PT1H"}
    await scene.dso.post(now, interval(setpoint=1.0))
    (tmp_path / "other").mkdir()
    told, words = [], []
    for minutes in ((1, 3), (20,), (62,), (70,)):
        async with scene.another_in(tmp_path / "other", "gb-draft") as agent:
            for minute in minutes:
                scene.clock.set(at(minute))
                await agent.turn()
            told.append(agent.told())
            words.append([word for word, _ in scene.dso.said()])
            states = await agent.ask(states_said)
    assert words == [["READ_BACK", "DISPATCH_STATUS"]] * 4
    assert [line["to"] for line in told[-1]] == ["2026-11-24T17:01:00Z"]
    assert told == [told[0]] * 4
    assert states == ("executing", "completed")


def states_said(book: Book) -> tuple[str, ...]:
    """Of the one dispatch."""
    (entry,) = book.entries()
    return book.said(entry.slot.program, entry.slot.thread)


async def test_beyond_the_limits_of_the_device_it_says_failed(scene):
    await scene.dso.post(period(40, 60), interval(setpoint=2.0))
    await scene.turn(1)
    await scene.turn(40)
    assert await scene.turn(45) == 0
    assert ("DISPATCH_STATUS", ["FAILED"]) in scene.dso.said()
    assert {reason for reason, _ in await scene.agent.alarms()} == {
        "DEVICE_FAILED",
        "NOT_DELIVERED",
    }


async def test_what_cannot_be_understood_is_an_alarm_and_what_ran_runs_on(scene):
    event = await scene.dso.post(period(40, 60), interval(setpoint_relative=1.0))
    await scene.turn(1)
    await scene.dso.put(event, period(40, 60), interval(setpoint="many"))
    for minutes in (41, 43):
        await scene.turn(minutes)
    assert await scene.delta() == MW
    assert await scene.agent.alarms() == [("BODY_VALUE", True)]


async def test_one_for_assets_that_are_none_of_mine_is_an_alarm(scene):
    stranger = interval(setpoint=1.0)
    stranger["payloads"].append({"type": "ASSET_ID", "values": ["ASS009"]})
    await scene.dso.post(period(40, 60), stranger)
    group = interval(setpoint=0.5)
    group["payloads"].append({"type": "ASSET_GRP", "values": ["AGRP001"]})
    await scene.dso.post(period(40, 60), group)
    await scene.turn(1)
    assert await scene.turn(45) == 750_000
    assert await scene.agent.alarms() == [("ASSET_UNKNOWN", True)]


async def test_a_program_of_the_profile_is_left_alone(scene):
    """What a DSO signs is never believed without its signature, whatever the agent's dialect."""
    target, attributes = "CONTRACT_ID-UKPN-1", [{"type": "UKFLEX_PROFILE", "values": ["1.0"]}]
    vtn = scene.dso.running.vtn
    await grant(vtn.objects, ven_of(vtn.store.live, "FSP7"), [target])
    await scene.dso.client.programs.create(
        ProgramRequest.read(
            {"programName": "UKPN:1", "targets": [target], "attributes": attributes}
        )
    )
    await scene.turn(1)
    assert await scene.agent.alarms() == [("WRONG_PROGRAM", True)]
    assert [p.program_name for p in scene.agent.listener._mine.values()] == ["flex 1"]


async def test_what_was_read_unsigned_is_never_answered_with_a_signature(tmp_path, scene):
    """The same journal in the UK dialect afterwards: nobody signed, so nobody is answered."""
    (tmp_path / "other").mkdir()
    await scene.dso.post(period(40, 60), interval(setpoint_relative=1.0, firm=False))
    await scene.dso.post(period(120, 60), interval(setpoint_relative=1.0))
    async with scene.another_in(tmp_path / "other", "gb-draft") as agent:
        await agent.turn()
    assert [word for word, _ in scene.dso.said()] == ["READ_BACK"] * 2
    async with scene.another_in(tmp_path / "other", "uk") as agent:
        scene.clock.set(at(190))
        await agent.turn()
        scene.clock.set(at(9 * 60))  # the day is over, and its post-action would be due
        bell = Bell()
        ear, voice = bell.ear(), agent.reporter._voice
        await PostActions(agent.journal, voice, {}, scene.clock, bell, after_s=60.0).look()
        assert not ear._rung.is_set()
        assert await agent.sender.flush() == 0.0
        assert await agent.ask(lambda book: [e.verdict for e in book.entries()]) == ["act"] * 2
    assert [word for word, _ in scene.dso.said()] == ["READ_BACK"] * 2


async def test_the_same_event_starts_nothing_at_an_agent_of_the_uk_dialect(tmp_path, scene):
    """The default: an unsigned event is none, in a program that says it is signed as in any."""
    await scene.dso.post(period(40, 60), interval(setpoint_relative=1.0))
    (tmp_path / "uk").mkdir()
    async with scene.another_in(tmp_path / "uk", "uk") as uk:
        for minutes in (1, 45):
            scene.clock.set(at(minutes))
            await uk.turn()
        assert uk.told() == []
        assert await uk.ask(lambda book: book.entries()) == []
        # and where the program claims to be of the profile: refused, with an alarm
        (program,) = uk.listener._programs.items
        shown = program.dump() | {
            "programName": "UKPN:1",
            "attributes": [{"type": "UKFLEX_PROFILE", "values": ["1.0"]}],
        }
        uk.listener._mine = {program.id: DraftProgram.read(shown)}
        await uk.listener._receive((await scene.client.events.list()).items)
        await uk.settled()
        assert uk.told() == []
        assert await uk.alarms() == [("MESSAGE_MISSING", True)]
