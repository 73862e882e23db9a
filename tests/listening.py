"""A log that a test listens to."""

from typing import Any

import structlog


class Heard:
    """A log: its security lines, the errors of ours that it was told, and everything it ever said.

    What the desk's watch tells is about dispatches, in its own time, and no refusal: it stands in
    `watch`.
    """

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.watch: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.everything = ""
        self.log = structlog.wrap_logger(
            None, processors=[self._take], wrapper_class=structlog.stdlib.BoundLogger
        )

    def _take(self, _logger: Any, _method: str, event: Any) -> Any:
        self.everything += f"{event}\n"
        self.errors += [event] if event["event"] == "internal error" else []
        if event.get("log") == "security":
            (self.watch if "cause" in event else self.lines).append(event)
        raise structlog.DropEvent
