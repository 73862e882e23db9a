"""Any body of any kind, drawn from the field tables themselves; and bodies with one thing spoilt."""

import json
import string
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st

from ukprofile.flex.bodies import BODIES
from ukprofile.flex.fields import (
    IDENTIFIER,
    PRODUCT,
    TEXT,
    TIME,
    Advised,
    Each,
    Leaf,
    Members,
    OneOf,
    Range,
    Shape,
)
from ukprofile.flex.kinds import KINDS
from ukprofile.signing import MAX_INTEGER

TYPED = sorted(BODIES)
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
_MANY = 3
_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
    lambda t: t.replace(microsecond=0).isoformat() + "Z"
)
_ALMOST = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z", fullmatch=True
)
_LEAVES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8)
JUNK = (
    st.recursive(_LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v))
    | st.sampled_from(["", "GBP", "api", "\n", "a\n", "\x7f", "x" * 201, "12:60", "24:00"])
    | st.sampled_from([-1, 0, 1, 2, 10**12, 10**12 + 1, 2**31, 2**53, [], {}, [{}], [1] * 4001])
    | _ALMOST
    | st.from_regex(r"(1900|2000|2023|2024|0000)-02-29T00:00:00Z", fullmatch=True)
)
"""Anything but floats, which no signed text holds."""
SIGNABLE = st.recursive(
    st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(PRINTABLE, max_size=8),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(PRINTABLE), v, max_size=3),
)
"""Anything a signed text may hold."""


_SHORT = {
    TEXT: st.text(PRINTABLE, min_size=1, max_size=12),
    PRODUCT: st.sampled_from(["PR", "SU", "OU", "SA+OU", "VA+OU"]),
    IDENTIFIER: st.text(string.ascii_letters + string.digits + "_.:-", min_size=1, max_size=12),
}


def fitting(shape: Shape) -> st.SearchStrategy[Any]:
    """Values in which `shape` finds no fault, and which a text may hold."""
    if isinstance(shape, Range):
        return st.integers(max(shape.low, -MAX_INTEGER), min(shape.high, MAX_INTEGER))
    if isinstance(shape, OneOf):
        return st.sampled_from(shape.words)
    if isinstance(shape, Leaf):
        if shape.pattern is None:
            return st.booleans()
        if shape in _SHORT:
            return _SHORT[shape]  # much faster than by the pattern
        return st.from_regex(shape.pattern, fullmatch=True, alphabet=PRINTABLE)
    if isinstance(shape, Each):
        most = min(shape.most, max(shape.least, _MANY))
        return st.lists(fitting(shape.item), min_size=shape.least, max_size=most)
    if isinstance(shape, Members):
        due = {n: fitting(f.shape) for n, f in shape.fields.items() if f.need != "may"}
        may = {n: fitting(f.shape) for n, f in shape.fields.items() if f.need == "may"}
        return st.fixed_dictionaries(due, optional=may)
    if isinstance(shape, Advised):
        return fitting(shape.shape)
    assert shape is TIME
    return _TIMES


@cache
def bodies(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any valid body as our side writes it."""
    return fitting(KINDS[kind].body).map(lambda body: _as_written(kind, body))


def _as_written(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Of several bodies that say the same, the one we write."""
    fields = KINDS[kind].body.fields
    written = {n: v for n, v in body.items() if v != [] or fields[n].need != "may"}
    if "firm" in fields:
        written["firm"] = kind == "instruction"
    if kind in ("cease", "cancellation"):
        written.setdefault("periods", [])
    if kind == "cancellation":
        written.setdefault("of", "dispatch")
    return written


@st.composite
def spoilt(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A body of which one member, at any depth, is absent or anything."""
    body: dict[str, Any] = json.loads(json.dumps(draw(bodies(kind))))
    holder, key = draw(st.sampled_from(list(_places(body))))
    if draw(st.booleans()) and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = draw(JUNK)
    return body


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])
