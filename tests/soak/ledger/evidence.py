"""What a round left behind, read once: exchanges, both ledgers, commands, device logs, alarms."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

JSON = Any
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRM = ("instruction", "variation")
STOPS = ("cease", "cancellation")
NOBODY = 502
"""What the recorder writes down where the VTN did not answer."""
DISPATCH = ("schedule", *_FIRM, *STOPS)


@dataclass(frozen=True)
class Text:
    """A signed text in a ledger: `at` when it was decided or said there (business time).

    `verdict` is that ledger's own: it says which texts it kept without their counting.
    """

    text: str
    signatures: tuple[str, ...]
    verdict: str
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
    def issuer(self) -> str:
        return str(self.message["issuer"])

    @property
    def revision(self) -> int:
        return int(self.message["revision"])

    @property
    def issued_at(self) -> datetime:
        return time(self.message["issued_at"])

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def answers(self) -> str:
        """The digest of what it answers; "" for what answers nothing."""
        return str(self.message.get("in_reply_to", {}).get("sha256", ""))

    @property
    def stop(self) -> bool:
        return self.kind in STOPS

    @property
    def firm(self) -> bool:
        return self.kind in _FIRM

    @property
    def name(self) -> str:
        return f"{self.kind} {self.thread} ({self.revision})"


@dataclass(frozen=True)
class Line:
    """One line of a device's own log: a command, and when it was taken."""

    at: datetime
    id: str
    start: datetime
    end: datetime
    watts: int | None
    """Against the baseline; None = released."""
    threads: tuple[str, ...]

    @property
    def content(self) -> tuple[Any, ...]:
        """All that it says, whatever it is called."""
        return self.start, self.end, self.watts, self.threads


class Agent:
    """One agent's directory: its journal, its devices' logs, its public key."""

    def __init__(self, home: Path) -> None:
        self.key: JSON = json.loads((home / "public.json").read_text())
        self.party = str(self.key["party"])
        journal = home / "journal.db"
        self.texts = tuple(
            Text(
                r["text"], tuple(json.loads(r["signatures"])), r["verdict"], time(r["received_at"])
            )
            for r in rows(journal, "SELECT * FROM entries ORDER BY seq")
        )
        self.commands = rows(journal, "SELECT * FROM commands")
        self.posts = rows(journal, "SELECT * FROM outbox ORDER BY seq")
        self.devices = {path.stem: _lines(path) for path in sorted(home.glob("devices/*.jsonl"))}

    @cached_property
    def by_digest(self) -> dict[str, Text]:
        return {text.sha256: text for text in self.texts}


class Evidence:
    """One round, in the directory it was played in."""

    def __init__(self, folder: Path) -> None:
        self.exchanges: list[JSON] = [
            json.loads(line) for line in (folder / "http.jsonl").read_text().splitlines()
        ]
        self.dso_key: JSON = json.loads((folder / "dso_public.json").read_text())
        self.agents = [Agent(path.parent) for path in sorted(folder.glob("*/journal.db"))]
        database = folder / "vtn" / "vtn.db"
        self.texts = tuple(
            Text(
                r["text"],
                tuple(json.loads(r["signatures"])),
                r["verdict"],
                _EPOCH + timedelta(microseconds=r["received_at"]),
            )
            for r in rows(database, "SELECT * FROM messages ORDER BY number")
        )
        self.objects = {
            r["id"]: json.loads(r["body"]) for r in rows(database, "SELECT * FROM objects")
        }
        self.alarms = rows(database, "SELECT * FROM alarms ORDER BY number")

    @property
    def dso(self) -> str:
        return str(self.dso_key["party"])

    @cached_property
    def by_digest(self) -> dict[str, Text]:
        """The texts of the VTN's ledger."""
        return {text.sha256: text for text in self.texts}

    @cached_property
    def dispatches(self) -> dict[tuple[str, str], list[Text]]:
        """The DSO's texts of each dispatch, by its FSP and thread, in order."""
        found: dict[tuple[str, str], list[Text]] = {}
        for text in self.texts:
            if text.issuer == self.dso and text.kind in DISPATCH:
                found.setdefault((text.message["recipient"], text.thread), []).append(text)
        return {key: sorted(texts, key=lambda t: t.revision) for key, texts in found.items()}

    def replies(self, texts: Sequence[Text], kind: str) -> list[Text]:
        """What the VTN holds of that kind in answer to any of `texts`, in order."""
        about = {text.sha256 for text in texts}
        found = [t for t in self.texts if t.kind == kind and t.answers in about and counts(t)]
        return sorted(found, key=lambda t: t.revision)

    def seen(self, start: datetime, end: datetime, client_id: str = "") -> int:
        """How often the VTN answered in that time: at all, or this agent's look at the events."""
        return sum(start <= at < end for at in self._looks[client_id])

    @cached_property
    def _looks(self) -> dict[str, list[datetime]]:
        found: dict[str, list[datetime]] = {agent.party.lower(): [] for agent in self.agents}
        found[""] = []
        for exchange in (x for x in self.exchanges if x["status"] != NOBODY):
            at = time(exchange["at"])
            found[""].append(at)
            if exchange["path"] == "/events" and exchange["client_id"] in found:
                found[exchange["client_id"]].append(at)
        return found


def counts(text: Text) -> bool:
    """Whether a ledger kept a text as one that counts in its thread."""
    return text.verdict not in ("refused", "late", "expired")


def texts_in(carrier: JSON) -> Iterator[str]:
    """The signed texts in an event or report."""
    if not isinstance(carrier, dict):
        return
    for part in (carrier, *(carrier.get("resources") or ())):
        for interval in part.get("intervals") or ():
            for payload in interval["payloads"]:
                if payload["type"] == "UKFLEX_MESSAGE":
                    yield payload["values"][0]


def rows(database: Path, sql: str) -> list[dict[str, Any]]:
    """What a database says; nothing is written to it."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _lines(log: Path) -> tuple[Line, ...]:
    """The whole lines: one that was cut short never counted."""
    return tuple(
        Line(
            time(line["at"]),
            line["id"],
            time(line["from"]),
            time(line["to"]),
            line["delta_w"],
            tuple(line["threads"]),
        )
        for line in map(json.loads, log.read_text().split("\n")[:-1])
    )
