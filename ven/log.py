"""The agent's log: one JSON object a line, in agent.log of its directory."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from ukprofile.clock import Clock, SystemClock


@contextmanager
def open_log(path: Path, clock: Clock | None = None) -> Iterator[structlog.stdlib.BoundLogger]:
    """A log that appends to `path`; `clock` (None = the machine's) stamps its lines."""
    time = clock or SystemClock()

    def stamp(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Any:
        return {"at": time.now().isoformat(timespec="milliseconds"), **line}

    with path.open("a", buffering=1) as file:
        path.chmod(0o600)
        log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            structlog.WriteLogger(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                stamp,
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        yield log
