"""One dispatch from instruction to settlement, with an agent that dies or finds no room at a write.

    instruction ─ executing ─ less ─ more, accepted ─ cease ─ ceased ─ post-action ─ the whole day

Whatever happens at whichever write, what is left at both ends is the same as if nothing had: what
the device was told and each thing once, what the VTN holds and in which order, what the journal
says of it.
"""

import asyncio
import contextlib
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from tests.agent import Agent, agent_at
from tests.dying import Doom, Fate, Killed
from tests.soak.progress import Progress, fingerprint
from tests.unit.ven.dso import ASSET, CONTRACT, NOON, Dso, dso_with_fsp7
from ukprofile.clock import ManualClock
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import Report
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ven.journal import Book, JournalFull
from vtn.domain.desk import CeaseOrder, VariationOrder
from vtn.domain.record import Kind, Operation

FATES: tuple[Fate, ...] = get_args(Fate)


def at(minutes: float) -> Any:
    return NOON + timedelta(minutes=minutes)


class Life:
    """The DSO, and the agent as often as it has to be started."""

    def __init__(self, dso: Dso, client: Client, folder: Path, clock: ManualClock, doom: Doom):
        self.dso, self.client, self.folder, self.clock, self.doom = dso, client, folder, clock, doom
        self.agent: Agent | None = None
        self._stack = AsyncExitStack()

    async def turn(self, minutes: float) -> None:
        """The agent does all there is to do at that minute, however often it is struck."""
        self.clock.set(at(minutes))
        while True:
            with contextlib.suppress(JournalFull):  # as ven.endure: begun anew
                try:
                    await self._alive()
                except Killed:
                    await self.bury()
                else:
                    return

    async def _alive(self) -> None:
        if self.agent is None:
            self.doom.begins_anew()
            self.agent = await self._stack.enter_async_context(
                agent_at(
                    self.client,
                    self.folder,
                    self.clock,
                    self.dso.register,
                    post_action_after_s=600,
                    connection=self.doom.connection(),
                )
            )
        await self.agent.turn()

    async def bury(self) -> None:
        self.agent = None
        await self._stack.aclose()

    async def live(self) -> None:
        desk = self.dso.running.vtn.desk
        await self.turn(0)
        thread = await self.dso.instruct(timedelta(minutes=30), timedelta(hours=1))
        await self.turn(1)
        await self.turn(32)
        await desk.vary(
            VariationOrder(contract_id=CONTRACT, thread=thread, since=at(45), delta_w=600_000)
        )
        await self.turn(33)
        await self.turn(46)
        await desk.vary(
            VariationOrder(contract_id=CONTRACT, thread=thread, since=at(55), delta_w=800_000)
        )
        await self.turn(47)
        await self.turn(56)
        await desk.cease(CeaseOrder(contract_id=CONTRACT, thread=thread, at=at(65)))
        await self.turn(57)
        await self.turn(70)
        await self.turn(110)
        await self.turn(8 * 60 + 10)

    async def outcome(self) -> dict[str, Any]:
        """What is left at both ends, but for names, revisions and keys that chance makes."""
        assert self.agent is not None
        told = self.agent.told()
        posts = await self.agent.ask(lambda book: [p.name for p in book.posts()])
        reports = await self.reports()
        names = [report.report_name for report in reports]
        carried = [message_of(report) for report in reports]
        return {
            "told": [(c["from"], c["to"], c["delta_w"], c["setpoint_w"]) for c in told],
            "told once": len({c["id"] for c in told}) == len(told),
            "reports": [_said(parse_text(one.text)) for one in carried if one is not None],
            "reports once, and in order": names == posts and len(set(names)) == len(names),
            "standing": [(s.delivery, s.decided, s.states) for s in await self.dso.standings()],
            "entries": await self.agent.ask(_entries),
            "commands": await self.agent.ask(_commands),
            "alarms": [a for a in await self.agent.alarms() if a[0] != "STORE_DOWN"],
        }

    async def reports(self) -> list[Report]:
        """The reports at the VTN, in the order it took them."""
        store = self.dso.running.vtn.store
        changes = await store.read(lambda tx: tx.outbox(limit=10_000))
        taken = [c.record for c in changes if c.operation is Operation.CREATE]
        return [Report.read(json.loads(r.body)) for r in taken if r.kind is Kind.REPORT]


def _said(message: dict[str, Any]) -> Any:
    """A message without what chance makes, and what a meter saw before anything was dispatched:
    that is estimated, from whenever somebody looked first.
    """
    thread = "terms" if "CT-" in message["thread"] else message["thread"]
    body = {name: value for name, value in message["body"].items() if name != "metered_w"}
    return message["kind"], thread, message["issued_at"], body


def _entries(book: Book) -> Any:
    found = [(_said(parse_text(e.text)), e.verdict, e.reason) for e in book.entries()]
    return [one for one in found if one[0][0] != "contract_terms"]


def _commands(book: Book) -> Any:
    return [
        (p.command.valid_from, p.command.valid_to, p.command.delta_w, p.state, p.key)
        for p in book.commands("asset_id = ?", ASSET)
    ]


async def life(folder: Path, fates: Iterable[Fate | None] = ()) -> tuple[dict[str, Any], Doom]:
    """A whole life in which the agent's writes have these fates; its outcome."""
    clock, doom = ManualClock(NOON), Doom(fates)
    async with AsyncExitStack() as stack:
        dso = await stack.enter_async_context(dso_with_fsp7(clock))
        mine = Credentials(dso.client_id, dso.secret)
        client = await stack.enter_async_context(Client(dso.url, mine, attempts=1))
        made = Life(dso, client, folder, clock, doom)
        stack.push_async_callback(made.bury)
        await made.live()
        return await made.outcome(), doom


def once(fate: Fate, number: int) -> list[Fate | None]:
    """That fate for the write of that number, counted from 1, and for no other."""
    return [*([None] * (number - 1)), fate]


def again_and_again(fate: Fate, seed: int) -> Iterator[Fate | None]:
    """That fate after every few writes, for as long as it is asked.

    Some writes are made anew by each process: to get anywhere it must be given more than one.
    """
    drawn = random.Random(f"{fate} {seed}")
    while True:
        yield from [None] * drawn.randint(0, 6)
        yield fate


def compare(undisturbed: dict[str, Any], found: dict[str, Any]) -> None:
    """Raises AssertionError, naming what differs."""
    assert undisturbed["told once"]
    assert undisturbed["reports once, and in order"]
    for name, due in undisturbed.items():
        assert found[name] == due, f"{name}: {found[name]} instead of {due}"


async def _struck(folder: Path, case: str, undisturbed: dict[str, Any]) -> None:
    fate, number = case.split()
    found, doom = await life(folder, once(fate, int(number)))  # type: ignore[arg-type]  # a Fate
    assert doom.struck == 1, f"{case}: there was no such write"
    try:
        compare(undisturbed, found)
    except AssertionError as fault:
        raise AssertionError(f"{case}: {fault}") from fault


def campaign(folder: Path, told: Callable[[str], None] = print) -> None:
    """Each fate at each write of a life. Raises AssertionError at the first fault."""
    progress = Progress(folder, fingerprint("ukprofile", "ven", "tests/soak"))
    with tempfile.TemporaryDirectory() as place:
        undisturbed, doom = asyncio.run(life(Path(place)))
    cases = [f"{fate} {n}" for fate in FATES for n in range(1, doom.writes + 1)]
    for case in cases:
        if case in progress.finished:
            continue
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(_struck(Path(place), case, undisturbed))
        progress.finish(case)
        told(f"{case}, of {doom.writes} writes: as if nothing had been")
