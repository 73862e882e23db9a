"""A proxy before a VTN that does what networks and other people's servers do."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web

from tests.unit.ven.dso import Dso
from ukprofile.openadr.client import Client, Credentials

KEPT = ("Authorization", "Content-Type", "If-Match", "If-None-Match")


class Gate:
    """Calls are named "POST /reports". Without orders everything goes through as it is."""

    def __init__(self, upstream: str, session: ClientSession) -> None:
        self.upstream, self.session = upstream, session
        self.url = ""
        self.says: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
        """Answers to give in place of the VTN's: status and headers, first come first."""
        self.edits: dict[str, Callable[[Any], Any]] = {}
        """Other JSON for the VTN's; bytes are sent as they are."""
        self.loses = 0
        """How many answers to POST /reports are lost after the VTN has acted."""
        self.shut = False
        """Nothing goes through, and nothing is answered."""
        self.order: list[str] = []
        """The names of reports that went through, in order."""
        self.arrived = asyncio.Event()

    def _kept(self, call: str) -> tuple[str, ...]:
        """What is passed on: of what is edited, never whether it has changed."""
        return KEPT[:-1] if call in self.edits else KEPT

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        if self.shut:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.says[call]:
            status, headers = self.says[call].pop(0)
            return web.json_response({"status": status}, status=status, headers=headers)
        async with self.session.request(
            request.method,
            self.upstream + request.path_qs,
            data=await request.read(),
            headers={k: v for k, v in request.headers.items() if k in self._kept(call)},
        ) as answer:
            body = await answer.read()
            headers = {
                k: answer.headers[k] for k in ("ETag", "Content-Type") if k in answer.headers
            }
        if call == "POST /reports":
            self.order.append((await request.json())["reportName"])
            self.arrived.set()
            if self.loses:
                self.loses -= 1
                assert request.transport is not None
                request.transport.abort()
        if call in self.edits and answer.status == 200:
            edited = self.edits[call](json.loads(body))
            body = edited if isinstance(edited, bytes) else json.dumps(edited).encode()
            headers.pop("ETag", None)
        return web.Response(status=answer.status, body=body, headers=headers)


@asynccontextmanager
async def gate_before(dso: Dso) -> AsyncIterator[tuple[Gate, Client]]:
    """A gate before the DSO's VTN, and FSP7's client that goes through it."""
    async with ClientSession() as session:
        gate = Gate(dso.url, session)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", gate.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            gate.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            credentials = Credentials(dso.client_id, dso.secret)
            hosts = [dso.url.split("//")[1]]
            async with Client(gate.url, credentials, attempts=1, allow_token_hosts=hosts) as client:
                yield gate, client
        finally:
            await runner.cleanup()
