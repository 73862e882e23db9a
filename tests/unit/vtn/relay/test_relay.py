"""The desk over somebody else's VTN: here one of ours, of which the desk has a client only."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
import structlog

from tests.agent import agent_at
from tests.rewriting import rewriting_before
from tests.unit.ven.dso import CONTRACT, NOON
from tests.unit.ven.gate import gate_before
from tests.unit.vtn.relay.two import MINUTE, START, two_vtns
from tests.unit.vtn.scene import Cut
from tests.waiting import until
from ukprofile.openadr.client import Client
from vtn.domain.desk import CeaseOrder, VariationOrder
from vtn.domain.record import Kind, Role


@pytest.fixture
async def two():
    async with two_vtns() as made:
        yield made


class Odd(Cut):
    """A store that fails once as nobody foresaw, and once as a full disk does."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.odd = True
        self.cut_at(1)

    async def read(self, question: Any) -> Any:
        if self.odd:
            self.odd = False
            raise RuntimeError("odd")
        return await super().read(question)


async def test_the_relay_outlives_a_full_disk_and_what_nobody_foresaw(two, tmp_path):
    store = Odd(two.mine.store)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            Client(two.url, two.fsp, allow_token_hosts=[two.other_host])
        )
        agent = await stack.enter_async_context(agent_at(client, tmp_path, two.clock, two.register))
        await two.contract()
        await two.instruct()
        async with two.relaying() as relay:
            await relay.publisher.level()
        await agent.turn()
        assert (await two.standing()).delivery == "issued"
        with structlog.testing.capture_logs() as told:
            await stack.enter_async_context(two.relaying(store))

            async def here() -> bool:
                return (await two.standing()).delivery == "acknowledged"

            await until(here, why="the acknowledgement is here")
    assert not store.odd
    assert store.writes > 1
    assert [line["event"] for line in told] == ["internal error", "no reports collected"]


@pytest.mark.parametrize("rewritten", [False, True])
async def test_a_whole_dispatch_goes_over_a_strangers_vtn(two, tmp_path, rewritten):
    """Contract, instruction, variation and cease there; acknowledgements and statuses back here.

    `rewritten` = that VTN rewrites every object, as openleadr-rs does.
    """
    async with AsyncExitStack() as stack:
        if rewritten:
            _, two.url = await stack.enter_async_context(rewriting_before(two.url))
        relay = await stack.enter_async_context(two.relaying())
        client = await stack.enter_async_context(
            Client(two.url, two.fsp, allow_token_hosts=[two.other_host])
        )
        agent = await stack.enter_async_context(agent_at(client, tmp_path, two.clock, two.register))

        async def turn(seconds: int = 2) -> None:
            await relay.publisher.level()
            two.clock.advance(timedelta(seconds=seconds))
            await agent.turn()
            sent = [p.name for p in await agent.ask(lambda book: book.posts("SENT"))]
            known = two.mine.store

            async def all_here() -> bool:
                held = [
                    await known.read(lambda tx, d=digest: tx.entry(d))
                    for digest in await agent.ask(
                        lambda book: [e.sha256 for e in book.entries() if e.verdict == "sent"]
                    )
                ]
                return len(sent) == len(held) and all(held)

            await until(all_here, why="what FSP7 said there is here")

        await two.contract()
        await turn()
        await two.instruct()
        await turn()
        assert (await two.standing()).delivery == "acknowledged"
        assert [t["delta_w"] for t in agent.told()] == [1_000_000]
        two.clock.set(START + 10 * MINUTE)
        await turn()
        assert [s for s, _ in (await two.standing()).states] == ["executing"]
        await two.mine.desk.vary(VariationOrder(thread="D1", delta_w=600_000))
        await turn(400)
        assert agent.told()[-1]["delta_w"] == 600_000
        await two.mine.desk.cease(CeaseOrder(thread="D1"))
        await turn(600)
        await turn()
        one = await two.standing()
        assert (one.state, one.kind, one.delivery) == ("ceased", "cease", "acknowledged")
        assert await agent.alarms() == []
        assert relay.lag.objects == 0


async def test_what_cannot_be_sent_now_is_sent_later_once(two):
    async with gate_before(two) as (gate, _):
        gate.says["GET /programs"] = [(503, {})] * 3
        gate.says["POST /events"] = [(503, {})] * 2
        two.url = gate.url
        await two.contract()
        await two.instruct()
        async with two.relaying() as relay:
            await relay.publisher.level()
            assert relay.lag.objects == 0
        assert not any(gate.says.values())
        assert sorted(name.split("-")[0] for name in two.there(Kind.EVENT)) == ["CT", "D1"]
        async with two.relaying() as relay:  # another one, that knows nothing of the first
            await relay.publisher.level()
        assert len(two.there(Kind.EVENT)) == 2
        assert two.there(Kind.PROGRAM) == [CONTRACT]


async def test_what_waits_is_told(two):
    two.url = "http://127.0.0.1:9"
    await two.contract()
    async with two.relaying() as relay:
        await until(lambda: relay.lag.why, why="it is told why")
        assert relay.lag.objects >= 1
        assert "127.0.0.1" in relay.lag.why


async def test_of_several_revisions_made_meanwhile_only_the_newest_is_sent(two):
    await two.contract()
    await two.instruct()
    two.clock.advance(MINUTE)
    await two.mine.desk.vary(VariationOrder(thread="D1", since=START, delta_w=600_000))
    before = two.other.store.live.sequence
    async with two.relaying() as relay:
        await relay.publisher.level()
    assert two.other.store.live.sequence - before == 4  # program, grant, terms, dispatch
    (event,) = [e for e in two.other.store.live.find(Kind.EVENT) if e.name == "D1"]
    assert b"600000" in event.body


async def test_a_fsp_that_is_not_there_yet_is_told_and_holds_up_nobody(two):
    await two.contract()
    await two.mine.office.add_client("FSP8", Role.VEN, ["SOMETHING"])
    async with two.relaying() as relay:
        await relay.publisher.level()
        assert relay.lag.why == "FSP8 has no ven there yet"
        assert two.there(Kind.PROGRAM) == [CONTRACT]


async def test_a_report_that_proves_nothing_is_refused_and_told_once(two):
    """Somebody at the other VTN posts a text of FSP7 with another's signature."""
    async with two.relaying() as relay:
        await two.contract()
        await two.instruct()
        await relay.publisher.level()
        async with Client(two.url, two.fsp) as client:
            (event,) = [e for e in (await client.events.list()).items
                        if e.event_name == "REAL_TIME_DISPATCH"]  # fmt: skip
            texts = [p for p in event.intervals[0].payloads if p.type.startswith("UKFLEX_")]
            report = {
                "objectType": "REPORT", "eventID": event.id, "clientName": "FSP7",
                "reportName": "forged", "resources": [{"resourceName": "AGGREGATED_REPORT",
                "intervals": [{"id": 0, "payloads": [
                    {"type": "UKFLEX_MESSAGE", "values": [texts[0].values[0].replace("1000000", "900000")]},
                    {"type": "UKFLEX_SIGNATURE", "values": ["e30..AAAA"]}]}]}],
            }  # fmt: skip
        with structlog.testing.capture_logs() as told:
            forged = await two.other.store.write(lambda tx: _stored(tx, report))
            await until(lambda: told, why="the forged report is told")
            assert await relay.collector.collect() == 0
        assert [(line["report"], line["log"]) for line in told] == [(forged, "security")]
        assert (await two.standing()).delivery == "issued"


def _stored(tx, report) -> str:
    """A report in the other VTN's tables, past its own admission: as a stranger's VTN has it."""
    from ukprofile.openadr import ReportRequest
    from vtn.domain.draft import read_draft
    from vtn.domain.privacy import Viewer

    draft = read_draft(Kind.REPORT, report, Viewer("fsp7", Role.VEN, frozenset()))
    assert isinstance(draft.request, ReportRequest)
    return tx.put(draft.record("FORGED-1", NOON, NOON)).id


async def test_a_store_that_was_put_back_takes_nothing_back_there_until_it_speaks_anew(two):
    """Its other end shows the variation; this one, made anew of the texts before it, does not."""
    await two.contract()
    await two.instruct()
    before = two.mine.store.live.find(Kind.EVENT)
    async with two.relaying() as relay:
        await until(lambda: "D1" in two.there(Kind.EVENT), why="D1 is there")
        await relay.publisher.level()
        two.clock.advance(MINUTE)
        await two.mine.desk.vary(VariationOrder(thread="D1", delta_w=600_000))
        await relay.publisher.level()
    newest = two.there_now("D1")
    (old,) = [record for record in before if record.name == "D1"]
    await two.mine.store.write(lambda tx: tx.put(old))  # what the desk shows, as of a minute ago
    async with two.relaying() as relay:
        await until(lambda: "is newer there" in relay.publisher.lag.why, why="it is told")
        assert two.there_now("D1") == newest
        two.clock.advance(MINUTE)
        await two.mine.desk.cease(CeaseOrder(thread="D1", at=START + 10 * MINUTE))
        await until(lambda: two.there_now("D1") != newest, why="the cease is there")
        await relay.publisher.level()
        assert relay.publisher.lag.objects == 0, relay.publisher.lag
