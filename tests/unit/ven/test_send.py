"""The outbox, at a real VTN: in order, once each, whatever happens on the way."""

import asyncio
import secrets
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import structlog

from tests.unit.ven.dso import FSP7, NOON, dso_with_fsp7
from tests.unit.ven.gate import gate_before
from tests.unit.ven.test_listen import HALF, HOUR, Ears
from ukprofile.clock import ManualClock
from ukprofile.flex.answer import Response
from ukprofile.flex.common import read_assets
from ukprofile.openadr import ReportRequest
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ven.alarms import Alarms
from ven.answer import Voice, reply
from ven.bell import Bell
from ven.journal import Book, Journal
from ven.replan import replan
from ven.send import Sender
from vtn.domain.record import Kind

MINUTE = timedelta(minutes=1)


class Outbox(Ears):
    gate: Any
    through: Client

    def sender(self) -> Sender:
        alarms = Alarms(self.journal, structlog.get_logger())
        return Sender(
            self.through,
            self.journal,
            alarms,
            Bell(),
            self.clock,
            random=Random(1),
            weights={},
            first_wait_s=0.25,
        )

    async def refuses(self) -> None:
        """The agent refuses the dispatch it holds."""
        now = self.clock.now()

        def write(book: Book) -> None:
            (entry,) = [e for e in book.entries() if e.kind == "instruction"]
            body = parse_text(entry.text)["body"]
            said = Response(
                contract_id=body["contract_id"],
                zone=body["zone"],
                assets=read_assets(body),
                answer="refuse",
                reason="UNAVAILABLE",
            )
            reply(
                book,
                Voice(FSP7, 1, "sandbox", secrets.token_bytes),
                entry,
                said,
                self.dso.dispatch_ids()[0],
                now,
            )
            replan(book, {}, now)

        await self.journal.write(write)

    async def states(self) -> list[tuple[str, int]]:
        return [(p.state, p.attempts) for p in await self.journal.read(lambda b: b.posts())]

    async def posted(self, count: int) -> None:
        """Return once the VTN has `count` reports."""
        async with asyncio.timeout(10):
            while len(self.names()) < count:
                await self.gate.arrived.wait()
                self.gate.arrived.clear()

    def names(self) -> list[str]:
        return [str(r.report_name) for r in self.dso.reports()]


@pytest.fixture
async def outbox(tmp_path):
    """Two acknowledgements queued: of the contract terms, and of a dispatch."""
    clock = ManualClock(NOON)
    async with dso_with_fsp7(clock) as dso, gate_before(dso) as (gate, through):
        journal = await Journal.open(tmp_path / "journal.db")
        credentials = Credentials(dso.client_id, dso.secret)
        async with Client(dso.url, credentials, attempts=1) as direct:
            made = Outbox(dso, journal, direct, clock)
            made.gate, made.through = gate, through
            await dso.instruct(HALF, HOUR)
            await made.look()
            yield made
        await journal.close()


async def test_all_that_is_queued_is_posted_in_order(outbox):
    assert await outbox.sender().flush() == 0.0
    assert await outbox.states() == [("SENT", 1), ("SENT", 1)]
    queued = [p.name for p in await outbox.journal.read(lambda b: b.posts())]
    assert outbox.gate.order == queued
    (standing,) = await outbox.dso.standings()
    assert (standing.delivery, standing.decided) == ("acknowledged", "received")
    ids = {r.id for r in outbox.dso.reports()}
    assert {p.report_id for p in await outbox.journal.read(lambda b: b.posts())} == ids


async def test_a_lost_answer_is_looked_for_and_not_sent_twice(outbox):
    outbox.gate.loses = 1
    sender = outbox.sender()
    assert await sender.flush() == 0.25
    assert await outbox.states() == [("QUEUED", 1), ("QUEUED", 0)]
    assert await sender.flush() == 0.0
    assert await outbox.states() == [("SENT", 1), ("SENT", 1)]
    assert len(outbox.names()) == 2


async def test_a_crash_after_the_attempt_was_written_sends_once(outbox):
    await outbox.journal.write(lambda b: b.attempted(1))
    assert await outbox.sender().flush() == 0.0
    assert len(outbox.names()) == 2


async def test_later_is_waited_for_longer_each_time_and_as_long_as_asked(outbox):
    outbox.gate.says["POST /reports"] = [(503, {}), (500, {}), (429, {"Retry-After": "30"})]
    sender = outbox.sender()
    assert [await sender.flush() for _ in range(3)] == [0.25, 0.5, 30.0]
    assert await sender.flush() == 0.0
    assert len(outbox.names()) == 2


async def test_no_for_good_is_told_and_does_not_hold_up_the_rest(outbox):
    outbox.gate.says["POST /reports"] = [(400, {})]
    assert await outbox.sender().flush() == 0.0
    assert [state for state, _ in await outbox.states()] == ["REFUSED", "SENT"]
    assert await outbox.alarms() == [("REPORT_REFUSED", True)]


async def test_what_was_refused_for_good_counts_no_more_and_is_planned_without(outbox):
    """The agent refuses; the VTN says it is too late for that: what was instructed runs."""
    assert await outbox.sender().flush() == 0.0
    await outbox.refuses()
    planned = [p.state for p in await outbox.journal.read(lambda b: b.commands())]
    assert planned == ["WITHDRAWN"]
    outbox.gate.says["POST /reports"] = [(409, {})]
    assert await outbox.sender().flush() == 0.0
    mine = [e for e in await outbox.journal.read(lambda b: b.entries()) if e.kind == "response"]
    assert [(e.verdict, e.standing) for e in mine] == [("refused", False)]
    planned = [p.state for p in await outbox.journal.read(lambda b: b.commands())]
    assert planned == ["PLANNED"]


async def test_taken_means_taken_by_it(outbox):
    """409 where it is there already; 409 where it is not."""
    first = (await outbox.journal.read(lambda b: b.posts()))[0]
    await outbox.sender().flush()
    await outbox.journal.write(
        lambda b: (
            b._db.execute("UPDATE outbox SET state='QUEUED', attempts=0 WHERE seq=?", (first.seq,)),
            b.post("other", "status", first.event_id, first.body, NOON),
        )
    )
    outbox.gate.says["POST /reports"] = [(409, {}), (409, {})]
    await outbox.sender().flush()
    assert [state for state, _ in await outbox.states()] == ["SENT", "SENT", "REFUSED"]


async def test_after_hours_without_the_vtn_all_of_it_comes_in_order_and_once(outbox):
    """Nothing is left out because it was overtaken, and a lost answer on the way repeats nothing."""
    sender = outbox.sender()
    outbox.gate.says["POST /reports"] = [(503, {})] * 3
    for hours in range(3):
        assert await sender.flush() > 0
        outbox.clock.advance(timedelta(hours=1))
        await outbox.dso.instruct(HALF + (hours + 1) * HOUR + MINUTE, HALF)
        await outbox.look()
    outbox.gate.loses = 1
    assert await sender.flush() > 0
    assert await sender.flush() == 0.0
    queued = [p.name for p in await outbox.journal.read(lambda b: b.posts())]
    assert len(queued) == 5
    assert outbox.gate.order == queued
    assert sorted(outbox.names()) == sorted(queued)


async def test_a_name_that_carries_something_else_is_no_proof_of_having_been_sent(outbox):
    """As after a crash: it may have been sent; what stands under its name is another text."""
    first, second = await outbox.journal.read(lambda b: b.posts())
    other = ReportRequest.read_bytes(second.body).model_copy(update={"report_name": first.name})
    await outbox.through.reports.create(other)
    await outbox.journal.write(lambda b: b.attempted(first.seq))
    outbox.gate.says["POST /reports"] = [(409, {})]
    await outbox.sender().flush()
    assert [state for state, _ in await outbox.states()] == ["REFUSED", "SENT"]


async def once_more(outbox):
    """Everything that was sent is queued again, as after an event that went back."""

    def write(book: Book) -> None:
        for post in book.posts("SENT"):
            book.posted(post.seq, "QUEUED", NOON, report_id=post.report_id)

    await outbox.journal.write(write)


async def forget_reports(outbox):
    vtn = outbox.dso.running.vtn
    for report in vtn.store.live.find(Kind.REPORT):
        await vtn.store.write(lambda tx, one=report: tx.delete(one.kind, one.id))


async def test_what_the_vtn_has_is_only_asked_for_and_nobody_is_told(outbox):
    await outbox.sender().flush()
    before = outbox.gate.order[:]
    await once_more(outbox)
    assert await outbox.sender().flush() == 0.0
    assert [state for state, _ in await outbox.states()] == ["SENT", "SENT"]
    assert (outbox.gate.order, await outbox.alarms()) == (before, [])


async def test_what_the_vtn_had_lost_is_there_again_and_a_person_is_told(outbox):
    await outbox.sender().flush()
    await forget_reports(outbox)
    await once_more(outbox)
    assert await outbox.sender().flush() == 0.0
    assert len(outbox.names()) == 2
    assert set(await outbox.alarms()) == {("ROLLED_BACK", True)}


async def test_what_was_taken_once_stands_though_it_is_refused_the_second_time(outbox):
    await outbox.sender().flush()
    await forget_reports(outbox)
    await once_more(outbox)
    outbox.gate.says["POST /reports"] = [(409, {}), (400, {})]
    assert await outbox.sender().flush() == 0.0
    assert [state for state, _ in await outbox.states()] == ["SENT", "SENT"]
    assert all(e.standing for e in await outbox.journal.read(lambda b: b.entries()))
    assert await outbox.alarms() == []


async def test_it_wakes_when_the_bell_rings(outbox):
    bell = Bell()
    alarms = Alarms(outbox.journal, structlog.get_logger())
    sender = Sender(
        outbox.through, outbox.journal, alarms, bell, outbox.clock, random=Random(1), weights={}
    )
    task = asyncio.create_task(sender.run())
    await outbox.posted(2)
    await outbox.dso.instruct(HALF + HOUR + timedelta(minutes=1), HOUR)
    await outbox.look()
    bell.ring()
    await outbox.posted(3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
