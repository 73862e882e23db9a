"""The HTTP server: connections that never stall for free, and the way from request to handler.

    connection ─▶ form ─▶ route ─▶ token ─▶ handler ─▶ answer
         │          └────────┴────────┴────────┴──▶ Refused ─▶ Problem
         └─ breaks HTTP: Problem, and closed

Paths are matched as they were sent, segment by segment: nothing is decoded, joined or normalised
into another route (N100c, N100d); only the id, the last segment, is decoded, and then checked.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from ukprofile.clock import WatchedClock
from ukprofile.errors import Refused
from vtn.http.auth import Auth, oauth_error
from vtn.http.form import MOST_HEADERS, check_headers
from vtn.http.objects import Handler
from vtn.http.problems import Problems, path_of

HEAD_TIMEOUT_S = 10.0
"""For the head of the first request on a connection."""
KEEP_ALIVE_S = 75.0
"""Between two requests on a connection; aiohttp's own default is an hour."""
_LOOK_S = 0.05
"""How often a connection that is drained is looked at."""
LINGER_S = 1.0
"""How long a refused body is read and thrown away, so that its sender can read the answer."""

NAME = "ukvtn"
"""What answers call this server: not which versions of what it is made of."""

Routes = Mapping[str, Mapping[str, Handler]]
"""Template ("/events", "/events/{id}") to method to handler."""


class Router:
    """Answers every request, whatever comes."""

    def __init__(
        self, routes: Routes, auth: Auth, problems: Problems, clock: WatchedClock | None = None
    ) -> None:
        """`clock` stamps the answers (None = the machine's): agents hold theirs against it."""
        self._clock = clock
        self._routes = routes
        self._auth = auth
        self._problems = problems

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._answer(request)
        response.headers["Server"] = NAME
        if self._clock is not None:
            response.headers["Date"] = format_datetime(self._clock.now(), usegmt=True)
        if getattr(request.protocol, "draining", False):
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        client_id = ""
        path = path_of(request)
        try:
            check_headers(request)
            if path == "/auth/server" and request.method == "GET":
                return await self._auth.server(request)
            if path == "/auth/token" and request.method == "POST":
                return await self._auth.token(request)
            handler, object_id = self._route(request, path)
            viewer = self._auth.viewer(request)
            client_id = viewer.client_id
            return await handler(request, viewer, object_id)
        except Refused as refused:
            members: dict[str, Any] = {}
            if path == "/auth/token":
                members["error"] = oauth_error(refused)
            response = self._problems.answer(refused, request, client_id, **members)
            if refused.reason == "METHOD":
                response.headers["Allow"] = ", ".join(self._methods(path))
            return response
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a Problem
            return self._problems.crash(error, request)

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


class Connection(web.RequestHandler):
    """One connection: a head that does not come is not waited for, broken HTTP gets a Problem."""

    __slots__ = ("_head_timer", "_problems", "draining")

    def __init__(self, problems: Problems, manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._problems = problems
        self._head_timer: asyncio.TimerHandle | None = None
        self.draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_timer = asyncio.get_running_loop().call_later(HEAD_TIMEOUT_S, self._stalled)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def drain(self) -> None:
        """Take no further request. One that was read is answered, and a body that is still
        arriving is read: `close` of aiohttp would stop at once.
        """
        self.draining = True
        if self._waiter is not None and not self._waiter.done():  # for a request, and none came
            self.close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Close; what is under way is answered first, if that takes no longer than `timeout`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._task_handler is not None and not self._task_handler.done():
                    self.drain()
                    await asyncio.wait([self._task_handler], timeout=_LOOK_S)
        await super().shutdown(_LOOK_S)

    def _stalled(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status < 500:
            response = self._problems.answer(_broken(_first_line(message)), request)
        else:
            response = self._problems.crash(exc or RuntimeError(message), request)
        response.headers["Server"] = NAME
        response.force_close()
        return response


class Server(web.Server):
    """A server of `Connection`s."""

    def __init__(self, router: Router, problems: Problems) -> None:
        super().__init__(router)
        self._problems = problems

    def pre_shutdown(self) -> None:
        for connection in self.connections:
            assert isinstance(connection, Connection)
            connection.drain()

    def __call__(self) -> Connection:
        return Connection(
            self._problems,
            self,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            access_log=None,
            auto_decompress=False,
            max_headers=2 * MOST_HEADERS,
        )


_DUPLICATE = re.compile(r"Duplicate '(?!Content-Length|Transfer-Encoding|Host)")
"""What aiohttp says of a header given twice; of these three it leaves no framing to trust."""


def _broken(detail: str) -> Refused:
    if _DUPLICATE.match(detail):
        return Refused("HEADER_DUPLICATE", detail, clause="RFC 9110 5.3")
    return Refused("HTTP_INVALID", detail, clause="RFC 9112")


def _first_line(message: str | None) -> str:
    """What aiohttp says of broken HTTP, without the bytes it quotes below them."""
    return (message or "the request breaks HTTP").splitlines()[0][:200].strip(" :")
