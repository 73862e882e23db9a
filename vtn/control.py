"""The control socket: how `ukvtn` talks to the server that has the database open.

A Unix socket in the data directory, mode 0600: whoever may open it may do what the DSO may do.
Where nobody listens, the database is opened here, under its exclusive lock, for one command.

    POST /clients.add  {"name": "FSP7", "role": "ven"}   ──▶  200 the result, or a Problem
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ukprofile.errors import ProfileError, Refused
from ukprofile.openadr import ANSWER, JSON, read_json
from vtn.app import Vtn, open_vtn
from vtn.commands import Parameters, run
from vtn.settings import Place, Settings, SettingsError

_LONGEST_PATH = 100
"""What fits into a socket address everywhere (unix(7): 108 bytes on Linux)."""


class CommandFailed(ProfileError):
    """The running server refused a command; the text is its own."""


@asynccontextmanager
async def controlled(vtn: Vtn, path: Path) -> AsyncIterator[None]:
    """Take commands at `path` as long as this lasts."""

    async def handle(request: web.Request) -> web.Response:
        try:
            parameters = read_json(await request.read() or b"{}")
            answer = await run(vtn, request.match_info["name"], parameters)
        except Refused as refused:
            problem = {"reason": refused.reason, "detail": str(refused)}
            return web.json_response(problem, status=refused.status or 400)
        return web.json_response(answer)

    app = web.Application(client_max_size=ANSWER.max_bytes)
    app.router.add_post("/{name}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    path.unlink(missing_ok=True)  # of a server that was killed: the lock is ours
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, _short(path)).start()
    finally:
        os.umask(before)
    try:
        yield
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


async def tell(data_dir: Path, name: str, parameters: Parameters) -> JSON:
    """Run a command at the VTN of `data_dir`, served or not.

    Raises CommandFailed, Refused, or SettingsError where there is no VTN.
    """
    place = Place(data_dir)
    identity = place.identity()
    if identity is None:
        raise SettingsError(f"no VTN in {data_dir}: ukvtn serve --data-dir {data_dir} makes one")
    if place.control.exists():
        answered, value = await _ask(place.control, name, parameters)
        if answered:
            return value
    settings = Settings(data_dir=data_dir, sandbox=identity.environment == "sandbox")
    async with open_vtn(settings) as vtn:
        return await run(vtn, name, parameters)


async def _ask(socket: Path, name: str, parameters: Parameters) -> tuple[bool, Any]:
    """Whether a server answered, and what. Raises CommandFailed with its refusal."""
    connector = aiohttp.UnixConnector(_short(socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            url = f"http://control/{name}"
            async with session.post(url, data=json.dumps(parameters).encode()) as response:
                value = read_json(await response.read(), ANSWER)
                if response.status != 200:
                    raise CommandFailed(value["detail"])
                return True, value
        except aiohttp.ClientConnectorError:
            return False, None


def _short(path: Path) -> str:
    """The path as a socket address takes it: relative where the whole one is too long."""
    whole = str(path)
    if len(os.fsencode(whole)) > _LONGEST_PATH:
        whole = os.path.relpath(path)
    return whole
