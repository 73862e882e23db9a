"""Copies of a journal, made beside a running agent, and put back in place of a lost one.

    backup    journal.db ──SQLite's own copying──▶ FILE.part ──looked through, synced──▶ FILE
    restore   journal.db ──set aside, not deleted──▶ journal.db.replaced
              FILE ──looked through──▶ journal.db.part ──synced──▶ journal.db

A copy has a mark that no lock has, so the agent that starts on it knows that it is an older one
(`ven.journal.lock`, `ven.recall`). Cut short anywhere, either may be done again.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ven.journal.book import Book
from ven.journal.errors import JournalError, damaged, told
from ven.journal.lock import MARK, Lock
from ven.journal.schema import VERSION

_FILES = ("", "-wal", "-shm")
_COPY = "copy"
"""A mark that no lock ever has."""


def backup(path: Path, to: Path) -> None:
    """Copy the journal at `path`, as it is at one moment, to the new file `to`.

    Raises JournalError, where there is no journal or there is a file already; JournalDamaged.
    """
    if not path.exists():
        raise JournalError(f"no journal at {path}: has the agent run yet?")
    if to.exists():
        raise JournalError(f"{to} is there already: choose another name")
    _copy(path, to)


def restore(path: Path, kept: Path) -> Path | None:
    """Put the copy `kept` in place of the journal at `path`; where what was there lies now.

    Raises JournalError, where an agent runs on it; JournalDamaged, and then nothing was changed.
    """
    if not kept.exists():
        raise JournalError(f"no backup at {kept}")
    lock = Lock.take(path)
    try:
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        _copy(kept, part)
        aside = _set_aside(path)
        part.replace(path)
        _sync(path.parent)
    finally:
        lock.release()
    return aside


def sound(db: sqlite3.Connection, path: Path) -> None:
    """Raises JournalDamaged where SQLite finds fault with the file at `path`, JournalError where
    it is no journal of this version.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if not 0 < version <= VERSION:
        raise JournalError(f"{path} is of version {version}, this program reads 1 to {VERSION}")
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise damaged(path, found)


def _copy(path: Path, to: Path) -> None:
    part = to.with_name(to.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT, 0o600))  # before SQLite would, more openly
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        told(path),
        closing(sqlite3.connect(uri, uri=True)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        sound(source, path)
        with told(to):  # what was read through just now can only fail to be written
            source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file
        Book(copy).note(MARK, _COPY)
        sound(copy, part)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(to)
    _sync(to.parent)


def _set_aside(path: Path) -> Path | None:
    """Move the journal away. The database goes first: without it nothing is taken for whole."""
    aside = path.with_name(path.name + ".replaced")
    files = {path.with_name(path.name + e): aside.with_name(aside.name + e) for e in _FILES}
    if path.exists() and not path.stat().st_size:
        path.unlink()
    if path.exists():  # else a restore was cut short, and the first of them has gone before
        for older in files.values():
            older.unlink(missing_ok=True)
    there = [file for file in files if file.exists()]
    for file in there:
        file.replace(files[file])
    return aside if there else None


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
