"""Copying the embedded store while it is written to, and making a copy the store again.

    server ──writes──▶ vtn.db, WAL ◀── one snapshot, read in steps ── copy   (nobody waits)

    copy ─▶ migrated ─▶ marked: its gap, what was lost, what stays shut, numbers that go on ─▶ store
                              └── from the store it replaces, as far as that can be read

SQLite only: on PostgreSQL this is the business of its own tools. Everything here blocks.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from ukprofile.errors import Refused
from ukprofile.receiving import STANDING, Slot
from vtn.domain.restored import Gap, Lost, learn_lost, put_restored, read_restored
from vtn.storage import tables
from vtn.storage.sqlite import engine_of, migrate_file
from vtn.storage.transaction import SqlTransaction, all_clients, stored_register

Progress = Callable[[int, int], None]
"""Told how much is done, of how much: pages."""

_STEP_PAGES = 512
_AHEAD = timedelta(seconds=30)
"""How far ahead of the clock a text may be issued (profile 2 Receiving 4)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What a store knows: its newest moment in business time (None: nothing was ever said), the
    number of its newest change, how many signed texts, and the revision of its tables.
    """

    newest: datetime | None
    sequence: int
    texts: int
    schema: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """What became of a copy that is the store again.

    `compared`: the store it replaces could be read. `shut`: what was shut there, and stays so.
    """

    gap: Gap
    compared: bool
    lost: tuple[Lost, ...]
    shut: tuple[str, ...]


def copy_store(path: Path, into: Path, progress: Progress) -> None:
    """Copy the database at `path`, as it is at one moment, and check the copy.

    Raises Refused STORE_DOWN where it cannot be read, or the copy is not sound.
    """
    os.close(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with _reported(path), closing(_connect(path)) as source, closing(_connect(into)) as copy:
        # A snapshot of its own: without one, every write of the server begins the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(
            copy, pages=_STEP_PAGES, progress=lambda _, left, all_: progress(all_ - left, all_)
        )
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, and nothing beside it
    check_store(into)


def check_store(path: Path) -> None:
    """Pass if the database at `path` is sound. Raises Refused STORE_DOWN."""
    with _reported(path), closing(_connect(path)) as db:
        found = [row[0] for row in db.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise Refused("STORE_DOWN", f"{path} is damaged: {'; '.join(found)}")


def facts_of(path: Path, until: datetime | None = None) -> Facts:
    """What the store at `path` knows, of moments no later than `until`.

    Raises Refused STORE_DOWN where it cannot be read.
    """
    latest = _LAST if until is None else _microseconds(until)
    with _reported(path), closing(_connect(path)) as db:
        (newest,) = db.execute(
            "SELECT max(at) FROM (SELECT received_at AS at FROM messages UNION ALL SELECT issued_at"
            " FROM messages UNION ALL SELECT modified FROM objects UNION ALL SELECT created FROM"
            " clients) WHERE at <= ?",
            (latest,),
        ).fetchone()
        (texts,) = db.execute("SELECT count(*) FROM messages").fetchone()
        sequence = db.execute(
            "SELECT max(n) FROM (SELECT max(version) AS n FROM objects UNION ALL"
            " SELECT seq FROM sqlite_sequence WHERE name = 'outbox')"
        ).fetchone()[0]
        schema = db.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    moment = None if newest is None else _EPOCH + timedelta(microseconds=newest)
    return Facts(moment, sequence or 0, texts, schema)


def put_back(
    path: Path,
    replaced: Path | None,
    environment: str,
    dso: str,
    now: datetime,
    *,
    clock_is_right: bool = False,
) -> PutBack:
    """Make the copy at `path` a store that knows that it was put back at `now`.

    `replaced` is the store in whose place it comes. Raises Refused STORE_DOWN where the copy is
    of a newer version, and, unless `clock_is_right`, where it knows of a time after `now`.
    """
    migrate_file(path)
    known = facts_of(path)
    if known.newest is not None and known.newest > now + _AHEAD and not clock_is_right:
        raise Refused(
            "STORE_DOWN",
            f"the backup knows of {known.newest:%Y-%m-%dT%H:%M:%SZ}, the clock says "
            f"{now:%Y-%m-%dT%H:%M:%SZ}: set the clock, since revisions are made of its time; or "
            "say --clock-is-right, if it was ahead when the backup was made",
        )
    gap = Gap(facts_of(path, now).newest or _EPOCH, now)
    engine = engine_of(path)
    try:
        with _reported(path), engine.begin() as connection:
            tx = SqlTransaction(connection, stored_register(connection, environment))
            held = read_restored(tx)
            put_restored(tx, replace(held, gaps=(*held.gaps, gap)))
            found = _from_replaced(tx, replaced, environment, dso, gap.until)
            past = found.sequence if found else 0
            _go_on_from(connection, max(known.sequence, past, _microseconds(gap.until)))
    finally:
        engine.dispose()
    return PutBack(gap, found is not None, *((found.lost, found.shut) if found else ((), ())))


@dataclass(frozen=True, slots=True)
class _Found:
    """What was taken from the store that is replaced."""

    sequence: int
    lost: tuple[Lost, ...]
    shut: tuple[str, ...]


def _from_replaced(
    tx: SqlTransaction, path: Path | None, environment: str, dso: str, now: datetime
) -> _Found | None:
    """Take from the store at `path` what must not be forgotten; None where it cannot be read."""
    if path is None:
        return None
    engine = engine_of(path)
    try:
        sequence = facts_of(path).sequence
        with engine.connect() as connection:
            old = SqlTransaction(connection, stored_register(connection, environment))
            lost = (*read_restored(old).lost, *_unknown_texts(tx, connection, dso, now))
            shut = (*_keep_keys_shut(tx, old), *_keep_clients(tx, connection))
    except (DBAPIError, Refused, ValueError, LookupError):
        return None
    finally:
        engine.dispose()
    lost = tuple(one for one in lost if tx.entry(one.sha256) is None)
    learn_lost(tx, lost)
    return _Found(sequence, lost, shut)


def _unknown_texts(tx: SqlTransaction, old: Connection, dso: str, now: datetime) -> Iterator[Lost]:
    """Texts of ours that are still in force there, and that the copy does not hold."""
    m = tables.messages.c
    names = ("issuer", "recipient", "environment", "program", "family", "thread")
    query = (
        select(*(m[name] for name in names), m.revision, m.sha256)
        .where(m.issuer == dso, m.valid_until >= now, m.verdict.in_(STANDING))
        .order_by(m.revision)
    )
    for *slot, revision, sha256 in old.execute(query):
        if tx.entry(sha256) is None:
            yield Lost(Slot(*slot), revision, sha256, now)


def _keep_keys_shut(tx: SqlTransaction, old: SqlTransaction) -> Iterator[str]:
    """What was revoked stays revoked, and floors only rise (profile 2)."""
    for key_set in old.register:
        held = tx.register.get(key_set.key_set)
        if key_set.revoked_at is not None and held is not None and held.revoked_at is None:
            tx.put_key_set(replace(held, revoked_at=key_set.revoked_at))
            yield f"key set {key_set.key_set} is revoked"
    for party in {key_set.party for key_set in old.register}:
        if old.register.floor(party) > tx.register.floor(party):
            tx.raise_floor(party, old.register.floor(party))
            yield f"suite floor of {party} is {old.register.floor(party)}"


def _keep_clients(tx: SqlTransaction, old: Connection) -> Iterator[str]:
    """Who was disabled stays out, and a secret that was replaced opens nothing again."""
    for client in all_clients(old):
        held = tx.client(client.client_id)
        if held is None or held == client:
            continue
        tx.put_client(
            replace(held, secret_hash=client.secret_hash, disabled=client.disabled or held.disabled)
        )
        word = "is disabled" if client.disabled else "has its newest secret"
        yield f"client {client.client_id} {word}"


def _go_on_from(connection: Connection, sequence: int) -> None:
    """Let change numbers go on above `sequence`: a version, and so an ETag, is never used twice.

    Of a store whose last state is unknown, the time in microseconds stands above every number
    that it can have used: nobody writes once a microsecond for years.
    """
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    connection.exec_driver_sql(
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (sequence,)
    )


def set_aside(path: Path, name: str) -> Path | None:
    """Give the database at `path` a further name, with everything in it; None: there is none.

    Afterwards `path` may be replaced in one step: nothing that belongs to another database lies
    beside it, which SQLite would take for the log of the new one.
    """
    aside, there = path.with_name(name), path.exists()
    if there:
        with suppress(sqlite3.DatabaseError), closing(_connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os.link(path, aside)  # a damaged one goes aside as it is, with its log
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside if there else None


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise Refused("STORE_DOWN", f"{path} cannot be read: {error}") from error
    except DBAPIError as error:
        raise Refused("STORE_DOWN", f"{path} cannot be read: {error.orig}") from error


def _microseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1)
