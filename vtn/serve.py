"""Running a VTN as a process: sockets, ready file, log, and an orderly end.

open ─▶ watch, relay ─▶ control socket ─▶ listen ─▶ ready file ─▶ … ─▶ SIGTERM or SIGINT
                                                                        │
exit 0 ◀─ close ◀─ writes ◀─ relay: its ◀─ control ◀─ requests ◀─ no new ◀─ ready file
          store    queued    object in     commands   under way   connection  removed
                             hand

What is under way is brought to its end, so long as that does not take longer than each step may.
A second signal ends the process at once: all that was answered is on disk.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vtn.app import Vtn, listening, open_vtn, relaying, watching
from vtn.control import controlled
from vtn.domain.clients import SCOPES
from vtn.domain.record import Role
from vtn.log import open_log
from vtn.settings import Place, Settings, write_json

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
SANDBOX_CLIENT = "sandbox-desk"
"""The business logic's client that a sandbox makes for whoever starts it."""


async def serve(
    settings: Settings, ready_file: Path | None, tell: Callable[[dict[str, Any]], None]
) -> None:
    """Serve until SIGTERM or SIGINT, and return once what was under way is done.

    `tell` is called, and `ready_file` written (JSON: url, pid, dso, environment, data_dir; in the
    sandbox the credentials of `SANDBOX_CLIENT`), once it answers. Raises SettingsError, Refused.
    """
    stop = _asked_to_stop()
    place = Place(settings.data_dir).make()
    with open_log(place.log) as log:
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
            with _said_in(ready_file, ready):
                tell(ready)
                await stop.wait()
                log.info("stopping")
        log.info("stopped")


@contextmanager
def _said_in(ready_file: Path | None, ready: dict[str, Any]) -> Iterator[None]:
    """The ready file stands there as long as this lasts."""
    if ready_file is not None:
        write_json(ready_file, ready)
    try:
        yield
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _asked_to_stop() -> asyncio.Event:
    """Set by the first of `_SIGNALS`; the next one does what it does to any process."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def asked() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, asked)
    return stop


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
