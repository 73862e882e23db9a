"""Passing exchanges on, as a reverse proxy: everything that is not meant to change stays as it is.

Answers are asked for without compression, so that what passes can be read; a server that is not
there is a 502.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, web

_OWN = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "keep-alive", "transfer-encoding"}
)
"""Header fields that belong to one connection, or that only whoever sends can know."""
_MOST_BYTES = 2**24

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in. `path` is as it was sent, with its query; no secret of it shows."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    async def read(cls, request: web.Request) -> "Asked":
        kept = {k: v for k, v in request.headers.items() if k.lower() not in _OWN}
        return cls(request.method, request.raw_path, kept, await request.read())

    @property
    def client(self) -> str:
        """Whose request it is: everything of one token is one client's."""
        return self.headers.get("Authorization", "")

    @property
    def call(self) -> str:
        """Method and path without the query: what a log may show."""
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What is answered."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def response(self) -> web.Response:
        return web.Response(status=self.status, headers=dict(self.headers), body=self.body)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The server behind a proxy."""

    url: str
    session: ClientSession

    async def answer(self, asked: Asked) -> Answered:
        """What the server says to `asked`."""
        try:
            async with self.session.request(
                asked.method,
                self.url + asked.path,
                data=asked.body or None,
                headers=asked.headers,
                allow_redirects=False,
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _OWN}
                return Answered(answer.status, kept, await answer.read())
        except (ClientError, OSError) as error:
            return Answered(502, {"Content-Type": "text/plain"}, f"no server: {error}".encode())


@asynccontextmanager
async def upstream_at(url: str) -> AsyncIterator[Upstream]:
    async with ClientSession(skip_auto_headers=("Accept-Encoding", "User-Agent")) as session:
        yield Upstream(url.rstrip("/"), session)


@asynccontextmanager
async def listening(handler: Handler, port: int = 0) -> AsyncIterator[str]:
    """`handler` on a loopback port (0 = a free one); gives the URL."""
    app = web.Application(client_max_size=_MOST_BYTES)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def abort(request: web.Request) -> web.Response:
    """Give no answer: the connection breaks. What is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
