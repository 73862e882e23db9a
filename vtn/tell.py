"""Telling a VTN something, from the command line: over its control socket, or without a server.

Light on purpose: a command that only asks the running server loads neither HTTP nor database
libraries, and is there in a fraction of a second.
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ukprofile.errors import ProfileError
from vtn.settings import Place, socket_address

_TIMEOUT_S = 60.0


class CommandFailed(ProfileError):
    """The running server refused a command; the text is its own."""


def tell(data_dir: Path, name: str, parameters: Mapping[str, Any]) -> Any:
    """Run a command at the VTN of `data_dir`, served or not; a JSON value.

    Raises CommandFailed, Refused, or SettingsError where there is no VTN.
    """
    connection = _connected(data_dir)
    if connection is None:
        return _alone(data_dir, name, parameters)
    return _ask(connection, name, parameters)


@contextmanager
def telling(data_dir: Path) -> Iterator[Callable[[str, Mapping[str, Any]], Any]]:
    """`tell` for many commands: without a server its database is opened once for all of them."""
    connection = _connected(data_dir)
    if connection is not None:
        connection.close()
        yield partial(tell, data_dir)
        return
    from vtn.control import running_alone  # noqa: PLC0415 - everything a VTN is made of

    with running_alone(data_dir) as run:
        yield run


def _connected(data_dir: Path) -> "_Connection | None":
    """A connection to the server of `data_dir`, or None where none runs. Raises CommandFailed."""
    connection = _Connection(Place(data_dir).control)
    try:
        connection.connect()
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise CommandFailed(f"the server in {data_dir} cannot be asked: {error}") from error
    return connection


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("control", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        with socket_address(self._path) as address:
            self.sock.connect(address)


def _ask(connection: _Connection, name: str, parameters: Mapping[str, Any]) -> Any:
    try:
        connection.request("POST", f"/{name}", json.dumps(parameters))
        response = connection.getresponse()
        value = json.loads(response.read())
    except (http.client.HTTPException, OSError, ValueError) as error:
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
