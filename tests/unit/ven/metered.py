"""FSP7's agent at a real VTN, taken minute by minute: it listens, acts, reads, reports, accounts."""

import asyncio
import json
import random
import secrets
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog

from tests.unit.ven.dso import ASSET, FSP7, NOON, Dso
from tests.unit.ven.test_listen import Ears, listening
from tests.waiting import until
from ukprofile.mapping.answer import message_of
from ukprofile.receiving import parse_text
from ven.act import Actor
from ven.alarms import Alarms
from ven.answer import Voice
from ven.device.simulated import Battery, SimulatedBattery
from ven.meter import Meter
from ven.post_action import PostActions
from ven.report import Reporter
from ven.send import Sender
from ven.telemetry import Telemetry


class Agent:
    """Every part of an agent that has to do with running and metering."""

    def __init__(self, ears: Ears, folder, battery: Battery, **settings: Any) -> None:
        self.ears, self.folder = ears, folder
        self.dso: Dso = ears.dso
        self.journal, self.clock, self.bell = ears.journal, ears.clock, ears.bell
        self.log = folder / "device.jsonl"
        self.device = SimulatedBattery(ASSET, battery, self.clock, self.log)
        self.devices = {ASSET: self.device}
        self.alarms = Alarms(self.journal, structlog.get_logger())
        self.voice = Voice(FSP7, 1, "sandbox", secrets.token_bytes)
        common = (self.journal, self.alarms)
        self.actor = Actor(
            *common, self.devices, {}, self.clock, self.bell, timeout_s=5.0, retry_s=0.01
        )
        self.reporter = Reporter(
            *common, self.voice, self.devices, self.clock, self.bell, timeout_s=5.0, rest_s=0.0
        )
        self.sender = Sender(
            ears.client, *common, self.bell, self.clock, random=random.Random(1), weights={}
        )
        self.meter = Meter(
            self.journal, self.devices, self.clock, reading_s=60, timeout_s=5.0, rest_s=0.0
        )
        self.telemetry = Telemetry(
            ears.client, self.journal, self.clock, "FSP7", (ASSET,), structlog.get_logger(),
            reading_s=60, rest_s=0.0,
        )  # fmt: skip
        self.accounts = PostActions(
            self.journal, self.voice, {}, self.clock, self.bell, after_s=0, **settings
        )

    async def hears(self) -> None:
        """What the DSO said is read, answered, and told to the device."""
        await self.ears.look()

        async def settled() -> bool:
            return not {"PLANNED", "SENT"} & set(await self.ears.commands())

        await until(settled, why="every command was taken")
        await self.sender.flush()

    async def live(self, when: datetime) -> None:
        """One look of every part at `when`."""
        self.clock.set(when)
        await self.meter.look()
        await self.reporter.look()
        await self.accounts.look()
        await self.sender.flush()

    async def minutes(self, first: float, last: float) -> None:
        """Live through every minute from `first` to `last` after 16:00."""
        for n in range(int(last - first) + 1):
            await self.live(NOON + timedelta(minutes=first + n))

    def texts(self, kind: str) -> list[dict[str, Any]]:
        """The messages of that kind as they stand at the VTN, oldest first."""
        carried = [message_of(report) for report in self.dso.reports()]
        found = [parse_text(one.text) for one in carried if one is not None]
        return sorted((t for t in found if t["kind"] == kind), key=lambda t: t["revision"])

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@asynccontextmanager
async def agent_in(folder, battery: Battery | None = None, terms: Any = None, **settings: Any):
    async with listening(folder, **(terms or {})) as ears:
        agent = Agent(ears, folder, battery or Battery(), **settings)
        task = asyncio.create_task(agent.actor.run())
        try:
            await agent.hears()
            yield agent
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
