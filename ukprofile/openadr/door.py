"""The strict door: the one place where untrusted bytes become JSON values.

    bytes ──> size ──> UTF-8 ──> count and depth ──> scan ──> surrogates ──> JSON
              413      clean?     before recursion    numbers,    lone ones
                                                      duplicates

Python's own scanner reads the grammar (it takes neither comments, trailing commas, 007 nor control
characters in strings); what it lets through is stopped here: duplicate keys (it keeps the last),
NaN and 1e400 (it makes them infinite), integers that others read as floats, lone surrogates,
UTF-16, a byte order mark, and nesting deep enough to exhaust the stack.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from ukprofile.errors import Refused

JSON: TypeAlias = Any
"""A JSON value: dict with str keys, list, str, int, float, bool or None."""

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader understands alike (RFC 8259 6, profile 2)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may cost: its bytes, how deep it nests, how many values it holds.

    The defaults suit a request: a report of 1,440 readings with two payloads each has some 20,000
    values in 300 kB.
    """

    max_bytes: int = 1_048_576
    max_depth: int = 32
    max_values: int = 50_000


REQUEST = Limits()
"""For what clients send to a VTN."""

ANSWER = Limits(max_bytes=16_777_216, max_values=1_000_000)
"""For what a VTN answers: a page is 50 objects, each of which may be a long report."""


def read_json(raw: bytes, limits: Limits = REQUEST) -> JSON:
    """The one JSON value that `raw` holds.

    Raises Refused: BODY_TOO_LARGE, ENCODING, TOO_COMPLEX, DUPLICATE_KEY, NUMBER_INVALID or
    BODY_INVALID; never anything else, whatever the bytes are.
    """
    if len(raw) > limits.max_bytes:
        raise Refused("BODY_TOO_LARGE", f"{len(raw):,} bytes; at most {limits.max_bytes:,}")
    text = _decoded(raw)
    _check_size(raw, limits)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Refused(
            "BODY_INVALID",
            f"not JSON: {error.msg}, line {error.lineno} column {error.colno}",
            clause="RFC 8259",
        ) from None
    if _SURROGATE_ESCAPE.search(raw):
        _check_surrogates(value)
    return value


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Refused(
            "ENCODING", "begins with a byte order mark; send UTF-8 alone", clause="RFC 8259 8.1"
        )
    if b"\0" in raw:
        # never legal in JSON text, and what UTF-16 and UTF-32 without a mark are full of
        raise Refused("ENCODING", "holds a zero byte; send UTF-8", clause="RFC 8259 8.1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            "ENCODING", f"byte {error.start} is not UTF-8", clause="RFC 3629", security=True
        ) from None


_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or the rest of the text where one is not closed: so that no byte is looked at twice."""

_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _check_size(raw: bytes, limits: Limits) -> None:
    """Refuse too many values, and too deep a nesting, before anything recurses.

    Each round takes the innermost brackets away, hence one level:

        [[][[]]]  ->  [[]]  ->  []  ->  nothing: three deep
    """
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= limits.max_depth and opened + raw.count(b",") < limits.max_values:
        return  # brackets and commas in strings counted too, and still few enough
    structure = _STRING.sub(b"", raw)
    values = structure.count(b"[") + structure.count(b"{") + structure.count(b",") + 1
    if values > limits.max_values:
        raise Refused("TOO_COMPLEX", f"{values:,} values; at most {limits.max_values:,}")
    brackets = left = structure.translate(_TO_SQUARE, _ALL_BUT_BRACKETS)
    for _ in range(limits.max_depth):
        left = left.replace(b"[]", b"")
    if left and _depth(brackets) > limits.max_depth:
        raise Refused("TOO_COMPLEX", f"nested more than {limits.max_depth} deep")


def _depth(brackets: bytes) -> int:
    """How deep brackets nest that are too deep, or do not match: bracket by bracket."""
    depth = deepest = 0
    for bracket in brackets:
        depth += 1 if bracket == ord("[") else -1
        deepest = max(deepest, depth)
    return deepest


def _members(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]  # add() is None: false
        raise Refused(
            "DUPLICATE_KEY", f"member {ascii(twice)[:80]} stands twice", clause="RFC 8259 4"
        )
    return members


def _integer(digits: str) -> int:
    if len(digits) > 17 or not -MAX_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        raise Refused("NUMBER_INVALID", "an integer beyond 2^53-1", clause="RFC 8259 6")
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Refused("NUMBER_INVALID", "a number too large for a double", clause="RFC 8259 6")
    return number


def _no_constant(name: str) -> NoReturn:
    raise Refused("NUMBER_INVALID", f"{name} is no JSON number", clause="RFC 8259 6")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_no_constant,
)

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def _check_surrogates(value: JSON) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("ENCODING", "a lone surrogate in a string", clause="RFC 8259 8.2") from None
