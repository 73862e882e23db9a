"""Times, lengths and names: the grammar of the specification, and the decisions beside it."""

import copy
import math
import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.errors import Refused
from ukprofile.openadr import (
    DateTime,
    Duration,
    EventRequest,
    IntervalPeriod,
    ProgramRequest,
    end_of,
)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T16:30:00",  # N101
        "2026-11-24",  # N103a
        "1795532400",  # N103b
        "2026-11-24T24:00:00Z",  # N103d
        "2026-12-31T23:59:60Z",  # N103e
        "2026-11-24 16:30:00Z",  # N103f
        "10000-01-01T00:00:00Z",  # N103g
        "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",  # N103h
        "2026-11-24T16:30:00+01:60",
        "2026-11-24T16:30:00+24:00",
        "0001-01-01T00:00:00+01:00",
        "",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="TIME_INVALID"):
        DateTime(text)
    with pytest.raises(Refused, match="TIME_INVALID") as refused:
        IntervalPeriod.read({"start": text})
    assert refused.value.path == "/start"


@pytest.mark.parametrize("value", [1795532400, 1.5, True, [], {}])  # N103b
@pytest.mark.parametrize("member", ["start", "duration"])
def test_a_time_or_length_that_is_no_string_is_refused(member: str, value: object) -> None:
    with pytest.raises(Refused, match="TIME_INVALID") as refused:
        IntervalPeriod.read({member: value})
    assert refused.value.path == f"/{member}"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-24T17:30:00+01:00", datetime(2026, 11, 24, 16, 30, tzinfo=UTC)),  # N102a
        ("2026-11-24t16:30:00z", datetime(2026, 11, 24, 16, 30, tzinfo=UTC)),  # N103i
        ("2026-11-24T16:30:00.25Z", datetime(2026, 11, 24, 16, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-11-24T11:00:00-05:30", datetime(2026, 11, 24, 16, 30, tzinfo=UTC)),
    ],
)
def test_a_time_keeps_its_text_and_knows_its_instant(text: str, instant: datetime) -> None:
    time = DateTime(text)
    assert (str(time), time.instant, time.is_now) == (text, instant, False)
    assert IntervalPeriod.read({"start": text}).dump() == {"start": text}
    assert pickle.loads(pickle.dumps(time)).instant == copy.copy(time).instant == instant


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"],
)
def test_now_has_a_few_spellings(text: str) -> None:
    assert DateTime(text).is_now


@pytest.mark.parametrize(
    "text",
    [
        "P0S",
        "PT0.5H",
        "-PT5M",
        "PT999999999999S",
        "P",
        "PT",
        "1H",
        "P10000Y",
        "PT" + "9" * 90 + "S",
        "",
    ],
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="TIME_INVALID"):
        Duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0S", 0),
        ("PT30M", 1800),
        ("PT1800S", 1800),
        ("P0Y0M0DT0H30M0S", 1800),
        ("P1W", 604_800),
        ("P365D", 31_536_000),
        ("PT0.5S", 0.5),
        ("P9999Y", math.inf),
    ],
)
def test_a_length_knows_its_seconds(text: str, seconds: float) -> None:
    length = Duration(text)
    assert (str(length), length.seconds, length.is_infinite) == (text, seconds, seconds == math.inf)
    assert pickle.loads(pickle.dumps(length)).seconds == seconds


def test_months_and_years_have_no_fixed_length() -> None:
    for text in ("P1M", "P1Y"):
        with pytest.raises(Refused, match="no fixed length"):
            _ = Duration(text).seconds


def test_an_end_after_the_calendar_is_refused() -> None:
    start = datetime(9000, 1, 1, tzinfo=UTC)
    with pytest.raises(Refused, match="year 9999"):
        end_of(start, Duration("P999999D"))
    assert end_of(start, Duration("P9999Y")) is None
    assert end_of(start, Duration("PT1H")) == start + timedelta(hours=1)


def test_years_and_months_end_by_the_calendar() -> None:
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert end_of(start, Duration("P1M")) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert end_of(start, Duration("P1Y1MT1H")) == datetime(2027, 2, 28, 13, tzinfo=UTC)
    with pytest.raises(Refused, match="TIME_INVALID"):
        end_of(start, Duration("P7974Y"))


@given(st.integers(0, 10**9))
def test_whole_seconds_come_back(seconds: int) -> None:
    assert Duration.of(seconds).seconds == seconds
    assert Duration.of(timedelta(seconds=seconds)).seconds == seconds


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_lengths_come_back_to_the_microsecond(length: timedelta) -> None:
    assert timedelta(seconds=Duration.of(length).seconds) == pytest.approx(
        length, abs=timedelta(microseconds=1)
    )


@pytest.mark.parametrize("length", [-1, math.inf, math.nan])
def test_what_has_no_text_as_a_length_is_refused(length: float) -> None:
    with pytest.raises(Refused, match="TIME_INVALID"):
        Duration.of(length)


@given(st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))
def test_instants_come_back(when: datetime) -> None:
    assert DateTime.of(when).instant == when


def test_a_naive_time_has_no_text() -> None:
    with pytest.raises(Refused, match="zone"):
        DateTime.of(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "name", ["a\u0000b", "a\u202eb", "a\u200bb", "a\nb", "a\u00adb", "\u2800", "\ufeffx"]
)
def test_names_with_what_nobody_sees_are_refused(name: str) -> None:
    with pytest.raises(Refused, match="NAME_INVALID"):
        ProgramRequest.read({"programName": name})
    with pytest.raises(Refused, match="NAME_INVALID"):
        EventRequest.read({"programID": "p", "eventName": name})


@pytest.mark.parametrize("name", ["Llŷn", "Ysbyty Ystwyth", "Ø 1/2 £", "x" * 128])
def test_names_people_use_are_taken(name: str) -> None:
    assert ProgramRequest.read({"programName": name}).program_name == name
