"""A server that answers by a script, over real HTTP on the loopback, and notes what it saw."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Self
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ukprofile.errors import Refused
from ukprofile.openadr import ProgramRequest
from ukprofile.openadr.client import Client
from ukprofile.openadr.client.exchange import Answer, Call

SECRET = "hush-hush-0123456789"
PREFIX = "/openadr3/3.1.0"
TIMES = {
    "createdDateTime": "2026-11-24T16:00:00Z",
    "modificationDateTime": "2026-11-24T16:00:00Z",
}
PROGRAM = ProgramRequest(program_name="UKPN:FLEX-2026-0042")

Clients = Callable[..., Client]
"""Makes clients that never wait, and closes them."""
Reply = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Still(Random):
    """No waits between attempts."""

    def random(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Any
    body: bytes


class Vtn:
    """A server that answers what it is told, in turn, the last for ever; and notes what it saw."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.tokens = 0
        self.expires_in: int | None = 3600
        self._script: dict[tuple[str, str], list[Reply]] = {}
        self._server = RawTestServer(self._answer)
        self.on("GET", "/auth/server", self._where_tokens_are)
        self.on("POST", "/auth/token", self.grant)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url(PREFIX))

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self._script[method, path] = list(replies)

    def calls(self, method: str, path: str) -> list[Seen]:
        return [s for s in self.seen if (s.method, s.path) == (method, path)]

    async def grant(self, request: web.BaseRequest) -> web.StreamResponse:
        """token-1, token-2 and so on; "bearer" is as good as "Bearer"."""
        self.tokens += 1
        granted: dict[str, Any] = {"access_token": f"token-{self.tokens}", "token_type": "bearer"}
        if self.expires_in is not None:
            granted["expires_in"] = self.expires_in
        return await reply(granted)(request)

    async def _where_tokens_are(self, request: web.BaseRequest) -> web.StreamResponse:
        return await reply({"tokenURL": f"{self.url}/auth/token"})(request)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX)
        query = parse_qsl(request.query_string)
        body = await request.read()
        self.seen.append(Seen(request.method, path, query, request.headers, body))
        script = self._script[request.method, path]
        return await (script.pop(0) if len(script) > 1 else script[0])(request)


def reply(
    value: Any = None, *, status: int = 200, raw: bytes | None = None, **headers: str
) -> Reply:
    """A reply in JSON, or of `raw` bytes; underscores in header names are dashes."""

    async def answered(request: web.BaseRequest) -> web.StreamResponse:
        given = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        body = json.dumps(value).encode() if raw is None else raw
        return web.Response(status=status, body=body, headers=given)

    return answered


def pages_of(objects: Callable[[], list[Any]]) -> Reply:
    """A list that pages as the specification says, of whatever `objects` then returns."""

    async def answered(request: web.BaseRequest) -> web.StreamResponse:
        query = dict(parse_qsl(request.query_string))
        skip, limit = int(query["skip"]), int(query["limit"])
        page = objects()[skip : skip + limit]
        etag = f'"{hash(json.dumps(page))}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return await reply(page, ETag=etag)(request)

    return answered


async def cut(request: web.BaseRequest) -> web.StreamResponse:
    """Hang up without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_in_the_middle(request: web.BaseRequest) -> web.StreamResponse:
    """Hang up within the body."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b'[{"id":')
    assert request.transport is not None
    request.transport.close()
    return response


def program(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "programName": f"UKPN:{id}", "objectType": "PROGRAM", **TIMES, **more}


P = [program(f"p-{n:03}") for n in range(120)]


def answer(status: int, body: bytes, **headers: str) -> Answer:
    given = CIMultiDict({"Content-Type": "application/json", **headers})
    call = Call("GET", URL("https://vtn.example/events"))
    return Answer(call, status, CIMultiDictProxy(given), body)


async def refused(call: Awaitable[Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value
