"""Reading a published history from a file, and handing it to a VTN: `ukvtn import`.

    file ─▶ each_row ─▶ Reading: totals, what is wrong ─▶ 100 rows a time ─▶ History.stage
             line by line, however long the file is                           (vtn.domain.history)

The file is read once, to its end even if a row is wrong, so that everything that is wrong is told
at once; then nothing of it is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, BinaryIO

from ukprofile.errors import ProfileError, Refused
from ukprofile.flex.history import HistoryRow, bounded_lines, each_row
from vtn.domain.history import BATCH
from vtn.domain.past import Totals, content_of, key_of, row_json
from vtn.storage.seen import Seen, counting

Tell = Callable[[str, dict[str, Any]], Any]
"""Runs a command at the VTN; its result."""
Advance = Callable[[int], None]
"""Told how many bytes of the file are read."""

_MOST_FAULTS = 5
_TOLD_EVERY = 1 << 16


def look_at(file: BinaryIO, name: str, advance: Advance) -> Totals:
    """What is in the file called `name`. Raises Refused where anything of it is wrong."""
    with counting() as seen:
        reading = Reading(file, name, seen, advance)
        for _ in reading.rows():
            pass
        return reading.checked()


def take_in(tell: Tell, file: BinaryIO, name: str, advance: Advance) -> dict[str, Any]:
    """Import the file called `name`: its totals, and `imported`, `held_already`, `import`.

    Raises ProfileError; then nothing was imported.
    """
    number = tell("history.begin", {"name": name})["import"]
    try:
        with counting() as seen:
            reading = Reading(file, name, seen, advance)
            rows = reading.rows()
            while batch := list(islice(rows, BATCH)):
                if not reading.faults:
                    given = [row_json(row) | {"occurrence": times} for row, times in batch]
                    tell("history.stage", {"import": number, "rows": given})
            totals = reading.checked()
        done = tell("history.finish", {"import": number, "rows": totals.rows})
    except BaseException:  # Ctrl-C too: what was staged is of no use to anybody
        with suppress(ProfileError, OSError):
            tell("history.abandon", {"import": number})
        raise
    new = done["new"]
    made = {"imported": new, "held_already": totals.rows - new, "import": number if new else None}
    return totals.to_json() | made


class Reading:
    """One pass over a file."""

    def __init__(self, file: BinaryIO, name: str, seen: Seen, advance: Advance) -> None:
        self._file = file
        self._name = name
        self._seen = seen
        self._advance = advance
        self._totals = Totals()
        self.faults = 0
        self._told: list[Refused] = []

    def rows(self) -> Iterator[tuple[HistoryRow, int]]:
        """Its rows, with how often each was there so far. Raises Refused where it is no such file.

        What is wrong in a row is kept for `checked`.
        """
        for found in each_row(self._lines(), self._name):
            if isinstance(found, Refused):
                self._wrong(found)
            else:
                again = self._seen.times(key_of(found)) > 1
                self._totals = self._totals.with_row(found, again=again)
                yield found, self._seen.times(content_of(found))

    def checked(self) -> Totals:
        """What the rows add up to, after the last. Raises Refused where one was wrong."""
        if self.faults:
            first, *others = self._told
            said = [first.detail, *(other.detail for other in others)]
            if self.faults > len(said):
                said.append(f"and {self.faults - len(said)} rows more")
            raise Refused(first.reason, "; ".join(said))
        if not self._totals.rows:
            raise Refused("BODY_INVALID", f"{self._name} holds no row")
        return self._totals

    def _wrong(self, refused: Refused) -> None:
        self.faults += 1
        if len(self._told) < _MOST_FAULTS:
            self._told.append(refused)

    def _lines(self) -> Iterator[bytes]:
        read = told = 0
        for line in bounded_lines(self._file):
            read += len(line)
            if read - told >= _TOLD_EVERY:
                self._advance(read)
                told = read
            yield line
        self._advance(read)
