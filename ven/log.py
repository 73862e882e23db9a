"""The agent's log: one JSON object a line, in agent.log of its directory.

What does not fit on the disk goes to stderr: a log never stops the agent.
"""

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

from ukprofile.clock import Clock, SystemClock


@contextmanager
def open_log(path: Path, clock: Clock | None = None) -> Iterator[structlog.stdlib.BoundLogger]:
    """A log that appends to `path`; `clock` (None = the machine's) stamps its lines."""
    time = clock or SystemClock()

    def stamp(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Any:
        return {"at": time.now().isoformat(timespec="milliseconds"), **line}

    with path.open("ab", buffering=0) as file:
        path.chmod(0o600)
        log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            structlog.WriteLogger(cast("TextIO", _Lines(file))),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                stamp,
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        yield log


class _Lines:
    """The file as structlog writes to it: each line at once, on a line of its own."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._torn = b""

    def write(self, line: str) -> None:
        raw = self._torn + line.encode()
        try:
            written = self._file.write(raw)
        except OSError:
            written = 0
        if written < len(raw):
            self._torn = b"\n" if written else self._torn
            sys.stderr.write(line)
        else:
            self._torn = b""

    def flush(self) -> None:
        """Nothing waits."""
