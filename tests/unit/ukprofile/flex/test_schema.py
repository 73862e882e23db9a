"""The field tables as JSON Schema and as a page: both say what the tables say."""

import json
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.bodies import JUNK, bodies, spoilt
from tests.golden import life, sealed_in
from tests.json_schema import validator
from tests.shared import needs_shared
from tests.unit.ukprofile.test_mapping import MESSAGES
from ukprofile.errors import Refused
from ukprofile.flex.fields import TIME, Fault
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.schema import reference, schema


@cache
def by_schema(kind: str) -> Any:
    return validator(schema(kind))


def faultless(kind: str, body: Any) -> bool:
    return not any(isinstance(f, Fault) for f in KINDS[kind].body.look(body, "/body"))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_schema_and_names_and_measures_its_members(kind: str) -> None:
    made = schema(kind)
    validator(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (made["$id"], made["title"]) == (f"urn:ukflex:1.0:{kind}", kind)
    assert json.loads(json.dumps(made)) == made
    for name, member in made["properties"].items():
        assert member["title"], name
        assert ("x-unit" in member) == name.endswith(("_w", "_wh", "_s", "_percent")), name


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(st.data())
def test_valid_bodies_are_valid_in_both(kind: str, data: st.DataObject) -> None:
    body = data.draw(bodies(kind))
    assert faultless(kind, body)
    by_schema(kind).validate(body)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_table_and_schema_take_and_refuse_the_same(kind: str, data: st.DataObject) -> None:
    body = data.draw(spoilt(kind))
    assert by_schema(kind).is_valid(body) == faultless(kind, body)


@given(st.sampled_from(sorted(KINDS)), JUNK)
def test_what_is_no_object_is_refused_by_both(kind: str, junk: Any) -> None:
    assert by_schema(kind).is_valid(junk) == faultless(kind, junk)


@given(st.dates().map(lambda d: f"{d}T00:00:00Z") | JUNK)
@example("0000-01-01T00:00:00Z")
@example("1900-02-29T00:00:00Z")
@example("2000-02-29T00:00:00Z")
@example("2026-11-24T23:59:60Z")
@example("2026-11-24T23:59:59Z\n")
def test_a_time_of_the_schema_is_a_real_instant(text: Any) -> None:
    assert validator(TIME.schema()).is_valid(text) == (not list(TIME.look(text, "")))


def test_every_29th_of_february_and_none_else() -> None:
    pattern = re.compile(TIME.schema()["pattern"])
    for year in range(10_000):
        leap = year > 0 and (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
        assert bool(pattern.search(f"{year:04}-02-29T00:00:00Z")) == leap, year


@needs_shared
@pytest.mark.parametrize("number", MESSAGES)
def test_the_golden_bodies_are_valid(number: str) -> None:
    message = json.loads(sealed_in(life(number)).text)
    by_schema(message["kind"]).validate(message["body"])


def test_a_kind_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="'reduction' is none of contract_terms, request"):
        schema("reduction")


def test_the_page_shows_every_member_with_its_unit() -> None:
    page = reference()
    for kind in KINDS.values():
        assert f"\n## {kind.name}\n\n{kind.title}\n" in page
        for name in kind.body.fields:
            assert f"\n| `{name}` | " in page
    ceasing = page.split("\n## cease\n")[1].split("\n## ")[0]
    assert "| `cease_at` | vital | a time" in ceasing
    assert "| `periods[].delta_w` | may | an integer" in ceasing
    assert "passed over | W |" not in ceasing
    assert "From: DSO, VEN.\n" in page
    assert "Header: also in_reply_to.\n" in page
