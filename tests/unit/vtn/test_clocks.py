"""A VTN whose machine's clock is set: what it tells, what it refuses, and what goes on."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import aiohttp
import pytest
from typer.testing import CliRunner

from tests.listening import Heard
from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from tests.unit.vtn.scene import AS_FSP7, BEGIN, END
from tests.waiting import until
from ukprofile.clock import ManualClock, SharedClock, WatchedClock
from ukprofile.errors import Refused
from vtn.app import open_vtn
from vtn.cli import app
from vtn.commands import run
from vtn.domain.clocks import Clocks
from vtn.domain.desk import CeaseOrder, InstructionOrder, PeriodOrder
from vtn.domain.desk.alarms import AlarmsOrder
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind, Role
from vtn.settings import Place, Settings
from vtn.testing import running_vtn

HOUR = timedelta(hours=1)
STEPS = pytest.mark.parametrize("step", [HOUR, -HOUR])


class Lines(Heard):
    """The security lines of the watch as well."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[dict] = []

    def _take(self, logger, method, event):
        if event["event"] in ("alarm", "alarm over"):
            self.alarms.append(dict(event))
        return super()._take(logger, method, event)


class Control:
    """A control room at 16:00Z, and the hands at its machine's clock."""

    def __init__(self, now: datetime = NOON) -> None:
        self.wall, self.steady_s, self.lines = ManualClock(now), 0.0, Lines()
        self.clock = WatchedClock(self.wall, lambda: self.steady_s)

    def passes(self, span: timedelta) -> None:
        self.steady_s += span.total_seconds()
        self.wall.advance(span)

    @asynccontextmanager
    async def room(self, folder=None):
        async with running_vtn(data_dir=folder, clock=self.clock, log=self.lines.log) as running:
            self.running, self.vtn = running, running.vtn
            yield self

    async def contract(self) -> None:
        await self.vtn.office.add_client("FSP7", Role.VEN)
        await self.vtn.office.add_key_set(FSP7.public().to_json())
        await self.vtn.office.add_contract(terms(), "FSP7")

    async def instruct(self, thread: str, begins: datetime = BEGIN) -> str:
        period = PeriodOrder(start=begins, end=begins + HOUR, delta_w=1_000_000)
        order = InstructionOrder(contract_id=CONTRACT, periods=(period,), thread=thread)
        return (await self.vtn.desk.instruct(order)).state

    async def standing(self, *texts: str) -> None:
        """Wait until the desk is shown exactly these alarms."""

        async def so():
            found = [one.concern for one in await self.vtn.desk.alarms(AlarmsOrder())]
            shown = [one.text for one in found if one.cause == "clock"]
            return len(shown) == len(texts) and all(
                any(text in one for one in shown) for text in texts
            )

        await until(so, timeout_s=10)

    async def says(self, *values) -> None:
        """What FSP7's agent says of its clock in its ven; nothing = nothing."""
        (ven,) = self.vtn.store.live.find(Kind.VEN)
        said = [{"type": "VEN_STATUS", "values": ["UNAVAILABLE" if values else "AVAILABLE"]}]
        said += [{"type": "UKFLEX_CLOCK", "values": list(values)}] if values else []
        body = {"objectType": "VEN_VEN_REQUEST", "venName": "FSP7", "attributes": said}
        await self.vtn.objects.update(Kind.VEN, ven.id, body, AS_FSP7)

    def entries(self) -> int:
        return len(self.vtn.store.ledger._entries)


@STEPS
async def test_nothing_is_signed_and_who_is_refused_reads_what_to_do(step):
    async with Control().room() as room:
        await room.contract()
        assert await room.instruct("D1") == "confirmed"
        held = room.entries()
        room.wall.advance(step)
        with pytest.raises(Refused, match=r"jumped 3,600.0 s .*ukvtn trust-clock.*telephone") as no:
            await room.instruct("D2", END)
        assert (no.value.reason, no.value.status) == ("CLOCK_STEP", 503)
        with pytest.raises(Refused, match="a cease above all, tell the FSP by telephone"):
            await room.vtn.desk.cease(CeaseOrder(thread="D1", at=BEGIN + timedelta(minutes=9)))
        assert room.entries() == held
        room.wall.advance(-step)
        assert await room.instruct("D2", END) == "confirmed"


@STEPS
async def test_the_desk_sees_it_and_the_security_log_has_one_line(step):
    async with Control().room() as room:
        room.wall.advance(step)
        word = "ahead" if step > timedelta(0) else "back"
        await room.standing(f"the clock jumped 3,600.0 s {word}: nothing is signed")
        shown = await run(room.vtn, "status", {})
        said = f"the clock jumped 3,600.0 s {word}; what counts as now is 2026-11-24T16:00:00Z"
        assert shown["clock"].startswith(f"{said}, and nothing is signed. ")
        assert shown["alarms"] == 1
        room.wall.advance(-step)
        await room.standing()
        assert [(one["event"], one["alarm"]) for one in room.lines.alarms] == [
            ("alarm", "CLOCK_STEP"),
            ("alarm over", "CLOCK_STEP"),
        ]
        assert room.lines.alarms[0]["log"] == "security"
        assert (await run(room.vtn, "status", {}))["clock"] == ""


async def test_a_small_step_is_told_of_and_signs_on():
    async with Control().room() as room:
        await room.contract()
        room.wall.advance(timedelta(seconds=2))
        await room.standing("the clock jumped 2.0 s ahead")
        assert await room.instruct("D1") == "confirmed"


@STEPS
async def test_timers_and_stamps_go_by_the_time_that_did_not_jump(step):
    """A dispatch is not acknowledged: overdue a quarter of an hour later, and not because of it."""
    async with Control().room() as room:
        await room.contract()
        await room.instruct("D1")
        room.wall.advance(step)
        room.passes(timedelta(seconds=30))
        (ven,) = room.vtn.store.live.find(Kind.VEN)
        await room.says()
        (after,) = room.vtn.store.live.find(Kind.VEN)
        assert after.modified == NOON + timedelta(seconds=30)
        assert ven.modified == NOON
        (one,) = await room.vtn.desk.dispatches()
        assert (one.state, one.flags) == ("confirmed", ())


@STEPS
async def test_its_answers_carry_the_time_that_did_not_jump(step):
    """Else every agent would take its own clock for wrong."""
    async with Control().room() as room, aiohttp.ClientSession() as session:
        room.wall.advance(step)
        for path in ("/programs", "/auth/server"):
            async with session.get(room.running.url + path) as answer:
                assert answer.headers.getall("Date") == ["Tue, 24 Nov 2026 16:00:00 GMT"]


async def test_a_person_may_say_that_it_is_right(tmp_path):
    async with Control().room() as room:
        await room.contract()
        room.wall.advance(timedelta(minutes=10))
        said = await run(room.vtn, "clock.trust", {})
        assert "jumped 600.0 s ahead" in said["before"]
        assert said["now"] == "2026-11-24T16:10:00Z"
        assert await room.instruct("D1") == "confirmed"


async def test_a_rehearsals_clock_is_nobodys_to_trust():
    async with running_vtn(clock=ManualClock(NOON)) as running:
        with pytest.raises(Refused, match="STATE_INVALID: it goes by the clock of a rehearsal"):
            await run(running.vtn, "clock.trust", {})
        shown = await run(running.vtn, "status", {})
        assert shown["clock"] == "the clock is a rehearsal's, at 2026-11-24T16:00:00Z"


async def test_a_clock_set_back_while_no_vtn_ran_is_found_at_the_start(tmp_path):
    """And a person's word for it is known to the next start, until it is set back again."""
    async with Control().room(tmp_path) as room:
        await room.contract()
    async with Control(NOON - HOUR).room(tmp_path) as room:
        assert room.clock.now() == NOON
        await room.standing("the clock jumped 3,600.0 s back")
        with pytest.raises(Refused, match="CLOCK_STEP"):
            await room.instruct("D1")
        await run(room.vtn, "clock.trust", {})
    async with Control(NOON - HOUR).room(tmp_path) as room:
        assert (room.clock.now(), room.clock.doubt()) == (NOON - HOUR, "")
        room.passes(2 * HOUR)
        await room.says()
    async with Control(NOON - HOUR).room(tmp_path) as room:
        assert "back" in room.clock.doubt()


def test_the_command_says_what_was_and_what_is(tmp_path):
    async def made():
        async with open_vtn(Settings(data_dir=tmp_path, dso="UKPN", sandbox=True)):
            pass

    asyncio.run(made())
    done = CliRunner().invoke(app, ["trust-clock", "--data-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "the clock is steady" in done.output
    done = CliRunner().invoke(app, ["status", "--data-dir", str(tmp_path)])
    assert "clock" not in done.output
    SharedClock.create(tmp_path / "clock", NOON)
    Place(tmp_path).remember_clock(tmp_path / "clock")
    done = CliRunner().invoke(app, ["status", "--data-dir", str(tmp_path)])
    assert "\nthe clock is a rehearsal's, at 2026-11-24T16:00:00Z\n" in done.output


# -- the clocks of others --------------------------------------------------------------------------


async def test_what_an_agent_says_of_its_clock_is_told_and_is_over_when_it_says_so():
    async with Control().room() as room:
        await room.contract()
        await room.says("STEPPED", -3600.0)
        text = (
            "FSP7's agent says: the clock jumped 3,600.0 s back: it signs no answers. Telephone it"
        )
        await room.standing(text)
        (alarm,) = await room.vtn.desk.alarms(AlarmsOrder())
        assert (alarm.concern.provider, alarm.concern.severity) == ("FSP7", "alarm")
        assert await room.instruct("D1") == "confirmed", "the DSO's own clock is right"
        await room.says()
        await room.standing()


async def test_it_is_known_at_the_next_start_and_over_with_its_ven(tmp_path):
    async with Control().room(tmp_path) as room:
        await room.vtn.office.add_client("FSP7", Role.VEN)
        await room.says("OFF", 7)
    async with Control().room(tmp_path) as room:
        await room.standing("the clock is 7.0 s ahead of the other end's")
        (ven,) = room.vtn.store.live.find(Kind.VEN)
        await room.vtn.objects.delete(Kind.VEN, ven.id, OFFICE)
        await room.standing()


async def test_what_cannot_be_read_of_a_clock_is_nothing():
    async with Control().room() as room:
        await room.contract()
        for values in (("STEADY", 1), (7, "OFF"), ("OFF", 1e300)):
            await room.says(*values)
            clocks = Clocks(room.vtn.store.live, "UKPN", room.clock)
            clocks.begin()
            assert clocks.concerns(NOON) == {}


async def test_no_agent_speaks_for_the_dsos_own_clock():
    async with Control().room() as room:
        await room.vtn.office.add_client("UKPN", Role.VEN)
        (ven,) = room.vtn.store.live.find(Kind.VEN)
        said = {"type": "UKFLEX_CLOCK", "values": ["OFF", 7]}
        body = {"objectType": "VEN_VEN_REQUEST", "venName": "UKPN", "attributes": [said]}
        viewer = AS_FSP7.__class__(json.loads(ven.body)["clientID"], Role.VEN, AS_FSP7.scopes)
        await room.vtn.objects.update(Kind.VEN, ven.id, body, viewer)
        clocks = Clocks(room.vtn.store.live, "UKPN", room.clock)
        clocks.begin()
        assert clocks.concerns(NOON) == {}
