"""What a person sees of the demo: a table that lives, or one line for each thing that happens.

Everything shown was read off the wire by the recorder, and off the devices' own logs.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo.recorder import Exchange
from ukprofile.clock import SharedClock


@dataclass
class Row:
    """One FSP: what was asked of it, what it answered, what it does."""

    party: str
    client_id: str
    thread: str
    asked: str
    device_log: Path
    answer: str = ""
    runs: list[str] = field(default_factory=list)

    @property
    def device(self) -> str:
        """The newest command its device took."""
        lines = self.device_log.read_text().splitlines() if self.device_log.exists() else []
        if not lines:
            return "idle"
        told = json.loads(lines[-1])
        return f"{told['target_w']:+,} W from {told['from'][11:16]} to {told['to'][11:16]}"


class Screen:
    """Hears exchanges, shows rows."""

    def __init__(self, console: Console, clock: SharedClock, rows: list[Row]) -> None:
        self._console = console
        self._clock = clock
        self.rows = rows

    def hear(self, exchange: Exchange) -> None:
        """Take a report that was posted into the row of its FSP."""
        if (exchange["method"], exchange["path"], exchange["status"]) != ("POST", "/reports", 201):
            return
        row = next((r for r in self.rows if r.client_id == exchange["client_id"]), None)
        message = message_of(exchange["request"])
        if row is None or message is None:
            return
        at, body = exchange["at"][11:19], message["body"]
        if message["in_reply_to"]["thread"] != row.thread:
            return
        if message["kind"] == "acknowledgement":
            row.answer = " ".join(filter(None, (body["decided"], body.get("reason"))))
            self._say(f"{at}  {row.party:8} acknowledges {row.thread}: {row.answer}")
        elif message["kind"] == "status":
            power = f", {body['power_w']:+,} W at the meter" if "power_w" in body else ""
            row.runs.append(f"{body['state']} {body['at'][11:16]}")
            self._say(f"{at}  {row.party:8} {body['state']} since {body['at'][11:19]}{power}")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The live table, where a person looks; nothing else where nobody does."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._table, console=self._console, refresh_per_second=8):
            yield

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        now, rate = self._clock.now(), self._clock.rate
        table = Table(
            title=f"{now:%H:%M:%S} UTC, business time, {_speed(rate)}", title_justify="left"
        )
        for column in ("FSP", "asked", "answered", "device", "reported"):
            table.add_column(column)
        for row in self.rows:
            table.add_row(row.party, row.asked, row.answer, row.device, ", ".join(row.runs))
        return table


def message_of(report: Any) -> Any:
    """The signed message in a report, parsed; None where there is none."""
    for resource in report.get("resources", ()):
        for interval in resource["intervals"]:
            for payload in interval["payloads"]:
                if payload["type"] == "UKFLEX_MESSAGE":
                    return json.loads(payload["values"][0])
    return None


def clock_text(when: datetime) -> str:
    """A time as the profile writes it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _speed(rate: float) -> str:
    return "stopped" if rate == 0 else f"{rate:g} times as fast as life" if rate > 1 else "live"
