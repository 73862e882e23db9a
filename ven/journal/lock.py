"""Who holds a journal: one agent at a time, named; and which journal it was that lay here last.

    journal.db        notes: mark = 9f3c...        a copy made earlier has an earlier mark
    journal.db.lock   held (flock) as long as the agent lives: {"pid": 4711, "marks": ["9f3c..."]}

Each opening gives both a new mark. A journal with another mark than the one that lay here last is
an older one: what this agent did since, it does not know of.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ven.journal.errors import JournalError

MARK = "mark"
"""The note of which opening wrote this journal last."""
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of one journal, held until `release`. `marks` are those it may have now."""

    fd: int
    marks: tuple[str, ...]

    @classmethod
    def take(cls, path: Path) -> "Lock":
        """Hold the journal at `path`. Raises JournalError, naming the process that does."""
        fd = os.open(lock_of(path), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _ = _read(fd)
            os.close(fd)
            named = f": process {pid}" if pid else ""
            raise JournalError(f"another agent is running on {path}{named}") from None
        _, marks = _read(fd)
        return cls(fd, marks)

    def write(self, marks: Sequence[str]) -> None:
        """Write down who holds it, and the marks that the journal may have from now on."""
        text = json.dumps({"pid": os.getpid(), "marks": list(marks)}) + "\n"
        os.pwrite(self.fd, text.encode(), 0)
        os.ftruncate(self.fd, len(text))
        os.fsync(self.fd)

    def release(self) -> None:
        os.close(self.fd)


def in_use(path: Path) -> bool:
    """Whether an agent is running on the journal at `path`."""
    if not path.exists():
        return False
    try:
        Lock.take(path).release()
    except JournalError:
        return True
    return False


def lock_of(path: Path) -> Path:
    """The file that is locked for the journal at `path`."""
    return path.with_name(path.name + ".lock")


def _read(fd: int) -> tuple[int, tuple[str, ...]]:
    """The process that wrote it last, and the marks; 0 and none where nobody did."""
    try:
        said = json.loads(os.pread(fd, _MOST_BYTES, 0).split(b"\n")[0])
        return int(said["pid"]), tuple(str(mark) for mark in said["marks"])
    except (ValueError, KeyError, TypeError):
        return 0, ()
