"""What a round leaves behind, made by hand: four dispatches of ACME's, each with another end.

RAN      06:10 ── 400 kW ── 06:15 ── 300 kW ── 06:30 ceased, of 06:40
FAILED   instructed for 07:00, the device cannot: told to have failed, alarmed
UNREAD   instructed for 07:30, and never read: alarmed
LAPSED   scheduled for 08:00, accepted, never confirmed: alarmed
"""

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ukprofile.flex.times import milliseconds, time_text
from ukprofile.signing import Sealed, SigningKeys, seal

JSON = Any
DAY = datetime(2026, 11, 24, tzinfo=UTC)
_LIFE = timedelta(days=999)
_TABLES = {
    "vtn/vtn.db": (
        "messages (number INTEGER PRIMARY KEY, text, signatures, verdict, received_at)",
        "objects (id, body)",
        "alarms (number INTEGER PRIMARY KEY, provider, thread, cause, key)",
    ),
    "acme/journal.db": (
        "entries (seq INTEGER PRIMARY KEY, text, signatures, verdict, received_at)",
        "commands (id, valid_from, valid_to, delta_w, sent_order, state)",
        "outbox (seq INTEGER PRIMARY KEY, name, kind, body, state, settled_at, error)",
    ),
}


def at(clock: str) -> datetime:
    """That time of the day."""
    hours, minutes, seconds = (*map(int, clock.split(":")), 0)[:3]
    return DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def keys(party: str, role: Any) -> SigningKeys:
    return SigningKeys.generate(
        f"{party}-1", party, role, DAY - _LIFE, DAY + _LIFE, party.encode().zfill, suite=1
    )


class Round:
    """Everything in `folder`, line by line as it would have come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._dso, self._acme = keys("NORTH", "dso"), keys("ACME", "ven")
        self._number = 0
        for name, tables in _TABLES.items():
            (folder / name).parent.mkdir(parents=True)
            for table in tables:
                self._insert(name, f"CREATE TABLE {table}")
        (folder / "acme" / "devices").mkdir()
        for path, one in (("dso_public.json", self._dso), ("acme/public.json", self._acme)):
            (folder / path).write_text(json.dumps(one.public().to_json()))

    def told(self, kind: str, thread: str, issued: str, read: str, **body: Any) -> Sealed:
        """The DSO says something, answered on the wire; `read` "" = never, else acknowledged."""
        when = at(issued)
        sealed = self._seal(self._dso, "ACME", kind, thread, when, body)
        self._keep("vtn", sealed, when)
        revision = json.loads(sealed.text)["revision"]
        shown = {"provider": "ACME", "thread": thread, "kind": kind, "revision": revision}
        self._heard(when, "desk", "POST", f"/desk/{kind}", 200, body, shown)
        if read:
            event = _carrier("EVENT", f"event-{thread}", sealed, when)
            self._heard(at(read), "acme", "GET", "/events", 200, None, [event])
            self._keep("acme", sealed, at(read))
            self.said("acknowledgement", sealed, read, decided="received")
        return sealed

    def said(self, kind: str, to: Sealed, when: str, **body: Any) -> None:
        """ACME answers a text: in its journal, posted, taken."""
        asked = json.loads(to.text)
        reply = {
            "thread": asked["thread"],
            "revision": asked["revision"],
            "sha256": _digest(to.text),
        }
        thread = f"{kind[:2]}-{asked['thread']}"
        sealed = self._seal(self._acme, "NORTH", kind, thread, at(when), body, in_reply_to=reply)
        report = _carrier("REPORT", f"report-{self._number}", sealed, at(when))
        self._keep("acme", sealed, at(when), "sent")
        self._keep("vtn", sealed, at(when))
        name, text = json.loads(sealed.text)["message_id"], json.dumps(report)
        self._insert(
            "acme/journal.db",
            "INSERT INTO outbox VALUES (NULL, ?, ?, ?, 'SENT', ?, '')",
            *(name, kind, text, time_text(at(when))),
        )
        self._insert("vtn/vtn.db", "INSERT INTO objects VALUES (?, ?)", report["id"], text)
        self._heard(at(when), "acme", "POST", "/reports", 201, report, report)

    def held(self, name: str, taken: str, start: str, end: str, watts: int | None) -> None:
        """The device takes a command for RAN, and the journal says so."""
        line = {
            "at": time_text(at(taken)),
            "id": name,
            "from": time_text(at(start)),
            "to": time_text(at(end)),
            "delta_w": watts,
            "threads": ["RAN"],
        }
        with (self._folder / "acme" / "devices" / "A1.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        self._insert(
            "acme/journal.db",
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?, 'CONFIRMED')",
            *(name, line["from"], line["to"], watts, self._number),
        )

    def alarmed(self, of: Sealed, cause: str) -> None:
        """The desk is alarmed, because of that text."""
        message = json.loads(of.text)
        key = f"NORTH:C1/ACME/{message['thread']}/{cause}/{message['revision']}"
        sql = "INSERT INTO alarms VALUES (NULL, 'ACME', ?, ?, ?)"
        self._insert("vtn/vtn.db", sql, message["thread"], cause, key)

    def polls(self, start: str, end: str) -> None:
        """ACME looks at the events, every ten business seconds, and finds nothing new."""
        when = at(start)
        while when < at(end):
            self._heard(when, "acme", "GET", "/events", 304, None, None)
            when += timedelta(seconds=10)

    def _seal(
        self,
        by: SigningKeys,
        to: str,
        kind: str,
        thread: str,
        when: datetime,
        body: JSON,
        **more: Any,
    ) -> Sealed:
        self._number += 1
        message = {
            "profile": "1.0",
            "suite": 1,
            "key_set": by.key_set,
            "kind": kind,
            "message_id": f"message-{self._number}",
            "issuer": by.party,
            "recipient": to,
            "environment": "sandbox",
            "program": "NORTH:C1",
            "thread": thread,
            "revision": milliseconds(when) + self._number,
            "issued_at": time_text(when),
            "valid_until": time_text(when + timedelta(days=1)),
            "body": body,
            **more,
        }
        return seal(message, by, 1)

    def _keep(self, where: str, sealed: Sealed, when: datetime, verdict: str = "act") -> None:
        vtn = where == "vtn"
        name, table = ("vtn/vtn.db", "messages") if vtn else ("acme/journal.db", "entries")
        received = milliseconds(when) * 1000 if vtn else time_text(when)
        self._insert(
            name,
            f"INSERT INTO {table} VALUES (NULL, ?, ?, ?, ?)",
            *(sealed.text, json.dumps(sealed.signatures), verdict, received),
        )

    def _insert(self, database: str, sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(self._folder / database)) as db, db:
            db.execute("PRAGMA synchronous=OFF")
            db.execute(sql, values)

    def _heard(
        self, when: datetime, who: str, method: str, path: str, status: int, asked: JSON, got: JSON
    ) -> None:
        exchange = {
            "n": self._number,
            "at": time_text(when),
            "client_id": who,
            "method": method,
            "path": path,
            "status": status,
            "request": asked,
            "response": got,
        }
        with (self._folder / "http.jsonl").open("a") as file:
            file.write(json.dumps(exchange) + "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _carrier(kind: str, name: str, sealed: Sealed, when: datetime) -> JSON:
    payloads = [{"type": "UKFLEX_MESSAGE", "values": [sealed.text]}]
    return {
        "objectType": kind,
        "id": name,
        "modificationDateTime": time_text(when),
        "intervals": [{"payloads": payloads}],
    }


def periods(*given: tuple[str, str, int]) -> list[JSON]:
    return [
        {"start": time_text(at(start)), "end": time_text(at(end)), "delta_w": watts}
        for start, end, watts in given
    ]


def make(folder: Path) -> Path:
    """A round in which all went well."""
    made = Round(folder)
    made.polls("06:00", "08:40")
    ran = made.told(
        "instruction", "RAN", "06:00", "06:00:20", periods=periods(("06:10", "06:40", 400_000))
    )
    made.held("c1", "06:00:30", "06:10", "06:40", 400_000)
    made.said("status", ran, "06:10:30", state="executing", at=time_text(at("06:10:30")))
    less = periods(("06:10", "06:15", 400_000), ("06:15", "06:40", 300_000))
    made.told("variation", "RAN", "06:12", "06:12:20", periods=less)
    made.held("c2", "06:12:30", "06:15", "06:40", 300_000)
    over = made.told("cease", "RAN", "06:30", "06:30:20", cease_at=time_text(at("06:30")))
    made.held("c3", "06:30:30", "06:30:30", "06:40", None)
    made.said("status", over, "06:31", state="ceased", at=time_text(at("06:30")))
    failed = made.told(
        "instruction", "FAILED", "06:50", "06:50:20", periods=periods(("07:00", "07:20", 999_000))
    )
    made.said("status", failed, "06:51", state="failed", at=time_text(at("06:51")))
    made.alarmed(failed, "not_delivered")
    unread = made.told(
        "instruction", "UNREAD", "07:20", "", periods=periods(("07:30", "07:40", 100_000))
    )
    made.alarmed(unread, "unacknowledged")
    asked = made.told(
        "schedule", "LAPSED", "07:50", "07:50:20", periods=periods(("08:00", "08:20", 100_000))
    )
    made.said("response", asked, "07:51", answer="accept")
    made.alarmed(asked, "lapsed")
    return folder
