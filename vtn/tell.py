"""Telling a VTN something, from the command line: over its control socket, or without a server.

Light on purpose: a command that only asks the running server loads neither HTTP nor database
libraries, and is there in a fraction of a second.
"""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ukprofile.errors import ProfileError

_LONGEST_ADDRESS = 100
"""What fits into a socket address everywhere (unix(7): 108 bytes on Linux)."""
_TIMEOUT_S = 60.0


class CommandFailed(ProfileError):
    """The running server refused a command; the text is its own."""


def tell(data_dir: Path, name: str, parameters: Mapping[str, Any]) -> Any:
    """Run a command at the VTN of `data_dir`, served or not; a JSON value.

    Raises CommandFailed, Refused, or SettingsError where there is no VTN.
    """
    try:
        return _ask(data_dir / "control.sock", name, parameters)
    except (FileNotFoundError, ConnectionRefusedError):
        return _alone(data_dir, name, parameters)


def socket_address(path: Path) -> str:
    """The path as a socket address takes it: relative where the whole one is too long."""
    whole = str(path)
    return os.path.relpath(path) if len(os.fsencode(whole)) > _LONGEST_ADDRESS else whole


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("control", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(socket_address(self._path))


def _ask(path: Path, name: str, parameters: Mapping[str, Any]) -> Any:
    connection = _Connection(path)
    try:
        connection.request("POST", f"/{name}", json.dumps(parameters))
        response = connection.getresponse()
        value = json.loads(response.read())
    except (http.client.HTTPException, TimeoutError, ConnectionResetError) as error:
        raise CommandFailed(
            f"the server did not answer ({error!r}): the command may or may "
            "not have been carried out; look with ukvtn status"
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise CommandFailed(value["detail"])
    return value


def _alone(data_dir: Path, name: str, parameters: Mapping[str, Any]) -> Any:
    import asyncio  # noqa: PLC0415 - and with it everything a VTN is made of

    from vtn.control import run_alone  # noqa: PLC0415

    return asyncio.run(run_alone(data_dir, name, parameters))
