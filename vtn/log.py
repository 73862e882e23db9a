"""The log of a VTN's process: one JSON object a line, and never in anybody's way.

On a full disk it cannot be written either. The lines that are lost then are counted, and the first
that can be written again says how many they were.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import structlog

from vtn.http.problems import Log


@contextmanager
def open_log(path: Path) -> Iterator[Log]:
    """The log in a file, for its owner only."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield json_log(LogFile(fd))
    finally:
        os.close(fd)


class LogFile:
    """Where lines are written, each at once: as much of a `TextIO` as a logger needs."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lost = 0
        self._torn = False

    def write(self, line: str) -> None:
        """Write a line, newline and all, or count it as lost."""
        if self._lost or self._torn:
            told = json.dumps({"event": "log lines lost", "lines": self._lost, "level": "warning"})
            line = ("\n" if self._torn else "") + f"{told}\n{line}"
        left = line.encode("utf-8", "backslashreplace")
        try:
            while left:
                written = os.write(self._fd, left)
                left, self._torn = left[written:], written < len(left)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def flush(self) -> None:
        """Nothing waits."""


def json_log(file: LogFile) -> Log:
    """A log of one JSON object a line."""
    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", file)),
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
