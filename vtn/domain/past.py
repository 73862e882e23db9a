"""What is kept of a published history, and how a row is known again.

    (company, unit, product, start)        its key: rows may share one, the ordinal tells them apart
    all that was read of it, and the how-manieth such row of its file      its identity

A row is held if one of its identity is. So of a newer file that overlaps an older one only what
is new is taken, in whatever order it stands there. A row that was put right by its publisher is
one more row of its key, with the next ordinal: which of the two is right, nobody here can know.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.history import HistoryRow
from ukprofile.flex.times import read_time, time_text


@dataclass(frozen=True, slots=True)
class Past:
    """One row of a history, with digests of its key and its identity. `occurrence` counts the rows
    of its file that say just the same, 1 for the first; `ordinal` those of its key that are held;
    `number` is that of its import.
    """

    row: HistoryRow
    occurrence: int
    key: str
    identity: str
    ordinal: int = 0
    number: int = 0

    @classmethod
    def of(cls, row: HistoryRow, occurrence: int) -> "Past":
        """A row that is not held yet."""
        return cls(row, occurrence, key_of(row), _digest(content_of(row), occurrence))

    @property
    def id(self) -> str:
        """Its key and its ordinal, for people and programs."""
        row = self.row
        names = (_plain(name) for name in (row.company, row.unit, row.product))
        return "/".join((*names, time_text(row.start), str(self.ordinal)))

    def to_json(self) -> dict[str, Any]:
        """For a program: what the row says, what it is worth, and what it became."""
        row = self.row
        return {
            "id": self.id,
            "kind": "dispatch" if row.is_dispatch else "availability",
            **row_json(row),
            "day": row.day.isoformat(),
            "utilisation_energy_wh": row.utilisation_energy_wh,
            "utilisation_minor": row.utilisation_minor,
            "availability_minor": row.availability_minor,
            "import": self.number,
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """What rows add up to; `duplicates` are those after the first of a key. Money in pence."""

    rows: int = 0
    dispatches: int = 0
    availability_windows: int = 0
    duplicates: int = 0
    utilisation_energy_wh: int = 0
    utilisation_minor: int = 0
    availability_minor: int = 0

    def with_row(self, row: HistoryRow, *, again: bool) -> "Totals":
        """With one more row, whose key was there `again`."""
        return Totals(
            self.rows + 1,
            self.dispatches + row.is_dispatch,
            self.availability_windows + (not row.is_dispatch),
            self.duplicates + again,
            self.utilisation_energy_wh + row.utilisation_energy_wh,
            self.utilisation_minor + row.utilisation_minor,
            self.availability_minor + row.availability_minor,
        )

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DaySum:
    """One company's rows of one London day."""

    day: date
    company: str
    totals: Totals

    def to_json(self) -> dict[str, Any]:
        return {"day": self.day.isoformat(), "company": self.company, **self.totals.to_json()}


@dataclass(frozen=True, slots=True)
class Import:
    """One run of an import: of a file called `name`, with `rows`, of which `new` were not held.

    Times by the operational clock. Until it is finished nobody sees anything of it.
    """

    number: int
    name: str
    begun_at: datetime
    new: int = 0
    rows: int = 0
    finished_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        at = "" if self.finished_at is None else time_text(self.finished_at)
        return {
            "import": self.number,
            "file": self.name,
            "at": at,
            "rows": self.rows,
            "new": self.new,
        }


def key_of(row: HistoryRow) -> str:
    """A digest of the row's key."""
    return _digest(row.company, row.unit, row.product, time_text(row.start))


def content_of(row: HistoryRow) -> str:
    """A digest of all that was read of a row: not the line on which it stands."""
    said = row_json(row)
    del said["line"]
    return _digest(said)


def row_json(row: HistoryRow) -> dict[str, Any]:
    """A row on its way between the processes of one VTN."""
    said = {name: getattr(row, name) for name in _TYPES}
    return said | {"start": time_text(row.start), "end": time_text(row.end)}


def read_past(value: Any) -> Past:
    """A row as `row_json` has it, with its occurrence. Raises Refused BODY_VALUE."""
    if not isinstance(value, dict) or value.keys() != {*_TYPES, "occurrence"}:
        raise _wrong("rows", "each is an object of " + ", ".join(_TYPES))
    given = dict(value)
    for name in ("start", "end"):
        given[name] = read_time(given[name])
    for name, due in {**_TYPES, "occurrence": int}.items():
        if not isinstance(given[name], due):
            raise _wrong(name, f"{value[name]!r} is no {due.__name__}")
    occurrence = given.pop("occurrence")
    return Past.of(HistoryRow(**given), occurrence)


_TYPES: dict[str, Any] = {field.name: field.type for field in fields(HistoryRow)}


def _wrong(name: str, why: str) -> Refused:
    return Refused("BODY_VALUE", f"{name}: {why}")


def _plain(name: str) -> str:
    """A name that can stand between slashes."""
    return name.replace("%", "%25").replace("/", "%2F")


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
