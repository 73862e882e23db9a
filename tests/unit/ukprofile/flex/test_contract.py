"""Contract terms and windows: local time on the days the clocks change, and the defaults."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.made import minute, period, terms
from ukprofile.flex.common import Price
from ukprofile.flex.contract import (
    DAYS,
    ContractTerms,
    Window,
    inside,
    local_day,
    overlapping,
)
from ukprofile.flex.dispatch import Period

FORWARD, BACK, WINTER = date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 24)


def utc(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=UTC)


def window(start: str, end: str, fold: int = 0, days: tuple[str, ...] = DAYS) -> Window:
    return Window(days, time.fromisoformat(start), time.fromisoformat(end), fold=fold)


@pytest.mark.parametrize(
    ("day", "start", "end", "fold", "first", "last"),
    [
        (WINTER, "16:30", "18:30", 0, "16:30", "18:30"),
        (date(2026, 7, 1), "16:30", "18:30", 0, "15:30", "17:30"),
        # 29 March: 01:00 to 02:00 local does not exist, and stands for the change at 01:00Z
        (FORWARD, "16:30", "18:30", 0, "15:30", "17:30"),
        (FORWARD, "00:30", "02:30", 0, "00:30", "01:30"),
        (FORWARD, "01:15", "02:30", 0, "01:00", "01:30"),
        (FORWARD, "01:15", "02:30", 1, "01:00", "01:30"),
        (FORWARD, "00:30", "01:45", 0, "00:30", "01:00"),
        (FORWARD, "00:30", "01:45", 1, "00:30", "01:00"),
        (FORWARD, "00:30", "01:00", 0, "00:30", "01:00"),
        # 25 October: 01:00 to 02:00 local comes twice, 00:00Z to 01:00Z and 01:00Z to 02:00Z
        (BACK, "01:30", "02:00", 0, "00:30", "01:00"),
        (BACK, "01:30", "02:00", 1, "01:30", "02:00"),
        (BACK, "01:00", "01:30", 0, "00:00", "00:30"),
        (BACK, "01:00", "01:30", 1, "01:00", "01:30"),
        (BACK, "02:00", "03:00", 0, "02:00", "03:00"),
    ],
)
def test_a_window_is_local_time_whatever_the_clocks_do(
    day: date, start: str, end: str, fold: int, first: str, last: str
) -> None:
    assert window(start, end, fold).on(day) == (utc(day, first), utc(day, last))


def test_a_window_over_the_whole_change_is_three_hours_long() -> None:
    found = window("00:30", "02:30").on(BACK)
    assert found == (utc(date(2026, 10, 24), "23:30"), utc(BACK, "02:30"))


def test_a_window_that_does_not_exist_on_a_day_is_none() -> None:
    assert window("01:15", "01:45").on(FORWARD) is None
    assert window("16:00", "18:00", days=("mon",)).on(WINTER) is None


def test_a_window_may_end_on_the_next_day() -> None:
    assert window("22:00", "02:00").on(WINTER) == (
        utc(WINTER, "22:00"),
        utc(date(2026, 11, 25), "02:00"),
    )
    assert window("00:00", "00:00").on(WINTER) == (
        utc(WINTER, "00:00"),
        utc(date(2026, 11, 25), "00:00"),
    )


def test_a_period_lies_inside_a_window_from_its_start_to_its_end() -> None:
    windows = [window("16:00", "18:00")]
    assert inside(period(0, 60, 180), windows)
    assert not inside(period(0, 59, 180), windows)
    assert not inside(period(0, 60, 181), windows)
    assert not inside(period(0, 60, 180), [])


def test_windows_that_touch_count_as_one() -> None:
    assert inside(period(0, 60, 240), [window("18:00", "20:00"), window("16:00", "18:00")])
    assert not inside(period(0, 60, 240), [window("16:00", "18:00"), window("18:01", "20:00")])
    nights = [window("00:00", "00:00")]
    assert inside(Period(0, utc(BACK, "00:00"), utc(date(2026, 10, 30), "00:00")), nights)


@pytest.mark.parametrize(("day", "hours"), [(FORWARD, 23), (BACK, 25), (WINTER, 24)])
def test_a_local_day_has_23_24_or_25_hours(day: date, hours: int) -> None:
    start, end = local_day(utc(day, "12:00"))
    assert end - start == timedelta(hours=hours)
    assert local_day(start) == (start, end)
    assert local_day(end)[0] == end


def test_silent_terms_mean_the_defaults_of_the_profile() -> None:
    silent = terms(notice_s=None)
    assert silent.notice == timedelta(0)
    assert silent.least_run == silent.most_start_delay == timedelta(minutes=30)
    assert silent.least_power_w == 100_000
    assert terms(capacity_w=60_000).least_power_w == 60_000
    assert silent.ack_by(minute(0), minute(60)) == minute(1)
    assert silent.ack_by(minute(0), minute(61)) == minute(15)
    assert silent.respond_by(minute(0), minute(120)) == minute(30)
    assert silent.respond_by(minute(0), minute(40)) == minute(20)
    assert silent.respond_by(minute(0), minute(-10)) == minute(0)


def test_terms_that_speak_override_the_defaults() -> None:
    told = terms(
        notice_s=600, min_run_s=0, max_start_delay_s=60, min_power_w=0, ack_s=120, respond_s=300
    )
    assert (told.notice, told.least_run) == (timedelta(minutes=10), timedelta(0))
    assert (told.most_start_delay, told.least_power_w) == (timedelta(minutes=1), 0)
    assert told.ack_by(minute(0), minute(60)) == minute(1)
    assert told.ack_by(minute(0), minute(61)) == minute(2)
    assert told.respond_by(minute(0), minute(120)) == minute(5)


def test_terms_come_back_from_their_body() -> None:
    full = terms(price=Price("GBP", 21_000, 0), silence="refuse", performance_curve="C1")
    for one in (full, terms()):
        assert ContractTerms.read(one.to_json()) == one
    assert "price" not in terms().to_json()
    assert full.to_json()["price"]["availability_minor_per_mw_h"] == 0


def test_periods_that_only_touch_do_not_overlap() -> None:
    spans = [period(0, 60, 90)]
    assert overlapping(spans, period(1, 89, 100))
    assert not overlapping(spans, period(1, 90, 100))
    assert not overlapping(spans, period(1, 50, 60))
