"""A window on the wire: a reverse proxy that passes everything on and writes every exchange down.

    agents ──▶ recorder ──▶ VTN
                  │
                  └──▶ http.jsonl   one exchange a line; secrets and tokens are left out

    {"n": 12, "at": "2026-11-24T16:00:07Z", "client_id": "acme", "method": "POST",
     "path": "/reports", "query": "", "status": 201, "request": {…}, "response": {…}}

`at` is business time, when the answer was there. Whose exchange it is follows from the token that
the VTN gave out for it. While the VTN is down the answer is 502, as any proxy's would be.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from ukprofile.clock import SharedClock

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date"}

Exchange = dict[str, Any]


@dataclass
class Recorder:
    """Passes requests on to `upstream` (set once the VTN is up), and tells `heard` of each."""

    file: Path
    clock: SharedClock
    heard: Callable[[Exchange], None]
    upstream: str = ""
    looked: dict[str, int] = field(default_factory=dict)
    """Of each client: the number of the newest exchange in which it was shown the events."""
    _owners: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def pass_on_by(self, session: aiohttp.ClientSession) -> Handler:
        async def pass_on(request: web.Request) -> web.StreamResponse:
            return await self._pass_on(request, session)

        return pass_on

    async def _pass_on(
        self, request: web.Request, session: aiohttp.ClientSession
    ) -> web.StreamResponse:
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            async with session.request(
                request.method,
                self.upstream + request.raw_path,
                data=body or None,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                raw = await answer.read()
        except aiohttp.ClientError:
            self._write(request, body, 502, b"")
            return web.Response(status=502)
        self._write(request, body, answer.status, raw)
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        return web.Response(body=raw, status=answer.status, headers=kept)

    def _write(self, request: web.Request, body: bytes, status: int, raw: bytes) -> None:
        path, _, query = request.raw_path.partition("?")
        sent, got = _json(body), _json(raw)
        client_id = self._owners.get(request.headers.get("Authorization", ""), "")
        if path == "/auth/token":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            client_id = form.get("client_id", "")
            if isinstance(got, dict) and "access_token" in got:
                self._owners[f"Bearer {got['access_token']}"] = client_id
                got = got | {"access_token": "(left out)"}
            sent = form | {"client_secret": "(left out)"}
        self.count += 1
        if path == "/events" and status in (200, 304):
            self.looked[client_id] = self.count
        exchange: Exchange = {
            "n": self.count,
            "at": moment_text(self.clock.now()),
            "client_id": client_id,
            "token": "Authorization" in request.headers,
            "method": request.method,
            "path": path,
            "query": query,
            "status": status,
            "request": sent,
            "response": got,
        }
        with self.file.open("a") as file:
            file.write(json.dumps(exchange) + "\n")
        self.heard(exchange)


@asynccontextmanager
async def recording(recorder: Recorder) -> AsyncIterator[str]:
    """Listen on a free loopback port; gives the URL."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        app = web.Application(client_max_size=2**21)
        app.router.add_route("*", "/{path:.*}", recorder.pass_on_by(session))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def moment_text(when: datetime) -> str:
    """A time to the millisecond."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return {"not JSON": raw.decode("latin-1")[:500]}
