"""The agent's memory on disk: what was received, decided, planned, sent and said.

    one agent ──flock──▶ journal.db ◀──read only── ukven status, ukven journal
                 │
                 └─ one thread, one connection: every `write` is one transaction, on the disk
                    (WAL, synchronous=FULL) before it returns

Whatever the agent does outwards follows from what stands here, so a killed agent goes on where it
was: nothing is repeated that must not be, nothing is forgotten.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ukprofile.errors import ProfileError
from ven.journal.book import (
    Alarm,
    Book,
    CommandState,
    Planned,
    Post,
    PostState,
    Sighting,
)
from ven.journal.readings import Mark, Readings
from ven.journal.schema import MIGRATIONS, VERSION
from ven.journal.times import read_time, time_text

__all__ = [
    "Alarm",
    "Book",
    "CommandState",
    "Journal",
    "JournalError",
    "Mark",
    "Planned",
    "Post",
    "PostState",
    "Readings",
    "Sighting",
    "in_use",
    "look",
    "read_time",
    "time_text",
]

T = TypeVar("T")


class JournalError(ProfileError):
    """The journal cannot be used: in use by another agent, damaged, or of a newer version."""


class Journal:
    """The journal of a running agent. Open with `await Journal.open(path)`, then `close`."""

    def __init__(self, path: Path, lock: int) -> None:
        self._path = path
        self._lock = lock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._db: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, path: Path) -> "Journal":
        """Lock and open the journal at `path`, making or migrating it.

        Raises JournalError when another agent holds it, or its version is newer than this one's.
        """
        journal = cls(path, _lock(path))
        try:
            await journal._run(journal._connect)
        except BaseException:
            await journal.close()
            raise
        return journal

    async def write(self, command: Callable[[Book], T]) -> T:
        """Run `command` as one transaction; on disk when this returns, undone if it raises."""
        return await self._run(lambda: self._transact(command))

    async def read(self, question: Callable[[Book], T]) -> T:
        """Answer `question` between two transactions."""
        return await self._run(lambda: question(Book(self._connection())))

    async def close(self) -> None:
        """Finish what is under way, close, and let another agent in."""
        await self._run(self._disconnect)
        self._thread.shutdown()
        os.close(self._lock)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _connect(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        _migrate(self._db, self._path)

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise JournalError("the journal is closed")
        return self._db

    def _transact(self, command: Callable[[Book], T]) -> T:
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            result = command(Book(db))
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        return result


@contextmanager
def look(path: Path) -> Iterator[Book]:
    """Read the journal at `path`, whether an agent is running on it or not.

    Raises JournalError where there is none, or it is of another version.
    """
    if not path.exists():
        raise JournalError(f"no journal at {path}: has the agent run yet?")
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise JournalError(f"{path} is of version {version}, this program reads {VERSION}")
        db.execute("BEGIN")  # one moment for everything that is asked
        yield Book(db)
    finally:
        db.close()


def in_use(path: Path) -> bool:
    """Whether an agent is running on the journal at `path`."""
    if not path.exists():
        return False
    try:
        os.close(_lock(path))
    except JournalError:
        return True
    return False


def _lock(path: Path) -> int:
    fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise JournalError(f"another agent is running on {path}") from None
    return fd


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise JournalError(f"{path} is of version {version}: this program knows up to {VERSION}")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        # executescript would commit by itself: the script brings its own transaction
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")
