"""A whole agent inside a test: every part of `ven.agent`, over real HTTP, moved turn by turn."""

import asyncio
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import structlog

from tests.unit.ven.dso import ASSET, FSP7
from tests.waiting import until
from ukprofile.clock import Clock, WatchedClock
from ukprofile.clock_watch import Standing
from ukprofile.openadr.client import Client
from ukprofile.signing import SigningKeys
from ukprofile.trust import Register
from ven.act import Actor
from ven.alarms import Alarms
from ven.answer import Voice
from ven.bell import Bell
from ven.clock_watch import ClockWatch
from ven.device.simulated import Battery, SimulatedBattery
from ven.endure import Endurance
from ven.fleet import Dialect, Fleet
from ven.heartbeat import Heartbeat
from ven.journal import Book, Journal
from ven.listen import Listener, Party
from ven.meter import Meter
from ven.offer import Terms
from ven.policy import Able
from ven.post_action import PostActions
from ven.recall import After, Recall
from ven.receive import DraftReceiver, Receiver
from ven.report import Reporter
from ven.respond import Responder
from ven.send import Sender

FLEET = Fleet((ASSET,), {"AGRP001": (ASSET,)})


@dataclass
class Agent:
    """FSP7's agent with one battery. `turn` does what its parts would do by themselves."""

    journal: Journal
    clock: Clock
    listener: Listener
    reporter: Reporter
    responder: Responder
    meter: Meter
    afterwards: PostActions
    sender: Sender
    heartbeat: Heartbeat
    clock_watch: ClockWatch | None
    device_log: Path

    async def turn(self) -> None:
        """Look, answer, tell the devices, meter, report, send."""
        if self.clock_watch is not None:
            await self.clock_watch.look()
        await self.listener.look()
        assert await self.responder.look() or self.mute
        await self.settled()
        await self.meter.look()
        await self.reporter.look()
        await self.afterwards.look()
        assert await self.sender.flush() == 0.0
        await self.heartbeat.beat()

    @property
    def mute(self) -> bool:
        """Whether it cannot sign."""
        return isinstance(self.clock, WatchedClock) and bool(self.clock.doubt())

    async def settled(self) -> None:
        """Return once the devices were told all that is due."""

        async def nothing_open() -> bool:
            return not await self.journal.read(lambda book: book.open_commands(ASSET))

        await until(nothing_open, why="the device was told")

    def told(self) -> list[dict[str, Any]]:
        """What the device took."""
        if not self.device_log.exists():
            return []
        return [json.loads(line) for line in self.device_log.read_text().splitlines()]

    async def alarms(self) -> list[tuple[str, bool]]:
        """Every alarm, and whether it stands."""
        found = await self.journal.read(lambda book: book.alarms())
        return [(a.reason, a.over_at is None) for a in found]

    async def ask(self, question: Any) -> Any:
        def answer(book: Book) -> Any:
            return question(book)

        return await self.journal.read(answer)


@asynccontextmanager
async def agent_at(
    client: Client,
    folder: Path,
    clock: Clock,
    register: Register,
    battery: Battery = Battery(),  # noqa: B008 - a frozen value
    offers: Terms | None = None,
    dialect: Dialect = "uk",
    post_action_after_s: float = 0.0,
    log: Any = None,
    keys: SigningKeys = FSP7,
    connection: type[sqlite3.Connection] = sqlite3.Connection,
) -> AsyncIterator[Agent]:
    """FSP7's agent in `folder`, reaching a VTN by `client`; started again it goes on.

    A `WatchedClock` is watched, as `ven.agent` does.
    """
    log = log or structlog.get_logger()
    journal = await Journal.open(folder / "journal.db", connection=connection)
    device_log = folder / f"{ASSET}.jsonl"
    devices = {ASSET: SimulatedBattery(ASSET, battery, clock, device_log)}
    watched = clock if isinstance(clock, WatchedClock) else None
    doubt = watched.doubt if watched else lambda: ""
    suite = 1 if keys.ml_dsa_65_seed is None else 2
    voice = Voice(keys, suite, "sandbox", secrets.token_bytes, doubt)
    alarms, bell = Alarms(journal, log), Bell()
    standing = watched.standing if watched else lambda: Standing("steady")
    heartbeat = Heartbeat(client, "FSP7", log, every_s=60.0, clock=standing)
    vouched = folder / "clock-vouched"
    receiver = (
        Receiver(journal, alarms, voice, clock, {})
        if dialect == "uk"
        else DraftReceiver(journal, alarms, voice, clock, {}, FLEET)
    )
    recall = Recall(client, journal, alarms, voice, {}, devices, clock, bell)
    due = await recall.due()
    me = Party(party="FSP7", environment="sandbox", register=register, weights={}, dialect=dialect)
    actor = Actor(journal, alarms, devices, {}, clock, bell, timeout_s=5.0)
    listener = Listener(
        client,
        journal,
        alarms,
        receiver,
        bell,
        clock,
        me,
        poll_s=5.0,
        random=Random(1),
        recall=recall,
    )
    endurance = Endurance(journal, clock, log, retry_s=0.01)
    task = asyncio.create_task(endurance.run(After(listener.ready, actor) if due else actor))
    try:
        yield Agent(
            journal,
            clock,
            listener,
            Reporter(journal, alarms, voice, devices, clock, bell, timeout_s=5.0),
            Responder(
                journal,
                alarms,
                voice,
                devices,
                {},
                clock,
                bell,
                structlog.get_logger(),
                policy=Able(),
                offers=offers,
                forecast=dict,
                timeout_s=5.0,
            ),
            Meter(journal, devices, clock, reading_s=60, timeout_s=5.0),
            PostActions(journal, voice, {}, clock, bell, after_s=post_action_after_s),
            Sender(client, journal, alarms, bell, clock, random=Random(1), weights={}),
            heartbeat,
            ClockWatch(watched, journal, alarms, heartbeat, bell, vouched) if watched else None,
            device_log,
        )
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await journal.close()
