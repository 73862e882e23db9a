"""Kill the whole server with SIGKILL, again and again, while it is written to over HTTP.

    python -m vtn serve ◀── HTTP ── a DSO's and an FSP's clients: programs, events, reports
            │
         SIGKILL ──▶ vtn.db, read with nothing but sqlite3 ──▶ start again

Every object counts its writes in a member of its own. So of each it is known which write was
answered last: at least that one must be in the database; and what the outbox holds of an object
must be all its writes, in order, each once.
"""

import asyncio
import json
import random
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp

from tests.soak.progress import Progress, fingerprint
from tests.ukvtn import Server
from vtn.tell import tell

COUNT = "x-count"
"""The member that counts the writes of an object, from 0."""
WRITERS = 8
_MOST_ANSWERS = 400

Answered = dict[str, int]
"""Object id to the count in the newest write that was answered."""


class Side:
    """One client of the VTN, with its token."""

    def __init__(self, session: aiohttp.ClientSession, token: str) -> None:
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def of(cls, session: aiohttp.ClientSession, client: Mapping[str, Any]) -> "Side":
        form = {k: client[k] for k in ("client_id", "client_secret")}
        form["grant_type"] = "client_credentials"
        async with session.post("/auth/token", data=form) as answer:
            return cls(session, (await answer.json())["access_token"])

    async def write(self, method: str, path: str, body: Mapping[str, Any]) -> str:
        """The id of what was written, once that is answered. Raises AssertionError if refused."""
        async with self._session.request(method, path, json=body, headers=self._headers) as answer:
            shown = await answer.json()
        assert answer.status in (200, 201), f"{method} {path}: {shown}"
        return str(shown["id"])


class Writers:
    """Clients that write as fast as they are answered, until the server is gone."""

    def __init__(self, run: str, chance: str, after: int) -> None:
        """`run` names the objects; `chance` draws what is written; enough after `after` answers."""
        self._run, self._chance, self._after = run, chance, after
        self.answered: Answered = {}
        self._answers = 0
        self.enough = asyncio.Event()

    async def write(self, url: str, desk: Mapping[str, Any], fsp: Mapping[str, Any]) -> None:
        async with aiohttp.ClientSession(url) as session:
            bl, ven = await Side.of(session, desk), await Side.of(session, fsp)
            each = (self._one(f"{self._run}-{n}", bl, ven) for n in range(WRITERS))
            await asyncio.gather(*each)

    async def _one(self, name: str, bl: Side, ven: Side) -> None:
        """A program, events in it, reports on them; now and then one of them again."""
        draw = random.Random(f"{self._chance} {name.rpartition('-')[2]}")
        try:
            program = await self._put(bl, "/programs", {"programName": name})
            written = [(bl, f"/programs/{program}", {"programName": name})]
            while True:
                if draw.random() < 0.4:
                    side, path, body = draw.choice(written)
                    await self._put(side, path, body)
                    continue
                event = {"programID": program, "eventName": name}
                event_id = await self._put(bl, "/events", event)
                written.append((bl, f"/events/{event_id}", event))
                report = {"eventID": event_id, "clientName": "FSP", "resources": []}
                report_id = await self._put(ven, "/reports", report)
                written.append((ven, f"/reports/{report_id}", report))
        except (aiohttp.ClientError, ConnectionError):
            return  # the server is gone

    async def _put(self, side: Side, path: str, body: Mapping[str, Any]) -> str:
        known = path.rpartition("/")[2]
        count = self.answered[known] + 1 if known in self.answered else 0
        method = "PUT" if known in self.answered else "POST"
        object_id = await side.write(method, path, {**body, COUNT: count})
        self.answered[object_id] = count
        self._answers += 1
        if self._answers >= self._after:
            self.enough.set()
        return object_id


async def kill_once(folder: Path, run: str, chance: str, after: int) -> Answered:
    """Start the server in `folder`, kill it after `after` answers; all that it answered.

    `run` names its objects, and has never been used in this folder.
    """
    server = await Server(folder).start()
    try:
        fsp = await asyncio.to_thread(
            tell, server.data, "clients.add", {"name": f"FSP-{run}", "role": "ven"}
        )
        writers = Writers(run, chance, after)
        writing = asyncio.create_task(writers.write(server.url, server.ready["bl"], fsp))
        enough = asyncio.create_task(writers.enough.wait())
        await asyncio.wait((writing, enough), timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert enough.done() or writing.done(), "the server answers too slowly"
        enough.cancel()
    finally:
        await server.kill()
    await writing
    return writers.answered


def examine(path: Path, answered: Mapping[str, int]) -> str:
    """What is wrong with the database, "" for nothing."""
    with closing(sqlite3.connect(path)) as db:
        (sound,) = db.execute("PRAGMA integrity_check").fetchone()
        kept = {
            key: (version, _count(body))
            for key, version, body in db.execute("SELECT id, version, body FROM objects")
        }
        history: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
        for key, sequence, operation, body in db.execute(
            "SELECT id, sequence, operation, body FROM outbox ORDER BY sequence"
        ):
            history[key].append((sequence, operation, _count(body)))
    if sound != "ok":
        return f"the database is damaged: {sound}"
    if lost := [key for key, n in answered.items() if kept.get(key, (0, -1))[1] < n]:
        return f"{len(lost)} answered writes lost, of {min(lost)} among them"
    if strays := history.keys() ^ kept.keys():
        return f"{len(strays)} objects without outbox rows, or rows without an object"
    for key, rows in history.items():
        due = [("UPDATE" if n else "CREATE", n) for n in range(len(rows))]
        if [(operation, n) for _, operation, n in rows] != due:
            return f"the outbox has not each write of {key} once and in order: {rows}"
        if (rows[-1][0], rows[-1][2]) != kept[key]:
            return f"{key} is not what its newest outbox row says"
    return ""


def _count(body: bytes) -> int:
    return int(json.loads(body).get(COUNT, 0))


def campaign(
    folder: Path, told: Callable[[str], None] = print, kills: int = 100, seed: int = 20261125
) -> None:
    """Kill `kills` times, at places drawn from `seed`. Raises AssertionError at the first fault."""
    progress = Progress(folder, f"seed {seed}, {fingerprint('ukprofile', 'vtn', 'tests/soak')}")
    answered = {key: n for found in progress.finished.values() for key, n in found.items()}
    told(f"seed {seed}: {kills - len(progress.finished)} of {kills} kills of the server left")
    for run in range(len(progress.finished), kills):
        chance = f"{seed} {run}"
        after = random.Random(chance).randint(1, _MOST_ANSWERS)
        # a campaign that was cut may have written in this run already, under another name
        name = f"{run}-{secrets.token_hex(4)}"
        found = asyncio.run(kill_once(folder, name, chance, after))
        answered.update(found)
        fault = examine(folder / "vtn" / "vtn.db", answered)
        assert not fault, f"seed {seed}, kill {run}: {fault}"
        writes = sum(count + 1 for count in answered.values())
        told(f"kill {run + 1} of {kills}: {writes} answered, none lost")
        progress.finish(str(run), found)
    assert asyncio.run(_stops_orderly(folder)) == 0, "the last start did not stop with 0"


async def _stops_orderly(folder: Path) -> int:
    return await (await Server(folder).start()).stop()
