"""What body fields may hold, and how a fault is named."""

from typing import Any

import pytest

from tests.json_schema import validator
from ukprofile.flex.fields import (
    BOOLEAN,
    CURRENCY,
    IDENTIFIER,
    LOCAL_TIME,
    POWER,
    PRODUCT,
    SIZE,
    TEXT,
    TIME,
    Advised,
    Each,
    Fault,
    Members,
    OneOf,
    Range,
    Shape,
    Unknown,
    due,
    may,
    vital,
)

PERIOD = Members(vital("start", TIME), due("id", Range(0, 9)), may("note", TEXT))


def reasons(shape: Shape, value: Any) -> list[tuple[str, str]]:
    """(code, pointer) of each finding, "" for an unknown member."""
    return [
        (found.reason if isinstance(found, Fault) else "", found.path)
        for found in shape.look(value, "/body")
    ]


@pytest.mark.parametrize(
    ("shape", "fits", "others"),
    [
        (Range(0, 9), [0, 9], [-1, 10, 1.0, True, "1", None]),
        (OneOf("a", "b"), ["a", "b"], ["c", "", None, 1, [], {}]),
        (BOOLEAN, [True, False], [1, 0, "true", None]),
        (TEXT, ["x", "x" * 200], ["", "x" * 201, 1, None]),
        (PRODUCT, ["SA+OU", "PR", "x" * 128], ["", "x" * 129, "SA OU", "OU\n", 1]),
        (IDENTIFIER, ["a:B-1_.", "x" * 128], ["", "x" * 129, "a b", "a+b", "a\n", "é", 1]),
        (LOCAL_TIME, ["00:00", "23:59"], ["24:00", "9:00", "09:60", "09:00:00", 900]),
        (CURRENCY, ["GBP", "EUR"], ["GBX", "gbp", "", 826, None, []]),
        (POWER, [-(10**12), 10**12], [-(10**12) - 1, 10**12 + 1]),
        (Each(Range(0, 9), least=1, most=2), [[0], [0, 9]], [[], [1, 2, 3], {}, "12", None]),
    ],
)
def test_a_value_fits_its_shape_or_is_named(
    shape: Shape, fits: list[Any], others: list[Any]
) -> None:
    for value in fits:
        assert reasons(shape, value) == []
    for value in others:
        assert reasons(shape, value) == [("BODY_VALUE", "/body")], value
    as_schema = validator(shape.schema())
    assert [v for v in fits if not as_schema.is_valid(v)] == []
    assert [v for v in others if as_schema.is_valid(v) and not isinstance(v, float)] == []


@pytest.mark.parametrize(
    "value",
    ["2026-11-24T15:00:00+00:00", "2026-11-24T15:00:00.0Z", "2026-02-30T00:00:00Z", "", 0, None],
)
def test_a_time_that_is_none_has_a_code_of_its_own(value: Any) -> None:
    assert reasons(TIME, value) == [("TIME_FORMAT", "/body")]
    assert reasons(TIME, "2026-11-24T15:00:00Z") == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"start": "2026-11-24T15:00:00Z", "id": 1}, []),
        ({"id": 1}, [("BODY_MISSING_FIELD", "/body/start")]),
        ({"start": "2026-11-24T15:00:00Z"}, [("BODY_VALUE", "/body/id")]),
        (
            {"start": 1, "id": 1, "note": ""},
            [("TIME_FORMAT", "/body/start"), ("BODY_VALUE", "/body/note")],
        ),
        ([], [("BODY_VALUE", "/body")]),
        (None, [("BODY_VALUE", "/body")]),
    ],
)
def test_members_are_looked_at_in_their_order(value: Any, found: list[tuple[str, str]]) -> None:
    assert reasons(PERIOD, value) == found


def test_a_fault_in_a_list_has_its_index_and_an_unknown_member_its_escaped_name() -> None:
    good = {"start": "2026-11-24T15:00:00Z", "id": 1}
    assert reasons(Each(PERIOD, most=3), [good, {**good, "id": 10}]) == [
        ("BODY_VALUE", "/body/1/id")
    ]
    assert list(PERIOD.look({**good, "a/b~c": 1}, "/body")) == [Unknown("/body/a~1b~0c")]


def test_what_is_only_advised_is_never_a_fault() -> None:
    advised = Advised(IDENTIFIER)
    for value in ("A", "", 1, None, [], {"a": 1}):
        assert reasons(advised, value) == []
        assert validator(advised.schema()).is_valid(value)
        assert advised.fits(value) == (value == "A")
    assert advised.what.startswith(IDENTIFIER.what)
    assert Advised(Each(PERIOD, most=1)).fits([{"start": "2026-11-24T15:00:00Z", "id": 1, "x": 1}])


def test_what_is_legible_is_left_of_an_object() -> None:
    members = Members(vital("at", TIME), may("why", Advised(TEXT)), may("who", Advised(TEXT)))
    said = {"at": "2026-11-24T15:00:00Z", "why": [], "who": "DSO", "new": 1}
    assert members.legible(said) == {"at": "2026-11-24T15:00:00Z", "who": "DSO"}


def test_a_word_that_says_nothing_is_as_good_as_absent() -> None:
    shape = OneOf("a", reason="BODY_MISSING_FIELD")
    assert reasons(shape, "b") == [("BODY_MISSING_FIELD", "/body")]
    assert reasons(shape, "a") == []


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("delta_w", "W"),
        ("delivered_wh", "Wh"),
        ("interval_s", "s"),
        ("ghg_g_per_kwh", "g/kWh"),
        ("confidence_percent", "%"),
        ("utilisation_minor_per_mwh", "smallest unit of the currency per MWh"),
        ("availability_minor_per_mw_h", "smallest unit of the currency per MW and hour"),
        ("assets", ""),
        ("window", ""),
    ],
)
def test_the_unit_is_the_end_of_the_name(name: str, unit: str) -> None:
    field = may(name, SIZE, "what it is")
    assert field.unit == unit
    assert field.schema().get("x-unit", "") == unit
    assert field.schema()["title"] == "what it is"


def test_what_a_value_must_be_is_said_in_words() -> None:
    assert Range(0, 1000).what == "an integer 0 to 1,000"
    assert OneOf("a", "b").what == "one of a, b"
    assert OneOf("a").what == "a"
    assert Each(TEXT, most=0).what == "an empty list"
    assert CURRENCY.what == "an ISO 4217 code, as GBP"
