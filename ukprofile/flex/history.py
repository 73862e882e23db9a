"""A DSO's published history of dispatches, row by row: exact, in whole watts and pence.

    company_name,fu_id,zone,product,...,start_time_utc,end_time_utc,time_utc
    Ohme,OHME-WILL-LTU-3088,Willesden Grid,Long-Term Utilisation,...
      │
      ▼ read_history                    one line, one row; the columns in any order
    HistoryRow(company, unit, product, zone, start, end, utilisation_w, ...)
      │
      ▼ of each row by itself
    W x s x price ─▶ an exact fraction ─▶ half to even ─▶ Wh, pence; sums are made of those

The columns are those of the open data of UK Power Networks. Times count by their UTC columns; the
local ones must name the same instants. Energies, hours and time of day that are published too are
rounded, or follow from the rest: they must be there and be numbers, and nothing hangs on them.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import BinaryIO
from zoneinfo import ZoneInfo

from ukprofile.errors import Refused
from ukprofile.flex.kinds import DISPATCH_TYPES

COLUMNS = (
    "company_name",
    "fu_id",
    "zone",
    "product",
    "start_time_local",
    "end_time_local",
    "availability_mw_req",
    "utilisation_mw_req",
    "availability_price",
    "utilisation_price",
    "availability_mwh_req",
    "utilisation_mwh_req",
    "technology",
    "dispatch_type",
    "hours_requested",
    "dispatch_method",
    "start_time_utc",
    "end_time_utc",
    "time_utc",
)
"""Powers in MW, energies in MWh, prices in pounds per MWh or per MW and hour."""

MOST_LINE_BYTES = 8192
"""A row of nineteen columns has three hundred; what is longer was never a line of such a file."""

_MOST_TEXT = 200
_MOST_W = 10**11
_MOST_MINOR = 10**8
_MOST_TIME = timedelta(days=366)
_YEARS = range(2000, 2200)
_LONDON = ZoneInfo("Europe/London")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")
"""As spreadsheets and programs write numbers: 0.029, 1e-05; no NaN, no 1e999, no 1,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One row: power asked of a flexible unit, from `start` until `end` (aware, UTC).

    `line` is where it stands in the file. Powers in W, never negative: `dispatch_type` tells the
    direction. A row has utilisation, availability or both; prices in pence.
    """

    line: int
    company: str
    unit: str
    zone: str
    product: str
    start: datetime
    end: datetime
    availability_w: int
    utilisation_w: int
    availability_minor_per_mw_h: int
    utilisation_minor_per_mwh: int
    technology: str
    dispatch_type: str

    @property
    def key(self) -> tuple[str, str, str, datetime]:
        """Company, flexible unit, product, start: not unique in what DSOs publish."""
        return self.company, self.unit, self.product, self.start

    @property
    def day(self) -> date:
        """The London day in which it starts."""
        return self.start.astimezone(_LONDON).date()

    @property
    def seconds(self) -> int:
        return (self.end - self.start) // timedelta(seconds=1)

    @property
    def is_dispatch(self) -> bool:
        """Whether power was used; else it was only held ready."""
        return self.utilisation_w > 0

    @property
    def utilisation_energy_wh(self) -> int:
        return round(Fraction(self.utilisation_w * self.seconds, 3600))

    @property
    def utilisation_minor(self) -> int:
        """What the energy asked for is worth."""
        return self._worth(self.utilisation_w, self.utilisation_minor_per_mwh)

    @property
    def availability_minor(self) -> int:
        """What the time in readiness is worth."""
        return self._worth(self.availability_w, self.availability_minor_per_mw_h)

    def _worth(self, watts: int, minor_per_mw_h: int) -> int:
        return round(Fraction(watts * self.seconds * minor_per_mw_h, 1_000_000 * 3600))


def bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of an open file, none of which can fill the memory."""
    return iter(lambda: file.readline(MOST_LINE_BYTES + 1), b"")


def read_history(lines: Iterable[bytes], name: str) -> Iterator[HistoryRow]:
    """The rows of a file called `name`. Raises Refused at the first that is none, saying why."""
    for found in each_row(lines, name):
        if isinstance(found, Refused):
            raise found
        yield found


def each_row(lines: Iterable[bytes], name: str) -> Iterator[HistoryRow | Refused]:
    """The same to the end of the file: in the place of a row that is wrong stands why.

    Raises Refused where the file as a whole is none: its header, its encoding, a line without end.
    """
    places: Mapping[str, int] = {}
    width = 0
    for number, line in enumerate(lines, 1):
        where = f"{name}, line {number}"
        text = _text(line, where, first=number == 1)
        if number == 1:
            header = _fields(text, where)
            places, width = _places(header, where), len(header)
        elif text:
            try:
                yield _Cells(_fields(text, where, width), places, where).row(number)
            except Refused as refused:
                yield refused
    if not places:
        raise Refused("BODY_INVALID", f"{name} is empty: its first line must name the columns")


def _text(line: bytes, where: str, *, first: bool) -> str:
    if len(line) > MOST_LINE_BYTES:
        raise Refused(
            "BODY_INVALID", f"{where}: longer than {MOST_LINE_BYTES} bytes: is it a CSV file?"
        )
    try:
        text = line.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            "ENCODING", f"{where}: byte {error.start + 1} is not UTF-8: save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise Refused("ENCODING", f"{where}: a NUL byte: save the file as UTF-8 text")
    return text.rstrip("\r\n")


def _fields(text: str, where: str, width: int = 0) -> Sequence[str]:
    """The fields of one line; a quotation that goes on in the next is an error in this one.

    There must be `width` of them, unless that is 0.
    """
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise Refused("BODY_INVALID", f"{where}: {error}: close each quotation mark") from error
    if width and len(fields) != width:
        raise Refused(
            "BODY_INVALID",
            f"{where}: has {len(fields)} columns, the first line names {width}: a comma within "
            "a name needs quotation marks around it",
        )
    return fields


def _places(header: Sequence[str], where: str) -> Mapping[str, int]:
    """Where each column stands. One that is not known may be there: publishers add some."""
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise Refused(
            "BODY_INVALID",
            f"{where}: no column {', '.join(missing)}: the first line must name all of "
            + ",".join(COLUMNS),
        )
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise Refused("BODY_INVALID", f"{where}: column {twice[0]} stands there twice: remove one")
    return {name: names.index(name) for name in COLUMNS}


@lru_cache(1024)
def _exact(text: str) -> Fraction | None:
    """The number that `text` is; the same few stand in row after row."""
    return Fraction(Decimal(text)) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class _Cells:
    """The fields of one line, and how to read them."""

    fields: Sequence[str]
    places: Mapping[str, int]
    where: str

    def row(self, line: int) -> HistoryRow:
        start, end = self._span()
        availability_w, utilisation_w = self._powers()
        for rounded in ("availability_mwh_req", "utilisation_mwh_req", "hours_requested"):
            self._number(rounded)
        return HistoryRow(
            line=line,
            company=self._name("company_name"),
            unit=self._name("fu_id"),
            zone=self._name("zone"),
            product=self._name("product"),
            start=start,
            end=end,
            availability_w=availability_w,
            utilisation_w=utilisation_w,
            availability_minor_per_mw_h=self._pence("availability_price"),
            utilisation_minor_per_mwh=self._pence("utilisation_price"),
            technology=self._printable("technology"),
            dispatch_type=self._dispatch_type(),
        )

    def _cell(self, column: str) -> str:
        return self.fields[self.places[column]].strip()

    def _printable(self, column: str) -> str:
        text = self._cell(column)
        if not text.isprintable() or len(text) > _MOST_TEXT:
            raise self._wrong(
                column,
                f"{text[:40]!r} is no name: at most {_MOST_TEXT} characters that can be printed",
            )
        return text

    def _name(self, column: str) -> str:
        text = self._printable(column)
        if not text:
            raise self._wrong(column, "is empty: a name is due")
        return text

    def _dispatch_type(self) -> str:
        text = self._cell("dispatch_type")
        if text not in DISPATCH_TYPES:
            known = ", ".join(DISPATCH_TYPES)
            raise self._wrong("dispatch_type", f"{text[:40]!r} is none: write one of {known}")
        return text

    def _powers(self) -> tuple[int, int]:
        availability_w = self._whole("availability_mw_req", 10**6, _MOST_W, "W")
        utilisation_w = self._whole("utilisation_mw_req", 10**6, _MOST_W, "W")
        if not availability_w and not utilisation_w:
            raise self._wrong(
                "utilisation_mw_req",
                "0, and availability_mw_req too: nothing was asked for; remove the line",
            )
        return availability_w, utilisation_w

    def _pence(self, column: str) -> int:
        return self._whole(column, 100, _MOST_MINOR, "pence")

    def _whole(self, column: str, times: int, most: int, unit: str) -> int:
        """A number in a `times` smaller unit, of which it must be a whole number."""
        exact = self._number(column) * times
        shown = f"{self._cell(column)} is"
        if exact < 0:
            raise self._wrong(column, f"{shown} negative: 0 or more is due", "NUMBER_INVALID")
        if exact > most:
            raise self._wrong(column, f"{shown} more than {most:,} {unit}", "NUMBER_INVALID")
        if exact.denominator != 1:
            raise self._wrong(
                column, f"{shown} no whole number of {unit}: round it", "NUMBER_INVALID"
            )
        return exact.numerator

    def _number(self, column: str) -> Fraction:
        text = self._cell(column)
        found = _exact(text)
        if found is None:
            raise self._wrong(
                column, f"{text[:40]!r} is no number: write it like 0.029", "NUMBER_INVALID"
            )
        return found

    def _span(self) -> tuple[datetime, datetime]:
        start, end = self._instant("start"), self._instant("end")
        if end <= start:
            raise self._wrong(
                "end_time_utc", f"{self._cell('end_time_utc')} is not after the start"
            )
        if end - start > _MOST_TIME:
            raise self._wrong(
                "end_time_utc", f"more than {_MOST_TIME.days} days after the start: which is wrong?"
            )
        return start, end

    def _instant(self, which: str) -> datetime:
        """The instant of the UTC column, which the local one must name too."""
        in_utc, in_local = f"{which}_time_utc", f"{which}_time_local"
        utc, local = self._time(in_utc), self._time(in_local)
        if utc.utcoffset() != timedelta(0):
            raise self._wrong(
                in_utc, f"{self._cell(in_utc)} is not in UTC: write +00:00", "TIME_INVALID"
            )
        if local != utc:
            raise self._wrong(
                in_local,
                f"{self._cell(in_local)} is another instant than {in_utc} "
                f"{self._cell(in_utc)}: which is wrong?",
                "TIME_INVALID",
            )
        return utc.astimezone(UTC)

    def _time(self, column: str) -> datetime:
        text = self._cell(column)
        try:
            when = datetime.fromisoformat(text)
        except ValueError as error:
            raise self._wrong(
                column,
                f"{text[:40]!r} is no time: write it like 2025-06-20T16:30:00+01:00",
                "TIME_INVALID",
            ) from error
        if when.tzinfo is None:
            raise self._wrong(
                column, f"{text} has no offset from UTC: write +00:00 or +01:00", "TIME_INVALID"
            )
        if when.year not in _YEARS or when.microsecond:
            raise self._wrong(
                column,
                f"{text} is no whole second of {_YEARS.start} to {_YEARS.stop - 1}",
                "TIME_INVALID",
            )
        return when

    def _wrong(self, column: str, why: str, reason: str = "BODY_VALUE") -> Refused:
        return Refused(reason, f"{self.where}, column {column}: {why}")
