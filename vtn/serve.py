"""Running a VTN as a process: sockets, ready file, log, and an orderly end.

open ─▶ watch, relay ─▶ control socket ─▶ listen ─▶ ready file ─▶ … ─▶ SIGTERM or SIGINT
                                                                        └─▶ drain, close, exit 0
"""

import asyncio
import os
import signal
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import structlog

from vtn.app import Vtn, listening, open_vtn, relaying, watching
from vtn.control import controlled
from vtn.domain.clients import SCOPES
from vtn.domain.record import Role
from vtn.http.problems import Log
from vtn.settings import Place, Settings, write_json

SANDBOX_CLIENT = "sandbox-desk"
"""The business logic's client that a sandbox makes for whoever starts it."""


async def serve(
    settings: Settings, ready_file: Path | None, tell: Callable[[dict[str, Any]], None]
) -> None:
    """Serve until SIGTERM or SIGINT.

    `tell` is called, and `ready_file` written (JSON: url, pid, dso, environment, data_dir; in the
    sandbox the credentials of `SANDBOX_CLIENT`), once it answers. Raises SettingsError, Refused.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    place = Place(settings.data_dir).make()
    with open_log(place.log) as file:
        log = json_log(file)
        async with (
            open_vtn(settings, log=log) as vtn,
            watching(vtn),
            relaying(vtn),
            controlled(vtn, place.control),
            listening(vtn) as url,
        ):
            ready = await _ready(vtn, url)
            place.remember_clock(settings.clock)
            log.info("serving", url=url, dso=vtn.dso, environment=settings.environment)
            if ready_file is not None:
                write_json(ready_file, ready)
            tell(ready)
            await stop.wait()
            log.info("stopping")


async def _ready(vtn: Vtn, url: str) -> dict[str, Any]:
    ready: dict[str, Any] = {
        "url": url,
        "pid": os.getpid(),
        "dso": vtn.dso,
        "environment": vtn.settings.environment,
        "data_dir": str(vtn.settings.data_dir),
    }
    if vtn.settings.sandbox:
        names = {client.name for client in vtn.office.clients()}
        client, secret = (
            await vtn.office.new_secret(SANDBOX_CLIENT)
            if SANDBOX_CLIENT in names
            else await vtn.office.add_client(SANDBOX_CLIENT, Role.BL)
        )
        ready["bl"] = {
            "client_id": client.client_id,
            "client_secret": secret,
            "scope": " ".join(sorted(SCOPES[Role.BL])),
        }
    return ready


def open_log(path: Path) -> TextIOWrapper:
    """The log file, line by line, for its owner only."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(fd, "w", buffering=1)


def json_log(file: TextIOWrapper) -> Log:
    """A log of one JSON object a line."""
    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(file),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    )
    return log
