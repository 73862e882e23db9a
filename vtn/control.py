"""The control socket: how `ukvtn` talks to the server that has the database open.

A Unix socket in the data directory, mode 0600: whoever may open it may do what the DSO may do.
`vtn.tell` is the other end. Where nobody listens, the database is opened here, under its exclusive
lock, for one command.

    POST /clients.add  {"name": "FSP7", "role": "ven"}   ──▶  200 the result, or a Problem
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from ukprofile.errors import Refused
from ukprofile.openadr import ANSWER, JSON, read_json
from vtn.app import Vtn, open_vtn
from vtn.commands import Parameters, run
from vtn.settings import Place, Settings, SettingsError, socket_address


@asynccontextmanager
async def controlled(vtn: Vtn, path: Path) -> AsyncIterator[None]:
    """Take commands at `path` as long as this lasts."""

    async def handle(request: web.Request) -> web.Response:
        try:
            parameters = read_json(await request.read() or b"{}")
            answer = await run(vtn, request.match_info["name"], parameters)
        except Refused as refused:
            return _problem(refused)
        except Exception as error:  # whatever it is, who asked is told
            vtn.log.exception("internal error", path=request.path)
            return _problem(Refused("INTERNAL", f"{error!r}; the log of the server tells more"))
        return web.json_response(answer)

    app = web.Application(client_max_size=ANSWER.max_bytes)
    app.router.add_post("/{name}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    path.unlink(missing_ok=True)  # of a server that was killed: the lock is ours
    await web.SockSite(runner, _bound(path)).start()
    try:
        yield
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


def _bound(path: Path) -> socket.socket:
    """A socket at `path` that only its owner can reach."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with socket_address(path) as address:
            listener.bind(address)
    finally:
        os.umask(before)
    return listener


def _problem(refused: Refused) -> web.Response:
    problem = {"reason": refused.reason, "detail": str(refused)}
    return web.json_response(problem, status=refused.status or 400)


async def run_alone(data_dir: Path, name: str, parameters: Parameters) -> JSON:
    """Run one command on the database of a VTN that is not running. Raises ProfileError."""
    async with open_vtn(_settings_of(data_dir)) as vtn:
        return await run(vtn, name, parameters)


@contextmanager
def running_alone(data_dir: Path) -> Iterator[Callable[[str, Parameters], JSON]]:
    """The same for several commands, one after another, with the database opened once."""
    settings = _settings_of(data_dir)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        vtn = runner.run(stack.enter_async_context(open_vtn(settings)))
        try:
            yield lambda name, parameters: runner.run(run(vtn, name, parameters))
        finally:
            runner.run(stack.aclose())


def _settings_of(data_dir: Path) -> Settings:
    """Those of a VTN that is there but not running. Raises SettingsError."""
    place = Place(data_dir)
    identity = place.identity()
    if identity is None:
        raise SettingsError(f"no VTN in {data_dir}: ukvtn serve --data-dir {data_dir} makes one")
    return Settings(
        data_dir=data_dir,
        sandbox=identity.environment == "sandbox",
        clock=place.remembered_clock(),
    )
