"""What a person sees of the demo: a table that lives, or one line for each thing that happens.

Everything shown was read off the wire by the recorder, and off the devices' own logs.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo.day import Day
from demo.recorder import Exchange
from ukprofile.clock import SharedClock

_WORDS = ("decided", "answer", "state", "reason")
"""The members of a body that say what a VEN's message says."""
_TOLD = {
    "availability": "offers",
    "acknowledgement": "acknowledges",
    "response": "answers",
    "baseline": "nominates its baseline",
    "unavailability": "declares an asset away",
}


@dataclass
class Row:
    """One FSP: what it was told last, what it said last, what its devices do."""

    party: str
    devices: Sequence[Path]
    told: str = ""
    said: str = ""
    runs: str = ""
    texts: set[str] = field(default_factory=set)

    def power(self, now: datetime) -> str:
        """What its devices were told for now."""
        return ", ".join(filter(None, (_holds(path, now) for path in self.devices))) or "idle"


class Screen:
    """Hears exchanges, shows rows; `said` counts what was said, in the scenario's words."""

    def __init__(
        self,
        console: Console,
        clock: SharedClock,
        day: Day,
        directory: Path,
    ) -> None:
        self._console = console
        self._clock = clock
        self._brief = bool(day.scenario.get("brief"))
        self._unsaid: dict[str, Counter[str]] = {}
        self._width = max(len(agent["party"]) for agent in day.agents)
        self._whole = {
            asset_id: day.readings_of(agent) for agent in day.agents for asset_id in agent["assets"]
        }
        self._rows = {
            party.lower(): Row(
                party,
                [directory / party.lower() / "devices" / f"{a}.jsonl" for a in agent["assets"]],
            )
            for agent in day.agents
            for party in (agent["party"],)
        }
        self.said: Counter[str] = Counter()

    def hear(self, exchange: Exchange) -> None:
        """Take what was said or shown into the row of its FSP."""
        row = self._rows.get(exchange["client_id"])
        if row is None:
            return
        self._read(row.party, exchange)
        if (exchange["method"], exchange["path"], exchange["status"]) == ("POST", "/reports", 201):
            message = message_of(exchange["request"].get("resources", ()))
            if message is not None:
                self._posted(row, message, exchange["at"][11:19])
        elif (exchange["path"], exchange["status"]) == ("/events", 200):
            for event in exchange["response"]:
                self._shown(row, message_of([event]))

    def sum_up(self) -> None:
        """Where not every line is shown: what each FSP has said since, a line for each."""
        for party, said in self._unsaid.items():
            words = ", ".join(f"{what} {count}" for what, count in said.items())
            self.say(f"{party:{self._width}}  {words}")
        self._unsaid.clear()

    def say(self, line: str) -> None:
        """One thing that happens, with the time."""
        self._print(f"{self._clock.now():%H:%M:%S}  {line}")

    def rule(self, title: str) -> None:
        """The heading of a scene."""
        self._console.print(f"\n{title}", style="bold", highlight=False, soft_wrap=True)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The live table, where a person looks; nothing else where nobody does."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._table, console=self._console, refresh_per_second=8):
            yield

    def _read(self, party: str, exchange: Exchange) -> None:
        """Whether an exchange shows the readings of an asset up to the end of the day."""
        report = exchange["request"] if exchange["status"] in (200, 201) else None
        if not (report and str(report.get("reportName", "")).startswith("TELEMETRY-")):
            return
        (shown,) = report["resources"]
        asset_id = shown["resourceName"]
        if len(shown["intervals"]) == self._whole[asset_id]:
            self.said[f"{party} readings {asset_id}"] = 1

    def _posted(self, row: Row, message: Any, at: str) -> None:
        said = spoken(row.party, message)
        self.said[said] += 1
        kind, body = message["kind"], message["body"]
        words = [str(body[name]) for name in _WORDS if name in body]
        thread = message.get("in_reply_to", {}).get("thread", "")
        if kind == "status":
            since = body["at"][11:19]
            power = f", {body['power_w']:+,} W at the meter" if "power_w" in body else ""
            row.runs = f"{thread} {body['state']} {body['at'][11:16]}"
            self._tell(row, body["state"], f"{at}  {row.party:8} {thread}: {body['state']} "
                       f"since {since}{power}")  # fmt: skip
            return
        row.said = f"{thread} {' '.join(words) or kind}"
        told = _TOLD.get(kind, kind.replace("_", "-"))
        brief = told if kind in ("availability", "post_action") else " ".join((told, *words))
        line = ": ".join(filter(None, (f"{told} {thread}".rstrip(), _detail(kind, body, words))))
        self._tell(row, brief, f"{at}  {row.party:8} {line}")

    def _tell(self, row: Row, brief: str, line: str) -> None:
        """Show a line; or count it, to be summed up."""
        if self._brief:
            self._unsaid.setdefault(row.party, Counter())[brief] += 1
        else:
            self._print(line)

    def _shown(self, row: Row, message: Any) -> None:
        if message is None or message["message_id"] in row.texts:
            return
        row.texts.add(message["message_id"])
        row.told = f"{message['kind']} {message['thread']}"

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        now, rate = self._clock.now(), self._clock.rate
        table = Table(
            title=f"{now:%H:%M:%S} UTC, business time, {_speed(rate)}", title_justify="left"
        )
        for column in ("FSP", "told last", "answered", "devices", "reported"):
            table.add_column(column)
        for row in self._rows.values():
            table.add_row(row.party, row.told, row.said, row.power(now), row.runs)
        return table


def spoken(party: str, message: Any) -> str:
    """A VEN's message in the words of the scenario: who, kind, thread, word, reason of a rule."""
    body = message["body"]
    thread = message.get("in_reply_to", {}).get("thread", "")
    word = next((str(body[name]) for name in _WORDS[:3] if name in body), "")
    rule = body.get("reason", "") if message["kind"] == "acknowledgement" else ""
    return " ".join(filter(None, (party, message["kind"], thread, word, rule)))


def message_of(carriers: Any) -> Any:
    """The signed message in an event or in resources of a report; None where there is none."""
    for carrier in carriers:
        for interval in carrier.get("intervals") or ():
            for payload in interval["payloads"]:
                if payload["type"] == "UKFLEX_MESSAGE":
                    return json.loads(payload["values"][0])
    return None


def clock_text(when: datetime) -> str:
    """A time as the profile writes it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _detail(kind: str, body: Any, words: Sequence[str]) -> str:
    """What of a message a person wants to see."""
    if kind == "availability":
        price = body["price"].get("utilisation_minor_per_mwh", 0)
        return f"{_periods(body)} at {price / 100:.2f} a MWh"
    if kind == "post_action":
        return f"{sum(body['delivered_wh']):,} Wh delivered by {body['assets'][0]['asset_id']}"
    if kind == "response" and "periods" in body:
        return f"{' '.join(words)}, {_periods(body)}"
    return " ".join(words)


def _periods(body: Any) -> str:
    return ", ".join(
        f"{p.get('delta_w', p.get('setpoint_w')):+,} W {p['start'][11:16]}-{p['end'][11:16]}"
        for p in body["periods"]
    )


def _holds(path: Path, now: datetime) -> str:
    """The newest command that has begun, of a device's own log."""
    lines = path.read_text().splitlines() if path.exists() else []
    begun = [told for told in map(json.loads, lines) if _at(told["from"]) <= now]
    if not begun or now >= _at(begun[-1]["to"]) or begun[-1]["delta_w"] is None:
        return ""
    return f"{begun[-1]['delta_w']:+,} W"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _speed(rate: float) -> str:
    return "stopped" if rate == 0 else f"{rate:,.0f} times as fast as life" if rate > 1 else "live"
