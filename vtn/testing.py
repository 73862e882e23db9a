"""A whole VTN inside a test, or inside anybody's own experiment: real HTTP, no process.

    async with running_vtn() as vtn:
        secret = await vtn.client("FSP7", Role.VEN)
        ...  # any OpenADR client, against vtn.url

It forgets everything at the end, unless it is given a directory. It ships with the package.
"""

import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ukprofile.clock import Clock, SystemClock
from vtn.app import Vtn, assemble, listening, watching
from vtn.domain.record import Role
from vtn.domain.store import Store
from vtn.http.problems import Log
from vtn.settings import Place, Settings
from vtn.storage.memory import MemoryStore
from vtn.storage.sqlite import SqliteStore


@dataclass(frozen=True)
class RunningVtn:
    """A VTN that answers at `url`, and its inside."""

    url: str
    vtn: Vtn

    async def client(
        self, name: str, role: Role = Role.VEN, targets: tuple[str, ...] = ()
    ) -> tuple[str, str]:
        """A client id and its secret; a VEN gets its ven, with `targets` granted."""
        client, secret = await self.vtn.office.add_client(name, role, targets)
        return client.client_id, secret


@asynccontextmanager
async def running_vtn(
    *,
    data_dir: Path | None = None,
    dso: str = "UKPN",
    clock: Clock | None = None,
    log: Log | None = None,
    sandbox: bool = True,
) -> AsyncIterator[RunningVtn]:
    """A VTN on a free loopback port; on SQLite in `data_dir`, else in memory.

    `clock` is the business clock (None = the machine's). Without `sandbox` its environment is
    production, where published test keys count for nothing.
    """
    clock = clock or SystemClock()
    with tempfile.TemporaryDirectory() as beside:
        place = Place(data_dir or Path(beside)).make()
        settings = Settings(data_dir=place.path, dso=dso, sandbox=sandbox, port=0)
        store: Store
        if data_dir is None:
            store = MemoryStore(settings.environment, uuid.uuid4().hex)
        else:
            store = await SqliteStore.open(place.database, settings.environment, uuid.uuid4().hex)
        try:
            vtn = await assemble(settings, place, store, clock, log)
            async with watching(vtn), listening(vtn) as url:
                yield RunningVtn(url, vtn)
        finally:
            await store.close()
