"""A VTN and an agent on files of their own, one day between them, and every text they said.

    folder/vtn, vtn.db ◀── HTTP ──▶ agent: folder/fsp7/journal.db, a battery and its log
        │                                                     FSP8, who only overhears
        └─ every change of an object that carries a text is recorded: what can be replayed

Both can be closed and opened again, put back to an older file, and have their clocks set.
"""

import json
import random
import secrets
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog

from tests.agent import Agent, agent_at
from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, NOON, terms
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from ukprofile.flex.answer import Unavailability
from ukprofile.flex.common import Asset, Price
from ukprofile.flex.request import Request
from ukprofile.mapping.answer import message_of
from ukprofile.mapping.carrier import message_in
from ukprofile.openadr import Event, Report
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import Context, Slot, parse_text
from ukprofile.receiving.opening import digest
from ukprofile.signing import SigningKeys
from ukprofile.trust import Register
from ven.alarms import Alarms
from ven.answer import Voice, declare
from ven.bell import Bell
from ven.device.simulated import Battery, SimulatedBattery
from ven.journal import Journal
from ven.nominate import Nominator
from ven.offer import Terms
from ven.receive import Receiver
from vtn.backup import back_up, restore
from vtn.domain.desk import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    Desk,
    InstructionOrder,
    PeriodOrder,
    ScheduleOrder,
    VariationOrder,
)
from vtn.domain.live import Field
from vtn.domain.record import Change, Kind, Record, Role
from vtn.settings import Place
from vtn.testing import RunningVtn, running_vtn

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVENING = NOON + 105 * MINUTE
"""Where the recorded day ends: D2 runs, D4 has not begun."""
CONTRACT_8, ASSET_8 = "UKPN:FLEX-8", "UKPN-AS-000808"
FSP8 = SigningKeys.generate(
    "FSP8-1", "FSP8", "ven", NOON - timedelta(days=1), NOON + timedelta(days=9), lambda n: b"8" * n
)
OFFERS = Terms(Price("GBP", 21_000, 500), "ACME-B1", "Storage")


@dataclass(frozen=True)
class Heard:
    """An object that carried a signed text, as a reader was shown it."""

    kind: Kind
    body: dict[str, Any]
    text: str
    signatures: tuple[str, ...]

    @cached_property
    def sha256(self) -> str:
        return digest(self.text)

    @cached_property
    def message(self) -> dict[str, Any]:
        return parse_text(self.text)


def heard_in(record: Record) -> Heard | None:
    """What an object says, if it carries a signed text."""
    body = json.loads(record.body)
    if record.has_targets:
        body["targets"] = list(record.targets)
    try:
        carried = (
            message_in(Event.read(body).intervals or ())
            if record.kind is Kind.EVENT
            else message_of(Report.read(body))
        )
    except Refused:
        return None
    if carried is None:
        return None
    return Heard(record.kind, body, carried.text, tuple(carried.signatures))


class World:
    """Both ends, whatever becomes of them. `faults` are numbers that were used twice."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.place = Place(folder / "vtn")
        self.vtn_clock, self.agent_clock = ManualClock(NOON), ManualClock(NOON)
        self.heard: dict[str, Heard] = {}
        self.faults: list[str] = []
        self.backups: list[Path] = []
        self.journals: list[Path] = []
        self._numbers: dict[tuple[str, ...], str] = {}
        self._stack = AsyncExitStack()
        self._secret: tuple[str, str] | None = None
        self.running: RunningVtn
        self.agent: Agent
        self.stranger: Receiver

    # -- being there, and not ------------------------------------------------------------------

    async def open(self) -> None:
        """Both ends on the files that are there; the agent has looked at the VTN once."""
        enter = self._stack.enter_async_context
        self.running = await enter(running_vtn(data_dir=self.place.path, clock=self.vtn_clock))
        vtn = self.running.vtn
        self._stack.callback(vtn.store.live.listen(self._hear))
        if self._secret is None:
            await self._found()
        assert self._secret is not None
        client = await enter(Client(self.running.url, Credentials(*self._secret), attempts=1))
        register = Register.of("sandbox", [vtn.keys.public()])
        mine = self.folder / "fsp7"
        mine.mkdir(exist_ok=True)
        self.agent = await enter(
            agent_at(
                client, mine, self.agent_clock, register, offers=OFFERS, post_action_after_s=60
            )
        )
        journal = await Journal.open(self.folder / "fsp8.db")
        self._stack.push_async_callback(journal.close)
        alarms = Alarms(journal, structlog.get_logger())
        voice = Voice(FSP8, 1, "sandbox", secrets.token_bytes)
        self.stranger = Receiver(journal, alarms, voice, self.agent_clock, {})
        self.contexts = {
            party: Context(party, "ven", "sandbox", register, {c: frozenset({"UKPN"})})
            for party, c in (("FSP7", CONTRACT), ("FSP8", CONTRACT_8))
        }
        await self.look()

    async def close(self) -> None:
        await self._stack.aclose()

    def set_clocks(
        self, now: datetime, vtn: timedelta = 0 * HOUR, ven: timedelta = 0 * HOUR
    ) -> None:
        """It is `now`; either clock may be off by so much."""
        self.vtn_clock.set(now + vtn)
        self.agent_clock.set(now + ven)

    async def look(self) -> None:
        """The agent looks once, the device is told, and what is queued is sent."""
        await self.agent.listener.look()
        await self.agent.settled()
        await self.agent.sender.flush()

    async def _found(self) -> None:
        """Who is there, and two contracts."""
        office = self.running.vtn.office
        self._secret = await self.running.client("FSP7", Role.VEN)
        await self.running.client("FSP8", Role.VEN)
        for keys in (FSP7, FSP8):
            await office.add_key_set(keys.public().to_json())
        await office.add_contract(terms(min_power_w=100_000), "FSP7")
        other = terms(contract_id=CONTRACT_8, assets=[{"asset_id": ASSET_8}])
        await office.add_contract(other, "FSP8")
        await self.running.vtn.market.add_market("OU", "HENDON-WAY", ["FSP7"])

    # -- what is recorded ----------------------------------------------------------------------

    def _hear(self, change: Change) -> None:
        """Every object, in every life of the store: what was said, and the numbers it has."""
        record = change.record
        self._once((record.kind, record.id, str(change.sequence)), digest(record.body.decode()))
        heard = heard_in(record) if record.kind in (Kind.EVENT, Kind.REPORT) else None
        if heard is None:
            return
        self.heard.setdefault(heard.sha256, heard)
        said = heard.message
        if said["issuer"] == "UKPN":
            self._once((said["program"], said["thread"], str(said["revision"])), heard.sha256)

    def _once(self, number: tuple[str, ...], what: str) -> None:
        if self._numbers.setdefault(number, what) != what:
            self.faults.append(f"{' '.join(number)} was used twice")

    # -- going back ----------------------------------------------------------------------------

    def back_up(self) -> None:
        """One more backup of the VTN to go back to."""
        file = self.folder / f"backup-{len(self.backups)}.tar"
        back_up(self.place, file, self.vtn_clock.now(), _quiet, keys=False, force=False)
        self.backups.append(file)

    def copy_journal(self) -> None:
        """One more copy of the journal; both ends are closed."""
        copy = self.folder / f"journal-{len(self.journals)}.db"
        shutil.copy(self.folder / "fsp7" / "journal.db", copy)
        self.journals.append(copy)

    def put_back(self, *, blind: bool) -> None:
        """The VTN goes back to any backup; `blind`: nothing of its last life can be read."""
        if blind:
            self.place.database.unlink()
        file = self.chance.choice(self.backups)
        # made, perhaps, when the clock was an hour ahead
        now, sure = self.vtn_clock.now(), {"force": True, "clock_is_right": True}
        restore(self.place, file, now, _quiet, new_keys=False, **sure)
        for aside in self.place.path.glob("vtn.db.replaced-*"):
            aside.unlink()

    def journal_back(self) -> None:
        """The agent goes back to any copy of its journal; its device does not."""
        shutil.copy(self.chance.choice(self.journals), self.folder / "fsp7" / "journal.db")

    # -- what it all comes to ------------------------------------------------------------------

    def effect(self) -> dict[datetime, int]:
        """The watts that the device holds from each time on, as it was told by now."""
        told = [(_time(c["from"]), _time(c["to"]), c["delta_w"] or 0) for c in self.agent.told()]
        edges = {edge for begin, end, _ in told for edge in (begin, end)}
        return {at: _held(told, at) for at in sorted({EVENING, *edges}) if at >= EVENING}

    def programs(self) -> dict[str, Record]:
        live = self.running.vtn.store.live
        return {record.name: record for record in live.find(Kind.PROGRAM)}

    def event_of(self, thread: str) -> Record | None:
        found = self.running.vtn.store.live.find(Kind.EVENT, Field.NAME, thread)
        return found[0] if found else None


async def record_day(world: World) -> None:
    """Every kind of text there is, both ways; both ends are closed then, copied at three times."""
    await world.open()

    async def at(minutes: int, *steps: Callable[[], Awaitable[Any]]) -> None:
        """Let it become so late, do this, and let the agent do its part."""
        world.set_clocks(NOON + minutes * MINUTE)
        for step in steps:
            await step()
            await world.agent.turn()

    def desk() -> Desk:
        return world.running.vtn.desk

    market = world.running.vtn.market
    await at(1, lambda: market.request(_request(), thread="R1"))
    await at(2, lambda: market.award("R1"))
    await at(3, lambda: desk().instruct(instruction("D1", 30, 90, 1_000_000)))
    await _snapshot(world)
    await at(4, lambda: desk().schedule(_schedule("D2", 95, 155, 600_000)))
    await at(5, lambda: desk().confirm(ConfirmationOrder(thread="D2")))
    await at(6, lambda: desk().schedule(_schedule("D3", 160, 200, 200_000)))
    await at(7, lambda: desk().cancel(CancellationOrder(thread="D3", reason="NOT_NEEDED")))
    await at(8, lambda: desk().instruct(instruction("D4", 180, 240, 700_000)))
    await at(9, lambda: _nominates(world), lambda: _unavailable(world))
    await at(40, lambda: desk().vary(VariationOrder(thread="D1", delta_w=500_000)))
    await _snapshot(world)
    await at(60, lambda: desk().cease(CeaseOrder(thread="D1")))
    for minutes in (66, 80, 96, 105):
        await at(minutes, _nothing)
    await _snapshot(world)
    await world.close()


async def _snapshot(world: World) -> None:
    """A backup of the VTN while it is served, and a copy of the journal of an agent that ended."""
    world.back_up()
    await world.close()
    world.copy_journal()
    await world.open()


async def _nothing() -> None:
    """Time passes."""


async def _nominates(world: World) -> None:
    """What the battery would do by itself, today and tomorrow."""
    agent, clock = world.agent, world.agent_clock
    await Nominator(
        agent.journal,
        Alarms(agent.journal, structlog.get_logger()),
        Voice(FSP7, 1, "sandbox", secrets.token_bytes),
        {ASSET: SimulatedBattery(ASSET, Battery(), clock, agent.device_log)},
        clock,
        Bell(),
        timeout_s=5.0,
    ).look()


async def _unavailable(world: World) -> None:
    """FSP7 cannot run in the small hours, when nothing is dispatched."""
    begin, now = NOON + 9 * HOUR, world.agent_clock.now()
    body = Unavailability(
        contract_id=CONTRACT,
        zone="HENDON-WAY",
        assets=(Asset(ASSET),),
        unit=ASSET,
        start=begin,
        end=begin + HOUR,
        reason="MAINTENANCE",
    )
    slot = Slot("FSP7", "UKPN", "sandbox", CONTRACT, "unavailability", "UN-1")
    voice = Voice(FSP7, 1, "sandbox", secrets.token_bytes)
    held = await world.agent.ask(lambda book: book.terms(CONTRACT))
    event = world.event_of(held.slot.thread)
    assert event is not None
    await world.agent.journal.write(
        lambda book: declare(book, voice, slot, body, event.id, begin + HOUR, now)
    )


def _request() -> Request:
    return Request(
        service_product="OU",
        zone="HENDON-WAY",
        start=NOON + 120 * MINUTE,
        end=NOON + 160 * MINUTE,
        delta_w=400_000,
        respond_by=NOON + 60 * MINUTE,
        dispatch_type="demand_turn_down",
        min_offer_w=100_000,
    )


def instruction(thread: str, begin: int, end: int, watts: int) -> InstructionOrder:
    """So many watts between these minutes after 16:00."""
    periods = (_period(begin, end, watts),)
    return InstructionOrder(contract_id=CONTRACT, periods=periods, thread=thread)


def _schedule(thread: str, begin: int, end: int, watts: int) -> ScheduleOrder:
    periods = (_period(begin, end, watts),)
    return ScheduleOrder(contract_id=CONTRACT, periods=periods, thread=thread)


def _period(begin: int, end: int, watts: int) -> PeriodOrder:
    return PeriodOrder(start=NOON + begin * MINUTE, end=NOON + end * MINUTE, delta_w=watts)


def _held(told: list[tuple[datetime, datetime, int]], at: datetime) -> int:
    """As `ven.device.in_force`: the newest command that has begun counts, until it ends."""
    begun = [command for command in told if command[0] <= at]
    return begun[-1][2] if begun and at < begun[-1][1] else 0


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _quiet(_what: str, _done: int, _all: int) -> None:
    """No bar."""
