"""The watch of the clock: every step is found at the next look, no drift is, and when it is over."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.clock_watch import (
    REFUSE_S,
    STEADY_S,
    WARN_S,
    Reading,
    Standing,
    begin,
    hear,
    look,
    not_before,
    standing,
    vouch,
)

NOON = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
HOUR = 3600.0
LESS = st.floats(-WARN_S + 0.001, WARN_S - 0.001)
MORE = st.floats(WARN_S + 0.001, 1e7) | st.floats(-1e7, -WARN_S - 0.001)
PASSED = st.floats(0.0, 1e5)


def later(seconds):
    return NOON + timedelta(seconds=seconds)


class Machine:
    """A wall clock and steady seconds, watched at every move."""

    def __init__(self):
        self.true_s, self.wrong_s = 0.0, 0.0
        self.watched = begin(self.reading())

    def reading(self):
        return Reading(later(self.true_s + self.wrong_s), 1000.0 + self.true_s)

    def move(self, passed_s=0.0, step_s=0.0):
        self.true_s += passed_s
        self.wrong_s += step_s
        self.watched = look(self.watched, self.reading())
        return self.standing

    def hears(self, off_s=0.0, took_s=0.0):
        """The other end's clock, so much ahead of the true time, cut off to the second."""
        said = later(self.true_s + off_s).replace(microsecond=0)
        self.watched = hear(self.watched, said, took_s)

    @property
    def standing(self):
        return standing(self.watched)

    @property
    def error_s(self):
        """How far the time is from the true one."""
        return (self.watched.time - later(self.true_s)).total_seconds()


# -- any sequence ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(PASSED, LESS), max_size=8))
def test_drift_never_alarms_and_is_followed(moves):
    machine = Machine()
    for passed_s, drift_s in moves:
        assert machine.move(passed_s, drift_s) == Standing("steady")
        assert machine.watched.time == machine.reading().wall


@given(st.lists(st.tuples(PASSED, LESS), max_size=5), PASSED, MORE)
def test_any_step_is_found_at_the_next_look_and_moves_no_time(before, passed_s, step_s):
    machine = Machine()
    for move in before:
        machine.move(*move)
    drifted_s = machine.error_s
    found = machine.move(passed_s, step_s)
    assert (found.kind, found.refuses) == ("stepped", abs(found.by_s) > REFUSE_S)
    assert found.by_s == pytest.approx(step_s, abs=1e-3)
    assert machine.error_s == pytest.approx(drifted_s, abs=1e-3)


@given(st.lists(st.tuples(st.floats(0.0, 50.0), LESS | MORE), max_size=8), st.floats(6.0, 1e7))
def test_while_nothing_bears_it_out_the_time_runs_on_by_the_steady_seconds(moves, first_s):
    """Whatever the clock does after a step, but for coming back by itself."""
    machine = Machine()
    machine.move(1.0, first_s)
    for passed_s, step_s in moves:
        if abs(machine.wrong_s + step_s) <= REFUSE_S + 1:
            continue
        machine.move(passed_s, step_s)
        assert machine.error_s == pytest.approx(0.0, abs=1e-3)
        assert machine.standing.refuses


@given(MORE, st.lists(PASSED, min_size=1, max_size=5))
def test_a_step_that_is_undone_is_over_at_once(step_s, waits):
    machine = Machine()
    machine.move(1.0, step_s)
    for passed_s in waits:
        machine.move(min(passed_s, 1.0))
    machine.wrong_s = 0.0
    assert machine.move(1.0) == Standing("steady")
    assert machine.error_s == pytest.approx(0.0, abs=1e-3)


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=8), st.floats(0.0, 5.0), LESS)
def test_whatever_the_way_takes_the_other_ends_clock_never_alarms_of_a_right_one(
    waits, took_s, early_s
):
    machine = Machine()
    for passed_s in waits:
        machine.move(passed_s)
        machine.hears(off_s=-(took_s * abs(early_s) / WARN_S), took_s=took_s)
        assert machine.standing == Standing("steady")


@given(MORE, st.floats(0.0, 2.0), PASSED)
def test_a_clock_that_is_off_is_told_of_as_soon_as_that_is_sure(off_s, took_s, passed_s):
    """The Date is cut off to the second, and may be as old as the way took."""
    machine = Machine()
    machine.move(1.0)
    machine.hears(off_s, took_s)
    found = machine.move(passed_s)
    unsure_s = 1.0 + took_s
    assert found.kind == "steady" or found.by_s * off_s < 0
    if abs(off_s) > WARN_S + unsure_s:
        assert found.kind == "off"
        assert abs(off_s) - unsure_s - 1e-3 <= abs(found.by_s) <= abs(off_s) + 1e-3
    if abs(off_s) > REFUSE_S + unsure_s:
        assert found.refuses
    assert machine.error_s == pytest.approx(0.0, abs=1e-3), "it is told of, and not followed"


@pytest.mark.parametrize("year", [1, 9999])
def test_any_date_may_be_said(year):
    machine = Machine()
    machine.watched = hear(machine.watched, datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC), 0.1)
    assert machine.move(1.0).refuses


# -- when it is believed again ---------------------------------------------------------------------


def stepped(step_s):
    machine = Machine()
    machine.move(1.0, step_s)
    return machine


def test_a_small_step_is_believed_after_a_minute_and_signs_all_the_while():
    machine = stepped(3.0)
    assert machine.move(STEADY_S - 1) == Standing("stepped", pytest.approx(3.0), refuses=False)
    assert machine.move(1.0) == Standing("steady")
    assert machine.error_s == pytest.approx(3.0)


@pytest.mark.parametrize("step_s", [HOUR, -HOUR, REFUSE_S + 0.1])
def test_a_large_one_is_not_for_as_long_as_it_may_take(step_s):
    machine = stepped(step_s)
    for _ in range(50):
        assert machine.move(STEADY_S).refuses
    assert machine.error_s == pytest.approx(0.0)


def test_where_the_other_end_bears_the_wall_clock_out_it_is():
    """The machine stood still for ten minutes, and its clock was put right."""
    machine = stepped(600.0)
    machine.hears(600.0, 0.2)
    assert machine.move(STEADY_S / 2).refuses
    machine.hears(600.0, 0.2)
    assert machine.move(STEADY_S / 2) == Standing("steady")
    assert machine.error_s == pytest.approx(600.0)


def test_what_it_said_before_the_step_is_no_witness():
    machine = Machine()
    machine.hears(600.0)
    machine.move(1.0, 600.0)
    assert machine.move(10 * STEADY_S).refuses


@pytest.mark.parametrize("step_s", [4.0, -4.0, HOUR])
def test_where_the_other_end_bears_the_time_out_the_wall_clock_is_not(step_s):
    machine = stepped(step_s)
    for _ in range(5):
        machine.hears()
        machine.move(STEADY_S)
    assert machine.standing.kind == "stepped"
    assert machine.error_s == pytest.approx(0.0)


def test_a_clock_that_keeps_stepping_is_not_believed():
    machine = stepped(3.0)
    for step_s in itertools.islice(itertools.cycle((-1.0, 1.0)), 20):
        assert machine.move(STEADY_S - 1, step_s).kind == "stepped"


@pytest.mark.parametrize("step_s", [HOUR, -HOUR])
def test_a_person_may_say_that_it_is_right_until_the_next_step(step_s):
    machine = stepped(step_s)
    machine.watched = vouch(machine.watched)
    assert machine.standing == Standing("steady")
    assert machine.error_s == pytest.approx(step_s)
    assert machine.move(10.0, 60.0).refuses


def test_what_the_other_end_says_is_told_of_but_does_not_outvote_a_person():
    machine = Machine()
    machine.hears(HOUR)
    assert machine.standing.refuses
    machine.watched = vouch(machine.watched)
    machine.move(60.0)
    assert (machine.standing.kind, machine.standing.refuses) == ("off", False)
    machine.move(1.0, 60.0)
    assert machine.standing.refuses


# -- a start ---------------------------------------------------------------------------------------


def test_a_clock_set_back_while_nobody_looked_is_a_step_too():
    machine = Machine()
    machine.watched = not_before(machine.watched, later(HOUR))
    assert machine.standing == Standing("stepped", -HOUR, refuses=True)
    machine.move(60.0)
    assert machine.watched.time == later(HOUR + 60.0)
    assert machine.move(10.0, HOUR) == Standing("steady")


@pytest.mark.parametrize("proved_s", [-HOUR, 0.0, 0.4])
def test_what_was_proved_before_and_is_past_changes_nothing(proved_s):
    machine = Machine()
    machine.watched = not_before(machine.watched, later(proved_s))
    assert machine.standing == Standing("steady")
    assert machine.move(1.0) == Standing("steady")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (Standing("steady"), "the clock is steady"),
        (Standing("stepped", HOUR), "the clock jumped 3,600.0 s ahead"),
        (Standing("stepped", -0.6), "the clock jumped 0.6 s back"),
        (Standing("off", 7.0), "the clock is 7.0 s ahead of the other end's"),
        (Standing("off", -7.0), "the clock is 7.0 s behind the other end's"),
    ],
)
def test_it_is_said_in_words(said, text):
    assert said.text == text
