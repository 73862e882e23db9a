"""What changes at an agent although no message comes: events vanish, the VTN falls silent, a start
passes.

    DSO's VTN ── gate ── FSP7's agent ── battery        D1: 16:30 to 18:00, 1 MW
               can be shut       └─ journal, alarms, device log

Everything is the agent's own: what it polls, tells the device, reports, and says of it in the log.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.agent import Agent, agent_at
from tests.golden import at
from tests.listening import Heard
from tests.unit.ven.dso import CONTRACT, NOON, Dso, dso_with_fsp7
from tests.unit.ven.gate import Gate, gate_before
from tests.waiting import until
from ukprofile.clock import ManualClock
from ukprofile.flex.times import time_text
from ukprofile.mapping.answer import message_of
from ukprofile.receiving import parse_text
from ven.absence import gone, lapsed
from ven.plan import courses
from ven.promises import outlook
from ven.replan import in_force
from vtn.domain.desk import PeriodOrder, ScheduleOrder
from vtn.domain.desk.alarms import AlarmsOrder
from vtn.domain.record import Kind

MINUTE = timedelta(minutes=1)
BEGIN, END = NOON + 30 * MINUTE, NOON + 120 * MINUTE
LONG_AGO = at("2026-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class Passing:
    """A DSO, the agent of FSP7 that polls it, and what its log heard."""

    dso: Dso
    gate: Gate
    agent: Agent
    heard: Heard

    async def at(self, minutes: float) -> None:
        """It is so many minutes after 16:00, and the agent did what it does."""
        self.agent.clock.set(NOON + minutes * MINUTE)
        await self.agent.turn()

    async def d1(self) -> str:
        """D1 is confirmed, and acknowledged."""
        thread = await self.dso.instruct(BEGIN - NOON, END - BEGIN)
        await self.agent.turn()
        return thread

    async def d1_runs(self) -> str:
        thread = await self.d1()
        await self.at(40)
        assert await self.states() == {thread: "running"}
        return thread

    async def proposed(self) -> str:
        """DSP-0003 is proposed for the same time."""
        period = PeriodOrder(start=BEGIN, end=END, delta_w=1_000_000)
        order = ScheduleOrder(contract_id=CONTRACT, periods=(period,), thread="DSP-0003")
        return (await self.dso.running.vtn.desk.schedule(order)).thread

    async def vanish(self) -> None:
        """As at a VTN that is not ours, or is hostile: past the rules of this one."""
        gone = self.dso.dispatch_ids()
        await self.dso.running.vtn.store.write(
            lambda tx: [tx.delete(Kind.EVENT, event_id) for event_id in gone]
        )

    # -- what is so --------------------------------------------------------------------------------

    @property
    def contract_event(self) -> str:
        (event_id,) = {*self.dso.event_ids()} - {*self.dso.dispatch_ids()}
        return event_id

    def security(self) -> list[str]:
        """What the security log heard of dispatches and the VTN; the contract's event is another."""
        lines = (one for one in self.heard.lines if one["event_id"] != self.contract_event)
        return [line["reason"] for line in lines]

    async def ends(self) -> dict[str, str]:
        """When each dispatch ends that is in force at the agent."""
        found = await self.agent.ask(lambda book: in_force(book, LONG_AGO))
        return {one.slot.thread: time_text(one.end)[11:16] for one in found}

    async def states(self) -> dict[str, str]:
        """How dispatches stand at the agent."""
        now = self.agent.clock.now()

        def ask(book: Any) -> dict[str, str]:
            missing = gone(book)
            return {
                slot.thread: "lapsed" if lapsed(slot, course, missing) else str(course.state)
                for slot, _, course in courses(book, book.programs(), LONG_AGO, now)
            }

        found: dict[str, str] = await self.agent.ask(ask)
        return found

    async def owes(self) -> tuple[int, int]:
        """How much waits for an answer of its, and how much it promised."""
        waiting, promised = await self.agent.ask(lambda b: outlook(b, self.agent.clock.now()))
        return len(waiting), len(promised)

    def told_dso(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of that kind that reached the DSO, in order."""
        texts = [carried.text for r in self.dso.reports() if (carried := message_of(r))]
        messages = sorted((parse_text(text) for text in texts), key=lambda m: m["revision"])
        return [one["body"] for one in messages if one["kind"] == kind]

    def words(self) -> list[str]:
        return [body["state"] for body in self.told_dso("status")]


@asynccontextmanager
async def passing(folder: Path, **terms: Any) -> AsyncIterator[Passing]:
    clock, heard = ManualClock(NOON), Heard()
    async with (
        dso_with_fsp7(clock, **terms) as dso,
        gate_before(dso) as (gate, client),
        agent_at(client, folder, clock, dso.register, log=heard.log) as agent,
    ):
        await agent.turn()
        yield Passing(dso, gate, agent, heard)


# -- row by row ------------------------------------------------------------------------------------


async def gone_by_id(so: Passing) -> None:
    """Runs to its end, as if nothing had been; the DSO is told, and hears how it went."""
    thread = await so.d1_runs()
    reports = len(so.dso.reports())
    held = await _unchanged(so, so.vanish)
    assert len(so.dso.reports()) == reports + 1
    said = [body.get("reason") for body in so.told_dso("acknowledgement")]
    assert said == [None, None, "EVENT_WITHDRAWN"], "of the terms, of D1, and again of D1"

    async def desk_knows() -> bool:
        standing = await so.dso.running.vtn.desk.alarms(AlarmsOrder())
        return [(a.concern.code, a.concern.thread) for a in standing] == [(said[-1], thread)]

    await until(desk_knows, why="the alarm at the DSO's desk")
    await so.at(121)
    assert so.agent.told() == held
    assert await so.states() == {thread: "completed"}
    assert so.words() == ["executing", "completed"], so.told_dso("status")


async def proposals_gone(so: Passing) -> None:
    """Answered neither now nor later; told once, and no device hears of it."""
    thread = await so.proposed()
    await so.agent.listener.look()
    assert await so.states() == {thread: "proposed"}
    assert await so.owes() == (1, 0)
    await so.vanish()
    await so.at(1)
    assert await so.states() == {thread: "lapsed"}
    assert await so.owes() == (0, 0)
    await so.at(40)
    assert so.agent.told() == []
    assert so.told_dso("response") == []


async def agreed_gone(so: Passing) -> None:
    thread = await so.proposed()
    await so.agent.turn()
    assert await so.states() == {thread: "agreed"}
    assert await so.owes() == (0, 1)
    await so.vanish()
    await so.at(1)
    assert await so.states() == {thread: "lapsed"}
    assert await so.owes() == (0, 0)
    await so.at(40)
    assert so.agent.told() == []


async def contract_says_stop(so: Passing) -> None:
    thread = await so.d1_runs()
    await so.vanish()
    await so.at(50)
    assert await so.ends() == {thread: "16:50"}
    assert so.agent.told()[-1]["delta_w"] is None, "the device is released"
    await so.at(60)
    assert so.words()[-1] == "ceased"


async def grant_lost(so: Passing) -> None:
    """Contract and all: nobody can be told but the people here."""
    thread = await so.d1_runs()

    async def lose() -> None:
        await so.dso.revoke()
        assert (await so.agent.listener._client.events.list()).items == ()

    await _unchanged(so, lose)
    assert await so.states() == {thread: "running"}


async def silent_for_two_hours(so: Passing) -> None:
    """Confirmed before; it begins, runs and ends while nobody answers."""
    thread = await so.d1()
    so.gate.shut = True
    for minutes in (5, 31, 60, 119, 125):
        so.agent.clock.set(NOON + minutes * MINUTE)
        await so.agent.listener.look()
        await so.agent.settled()
        await so.agent.reporter.look()
    assert await so.ends() == {thread: "18:00"}
    assert await so.states() == {thread: "completed"}
    (command,) = so.agent.told()
    assert (command["delta_w"], command["from"], command["to"]) == (
        1_000_000,
        time_text(BEGIN),
        time_text(END),
    )
    so.gate.shut = False
    await so.at(126)
    assert so.words() == ["executing", "completed"], so.told_dso("status")


async def never_confirmed(so: Passing) -> None:
    """Agreed, and its start comes: nothing starts, and nothing was wrong."""
    thread = await so.proposed()
    await so.agent.turn()
    assert await so.states() == {thread: "agreed"}
    await so.at(30)
    assert await so.states() == {thread: "lapsed"}
    assert so.agent.told() == []
    assert await so.ends() == {}


PASSES: dict[str, tuple[Callable[[Passing], Awaitable[None]], ...]] = {
    "N121b": (gone_by_id,),
    "N121c": (proposals_gone, agreed_gone),
    "N121d": (contract_says_stop,),
    "N121e": (grant_lost,),
    "N122f": (never_confirmed,),
    "N122u": (silent_for_two_hours,),
}
"""Row id to what passes, each in a scene of its own."""

TERMS: dict[str, dict[str, Any]] = {"N121d": {"on_unsigned_withdrawal": "stop"}}
"""What the contract says otherwise."""


async def _unchanged(so: Passing, happen: Callable[[], Awaitable[None]]) -> list[Any]:
    """It happens, twice looked at, and the plan and the device's are as they were."""
    before = await so.agent.ask(lambda book: book.commands()), await so.ends(), so.agent.told()
    await happen()
    await so.at(41)
    await so.at(42)
    after = await so.agent.ask(lambda book: book.commands()), await so.ends(), so.agent.told()
    assert after == before
    return before[2]
