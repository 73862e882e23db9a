"""The embedded store: one SQLite file, one writer thread, commits in groups.

    write(command) ─▶ queue ─▶ BEGIN  savepoint: command 1
                                      savepoint: command 2 … as many as wait
                               COMMIT (WAL, synchronous FULL: on disk)
                        ◀─ call_soon_threadsafe: Live.apply in commit order, then the answers

One process at a time: an exclusive lock on a file beside the database, which the system drops
when the process dies, however it dies.

What fails, fails for its group: everybody in it is told STORE_DOWN, and the next group is tried
as if nothing had been. So a full disk is over once it has room again, and a database that was
moved away once it is back. Nothing is answered out of a file that others would not find.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from ukprofile.errors import Refused
from vtn.domain.live import Live
from vtn.domain.record import Committed
from vtn.domain.store import Transaction
from vtn.storage.migrate import migrate
from vtn.storage.transaction import (
    SqlTransaction,
    all_clients,
    all_records,
    newest_sequence,
    stored_register,
)

T = TypeVar("T")
_MOST_IN_A_GROUP = 512


@dataclass(slots=True)
class _Turn:
    """One command in the queue, and what became of it."""

    command: Callable[[Transaction], Any]
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None
    committed: Committed | None = None


class SqliteStore:
    """A store in one file. Open it with `open`; it belongs to the loop that opened it."""

    def __init__(self, engine: Engine, file: "_File", lock: int, live: Live) -> None:
        self._engine, self._file, self._lock, self._live = engine, file, lock, live
        self._register = live.register
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Turn | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._closed = False

    @classmethod
    async def open(cls, path: Path, environment: str, epoch: str) -> "SqliteStore":
        """Lock, migrate and load the database at `path`; it is made where there is none.

        `epoch` names this start (see `Live`). Raises Refused STORE_DOWN where another process
        has it open, or where it cannot be brought up to date; nothing was changed then.
        """
        lock = locked(path)
        try:
            engine = engine_of(path)
            file = _File(path)
            live = await asyncio.to_thread(_load, engine, path, environment, epoch)
        except BaseException:
            os.close(lock)
            raise
        store = cls(engine, file, lock, live)
        store._thread.start()
        return store

    @property
    def live(self) -> Live:
        return self._live

    async def write(self, command: Callable[[Transaction], T]) -> T:
        if self._closed:
            raise _down("the store is closed")
        turn = _Turn(command, self._loop.create_future())
        self._queue.put(turn)
        result: T = await turn.future
        return result

    async def read(self, question: Callable[[Transaction], T]) -> T:
        return await asyncio.to_thread(self._ask, question)

    def _ask(self, question: Callable[[Transaction], T]) -> T:
        try:
            self._file.check_place()  # before SQLite lays the log of ours over another file
            with self._engine.connect() as connection:
                return question(SqlTransaction(connection, self._live.register))
        except DBAPIError as error:
            raise _down(error) from error

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._engine.dispose()
            os.close(self._lock)

    # -- the writer's thread -------------------------------------------------------------------

    def _write_all(self) -> None:
        connection: Connection | None = None
        while not self._saw_end:
            turns = [turn for turn in self._waiting() if turn is not None]
            if turns:
                before = self._register
                try:
                    connection = connection or self._engine.connect()
                    self._commit(connection, turns)
                except Exception as error:  # noqa: BLE001 - a writer that ended would be silence
                    self._register = before
                    _roll_back(connection)
                    for turn in turns:
                        turn.error, turn.committed = _down(error), None
                self._loop.call_soon_threadsafe(self._answer, turns)
        if connection is not None:
            connection.close()

    _saw_end = False

    def _waiting(self) -> Iterator[_Turn | None]:
        """What waits in the queue, at least one, at most a group; None says it is the end."""
        turn = self._queue.get()
        for _ in range(_MOST_IN_A_GROUP):
            if turn is None:
                self._saw_end = True
                return
            yield turn
            try:
                turn = self._queue.get_nowait()
            except queue.Empty:
                return
        self._queue.put(turn)

    def _commit(self, connection: Connection, turns: list[_Turn]) -> None:
        with connection.begin():
            for turn in turns:
                self._take(connection, turn)
            self._file.check()

    def _take(self, connection: Connection, turn: _Turn) -> None:
        """Run one command in a savepoint of its own: what it raises undoes only its own."""
        transaction = SqlTransaction(connection, self._register)
        try:
            with connection.begin_nested():
                turn.result = turn.command(transaction)
        except (IntegrityError, DataError) as error:  # of this command's own values
            turn.error = error
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a command raises is its caller's
            turn.error = error
        else:
            turn.committed = transaction.committed()
            self._register = transaction.register

    # -- back on the loop ----------------------------------------------------------------------

    def _answer(self, turns: list[_Turn]) -> None:
        for turn in turns:
            if turn.committed is not None:
                self._live.apply(turn.committed)
        for turn in turns:
            if turn.future.cancelled():
                continue
            if turn.error is not None:
                turn.future.set_exception(turn.error)
            else:
                turn.future.set_result(turn.result)


class _File:
    """Where the database was opened: what is written elsewhere, nobody will find.

    The system lets a file be moved, removed or replaced under the process that has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._log = path, path.with_name(f"{path.name}-wal")
        self._opened = _identity(path)
        self._log_opened: tuple[int, int] | None = None

    def check_place(self) -> None:
        """Raises Refused STORE_DOWN unless the database stands where it was opened."""
        if _identity(self._path) != self._opened:
            raise Refused(
                "STORE_DOWN",
                f"{self._path.name} is not the file that was opened here: put that one back, or "
                "stop this server and start it on the one that is there",
            )

    def check(self) -> None:
        """The same for its log too. Called by the writer, within a transaction."""
        self.check_place()
        found = _identity(self._log)
        self._log_opened = self._log_opened or found
        if found is None or found != self._log_opened:
            raise Refused(
                "STORE_DOWN",
                f"{self._log.name} was removed while in use: stop this server, which saves what "
                "stood in it, and start it again",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _roll_back(connection: Connection | None) -> None:
    """Leave no transaction open: after a COMMIT that failed SQLAlchemy leaves SQLite in one."""
    if connection is None:
        return
    with suppress(DBAPIError, sqlite3.Error):
        connection.rollback()
        raw: Any = connection.connection.dbapi_connection
        if raw.in_transaction:
            raw.rollback()


def _down(error: str | Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    # what came first counts: after it there may be no savepoint to go back to
    first: Any = error
    while getattr(first, "__context__", None) is not None:
        first = first.__context__
    return Refused("STORE_DOWN", f"nothing was stored: {first}")


def locked(path: Path) -> int:
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Refused(
            "STORE_DOWN", f"another process has {path} open: stop it, or ask it"
        ) from None
    return lock


def migrate_file(path: Path) -> str:
    """Bring the database of a stopped VTN up to date; its revision. Raises Refused STORE_DOWN."""
    lock = locked(path)
    try:
        engine = engine_of(path)
        with _reported(str(path)):
            return migrate(engine)
    finally:
        os.close(lock)


def engine_of(path: Path) -> Engine:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # before SQLite would, more openly
    # never made anew: where the file is gone, everybody must learn it
    there = URL.create(
        "sqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"}
    )
    engine = create_engine(there, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # savepoints need our own BEGIN
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@contextmanager
def _reported(path: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _down(f"{path}: {error.orig}") from error


def _load(engine: Engine, path: Path, environment: str, epoch: str) -> Live:
    with _reported(str(path)):
        migrate(engine)
        with engine.connect() as connection:
            live = Live(stored_register(connection, environment), epoch)
            live.load(all_records(connection), all_clients(connection), newest_sequence(connection))
            return live
