"""What the agent's journal holds, as questions and entries of one transaction.

`Book` is also the `Ledger` of `ukprofile.receiving`: what a message decided, the plan that
follows, and the answer to send are written together or not at all. Everything here is
synchronous and belongs to the thread that opened the connection.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from ukprofile.receiving import SENT, STANDING, Entry, Slot
from ven.device import Command
from ven.journal.readings import Readings
from ven.journal.times import due_time as _due
from ven.journal.times import read_time, time_text

CommandState = Literal["PLANNED", "SENT", "CONFIRMED", "FAILED", "WITHDRAWN"]
PostState = Literal["QUEUED", "SENT", "REFUSED"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Event `event_id` was last seen carrying `thread`; `gone_at` when it was missed."""

    event_id: str
    program: str
    family: str
    thread: str
    sha256: str
    seen_at: datetime
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A command and how far it has got. `key` is what equal commands have in common."""

    command: Command
    key: str
    state: CommandState
    planned_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Post:
    """A report to send: `name` is its reportName, `body` its JSON."""

    seq: int
    name: str
    kind: str
    event_id: str
    body: bytes
    state: PostState
    attempts: int
    queued_at: datetime
    settled_at: datetime | None
    report_id: str
    error: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a person must know. `key` keeps the same thing from being told twice."""

    key: str
    alarm: str
    reason: str
    detail: str
    event_id: str
    security: bool
    at: datetime
    over_at: datetime | None


class Book:
    """One transaction over the journal, or one look at it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.readings = Readings(db)

    # -- the ledger of receiving -----------------------------------------------------------------

    def entry(self, sha256: str) -> Entry | None:
        return next(iter(self._entries("sha256 = ?", sha256)), None)

    def thread(self, slot: Slot) -> Sequence[Entry]:
        return self._entries(
            "thread = ? AND family = ? AND program = ? AND issuer = ? AND recipient = ?"
            " AND environment = ?",
            slot.thread,
            slot.family,
            slot.program,
            slot.issuer,
            slot.recipient,
            slot.environment,
        )

    def replies(self, sha256: str) -> Sequence[Entry]:
        return self._entries("in_reply_to = ?", sha256) if sha256 else ()

    def dispatches(self, program: str, since: datetime) -> Sequence[Entry]:
        return self._entries(
            "family = 'dispatch' AND program = ? AND (issuer, recipient, environment, thread) IN"
            " (SELECT issuer, recipient, environment, thread FROM entries"
            "  WHERE family = 'dispatch' AND program = ? AND valid_until >= ?)",
            program,
            program,
            time_text(since),
        )

    def terms(self, program: str) -> Entry | None:
        found = self._entries("kind = 'contract_terms' AND program = ?", program)
        return max((e for e in found if e.standing), key=lambda e: e.revision, default=None)

    def verified_time(self, issuer: str) -> datetime | None:
        row = self._one("SELECT max(verified_at) FROM entries WHERE issuer = ?", issuer)
        return read_time(row[0]) if row else None

    def keep(self, entry: Entry) -> None:
        slot = entry.slot
        self._db.execute(
            "INSERT INTO entries VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT (sha256) DO NOTHING",
            (
                entry.sha256,
                slot.issuer,
                slot.recipient,
                slot.environment,
                slot.program,
                slot.family,
                slot.thread,
                entry.kind,
                entry.stop,
                entry.revision,
                entry.text,
                json.dumps(entry.signatures),
                entry.verdict,
                entry.reason,
                entry.alarm,
                entry.answer,
                time_text(entry.issued_at),
                time_text(entry.valid_until),
                time_text(entry.received_at),
                entry.in_reply_to,
                entry.verified_at and time_text(entry.verified_at),
            ),
        )

    def of_family(self, family: str) -> Sequence[Entry]:
        """Everything kept of one family that counts, in the order it was kept."""
        return [e for e in self._entries("family = ?", family) if e.standing]

    def disown(self, message_id: str, reason: str) -> None:
        """What we said in that message counts no more: the VTN refused it for good, by `reason`."""
        self._db.execute(
            "UPDATE entries SET verdict = 'refused', reason = ?"
            " WHERE verdict = ? AND json_extract(text, '$.message_id') = ?",
            (reason, SENT, message_id),
        )

    def entries(self) -> Sequence[Entry]:
        """Everything kept, in the order it was kept."""
        return self._entries("1")

    def spoken(self, program: str, kind: str) -> Sequence[Entry]:
        """What I said of that kind in a program, in the order I said it."""
        return self._entries("program = ? AND kind = ? AND verdict = ?", program, kind, SENT)

    def programs(self) -> tuple[str, ...]:
        """Every contract or market of which something standing is held."""
        marks = ",".join("?" * len(STANDING))
        rows = self._db.execute(
            f"SELECT DISTINCT program FROM entries WHERE verdict IN ({marks}) ORDER BY 1",  # noqa: S608 - marks are question marks
            sorted(STANDING),
        )
        return tuple(row[0] for row in rows)

    def _entries(self, where: str, *values: str) -> list[Entry]:
        rows = self._db.execute(
            f"SELECT * FROM entries WHERE {where} ORDER BY seq",  # noqa: S608 - texts of this file only
            values,
        )
        return [_entry(row) for row in rows]

    # -- which event carries what ----------------------------------------------------------------

    def see(self, event_id: str, entry: Entry, at: datetime) -> None:
        """Event `event_id` carries `entry`; if it was gone it is back."""
        slot = entry.slot
        self._db.execute(
            "INSERT INTO sightings VALUES (?,?,?,?,?,?,NULL) ON CONFLICT (event_id) DO UPDATE SET"
            " program=excluded.program, family=excluded.family, thread=excluded.thread,"
            " sha256=excluded.sha256, seen_at=excluded.seen_at, gone_at=NULL"
            " WHERE sha256 <> excluded.sha256 OR gone_at IS NOT NULL",
            (event_id, slot.program, slot.family, slot.thread, entry.sha256, time_text(at)),
        )

    def miss(self, event_id: str, at: datetime) -> None:
        """Event `event_id` is not in a complete list any more."""
        self._db.execute(
            "UPDATE sightings SET gone_at = ? WHERE event_id = ?", (time_text(at), event_id)
        )

    def sightings(self) -> tuple[Sighting, ...]:
        rows = self._db.execute("SELECT * FROM sightings ORDER BY seen_at, event_id")
        return tuple(
            Sighting(event_id, program, family, thread, sha256, _due(seen), read_time(gone))
            for event_id, program, family, thread, sha256, seen, gone in rows
        )

    # -- commands --------------------------------------------------------------------------------

    def commands(self, where: str = "1", *values: str) -> tuple[Planned, ...]:
        """Commands by time; `where` is SQL of this package, `values` its parameters."""
        rows = self._db.execute(
            f"SELECT * FROM commands WHERE {where} ORDER BY valid_from, planned_at, id",  # noqa: S608 - texts of this package only
            values,
        )
        return tuple(_planned(row) for row in rows)

    def issued(self, key: str) -> int:
        """How many commands of `key` went to the device."""
        row = self._one(
            "SELECT count(*) FROM commands WHERE key = ? AND sent_order IS NOT NULL", key
        )
        return int(row[0]) if row else 0

    def told(self, asset_id: str, now: datetime) -> tuple[Command, ...]:
        """What the device of `asset_id` may hold for `now` and later, in the order it was sent.

        A refused command was never in force; one whose outcome nobody knows may be.
        """
        rows = self._db.execute(
            "SELECT * FROM commands WHERE asset_id = ? AND state <> 'FAILED' AND sent_order >="
            " (SELECT min(sent_order) FROM commands"
            "  WHERE asset_id = ? AND state <> 'FAILED' AND valid_to > ?) ORDER BY sent_order",
            (asset_id, asset_id, time_text(now)),
        )
        return tuple(_planned(row).command for row in rows)

    def plan(self, key: str, command: Command, at: datetime) -> None:
        """Write `command` down as PLANNED; one that was withdrawn is planned again."""
        self._db.execute(
            "INSERT INTO commands (id, key, asset_id, valid_from, valid_to, setpoint_w, delta_w,"
            " threads, state, planned_at) VALUES (?,?,?,?,?,?,?,?,'PLANNED',?)"
            " ON CONFLICT (id) DO UPDATE SET state='PLANNED', planned_at=excluded.planned_at"
            " WHERE state='WITHDRAWN'",
            (
                command.id,
                key,
                command.asset_id,
                time_text(command.valid_from),
                time_text(command.valid_to),
                command.setpoint_w,
                command.delta_w,
                json.dumps(command.threads),
                time_text(at),
            ),
        )

    def withdraw_others(self, asset_id: str, keep: Iterable[str], at: datetime) -> None:
        """What is not settled yet of `asset_id`, and whose id is not in `keep`, is off.

        A command that was sent without an answer is given up so: something newer replaced it.
        """
        kept = set(keep)
        for planned in self.open_commands(asset_id):
            if planned.command.id not in kept:
                self.settle(planned.command.id, "WITHDRAWN", at)

    def open_commands(self, asset_id: str) -> tuple[Planned, ...]:
        """What the device is still to be told, in the order to tell it: unanswered ones first."""
        found = self.commands("asset_id = ? AND state IN ('PLANNED', 'SENT')", asset_id)
        return tuple(sorted(found, key=lambda planned: planned.state != "SENT"))

    def send(self, command_id: str, at: datetime) -> None:
        """Write down that the command goes to the device now, before it does."""
        self._db.execute(
            "UPDATE commands SET state='SENT', sent_at=?, sent_order=coalesce(sent_order,"
            " (SELECT coalesce(max(sent_order), 0) + 1 FROM commands)) WHERE id=?",
            (time_text(at), command_id),
        )

    def settle(self, command_id: str, state: CommandState, at: datetime, error: str = "") -> None:
        """The end of a command: CONFIRMED, FAILED or WITHDRAWN."""
        self._db.execute(
            "UPDATE commands SET state=?, settled_at=?, error=? WHERE id=?",
            (state, time_text(at), error, command_id),
        )

    # -- what was said of each dispatch ----------------------------------------------------------

    def said(self, program: str, thread: str) -> tuple[str, ...]:
        """The states reported of a dispatch so far, in that order."""
        rows = self._db.execute(
            "SELECT state FROM said WHERE program = ? AND thread = ? ORDER BY seq",
            (program, thread),
        )
        return tuple(row[0] for row in rows)

    def say(self, program: str, thread: str, state: str, at: datetime) -> None:
        self._db.execute(
            "INSERT INTO said (program, thread, state, at) VALUES (?,?,?,?)",
            (program, thread, state, time_text(at)),
        )

    # -- the outbox ------------------------------------------------------------------------------

    def post(self, name: str, kind: str, event_id: str, body: bytes, at: datetime) -> None:
        """Queue a report; a second one of the same name is ignored."""
        self._db.execute(
            "INSERT INTO outbox (name, kind, event_id, body, queued_at) VALUES (?,?,?,?,?)"
            " ON CONFLICT (name) DO NOTHING",
            (name, kind, event_id, body.decode(), time_text(at)),
        )

    def was_posted(
        self, name: str, kind: str, event_id: str, body: bytes, at: datetime, report_id: str
    ) -> None:
        """Write down a report that the VTN has had since `at`, though no one queued it here."""
        self._db.execute(
            "INSERT INTO outbox (name, kind, event_id, body, state, queued_at, settled_at,"
            " report_id) VALUES (?,?,?,?,'SENT',?,?,?) ON CONFLICT (name) DO NOTHING",
            (name, kind, event_id, body.decode(), time_text(at), time_text(at), report_id),
        )

    def doubt_posts(self) -> None:
        """Whatever is queued may have been sent already: it is looked for before it is."""
        self._db.execute("UPDATE outbox SET attempts = max(attempts, 1) WHERE state = 'QUEUED'")

    def posts(self, state: PostState | None = None) -> tuple[Post, ...]:
        """The reports in the order to send them."""
        rows = self._db.execute(
            "SELECT seq, name, kind, event_id, body, state, attempts, queued_at, settled_at,"
            " report_id, error FROM outbox WHERE ? IS NULL OR state = ? ORDER BY seq",
            (state, state),
        )
        return tuple(_post(row) for row in rows)

    def attempted(self, seq: int, error: str = "") -> None:
        """An attempt begins, or failed with `error`; the report stays queued."""
        self._db.execute(
            "UPDATE outbox SET attempts = attempts + ?, error = ? WHERE seq = ?",
            (0 if error else 1, error, seq),
        )

    def posted(
        self, seq: int, state: PostState, at: datetime, report_id: str = "", error: str = ""
    ) -> None:
        """The VTN took the report, or refuses it for good."""
        self._db.execute(
            "UPDATE outbox SET state=?, settled_at=?, report_id=?, error=? WHERE seq=?",
            (state, time_text(at), report_id, error, seq),
        )

    # -- alarms and notes ------------------------------------------------------------------------

    def alarm(self, alarm: Alarm) -> bool:
        """Raise `alarm` unless the same key stands already; whether it is new."""
        done = self._db.execute(
            "INSERT INTO alarms (key, alarm, reason, detail, event_id, security, at)"
            " VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            (
                alarm.key,
                alarm.alarm,
                alarm.reason,
                alarm.detail,
                alarm.event_id,
                alarm.security,
                time_text(alarm.at),
            ),
        )
        return done.rowcount == 1

    def alarm_over(self, key: str, at: datetime) -> bool:
        """What `key` alarmed of is over; whether it stood."""
        done = self._db.execute(
            "UPDATE alarms SET over_at = ? WHERE key = ? AND over_at IS NULL", (time_text(at), key)
        )
        return done.rowcount > 0

    def alarms(self) -> tuple[Alarm, ...]:
        rows = self._db.execute(
            "SELECT key, alarm, reason, detail, event_id, security, at, over_at FROM alarms"
            " ORDER BY seq"
        )
        return tuple(
            Alarm(key, alarm, reason, detail, event_id, bool(security), _due(at), read_time(over))
            for key, alarm, reason, detail, event_id, security, at, over in rows
        )

    def note(self, name: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO notes VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value=excluded.value",
            (name, value),
        )

    def noted(self, name: str) -> str:
        """The note of that name; "" for none."""
        row = self._one("SELECT value FROM notes WHERE name = ?", name)
        return str(row[0]) if row else ""

    def _one(self, sql: str, *values: str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return row


@lru_cache(maxsize=4096)
def _entry(row: tuple[Any, ...]) -> Entry:
    """A row says all of its entry: every look at a dispatch reads the same few dozen again."""
    return Entry(
        sha256=row[1],
        slot=Slot(*row[2:8]),
        kind=row[8],
        stop=bool(row[9]),
        revision=row[10],
        text=row[11],
        signatures=tuple(json.loads(row[12])),
        verdict=row[13],
        reason=row[14],
        alarm=row[15],
        answer=row[16],
        issued_at=_due(row[17]),
        valid_until=_due(row[18]),
        received_at=_due(row[19]),
        in_reply_to=row[20],
        verified_at=read_time(row[21]),
    )


def _planned(row: tuple[Any, ...]) -> Planned:
    id_, key, asset_id, start, end, setpoint_w, delta_w, threads, state = row[:9]
    return Planned(
        Command(
            id_,
            asset_id,
            _due(start),
            _due(end),
            setpoint_w,
            delta_w,
            tuple(json.loads(threads)),
        ),
        key,
        state,
        _due(row[10]),
        read_time(row[11]),
        read_time(row[12]),
        row[13],
    )


def _post(row: tuple[Any, ...]) -> Post:
    return Post(
        seq=row[0],
        name=row[1],
        kind=row[2],
        event_id=row[3],
        body=row[4].encode(),
        state=row[5],
        attempts=row[6],
        queued_at=_due(row[7]),
        settled_at=read_time(row[8]),
        report_id=row[9],
        error=row[10],
    )
