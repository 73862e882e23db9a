"""The HTTP server: the way from request to handler.

    connection ─▶ form ─▶ who ─▶ room, rate ─▶ route ─▶ token ─▶ handler ─▶ answer
                    └────────────────┴───────────┴────────┴──────────┴──▶ Refused ─▶ Problem

Who asks comes first, so that each request is counted as its client's, or as a stranger's (`gate`).

Paths are matched as they were sent, segment by segment: nothing is decoded, joined or normalised
into another route (N100c, N100d); only the id, the last segment, is decoded, and then checked.
"""

import asyncio
import ssl
from collections.abc import Mapping
from email.utils import format_datetime
from socket import socket
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from ukprofile.clock import WatchedClock
from ukprofile.errors import Refused
from vtn.domain.privacy import Viewer
from vtn.http.auth import Auth, oauth_error
from vtn.http.connection import NAME, Connection
from vtn.http.form import check_headers
from vtn.http.gate import Gate
from vtn.http.limits import HANDSHAKE_TIMEOUT_S, KEEP_ALIVE_S, LINGER_S, MOST_HEADERS
from vtn.http.objects import Handler
from vtn.http.problems import Problems, path_of
from vtn.http.rate import RateLimited

Routes = Mapping[str, Mapping[str, Handler]]
"""Template ("/events", "/events/{id}") to method to handler."""


class Router:
    """Answers every request, whatever comes."""

    def __init__(
        self,
        routes: Routes,
        auth: Auth,
        problems: Problems,
        gate: Gate,
        clock: WatchedClock | None = None,
    ) -> None:
        """`clock` stamps the answers (None = the machine's): agents hold theirs against it."""
        self._clock = clock
        self._routes = routes
        self._auth = auth
        self._problems = problems
        self._gate = gate

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._answer(request)
        response.headers["Server"] = NAME
        if self._clock is not None:
            response.headers["Date"] = format_datetime(self._clock.now(), usegmt=True)
        draining = getattr(request.protocol, "draining", False)
        if draining or not self._gate.has_room(request):
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        client_id = ""
        path = path_of(request)
        try:
            check_headers(request)
            if path == "/auth/server" and request.method == "GET":
                self._gate.stranger(request)
                return await self._auth.server(request)
            if path == "/auth/token" and request.method == "POST":
                return await self._auth.token(request)
            who = self._who(request)
            if isinstance(who, Viewer):
                client_id = who.client_id
                self._gate.known(request, who)
            handler, object_id = self._route(request, path)
            response = await handler(request, viewer := _known(who), object_id)
        except Refused as refused:
            return self._refuse(refused, request, client_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a Problem
            return self._problems.crash(error, request)
        self._gate.answered(request, viewer, response)
        return response

    def _who(self, request: web.BaseRequest) -> Viewer | Refused:
        """Who asks; or why nobody knows, which counts only where there is something to ask for."""
        try:
            return self._auth.viewer(request)
        except Refused as refused:
            return refused

    def _refuse(
        self, refused: Refused, request: web.BaseRequest, client_id: str
    ) -> web.StreamResponse:
        """The answer to a refused request; to a stranger's, too, that it asks too often."""
        path = path_of(request)
        if not client_id:
            try:
                self._gate.stranger(request)
            except RateLimited as limited:
                refused = limited
        members: dict[str, Any] = {}
        if path == "/auth/token":
            members["error"] = oauth_error(refused)
        response = self._problems.answer(refused, request, client_id, **members)
        if refused.reason == "METHOD":
            response.headers["Allow"] = ", ".join(self._methods(path))
        return response

    def _route(self, request: web.BaseRequest, path: str) -> tuple[Handler, str]:
        template, object_id = _template(path, self._routes)
        methods = self._methods(path)
        if not methods:
            raise Refused("NOT_FOUND", "there is no such path here")
        if request.method not in methods or template not in self._routes:
            disguised = "X-HTTP-Method-Override" in request.headers
            raise Refused("METHOD", f"here there are {', '.join(methods)}", security=disguised)
        return self._routes[template][request.method], object_id

    def _methods(self, path: str) -> tuple[str, ...]:
        if path in _AUTH:
            return _AUTH[path]
        template, _ = _template(path, self._routes)
        return tuple(self._routes.get(template, ()))


def _known(who: Viewer | Refused) -> Viewer:
    if isinstance(who, Refused):
        raise who
    return who


_AUTH = {"/auth/server": ("GET",), "/auth/token": ("POST",)}


def _template(path: str, routes: Routes) -> tuple[str, str]:
    """The template that fits, and the id in it; of two that fit, the one without an id."""
    if path in routes:
        return path, ""
    for template in routes:
        head, marked, tail = template.partition("{id}")
        if marked and path.startswith(head) and path.endswith(tail):
            object_id = path[len(head) : len(path) - len(tail)]
            if object_id and "/" not in object_id:
                return template, unquote(object_id, errors="replace")
    return path, ""


class Server(web.Server):
    """A server of `Connection`s."""

    def __init__(self, router: Router, problems: Problems, gate: Gate) -> None:
        super().__init__(router)
        self._problems = problems
        self._crowd = gate.crowd

    def pre_shutdown(self) -> None:
        for connection in self.connections:
            assert isinstance(connection, Connection)
            connection.drain()

    def __call__(self) -> Connection:
        return Connection(
            self._problems,
            self._crowd,
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            access_log=None,
            auto_decompress=False,
            max_headers=2 * MOST_HEADERS,
        )

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's
        await super().shutdown(timeout)
        self._problems.security.sum_up()


class Site(web.SockSite):
    """Where a server listens; who does not finish the TLS handshake is not waited for."""

    def __init__(
        self, runner: web.ServerRunner, sock: socket, tls: ssl.SSLContext | None, backlog: int
    ) -> None:
        super().__init__(runner, sock, ssl_context=tls, backlog=backlog)

    async def start(self) -> None:
        assert self._runner.server is not None
        await web.BaseSite.start(self)
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,
            sock=self._sock,
            backlog=self._backlog,
            ssl=self._ssl_context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if self._ssl_context else None,
        )
