"""Somebody between a real VTN and a whole agent: every tampering is refused by name at both ends.

for each row   a dispatch of 10 kW is read as it is   ─▶ the device is told
               it is varied to 5 kW ── tampered with ─▶ nothing changes, a person is told
                                    ── as it is ──────▶ it acts
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from plugfest.faults.meddling import Meddler, Order, meddling
from plugfest.faults.rewrites import PUBLISHED
from plugfest.faults.tampering import TAMPERINGS, Due, Tampering
from tests.agent import Agent, agent_at
from tests.golden import sealed_in
from tests.listening import Heard
from tests.unit.ven.dso import CONTRACT, FSP7, NOON, Dso, dso_with_fsp7, terms
from ukprofile.clock import ManualClock
from ukprofile.openadr import ReportRequest
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ukprofile.signing import SigningKeys
from ven.journal import Book
from vtn.domain.desk import InstructionOrder, PeriodOrder, VariationOrder
from vtn.domain.record import Role
from vtn.storage.memory import MemoryStore

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND, RIVAL = "UKPN:FLEX-2", "UKPN:FLEX-8"
"""Another contract of FSP7's, and one of FSP8's."""
TWO_SUITES = ("stripped_first", "stripped_second")
"""What can be done only to a message with two signatures."""
BOTH = SigningKeys.generate(
    "FSP7-2", "FSP7", "ven", NOON - timedelta(days=1), NOON + timedelta(days=9),
    lambda n: b"7" * n,
)  # fmt: skip


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@dataclass
class Scene:
    """A DSO, FSP7's agent, and somebody between them."""

    dso: Dso
    agent: Agent
    meddler: Meddler
    clock: ManualClock
    heard: Heard
    at_vtn: Heard
    client: Client
    threads: int = 0

    async def look(self, times: int = 1) -> None:
        """The agent polls, and tells its device what is due."""
        for _ in range(times):
            self.clock.advance(timedelta(seconds=1))
            await self.agent.listener.look()
            await self.agent.settled()

    async def instruct(self, thread: str = "", contract: str = CONTRACT) -> str:
        """The desk asks for 10 kW, from an hour on for an hour; the thread."""
        self.threads += 1
        period = PeriodOrder(start=at(60), end=at(120), delta_w=10_000)
        name = thread or f"D{self.threads}"
        order = InstructionOrder(contract_id=contract, periods=(period,), thread=name)
        await self.dso.running.vtn.desk.instruct(order)
        return name

    async def vary(self, thread: str) -> None:
        """The desk wants 5 kW less of it."""
        half = PeriodOrder(start=at(60), end=at(120), delta_w=5_000)
        order = VariationOrder(thread=thread, periods=(half,))
        await self.dso.running.vtn.desk.vary(order)

    def level(self) -> int:
        """What the device was told last."""
        return int(self.agent.told()[-1]["delta_w"])

    def kept(self) -> tuple[int, int]:
        """How many reports the VTN keeps, and how many signed texts."""
        store = self.dso.running.vtn.store
        assert isinstance(store, MemoryStore)
        return len(self.dso.reports()), len(store.ledger._entries)

    async def delivery(self, thread: str) -> str:
        """How far the DSO knows the newest text of a dispatch to have come."""
        (one,) = [s for s in await self.dso.standings() if s.thread == thread]
        return one.delivery

    async def held(self) -> list[tuple[str, str]]:
        """Verdict and reason of everything that was decided."""
        entries = await self.agent.ask(lambda book: book.entries())
        return [(e.verdict, e.reason) for e in entries if e.verdict != "sent"]


@asynccontextmanager
async def scene(folder: Path, *, suite: int = 1, **changes: Any) -> AsyncIterator[Scene]:
    """Both FSPs have read what is their own, by the same way."""
    clock, heard, at_vtn = ManualClock(NOON), Heard(), Heard()
    keys = FSP7 if suite == 1 else BOTH
    async with AsyncExitStack() as stack:
        dso = await stack.enter_async_context(dso_with_fsp7(clock, keys, at_vtn.log, **changes))
        vtn = dso.running.vtn
        await vtn.office.raise_floor("UKPN", suite)
        published = SigningKeys.sandbox(PUBLISHED, "FSP8", "ven", at(-9000), at(9000))
        rival = await dso.running.client("FSP8", Role.VEN)
        await vtn.office.add_key_set(published.public().to_json())
        for contract, party in ((SECOND, "FSP7"), (RIVAL, "FSP8")):
            body = {"contract_id": contract, "assets": [{"asset_id": f"AS-{contract[-1]}"}]}
            await vtn.office.add_contract(terms(**body), party)
        url, meddler = await stack.enter_async_context(meddling(dso.url))
        hosts = [dso.url.partition("//")[2]]
        mine, theirs = [
            await stack.enter_async_context(
                Client(url, Credentials(*who), attempts=1, allow_token_hosts=hosts)
            )
            for who in ((dso.client_id, dso.secret), rival)
        ]
        agent = await stack.enter_async_context(
            agent_at(mine, folder, clock, dso.register, keys=keys, log=heard.log)
        )
        made = Scene(dso, agent, meddler, clock, heard, at_vtn, mine)
        await made.instruct("OTHER")
        await made.instruct("RIVAL", RIVAL)
        await theirs.events.list()
        await made.look()
        assert (made.level(), await agent.alarms()) == (10_000, [])
        yield made


class Scenes:
    """One scene for several rows, each with a dispatch of its own; a new one before it is full."""

    def __init__(self, folders: pytest.TempPathFactory, stack: AsyncExitStack) -> None:
        self._folders, self._stack = folders, stack
        self._uses = 0

    async def take(self, row: Tampering) -> Scene:
        both = row.name in TWO_SUITES
        if self._uses == 0 or both:
            await self._stack.aclose()
            folder = self._folders.mktemp("agent")
            made = scene(folder, suite=2 if both else 1)
            self._scene = await self._stack.enter_async_context(made)
        self._uses = 0 if both else (self._uses + 1) % 10
        return self._scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenes(tmp_path_factory) -> AsyncIterator[Scenes]:
    async with AsyncExitStack() as stack:
        yield Scenes(tmp_path_factory, stack)


def rows(side: str) -> list[Any]:
    return [pytest.param(row, id=n) for n, row in TAMPERINGS.items() if getattr(row, side)]


# -- events, at the agent --------------------------------------------------------------------------


@pytest.mark.parametrize("row", rows("agent"))
async def test_a_tampered_event_changes_nothing_and_the_true_one_acts(row, scenes):
    there, due = await scenes.take(row), row.agent
    thread = await there.instruct()
    await there.look()
    before, alarms = await there.held(), await there.agent.alarms()
    told, level = there.agent.told(), there.level()
    there.heard.lines.clear()
    there.meddler.orders[:] = [Order(tampering=row.name, thread=thread, when="always")]
    await there.vary(thread)
    await there.look(2)
    assert there.meddler.struck[-1]["tampering"] == row.name
    assert (await there.held())[len(before) :] == kept(due)
    check_told(due, there.heard, (await there.agent.alarms())[len(alarms) :])
    if "act" in due.verdict:
        assert there.level() == level - 5_000
    else:
        assert there.agent.told() == told
    there.meddler.orders.clear()
    await there.look()
    assert there.level() == level - 5_000


def kept(due: Due) -> list[tuple[str, str]]:
    """What is decided of it: only what acts, for all else was known, or nobody's word."""
    return [(due.verdict, due.reason)] if "act" in due.verdict else []


def check_told(due: Due, heard: Heard, alarms: list[tuple[str, bool]]) -> None:
    """One alarm and one line in the security log, or none of either."""
    reasons = [due.reason] if due.reason else []
    assert [reason for reason, _ in alarms] == reasons
    assert [line["reason"] for line in heard.lines] == reasons
    assert [line["alarm"] for line in heard.lines] == [due.code.alarm for _ in reasons if due.code]
    assert not heard.errors


# -- reports, at the VTN ---------------------------------------------------------------------------


@pytest.mark.parametrize("row", rows("vtn"))
async def test_a_tampered_report_is_refused_and_the_true_one_is_taken(row, scenes):
    there, due = await scenes.take(row), row.vtn
    thread = await there.instruct()
    there.meddler.orders.clear()
    await there.agent.sender.flush()
    await there.look()
    (true,) = await there.agent.ask(lambda book: book.posts("QUEUED"))
    before = there.kept()
    there.at_vtn.lines.clear()
    there.meddler.orders.append(Order(tampering=row.name, towards="vtn", kind="acknowledgement"))
    await there.agent.sender.flush()
    assert there.meddler.struck[-1]["tampering"] == row.name
    assert [line["reason"] for line in there.at_vtn.lines] == ([due.reason] if due.reason else [])
    (post,) = await there.agent.ask(lambda book: [p for p in book.posts() if p.name == true.name])
    if due.verdict == "refused":
        assert due.code is not None
        assert (post.state, f" {due.code.http}, {due.reason}:" in post.error) == ("REFUSED", True)
        assert (there.kept(), await there.delivery(thread)) == (before, "issued")
    else:
        texts, delivery = TAKEN[row.name]
        assert there.kept() == (before[0] + 1, before[1] + texts)
        assert (post.state, await there.delivery(thread)) == ("SENT", delivery)
    await there.client.reports.create(ReportRequest.read_bytes(true.body))
    assert await there.delivery(thread) == "acknowledged"
    assert there.kept()[1] == before[1] + 1


TAKEN = {
    "moved_text": (0, "issued"),
    "moved_report": (1, "acknowledged"),
    "unsigned": (0, "fetched"),
}
"""What a VTN takes: how many texts are new to it, and what it holds the dispatch for.

A known text again is a repetition wherever it stands; a text counts for the thread it is about, on
whatever event; a read-back that nobody signed shows that the event was fetched, and no more.
"""


# -- time ------------------------------------------------------------------------------------------


async def test_what_is_withheld_until_it_is_over_is_expired(tmp_path):
    async with scene(tmp_path) as there:
        told = there.agent.told()
        there.meddler.orders.append(Order(tampering="withheld", thread="LATE", when="always"))
        await there.instruct("LATE")
        await there.look()
        there.meddler.orders.clear()
        there.clock.set(at(60 * 27))
        await there.look()
        assert (await there.held())[-1] == ("expired", "EXPIRED")
        assert (there.agent.told(), await there.agent.alarms()) == (told, [])
        texts = [sealed_in(json.loads(p.body)).text for p in await there.agent.ask(_posts)]
        body = parse_text(texts[-1])["body"]
        assert (body["decided"], body["reason"]) == ("refused", "EXPIRED")


def _posts(book: Book) -> Any:
    return book.posts()


async def test_an_older_state_that_was_never_read_is_stale_after_a_newer_one(tmp_path):
    async with scene(tmp_path) as there:
        there.meddler.orders.append(Order(tampering="withheld", thread="D", when="always"))
        await there.instruct("D")
        await there.look()
        there.meddler.orders.clear()
        await there.vary("D")
        await there.look()
        held, told = await there.held(), there.agent.told()
        assert there.level() == 15_000
        there.meddler.orders.append(Order(tampering="rolled_back", thread="D", when="always"))
        await there.look(2)
        assert there.meddler.struck[-1]["tampering"] == "rolled_back"
        assert (await there.held(), there.agent.told()) == (held, told)
        assert await there.agent.alarms() == []


async def test_a_copy_that_comes_and_goes_withdraws_nothing(tmp_path):
    """Not even where the contract says that a withdrawal stops: its own event is still there."""
    async with scene(tmp_path, on_unsigned_withdrawal="stop") as there:
        await there.instruct("D")
        await there.look()
        await there.vary("D")
        await there.look()
        told = there.agent.told()
        there.meddler.orders.append(Order(tampering="replayed_elsewhere", thread="D"))
        await there.look(3)
        assert there.agent.told() == told
        assert [reason for reason, _ in await there.agent.alarms()] == ["THREAD_MISPLACED"]
