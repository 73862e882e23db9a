"""The scenario read: scenes in order, every time of day as London has it on that date.

    {"at": "16:50", "title": "Variation down",
     "steps": [{"says": "NORTH wants less ...", "run": "ukvtn desk vary DSP-1 --from @17:00 ..."}],
     "then": ["ACME acknowledgement DSP-1 received"]}

`run` is the very command a person would type: `@17:00` stands for that time of the day in UTC,
`%ACME` for the directory of that agent; `orders` beside it are the lines of its stdin. Times of
scenes and levels may also be written in full, 2026-11-24T16:50:00Z: a date's clocks may show one
twice. Three commands are not ours: `kill -9 NAME` ends a process (vtn, or
an agent), `start NAME` starts it again as it was started before, and `tamper NAME THREAD` has
somebody on the way show the FSP something else once (a name of `plugfest.faults.TAMPERINGS`; with
a last word `always`, until `tamper nothing`). `then` is what the FSPs must answer before it goes
on: who, what kind of message, about which thread, and its word.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what it is in words; what it reads from stdin, as lines of JSON."""

    says: str
    run: str
    orders: tuple[Mapping[str, Any], ...] = ()

    @property
    def stdin(self) -> str:
        return "".join(json.dumps(order) + "\n" for order in self.orders)


@dataclass(frozen=True, slots=True)
class Scene:
    """Something happens at `at` (aware, UTC): commands are given, and `then` is waited for."""

    at: datetime
    title: str
    steps: tuple[Step, ...]
    then: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    """A scenario on the date it is played."""

    scenario: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, on: date | None = None) -> "Day":
        """The scenario in `path`, played on another date than its own if one is given."""
        scenario = json.loads(path.read_text())
        return cls(scenario | {"date": on.isoformat()} if on else scenario)

    @property
    def date(self) -> date:
        return date.fromisoformat(self.scenario["date"])

    @property
    def agents(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.scenario["agents"])

    @property
    def scenes(self) -> tuple[Scene, ...]:
        return tuple(
            Scene(
                self.at(scene["at"]),
                scene.get("title", ""),
                tuple(
                    Step(step["says"], step["run"], tuple(step.get("orders", ())))
                    for step in scene.get("steps", ())
                ),
                tuple(scene.get("then", ())),
            )
            for scene in self.scenario["scenes"]
        )

    @property
    def readings(self) -> tuple[str, ...]:
        """What is due when the day is over: the readings of every asset that shows any."""
        return tuple(
            f"{agent['party']} readings {asset_id}"
            for agent in self.agents
            for asset_id in agent["assets"]
            if agent.get("settings", {}).get("telemetry") == "true"
        )

    def readings_of(self, agent: Mapping[str, Any]) -> int:
        """How many readings each of an agent's assets has of that day."""
        reading = timedelta(seconds=int(agent.get("settings", {}).get("reading_s", 60)))
        return (self.at("24:00") - self.midnight) // reading

    @property
    def midnight(self) -> datetime:
        return self.at("00:00")

    @property
    def start(self) -> datetime:
        """When it begins: what is bought for the day may be bought the evening before."""
        return self.at(self.scenario.get("start", "00:00"))

    def at(self, text: str) -> datetime:
        """The instant at which clocks there show `text` (HH:MM; 24:00 and more is the next day)."""
        if "T" in text:
            return datetime.fromisoformat(text)
        hours, minutes = map(int, text.split(":"))
        day = self.date + timedelta(days=hours // 24)
        zone = ZoneInfo(self.scenario["time_zone"])
        return datetime.combine(day, time(hours % 24, minutes), zone).astimezone(UTC)

    def words(self, run: str, homes: Mapping[str, Path]) -> list[str]:
        """The words of a command, with times and directories in place."""
        places = {f"%{party}": str(home) for party, home in homes.items()}
        words = (places.get(word, word) for word in shlex.split(run))
        return ["/".join(map(self._time, w.split("/"))) if "@" in w else w for w in words]

    def _time(self, part: str) -> str:
        if not part.startswith("@"):
            return part
        return self.at(part[1:]).strftime("%Y-%m-%dT%H:%M:%SZ")
