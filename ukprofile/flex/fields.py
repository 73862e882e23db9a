"""What a body field may hold, said as data.

    Members(due("currency", CURRENCY), may("x", SIZE))      an object and its known members
    Each(PERIOD, most=500)                                  a list, every item alike
    Range(0, 100), OneOf("api", "email"), TEXT, TIME ...    leaves

Looking at a value with a shape gives two lists: faults (missing, not a time, wrong value), each
with a code and a JSON pointer, and the pointers of members nobody knows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ukprofile.flex.times import read_time


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a body: the code (BODY_MISSING_FIELD, TIME_FORMAT, BODY_VALUE)."""

    reason: str
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A member this profile does not know, by JSON pointer."""

    path: str


Finding = Fault | Unknown


class Shape(Protocol):
    """Anything that can look at a value."""

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        """Every finding, in the order of the value."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value told by its Python type and a pattern, or by a test of its own."""

    what: str
    kind: type
    pattern: re.Pattern[str] | None = None

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        fits = type(value) is self.kind
        if fits and self.pattern is not None:
            fits = self.pattern.fullmatch(value) is not None
        if not fits:
            yield Fault("BODY_VALUE", path, f"must be {self.what}")


@dataclass(frozen=True, slots=True)
class Range:
    """An integer from `low` to `high`, both included."""

    low: int
    high: int

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if type(value) is not int or not self.low <= value <= self.high:
            yield Fault("BODY_VALUE", path, f"must be an integer {self.low} to {self.high}")


class OneOf:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if value not in self.words:
            yield Fault("BODY_VALUE", path, f"must be one of {', '.join(self.words)}")


class _Time:
    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if read_time(value) is None:
            yield Fault("TIME_FORMAT", path, "must be YYYY-MM-DDThh:mm:ssZ and a real instant")


class _Anything:
    def look(self, value: Any, path: str) -> Iterator[Finding]:  # noqa: ARG002 - a Shape
        return iter(())


class _Currency:
    """ISO 4217, the codes in use in 2026: money only, no metals, funds or test codes."""

    # fmt: off
    _CODES = frozenset((
        "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
        "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD",
        "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP",
        "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD",
        "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR",
        "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD",
        "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK",
        "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO",
        "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR",
        "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE",
        "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP",
        "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES", "VND", "VUV",
        "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
    ))
    # fmt: on

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, str) or value not in self._CODES:
            yield Fault("BODY_VALUE", path, "must be an ISO 4217 code, as GBP")


class Each:
    """A list of `least` to `most` items, every one of the same shape."""

    def __init__(self, item: Shape, *, most: int, least: int = 0) -> None:
        self.item, self.least, self.most = item, least, most

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            yield Fault("BODY_VALUE", path, f"must be a list of {self.least} to {self.most}")
            return
        for index, item in enumerate(value):
            yield from self.item.look(item, f"{path}/{index}")


@dataclass(frozen=True, slots=True)
class Field:
    """A member of an object: `vital` (without it the kind cannot be executed), `due` or `may`."""

    name: str
    shape: Shape
    need: Literal["vital", "due", "may"]


def vital(name: str, shape: Shape) -> Field:
    """A member without which the message cannot be executed: BODY_MISSING_FIELD."""
    return Field(name, shape, "vital")


def due(name: str, shape: Shape) -> Field:
    """A member that belongs there: BODY_VALUE where it is absent."""
    return Field(name, shape, "due")


def may(name: str, shape: Shape) -> Field:
    """A member that may be absent."""
    return Field(name, shape, "may")


class Members:
    """An object and the members this profile knows of it."""

    def __init__(self, *fields: Field) -> None:
        self.fields: Mapping[str, Field] = {field.name: field for field in fields}

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Fault("BODY_VALUE", path, "must be an object")
            return
        for name, field in self.fields.items():
            if name in value:
                yield from field.shape.look(value[name], f"{path}/{name}")
            elif field.need != "may":
                reason = "BODY_MISSING_FIELD" if field.need == "vital" else "BODY_VALUE"
                yield Fault(reason, f"{path}/{name}", f"{name} is absent")
        for name in value:
            if name not in self.fields:
                escaped = name.replace("~", "~0").replace("/", "~1")
                yield Unknown(f"{path}/{escaped}")


ANY = _Anything()
TIME = _Time()
CURRENCY = _Currency()
BOOLEAN = Leaf("true or false", bool)
TEXT = Leaf("a text of 1 to 200 characters", str, re.compile(r".{1,200}"))
IDENTIFIER = Leaf(
    "an identifier of letters, digits and _ - . : up to 128",
    str,
    re.compile(r"[A-Za-z0-9_.:-]{1,128}"),
)
LOCAL_TIME = Leaf("a local time hh:mm", str, re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"))
POWER = Range(-(10**12), 10**12)
SIZE = Range(0, 2**53 - 1)
LENGTH = Range(0, 366 * 86_400)
PERIOD_ID = Range(0, 2**31 - 1)
SERIES = Each(Range(-(10**12), 10**12), most=4000)
