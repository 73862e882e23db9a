"""A clock that somebody sets by an hour while D1 runs: an agent that polls, with a device.

16:40  set to 15:40 or 17:40 ──▶ alarm, the DSO is told ──▶ 17:59 D1 runs ──▶ 18:00 it is over
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from tests.contract.negatives import signed
from tests.contract.negatives.lies import Polling
from tests.contract.negatives.scene import STAMP
from tests.golden import at
from tests.unit.ukprofile.openadr.client.scripted import reply
from ukprofile.clock import WatchedClock
from ukprofile.mapping.heartbeat import clock_of
from ukprofile.openadr import VenVenRequest
from ukprofile.receiving import receiving_time
from ven.bell import Bell
from ven.clock_watch import ClockWatch, proved_time
from ven.device.simulated import Battery, SimulatedBattery
from ven.heartbeat import Heartbeat

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RUNNING, END = at("2026-11-24T16:40:00Z"), at("2026-11-24T18:00:00Z")
PROVED = at("2026-11-24T14:55:00Z")
"""The newest time that the DSO has proved: when it issued D1."""
_LEVEL_W = 1_000_000
_BATTERY = Battery(capacity_wh=9_000_000, energy_wh=8_000_000, ramp_w_per_s=100_000)
_VEN = {
    "objectType": "VEN",
    "id": "V7",
    "createdDateTime": STAMP,
    "modificationDateTime": STAMP,
    "venName": "FSP7",
    "clientID": "fsp7",
}


class Site:
    """The agent's device and its clock, which is set `ahead` of the right one."""

    def __init__(self, polling: Polling, folder: Path) -> None:
        self.polling, self.agent = polling, polling.agent
        self.right, self.ahead = at("2026-11-24T16:00:00Z"), timedelta(0)
        self.clock = self.watched()
        asset = signed.d1()["body"]["assets"][0]["asset_id"]
        self.device = SimulatedBattery(asset, _BATTERY, self.clock, folder / "device.jsonl")
        self.heartbeat = Heartbeat(
            polling.listener._client,
            "FSP7",
            structlog.get_logger(),
            every_s=60.0,
            clock=self.clock.standing,
        )
        self.watch = ClockWatch(
            self.clock,
            self.agent.journal,
            self.agent.alarms,
            self.heartbeat,
            Bell(),
            folder / "clock-vouched",
        )

    def watched(self) -> WatchedClock:
        """What an agent that starts now goes by."""
        self.agent.clock.set(self.right + self.ahead)
        return WatchedClock(self.agent.clock, self._steady_s)

    def _steady_s(self) -> float:
        return self.right.timestamp()

    async def at(self, right: datetime, ahead: timedelta) -> int:
        """Look at that time, with a clock that is so wrong; what the device gives then."""
        self.right, self.ahead = right, ahead
        self.agent.clock.set(right + ahead)
        await self.watch.look()
        await self.polling.look()
        return (await self.device.measure()).power_w

    async def told(self) -> float:
        """By how much the DSO hears that the clock is wrong."""
        vtn = self.polling.vtn
        vtn.on("GET", "/vens", reply([_VEN]))
        vtn.on("GET", "/vens/V7", reply(_VEN))
        vtn.on("PUT", "/vens/V7", reply(_VEN))
        await self.heartbeat.beat()
        (beat,) = vtn.calls("PUT", "/vens/V7")
        return clock_of(VenVenRequest.read_bytes(beat.body).attributes or ()).by_s


async def _set_by(step: timedelta, polling: Polling, folder: Path) -> None:
    """D1 runs to its end and no further, and the DSO is told."""
    site, agent = Site(polling, folder), polling.agent
    (planned,) = await agent.plan()
    await site.device.apply(planned.command)
    assert await site.at(RUNNING, timedelta(0)) == _LEVEL_W
    assert not agent.security.lines
    assert await site.at(RUNNING, step) == _LEVEL_W
    assert await site.told() == step.total_seconds()
    assert await site.at(END - MINUTE, step) == _LEVEL_W
    assert await site.at(END + MINUTE, step) == 0
    assert site.clock.doubt()


async def back(polling: Polling, folder: Path) -> None:
    """And now is never earlier than what was verified, over a restart too."""
    await _set_by(-HOUR, polling, folder)
    agent, again = polling.agent, Site(polling, folder)
    again.right, again.ahead = RUNNING, timedelta(hours=-3)
    clock = again.watched()
    proved = await agent.journal.read(lambda book: proved_time(book, {"UKPN"}))
    assert proved == PROVED
    clock.not_before(proved)
    assert clock.now() == PROVED
    assert clock.doubt()
    received = agent.journal.read(lambda book: receiving_time(agent.clock.now(), book, "UKPN"))
    assert await received == PROVED


async def ahead(polling: Polling, folder: Path) -> None:
    await _set_by(HOUR, polling, folder)


CLOCKS: dict[str, Callable[[Polling, Path], Awaitable[None]]] = {"N40a": back, "N40b": ahead}
"""Row id to what somebody does to the clock of an agent that polls."""
