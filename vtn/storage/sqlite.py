"""The embedded store: one SQLite file, one writer thread, commits in groups.

    write(command) ─▶ queue ─▶ BEGIN  savepoint: command 1
                                      savepoint: command 2 … as many as wait
                               COMMIT (WAL, synchronous FULL: on disk)
                        ◀─ call_soon_threadsafe: Live.apply in commit order, then the answers

One process at a time: an exclusive lock on a file beside the database, which the system drops
when the process dies, however it dies.
"""

import asyncio
import fcntl
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
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

    def __init__(self, engine: Engine, lock: int, live: Live) -> None:
        self._engine, self._lock, self._live = engine, lock, live
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
        lock = _locked(path)
        try:
            engine = _engine(path)
            live = await asyncio.to_thread(_load, engine, environment, epoch)
        except BaseException:
            os.close(lock)
            raise
        store = cls(engine, lock, live)
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
            with self._engine.connect() as connection:
                return question(SqlTransaction(connection, self._live.register))
        except DBAPIError as error:
            raise _down(str(error.orig)) from error

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._engine.dispose()
            os.close(self._lock)

    # -- the writer's thread -------------------------------------------------------------------

    def _write_all(self) -> None:
        with self._engine.connect() as connection:
            last = False
            while not last:
                turns = [turn for turn in self._waiting() if turn is not None]
                last = self._saw_end
                if turns:
                    self._commit(connection, turns)
                    self._loop.call_soon_threadsafe(self._answer, turns)

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
        before = self._register
        try:
            with connection.begin():
                for turn in turns:
                    self._take(connection, turn)
        except DBAPIError as error:
            self._register = before
            for turn in turns:
                turn.error, turn.committed = _down(str(error.orig)), None

    def _take(self, connection: Connection, turn: _Turn) -> None:
        """Run one command in a savepoint of its own: what it raises undoes only its own."""
        transaction = SqlTransaction(connection, self._register)
        try:
            with connection.begin_nested():
                turn.result = turn.command(transaction)
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


def _down(detail: str) -> Refused:
    return Refused("STORE_DOWN", f"nothing was stored: {detail}")


def _locked(path: Path) -> int:
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
    lock = _locked(path)
    try:
        engine = _engine(path)
        with _reported(str(path)):
            return migrate(engine)
    finally:
        os.close(lock)


def _engine(path: Path) -> Engine:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # before SQLite would, more openly
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

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


def _load(engine: Engine, environment: str, epoch: str) -> Live:
    with _reported(str(engine.url.database)):
        migrate(engine)
        with engine.connect() as connection:
            live = Live(stored_register(connection, environment), epoch)
            live.load(all_records(connection), all_clients(connection), newest_sequence(connection))
            return live
