"""The agent's memory on disk: what was received, decided, planned, sent and said.

    one agent ──flock──▶ journal.db ◀──read only── ukven status, journal, check, backup
                 │
                 └─ one thread, one connection: every `write` is one transaction, on the disk
                    (WAL, synchronous=FULL) before it returns

Whatever the agent does outwards follows from what stands here, so a killed agent goes on where it
was: nothing is repeated that must not be, nothing is forgotten. What cannot be written raises, and
is as if it had never been asked for. A journal that is damaged, gone or older than the agent is
never taken for the agent's own (`ven.journal.lock`, `ven.recall`).
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ven.journal.book import (
    Alarm,
    Book,
    CommandState,
    Planned,
    Post,
    PostState,
    Sighting,
)
from ven.journal.copy import backup, restore, sound
from ven.journal.errors import JournalDamaged, JournalError, JournalFull, damaged, told
from ven.journal.lock import MARK, Lock, in_use, lock_of
from ven.journal.readings import Mark, Readings
from ven.journal.schema import MIGRATIONS, VERSION
from ven.journal.times import read_time, time_text

__all__ = [
    "ASKED",
    "NEW",
    "OLDER",
    "RECALL",
    "Alarm",
    "Book",
    "CommandState",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalFull",
    "Mark",
    "Planned",
    "Post",
    "PostState",
    "Readings",
    "Sighting",
    "backup",
    "in_use",
    "look",
    "read_time",
    "restore",
    "time_text",
]

T = TypeVar("T")


RECALL = "recall"
"""The note of a journal that may not know all its agent did (`ven.recall`); "" = it does."""
NEW, OLDER, ASKED = "new", "older", "asked"
_TRIES, _TRY_S = 3, 0.02
"""Whoever only asks whether an agent is running holds the lock for an instant."""


class Journal:
    """The journal of a running agent. Open with `await Journal.open(path)`, then `close`."""

    def __init__(self, path: Path, lock: Lock, connection: type[sqlite3.Connection]) -> None:
        self._path = path
        self._lock = lock
        self._connection_class = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._db: sqlite3.Connection | None = None

    @classmethod
    async def open(
        cls, path: Path, *, connection: type[sqlite3.Connection] = sqlite3.Connection
    ) -> "Journal":
        """Lock and open the journal at `path`, making or migrating it.

        Raises JournalError when another agent holds it, or its version is newer than this one's;
        JournalDamaged, JournalFull.
        """
        journal = cls(path, await _taken(path), connection)
        try:
            await journal._run(journal._connect)
        except BaseException:
            await journal.close()
            raise
        return journal

    async def write(self, command: Callable[[Book], T]) -> T:
        """Run `command` as one transaction; on disk when this returns, undone if it raises.

        Raises JournalFull, JournalDamaged, JournalError beside what `command` raises.
        """
        return await self._run(lambda: self._transact(command))

    async def read(self, question: Callable[[Book], T]) -> T:
        """Answer `question` between two transactions."""
        return await self._run(lambda: question(Book(self._connection())))

    async def close(self) -> None:
        """Finish what is under way, close, and let another agent in."""
        await self._run(self._disconnect)
        self._thread.shutdown()
        self._lock.release()

    async def _run(self, work: Callable[[], T]) -> T:
        def named() -> T:
            with told(self._path):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, named)

    def _connect(self) -> None:
        if self._lock.marks and not self._path.exists():
            raise _gone(self._path)
        self._db = sqlite3.connect(self._path, isolation_level=None, factory=self._connection_class)
        self._path.chmod(0o600)
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise JournalError(
                f"{self._path} is of version {version}: this program knows up to {VERSION}"
            )
        if version == 0 and self._lock.marks:
            raise _gone(self._path)
        (sound,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise damaged(self._path, sound)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        _migrate(self._db, version)
        self._mark(fresh=version == 0)

    def _mark(self, *, fresh: bool) -> None:
        """Give journal and lock a new mark, so that every copy made until now is an older one.

        The lock knows both while the journal changes: killed in between, it is no stranger.
        """
        book, mark = Book(self._connection()), secrets.token_hex(8)
        last, known = book.noted(MARK), self._lock.marks
        own = last in known or not (last or known)  # or both from before there were marks
        if fresh or not own:
            book.note(RECALL, NEW if fresh else OLDER)
            book.doubt_posts()
        if own:
            self._lock.write([last, mark])
        book.note(MARK, mark)
        self._lock.write([mark])

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
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # a full disk may have undone it already
                db.execute("ROLLBACK")
            raise
        return result


@contextmanager
def look(path: Path, *, thorough: bool = False) -> Iterator[Book]:
    """Read the journal at `path`, whether an agent is running on it or not; `thorough` looks for
    damage all through it first.

    Raises JournalError where there is none, or it is of another version; JournalDamaged.
    """
    if not path.exists():
        raise JournalError(f"no journal at {path}: has the agent run yet?")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with told(path), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            raise damaged(path, "nothing is in it")
        if version != VERSION:
            raise JournalError(f"{path} is of version {version}, this program reads {VERSION}")
        if thorough:
            sound(db, path)
        db.execute("BEGIN")  # one moment for everything that is asked
        yield Book(db)


async def _taken(path: Path) -> Lock:
    """The lock of the journal at `path`. Raises JournalError."""
    for _ in range(_TRIES - 1):
        with suppress(JournalError):
            return Lock.take(path)
        await asyncio.sleep(_TRY_S)
    return Lock.take(path)


def _gone(path: Path) -> JournalDamaged:
    return JournalDamaged(
        f"{path} is gone or empty, and an agent has run on it: put a backup in its place with"
        f" ukven restore, or remove {lock_of(path)} to begin anew"
    )


def _migrate(db: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        # executescript would commit by itself: the script brings its own transaction
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")
