"""Requirements B1 to B6 of the ENA report, data representation: one test for each, by its name."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from tests import made
from ukprofile.errors import Refused
from ukprofile.flex.common import Price
from ukprofile.flex.contract import DAYS, Window, local_day
from ukprofile.flex.dispatch import Period
from ukprofile.flex.fields import Each, Field, Members, Range
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.projection import project
from ukprofile.flex.schema import schema
from ukprofile.flex.times import time_text
from ukprofile.mapping.dispatch import dispatch_event
from ukprofile.openadr import DateTime, Event
from ukprofile.receiving import MemoryLedger, decide, parse_text
from ukprofile.signing import canonical_text, seal
from vtn.http.openapi import document

_COUNTS = {"revision", "priority", "part", "parts", "fold", "id"}
"""Integers that count or order: they have no unit."""


def fields_of(shape: Any) -> list[Field]:
    """Every field of a shape, however deep."""
    if isinstance(shape, Members):
        own = shape.fields.values()
        return [*own, *(inner for field in own for inner in fields_of(field.shape))]
    return fields_of(shape.item) if isinstance(shape, Each) else []


def test_b1_every_field_has_type_unit_and_bounds_and_is_published_as_json_schema_and_openapi():
    for name, kind in KINDS.items():
        published = schema(name)
        jsonschema.Draft202012Validator.check_schema(published)
        for field in fields_of(kind.body):
            leaf = field.shape
            while isinstance(leaf, Each):
                assert "maxItems" in leaf.schema()
                leaf = leaf.item
            if isinstance(leaf, Range):
                assert {"minimum", "maximum"} <= leaf.schema().keys()
                assert field.unit or field.name in _COUNTS, f"{name}.{field.name} has no unit"
            elif not isinstance(leaf, Members):
                said = leaf.schema()
                assert said.keys() & {"enum", "pattern", "description"} or said == {
                    "type": "boolean"
                }
            assert field.title or field.name in ("id", "start", "end", "delta_w", "setpoint_w")
    assert {"/events", "/reports", "/programs"} <= document()["paths"].keys()


def test_b2_a_tenth_of_a_megawatt_is_the_same_number_at_both_ends():
    asked = made.body(made.period(0, 60, 180, 100_000))
    with pytest.raises(Refused, match="FLOAT_FORBIDDEN"):
        parse_text(canonical_text(asked).replace("100000", "100000.0"))
    sealed = seal(made.header(accept_by=made.minute(30)).to_json(asked), made.KEYS["UKPN"], 1)
    event = dispatch_event(sealed, made.header(), asked, "UKPN-1")
    projected = [p for p in event.intervals[0].payloads if p.type == "DISPATCH_SETPOINT_RELATIVE"]
    assert projected[0].values == (0.1,)
    over_the_wire = json.loads(event.dump_json())["intervals"][0]["payloads"]
    (read,) = [p["values"][0] for p in over_the_wire if p["type"] == projected[0].type]
    assert Decimal(repr(read)) * 1_000_000 == asked["periods"][0]["delta_w"]
    assert dict(project("instruction", asked)[0].payloads)[projected[0].type] == Decimal("0.1")


def test_b3_times_are_utc_other_offsets_are_understood_naive_ones_refused_past_2038_too():
    assert DateTime("2026-06-01T17:30:00+01:00").instant == datetime(2026, 6, 1, 16, 30, tzinfo=UTC)
    for naive in ("2026-06-01T17:30:00", "2026-06-01", "1700000000"):
        with pytest.raises(Refused, match="TIME_INVALID"):
            Event.read({"id": "1", "programID": "P", "createdDateTime": naive,
                        "modificationDateTime": "2026-06-01T17:30:00Z"})  # fmt: skip
    for other in ("2026-06-01T17:30:00+01:00", "2026-06-01T17:30:00"):
        with pytest.raises(Refused, match="TIME_FORMAT"):
            made.opened("instruction", made.body(made.period(0, 60, 180), effective_at=other))
    far = datetime(2091, 7, 1, 12, tzinfo=UTC)
    assert Period.read(Period(0, far, far + timedelta(hours=1), 5).to_json()).start == far
    assert time_text(far) == "2091-07-01T12:00:00Z"


@pytest.mark.parametrize(
    ("day", "half_hours"),
    [(date(2026, 3, 29), 46), (date(2026, 6, 1), 48), (date(2026, 10, 25), 50)],
)
def test_b3_days_of_both_clock_changes_have_46_and_50_settlement_periods(day, half_hours):
    first, last = local_day(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    assert (last - first) / timedelta(minutes=30) == half_hours
    night = Window.read(
        {"days": list(DAYS), "start": "00:30", "end": "02:30", "time_zone": "Europe/London", "fold": 0}
    ).on(day)  # fmt: skip
    assert night is not None
    assert (night[1] - night[0]) / timedelta(hours=1) == {46: 1, 48: 2, 50: 3}[half_hours]


def test_b4_money_is_an_iso_4217_code_and_whole_smallest_units():
    price = Price("GBP", 21_000, 500)
    assert price.to_json() == {
        "currency": "GBP",
        "utilisation_minor_per_mwh": 21_000,
        "availability_minor_per_mw_h": 500,
    }
    for wrong in ({"currency": "GBX"}, {"currency": "gbp"}, {"utilisation_minor_per_mwh": 210.5}):
        faults = list(KINDS["contract_terms"].body.look({"price": price.to_json() | wrong}, ""))
        assert any(getattr(f, "path", "").startswith("/price/") for f in faults), wrong


@pytest.mark.parametrize(
    ("mark", "verdict", "alarm"),
    [("abort", "refused", ""), ("alert", "alarm+act", "UNKNOWN_FIELD"), ("ignore", "act", "")],
)
def test_b5_criticality_decides_and_the_sender_learns_what_was_not_understood(mark, verdict, alarm):
    asked = made.RUN | {"novelty": 7}
    opened = made.opened("instruction", asked, criticality={"/body/novelty": mark})
    ledger = MemoryLedger([terms_entry()])
    decision = decide(opened, ledger, made.minute(0))
    assert (decision.verdict, decision.alarm) == (verdict, alarm)
    if mark == "abort":
        assert (decision.reason, decision.path) == ("CRITICAL_UNKNOWN", "/body/novelty")
    else:
        assert decision.notices == ("/body/novelty",)


def test_b6_unknown_optional_fields_are_tolerated_and_kept_and_another_major_version_is_refused():
    opened = made.opened("instruction", made.RUN | {"novelty": {"deep": [1, 2]}})
    decision = decide(opened, MemoryLedger([terms_entry()]), made.minute(0))
    assert decision.verdict == "act"
    assert '"novelty":{"deep":[1,2]}' in decision.entry.text
    made.opened("instruction", made.RUN, profile="1.7")
    with pytest.raises(Refused, match="PROFILE_UNSUPPORTED"):
        made.opened("instruction", made.RUN, profile="2.0")
    kept = Event.read({"id": "1", "programID": "P", "createdDateTime": "2026-06-01T17:30:00Z",
                       "modificationDateTime": "2026-06-01T17:30:00Z", "x-next": {"a": 1}})  # fmt: skip
    assert kept.dump()["x-next"] == {"a": 1}


def terms_entry():
    """The contract's terms, as a receiver has taken them."""
    opened = made.opened("contract_terms", made.terms().to_json(), thread="CT-1")
    entry = decide(opened, MemoryLedger(), made.minute(0)).entry
    assert entry is not None
    return entry
