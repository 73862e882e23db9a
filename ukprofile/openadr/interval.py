"""Intervals: when something holds, and the values that hold then (Y: interval, valuesMap)."""

from calendar import monthrange
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag

from ukprofile.errors import Refused
from ukprofile.openadr.scalars import NOT_NULL, DateTime, Duration, Int32, Integer, Number, Word
from ukprofile.openadr.wire import Many, Wire


class IntervalPeriod(Wire):
    """Start and length of an interval, or the defaults for several; all of it optional (T12)."""

    start: Annotated[DateTime | None, NOT_NULL] = None
    duration: Annotated[Duration | None, NOT_NULL] = None
    randomize_start: Annotated[Duration | None, NOT_NULL] = None


def end_of(start: datetime, duration: Duration) -> datetime | None:
    """When something that begins at `start` ends; None where it does not.

    A month from the 31st ends on the last day of a shorter month. Raises Refused TIME_INVALID for
    an end after year 9999.
    """
    if duration.is_infinite:
        return None
    year, month = divmod(start.year * 12 + start.month - 1 + duration.months, 12)
    try:
        day = min(start.day, monthrange(year, month + 1)[1])
        began = start.replace(year=year, month=month + 1, day=day)
        return began + timedelta(seconds=duration.beside_months)
    except (OverflowError, ValueError):
        raise Refused("TIME_INVALID", f"{duration} from then on ends after year 9999") from None


class Point(Wire):
    """A pair of numbers, typically on a curve."""

    x: Number
    y: Number


_KINDS = {str: "str", int: "int", float: "float", bool: "bool", dict: "point", Point: "point"}


def _kind(value: object) -> str | None:
    return _KINDS.get(type(value)) or ("str" if isinstance(value, str) else None)


Value: TypeAlias = Annotated[
    Annotated[str, Tag("str")]
    | Annotated[Integer, Tag("int")]
    | Annotated[float, Tag("float")]
    | Annotated[bool, Tag("bool")]
    | Annotated[Point, Tag("point")],
    Discriminator(
        _kind,
        custom_error_type="value_type",
        custom_error_message="a value is a string, a number, a boolean, or a point",
    ),
]
"""One value of a payload. 1, 1.0, true and "1" are four different values and stay so."""


class ValuesMap(Wire):
    """Values of one type: the payload of an interval, or an attribute of an object."""

    type: Word
    values: Many[Value]


class Interval(Wire):
    """A time and the payloads for it. `id` is chosen by the sender and is no order (UG:786)."""

    id: Int32
    interval_period: Annotated[IntervalPeriod | None, NOT_NULL] = None
    payloads: Many[ValuesMap] = Field(...)
