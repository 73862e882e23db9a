"""Readings as a report of telemetry, and back: to the watt, and from anybody's report."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ukprofile.flex.energy import Reading
from ukprofile.mapping.telemetry import as_shown, name_of, readings_of, shown_since
from ukprofile.openadr import ReportResource

START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
QUALITIES = st.sampled_from(["actual", "estimated"])
READ = st.lists(
    st.none() | st.tuples(st.integers(-(10**9), 10**9), QUALITIES), min_size=1, max_size=20
)


@settings(max_examples=50)
@given(READ, st.sampled_from([1, 60, 300]))
def test_what_is_shown_is_read_to_the_watt_and_a_gap_stays_one(given_watts, seconds):
    read = [
        Reading(START + n * timedelta(seconds=seconds), seconds, one[0] * seconds, 7, one[1])
        for n, one in enumerate(given_watts)
        if one is not None
    ]
    bare = [Reading(r.start, r.seconds, r.power_w * seconds, 0, r.quality) for r in read]
    assert list(as_shown("A1", read)) == bare


def test_what_is_too_old_to_be_shown_is_not_read():
    read = [Reading(START + n * timedelta(seconds=60), 60, 60, 0) for n in (0, 2000)]
    assert (shown_since(read), len(as_shown("A1", read))) == (START + timedelta(minutes=501), 1)


def test_an_interval_may_state_its_own_time_and_what_is_no_power_is_left_out():
    minute = {"start": "2026-10-25T00:30:00Z", "duration": "PT1M"}
    hour = {"start": "2026-10-25T03:00:00Z", "duration": "PT1H"}
    shown = [
        {"id": 0, "payloads": [{"type": "DEMAND", "values": [1]}]},
        {"id": 9, "payloads": [{"type": "DEMAND", "values": [True]}]},
        {"id": 2, "payloads": [{"type": "DEMAND", "values": ["7"]}]},
        {"id": 3, "payloads": [{"type": "DEMAND", "values": [1e300]}]},
        {"id": 4, "payloads": [{"type": "DEMAND", "values": []}]},
        {"id": 5, "payloads": [{"type": "DEMAND", "values": [-2.0004]}]},
        {
            "id": 6,
            "intervalPeriod": hour,
            "payloads": [{"type": "DEMAND", "values": [0]}],
        },
        {
            "id": 7,
            "intervalPeriod": {**hour, "duration": "P9999Y"},
            "payloads": [{"type": "DEMAND", "values": [0]}],
        },
    ]
    one = ReportResource.read({"resourceName": "A1", "intervalPeriod": minute, "intervals": shown})
    found = [(r.start.strftime("%H:%M"), r.seconds, r.power_w) for r in readings_of(one)]
    assert found == [("00:30", 60, -1000), ("00:35", 60, 2000), ("03:00", 3600, 0)]
    timeless = ReportResource.read({"resourceName": "A1", "intervals": shown[:1]})
    assert list(readings_of(timeless)) == []


def test_a_report_is_named_by_the_london_day():
    assert name_of("A1", datetime(2026, 10, 24, 23, tzinfo=UTC)) == "TELEMETRY-A1-2026-10-25"
