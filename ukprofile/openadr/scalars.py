"""The scalar types of OpenADR 3.1 (Y: components.schemas): times, lengths, names, ids, numbers.

`DateTime` and `Duration` are strings that keep their text exactly as it was sent, since others
sign, compare and store it; what they mean is a property.
"""

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import PydanticCustomError, core_schema

from ukprofile.errors import Refused
from ukprofile.openadr.door import MAX_INTEGER


class _Text(str):
    """A string with a grammar: refused when made, wherever it comes from."""

    __slots__ = ()
    json_format: ClassVar[str]

    @classmethod
    def _taken(cls, value: object) -> Self:
        if type(value) is cls:
            return value
        if not isinstance(value, str):
            raise PydanticCustomError("TIME_INVALID", "a string is due here")
        try:
            return cls(value)
        except Refused as refused:
            raise PydanticCustomError(
                "TIME_INVALID", "{detail}", {"detail": refused.detail}
            ) from None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._taken)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _core: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "format": cls.json_format}


_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,20})?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_NOW = re.compile(r"0001-01-01(?:[Tt]00:00:00(?:\.0{1,20})?(?:[Zz]|[+-]00:00)?)?", re.ASCII)
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class DateTime(_Text):
    """An RFC 3339 time with its zone, or the "now" of OpenADR: 0001-01-01[T00:00:00] (UG:634).

    Lower-case t and z and any offset are taken; second 60, 24:00, a missing zone and a bare date
    are not. Raises Refused TIME_INVALID.
    """

    __slots__ = ("_instant",)
    json_format = "date-time"
    _instant: datetime

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        self._instant = _instant(text)
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)

    @property
    def instant(self) -> datetime:
        """The moment, aware, in UTC, to the microsecond; of "now" the beginning of time."""
        return self._instant

    @property
    def is_now(self) -> bool:
        """Whether this is the sentinel: "now" in an event, "follow on" in an interval."""
        return self._instant == _BEGINNING

    @classmethod
    def of(cls, when: datetime) -> Self:
        """The aware `when` as text: UTC, Z, fractions only where there are any."""
        if when.tzinfo is None:
            raise Refused("TIME_INVALID", "a time without a zone")
        return cls(when.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z")


_LIKE_A_TIME = re.compile(r"[0-9PTZWYDHMSptz:+. -]{1,40}", re.ASCII)


def _shown(text: str) -> str:
    """What was sent, where it looks like a time: anything else may be a secret gone astray."""
    return repr(text) if _LIKE_A_TIME.fullmatch(text) else "this"


def _instant(text: str) -> datetime:
    if _NOW.fullmatch(text):
        return _BEGINNING
    if not (found := _DATE_TIME.fullmatch(text)):
        raise Refused(
            "TIME_INVALID",
            f"{_shown(text)} is no RFC 3339 time with a zone, like 2026-11-24T16:30:00Z",
            clause="Y dateTime; RFC 3339 5.6",
        )
    year, month, day, hour, minute, second, fraction, sign, off_hours, off_minutes = found.groups()
    try:
        zone = _zone(sign, int(off_hours), int(off_minutes)) if sign else UTC
        micro = int((fraction or ".0")[1:7].ljust(6, "0"))
        local = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), micro, zone
        )
        return local if zone is UTC else local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(
            "TIME_INVALID",
            f"{_shown(text)} is no moment: {error}",
            clause="Y dateTime; RFC 3339 5.7",
        ) from None


def _zone(sign: str, hours: int, minutes: int) -> timezone:
    """The zone of +hh:mm or -hh:mm. Raises ValueError past 23:59."""
    if minutes > 59:
        raise ValueError("no such offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(offset if sign == "+" else -offset)


_DURATION = re.compile(  # the pattern of Y:duration
    r"(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?"
    r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_LONGEST_TEXT = 64
_INFINITE_YEARS = 9999
_LONGEST_S = _INFINITE_YEARS * 366 * 86_400
"""No length between two times that can be written is longer."""


class Duration(_Text):
    """An ISO 8601 length of time in the form OpenADR admits; P9999Y is infinite (UG:634).

    Negative lengths and ones longer than the calendar are refused, as is what the pattern of
    Y:duration refuses (P0S, PT0.5H). Raises Refused TIME_INVALID.
    """

    __slots__ = ("_infinite", "_seconds", "months")
    json_format = "duration"
    _seconds: int | float
    _infinite: bool
    months: int
    """Years and months, in months: they have a length only once they begin somewhere."""

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        years, months, seconds = _length(text)
        self._infinite = years == _INFINITE_YEARS
        self.months = years * 12 + months
        self._seconds = int(seconds) if seconds == int(seconds) else float(seconds)
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)

    @property
    def is_infinite(self) -> bool:
        """Whether this is P9999Y: without end."""
        return self._infinite

    @property
    def seconds(self) -> int | float:
        """The length in seconds, an int where whole, math.inf where infinite.

        Raises Refused TIME_INVALID for years and months, which have no fixed length.
        """
        if self._infinite:
            return math.inf
        if self.months:
            raise Refused("TIME_INVALID", f"{self} has years or months: no fixed length")
        return self._seconds

    @property
    def beside_months(self) -> int | float:
        """The seconds that stand beside `months`."""
        return self._seconds

    @classmethod
    def of(cls, length: timedelta | float) -> Self:
        """`length` (seconds, or a timedelta) in its shortest usual form: PT30M, PT1H, P365D."""
        if isinstance(length, timedelta):
            seconds = Decimal(length.days * 86_400 + length.seconds)
            seconds += Decimal(length.microseconds) / 1_000_000
        else:
            seconds = Decimal(repr(length))
        if not seconds.is_finite() or seconds < 0:
            raise Refused("TIME_INVALID", f"{length} is no length of time")
        whole = int(seconds)
        minutes, second = divmod(whole, 60)
        hours, minute = divmod(minutes, 60)
        days, hour = divmod(hours, 24)
        fraction = f"{seconds - whole:f}".rstrip("0")[1:] if seconds != whole else ""
        date = f"{days}D" if days else ""
        clock = f"{hour}H" if hour else ""
        clock += f"{minute}M" if minute else ""
        clock += f"{second}{fraction}S" if second or fraction or not (date or clock) else ""
        return cls(f"P{date}T{clock}" if clock else f"P{date}")


def _length(text: str) -> tuple[int, int, Decimal]:
    """Years, months and seconds of `text`. Raises Refused TIME_INVALID."""
    found = _DURATION.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if not found:
        raise Refused(
            "TIME_INVALID",
            f"{_shown(text)} is no length of time, like PT30M",
            clause="Y duration; ISO 8601",
        )
    sign, years, months, days, unit, hours, minutes, seconds = found.groups()
    if sign:
        raise Refused("TIME_INVALID", f"{text} is negative", clause="Y duration")
    day_s = 7 * 86_400 if unit == "W" else 86_400
    total = int(days or 0) * day_s + int(hours or 0) * 3600 + int(minutes or 0) * 60
    exact = total + Decimal(seconds or 0)
    in_calendar = int(years or 0) * 12 + int(months or 0)
    if exact > _LONGEST_S or in_calendar > _INFINITE_YEARS * 12:
        raise Refused("TIME_INVALID", f"{text} is longer than the calendar", clause="Y duration")
    return int(years or 0), int(months or 0), exact


_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing, though Unicode counts them as printable."""


def clean_name(text: str) -> str:
    """`text`, if a person can see all of it: no control, bidi or invisible characters.

    Two names that look alike must be alike; letters of any script, Welsh ones among them, are
    welcome. Raises NAME_INVALID, by way of the model that holds the name.
    """
    if text.isascii() and text.isprintable():
        return text
    if not text.isprintable() or _UNSEEN.search(text):
        raise PydanticCustomError(
            "NAME_INVALID",
            "{shown} holds a control, bidi or invisible character",
            {"shown": ascii(text[:60])},
        )
    return text


class _NotNull:
    """Marks a member that may be absent (None in Python) but, when present, is never null.

    The YAML says `nullable` member by member; None as the default of an attribute must not open
    the door to null for the others.
    """

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema: dict[str, Any] = dict(handler(source))
        return schema["schema"]  # type: ignore[no-any-return]  # what the nullable schema wraps


NOT_NULL = _NotNull()

_free_name = AfterValidator(clean_name)
Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=128), _free_name]
"""programName, venName, resourceName, clientName, clientID, and a target: 1..128, visible."""
Label: TypeAlias = Annotated[str, _free_name]
"""eventName and reportName: any length, visible."""
ObjectID: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
Word: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""Payload types, units, reading types: an enumerated word or a private one."""
Uri: TypeAlias = Annotated[str, StringConstraints(min_length=2, max_length=8000)]
Secret: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Int32: TypeAlias = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Integer: TypeAlias = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Number: TypeAlias = Integer | float
"""A JSON number: an int stays an int, a float stays a float, and true is neither."""
ObjectType: TypeAlias = Literal["PROGRAM", "EVENT", "REPORT", "SUBSCRIPTION", "VEN", "RESOURCE"]
Operation: TypeAlias = Literal["CREATE", "READ", "UPDATE", "DELETE"]
