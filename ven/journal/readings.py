"""What devices did, as the journal keeps it: readings, and how far each device has been read."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ukprofile.flex.energy import Reading
from ven.journal.times import due_time, time_text
from ven.sampling import Sample


@dataclass(frozen=True, slots=True)
class Mark:
    """A device has been read up to `until`; `last` is the sample from which reading goes on."""

    until: datetime
    last: Sample


class Readings:
    """The readings in one transaction over the journal, or one look at it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def keep(self, asset_id: str, readings: Iterable[Reading], mark: Mark) -> None:
        """Write down what was read of a device, and from where to go on."""
        self._db.executemany(
            "INSERT OR REPLACE INTO readings VALUES (?,?,?,?,?,?)",
            (
                (asset_id, time_text(r.start), r.seconds, r.exported_ws, r.baseline_ws, r.quality)
                for r in readings
            ),
        )
        last = mark.last
        self._db.execute(
            "INSERT OR REPLACE INTO marks VALUES (?,?,?,?,?,?)",
            (
                asset_id,
                time_text(mark.until),
                time_text(last.at),
                last.power_w,
                last.baseline_w,
                last.exported_ws,
            ),
        )

    def between(self, asset_id: str, start: datetime, end: datetime) -> tuple[Reading, ...]:
        """The readings of a device that begin at or after `start` and before `end`, in order."""
        rows = self._db.execute(
            "SELECT start, seconds, exported_ws, baseline_ws, quality FROM readings"
            " WHERE asset_id = ? AND start >= ? AND start < ? ORDER BY start",
            (asset_id, time_text(start), time_text(end)),
        )
        return tuple(Reading(due_time(row[0]), *row[1:]) for row in rows)

    def mark(self, asset_id: str) -> Mark | None:
        """How far a device has been read; None for one that never was."""
        row = self._db.execute(
            "SELECT read_until, at, power_w, baseline_w, exported_ws FROM marks WHERE asset_id = ?",
            (asset_id,),
        ).fetchone()
        if row is None:
            return None
        return Mark(due_time(row[0]), Sample(due_time(row[1]), *row[2:]))

    def forget(self, before: datetime) -> None:
        """Drop readings that began before then: what counts of them was signed long ago."""
        self._db.execute("DELETE FROM readings WHERE start < ?", (time_text(before),))
