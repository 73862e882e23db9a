"""How often something was seen in a long file, without holding what was seen in memory.

A nameless SQLite database, on disk beyond a small cache: it is gone when it is closed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager


class Seen:
    """Counts texts."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("CREATE TABLE seen (text TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID")

    def times(self, text: str) -> int:
        """How often `text` was asked for, this time included."""
        (times,) = self._db.execute(
            "INSERT INTO seen VALUES (?, 1)"
            " ON CONFLICT (text) DO UPDATE SET times = times + 1 RETURNING times",
            (text,),
        ).fetchone()
        return int(times)


@contextmanager
def counting() -> Iterator[Seen]:
    """A count that begins at nothing."""
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("BEGIN")  # one transaction that is never committed: nothing is to last
        yield Seen(db)
