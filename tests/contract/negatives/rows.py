"""`negatives.csv`, read once."""

import csv
from dataclasses import dataclass
from functools import cache

from tests.shared import SHARED


@dataclass(frozen=True, slots=True)
class Row:
    """One row: wrong input, and what must become of it."""

    id: str
    area: str
    role: str
    level: str
    given: str
    when: str
    expect_http: str
    expect_verdict: str
    reason: str
    security_event: str
    state_change: str
    clause: str
    note: str

    @property
    def taken(self) -> bool:
        """Whether it is a control: must be accepted."""
        return self.expect_http.startswith("2")


@cache
def rows() -> dict[str, Row]:
    """The rows that hold on the first dispatch day (level 1), by id."""
    if not SHARED.is_dir():
        return {}
    with (SHARED / "negatives.csv").open(newline="", encoding="utf-8") as table:
        found = [Row(**row) for row in csv.DictReader(table)]
    return {row.id: row for row in found if row.level == "1"}


def of_role(role: str) -> list[str]:
    """The ids of the rows that test `role`."""
    return [row.id for row in rows().values() if row.role in (role, "both")]
