"""The outbox, at a real VTN: in order, once each, whatever happens on the way."""

import asyncio
from datetime import timedelta
from random import Random

import pytest
import structlog
from aiohttp import ClientSession, web

from tests.unit.ven.dso import NOON, dso_with_fsp7
from tests.unit.ven.test_listen import HALF, HOUR, Ears
from ukprofile.clock import ManualClock
from ukprofile.openadr.client import Client, Credentials
from ven.alarms import Alarms
from ven.bell import Bell
from ven.journal import Journal
from ven.send import Sender


class Gate:
    """A proxy before the VTN that loses answers, or says no, to POST /reports."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.loses = 0
        self.arrived = asyncio.Event()
        self.order: list[str] = []
        self.says: list[tuple[int, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        reports = request.method == "POST" and request.path.endswith("/reports")
        if reports and self.says:
            status, headers = self.says.pop(0)
            return web.json_response({"status": status}, status=status, headers=headers)
        async with self.session.request(
            request.method,
            self.upstream + request.path_qs,
            data=await request.read(),
            headers={
                k: v for k, v in request.headers.items() if k in ("Authorization", "Content-Type")
            },
        ) as answer:
            body = await answer.read()
            if reports:
                self.order.append((await request.json())["reportName"])
                self.arrived.set()
            if reports and self.loses:
                self.loses -= 1
                request.transport.abort()
            kept = {k: answer.headers[k] for k in ("ETag", "Content-Type") if k in answer.headers}
            return web.Response(status=answer.status, body=body, headers=kept)

    async def start(self) -> str:
        self.session = ClientSession()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        port = self.runner.addresses[0][1]
        return f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self.session.close()
        await self.runner.cleanup()


class Outbox(Ears):
    gate: Gate
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
            first_wait_s=0.25,
        )

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
    async with dso_with_fsp7(clock) as dso:
        journal = await Journal.open(tmp_path / "journal.db")
        gate = Gate(dso.url)
        url = await gate.start()
        credentials = Credentials(dso.client_id, dso.secret)
        async with (
            Client(dso.url, credentials, attempts=1) as direct,
            # the token is the VTN's own: the audience is its URL, so only reports go through
            Client(url, credentials, attempts=1, allow_token_hosts=[dso.url.split("//")[1]]) as way,
        ):
            made = Outbox(dso, journal, direct, clock)
            made.gate, made.through = gate, way
            await dso.instruct(HALF, HOUR)
            await made.look()
            yield made
        await gate.stop()
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
    outbox.gate.says = [(503, {}), (500, {}), (429, {"Retry-After": "30"})]
    sender = outbox.sender()
    assert [await sender.flush() for _ in range(3)] == [0.25, 0.5, 30.0]
    assert await sender.flush() == 0.0
    assert len(outbox.names()) == 2


async def test_no_for_good_is_told_and_does_not_hold_up_the_rest(outbox):
    outbox.gate.says = [(400, {})]
    assert await outbox.sender().flush() == 0.0
    assert [state for state, _ in await outbox.states()] == ["REFUSED", "SENT"]
    assert await outbox.alarms() == [("REPORT_REFUSED", True)]


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
    outbox.gate.says = [(409, {}), (409, {})]
    await outbox.sender().flush()
    assert [state for state, _ in await outbox.states()] == ["SENT", "SENT", "REFUSED"]


async def test_it_wakes_when_the_bell_rings(outbox):
    bell = Bell()
    alarms = Alarms(outbox.journal, structlog.get_logger())
    sender = Sender(outbox.through, outbox.journal, alarms, bell, outbox.clock, random=Random(1))
    task = asyncio.create_task(sender.run())
    await outbox.posted(2)
    await outbox.dso.instruct(HALF + HOUR + timedelta(minutes=1), HOUR)
    await outbox.look()
    bell.ring()
    await outbox.posted(3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
