"""What a person wants said: read strictly, and turned into the texts of each contract."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import at, life, sealed_in
from tests.shared import needs_shared
from tests.unit.ven.dso import ASSET, CONTRACT, NOON, terms
from ukprofile.errors import Refused
from ukprofile.flex.contract import ContractTerms
from ukprofile.receiving import parse_text
from ven.errand import Nomination, Series, Unavailable, read_errand

HOUR = timedelta(hours=1)
MARCH, OCTOBER = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 24, 23, tzinfo=UTC)


def held(**changes) -> ContractTerms:
    return ContractTerms.read(terms(**changes))


def gone(**changes) -> Unavailable:
    fields = {"start": NOON, "end": NOON + HOUR, "reason": "MAINTENANCE", "thread": "1"}
    return Unavailable(**{"asset_id": ASSET, **fields, **changes})


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2039, 1, 1)),
    st.text(max_size=20),
    st.lists(st.integers(-(10**12), 10**12), max_size=50),
)
def test_an_errand_is_read_as_it_was_written(when, text, watts):
    when = when.replace(microsecond=0, tzinfo=UTC)
    one = gone(start=when, end=when + HOUR, reason=text)
    assert read_errand(json.dumps(one.to_json())) == one
    other = Nomination((Series(when, 1800, tuple(watts)),), (text,), text)
    assert read_errand(json.dumps(other.to_json())) == other


@needs_shared
def test_the_golden_unavailability_is_what_would_be_said():
    (signed,) = [sealed_in(life("24")).text]
    golden = parse_text(signed)
    contract = ContractTerms.read(parse_text(sealed_in(life("05")).text)["body"])
    body = golden["body"]
    errand = gone(start=at(body["from"]), end=at(body["to"]), reason=body["reason"])
    (saying,) = errand.sayings([contract], at(golden["issued_at"]))
    assert saying.body.to_json() == body | {"unit": ASSET}  # the golden one names the group
    assert (saying.program, saying.valid_until) == (golden["program"], at(golden["valid_until"]))


def test_each_contract_of_the_asset_hears_of_it():
    two = held(contract_id="UKPN:FLEX-2")
    other = held(contract_id="UKPN:FLEX-3", assets=[{"asset_id": "OTHER"}])
    over = held(contract_id="UKPN:FLEX-4", valid_to="2026-11-24T00:00:00Z")
    everything = [held(), two, other, over]
    assert [s.program for s in gone().sayings(everything, NOON)] == [CONTRACT, "UKPN:FLEX-2"]
    one = gone(contract="UKPN:FLEX-2").sayings(everything, NOON)
    assert [s.program for s in one] == ["UKPN:FLEX-2"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end": NOON}, "TIME_INVALID"),
        ({"start": NOON - HOUR, "end": NOON}, "EXPIRED"),
        ({"asset_id": "X"}, "ASSET_UNKNOWN"),
        ({"contract": "UKPN:X"}, "ASSET_UNKNOWN"),
        ({"reason": ""}, "BODY_VALUE"),
        ({"reason": "x" * 201}, "BODY_VALUE"),
    ],
)
def test_what_cannot_be_said_is_refused_first(changes, reason):
    with pytest.raises(Refused) as refused:
        gone(**changes).sayings([held()], NOON)
    assert refused.value.reason == reason


@pytest.mark.parametrize(("start", "count"), [(MARCH, 46), (OCTOBER, 50), (NOON - 16 * HOUR, 48)])
def test_a_nominated_day_is_a_whole_day_of_london(start, count):
    for wrong in (count - 1, count + 1):
        with pytest.raises(Refused, match=f"has {count} intervals"):
            Series(start, 1800, (0,) * wrong).check()
    with pytest.raises(Refused, match="BODY_VALUE"):
        Series(start + HOUR, 1800, (0,) * count).check()
    terms = held(valid_from="2026-01-01T00:00:00Z")
    day = Series(start, 1800, (0,) * count)
    (saying,) = Nomination((day,)).sayings([terms], start)
    assert saying.body.to_json()["series"]["baseline_w"] == [0] * count


def test_another_day_or_other_assets_have_a_thread_of_their_own():
    days = [Series(NOON - 16 * HOUR + n * 24 * HOUR, 1800, (0,) * 48) for n in (0, 1)]
    contract = held(assets=[{"asset_id": ASSET}, {"asset_id": "B"}])
    said = Nomination(tuple(days)).sayings([contract], NOON)
    said += Nomination(tuple(days), ("B",)).sayings([contract], NOON)
    assert len({s.thread for s in said}) == 4
    again = Nomination((days[0],), (ASSET, "B")).sayings([contract], NOON)
    assert again[0].thread == said[0].thread


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "say is"),
        ('{"say": "hello"}', "say is"),
        ('{"say": "baseline", "colour": 1}', "'colour'"),
        ('{"say": "baseline", "series": 1}', "series must be a list"),
        ('{"say": "baseline", "series": [1], "assets": [], "contract": ""}', "series is an object"),
        ('{"say": "unavailability", "asset": 1}', "asset must be text"),
        ('{"say": "unavailability", "asset": "A", "from": "today"}', "from must be a time"),
    ],
)
def test_what_nobody_understands_is_named(text, why):
    with pytest.raises(Refused, match=why):
        read_errand(text)
