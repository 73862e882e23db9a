"""A baseline as a person hands it in: CSV or JSON, whole London days.

    start,watts                          {"start": "2026-11-25T00:00:00Z", "interval_s": 1800,
    2026-11-25T00:00:00Z,-250000          "baseline_w": [-250000, ...]}
    2026-11-25T00:30:00Z,-250000

A start is that of its settlement period, with its offset from UTC: on the day the clocks go back
01:00 comes twice. Watts are whole, + = export. A CSV may hold several days, one after another.
"""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import groupby

from ukprofile.errors import Refused
from ukprofile.flex.contract import local_day
from ven.errand import Nomination, Series, read_errand
from ven.settings import HALF_HOUR_S

_COLUMNS = ["start", "watts"]
_HALF_HOUR = timedelta(seconds=HALF_HOUR_S)


def read_baseline(text: str, name: str) -> tuple[Series, ...]:
    """The days in a file called `name`. Raises Refused, saying which line is wrong and how."""
    if text.lstrip().startswith("{"):
        return _of_json(text, name)
    rows = list(_rows(text, name))
    if not rows:
        raise Refused("BODY_VALUE", f"{name} holds no settlement period")
    for (line, start, _), (_, before, _) in zip(rows[1:], rows, strict=False):
        if start - before != _HALF_HOUR:
            raise _wrong(name, line, f"must start half an hour after line {line - 1}")
    days = groupby(rows, key=lambda row: local_day(row[1]))
    return tuple(_day([(start, watts) for _, start, watts in found]) for _, found in days)


def _of_json(text: str, name: str) -> tuple[Series, ...]:
    """One day as the body of the message has it."""
    try:
        errand = read_errand(
            json.dumps({"say": "baseline", "series": [json.loads(text)], "assets": [],
                        "contract": ""})
        )  # fmt: skip
    except ValueError as error:
        raise Refused("BODY_INVALID", f"{name} is no JSON: {error}") from error
    assert isinstance(errand, Nomination)
    return tuple(one.check() for one in errand.series)


def _rows(text: str, name: str) -> Iterator[tuple[int, datetime, int]]:
    lines = csv.reader(StringIO(text), strict=True)
    try:
        if next(lines, None) != _COLUMNS:
            raise _wrong(name, 1, "must be: start,watts")
        for row in lines:
            if row:
                yield lines.line_num, *_row(row, name, lines.line_num)
    except csv.Error as error:
        raise _wrong(name, lines.line_num, str(error)) from error


def _row(row: list[str], name: str, line: int) -> tuple[datetime, int]:
    if len(row) != len(_COLUMNS):
        raise _wrong(name, line, f"has {len(row)} columns; due are start,watts")
    try:
        start = datetime.fromisoformat(row[0])
    except ValueError as error:
        raise _wrong(name, line, f"start {row[0]!r} is no time") from error
    if start.tzinfo is None:
        raise _wrong(name, line, f"start {row[0]!r} has no offset: write Z or +01:00")
    try:
        return start.astimezone(UTC), int(row[1])
    except ValueError as error:
        raise _wrong(name, line, f"watts {row[1]!r} is no whole number") from error


def _day(rows: list[tuple[datetime, int]]) -> Series:
    return Series(rows[0][0], HALF_HOUR_S, tuple(watts for _, watts in rows)).check()


def _wrong(name: str, line: int, why: str) -> Refused:
    return Refused("BODY_VALUE", f"{name}, line {line}: {why}")
