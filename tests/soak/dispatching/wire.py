"""The wire before the VTN: faults for whoever comes, and every exchange written down.

    agents ─▶ faults of TCP ─▶ faults of HTTP ─┐
                                               ├─▶ recorder ─▶ VTN
    desk ──▶ faults of TCP ─▶ faults of HTTP ──┘       │
                                                  http.jsonl

Behind the faults, so that it shows what the VTN was asked and what it answered, whether that came
through or not. A VTN that is not there is no answer: the connection breaks.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from demo.recorder import Exchange, Recorder
from plugfest.faults import http, tcp
from plugfest.faults.passing import abort, listening
from ukprofile.clock import SharedClock

CONNECTIONS = tcp.Odds(reset=0.14, half_close=0.1, blackhole=0.08, latency_s=0.02)
"""No corruption: TLS makes a reset of it, and every flipped bit has a test of its own."""
EXCHANGES = http.Odds(
    busy=0.01, duplicate=0.04, reorder=0.02, late=0.01, lost=0.03, stale=0.02, truncated=0.01
)


_NOBODY = 502
"""What the recorder says, and writes down, while the VTN is not there."""


class Wire:
    """The way to the VTN, and what was heard on it."""

    def __init__(self, folder: Path, clock: SharedClock) -> None:
        self._folder = folder
        self._recorder = Recorder(folder / "http.jsonl", clock, _nobody)
        self.where: Callable[[], str] = str
        """Says at which URL the VTN listens now, "" while it does not."""
        self._faults: list[tuple[tcp.Faults, http.Faults]] = []
        self._waiting: list[tuple[Callable[[str, str], bool], asyncio.Event]] = []
        self.for_agents = self.for_desk = ""

    def be_calm(self) -> None:
        """No faults for connections to come."""
        for connections, exchanges in self._faults:
            connections.odds, exchanges.odds = tcp.Odds(), http.Odds()

    async def asked(self, wanted: Callable[[str, str], bool], longest_s: float) -> None:
        """Return when the VTN is being asked something, or after `longest_s`.

        `wanted` takes the method and the path.
        """
        rung = asyncio.Event()
        self._waiting.append((wanted, rung))
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), longest_s)
        finally:
            self._waiting.remove((wanted, rung))

    def _ring(self, method: str, path: str) -> None:
        for wanted, rung in self._waiting:
            if wanted(method, path):
                rung.set()

    @asynccontextmanager
    async def open(self, seed: int) -> AsyncIterator[None]:
        """Open the way; faults follow from `seed`."""
        async with AsyncExitStack() as stack:
            stack.enter_context(_untold())
            url = await stack.enter_async_context(self._recording())
            self.for_agents = await self._misbehaving(stack, url, seed)
            self.for_desk = await self._misbehaving(stack, url, seed + 1)
            yield

    async def _misbehaving(self, stack: AsyncExitStack, url: str, seed: int) -> str:
        """One way with faults to `url`; where it begins."""
        log = self._folder / "faults.jsonl"
        exchanges = http.misbehaving(url, seed=seed, odds=EXCHANGES, log=log)
        inner, of_http = await stack.enter_async_context(exchanges)
        where = urlsplit(inner)
        connections = tcp.misbehaving(
            str(where.hostname), where.port or 0, seed=seed, odds=CONNECTIONS, log=log
        )
        outer, of_tcp = await stack.enter_async_context(connections)
        self._faults.append((of_tcp, of_http))
        return outer

    @asynccontextmanager
    async def _recording(self) -> AsyncIterator[str]:
        """Listen on a free loopback port; gives the URL."""
        connector = aiohttp.TCPConnector(force_close=True)  # a VTN may die between two requests
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
            pass_on = self._recorder.pass_on_by(session)

            async def handle(request: web.Request) -> web.StreamResponse:
                self._ring(request.method, urlsplit(request.raw_path).path)
                self._recorder.upstream = self.where()
                answered = await pass_on(request)
                return abort(request) if answered.status == _NOBODY else answered

            async with listening(handle) as url:
                yield url


@contextmanager
def _untold() -> Iterator[None]:
    """Connections break all the time here: nobody wants to read of each."""
    logger = logging.getLogger("aiohttp.server")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _nobody(_exchange: Exchange) -> None:
    """Nobody listens: the file is read afterwards."""
