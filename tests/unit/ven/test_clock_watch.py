"""A whole agent whose machine's clock is set while a dispatch runs: N40a, N40b, and what follows.

The VTN's clock is right all the time, and so are the seconds beside the agent's.
"""

from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.agent import Agent, agent_at
from tests.listening import Heard
from tests.unit.ven.dso import ASSET, FSP7, NOON, Dso, dso_with_fsp7
from ukprofile.clock import ManualClock, WatchedClock
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ven.cli import _told, app
from ven.clock_watch import NOTE, proved_time
from ven.device.simulated import Battery
from ven.errand import Unavailable
from ven.inbox import Inbox, drop
from ven.settings import Asset, Place, Settings
from vtn.domain.record import Kind

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
START, END = NOON + 30 * MINUTE, NOON + 90 * MINUTE
BATTERY = Battery(capacity_wh=9_000_000, energy_wh=8_000_000, ramp_w_per_s=100_000)


class Wrong:
    """The agent's wall clock: the right time, and what somebody set it ahead."""

    def __init__(self, right: ManualClock) -> None:
        self.right, self.by, self.slept = right, timedelta(0), timedelta(0)

    def now(self) -> datetime:
        return self.right.now() + self.by

    async def until(self, when: datetime) -> None:
        raise AssertionError("who waits by a wall clock is kept by its steps")

    def watched(self) -> WatchedClock:
        return WatchedClock(self, self._steady_s)

    def _steady_s(self) -> float:
        return (self.right.now() - NOON - self.slept).total_seconds()


class Site:
    """FSP7's agent with a clock that can be set, and its DSO."""

    def __init__(self, dso: Dso, agent: Agent, right: ManualClock, wrong: Wrong) -> None:
        self.dso, self.agent, self.right, self.wrong = dso, agent, right, wrong
        self.heard: Heard

    async def at(self, when: datetime) -> None:
        """What the agent does at that time, by the right clock."""
        self.right.set(when)
        await self.agent.turn()

    async def steps(self, by: timedelta) -> None:
        self.wrong.by += by
        await self.agent.turn()

    async def power_w(self) -> int:
        return (await self.agent.reporter._devices[ASSET].measure()).power_w

    async def runs(self) -> "Site":
        """D1 runs: told, acknowledged, executing."""
        await self.dso.instruct(30 * MINUTE, HOUR)
        for minute in (0, 31, 40):
            await self.at(NOON + minute * MINUTE)
        assert await self.power_w() == 1_000_000
        assert await self.said() == ["received", "executing"]
        return self

    async def said(self) -> list[str]:
        """What the DSO has been told of its dispatches, in order."""
        sent = await self.agent.ask(
            lambda book: [p.name for p in book.posts() if p.state == "SENT"]
        )
        entries = await self.agent.ask(lambda book: book.entries())
        bodies = {parse_text(e.text)["message_id"]: parse_text(e.text)["body"] for e in entries}
        found = [bodies[name] for name in sent]
        words = [body.get("decided") or body.get("state") for body in found]
        return [word for word in words[1:] if word]  # but for the contract terms

    def shown(self) -> dict[str, tuple]:
        return {a["type"]: tuple(a["values"]) for a in self.dso.ven()["attributes"]}


@asynccontextmanager
async def site_at(folder, right: ManualClock | None = None, wrong: Wrong | None = None):
    right = right or ManualClock(NOON)
    wrong, heard = wrong or Wrong(right), Heard()
    async with (
        dso_with_fsp7(right) as dso,
        Client(dso.url, Credentials(dso.client_id, dso.secret)) as client,
        agent_at(client, folder, wrong.watched(), dso.register, BATTERY, log=heard.log) as agent,
    ):
        site = Site(dso, agent, right, wrong)
        site.heard = heard
        yield site


STEPS = pytest.mark.parametrize("step", [HOUR, -HOUR])


@STEPS
async def test_a_step_neither_ends_nor_extends_what_runs(tmp_path, step):
    async with site_at(tmp_path) as site:
        await site.runs()
        told = site.agent.told()
        await site.steps(step)
        for when in (END - MINUTE, END - timedelta(seconds=1)):
            await site.at(when)
            assert await site.power_w() == 1_000_000
        await site.at(END + MINUTE)
        assert await site.power_w() == 0
        assert site.agent.told() == told, "no command was repeated or taken back"


@STEPS
async def test_a_person_and_the_dso_are_told_once_and_nothing_is_signed(tmp_path, step):
    async with site_at(tmp_path) as site:
        await site.runs()
        await site.steps(step)
        for minute in (45, 60, 95):
            await site.at(NOON + minute * MINUTE)
        assert await site.said() == ["received", "executing"], "the end is not said yet"
        assert await site.agent.alarms() == [("CLOCK_STEP", True)]
        (line,) = site.heard.lines
        word = "ahead" if step > timedelta(0) else "back"
        assert line["reason"] == "CLOCK_STEP"
        assert f"jumped 3,600.0 s {word}" in line["detail"]
        assert "ukven trust-clock" in line["detail"]
        assert site.shown()["UKFLEX_CLOCK"] == ("STEPPED", step.total_seconds())
        assert site.shown()["VEN_STATUS"] == ("UNAVAILABLE",)


@STEPS
async def test_set_right_again_it_says_what_it_could_not(tmp_path, step):
    async with site_at(tmp_path) as site:
        await site.runs()
        await site.steps(step)
        await site.at(END + MINUTE)
        await site.steps(-step)
        assert await site.said() == ["received", "executing", "completed"]
        assert await site.agent.alarms() == [("CLOCK_STEP", False)]
        assert await site.agent.ask(lambda book: book.noted(NOTE)) == ""
        assert "UKFLEX_CLOCK" not in site.shown()
        assert site.shown()["VEN_STATUS"] == ("AVAILABLE",)


@STEPS
async def test_a_stop_acts_at_once_and_is_acknowledged_later(tmp_path, step):
    """N40c, N40d: it waits for no clock; and its answer is not forgotten."""
    async with site_at(tmp_path) as site:
        await site.runs()
        await site.steps(step)
        (thread,) = [s.thread for s in await site.dso.standings()]
        await site.dso.cease(thread, NOON + 50 * MINUTE)
        await site.at(NOON + 45 * MINUTE)
        assert await site.power_w() == 1_000_000
        await site.at(NOON + 51 * MINUTE)
        assert await site.power_w() == 0
        assert await site.said() == ["received", "executing"]
        await site.steps(-step)
        assert await site.said() == ["received", "executing", "received", "ceased"]
        await site.at(NOON + 60 * MINUTE)
        assert await site.said() == ["received", "executing", "received", "ceased"]


async def test_an_event_that_goes_and_comes_back_meanwhile_holds_up_nothing(tmp_path):
    """Neither can be told to the DSO now; a stop beside it is read all the same."""
    async with site_at(tmp_path) as site:
        await site.runs()
        store = site.dso.running.vtn.store
        (record,) = [r for r in store.live.find(Kind.EVENT) if not r.name.startswith("CT-")]
        await site.steps(HOUR)
        await store.write(lambda tx: tx.delete(Kind.EVENT, record.id))
        await site.at(NOON + 45 * MINUTE)
        assert ("EVENT_WITHDRAWN", True) in await site.agent.alarms()
        assert await site.power_w() == 1_000_000
        await store.write(lambda tx: tx.put(record))
        await site.at(NOON + 46 * MINUTE)
        await site.dso.cease(record.name, NOON + 50 * MINUTE)
        await site.at(NOON + 47 * MINUTE)
        await site.at(NOON + 51 * MINUTE)
        assert await site.power_w() == 0
        reasons = [reason for reason, _ in await site.agent.alarms()]
        assert reasons == ["CLOCK_STEP", "EVENT_WITHDRAWN"], "each once, and no look was cut short"


async def test_what_was_owed_is_answered_after_a_restart_too(tmp_path):
    right = ManualClock(NOON)
    wrong = Wrong(right)
    async with (
        dso_with_fsp7(right) as dso,
        Client(dso.url, Credentials(dso.client_id, dso.secret)) as client,
    ):
        async with agent_at(client, tmp_path, wrong.watched(), dso.register, BATTERY) as agent:
            site = Site(dso, agent, right, wrong)
            await site.at(NOON)
            await site.steps(HOUR)
            await dso.instruct(30 * MINUTE, HOUR)
            await site.at(NOON + MINUTE)
            assert await site.said() == []
            assert len(agent.told()) == 1, "what is asked is done"
        wrong.by = timedelta(0)
        async with agent_at(client, tmp_path, wrong.watched(), dso.register, BATTERY) as agent:
            site = Site(dso, agent, right, wrong)
            await site.at(NOON + 2 * MINUTE)
            assert await site.said() == ["received"]
            await site.at(NOON + 3 * MINUTE)
            assert await site.said() == ["received"]


async def test_a_clock_set_back_while_no_agent_ran_is_found_at_the_start(tmp_path):
    async with site_at(tmp_path) as site:
        await site.runs()
        proved = await site.agent.ask(lambda book: proved_time(book, {"UKPN", "SSEN"}))
        assert proved == NOON
        assert await site.agent.ask(lambda book: proved_time(book, {"SSEN"})) is None
        site.wrong.by = -HOUR
        again = site.wrong.watched()
        again.not_before(proved)
        assert again.now() == NOON
        assert "jumped 1,200.0 s back" in again.doubt()


async def test_an_errand_waits_and_is_not_refused(tmp_path):
    async with site_at(tmp_path) as site:
        await site.at(NOON)
        await site.steps(HOUR)
        agent, folder = site.agent, tmp_path / "inbox"
        voice = agent.responder._voice
        inbox = Inbox(
            folder, agent.journal, agent.reporter._alarms, voice, agent.clock, agent.responder._bell
        )
        drop(folder, Unavailable(ASSET, START, END, "MAINTENANCE", "1"))
        await inbox.look()
        assert len(list(folder.glob("*.json"))) == 1
        assert await agent.alarms() == [("CLOCK_STEP", True)]
        await site.steps(-HOUR)
        await inbox.look()
        assert list(folder.iterdir()) == []
        assert await agent.ask(lambda book: len(book.spoken("UKPN:FLEX-1", "unavailability"))) == 1


async def test_a_person_may_say_that_the_clock_is_right(tmp_path):
    """The machine stood still for an hour, its seconds as well, and the clock was put right."""
    async with site_at(tmp_path) as site:
        await site.runs()
        site.wrong.slept = HOUR
        await site.at(site.right.now() + HOUR)
        assert "3,600.0 s ahead" in await site.agent.ask(lambda book: book.noted(NOTE))
        assert await site.power_w() == 1_000_000, "for all it knows it is 16:40"
        (tmp_path / "clock-vouched").touch()
        await site.agent.turn()
        assert not (tmp_path / "clock-vouched").exists()
        assert await site.agent.alarms() == [("CLOCK_STEP", False)]
        assert await site.power_w() == 0
        assert await site.said() == ["received", "executing", "completed"]


def test_the_command_says_who_takes_it_and_leaves_the_word_for_the_agent(tmp_path):
    place = Place(tmp_path / "agent")
    asset = Asset(ASSET)
    place.make(Settings(party="FSP7", environment="sandbox", assets=(asset,)), FSP7)
    done = CliRunner().invoke(app, ["trust-clock", str(place.path)])
    assert done.exit_code == 0
    assert "right at its next start" in done.output
    assert place.clock_vouched.exists()


def test_the_status_shows_what_is_wrong_with_the_clock():
    found = dict.fromkeys(("contracts", "dispatches", "offers", "devices", "queued", "alarms"), ())
    found |= {"party": "FSP7", "environment": "sandbox", "vtn": "", "dialect": "uk", "trust": ""}
    found |= {"now": "", "contact": "", "clock": "the clock jumped 7.0 s back"}
    assert "clock: the clock jumped 7.0 s back" in _told(found)
    assert not any("clock" in line for line in _told(found | {"clock": ""}))


async def test_a_small_step_is_told_of_and_it_goes_on_signing(tmp_path):
    async with site_at(tmp_path) as site:
        await site.runs()
        await site.steps(timedelta(seconds=2))
        await site.at(END)
        assert await site.said() == ["received", "executing", "completed"]
        assert [reason for reason, _ in await site.agent.alarms()] == ["CLOCK_STEP"]
        assert site.heard.lines[0]["detail"].startswith("the clock jumped 2.0 s ahead; ")
        assert "nothing is signed" not in site.heard.lines[0]["detail"]
