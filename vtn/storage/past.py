"""The tables of imported history, in SQLAlchemy Core: transaction.py's part of its own."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, insert, select

from ukprofile.flex.history import HistoryRow
from vtn.domain.past import DaySum, Import, Past, Totals
from vtn.storage import tables

_ROW = tuple(field.name for field in fields(HistoryRow))
_IMPORT = tuple(field.name for field in fields(Import))
_OF_ROW = (*_ROW, "day", "utilisation_energy_wh", "utilisation_minor", "availability_minor")
_OF_PAST = tuple(field.name for field in fields(Past) if field.name != "row")
_MOST_TERMS = 500
"""Values that one query may name: databases have a limit."""


class PastTables:
    """What `SqlTransaction` asks of them; see `Transaction` for what each does."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def imports(self) -> list[Import]:
        i = tables.imports
        rows = self._db.execute(select(i).order_by(i.c.number))
        return [Import(*(getattr(row, name) for name in _IMPORT)) for row in rows]

    def put_import(self, one: Import) -> None:
        self.forget_import(one.number)
        values = {name: getattr(one, name) for name in _IMPORT}
        self._db.execute(insert(tables.imports).values(values))

    def forget_import(self, number: int) -> None:
        self._db.execute(delete(tables.imports).where(tables.imports.c.number == number))

    def keep(self, rows: Sequence[Past]) -> None:
        values = [
            {name: getattr(one.row, name) for name in _OF_ROW}
            | {name: getattr(one, name) for name in _OF_PAST}
            for one in rows
        ]
        if values:
            self._db.execute(insert(tables.past), values)

    def forget(self, number: int, most: int) -> int:
        p = tables.past
        some = select(p.c.identity).where(p.c.number == number).limit(most)
        return self._db.execute(delete(p).where(p.c.identity.in_(some))).rowcount

    def known(self, identities: Collection[str]) -> Collection[str]:
        p = tables.past.c
        found: set[str] = set()
        for some in _slices(identities):
            found.update(self._db.execute(select(p.identity).where(p.identity.in_(some))).scalars())
        return found

    def ordinals(self, keys: Collection[str]) -> Mapping[str, int]:
        p = tables.past.c
        found: dict[str, int] = {}
        for some in _slices(keys):
            last = func.max(p.ordinal).label("last")
            query = select(p.key, last).where(p.key.in_(some)).group_by(p.key)
            found |= {row.key: row.last for row in self._db.execute(query)}
        return found

    def rows(self, day: date, company: str | None) -> list[Past]:
        p = tables.past.c
        query = select(tables.past).where(p.day == day, *_seen(company))
        order = (p.start, p.company, p.unit, p.product, p.ordinal)
        return [_past(row) for row in self._db.execute(query.order_by(*order))]

    def days(self, company: str | None) -> list[DaySum]:
        p = tables.past.c
        # in the order of the fields of Totals
        sums = (
            func.count(),
            func.sum(case((p.utilisation_w > 0, 1), else_=0)),
            func.sum(case((p.utilisation_w == 0, 1), else_=0)),
            func.sum(case((p.ordinal > 1, 1), else_=0)),
            func.sum(p.utilisation_energy_wh),
            func.sum(p.utilisation_minor),
            func.sum(p.availability_minor),
        )
        query = select(p.day, p.company, *sums).where(*_seen(company)).group_by(p.day, p.company)
        return [
            DaySum(day, name, Totals(*map(int, totals)))
            for day, name, *totals in self._db.execute(query.order_by(p.day, p.company))
        ]


def _seen(company: str | None) -> Iterator[ColumnElement[bool]]:
    """What everybody may see: rows of finished imports, and of one company if it is named."""
    i, p = tables.imports.c, tables.past.c
    yield p.number.in_(select(i.number).where(i.finished_at.is_not(None)))
    if company is not None:
        yield p.company == company


def _slices(values: Collection[str]) -> Iterator[list[str]]:
    listed = sorted(set(values))
    return (listed[at : at + _MOST_TERMS] for at in range(0, len(listed), _MOST_TERMS))


def _past(row: Row[Any]) -> Past:
    read = HistoryRow(**{name: getattr(row, name) for name in _ROW})
    return Past(read, *(getattr(row, name) for name in _OF_PAST))
