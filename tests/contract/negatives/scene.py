"""The scene of the table: contract, D1 and a rival at a VTN that runs; the same at an agent."""

import itertools
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.contract.negatives import signed
from tests.contract.negatives.signed import CONTRACT, RIVAL, SECOND
from tests.golden import at, life, register, sealed_in, signing_keys
from tests.listening import Heard
from tests.wire import Reply, Request, exchange, head_of
from ukprofile.clock import ManualClock
from ukprofile.flex.times import time_text
from ukprofile.openadr import Event, Program
from ukprofile.receiving import Context, parse_text, sent_entry
from ukprofile.signing import Sealed
from ukprofile.trust import KeySet, Register
from ven.alarms import Alarms
from ven.answer import Voice
from ven.journal import Book, Journal
from ven.receive import Received, Receiver
from ven.replan import in_force, replan
from vtn.domain.clients import SCOPES, add_client
from vtn.domain.office import OFFICE
from vtn.domain.privacy import Viewer
from vtn.domain.record import Client, Kind, Role
from vtn.domain.store import Transaction
from vtn.storage.memory import MemoryStore
from vtn.testing import RunningVtn, running_vtn

NOW = "2026-11-24T15:00:00Z"
STAMP = "2026-01-01T00:00:00Z"
CLIENTS = {"bl": Role.BL, "fsp7": Role.VEN, "fsp8": Role.VEN, "nobody": Role.VEN}
SECRET = "correct-horse"  # of the client fsp7
PROGRAMS = {"{P7}": CONTRACT, "{P9}": SECOND}
"""The contracts of FSP7, by the names of their programs in requests."""
FSP7 = Viewer("fsp7", Role.VEN, SCOPES[Role.VEN])
FSP8 = Viewer("fsp8", Role.VEN, SCOPES[Role.VEN])


@dataclass(frozen=True, slots=True)
class Given:
    """What is so before a row: the time, what the contract says otherwise (None: its terms were
    never read), whether D1 stands, what both said `before`, and what else is at the VTN.

    `key_sets` are trusted beside the published ones, which count in no `environment` but sandbox;
    `smuggled` are held as well, past every rule of enrolment.
    """

    now: str = NOW
    terms: dict[str, Any] | None = field(default_factory=dict)
    dispatched: bool = True
    before: Callable[[], Iterable[dict[str, Any]]] = tuple
    also: "Callable[[Scene], Awaitable[None]] | None" = None
    key_sets: tuple[KeySet, ...] = ()
    smuggled: tuple[KeySet, ...] = ()
    environment: str = "sandbox"

    @property
    def enrolled(self) -> Register:
        """The key sets that were taken up."""
        published = register() if self.environment == "sandbox" else ()
        return Register.of(self.environment, (*published, *self.key_sets))

    def held(self, enrolled: Register) -> Register:
        """What is held in place of what was enrolled."""
        smuggled = {one.key_set: one for one in self.smuggled}
        return replace(enrolled, key_sets={**enrolled.key_sets, **smuggled})


@dataclass
class Scene:
    """A VTN of UKPN that runs, with everything the rows speak of."""

    running: RunningVtn
    clock: ManualClock
    security: Heard
    data_dir: Path | None
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    # -- asking --------------------------------------------------------------------------------

    async def send(self, request: Request) -> Reply:
        """Send one request, ids and token put in."""
        token = self.tokens.get(request.token, request.token)
        body = self._named(request.body)
        filled = Request(
            request.method,
            self._named(request.path.encode()).decode().replace("{token}", token),
            body,
            request.token,
            request.headers,
            request.media,
            request.head,
        )
        head = head_of(filled, urlsplit(self.running.url).netloc, token)
        return await exchange(self.running.url, head, body)

    def _named(self, raw: bytes) -> bytes:
        for name, known in self.ids.items():
            raw = raw.replace(b"{%s}" % name.encode(), known.encode())
        return raw

    def token(self, name: str, **claims: Any) -> str:
        """A token as the VTN would mint it for a client, with claims altered."""
        header = claims.pop("header", {})
        whole = {
            "iss": self._vtn_id,
            "aud": self._vtn_id,
            "sub": name,
            "scope": " ".join(SCOPES[CLIENTS[name]]),
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
            "jti": "j",
        }
        return self.running.vtn.tokens.sign(whole | claims, **header)

    @property
    def _vtn_id(self) -> str:
        return self.running.vtn.tokens._vtn_id

    async def snapshot(self) -> Any:
        """Everything that is stored, but for the alarms: the watch raises them when it looks."""
        store = self.running.vtn.store
        if isinstance(store, MemoryStore):
            live = store.live
            return (
                [list(live.find(kind)) for kind in Kind],
                dict(live.clients),
                list(live.register),
                list(store.ledger._entries.values()),
                list(store.waiting),
                dict(store.settings),
            )
        assert self.data_dir is not None
        with closing(sqlite3.connect(self.data_dir / "vtn.db")) as db:
            names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            found = {
                name: db.execute(f"SELECT * FROM {name}").fetchall()
                for (name,) in db.execute(names)
                if name != "alarms"
            }
        db.close()
        return found

    # -- setting the scene -----------------------------------------------------------------------

    async def make(self, kind: Kind, body: Any, viewer: Viewer = OFFICE, name: str = "") -> str:
        """Store an object; its id is known as `name`."""
        filled = json.loads(self._named(json.dumps(body).encode()))
        made = await self.running.vtn.objects.create(kind, filled, viewer)
        made_id = str(json.loads(made.body)["id"])
        self.ids[name or made_id] = made_id
        return made_id

    async def revise(self, name: str, body: Any) -> None:
        """Replace an event."""
        filled = json.loads(self._named(json.dumps(body).encode()))
        await self.running.vtn.objects.update(Kind.EVENT, self.ids[name], filled, OFFICE)

    async def arrange(self, given: Given) -> None:
        """Put everything there, at the times at which it came."""
        await self.running.vtn.store.write(lambda tx: _enrol(tx, given.enrolled))
        for name in CLIENTS:
            self.tokens[name] = self.token(name)
        self.clock.set(at("2026-02-20T10:00:00Z"))
        await self._contract(CONTRACT, "fsp7", "7", given.terms)
        await self._contract(RIVAL, "fsp8", "8", given.terms and {})
        await self.make(Kind.PROGRAM, {"programName": "plain"}, name="PX")
        if given.dispatched:
            self.clock.set(at("2026-11-24T14:55:00Z"))
            await self.make(Kind.EVENT, signed.event_of(signed.d1()), name="E1")
            await self.make(Kind.EVENT, signed.event_of(signed.d8(), "{P8}"), name="E8")
            await self.make(Kind.REPORT, plain_report("{E8}", "FSP8"), FSP8, name="R8")
        for one in given.before():
            self.clock.set(at(one["issued_at"]))
            await self._say(one)
        self.clock.set(at(given.now))
        live = self.running.vtn.store.live
        live.register = given.held(live.register)
        if given.also is not None:
            await given.also(self)

    async def _say(self, one: dict[str, Any]) -> None:
        """A message where it belongs: in its thread's event, or in a report on what it answers."""
        name = signed.event_name(one)
        if one["issuer"] == "FSP7":
            await self.make(Kind.REPORT, signed.report(one, f"{{{name}}}"), FSP7)
        elif name in self.ids:
            await self.revise(name, signed.event_of(one))
        else:
            await self.make(Kind.EVENT, signed.event_of(one), name=name)

    async def _contract(
        self, contract: str, client: str, number: str, terms: dict[str, Any] | None
    ) -> None:
        target = signed.target(contract)
        program = {**life("01"), "programName": contract, "targets": [target]}
        await self.make(Kind.PROGRAM, program, name=f"P{number}")
        ven = {"objectType": "BL_VEN_REQUEST", "clientID": client, "venName": client.upper()}
        await self.make(Kind.VEN, {**ven, "targets": [target]}, name=f"V{number}")
        resource = {**life("04"), "clientID": client, "venID": f"{{V{number}}}"}
        await self.make(Kind.RESOURCE, resource, name=f"A{number}")
        if terms is not None:
            _, event = signed.terms(contract, client.upper(), **terms)
            event["programID"] = f"{{P{number}}}"
            await self.make(Kind.EVENT, event, name=f"T{number}")


def plain_report(event_id: str, party: str) -> dict[str, Any]:
    """A report that claims nothing of the profile."""
    payloads = [{"type": "USAGE", "values": [1]}]
    resources = [{"resourceName": "r", "intervals": [{"id": 0, "payloads": payloads}]}]
    return {"eventID": event_id, "clientName": party, "resources": resources}


def _enrol(tx: Transaction, trusted: Register) -> None:
    for key_set in trusted:
        tx.put_key_set(key_set)
    for name, role in CLIENTS.items():
        client = Client(name, name.upper(), role, SCOPES[role], HASHED, at("2026-02-20T09:00:00Z"))
        add_client(tx, client)


HASHED = bytes.fromhex(
    "000102030405060708090a0b0c0d0e0f"
    "0000000000000000000000000000000000000000000000000000000000000000"
)


@asynccontextmanager
async def vtn_scene(given: Given, data_dir: Path | None = None) -> AsyncIterator[Scene]:
    """The scene, at a VTN that runs; on SQLite in `data_dir`, else in memory."""
    clock, security = ManualClock(at("2026-02-20T09:00:00Z")), Heard()
    sandbox = given.environment == "sandbox"
    async with running_vtn(
        data_dir=data_dir, clock=clock, log=security.log, sandbox=sandbox
    ) as running:
        scene = Scene(running, clock, security, data_dir)
        await scene.arrange(given)
        security.lines.clear()
        yield scene


class Agent:
    """FSP7's receiver with its journal: holds the contract, and D1 if it stands."""

    def __init__(self, journal: Journal, given: Given) -> None:
        self.journal, self.security, self.given = journal, Heard(), given
        self.clock = ManualClock(at("2026-02-20T10:00:00Z"))
        counter = itertools.count(1)
        voice = Voice(
            signing_keys()["FSP7-sandbox-1"],
            1,
            "sandbox",
            lambda n: next(counter).to_bytes(n, "big"),
        )
        self.alarms = Alarms(journal, self.security.log)
        self.receiver = Receiver(journal, self.alarms, voice, self.clock, {})
        register = given.held(given.enrolled)
        programs = dict.fromkeys(PROGRAMS.values(), frozenset({"UKPN"}))
        self._context = Context("FSP7", "ven", given.environment, register, programs)

    async def arrange(self) -> None:
        given = self.given
        if given.terms is not None:
            _, event = signed.terms(CONTRACT, "FSP7", **given.terms)
            await self.read(event, "T7")
        if given.dispatched:
            self.clock.set(at("2026-11-24T14:55:00Z"))
            await self.read(signed.event_of(signed.d1()), "E1")
        for one in given.before():
            self.clock.set(at(one["issued_at"]))
            if one["issuer"] == "FSP7":
                await self._said(signed.sealed(one))
            else:
                await self.read(signed.event_of(one), signed.event_name(one))
        self.clock.set(at(given.now))
        self.security.lines.clear()

    async def _said(self, one: Sealed) -> None:
        """What it said itself, as its responder does: kept, and planned by."""
        now = self.clock.now()

        def write(book: Book) -> None:
            book.keep(sent_entry(one, now))
            replan(book, {}, now)

        await self.journal.write(write)

    async def read(self, body: Any, id: str) -> Received | None:
        """Read an event in the program that it names."""
        name = body.get("programID", "{P7}")
        stamps = {"createdDateTime": STAMP, "modificationDateTime": STAMP}
        whole = {**body, **stamps, "id": id, "objectType": "EVENT", "programID": "P"}
        program = {**life("01"), **stamps, "id": "P", "objectType": "PROGRAM"}
        program["programName"] = PROGRAMS.get(name, CONTRACT)
        return await self.receiver.receive(Event.read(whole), Program.read(program), self._context)

    async def plan(self) -> Any:
        """What will run."""
        return await self.journal.read(lambda book: [*book.commands()])

    async def ends(self) -> dict[str, str]:
        """When each dispatch ends that is in force, by its thread."""
        found = await self.journal.read(lambda book: in_force(book, at("2026-01-01T00:00:00Z")))
        return {one.slot.thread: time_text(one.end)[11:16] for one in found}

    async def answers(self) -> list[dict[str, Any]]:
        """The bodies of all that it has said so far."""
        posts = await self.journal.read(lambda book: book.posts())
        return [parse_text(sealed_in(json.loads(p.body)).text)["body"] for p in posts]

    async def snapshot(self) -> Any:
        """What is held, what will run, what will be said, and where it was seen."""
        return await self.journal.read(
            lambda book: (book.entries(), book.commands(), book.posts(), book.sightings())
        )


@asynccontextmanager
async def agent_scene(given: Given, path: Path) -> AsyncIterator[Agent]:
    """The scene, at the agent of FSP7."""
    journal = await Journal.open(path)
    try:
        agent = Agent(journal, given)
        await agent.arrange()
        yield agent
    finally:
        await journal.close()
