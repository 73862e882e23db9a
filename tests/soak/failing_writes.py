"""A whole dispatch at a VTN whose disk fails at the n-th write of every step, for every n.

    step: POST, PUT or DELETE ─▶ its first write fails ─▶ 503 ─▶ Live, tables: as before the step
                              ─▶ its second write fails ─▶ 503 ─▶ …
                              ─▶ no write is left to fail ─▶ done, and the next step

Every step is asked again with its first idempotency key, now and then by a server that was started
anew in between. At the end everything is as in a life in which nothing failed.
"""

import asyncio
import random
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.failing import Disk, failing_disk
from tests.listening import Heard
from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from tests.unit.vtn.scene import BEGIN, COMMON, END
from ukprofile.clock import ManualClock
from ukprofile.flex.answer import Acknowledgement, Response, Status
from ukprofile.flex.bodies import kind_of
from ukprofile.flex.header import Header, Reference, uuid7
from ukprofile.flex.metering import PostAction
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.mapping.answer import answer_report
from ukprofile.receiving import Slot
from ukprofile.signing import seal
from vtn.app import Vtn, assemble, listening
from vtn.domain.record import Kind, Role
from vtn.settings import Place, Settings
from vtn.storage.sqlite import SqliteStore

MINUTE = timedelta(minutes=1)
SLOT = Slot("UKPN", "FSP7", "sandbox", CONTRACT, "dispatch", "D1")
_STARTED_ANEW = 0.15
"""How often the server is started anew after a failure."""
_TABLES = ("objects", "targets", "outbox", "messages", "clients", "outcomes", "settings")


@dataclass(frozen=True)
class Asked:
    """One request; `who` sends it, at `when` of the business clock."""

    when: datetime
    who: str
    method: str
    path: str
    body: Any = None


@dataclass
class Life:
    """A VTN in a directory, which can be stopped and started again, and its two clients."""

    folder: Path
    disk: Disk
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    heard: Heard = field(default_factory=Heard)
    vtn: Vtn = None  # type: ignore[assignment]
    session: aiohttp.ClientSession = None  # type: ignore[assignment]
    ids: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """No watch: what it raises in its own time is no write of a step."""
        place = Place(self.folder).make()
        store = await SqliteStore.open(place.database, "sandbox", uuid.uuid4().hex)
        try:
            settings = Settings(data_dir=place.path, dso="UKPN", sandbox=True, port=0)
            self.vtn = await assemble(settings, place, store, self.clock, self.heard.log)
            async with listening(self.vtn) as url, aiohttp.ClientSession(url) as self.session:
                yield
        finally:
            await store.close()

    async def begin(self) -> None:
        """The contract, and both clients."""
        await self.vtn.office.add_client("desk", Role.BL)
        await self.vtn.office.add_client("FSP7", Role.VEN)
        await self.vtn.office.add_key_set(FSP7.public().to_json())
        await self.vtn.office.add_contract(terms(), "FSP7")

    async def ask(self, asked: Asked, key: str) -> tuple[int, Any, Any]:
        client = self.vtn.store.live.clients[asked.who]
        token = self.vtn.tokens.mint(client, client.scopes)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with self.session.request(
            asked.method, asked.path, json=asked.body, headers=headers
        ) as answer:
            return answer.status, await answer.json(), answer.headers

    async def newest(self) -> Reference:
        """The DSO's newest text of the dispatch."""
        entry = (await self.vtn.store.read(lambda tx: tx.thread(SLOT)))[-1]
        return Reference(entry.revision, entry.sha256, SLOT.thread)

    def rows(self) -> dict[str, int]:
        """How much is in the database, read past the server."""
        with closing(sqlite3.connect(self.vtn.settings.data_dir / "vtn.db")) as db:
            return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in _TABLES}

    async def agrees(self) -> bool:
        """Whether what is served is what is stored."""
        live = self.vtn.store.live
        served = [live.find(kind) for kind in Kind]
        return served == await self.vtn.store.read(lambda tx: [tx.find(kind) for kind in Kind])

    async def end(self) -> Any:
        """All that the two lives have in common: neither ids nor texts, which hold some."""
        _, course, _ = await self.ask(Asked(END, "desk", "GET", "/desk/dispatches/D1"), "-")
        _, listed, _ = await self.ask(Asked(END, "desk", "GET", "/reports"), "-")
        entries = await self.vtn.store.read(lambda tx: tx.dispatches(CONTRACT, NOON))
        changes = await self.vtn.store.read(lambda tx: tx.outbox(limit=10_000))
        lines = [{**line, "sha256": ""} for line in course.pop("course")]
        return (
            course,
            lines,
            [(r["reportName"], r["clientName"]) for r in listed],
            [(e.kind, e.revision, e.verdict, e.slot.issuer) for e in entries],
            [(c.operation, c.record.kind) for c in changes],
            self.rows(),
        )


# -- the script ------------------------------------------------------------------------------------


async def answer(life: Life, when: datetime, what: Any) -> Asked:
    """FSP7's signed report about the newest text of the dispatch."""
    header = Header(
        kind=kind_of(what),
        message_id=uuid7(when, bytes),
        issuer="FSP7",
        recipient="UKPN",
        environment="sandbox",
        program=CONTRACT,
        thread=f"D1-{milliseconds(when)}",
        revision=milliseconds(when),
        issued_at=when,
        valid_until=END + timedelta(hours=1),
        in_reply_to=await life.newest(),
        key_set=FSP7.key_set,
    )
    body = what.to_json()
    (event,) = [e for e in life.vtn.store.live.find(Kind.EVENT) if e.name == "D1"]
    report = answer_report(seal(header.to_json(body), FSP7, 1), header, body, event.id)
    return Asked(when, "fsp7", "POST", "/reports", report.dump())


def script() -> Iterator[tuple[datetime, Any]]:
    """When, and what: an order of the desk, an answer of FSP7's, or a plain request."""
    period = {"start": time_text(BEGIN), "end": time_text(END), "delta_w": 1_000_000}
    received = Acknowledgement(**COMMON, decided="received", reason=None)
    half = BEGIN + 30 * MINUTE
    yield NOON, ("schedule", {"contract_id": CONTRACT, "thread": "D1", "periods": [period]})
    yield NOON + MINUTE, received
    yield NOON + 2 * MINUTE, Response(**COMMON, answer="accept")
    yield NOON + 3 * MINUTE, ("confirm", {"thread": "D1"})
    yield NOON + 4 * MINUTE, received
    yield BEGIN + MINUTE, Status(**COMMON, state="executing", at=BEGIN + MINUTE)
    telemetry = {"clientName": "FSP7", "reportName": "telemetry", "resources": []}
    yield BEGIN + 2 * MINUTE, Asked(BEGIN, "fsp7", "POST", "/reports", telemetry)
    more = telemetry | {"x-readings": [1, 2]}
    yield BEGIN + 3 * MINUTE, Asked(BEGIN, "fsp7", "PUT", "/reports/{made}", more)
    yield BEGIN + 4 * MINUTE, Asked(BEGIN, "fsp7", "DELETE", "/reports/{made}")
    varied = {"thread": "D1", "delta_w": 700_000, "from": time_text(half)}
    yield BEGIN + 5 * MINUTE, ("vary", varied)
    yield BEGIN + 6 * MINUTE, received
    yield half, ("cease", {"thread": "D1", "reason": "NOT_REQUIRED"})
    yield half + MINUTE, received
    yield half + 2 * MINUTE, Status(**COMMON, state="ceased", at=half)
    done = PostAction(
        **COMMON, start=BEGIN, interval_s=1800, delivered_wh=(500_000,), metered_wh=(1,), method="m"
    )
    yield END + MINUTE, done


async def request_of(life: Life, when: datetime, what: Any) -> Asked:
    if isinstance(what, tuple):
        return Asked(when, "desk", "POST", f"/desk/{what[0]}", what[1])
    if not isinstance(what, Asked):
        return await answer(life, when, what)
    (event,) = [e for e in life.vtn.store.live.find(Kind.EVENT) if e.name == "D1"]
    body = what.body and {**what.body, "eventID": event.id}
    path = what.path.replace("{made}", life.ids.get("made", ""))
    return Asked(when, what.who, what.method, path, body)


# -- a life ----------------------------------------------------------------------------------------


class Lived:
    """The script, lived through once: step after step, each until it is done."""

    def __init__(self, life: Life, draw: random.Random, stride: int) -> None:
        """Of every step each `stride`-th write fails, 0 = none; `draw` says where that begins."""
        self._life, self._draw, self._stride = life, draw, stride
        self._steps = list(script())
        self._at = 0
        self._pending: Asked | None = None
        self._fails_at = self._first()
        self.failed = 0

    @property
    def over(self) -> bool:
        return self._at == len(self._steps)

    def _first(self) -> int:
        return self._draw.randint(1, self._stride) if self._stride else 0

    async def go_on(self) -> None:
        """Until the end, or a failure after which the server is started anew."""
        while not self.over:
            broke = await self._try()
            if broke and self._draw.random() < _STARTED_ANEW:
                return

    async def _try(self) -> bool:
        """Ask for the step at hand; whether a write failed at it."""
        life, when = self._life, self._steps[self._at][0]
        life.clock.set(when)
        self._pending = asked = self._pending or await request_of(life, *self._steps[self._at])
        before = life.rows()
        life.disk.fail_at(self._fails_at)
        status, said, headers = await life.ask(asked, f"k-{self._at}")
        broke = life.disk.failed > 0
        life.disk.fail_at(0)
        where = f"step {self._at}, {asked.method} {asked.path}, write {self._fails_at}: {said}"
        assert await life.agrees(), where
        if not broke:
            assert status in (200, 201), where
            life.ids["made"] = str(said.get("id", ""))
            self._at, self._pending, self._fails_at = self._at + 1, None, self._first()
            return False
        self.failed += 1
        assert (status, said["reason"]) == (503, "STORE_DOWN"), where
        assert headers["Retry-After"] == "2", where
        assert not life.heard.errors, where
        assert life.rows() == before, where
        self._fails_at += self._stride
        return True


async def lived(folder: Path, chance: str, stride: int) -> tuple[Any, int]:
    """How a life ended, and how many writes failed in it. Raises AssertionError."""
    with failing_disk() as disk:
        life = Life(folder, disk)
        one = Lived(life, random.Random(chance), stride)
        async with life.running():
            await life.begin()
        while not one.over:
            async with life.running():
                await one.go_on()
        async with life.running():
            return await life.end(), one.failed


def compare(folder: Path, chance: str, stride: int) -> int:
    """A life of failures against one without; how many there were. Raises AssertionError."""
    due, none = asyncio.run(lived(folder / "undisturbed", chance, 0))
    found, failed = asyncio.run(lived(folder / "failing", chance, stride))
    assert none == 0
    for one, other in zip(due, found, strict=True):
        assert one == other, f"chance {chance}: {one} became {other}"
    return failed


def campaign(folder: Path, told: Callable[[str], None] = print, seed: int = 20261125) -> None:
    """Every write of every step fails once. Raises AssertionError at the first fault."""
    shutil.rmtree(folder, ignore_errors=True)
    failed = compare(folder, str(seed), 1)
    told(f"seed {seed}: {failed} writes failed, one after the other, and nothing else did")
