"""Carrying commands from the journal to the devices, one after another for each device.

    PLANNED ──written──▶ SENT ──apply──▶ CONFIRMED
                          │ ├─ refused ─▶ FAILED: alarm, plan anew without it
                          │ └─ no answer: alarm, and the same id again until it is answered,
                          │               replaced, or over
    a crash here ─────────┘  sent again at the start: a device takes an id once

A command is sent as soon as it is planned: the device keeps it until it begins and drops it when
it ends, so an agent that dies, or is out of contact, is not missed. Where there is no room to write
SENT, the device is told all the same what stands PLANNED, and that it was is written first of all
when there is room.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from ukprofile.clock import Clock
from ven.alarms import Alarms, alarm
from ven.bell import Bell, Ear
from ven.device import Command, Device, DeviceError
from ven.journal import Alarm, Book, Journal, JournalFull
from ven.replan import replan

RETRY_S = 2.0
"""Real seconds until a device that did not answer is asked again."""


class Actor:
    """Tells the devices what the plan says."""

    def __init__(
        self,
        journal: Journal,
        alarms: Alarms,
        devices: Mapping[str, Device],
        weights: Mapping[str, int],
        clock: Clock,
        bell: Bell,
        *,
        timeout_s: float,
        retry_s: float = RETRY_S,
    ) -> None:
        self._journal = journal
        self._alarms = alarms
        self._devices = devices
        self._weights = weights
        self._clock = clock
        self._bell = bell
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._unwritten: dict[str, None] = {}

    async def run(self) -> None:
        """Tell every device what it is owed, for as long as the agent lives."""
        try:
            await self._journal.write(self._begin)
            self._unwritten.clear()
            async with asyncio.TaskGroup() as group:
                for asset_id, device in self._devices.items():
                    group.create_task(self._serve(asset_id, device, self._bell.ear()))
                group.create_task(self._disown(self._bell.ear()))
        except* JournalFull:
            await self._tell_unwritten()
            raise

    def _begin(self, book: Book) -> None:
        """Plan anew, given also what devices were told while it could not be written."""
        now = self._clock.now()
        for command_id in self._unwritten:
            book.send(command_id, now)
        replan(book, self._weights, now)

    async def _tell_unwritten(self) -> None:
        """Tell each device what stands planned for it, though there is no room to say so."""
        now = self._clock.now()
        for asset_id, device in self._devices.items():
            for planned in await self._journal.read(partial(Book.open_commands, asset_id=asset_id)):
                if planned.command.valid_to <= now:
                    continue
                self._unwritten[planned.command.id] = None
                with suppress(Exception):  # what it did not take it is told again
                    async with asyncio.timeout(self._timeout_s):
                        await device.apply(planned.command)

    async def _serve(self, asset_id: str, device: Device, ear: Ear) -> None:
        while True:
            command = await self._journal.write(lambda book: self._next(book, asset_id))
            if command is None:
                await ear.wait()
            elif not await self._tell(device, command):
                await ear.wait(self._retry_s)

    def _next(self, book: Book, asset_id: str) -> Command | None:
        """The command to send now, written down as SENT before it goes."""
        now = self._clock.now()
        over = [p for p in book.open_commands(asset_id) if p.command.valid_to <= now]
        for planned in over:
            book.settle(planned.command.id, "FAILED", now, "over before the device took it")
        if over:
            # what was to be said again after it may stand at the device as it was
            replan(book, self._weights, now)
        left = book.open_commands(asset_id)
        if not left:
            return None
        book.send(left[0].command.id, now)
        return left[0].command

    async def _tell(self, device: Device, command: Command) -> bool:
        """Send one command; whether the device has answered."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await device.apply(command)
        except DeviceError as error:
            return await self._refused(command, str(error))
        except Exception as error:  # noqa: BLE001 - a device may fail in any way: asked again
            said = str(error) or type(error).__name__
            silent = _alarm(command, command.asset_id, f"no answer: {said}", self._clock.now())
            await self._alarms.sound(silent)
            return False
        now = self._clock.now()
        await self._journal.write(lambda book: book.settle(command.id, "CONFIRMED", now))
        await self._alarms.over(f"DEVICE_FAILED:{command.asset_id}", now)
        self._bell.ring()
        return True

    async def _refused(self, command: Command, why: str) -> bool:
        """What is refused is never asked again, but for a release: that has to come about."""
        now = self._clock.now()
        raised = _alarm(command, command.id, why, now)
        if command.releases:
            await self._alarms.sound(raised)
            return False
        self._alarms.tell(await self._journal.write(lambda b: self._fail(b, command, raised)))
        self._bell.ring()
        return True

    def _fail(self, book: Book, command: Command, raised: Alarm) -> list[Alarm]:
        book.settle(command.id, "FAILED", raised.at, raised.detail)
        replan(book, self._weights, raised.at)
        return [raised] if book.alarm(raised) else []

    async def _disown(self, ear: Ear) -> None:
        """Commands for assets behind which there is no device fail at once."""

        def fail(book: Book) -> list[Alarm]:
            open_ = book.commands("state IN ('PLANNED', 'SENT')")
            raised: list[Alarm] = []
            for command in (p.command for p in open_ if p.command.asset_id not in self._devices):
                named = _alarm(
                    command, command.asset_id, "there is no such device", self._clock.now()
                )
                raised += self._fail(book, command, named)
            return raised

        while True:
            raised = await self._journal.write(fail)
            if raised:
                self._alarms.tell(raised)
                self._bell.ring()
            await ear.wait()


def _alarm(command: Command, key: str, why: str, at: datetime) -> Alarm:
    detail = f"{command.asset_id}, {', '.join(command.threads)}: {why}"
    return alarm("DEVICE_FAILED", key, at, detail=detail)
