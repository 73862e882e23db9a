"""A VTN without its sockets, on either store, which can be made to fail at a given write."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, NOON, terms
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from ukprofile.flex.answer import Acknowledgement, Response, Status
from ukprofile.flex.bodies import kind_of
from ukprofile.flex.common import Asset
from ukprofile.flex.dispatch import Period
from ukprofile.flex.header import Header, Reference, uuid7
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.mapping.answer import answer_report
from ukprofile.receiving import Slot
from ukprofile.signing import seal
from vtn.app import Vtn, assemble
from vtn.domain.clients import SCOPES
from vtn.domain.desk import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    InstructionOrder,
    ScheduleOrder,
    ThreadOrder,
    VariationOrder,
)
from vtn.domain.live import Live
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind, Role
from vtn.settings import Place, Settings
from vtn.storage.memory import MemoryStore
from vtn.storage.sqlite import SqliteStore

BEGIN = NOON + timedelta(minutes=30)
"""When dispatches of these scenes begin: they last an hour."""
END = BEGIN + timedelta(hours=1)


class Cut:
    """A store that fails at one write to come, as if the disk were full just then."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.writes = 0
        self.fails_at: int | None = None

    @property
    def live(self) -> Live:
        return self.store.live

    async def write(self, command: Any) -> Any:
        self.writes += 1
        if self.writes == self.fails_at:
            raise Refused("STORE_DOWN", "the disk is full")
        return await self.store.write(command)

    async def read(self, question: Any) -> Any:
        return await self.store.read(question)

    async def close(self) -> None:
        await self.store.close()

    def cut_at(self, n: int) -> None:
        """Let the n-th write from now on fail, and only that one."""
        self.writes, self.fails_at = 0, n


class Scene:
    """A sandbox VTN of UKPN at 16:00Z; with FSP7 and its contract in it when asked for."""

    def __init__(self, vtn: Vtn, store: Cut, clock: ManualClock) -> None:
        self.vtn, self.store, self.clock = vtn, store, clock
        self.office, self.desk = vtn.office, vtn.desk

    def objects(self, kind: Kind) -> list[dict[str, Any]]:
        found = self.store.live.find(kind)
        return [{**json.loads(r.body), "targets": list(r.targets)} for r in found]

    async def counts(self) -> dict[str, int]:
        """How much of everything is stored."""
        rows = {kind.value: self.store.live.count(kind) for kind in Kind}
        outbox = await self.store.read(lambda tx: len(tx.outbox()))
        return rows | {"clients": len(self.store.live.clients), "outbox": outbox}

    async def contract(self, **changes: Any) -> None:
        await self.office.add_client("FSP7", Role.VEN)
        await self.office.add_key_set(FSP7.public().to_json())
        await self.office.add_contract(terms(**changes), "FSP7")

    async def issue(self, thread: str = "D1", **changes: Any) -> Any:
        """Instruct one hour of 1 MW, or what `changes` say: as JSON, as anybody would."""
        return await self.desk.instruct(InstructionOrder.read(_proposal(thread, changes)))

    async def schedule(self, thread: str = "D1", **changes: Any) -> Any:
        """Propose the same."""
        return await self.desk.schedule(ScheduleOrder.read(_proposal(thread, changes)))

    async def show(self, thread: str = "D1", **order: Any) -> Any:
        return await self.desk.show(ThreadOrder(thread=thread, **order))

    async def vary(self, thread: str = "D1", **order: Any) -> Any:
        return await self.desk.vary(VariationOrder(thread=thread, **order))

    async def cease(self, thread: str = "D1", **order: Any) -> Any:
        return await self.desk.cease(CeaseOrder(thread=thread, **order))

    async def cancel(self, thread: str = "D1", **order: Any) -> Any:
        return await self.desk.cancel(CancellationOrder(thread=thread, **order))

    async def answers(self, thread: str, what: Acknowledgement | Response | Status) -> None:
        """FSP7 says `what` about the newest message of a thread."""
        slot = Slot("UKPN", "FSP7", "sandbox", CONTRACT, "dispatch", thread)
        asked = (await self.store.read(lambda tx: tx.thread(slot)))[-1]
        now = self.clock.now()
        header = Header(
            kind=kind_of(what),
            message_id=uuid7(now, bytes),
            issuer="FSP7",
            recipient="UKPN",
            environment="sandbox",
            program=CONTRACT,
            thread=f"{thread}-{milliseconds(now)}",
            revision=milliseconds(now),
            issued_at=now,
            valid_until=END + timedelta(hours=1),
            in_reply_to=Reference(asked.revision, asked.sha256, thread),
            key_set=FSP7.key_set,
        )
        body = what.to_json()
        (event,) = [e for e in self.store.live.find(Kind.EVENT) if e.name == thread]
        report = answer_report(seal(header.to_json(body), FSP7, 1), header, body, event.id)
        await self.vtn.objects.create(Kind.REPORT, report.dump(), AS_FSP7)

    async def acknowledges(
        self, thread: str, decided: Any = "received", reason: Any = None
    ) -> None:
        said = Acknowledgement(**COMMON, decided=decided, reason=reason)
        await self.answers(thread, said)

    async def responds(self, thread: str, answer: Any, *periods: Period, **more: Any) -> None:
        kind = "demand_turn_down" if periods else None
        said = Response(**COMMON, answer=answer, periods=periods, dispatch_type=kind, **more)
        await self.answers(thread, said)

    async def confirm(self, thread: str = "D1", **order: Any) -> Any:
        return await self.desk.confirm(ConfirmationOrder(thread=thread, **order))

    async def says(self, thread: str, state: Any) -> None:
        await self.answers(thread, Status(**COMMON, state=state, at=self.clock.now()))


def _proposal(thread: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    periods = changes.get("periods", (Period(0, BEGIN, END, 1_000_000),))
    shown = [{k: v for k, v in p.to_json().items() if k != "id"} for p in periods]
    given = {name: _plain(value) for name, value in changes.items() if value is not None}
    named = {"thread": thread} if thread else {}
    return {"contract_id": CONTRACT, **named, **given, "periods": shown}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    return list(value) if isinstance(value, tuple) else value


AS_FSP7 = Viewer("fsp7", Role.VEN, SCOPES[Role.VEN])
COMMON: dict[str, Any] = {
    "contract_id": CONTRACT,
    "zone": "HENDON-WAY",
    "assets": (Asset(ASSET),),
}


@asynccontextmanager
async def scene_on(kind: str, folder: Path | None = None) -> AsyncIterator[Scene]:
    """A scene on a store of that kind: memory, sqlite."""
    clock = ManualClock(NOON)
    with tempfile.TemporaryDirectory() as beside:
        place = Place(folder or Path(beside)).make()
        store = Cut(
            await SqliteStore.open(place.database, "sandbox", "e1")
            if kind == "sqlite"
            else MemoryStore("sandbox", "e1")
        )
        settings = Settings(data_dir=place.path, dso="UKPN", sandbox=True)
        try:
            vtn = await assemble(settings, place, store, clock, None)
            yield Scene(vtn, store, clock)
        finally:
            await asyncio.shield(store.close())
