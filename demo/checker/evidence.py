"""What a demo left behind, read once: exchanges, texts, journals, device logs, the VTN's tables."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

JSON = Any


@dataclass(frozen=True)
class Text:
    """A signed text: what it says, in which event or report, and when it was first on the wire."""

    text: str
    carrier: JSON
    at: datetime

    @cached_property
    def message(self) -> JSON:
        return json.loads(self.text)

    @property
    def kind(self) -> str:
        return str(self.message["kind"])

    @property
    def body(self) -> JSON:
        return self.message["body"]

    @property
    def thread(self) -> str:
        return str(self.message["thread"])

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def answers(self) -> JSON:
        """What it answers: thread, revision, digest; empty for what answers nothing."""
        return self.message.get("in_reply_to", {})

    @property
    def spoken(self) -> str:
        """As the scenario says it: kind, thread, word, and the reason of a rule's refusal."""
        words = [self.kind, self.answers.get("thread", "")]
        words += [str(self.body[w]) for w in ("decided", "answer", "state") if w in self.body][:1]
        if self.kind == "acknowledgement":
            words.append(self.body.get("reason", ""))
        return " ".join(filter(None, words))


class Evidence:
    """One demo: the scenario it was to play, and the directory with what came of it."""

    def __init__(self, scenario: Path, directory: Path) -> None:
        self.scenario: JSON = json.loads(scenario.read_text())
        self.directory = directory
        self.dso: str = self.scenario["dso"]
        self.agents: list[JSON] = self.scenario["agents"]
        self.exchanges: list[JSON] = [json.loads(x) for x in _lines(directory / "http.jsonl")]
        self.exit_codes: JSON = self.read("exit_codes.json")
        self.dso_key: JSON = self.read("dso_public.json")
        kills = directory / "kills.jsonl"
        self.kills: list[JSON] = [json.loads(line) for line in _lines(kills)]
        self.tampering: list[JSON] = [json.loads(x) for x in _lines(directory / "tampering.jsonl")]
        self._texts: dict[tuple[str, bool], list[Text]] = {}

    def read(self, name: str) -> JSON:
        return json.loads((self.directory / name).read_text())

    def down(self, process: str, at: datetime) -> bool:
        """Whether a process had been killed, and was not there again yet, at a moment."""
        told = [one for one in self.kills if one["process"] == process]
        before = [one for one in told if time(one["at"]) <= at]
        return bool(before) and before[-1]["what"] == "kill"

    @property
    def withheld(self) -> set[str]:
        """The threads whose events were kept from an agent for a while."""
        return {one["thread"] for one in self.tampering if one["tampering"] == "withheld"}

    # -- times of the day --------------------------------------------------------------------------

    def at(self, text: str, days: int = 0) -> datetime:
        """The instant at which clocks there show `text`; hours from 24 on are the next day's."""
        if "T" in text:
            return time(text)
        hours, minutes = map(int, text.split(":"))
        day = date.fromisoformat(self.scenario["date"]) + timedelta(days=days + hours // 24)
        zone = ZoneInfo(self.scenario["time_zone"])
        return datetime.combine(day, clock_time(hours % 24, minutes), zone).astimezone(UTC)

    @property
    def midnight(self) -> datetime:
        return self.at("00:00")

    @property
    def half_hours(self) -> int:
        """How many half hours that local day has: 46, 48 or 50."""
        return int((self.at("24:00") - self.midnight) / timedelta(minutes=30))

    # -- who said what -----------------------------------------------------------------------------

    def of(self, agent: JSON) -> list[JSON]:
        return [e for e in self.exchanges if e["client_id"] == agent["party"].lower()]

    def contracts(self, agent: JSON) -> dict[str, list[str]]:
        """Every contract of an agent, with its assets: those it names, or all of the agent's."""
        return {
            own["contract_id"]: list(own.get("assets", agent["assets"]))
            for own in agent["contracts"]
        }

    def markets(self, agent: JSON) -> list[str]:
        """The markets in which an agent may offer."""
        return [
            f"market:{self.dso}:{one['product'].replace('+', '-')}:{one['zone']}"
            for one in self.scenario["markets"]
            if agent["party"] in one["members"]
        ]

    def home(self, agent: JSON) -> Path:
        return self.directory / str(agent["party"]).lower()

    def key(self, agent: JSON) -> JSON:
        return json.loads((self.home(agent) / "public.json").read_text())

    def from_dso(self, agent: JSON) -> list[Text]:
        """Every text of the DSO that the agent was shown, in the order it first was."""
        return self._found(agent, own=False)

    def from_ven(self, agent: JSON) -> list[Text]:
        """Every text that the agent posted and the VTN took, in order."""
        return self._found(agent, own=True)

    def _found(self, agent: JSON, *, own: bool) -> list[Text]:
        key = (agent["party"], own)
        if key not in self._texts:
            seen: dict[str, Text] = {}
            for exchange in self.of(agent):
                for carrier in _posted(exchange) if own else _shown(exchange):
                    text = text_of(carrier)
                    if text and text not in seen:
                        seen[text] = Text(text, carrier, time(exchange["at"]))
            self._texts[key] = list(seen.values())
        return self._texts[key]

    def thread(self, agent: JSON, thread: str) -> list[Text]:
        """The DSO's texts of one thread, by revision."""
        mine = [t for t in self.from_dso(agent) if t.thread == thread]
        return sorted(mine, key=lambda t: int(t.message["revision"]))

    @property
    def dispatches(self) -> Iterator[tuple[JSON, str, list[Text]]]:
        """Every dispatch of the scenario: its agent, its thread, its texts."""
        for thread in self.scenario["states"]:
            for agent in self.agents:
                if found := self.thread(agent, thread):
                    yield agent, thread, found

    # -- what was stored ---------------------------------------------------------------------------

    def device_lines(self, agent: JSON, asset_id: str) -> list[JSON]:
        log = self.home(agent) / "devices" / f"{asset_id}.jsonl"
        return [json.loads(line) for line in _lines(log)]

    def rows(self, database: Path, sql: str) -> list[JSON]:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]

    def vtn(self, sql: str) -> list[JSON]:
        return self.rows(self.directory / "vtn/vtn.db", sql)

    def journal(self, agent: JSON, sql: str) -> list[JSON]:
        return self.rows(self.home(agent) / "journal.db", sql)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _shown(exchange: JSON) -> list[JSON]:
    if exchange["path"] == "/events" and exchange["status"] == 200:
        return list(exchange["response"])
    return []


def _posted(exchange: JSON) -> list[JSON]:
    taken = exchange["method"] == "POST" and exchange["status"] in (200, 201)
    return [exchange["request"]] if taken and exchange["path"] == "/reports" else []


def payloads(carrier: JSON) -> Iterator[JSON]:
    """The payloads of the first interval of an event or report."""
    intervals = carrier.get("intervals") or carrier["resources"][0]["intervals"]
    yield from intervals[0]["payloads"]


def text_of(carrier: JSON) -> str:
    """The signed text in an event or report; "" where there is none."""
    return next((p["values"][0] for p in payloads(carrier) if p["type"] == "UKFLEX_MESSAGE"), "")


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
