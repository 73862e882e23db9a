"""The heartbeat on the wire: only its own attributes change, and a wrong clock is told of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.clock_watch import Standing
from ukprofile.mapping.heartbeat import beating, clock_of
from ukprofile.openadr import ValuesMap

STEADY = Standing("steady")


def shown(attributes):
    return {a.type: list(a.values) for a in attributes}


def test_only_its_own_are_replaced():
    old = (
        ValuesMap(type="VEN_STATUS", values=("UNAVAILABLE",)),
        ValuesMap(type="UKFLEX_CLOCK", values=("STEPPED", 3600.0)),
        ValuesMap(type="X", values=(1,)),
    )
    assert [a.dump() for a in beating(old, 0.2, STEADY)] == [
        {"type": "X", "values": [1]},
        {"type": "VEN_STATUS", "values": ["AVAILABLE"]},
        {"type": "UPDATE_INTERVAL_SECONDS", "values": [1]},
    ]


def test_a_clock_that_is_not_believed_is_told_of_and_takes_no_dispatch():
    assert shown(beating((), 60.0, Standing("stepped", -3600.04, refuses=True))) == {
        "VEN_STATUS": ["UNAVAILABLE"],
        "UPDATE_INTERVAL_SECONDS": [60],
        "UKFLEX_CLOCK": ["STEPPED", -3600.0],
    }
    assert shown(beating((), 60.0, Standing("off", 2.0)))["VEN_STATUS"] == ["AVAILABLE"]


@given(st.sampled_from(("stepped", "off")), st.integers(-(10**9), 10**9), st.booleans())
def test_what_an_agent_says_of_its_clock_is_read_as_it_was_meant(kind, tenths, refuses):
    said = Standing(kind, tenths / 10, refuses)
    assert clock_of(beating((), 60.0, said)) == said


@pytest.mark.parametrize(
    "values",
    [
        ("STEPPED",),
        ("STEADY", 1),
        (1, 1),
        ("OFF", "7"),
        ("OFF", 1e300),
        ("OFF", -(10**15)),
        ("", 1),
    ],
)
def test_what_nobody_can_read_of_a_clock_is_nothing(values):
    assert clock_of((ValuesMap(type="UKFLEX_CLOCK", values=values),)) == STEADY
