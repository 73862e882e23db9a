"""The edge alone, over real HTTP: handlers of the test's own behind the VTN's server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from joserfc.jwk import OKPKey

from tests.listening import Heard
from tests.wire import Reply, Request, exchange, head_of
from ukprofile.clock import ManualClock
from ukprofile.trust import Register
from vtn.domain.clients import SCOPES, hash_secret
from vtn.domain.live import Live
from vtn.domain.record import Client, Role
from vtn.http.auth import Auth
from vtn.http.gate import Gate
from vtn.http.limits import ROOM, Room
from vtn.http.objects import Handler
from vtn.http.problems import Problems
from vtn.http.rate import RATES, Buckets, Limiter
from vtn.http.server import Router, Routes, Server
from vtn.http.tokens import Tokens

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SECRET = "sésame: 100%+"
FSP7 = Client("fsp7", "FSP7", Role.VEN, SCOPES[Role.VEN], hash_secret(SECRET, b"salt" * 4), NOW)

BL = Client("bl", "DESK", Role.BL, SCOPES[Role.BL], hash_secret(SECRET, b"salt" * 4), NOW)


def live_with(*clients: Client) -> Live:
    live = Live(Register("sandbox"), "e1")
    live.load([], clients, 0)
    return live


@dataclass(frozen=True, slots=True)
class Edge:
    """A server that answers at `url`."""

    url: str
    runner: web.ServerRunner
    heard: Heard
    tokens: Tokens
    clock: ManualClock
    live: Live
    gate: Gate

    @property
    def token(self) -> str:
        return self.tokens.mint(FSP7, FSP7.scopes)

    async def send(self, request: Request) -> Reply:
        token = self.token_of(request.token)
        head = head_of(request, urlsplit(self.url).netloc, token)
        return await exchange(self.url, head, request.body)

    def token_of(self, name: str) -> str:
        """A token of that client; "" for anybody else."""
        client = self.live.clients.get(name)
        return self.tokens.mint(client, client.scopes) if client else ""


@asynccontextmanager
async def edge(
    routes: Routes | None = None,
    public_url: str = "http://vtn",
    *,
    limiter: Limiter | None = None,
    room: Room = ROOM,
) -> AsyncIterator[Edge]:
    """A server of these routes; its clients are FSP7, and the business logic "bl"."""
    heard, clock, live = Heard(), ManualClock(NOW), live_with(FSP7, BL)
    tokens = Tokens(OKPKey.generate_key("Ed25519"), "urn:uuid:vtn", clock)
    problems = Problems(heard.log)
    gate = Gate(limiter or Buckets(RATES, lambda: clock.now().timestamp()), room)
    router = Router(routes or {}, Auth(tokens, live, public_url, gate), problems, gate)
    runner = web.ServerRunner(Server(router, problems, gate))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield Edge(f"http://{host}:{port}", runner, heard, tokens, clock, live, gate)
    finally:
        await runner.cleanup()


def said(text: Any = "ok") -> Handler:
    """A handler that answers what it was given: who asked, and the id."""

    async def handler(_request: web.BaseRequest, viewer: Any, object_id: str) -> web.Response:
        return web.json_response([text, viewer.client_id, object_id])

    return handler
