"""Connections to a journal whose process dies, or whose disk is full, at chosen writes.

    doom = Doom([None, "after"])      the first write is done; after the second the process is dead
    journal = await Journal.open(path, connection=doom.connection())

A write is a transaction that changes something. Of a dead process nothing more reaches the disk.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Literal

Fate = Literal["before", "after", "full"]
"""Dies before the commit, dies after it, or there is no room for it."""


class Killed(BaseException):
    """The process is gone."""


class Doom:
    """The fate of one write after another; None = it is done. After the last fate all are done."""

    def __init__(self, fates: Iterable[Fate | None] = ()) -> None:
        self._fates: Iterator[Fate | None] = iter(fates)
        self.writes = 0
        """How many were on the disk in the end."""
        self.struck = 0
        """How often fate struck."""
        self.dead = False

    def begins_anew(self) -> None:
        """A new process goes on with what is left of fate."""
        self.dead = False

    def connection(self) -> type[sqlite3.Connection]:
        doom = self

        class Connection(sqlite3.Connection):
            before = 0

            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if doom.dead:
                    raise Killed
                # only the process dies, never the machine: waiting for the disk would show nothing
                sql = sql.replace("synchronous=FULL", "synchronous=OFF")
                if sql.startswith("BEGIN"):
                    self.before = self.total_changes
                if sql != "COMMIT" or self.total_changes == self.before:
                    return super().execute(sql, *values)
                return doom.commit(self, super().execute)

        return Connection

    def commit(self, db: sqlite3.Connection, execute: Any) -> sqlite3.Cursor:
        fate = next(self._fates, None)
        self.struck += fate is not None
        if fate == "full":
            execute("ROLLBACK")
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise full
        if fate == "before":
            self.dead = True
            raise Killed
        done = execute("COMMIT")
        self.writes += 1
        if fate == "after":
            self.dead = True
            raise Killed
        return done
