"""The rules of what a VEN answers, on both sides of their bounds."""

from typing import Any

import pytest

from tests.made import body, header, period, terms
from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.rules import PROFILE_1_0, Case, violations

ASKED = body(period(0, 60, 180, -1_000_000))


def response(*periods: Period, **around: Any) -> list[tuple[str, str]]:
    """(code, pointer) of every rule that a partial acceptance of `ASKED` breaks."""
    answer = body(*periods, answer="partial")
    made = {"terms": terms(), "answered": ASKED, **around}
    case = Case(header("response"), answer, read_periods(answer), **made)
    return [(v.reason, v.path) for v in violations(PROFILE_1_0, case)]


@pytest.mark.parametrize(
    ("offered", "codes"),
    [
        (period(0, 60, 180, -1_000_000), []),
        (period(0, 90, 180, -1_000_000), []),
        (period(0, 60, 90, -100_000), []),
        (period(0, 91, 180, -1_000_000), ["START_DELAY"]),
        (period(0, 59, 180, -1_000_000), ["START_DELAY"]),
        (period(0, 60, 181, -1_000_000), ["START_DELAY"]),
        (period(0, 60, 180, -1_000_001), ["EXCEEDS_REQUEST"]),
        (period(0, 60, 180, 1_000_001), ["EXCEEDS_REQUEST"]),
        (period(7, 60, 180, -1_000_000), ["EXCEEDS_REQUEST"]),
        (period(0, 60, 180, -99_999), ["BELOW_MIN_POWER"]),
    ],
)
def test_a_partial_acceptance_stays_inside_what_was_asked(
    offered: Period, codes: list[str]
) -> None:
    assert response(offered) == [(code, "/body/periods/0") for code in codes]


def test_a_partial_acceptance_runs_long_enough() -> None:
    assert response(period(0, 60, 89, -1_000_000)) == [("BELOW_MIN_RUN", "/body/periods")]


def test_a_plain_answer_needs_no_periods_and_unknown_terms_bound_nothing() -> None:
    assert response() == []
    assert response(period(0, 170, 180, -1), terms=None) == []
    assert response(period(0, 60, 180), answered=None) == [("EXCEEDS_REQUEST", "/body/periods/0")]


def series(start: str, length: int, **changes: Any) -> list[tuple[str, str]]:
    values = {"metered_w": [0] * length, "delivered_wh": [0] * length}
    told = {"start": start, "interval_s": 1800, "part": 1, "parts": 1, **values, **changes}
    case = Case(header("post_action"), told)
    return [(v.reason, v.path) for v in violations(PROFILE_1_0, case)]


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-24T00:00:00Z", 48),
        ("2026-03-29T00:00:00Z", 46),
        ("2026-10-24T23:00:00Z", 50),
        ("2026-06-30T23:00:00Z", 48),
    ],
)
def test_the_series_of_a_local_day_fills_it(start: str, due: int) -> None:
    assert series(start, due) == []
    for length in (due - 1, due + 1):
        assert series(start, length) == [("BODY_VALUE", "/body/delivered_wh")]
    assert series(start, due // 2, interval_s=3600) == []
    assert series(start, 7, parts=2) == []


def test_a_series_that_begins_within_a_day_may_have_any_length_but_only_one() -> None:
    assert series("2026-11-24T16:30:00Z", 4) == []
    assert series("2026-11-24T16:30:00Z", 4, quality=["good"] * 3) == [("BODY_VALUE", "/body")]
    assert series("no time", 4) == []
