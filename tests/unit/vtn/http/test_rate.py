"""Token buckets: what is let through in any stretch of time, what is refused, and for how long."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtn.http import rate as module
from vtn.http.rate import RATES, Buckets, LimiterError, Rate, limiter_named, rates_of, take

rates = st.builds(Rate, st.sampled_from([0.5, 1, 3, 50, 100]), st.integers(1, 60))
gaps = st.lists(st.floats(0, 5, allow_subnormal=False), min_size=1, max_size=150)


def admitted(rate: Rate, pauses: list[float]) -> list[float]:
    """When each was let through of those that come `pauses` apart."""
    full_at, now, found = 0.0, 1_000.0, []
    for pause in pauses:
        now += pause
        full_at, wait_s = take(full_at, rate, now)
        if not wait_s:
            found.append(now)
    return found


@given(rates, gaps)
def test_no_stretch_of_time_sees_more_than_the_burst_and_what_was_refilled(
    rate: Rate, pauses: list[float]
) -> None:
    times = admitted(rate, pauses)
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            most = rate.burst + rate.per_s * (times[last] - start)
            assert last - first + 1 <= most + 1e-6


@given(rates, st.integers(1, 300))
def test_whoever_keeps_to_the_rate_is_never_refused(rate: Rate, count: int) -> None:
    pauses = [1 / rate.per_s] * count
    assert len(admitted(rate, pauses)) == count


@given(rates, gaps)
def test_the_wait_is_just_as_long_as_is_needed_and_refusals_cost_nothing(
    rate: Rate, pauses: list[float]
) -> None:
    full_at, now = 0.0, 1_000.0
    for pause in pauses:
        now += pause
        before = full_at
        full_at, wait_s = take(before, rate, now)
        if wait_s:
            assert full_at == before
            assert take(before, rate, now + wait_s / 2)[1] > 0
            assert take(before, rate, now + wait_s + 1e-6)[1] == 0


def test_a_whole_burst_at_once_and_then_no_more() -> None:
    assert len(admitted(Rate(1, 7), [0.0] * 20)) == 7
    assert len(admitted(Rate(inf, inf), [0.0] * 20)) == 20


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_each_lane_and_each_who_has_a_bucket_of_its_own() -> None:
    buckets = Buckets({**RATES, "read": Rate(1, 2), "write": Rate(1, 1)}, Clock())
    assert [buckets.wait_s("read", "a") for _ in range(3)] == [0, 0, 1]
    assert buckets.wait_s("write", "a") == 0
    assert buckets.wait_s("read", "b") == 0


def test_what_is_charged_is_missing_until_it_is_refilled() -> None:
    clock = Clock()
    buckets = Buckets({**RATES, "read": Rate(2, 4), "write": Rate(inf, inf)}, clock)
    buckets.charge("read", "a", 9)
    assert buckets.wait_s("read", "a") == pytest.approx(3)
    clock.s += 3
    assert buckets.wait_s("read", "a") == 0
    assert buckets.wait_s("read", "b") == 0
    buckets.charge("write", "a", 10**9)
    assert buckets.wait_s("write", "a") == 0


def test_no_more_is_remembered_than_fits_and_first_the_full_ones_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 100)
    clock = Clock()
    buckets = Buckets({**RATES, "read": Rate(1, 10), "write": Rate(0.001, 1)}, clock)
    assert buckets.wait_s("write", "kept") == 0
    for n in range(1_000):
        clock.s += 0.1
        buckets.wait_s("read", str(n))
    assert len(buckets._full_at) <= 100
    assert buckets.wait_s("write", "kept") > 0, "those that are full again went first"
    for n in range(300):
        buckets.wait_s("write", f"more-{n}")
    assert len(buckets._full_at) <= 100


@pytest.mark.parametrize(
    ("text", "due"),
    [("100/500", Rate(100, 500)), ("0.5/1", Rate(0.5, 1)), ("off", Rate(inf, inf))],
)
def test_a_rate_as_text(text: str, due: Rate) -> None:
    assert rates_of((f"read={text}",)) == {**RATES, "read": due}
    assert str(due) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("reads=1/2", "'reads=1/2' names no lane: read, write, token, stranger"),
        ("read", "read: '' is no rate"),
        ("read=1", "read: '1' is no rate: PER_SECOND/BURST"),
        ("read=0/5", "is no rate"),
        ("read=5/0", "is no rate"),
        ("read=-1/5", "is no rate"),
        ("read=1e9/5", "is no rate"),
        ("read=nan/5", "is no rate"),
    ],
)
def test_what_is_no_rate_is_said(text: str, says: str) -> None:
    with pytest.raises(LimiterError, match=says.replace("'", ".")):
        rates_of((text,))


class Mine:
    def wait_s(self, lane: str, who: str) -> float:
        return 7.0

    def charge(self, lane: str, who: str, requests: int) -> None:
        pass


class Deaf:
    pass


def test_a_limiter_of_ones_own() -> None:
    made = limiter_named(f"{__name__}:Mine", RATES, Clock())
    assert made.wait_s("read", "a") == 7.0
    assert isinstance(limiter_named("", RATES, Clock()), Buckets)
    for name, says in (
        (f"{__name__}:Deaf", "has no method wait_s"),
        (f"{__name__}:None", "cannot be made"),
        ("no.such.module:X", "cannot be made"),
        ("x", "cannot be made"),
    ):
        with pytest.raises(LimiterError, match=says):
            limiter_named(name, RATES, Clock())
