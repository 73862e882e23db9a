"""One connection: what stalls is not waited for, what breaks HTTP gets a Problem.

made ─▶ head ──────▶ request ─▶ answer ─▶ idle ─▶ first byte of the next head ─▶ head ...
│       HEAD_TIMEOUT_S          WRITE     KEEP_ALIVE_S
└─ room (`room`): let in, or beyond                       in time, or ended: TOO_SLOW
"""

import asyncio
import re
from contextlib import suppress
from typing import Any, cast

from aiohttp import web

from ukprofile.clock import monotonic
from ukprofile.errors import Refused
from vtn.http import limits
from vtn.http.problems import Problems
from vtn.http.room import Crowd, network_of

_LOOK_S = 0.05
"""How often a connection that is drained is looked at."""
NAME = "ukvtn"
"""What answers call this server: not which versions of what it is made of."""


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = (
        "_crowd",
        "_head_timer",
        "_paused_at",
        "_problems",
        "_remote",
        "_unread",
        "_wire",
        "_write_timer",
        "draining",
        "network",
    )

    def __init__(
        self, problems: Problems, crowd: Crowd, manager: web.Server, **settings: Any
    ) -> None:
        super().__init__(manager, **settings)
        self._problems = problems
        self._crowd = crowd
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._paused_at = 0.0
        self._unread = 0
        self.draining = False
        self._remote = self.network = ""

    # -- coming and going ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wire = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        # paused and resumed tell exactly whether something waits for the reader
        self._wire.set_write_buffer_limits(high=0)
        peer = transport.get_extra_info("peername")
        self._remote = str(peer[0]) if peer else ""
        self.network = network_of(self._remote)
        self._crowd.enter(self)
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._head_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._crowd.leave(self)
        super().connection_lost(exc)

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._request_in_progress

    def push_out(self) -> None:
        """Make room for another."""
        self._drop(Refused("OVERLOADED", "made room for another connection"))

    def _drop(self, refused: Refused) -> None:
        """End it without an answer, and without waiting until what is written is read."""
        self._problems.dropped(refused, self._remote)
        self.force_close()
        self._wire.abort()

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

    # -- reading ---------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        idle, count = self._waiter is not None and not self._messages, self._request_count
        super().data_received(data)
        if self._request_count > count:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif idle and data and self._head_timer is None:
            self._await_head()

    def _await_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._head_timer = loop.call_later(limits.HEAD_TIMEOUT_S, self._no_head)

    def _no_head(self) -> None:
        self._head_timer = None
        whole = limits.HEAD_TIMEOUT_S
        self._drop(Refused("TOO_SLOW", f"no whole head of a request within {whole:g} s"))

    # -- writing ---------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """More was written than the reader takes at once."""
        super().pause_writing()
        self._paused_at, self._unread = monotonic(), self._wire.get_write_buffer_size()
        self._await_reader(limits.WRITE.due_s(0))

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _await_reader(self, for_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._write_timer = loop.call_later(for_s, self._look_at_reader)

    def _look_at_reader(self) -> None:
        """Go on waiting if as much was read as is due."""
        self._write_timer = None
        read = self._unread - self._wire.get_write_buffer_size()
        left_s = self._paused_at + limits.WRITE.due_s(read) - monotonic()
        if left_s > 0:
            self._await_reader(left_s)
        else:
            self._drop(Refused("TOO_SLOW", f"no more than {read:,} bytes of the answer were read"))

    # -- broken HTTP -----------------------------------------------------------------------------

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


_DUPLICATE = re.compile(r"Duplicate '(?!Content-Length|Transfer-Encoding|Host)")
"""What aiohttp says of a header given twice; of these three it leaves no framing to trust."""


def _broken(detail: str) -> Refused:
    if _DUPLICATE.match(detail):
        return Refused("HEADER_DUPLICATE", detail, clause="RFC 9110 5.3")
    return Refused("HTTP_INVALID", detail, clause="RFC 9112")


def _first_line(message: str | None) -> str:
    """What aiohttp says of broken HTTP, without the bytes it quotes below them."""
    return (message or "the request breaks HTTP").splitlines()[0][:200].strip(" :")
