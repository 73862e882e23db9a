"""SQLite that fails at one write to come: a driver that really stops a statement or a commit.

    statement   interrupted while it runs: SQLite rolls the whole transaction back by itself
    COMMIT      denied as it is prepared: the transaction stays open, and somebody must end it

No code of ours is replaced: connections are made by SQLAlchemy as ever, of a class that counts.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_WRITES = ("INSERT", "UPDATE", "DELETE")


class Disk:
    """What fails, and when; `writes` counts those that were tried, over all connections."""

    def __init__(self) -> None:
        self.writes = 0
        self.fails_at = 0
        self.failed = 0
        self.full = False

    def fail_at(self, n: int) -> None:
        """Let the n-th write from now on fail, and only that one; 0 = none."""
        self.writes, self.fails_at, self.failed = 0, n, 0

    def due(self) -> bool:
        """Whether this write fails."""
        self.writes += 1
        fails = self.full or self.writes == self.fails_at
        self.failed += fails
        return fails


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, *more: Any) -> Any:
        with self._failing(sql):
            return super().execute(sql, *more)

    def executemany(self, sql: str, *more: Any) -> Any:
        with self._failing(sql):
            return super().executemany(sql, *more)

    @contextmanager
    def _failing(self, sql: str) -> Iterator[None]:
        if not sql.startswith(_WRITES) or not self.connection.disk.due():  # type: ignore[attr-defined]
            yield
            return
        self.connection.set_progress_handler(lambda: 1, 1)
        try:
            yield
        finally:
            self.connection.set_progress_handler(None, 1)


class _Connection(sqlite3.Connection):
    disk: Disk

    def cursor(self, *_: Any) -> Any:
        return super().cursor(_Cursor)

    def commit(self) -> None:
        # what wrote nothing does not touch the disk
        if not self.in_transaction or not self.disk.due():
            super().commit()
            return
        self.set_authorizer(_no_commit)
        try:
            super().commit()
        finally:
            self.set_authorizer(None)


def _no_commit(action: int, what: str | None, *_: Any) -> int:
    denied = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
    return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK


@contextmanager
def failing_disk() -> Iterator[Disk]:
    """Every database that is opened meanwhile stands on this disk."""
    disk = Disk()
    made = type("Failing", (_Connection,), {"disk": disk})

    def connect(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
        options["factory"] = made

    event.listen(Engine, "do_connect", connect)
    try:
        yield disk
    finally:
        event.remove(Engine, "do_connect", connect)
