"""What a body field may hold, said as data.

    Members(due("currency", CURRENCY), may("x", SIZE))      an object and its known members
    Each(PERIOD, most=500)                                  a list, every item alike
    Range(0, 100), OneOf("api", "email"), TEXT, TIME ...    leaves

Looking at a value with a shape gives two lists: faults (missing, not a time, wrong value), each
with a code and a JSON pointer, and the pointers of members nobody knows. The same shape as JSON
Schema takes and refuses the same values.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ukprofile.flex.currency import CURRENCIES
from ukprofile.flex.times import TIME_PATTERN, read_time


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

    @property
    def what(self) -> str:
        """What a value must be, in words."""
        ...

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        """Every finding, in the order of the value."""
        ...

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema, for values that hold no floats (profile 2)."""
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

    def schema(self) -> dict[str, Any]:
        if self.pattern is None:
            return {"type": "boolean"}
        return {"type": "string", "pattern": f"^({self.pattern.pattern})$"}


@dataclass(frozen=True, slots=True)
class Range:
    """An integer from `low` to `high`, both included."""

    low: int
    high: int

    @property
    def what(self) -> str:
        return f"an integer {self.low:,} to {self.high:,}"

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if type(value) is not int or not self.low <= value <= self.high:
            yield Fault("BODY_VALUE", path, f"must be {self.what}")

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class OneOf:
    """One of a few words. `reason` is BODY_MISSING_FIELD where any other word says nothing."""

    def __init__(self, *words: str, what: str = "", reason: str = "BODY_VALUE") -> None:
        self.words, self.reason = words, reason
        listed = ", ".join(words)
        self.what = what or (f"one of {listed}" if len(words) > 1 else listed)

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if value not in self.words:
            yield Fault(self.reason, path, f"must be {self.what}")

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


class _Time:
    what = "a time YYYY-MM-DDThh:mm:ssZ, a real instant"

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if read_time(value) is None:
            yield Fault("TIME_FORMAT", path, f"must be {self.what}")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time", "pattern": f"^({TIME_PATTERN})$"}


class Advised:
    """What a member should be, said and never enforced: a stop acts by its header alone."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    @property
    def what(self) -> str:
        return f"{self.shape.what}; anything else is passed over"

    def look(self, value: Any, path: str) -> Iterator[Finding]:  # noqa: ARG002 - a Shape
        return iter(())

    def schema(self) -> dict[str, Any]:
        return {"description": self.what}

    def fits(self, value: Any) -> bool:
        """Whether `value` is what it should be."""
        return not any(isinstance(found, Fault) for found in self.shape.look(value, ""))


class Each:
    """A list of `least` to `most` items, every one of the same shape."""

    def __init__(self, item: Shape, *, most: int, least: int = 0) -> None:
        self.item, self.least, self.most = item, least, most

    @property
    def what(self) -> str:
        if self.most == 0:
            return "an empty list"
        return f"a list of {self.least:,} to {self.most:,}"

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            yield Fault("BODY_VALUE", path, f"must be {self.what}")
            return
        for index, item in enumerate(value):
            yield from self.item.look(item, f"{path}/{index}")

    def schema(self) -> dict[str, Any]:
        return {
            "type": "array",
            "minItems": self.least,
            "maxItems": self.most,
            "items": self.item.schema(),
        }


@dataclass(frozen=True, slots=True)
class Field:
    """A member of an object: `vital` (without it the kind cannot be executed), `due` or `may`.

    `title` says what it is; the unit is the end of its name.
    """

    name: str
    shape: Shape
    need: Literal["vital", "due", "may"]
    title: str = ""

    @property
    def unit(self) -> str:
        """W, Wh, s, ...; "" for what has none."""
        return next((unit for end, unit in _UNITS.items() if self.name.endswith(end)), "")

    def schema(self) -> dict[str, Any]:
        shown = {"title": self.title, "x-unit": self.unit}
        return {name: text for name, text in shown.items() if text} | self.shape.schema()


_UNITS = {
    "_minor_per_mw_h": "smallest unit of the currency per MW and hour",
    "_minor_per_mwh": "smallest unit of the currency per MWh",
    "_g_per_kwh": "g/kWh",
    "_percent": "%",
    "_wh": "Wh",
    "_w": "W",
    "_s": "s",
}


def vital(name: str, shape: Shape, title: str = "") -> Field:
    """A member without which the message cannot be executed: BODY_MISSING_FIELD."""
    return Field(name, shape, "vital", title)


def due(name: str, shape: Shape, title: str = "") -> Field:
    """A member that belongs there: BODY_VALUE where it is absent."""
    return Field(name, shape, "due", title)


def may(name: str, shape: Shape, title: str = "") -> Field:
    """A member that may be absent."""
    return Field(name, shape, "may", title)


class Members:
    """An object and the members this profile knows of it."""

    what = "an object"

    def __init__(self, *fields: Field) -> None:
        self.fields: Mapping[str, Field] = {field.name: field for field in fields}

    def look(self, value: Any, path: str) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Fault("BODY_VALUE", path, f"must be {self.what}")
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

    def schema(self) -> dict[str, Any]:
        """Members nobody knows are let through, as `look` only names them."""
        return {
            "type": "object",
            "properties": {name: field.schema() for name, field in self.fields.items()},
            "required": [name for name, field in self.fields.items() if field.need != "may"],
        }

    def legible(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The members of `value` that are what they must be, or were advised to be."""
        return {
            name: value[name]
            for name, field in self.fields.items()
            if name in value
            and (not isinstance(field.shape, Advised) or field.shape.fits(value[name]))
        }


TIME = _Time()
CURRENCY = OneOf(*CURRENCIES, what="an ISO 4217 code, as GBP")
BOOLEAN = Leaf("true or false", bool)
TEXT = Leaf("a text of 1 to 200 characters", str, re.compile(r"[^\n]{1,200}"))
IDENTIFIER = Leaf(
    "an identifier of letters, digits and _ - . : up to 128",
    str,
    re.compile(r"[A-Za-z0-9_.:-]{1,128}"),
)
PRODUCT = Leaf(
    "a service product of letters, digits and _ - . : + up to 128",
    str,
    re.compile(r"[A-Za-z0-9_.:+-]{1,128}"),
)
LOCAL_TIME = Leaf("a local time hh:mm", str, re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"))
POWER = Range(-(10**12), 10**12)
SIZE = Range(0, 2**53 - 1)
LENGTH = Range(0, 366 * 86_400)
PERIOD_ID = Range(0, 2**31 - 1)
SERIES = Each(Range(-(10**12), 10**12), most=4000)
