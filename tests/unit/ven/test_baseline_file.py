"""A baseline as a person hands it in: by settlement period, across both clock changes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ukprofile.errors import Refused
from ven.baseline_file import read_baseline

HALF = timedelta(minutes=30)


def csv_of(start: datetime, count: int) -> str:
    lines = [f"{(start + n * HALF).isoformat()},{-n}" for n in range(count)]
    return "\n".join(["start,watts", *lines, ""])


@pytest.mark.parametrize(
    ("start", "count"),
    [
        (datetime(2026, 3, 29, tzinfo=UTC), 46),
        (datetime(2026, 10, 24, 23, tzinfo=UTC), 50),
        (datetime(2026, 11, 24, tzinfo=UTC), 48),
    ],
)
def test_a_day_has_46_48_or_50_settlement_periods(start, count):
    (day,) = read_baseline(csv_of(start, count), "b.csv")
    assert (day.start, day.interval_s) == (start, 1800)
    assert day.baseline_w == tuple(-n for n in range(count))
    with pytest.raises(Refused, match=f"has {count} intervals"):
        read_baseline(csv_of(start, count - 1), "b.csv")


def test_several_days_follow_each_other():
    days = read_baseline(csv_of(datetime(2026, 3, 28, tzinfo=UTC), 48 + 46 + 48), "b.csv")
    assert [len(day.baseline_w) for day in days] == [48, 46, 48]


def test_local_times_are_understood_by_their_offset():
    text = csv_of(datetime(2026, 10, 24, 23, tzinfo=UTC), 50)
    local = text.replace("2026-10-24T23:00:00+00:00", "2026-10-25T00:00:00+01:00")
    assert read_baseline(local, "b.csv") == read_baseline(text, "b.csv")


def test_json_is_one_day_as_the_message_has_it():
    day = {"start": "2026-11-24T00:00:00Z", "interval_s": 3600, "baseline_w": [1] * 24}
    (found,) = read_baseline(json.dumps(day), "b.json")
    assert (found.interval_s, found.baseline_w) == (3600, (1,) * 24)


GOOD = csv_of(datetime(2026, 11, 24, tzinfo=UTC), 48)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: must be: start,watts"),
        ("start,watts\n", "no settlement period"),
        ("time,kw\n", "line 1"),
        (GOOD.replace(",-2\n", ",-2.5\n"), "line 4: watts '-2.5'"),
        (GOOD.replace(",-2\n", ",-2,x\n"), "line 4: has 3 columns"),
        (GOOD.replace("T01:00:00+00:00", "T01:00:00"), "line 4: start .* has no offset"),
        (GOOD.replace("T01:00:00+00:00", "T25:00:00Z"), "line 4: start .* is no time"),
        (GOOD.replace("T01:00:00+00:00", "T01:01:00Z"), "line 4: must start half an hour after"),
        ('start,watts\n"', "line 2"),
        ("{", "no JSON"),
        ('{"start": "2026-11-24T00:00:00Z"}', "baseline_w must be a list"),
        ('{"start": "2026-11-24T00:00:00Z", "interval_s": 0, "baseline_w": [1]}', "BODY_VALUE"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(text, why):
    with pytest.raises(Refused, match=why):
        read_baseline(text, "b.csv")
