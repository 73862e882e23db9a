"""One round: dispatches are ordered, processes are killed, and then it all comes to its end.

    set up ──▶ orders, faults, kills ──▶ everybody up, no faults ──▶ every dispatch over ──▶ stop
               (business clock fast)                                  nothing left to send

What it leaves behind is the judge's (tests.soak.ledger); it says itself only what no evidence
would show: a process that ended untold, and an end that does not come.
"""

import asyncio
import json
import random
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.soak.dispatching.logic import BusinessLogic
from tests.soak.dispatching.mortal import Mortal, Nursery
from tests.soak.dispatching.players import CAPACITY_W, START, Cast, clock_in, contract_of
from tests.soak.dispatching.wire import Wire
from ukprofile.clock import SharedClock

RATE, CALM_RATE = 30.0, 120.0
"""Business seconds a second: while there are orders and kills, and afterwards."""
PAUSE_S = 0.3
DESKS = ("DAY", "NIGHT")
"""Real seconds between two orders of one desk, in the mean; and the desks, the first with keys."""
_LIVES_S, _DEAD_S = 0.8, 1.5
"""The most that a process lives until the next one is killed, and that it stays dead."""
_ENDS_WITHIN_S, _LOOK_S = 120.0, 0.3
_OWED = (
    "SELECT 1 FROM outbox WHERE state = 'QUEUED'"
    " UNION ALL SELECT 1 FROM commands WHERE state IN ('PLANNED', 'SENT')"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn for one round."""

    seed: str
    kills: int
    agents: int
    root: Path
    """The source tree the processes run from."""


async def play(plan: Plan, folder: Path) -> dict[str, int]:
    """Play one round in `folder`; how many kills, orders and so on. Raises AssertionError."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - before anything else runs
    chance = random.Random(plan.seed)
    clock = SharedClock.create(clock_in(folder), START)
    async with AsyncExitStack() as stack:
        wire = Wire(folder, clock)
        await stack.enter_async_context(wire.open(chance.randrange(2**32)))
        nursery = await stack.enter_async_context(Nursery.of(plan.root))
        cast = Cast(folder, nursery, plan.agents, wire.for_agents)
        wire.where = cast.where
        await cast.set_up()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        desks = [_desk(name, plan, cast, wire, clock) for name in DESKS]
        reaper = Reaper(cast, wire, chance, folder / "kills.jsonl", clock)
        clock.set_rate(RATE)
        ordering = [asyncio.create_task(desk.run(session, PAUSE_S)) for desk in desks]
        try:
            await reaper.reap(plan.kills)
        finally:
            for task in ordering:
                task.cancel()
            await asyncio.gather(*ordering, return_exceptions=True)
        wire.be_calm()
        clock.set_rate(CALM_RATE)
        await _come_to_an_end(cast, desks[0], session)
        codes = {one.name: await one.stop() for one in reversed(cast.everybody)}
        assert set(codes.values()) == {0}, f"asked to stop, they exited with {codes}"
        return dict(sum((Counter(desk.counted) for desk in desks), Counter(kills=plan.kills)))


def _desk(name: str, plan: Plan, cast: Cast, wire: Wire, clock: SharedClock) -> BusinessLogic:
    contracts = [contract_of(party) for party in cast.parties]
    chance = random.Random(f"{plan.seed} {name}")
    return BusinessLogic(
        name, name == DESKS[0], wire.for_desk, cast.desk, contracts, clock, chance, CAPACITY_W
    )


async def _come_to_an_end(cast: Cast, logic: BusinessLogic, session: aiohttp.ClientSession) -> None:
    """Return once every dispatch is over, and no agent owes anything to anybody."""
    journals = [cast.home(party) / "journal.db" for party in cast.parties]

    try:
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while any(map(_owes, journals)) or not await logic.over(session):
                for one in cast.everybody:
                    one.check_lives()
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise AssertionError(f"not over and told within {_ENDS_WITHIN_S} s of calm") from None


def _owes(journal: Path) -> bool:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return db.execute(_OWED).fetchone() is not None


@dataclass
class Reaper:
    """Kills one after another, at any moment: also while it starts, or is just being asked."""

    cast: Cast
    wire: Wire
    chance: random.Random
    log: Path
    clock: SharedClock

    async def reap(self, kills: int) -> None:
        """Kill so often; return with everybody up."""
        for number in range(kills):
            victim = self.chance.choice(self.cast.everybody)
            await self._moment(victim)
            await victim.kill()
            dead_s = self.chance.choice((0.0, 0.0, self.chance.random() * _DEAD_S))
            self._note(number, victim, dead_s)
            await asyncio.sleep(dead_s)
            await victim.start()
            if self.chance.random() < 0.75:
                await victim.ready()
        for one in self.cast.everybody:
            await one.ready()

    async def _moment(self, victim: Mortal) -> None:
        """Some time from now; or in the middle of something that concerns the victim."""
        if self.chance.random() < 0.5:
            await asyncio.sleep(self.chance.random() * _LIVES_S)
            return
        writes = ("/desk/", "/reports") if victim is self.cast.vtn else ("/reports", "/events")
        await self.wire.asked(
            lambda method, path: (
                path.startswith(writes) and (method == "POST" or path == "/events")
            ),
            2 * _LIVES_S,
        )
        await asyncio.sleep(self.chance.random() * 0.03)

    def _note(self, number: int, victim: Mortal, dead_s: float) -> None:
        said = {
            "number": number,
            "at": self.clock.now().isoformat(),
            "killed": victim.name,
            "dead_s": round(dead_s, 2),
        }
        with self.log.open("a") as file:
            file.write(json.dumps(said) + "\n")
