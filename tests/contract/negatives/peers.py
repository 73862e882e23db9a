"""Peers that TLS must not trust: before the agent, servers that only listen; before the VTN, a
client of ten years ago.

    agent ──▶ server     the token and everything else stays here: not one byte is said over TLS
    client ──▶ VTN       hung up on
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import tls
from tests.contract.negatives.scene import NOW
from tests.golden import at, signing_keys
from tests.listening import Heard
from ukprofile.clock import SharedClock
from ukprofile.flex.times import time_text
from ukprofile.openadr.client import Client, Credentials
from ven.agent import run
from ven.journal import Book, Journal
from ven.replan import in_force
from ven.settings import Asset, Place, Settings, write_whole
from vtn.app import listening, open_vtn
from vtn.settings import Settings as VtnSettings

SECRET = "correct-horse-battery"
SETTINGS = Settings(
    party="FSP7",
    environment="sandbox",
    assets=(Asset("UKPN-AS-000731"),),
    client_id="fsp7",
    poll_s=0.05,
    heartbeat_s=0.05,
)
"""As they come, but quicker."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: whose certificate it shows, whether the agent trusts who issued that, and what the
    TLS library says of it.
    """

    identity: Callable[[Path], tls.Identity]
    trusted: bool
    says: str
    old: bool = False

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[tls.Listening]:
        context = self.identity(folder).serving()
        async with tls.listening_with(tls.only_tls_1_1(context) if self.old else context) as found:
            yield found

    def ca_file(self, folder: Path) -> str:
        return str(folder / "chain.pem") if self.trusted else ""

    def trusting(self, folder: Path) -> ssl.SSLContext | None:
        ca_file = self.ca_file(folder)
        return ssl.create_default_context(cafile=ca_file) if ca_file else None


def _expired(folder: Path) -> tls.Identity:
    return tls.identity(folder, until=timedelta(days=-1))


def _elsewhere(folder: Path) -> tls.Identity:
    return tls.identity(folder, "vtn.example")


PEERS: dict[str, tuple[Peer, ...]] = {
    "N67a": (Peer(tls.identity, trusted=False, says="self-signed certificate"),),
    "N67b": (
        Peer(_expired, trusted=True, says="certificate has expired"),
        Peer(_elsewhere, trusted=True, says="IP address mismatch"),
    ),
    "N67d": (Peer(tls.identity, trusted=True, says="protocol version", old=True),),
}
"""Row id to the servers that it means."""
GOOD = Peer(tls.identity, trusted=True, says="")
"""One that is as it should be: it does hear what is said."""


@asynccontextmanager
async def running_agent(place: Place, url: str, ca_file: str) -> AsyncIterator[None]:
    """FSP7's agent, all of it, at the business time of the table; it stands still."""
    clock = place.path.with_suffix(".clock")
    SharedClock.create(clock, at(NOW))
    own = signing_keys()["FSP7-sandbox-1"]
    place.make(replace(SETTINGS, vtn=url, ca_file=ca_file, clock=str(clock)), own)
    place.pin(signing_keys()["UKPN-sandbox-1"].public())
    write_whole(place.secret, f"{SECRET}\n", mode=0o600)
    task = asyncio.create_task(run(place))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def said(place: Place) -> list[dict[str, Any]]:
    """What the agent's log says of alarms."""
    if not place.log.exists():
        return []
    lines = [json.loads(line) for line in place.log.read_text().splitlines()]
    return [line for line in lines if line["event"] == "alarm"]


async def asks(url: str, context: ssl.SSLContext | None) -> None:
    """One question, with a secret at hand."""
    async with Client(url, Credentials("fsp7", SECRET), ssl=context) as client:
        await client.programs.list()


async def held(journal: Journal) -> Any:
    """What an agent holds, when its dispatches end, and what it has to say."""

    def ask(book: Book) -> Any:
        ends = {o.slot.thread: time_text(o.end)[11:16] for o in in_force(book, at(NOW))}
        return book.entries(), ends, [(post.name, post.body, post.state) for post in book.posts()]

    return await journal.read(ask)


async def old_client(folder: Path) -> None:
    """It comes to a VTN that ends TLS itself; then one of today does, and is answered."""
    heard, own = Heard(), tls.identity(folder)
    settings = VtnSettings(
        data_dir=folder / "vtn",
        dso="UKPN",
        sandbox=True,
        port=0,
        tls_cert=own.chain,
        tls_key=own.key,
    )
    async with open_vtn(settings, log=heard.log) as vtn, listening(vtn) as url:
        before = await vtn.store.read(lambda tx: (tx.outbox(), tx.alarms()))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await tls.spoken(url, tls.only_tls_1_1(own.trusting()))
        assert await vtn.store.read(lambda tx: (tx.outbox(), tx.alarms())) == before
        assert heard.everything == ""
        assert await tls.spoken(url, own.trusting()) == "TLSv1.3"
    async with tls.listening_with(tls.only_tls_1_1(own.serving())) as server:
        assert await tls.spoken(server.url, tls.only_tls_1_1(own.trusting())) == "TLSv1.1"


OLD_CLIENTS = {"N67d": old_client}
"""Row id to what comes to the VTN."""
