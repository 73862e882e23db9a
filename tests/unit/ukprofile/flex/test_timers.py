"""The timers: when each is due, from which field or default, and on which side of it it passes."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.made import held, minute, period, terms
from ukprofile.flex.states import Event, State
from ukprofile.flex.timers import (
    TIMERS,
    Due,
    Known,
    confirm_by,
    has_passed,
    next_due,
    place,
    respond_by,
    working_days_after,
)
from ukprofile.flex.times import time_text

SECOND = timedelta(seconds=1)
RUN = (period(0, 60, 180),)


def known(state: State, kind: str = "schedule", issued: int = 0, **changes) -> Known:
    """A dispatch of minutes 60 to 180, in that state since minute 0."""
    fields = {n: changes.pop(n) for n in list(changes) if n in Known.__slots__}
    stated = {name: time_text(minute(at)) for name, at in changes.items()}
    head = held(kind, issued, *RUN, **stated)
    return Known(**{"state": state, "since": minute(0), "head": head, "plan": RUN, **fields})


@pytest.mark.parametrize(
    ("dispatch", "due"),
    [
        (known(State.PROPOSED, respond_by=10), minute(10)),
        (known(State.PROPOSED), minute(30)),
        (known(State.PROPOSED, issued=40), minute(50)),
        (known(State.CONFIRMED, "instruction", respond_by=10), minute(10)),
        (known(State.CONFIRMED, "instruction"), None),
        (known(State.CONFIRMED, "variation"), None),
    ],
)
def test_a_response_is_due_as_stated_and_for_a_schedule_by_default(dispatch, due) -> None:
    assert respond_by(dispatch, terms()) == due


def test_the_contract_says_how_long_a_response_may_take() -> None:
    assert respond_by(known(State.PROPOSED), terms(respond_s=60)) == minute(1)
    assert respond_by(known(State.PROPOSED), None) is None


def test_what_is_proposed_is_confirmed_by_its_own_time_or_by_the_start() -> None:
    assert confirm_by(known(State.AGREED, confirm_by=45)) == minute(45)
    assert confirm_by(known(State.AGREED)) == minute(60)
    assert confirm_by(Known()) is None


@pytest.mark.parametrize(
    ("dispatch", "side", "event", "due"),
    [
        (known(State.PROPOSED), "dso", Event.RESPOND_BY, minute(30)),
        (known(State.PROPOSED, confirm_by=20), "dso", Event.CONFIRM_BY, minute(20)),
        (known(State.PROPOSED, confirm_by=20), "ven", Event.RESPOND_BY, minute(30)),
        (known(State.AGREED, confirm_by=45), "dso", Event.CONFIRM_BY, minute(45)),
        (known(State.AGREED, confirm_by=45), "ven", Event.START, minute(60)),
        (known(State.CONFIRMED, "instruction", respond_by=9), "ven", Event.RESPOND_BY, minute(9)),
        (
            known(State.CONFIRMED, "instruction", respond_by=9, answered=True),
            "dso",
            Event.START,
            minute(60),
        ),
        (known(State.RUNNING, began=minute(60)), "dso", Event.STARTED_BY, minute(66)),
        (known(State.RUNNING, began=minute(75)), "dso", Event.STARTED_BY, minute(81)),
        (
            known(State.SUSPENDED, began=minute(60), passed=frozenset({Event.STARTED_BY})),
            "dso",
            Event.END,
            minute(180),
        ),
        (known(State.COMPLETED, ended=minute(180)), "dso", Event.REPORT_BY, minute(180 + 1440)),
        (known(State.REPORTED, since=minute(0)), "dso", Event.DISPUTE_BY, minute(14 * 1440)),
    ],
)
def test_the_timer_that_passes_next(dispatch, side, event, due) -> None:
    assert next_due(dispatch, terms(), side) == Due(event, due)


@pytest.mark.parametrize(
    "state",
    [
        s
        for s in State
        if s in ("none", "lapsed", "expired", "refused", "cancelled", "settled", "disputed")
    ],
)
def test_nothing_is_waited_for_where_nothing_can_come(state: State) -> None:
    assert next_due(known(state, ended=minute(1)), terms(), "dso") is None


def test_the_contract_says_how_long_a_ramp_may_take() -> None:
    running = known(State.RUNNING, began=minute(60))
    found = next_due(running, terms(ramp_s=0), "dso")
    assert found == Due(Event.STARTED_BY, minute(61))
    assert next_due(running, None, "dso") == Due(Event.STARTED_BY, minute(66))


@pytest.mark.parametrize("timer", TIMERS, ids=lambda t: t.event)
def test_an_edge_passes_at_its_second_and_a_deadline_after_it(timer) -> None:
    due = Due(timer.event, minute(60))
    assert not has_passed(due, minute(60) - SECOND)
    assert has_passed(due, minute(60)) == (timer.event in (Event.START, Event.END))
    assert has_passed(due, minute(60) + SECOND)


def test_in_one_second_a_start_comes_first_then_texts_then_an_end_then_deadlines() -> None:
    start, end, deadline = (
        place(Due(e, minute(1)))[1] for e in (Event.START, Event.END, Event.RESPOND_BY)
    )
    order, answer = 1, 2
    assert [start, order, answer, end, deadline] == sorted((deadline, end, answer, order, start))


def test_a_working_day_is_no_saturday_and_no_sunday() -> None:
    friday = datetime(2026, 11, 27, 17, tzinfo=UTC)
    assert working_days_after(friday, 0) == friday
    assert working_days_after(friday, 1) == datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert working_days_after(friday, 10) == datetime(2026, 12, 11, 17, tzinfo=UTC)
