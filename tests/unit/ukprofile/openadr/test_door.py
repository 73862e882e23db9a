"""The strict door: what is JSON comes in unchanged, everything else is refused by name."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.errors import Refused
from ukprofile.openadr import MAX_INTEGER, Limits, read_json


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"programName":"A","programName":"B"}', "DUPLICATE_KEY"),  # N86a
        (b'{"a":[{"type":1,"type":2}]}', "DUPLICATE_KEY"),  # N86b
        (b'{"programName":"A","program\\u004eame":"B"}', "DUPLICATE_KEY"),  # N86c
        (b"[NaN]", "NUMBER_INVALID"),  # N87a
        (b"[Infinity]", "NUMBER_INVALID"),  # N87b
        (b"[-Infinity]", "NUMBER_INVALID"),
        (b"[1e400]", "NUMBER_INVALID"),  # N88a
        (b"[" + b"9" * 400 + b"]", "NUMBER_INVALID"),  # N89a
        (b"[99999999999999999999999]", "NUMBER_INVALID"),  # N89b
        (b"[9007199254740992]", "NUMBER_INVALID"),
        (b"[-9007199254740992]", "NUMBER_INVALID"),
        (b"[" * 100_000 + b"]" * 100_000, "TOO_COMPLEX"),  # N90a
        (b"[" * 100_000, "TOO_COMPLEX"),
        (b"]" * 40, "BODY_INVALID"),
        (b"[" * 33 + b"]" * 33, "TOO_COMPLEX"),
        (b"[" + b"[]," * 400_000 + b"[]]", "BODY_TOO_LARGE"),  # N90b
        (b"[" + b"[]," * 60_000 + b"[]]", "TOO_COMPLEX"),  # N90c
        (b"\xef\xbb\xbf{}", "ENCODING"),  # N91a
        ("{}".encode("utf-16"), "ENCODING"),
        ("{}".encode("utf-16-le"), "ENCODING"),
        (b'{"a":"\xff"}', "ENCODING"),  # N91c
        (b'{"a":"\xc0\x80"}', "ENCODING"),
        (b'{"a":"\\ud800"}', "ENCODING"),  # N91d
        (b'{"\\udfff":1}', "ENCODING"),
        (b'{"a":"A"}x', "BODY_INVALID"),  # N93a
        (b'{"a":"A"}{}', "BODY_INVALID"),
        (b'{"a":1 // no\n}', "BODY_INVALID"),  # N93b
        (b'{"a":1,}', "BODY_INVALID"),
        (b'{"a":007}', "BODY_INVALID"),
        (b'{"a":"\n"}', "BODY_INVALID"),
        (b"", "BODY_INVALID"),
        (b"{", "BODY_INVALID"),
    ],
)
def test_what_is_not_clean_json_is_refused_by_name(raw: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_json(raw)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"[1, 1.0, true, null]", [1, 1.0, True, None]),
        (b"[9007199254740991]", [MAX_INTEGER]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"[" * 32 + b"]" * 32, None),
        (b'["[[[[{{{{,,,,"]', ["[[[[{{{{,,,,"]),
        (b'["\\"[["]', ['"[[']),
        ('{"name":"Llŷn"}'.encode(), {"name": "Llŷn"}),
    ],
)
def test_what_is_json_comes_in(raw: bytes, value: Any) -> None:
    found = read_json(raw)
    if value is not None:
        assert found == value
        assert [type(v) for v in found] == [type(v) for v in value]


def test_brackets_and_commas_in_strings_count_for_nothing() -> None:
    text = "[" * 5_000 + "," * 100_000
    assert read_json(json.dumps([text]).encode()) == [text]


def test_the_limits_are_the_callers() -> None:
    assert read_json(b"[[1]]", Limits(max_depth=2)) == [[1]]
    with pytest.raises(Refused, match="TOO_COMPLEX"):
        read_json(b"[[1]]", Limits(max_depth=1))
    with pytest.raises(Refused, match="BODY_TOO_LARGE"):
        read_json(b"[1]", Limits(max_bytes=2))


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
    max_leaves=30,
)


@given(values, st.booleans())
def test_whatever_json_writes_is_read_back(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert read_json(raw) == value
    assert repr(read_json(raw)) == repr(value)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        read_json(raw)


@given(values, st.data())
def test_a_mutated_document_is_read_or_refused(value: Any, data: st.DataObject) -> None:
    raw = bytearray(json.dumps(value).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Refused):
        read_json(bytes(raw))
