"""Threads from a ledger: what responses did to their texts, as the course of the dispatch has it."""

import pytest

from tests.made import period
from tests.story import Story
from ukprofile.flex.course import in_force

RUN, LONGER, LONGEST = period(0, 90, 180), period(1, 180, 200), period(1, 180, 220)
HALF = period(0, 90, 180, 500_000)


@pytest.fixture(params=["ven", "dso"])
def story(request: pytest.FixtureRequest) -> Story:
    """An instruction, at either end."""
    made = Story(request.param)
    made.dso("instruction", 0, RUN)
    return made


def plan(story: Story, now: float) -> tuple[object, ...]:
    """What is in force, by the thread and by the state alike."""
    thread = story.thread
    found = in_force(story.course(now), thread)
    assert thread.plan == found
    return found


def test_of_what_was_accepted_in_part_nothing_is_in_force_until_just_that_is_confirmed(
    story: Story,
) -> None:
    assert plan(story, 5) == (RUN,)
    story.ven("response", 5, HALF, answer="partial")
    assert plan(story, 6) == ()
    assert story.dso("instruction", 10, RUN).reason == "NOT_AS_ACCEPTED"
    assert plan(story, 11) == ()
    story.dso("instruction", 12, HALF)
    assert plan(story, 13) == (HALF,)


def test_an_increase_is_in_force_once_it_is_accepted(story: Story) -> None:
    story.dso("variation", 5, RUN, LONGER)
    assert (plan(story, 6), story.thread.pending is not None) == ((RUN,), True)
    story.ven("response", 7, answer="accept")
    assert (plan(story, 8), story.thread.pending) == ((RUN, LONGER), None)


def test_what_was_accepted_after_it_was_replaced_is_not_in_force(story: Story) -> None:
    story.dso("variation", 5, RUN, LONGER)
    first = story.asked
    story.dso("variation", 6, RUN, LONGEST)
    story.asked = first
    story.ven("response", 7, answer="accept")
    assert plan(story, 8) == (RUN,)


def test_an_increase_that_was_refused_leaves_what_was_before_it_to_be_answered(
    story: Story,
) -> None:
    instructed = story.asked
    story.dso("variation", 5, RUN, LONGER)
    story.ven("response", 6, answer="refuse")
    assert (plan(story, 7), story.thread.pending) == ((RUN,), None)
    story.asked = instructed
    story.ven("response", 8, HALF, answer="partial")
    assert plan(story, 9) == ()


def test_a_dispatch_that_was_refused_has_nothing_in_force_and_can_still_be_ceased(
    story: Story,
) -> None:
    story.ven("response", 5, answer="refuse")
    assert in_force(story.course(6), story.thread) == ()
    assert story.thread.plan == (RUN,)
    assert story.dso("cease", 7, cease_at=8).verdict == "act"
