"""The wire before the VTN: faults for whoever comes, and every exchange written down.

    agents ─▶ faults ─┐
                      ├─▶ recorder ─▶ VTN
    desk ──▶ faults ──┘       │
                         http.jsonl

Behind the faults, so that it shows what the VTN was asked and what it answered, whether that came
through or not. A VTN that is not there is no answer: the connection breaks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from demo.recorder import Exchange, Recorder
from plugfest.faults import Faults, Odds, misbehaving
from ukprofile.clock import Clock

ODDS = Odds(reset=0.14, half_close=0.1, blackhole=0.08, latency_s=0.02)
"""No corruption: TLS makes a reset of it, and every flipped bit has a test of its own."""


class Wire:
    """The way to the VTN, and what was heard on it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._recorder = Recorder(folder / "http.jsonl", clock, _nobody)
        self.where: Callable[[], str] = str
        """Says at which URL the VTN listens now, "" while it does not."""
        self._faults: list[Faults] = []
        self._waiting: list[tuple[Callable[[str, str], bool], asyncio.Event]] = []
        self.for_agents = self.for_desk = ""

    def be_calm(self) -> None:
        """No faults for connections to come."""
        for faults in self._faults:
            faults.odds = Odds()

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
            port = await stack.enter_async_context(self._recording())
            log = self._folder / "faults.jsonl"
            for number in (0, 1):
                proxy = misbehaving("127.0.0.1", port, seed=seed + number, odds=ODDS, log=log)
                url, faults = await stack.enter_async_context(proxy)
                self._faults.append(faults)
                self.for_agents, self.for_desk = self.for_agents or url, url
            yield

    @asynccontextmanager
    async def _recording(self) -> AsyncIterator[int]:
        """Listen on a free loopback port; gives the port."""
        connector = aiohttp.TCPConnector(force_close=True)  # a VTN may die between two requests
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
            pass_on = self._recorder.pass_on_by(session)

            async def handle(request: web.Request) -> web.StreamResponse:
                self._ring(request.method, urlsplit(request.raw_path).path)
                self._recorder.upstream = self.where()
                with suppress(aiohttp.ClientError, ConnectionError):
                    return await pass_on(request)
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=502)  # nobody hears it

            app = web.Application(client_max_size=2**21)
            app.router.add_route("*", "/{path:.*}", handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            try:
                yield int(runner.addresses[0][1])
            finally:
                await runner.cleanup()


def _nobody(_exchange: Exchange) -> None:
    """Nobody listens: the file is read afterwards."""
