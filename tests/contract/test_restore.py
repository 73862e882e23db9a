"""A VTN that is put back to an old backup, and an agent that holds what was said since.

    dispatch ─▶ backup ─▶ vary, dispatch another ─▶ put back ─▶ who knows what, and what runs?

Real HTTP, real files, a whole agent with its battery.
"""

import secrets
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from tests.agent import agent_at
from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from tests.unit.vtn.scene import AS_FSP7, COMMON
from tests.waiting import until
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from ukprofile.flex.answer import Acknowledgement
from ukprofile.flex.header import Header, Reference, uuid7
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.mapping.answer import answer_report
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import Slot
from ukprofile.signing import seal
from ukprofile.trust import Register
from vtn.backup import back_up, restore
from vtn.domain.desk import CeaseOrder, InstructionOrder, PeriodOrder, VariationOrder
from vtn.domain.desk.alarms import AlarmsOrder
from vtn.domain.live import Field
from vtn.domain.record import Kind, Role
from vtn.domain.restored import Restored, read_restored
from vtn.settings import Place
from vtn.testing import running_vtn

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BEGIN = NOON + 30 * MINUTE


def quiet(_what, _done, _all):
    """No bar."""


class Day:
    """UKPN's VTN on disk, FSP7's agent; the VTN can be closed, and put back."""

    def __init__(self, folder):
        self.clock = ManualClock(NOON)
        self.place = Place(folder / "vtn")
        self.folder, self.file = folder, folder / "backup.tar"
        self.secret = None

    @asynccontextmanager
    async def served(self):
        async with running_vtn(data_dir=self.place.path, clock=self.clock) as running:
            self.running, self.vtn = running, running.vtn
            if self.secret is None:
                self.secret = await running.client("FSP7", Role.VEN)
                await running.vtn.office.add_key_set(FSP7.public().to_json())
                await running.vtn.office.add_contract(terms(), "FSP7")
            yield running

    @asynccontextmanager
    async def agent(self):
        register = Register.of("sandbox", [self.vtn.keys.public()])
        folder = self.folder / "agent"
        folder.mkdir(exist_ok=True)
        async with (
            Client(self.running.url, Credentials(*self.secret), attempts=1) as client,
            agent_at(client, folder, self.clock, register) as agent,
        ):
            yield agent

    def back_up(self):
        return back_up(self.place, self.file, self.clock.now(), quiet, keys=False, force=False)

    def put_back(self, *, blind=False):
        """As the command does; `blind`: the store that is replaced is gone with its disk."""
        if blind:
            self.place.database.unlink()
        return restore(self.place, self.file, self.clock.now(), quiet, force=True, new_keys=False)

    # -- the desk ------------------------------------------------------------------------------

    async def instruct(self, thread, begin=BEGIN, watts=1_000_000):
        period = PeriodOrder(start=begin, end=begin + HOUR, delta_w=watts)
        order = InstructionOrder(contract_id=CONTRACT, periods=(period,), thread=thread)
        return await self.vtn.desk.instruct(order)

    async def vary(self, thread, watts, since, end=None):
        """Other watts from `since` on, or another end."""
        change = {"delta_w": watts, "from": time_text(since)}
        change = change if end is None else {"end": time_text(end)}
        return await self.vtn.desk.vary(VariationOrder.read({"thread": thread, **change}))

    async def cease(self, thread, at):
        return await self.vtn.desk.cease(CeaseOrder(thread=thread, at=at))

    async def vary_is_refused(self, thread):
        with pytest.raises(Refused) as refused:
            await self.vary(thread, 100_000, BEGIN + HOUR + 30 * MINUTE)
        return refused.value.reason

    async def etag(self, event_id, if_none_match=None):
        """The ETag of an event, as FSP7 is shown it; asked for again, `if_none_match` it is so."""
        form = dict(zip(("client_id", "client_secret"), self.secret, strict=True))
        async with aiohttp.ClientSession(self.running.url) as http:
            form["grant_type"] = "client_credentials"
            async with http.post("/auth/token", data=form) as answer:
                token = (await answer.json())["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            if if_none_match:
                headers["If-None-Match"] = if_none_match
            async with http.get(f"/events/{event_id}", headers=headers) as answer:
                assert answer.status == 200
                return answer.headers["ETag"]

    async def told(self):
        """The alarms that stand at the desk: cause and thread."""
        found = await self.vtn.desk.alarms(AlarmsOrder())
        return {(one.concern.cause.value, one.concern.thread) for one in found}

    async def shows(self, cause, thread):
        async def standing():
            return (cause, thread) in await self.told()

        await until(standing, why=f"{cause} of {thread} is told")


@pytest.fixture
async def day(tmp_path):
    return Day(tmp_path)


def gone(agent):
    """What the device took: every command once."""
    ids = [line["id"] for line in agent.told() if "id" in line]
    assert len(ids) == len(set(ids)), ids
    return len(ids)


async def varied_since_the_backup(day, end=None):
    """D1 was instructed; after the backup it was varied, which FSP7 took and acknowledged."""
    async with day.served():
        await day.instruct("D1")
        async with day.agent() as agent:
            await agent.turn()
            day.back_up()
            day.clock.advance(5 * MINUTE)
            second = await day.vary("D1", 500_000, BEGIN + 30 * MINUTE, end)
            await agent.turn()
            assert (await day.vtn.desk.dispatches())[0].decided == "received"
            return second.revision, gone(agent)


@pytest.mark.parametrize("end", [None, BEGIN + 90 * MINUTE], ids=["decrease", "extension"])
async def test_the_desk_cannot_go_back_silently_and_its_next_word_counts_at_once(day, end):
    second, commands = await varied_since_the_backup(day, end)
    day.clock.advance(5 * MINUTE)
    done = day.put_back()
    assert [(one.slot.thread, one.revision) for one in done.put_back.lost] == [("D1", second)]
    async with day.served():
        (standing,) = await day.vtn.desk.dispatches()
        assert standing.revision < second
        await day.shows("restored", "")
        await day.shows("lost", "D1")
        async with day.agent() as agent:
            await agent.turn()
            assert gone(agent) == commands  # what it runs is what was said last
            assert ("ROLLED_BACK", True) in await agent.alarms()
            third = await day.vary("D1", 400_000, BEGIN + 20 * MINUTE)
            assert third.revision > second
            await agent.turn()
            (standing,) = await day.vtn.desk.dispatches()
            assert (standing.decided, standing.reason) == ("received", "")
            assert gone(agent) > commands
            await until(lambda: _no_longer(day, "lost"), why="the desk has spoken")


async def _no_longer(day, cause):
    return cause not in {found for found, _ in await day.told()}


async def test_what_the_lost_disk_knew_the_agent_tells(day):
    """Nothing is left of the store that is replaced; D2 was dispatched after the backup."""
    await varied_since_the_backup(day)
    async with day.served():
        await day.instruct("D2", BEGIN + HOUR, 300_000)
        async with day.agent() as agent:
            await agent.turn()
            commands = gone(agent)
    day.clock.advance(5 * MINUTE)
    done = day.put_back(blind=True)
    assert (done.put_back.compared, done.put_back.lost) == (False, ())
    async with day.served(), day.agent() as agent:
        await agent.turn()
        await day.shows("lost", "D1")
        await day.shows("lost", "D2")
        alarms = await agent.alarms()
        assert ("EVENT_WITHDRAWN", True) in alarms
        assert ("ROLLED_BACK", True) in alarms
        assert ("REPORT_REFUSED", True) not in alarms
        assert gone(agent) == commands
        day.clock.set(BEGIN + HOUR)
        await agent.turn()
        day.clock.advance(10 * MINUTE)
        await agent.turn()  # D2 runs on, and what is said of it is kept
        assert {p.state for p in await agent.ask(lambda book: book.posts())} == {"SENT"}
        assert (await day.vary_is_refused("D2")) == "NOT_FOUND"


async def test_with_a_clock_that_is_behind_nothing_but_a_cease_is_signed(day):
    """The clock was four minutes ahead when the variation was signed, and nobody noticed."""
    second, _ = await varied_since_the_backup(day)
    day.clock.set(NOON + MINUTE)
    day.put_back()
    async with day.served(), day.agent() as agent:
        await agent.turn()
        with pytest.raises(Refused, match="REVISION_WINDOW"):
            await day.vary("D1", 400_000, BEGIN + 20 * MINUTE)
        cease = await day.cease("D1", BEGIN + 10 * MINUTE)
        assert cease.revision == second + 1
        await agent.turn()
        slot = Slot("UKPN", "FSP7", "sandbox", CONTRACT, "dispatch", "D1")
        held = (await agent.ask(lambda book: book.thread(slot)))[-1]
        assert (held.kind, held.revision, held.verdict) == ("cease", second + 1, "act")


async def test_no_version_and_no_etag_is_used_again_for_something_else(day):
    async with day.served():
        await day.instruct("D1")
        day.back_up()
        await day.vary("D1", 500_000, BEGIN + 30 * MINUTE)
        before = day.vtn.store.live
        (event,) = before.find(Kind.EVENT, Field.NAME, "D1")
        seen = await day.etag(event.id)
    day.clock.advance(MINUTE)
    for again in (False, True):  # the same backup twice: each life has numbers of its own
        day.put_back(blind=again)
        async with day.served():
            await day.vary("D1", 400_000, BEGIN + 20 * MINUTE)
            (now,) = day.vtn.store.live.find(Kind.EVENT, Field.NAME, "D1")
            assert now.version > event.version
            assert await day.etag(event.id, seen) != seen
            event, seen = now, await day.etag(event.id)
        day.clock.advance(MINUTE)


async def test_a_store_that_was_never_put_back_takes_no_answer_to_what_it_never_said(day):
    await varied_since_the_backup(day)
    async with day.served():
        before = await day.vtn.store.read(read_restored)
        day.clock.advance(MINUTE)
        with pytest.raises(Refused, match="REPLY_MISMATCH"):
            await answer_to_nothing(day)
        assert await day.vtn.store.read(read_restored) == before == Restored()
    day.put_back(blind=True)
    async with day.served():
        await answer_to_nothing(day)
        (lost,) = (await day.vtn.store.read(read_restored)).lost
        assert lost.slot.thread == "D1"
        with pytest.raises(Refused, match="REPLY_MISMATCH"):  # long before the gap
            await answer_to_nothing(day, NOON - HOUR)


async def answer_to_nothing(day, minted=NOON + MINUTE):
    """FSP7 acknowledges a text of D1 that nobody ever saw, as if it were minted at `minted`."""
    now = day.clock.now()
    header = Header(
        kind="acknowledgement",
        message_id=uuid7(now, secrets.token_bytes),
        issuer="FSP7",
        recipient="UKPN",
        environment="sandbox",
        program=CONTRACT,
        thread=f"AK-{secrets.token_hex(4)}",
        revision=milliseconds(now),
        issued_at=now,
        valid_until=now + HOUR,
        in_reply_to=Reference(milliseconds(minted), secrets.token_hex(32), "D1"),
        key_set=FSP7.key_set,
    )
    body = Acknowledgement(**COMMON, decided="received").to_json()
    (event,) = day.vtn.store.live.find(Kind.EVENT, Field.NAME, "D1")
    report = answer_report(seal(header.to_json(body), FSP7, 1), header, body, event.id)
    await day.vtn.objects.create(Kind.REPORT, report.dump(), AS_FSP7)
