"""Reading the draft GB dispatch API: its own examples, and what it leaves to be refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.projection import project
from ukprofile.mapping.carrier import intervals_of
from ukprofile.mapping.draft import (
    FOREVER,
    Draft,
    DraftEvent,
    DraftProgram,
    draft_read_back,
    draft_status,
    read_draft,
)
from ukprofile.signing import Sealed

READ_AT = datetime(2025, 4, 12, 3, 0, tzinfo=UTC)
START = datetime(2025, 4, 12, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAMPS = {"createdDateTime": "2025-03-12T09:20:01Z", "modificationDateTime": "2025-03-12T09:20:01Z"}
SETPOINT, RELATIVE = "DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE"


def program(**members: Any) -> DraftProgram:
    whole = {"id": "P1", "objectType": "PROGRAM", "programName": "TODO", **STAMPS, **members}
    return DraftProgram.read(whole)


def event(**members: Any) -> DraftEvent:
    """The draft's 7.4, with other members."""
    period = {"start": "2025-04-12T04:00:00Z", "duration": "PT1H"}
    body = {
        "id": "E1",
        "objectType": "EVENT",
        "eventName": "SCHEDULED_DISPATCH",
        "programID": "P1",
        "targets": None,
        "intervalPeriod": period,
        "payloadDescriptors": [{"payloadType": SETPOINT, "units": "MW"}],
        "intervals": [said(0, (SETPOINT, "1.2"), ("SELF_DISPATCHED", True))],
        **STAMPS,
        **members,
    }
    return DraftEvent.read(body)


def said(number: int, *payloads: tuple[str, Any], **period: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": number,
        "payloads": [{"type": kind, "values": [value]} for kind, value in payloads],
    }
    return {**found, "intervalPeriod": period} if period else found


def read(one: DraftEvent, of: DraftProgram | None = None) -> Draft:
    found = read_draft(one, of or program(), READ_AT)
    assert found is not None
    return found


def levels(draft: Draft) -> list[tuple[int, int, int | None, int | None]]:
    """Minutes after 04:00 from and to, set-point, change."""
    return [(_minutes(p.start), _minutes(p.end), p.setpoint_w, p.delta_w) for p in draft.periods]


def _minutes(when: datetime) -> int:
    return int((when - START).total_seconds()) // 60


# -- the draft's own examples ----------------------------------------------------------------------


def test_a_scheduled_dispatch_self_dispatched_and_one_to_be_confirmed():
    draft = read(event())
    assert (draft.firm, draft.real_time) == (True, False)
    assert levels(draft) == [(0, 60, 1_200_000, None)]
    unconfirmed = event(intervals=[said(0, (SETPOINT, "1.2"), ("SELF_DISPATCHED", False))])
    assert not read(unconfirmed).firm
    assert not read(event(intervals=[said(0, (SETPOINT, "1.2"))])).firm


@pytest.mark.parametrize(
    "start", ["0000-00-00", "0000-00-00T00:00:00", "0001-01-01", "0001-01-01T00:00:00Z"]
)
def test_do_it_now_begins_when_it_was_read_and_needs_no_confirmation(start):
    now = event(
        intervalPeriod={"start": start, "duration": "PT3H"},
        intervals=[said(0, (SETPOINT, "1.2"))],
    )
    draft = read(now)
    assert (draft.firm, draft.real_time) == (True, True)
    assert [(p.start, p.end) for p in draft.periods] == [(READ_AT, READ_AT + 3 * HOUR)]


def test_a_more_complex_dispatch_lasts_as_long_as_its_intervals():
    """5.4.4, both examples; RELATIVE is measured from the baseline (profile 4)."""
    three = event(
        intervals=[said(0, (SETPOINT, 10)), said(1, (RELATIVE, -5)), said(2, (SETPOINT, 10))]
    )
    assert levels(read(three)) == [
        (0, 60, 10_000_000, None),
        (60, 120, None, -5_000_000),
        (120, 180, 10_000_000, None),
    ]
    variable = event(
        payloadDescriptors=[{"payloadType": SETPOINT, "units": "KW"}],
        intervals=[
            said(0, (SETPOINT, 10)),
            said(1, (SETPOINT, 20), start="0000-00-00", duration="PT2H"),
        ],
    )
    assert levels(read(variable)) == [(0, 60, 10_000, None), (60, 180, 20_000, None)]


@pytest.mark.parametrize(
    ("value", "unit", "watts"),
    [
        (100, "MW", 100_000_000),
        (-10.5, "MW", -10_500_000),
        ("-0.5", "MW", -500_000),
        (0.000001, "MW", 1),
        (1.3, "GW", 1_300_000_000),
        (250, "W", 250),
        (0, "kW", 0),
        (1, None, 1_000_000),
    ],
)
def test_power_in_its_unit(value, unit, watts):
    described = [{"payloadType": SETPOINT} | ({"units": unit} if unit else {})]
    one = event(payloadDescriptors=described, intervals=[said(0, (SETPOINT, value))])
    assert levels(read(one)) == [(0, 60, watts, None)]


def test_the_unit_may_stand_on_the_program():
    of = program(payloadDescriptors=[{"payloadType": SETPOINT, "units": "KW"}])
    one = event(payloadDescriptors=None, intervals=[said(0, (SETPOINT, 10))])
    assert levels(read(one, of)) == [(0, 60, 10_000, None)]


def test_for_ever_ends_with_the_program():
    one = event(intervalPeriod={"start": "2025-04-12T04:00:00Z", "duration": "P9999Y"})
    assert read(one).periods[0].end == FOREVER
    of = program(intervalPeriod={"start": "2025-01-01T00:00:00Z", "duration": "P1Y"})
    assert read(one, of).periods[0].end == datetime(2026, 1, 1, tzinfo=UTC)
    ended = program(intervalPeriod={"start": "2024-01-01T00:00:00Z", "duration": "P1Y"})
    assert read(one, ended).periods == ()


def test_assets_and_groups_by_targets_of_3_0_of_3_1_and_by_payloads():
    old = [
        {"type": "ASSET_ID", "values": ["ASS001", "ASS002"]},
        {"type": "ASSET_GRP", "values": ["AGRP001"]},
        {"type": "VEN_NAME", "values": ["VEN001"]},
    ]
    draft = read(event(targets=old))
    assert (draft.assets, draft.groups) == (("ASS001", "ASS002"), ("AGRP001",))
    draft = read(event(targets=["ASSET_ID-ASS001", "CONTRACT_ID-1"]))
    assert (draft.assets, draft.groups) == (("ASS001",), ())
    payloads = said(0, ("ASSET_ID", "ASS001"), ("ASSET_GRP", "AGRP001"), (SETPOINT, 1))
    draft = read(event(intervals=[payloads]))
    assert (draft.assets, draft.groups) == (("ASS001",), ("AGRP001",))


def test_the_spelling_of_its_report_descriptors():
    one = event(reportDescriptors=[{"payLoadType": "READ_BACK", "frequency": 0}])
    assert [d.payload_type for d in one.report_descriptors or ()] == ["READ_BACK"]


def test_the_void_form_asks_nothing():
    void = event(
        intervalPeriod={"start": "0001-01-01T00:00:00Z", "duration": "PT0S"},
        intervals=[said(0, ("SELF_DISPATCHED", False))],
    )
    assert read(void).periods == ()
    of_no_length = event(intervalPeriod={"start": "2025-04-12T04:00:00Z", "duration": "PT0S"})
    assert read(of_no_length).periods == ()


def test_an_event_of_other_payloads_is_no_dispatch():
    assert read_draft(event(intervals=[said(0, ("PRICE", 1.0))]), program(), READ_AT) is None
    assert read_draft(event(intervals=[]), program(), READ_AT) is None


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"intervals": [said(0, (SETPOINT, True))]}, "BODY_VALUE"),
        ({"intervals": [said(0, (SETPOINT, "much"))]}, "BODY_VALUE"),
        ({"intervals": [said(0, (SETPOINT, "NaN"))]}, "BODY_VALUE"),
        ({"intervals": [said(0, (SETPOINT, 1e300))]}, "BODY_VALUE"),
        ({"intervals": [{"id": 0, "payloads": [{"type": SETPOINT, "values": [1, 2]}]}]}, "BODY_VALUE"),
        ({"intervals": [said(0, (SETPOINT, 1), ("SELF_DISPATCHED", "true"))]}, "BODY_VALUE"),
        ({"payloadDescriptors": [{"payloadType": SETPOINT, "units": "PERCENT"}]}, "BODY_VALUE"),
        ({"duration": "PT5H"}, "BODY_VALUE"),
        ({"intervals": [said(0, (SETPOINT, 1), randomizeStart="PT5M")]}, "BODY_VALUE"),
        ({"intervals": [said(0, (SETPOINT, 1), (RELATIVE, 1))]}, "POWER_FORM"),
        ({"intervalPeriod": {"duration": "PT1H"}}, "TIME_INVALID"),
        ({"intervalPeriod": None, "intervals": [said(0, (SETPOINT, 1))]}, "BODY_INVALID"),
        (
            {"intervals": [said(0, (SETPOINT, 1)), said(1, (SETPOINT, 1), start="2025-04-12T04:30:00Z")]},
            "PERIODS_INVALID",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused(members, reason):
    with pytest.raises(Refused) as refused:
        read(event(**members))
    assert refused.value.reason == reason


_LEVELS = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5)


@given(_LEVELS, st.booleans(), st.lists(st.integers(1, 10_000), min_size=5, max_size=5))
def test_what_the_profile_projects_reads_as_what_it_signed(watts, absolute, lengths):
    """The two dialects agree on every dispatch that both can say (profile 4)."""
    periods, start = [], START
    for number, (level, seconds) in enumerate(zip(watts, lengths, strict=False)):
        end = start + timedelta(seconds=seconds)
        power = {"setpoint_w": level} if absolute else {"delta_w": level}
        periods.append(Period(number, start, end, **power))
        start = end
    body = {"assets": [{"asset_id": "A1"}], "periods": [p.to_json() for p in periods]}
    intervals = intervals_of(Sealed("{}", ()), project("instruction", body))
    draft = read(event(intervals=[i.dump() for i in intervals], payloadDescriptors=None))
    assert draft == Draft(True, False, tuple(periods), ("A1",), ())


# -- reports ---------------------------------------------------------------------------------------


def test_the_reports_are_those_of_the_draft():
    one = event(intervals=[said(0, (SETPOINT, 10), ("PRICE", 1.0)), said(1, ("PRICE", 1.0))])
    shown = draft_read_back(one, "client-1", "R1").dump()
    assert shown["programID"] == "P1"
    assert (shown["eventID"], shown["clientName"], shown["reportName"]) == ("E1", "client-1", "R1")
    assert [d["payloadType"] for d in shown["payloadDescriptors"]] == ["READ_BACK"]
    (resource,) = shown["resources"]
    assert resource["resourceName"] == "AGGREGATED_REPORT"
    assert resource["intervals"] == [
        {"id": 0, "payloads": [{"type": SETPOINT, "values": [10]}]},
        {"id": 1, "payloads": []},
    ]
    shown = draft_status("EXECUTING", "P1", "E1", "client-1", "R2").dump()
    assert [d["payloadType"] for d in shown["payloadDescriptors"]] == ["DISPATCH_STATUS"]
    assert shown["resources"][0]["intervals"] == [
        {"id": 0, "payloads": [{"type": "DISPATCH_STATUS", "values": ["EXECUTING"]}]}
    ]
