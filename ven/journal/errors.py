"""What can go wrong with the file beneath the journal, said so that a person can mend it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ukprofile.errors import ProfileError

_PRIMARY = 0xFF
"""SQLite's extended codes say more in their higher bits."""

_OURS = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE}
)
"""Mistakes in what was asked, which no disk makes."""


class JournalError(ProfileError):
    """The journal cannot be used: in use by another agent, damaged, or of a newer version."""


class JournalFull(JournalError):
    """There is no room for what was to be written: nothing of it was, and nothing is lost."""


class JournalDamaged(JournalError):
    """The journal is not what was written: it is never begun anew by itself."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors about the file at `path`, as ours; its errors about our SQL stay as they are.

    Raises JournalFull, JournalDamaged, JournalError.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
        if code in _OURS:
            raise
        raise _error_of(code, error, path) from error


def damaged(path: Path, why: str) -> JournalDamaged:
    """The journal at `path` is damaged, and what to do."""
    said = " ".join(why.split())  # SQLite's own words take several lines
    return JournalDamaged(
        f"{path} is damaged ({said}): keep it, and put a backup in its place: ukven restore"
    )


def _error_of(code: int, error: sqlite3.DatabaseError, path: Path) -> JournalError:
    if code == sqlite3.SQLITE_FULL:
        return JournalFull(f"no room to write {path} ({error}): free space on its disk")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    return JournalError(f"{path} cannot be read or written ({error}): look after its disk")
