"""One thread seen whole: what counts, what is in force, and where its stops cut it."""

from dataclasses import replace

from tests.made import held, minute, period
from ukprofile.flex.dispatch import (
    Period,
    Stop,
    Thread,
    asks_more,
    cut,
    edges,
    level_at,
    read_periods,
)
from ukprofile.flex.times import time_text

RUN = period(0, 60, 180)
INSTRUCTION = held("instruction", 0, RUN)


def cease(issued: int, at: int, received: int | None = None) -> Stop:
    return Stop.read(held("cease", issued, received=received, cease_at=time_text(minute(at))))


def thread(*texts: object) -> Thread:
    return Thread(tuple(t.held if isinstance(t, Stop) else t for t in texts))  # type: ignore[misc]


def test_a_period_says_its_power_in_one_form() -> None:
    relative, absolute = (
        Period(0, minute(0), minute(1), 5),
        Period(0, minute(0), minute(1), None, -5),
    )
    assert (relative.level_w, absolute.level_w) == (5, -5)
    assert Period(0, minute(0), minute(1)).level_w == 0
    for one in (relative, absolute):
        assert read_periods({"periods": [one.to_json()]}) == (one,)


def test_a_level_holds_from_its_start_until_its_end() -> None:
    periods = (period(0, 60, 90, -400), period(1, 90, 120, 700))
    levels = [level_at(periods, minute(m)) for m in (59, 60, 89, 90, 119, 120)]
    assert levels == [0, 400, 400, 700, 700, 0]
    assert edges(periods, [period(2, 30, 60)]) == [minute(m) for m in (30, 60, 90, 120)]


def test_only_a_higher_level_asks_for_more() -> None:
    old = (period(0, 60, 120, 1000),)
    assert not asks_more(old, old, minute(60))
    assert not asks_more(old, (period(0, 60, 90, 900),), minute(60))
    assert asks_more(old, (period(0, 60, 120, 1001),), minute(60))
    assert asks_more(old, (period(0, 60, 121, 1000),), minute(60))
    assert not asks_more(old, (period(0, 60, 90, 2000),), minute(90))


def test_a_cut_leaves_nothing_after_it_and_no_period_without_length() -> None:
    periods = (period(0, 60, 90), period(1, 90, 120))
    assert cut(periods, minute(120)) == periods
    assert cut(periods, minute(100)) == (periods[0], period(1, 90, 100))
    assert cut(periods, minute(90)) == periods[:1]
    assert cut(periods, minute(60)) == ()


def test_a_stop_ends_a_dispatch_when_it_says_but_never_before_it_was_received() -> None:
    assert cease(70, 100).effective == minute(100)
    assert cease(70, 65).effective == minute(70)
    cancelled = Stop.read(held("cancellation", 70, received=75))
    assert (cancelled.stated, cancelled.effective) == (None, minute(75))


def test_of_two_stops_the_earlier_end_counts() -> None:
    early, late = cease(80, 100), cease(70, 120)
    at_once, again = (Stop.read(held("cancellation", n)) for n in (90, 91))
    assert early.ends_before(late)
    assert not late.ends_before(early)
    assert at_once.ends_before(early)
    assert not early.ends_before(at_once)
    assert not at_once.ends_before(again)
    for stops in ((early, late), (late, early)):
        found = thread(INSTRUCTION, *stops)
        assert found.first_stop == early
        assert found.plan == (replace(RUN, end=minute(100)),)


def test_a_stop_is_the_head_whatever_its_revision() -> None:
    newer = held("variation", 90, RUN)
    found = thread(newer, cease(80, 100), INSTRUCTION)
    assert [h.header.kind for h in found.standing] == ["instruction", "variation", "cease"]
    assert found.head is not None
    assert found.head.header.kind == "cease"


def test_nothing_is_held_of_an_empty_thread() -> None:
    empty = Thread()
    assert (empty.head, empty.first_stop, empty.confirmed, empty.pending) == (None,) * 4
    assert (empty.plan, empty.valid_until, empty.last_end) == ((), None, None)
    assert not empty.completed(minute(500))


def test_a_schedule_alone_confirms_nothing() -> None:
    found = thread(held("schedule", 0, RUN))
    assert (found.confirmed, found.plan, found.last_end) == (None, (), minute(180))


def test_a_decrease_is_in_force_at_once_and_an_increase_waits_for_its_acceptance() -> None:
    less = held("variation", 10, period(0, 60, 180, 500_000))
    more = held("variation", 20, period(0, 60, 180, 800_000))
    assert thread(INSTRUCTION, less).confirmed == less
    waiting = thread(INSTRUCTION, less, more)
    assert (waiting.confirmed, waiting.pending) == (less, more)
    accepted = replace(more, accepted=True)
    assert thread(INSTRUCTION, less, accepted).confirmed == accepted
    restated = held("instruction", 30, period(0, 60, 180, 900_000))
    assert thread(INSTRUCTION, more, restated).pending is None


def test_a_refused_text_does_not_count_and_a_late_one_voids_its_thread() -> None:
    refused = held("variation", 10, period(0, 60, 240), counts=False)
    found = thread(INSTRUCTION, refused)
    assert (found.head, found.last_end, found.void) == (INSTRUCTION, minute(180), False)
    assert thread(held("instruction", 0, RUN, counts=False, void=True)).void


def test_a_dispatch_is_completed_at_the_end_of_its_last_period() -> None:
    found = thread(INSTRUCTION)
    assert not found.completed(minute(179))
    assert found.completed(minute(180))
    assert found.valid_until == minute(240)
