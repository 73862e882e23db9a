"""A dispatch over a network whose exchanges go wrong ends as it does undisturbed.

    desk ── its relay ──▶ faults ──▶ another VTN ◀── faults ◀── agent

Instructed, varied, ceased: whatever is lost, doubled, overtaken, cut or shown too late,
what both ends hold and what the device was told are the same in the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plugfest.faults.http import Odds, misbehaving
from tests.agent import Agent, agent_at
from tests.unit.vtn.relay.two import MINUTE, START, Two, two_vtns
from tests.waiting import until
from ukprofile.openadr.client import Client
from ukprofile.receiving import parse_text
from vtn.domain.desk import CeaseOrder, VariationOrder
from vtn.domain.record import Kind
from vtn.relay import Relay

pytestmark = pytest.mark.timeout(300)

CHANCES = {
    "busy": 0.3,
    "duplicate": 0.3,
    "reorder": 0.1,
    "late": 0.1,
    "lost": 0.15,
    "stale": 0.3,
    "truncated": 0.3,
}
ALL = {kind: chance / 6 for kind, chance in CHANCES.items()}
WAITS_S, KEPT_S = 1.5, 1.6
"""Real seconds that clients wait, and that late answers are kept."""


def odds(**chances: float) -> Odds:
    return Odds(**chances, patience_s=KEPT_S, retry_after_s=0)


class Life:
    """One dispatch over two VTNs, moved along; every step goes on until both ends are level."""

    def __init__(self, two: Two, relay: Relay, agent: Agent) -> None:
        self.two, self.relay, self.agent = two, relay, agent

    async def level(self) -> None:
        """Return once the agent has read what the desk said, and the desk what the agent said."""
        self.two.clock.advance(timedelta(seconds=2))
        await until(self._agent_has_read, why="the agent has the newest text", timeout_s=60)
        assert await self.agent.responder.look()
        await self.agent.settled()
        await self.agent.reporter.look()
        await self.agent.afterwards.look()
        await until(self._agent_has_sent, why="the agent's reports are there", timeout_s=60)
        await until(self._desk_has_read, why="the desk has them", timeout_s=60)

    async def _agent_has_read(self) -> bool:
        await self.agent.listener.look()
        said = await self.two.mine.store.read(_of_dso)
        held = await self.agent.ask(lambda book: {e.sha256 for e in book.entries()})
        return said <= held

    async def _agent_has_sent(self) -> bool:
        return await self.agent.sender.flush() == 0.0

    async def all_over(self) -> bool:
        await self.agent.listener.look()
        return not any(stands for _, stands in await self.agent.alarms())

    async def _desk_has_read(self) -> bool:
        said = await self.agent.ask(
            lambda book: [e.sha256 for e in book.entries() if e.verdict == "sent"]
        )
        store = self.two.mine.store
        return all([await store.read(lambda tx, d=digest: tx.entry(d)) for digest in said])


def _of_dso(tx: Any) -> set[str]:
    """The newest text of the contract, and of its dispatch."""
    terms = tx.terms("UKPN:FLEX-1")
    texts = [e for e in tx.dispatches("UKPN:FLEX-1", START - 9 * MINUTE) if e.slot.issuer == "UKPN"]
    newest = max(texts, key=lambda e: e.revision, default=None)
    return {e.sha256 for e in (terms, newest) if e is not None}


@asynccontextmanager
async def life(folder: Path, seed: int, chances: Odds) -> AsyncIterator[tuple[Life, list[Any]]]:
    """Both ends, each behind faults of its own seed; and what struck."""
    async with AsyncExitStack() as stack:
        two = await stack.enter_async_context(two_vtns())
        there, struck = two.url, []
        ways = []
        for number in (seed, seed + 1):
            url, faults = await stack.enter_async_context(
                misbehaving(there, seed=number, odds=chances)
            )
            ways.append(url)
            struck.append(faults.struck)
        two.url, two.timeout_s, two.poll_s, two.first_wait_s = ways[0], WAITS_S, 0.2, 0.001
        relay = await stack.enter_async_context(two.relaying())
        hosts = [two.other_host]
        client = await stack.enter_async_context(
            Client(ways[1], two.fsp, attempts=1, allow_token_hosts=hosts, timeout_s=WAITS_S)
        )
        agent = await stack.enter_async_context(agent_at(client, folder, two.clock, two.register))
        yield Life(two, relay, agent), struck


async def lived(folder: Path, seed: int, chances: Odds) -> tuple[dict[str, Any], list[Any]]:
    """What is left of the dispatch at both ends; and what struck on the way."""
    async with life(folder, seed, chances) as (one, struck):
        two, agent = one.two, one.agent
        await two.contract()
        await two.instruct()
        await one.level()
        two.clock.set(START + 10 * MINUTE)
        await one.level()
        await two.mine.desk.vary(VariationOrder(thread="D1", delta_w=600_000))
        await one.level()
        two.clock.set(START + 20 * MINUTE)
        await one.level()
        await two.mine.desk.cease(CeaseOrder(thread="D1"))
        await one.level()
        two.clock.set(START + 40 * MINUTE)
        await one.level()
        await one.level()
        await until(one.all_over, why="no alarm stands at the agent", timeout_s=60)
        standing = await two.standing()
        left = {
            "state": (standing.state, standing.kind, standing.delivery, standing.states),
            "told": agent.told(),
            "held": await agent.ask(_held),
            "said": await agent.ask(_said),
            "there": {
                kind: len(two.there(kind)) for kind in (Kind.PROGRAM, Kind.EVENT, Kind.REPORT)
            },
        }
        return left, [entry for one in struck for entry in one]


def _held(book: Any) -> list[Any]:
    entries = [e for e in book.entries() if e.verdict != "sent" and e.slot.family == "dispatch"]
    return [(e.kind, e.verdict, e.reason, parse_text(e.text)["body"]) for e in entries]


def _said(book: Any) -> list[Any]:
    entries = [e for e in book.entries() if e.verdict == "sent" and "CT-" not in e.text]
    return sorted((e.kind, str(parse_text(e.text)["body"])) for e in entries)


@pytest.fixture(scope="module")
def undisturbed() -> list[Any]:
    return []


async def expected(undisturbed: list[Any], folder: Path) -> dict[str, Any]:
    """What is left of it over a good network; found once."""
    if not undisturbed:
        left, struck = await lived(folder, 0, odds())
        assert struck == []
        assert [kind for kind, *_ in left["held"]] == ["instruction", "variation", "cease"]
        assert [line["delta_w"] for line in left["told"]] == [1_000_000, 600_000, None]
        assert left["state"][:3] == ("ceased", "cease", "acknowledged")
        undisturbed.append(left)
    return undisturbed[0]


@pytest.mark.parametrize("kind", CHANCES)
async def test_each_fault_leaves_the_same_end(kind, undisturbed, tmp_path):
    due = await expected(undisturbed, new(tmp_path, "undisturbed"))
    left, struck = await lived(new(tmp_path, kind), 7, odds(**{kind: CHANCES[kind]}))
    assert {entry["fault"] for entry in struck} == {kind}
    assert left == due


@settings(
    max_examples=3,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32))
def test_faults_of_every_kind_leave_the_same_end(seed, undisturbed, tmp_path_factory):
    async def both() -> tuple[dict[str, Any], dict[str, Any]]:
        due = await expected(undisturbed, tmp_path_factory.mktemp("undisturbed"))
        left, _ = await lived(tmp_path_factory.mktemp("disturbed"), seed, odds(**ALL))
        return due, left

    due, left = asyncio.run(both())
    assert left == due


def new(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name
