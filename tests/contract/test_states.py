"""The state table where messages are received: every row, and every pair that no row names.

Each case is a real life: signed messages bring one end into the state, one more is the event, and
what is decided of it is what `step` says. The cases are made from the table itself, so a new row is
a new case; where no message can bring an end there, `cannot_be` says why.
"""

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

import pytest

from tests.made import period
from tests.story import Story
from ukprofile.flex.states import (
    ASKED,
    IN_RUN,
    ORDERS,
    STOPS,
    TABLE,
    WORDS,
    Event,
    Guard,
    State,
    step,
)

E, G, S = Event, Guard, State
RESPONSES = (E.ACCEPT, E.PARTIAL, E.REFUSE)
OF_DSO = (*ORDERS, *STOPS)
OF_VEN = (*RESPONSES, *WORDS, E.POST_ACTION)
SAID = {
    E.EXECUTING: "executing",
    E.SUSPENDS: "suspended",
    E.RESUMES: "resumed",
    E.FAILS: "failed",
    E.CEASES: "ceased",
    E.COMPLETES: "completed",
}
RUN = period(0, 90, 180)
LESS = period(0, 90, 180, 500_000)
MORE = (RUN, period(1, 180, 220))
REACHED = tuple(s for s in State if s not in (S.SETTLED, S.DISPUTED))
"""Settlement is no message of this contract: nothing that is received leads there."""


# -- a life that leads into each state, and when the event comes ---------------------------------


def live(end: Any, state: State, missing: frozenset[Guard], waits: bool) -> tuple[Story, float]:
    """One end in `state`, and the minute at which the event comes so that `missing` do not hold."""
    story = Story(end)
    if state is S.NONE:
        return story, 89 if G.NOTICE in missing else 15
    if state in (*ASKED, S.LAPSED, S.EXPIRED, S.REFUSED, S.CANCELLED):
        _propose(story, state, respond_by=88 if G.BY_CONFIRM_BY in missing else 20)
    else:
        asks = {"respond_by": 20} if G.BY_RESPOND_BY in missing and state is S.CONFIRMED else {}
        story.dso("instruction", 0, RUN, **asks)
        if waits:
            story.dso("variation", 2, *MORE)
        _run(story, state)
    if state in (*ASKED, S.CONFIRMED):
        return story, 85 if G.BY_CONFIRM_BY in missing else 25 if G.BY_RESPOND_BY in missing else 15
    return story, WHEN.get(state, 190)


WHEN = {
    S.RUNNING: 110,
    S.SUSPENDED: 110,
    S.CEASED: 110,
    S.LAPSED: 91,
    S.EXPIRED: 25,
    S.REFUSED: 15,
    S.CANCELLED: 15,
}


def _propose(story: Story, state: State, respond_by: int) -> None:
    story.dso("schedule", 0, RUN, respond_by=respond_by, confirm_by=80)
    if state in (S.AGREED, S.LAPSED):
        story.ven("response", 5, answer="accept")
    elif state is S.COUNTERED:
        story.ven("response", 5, LESS, answer="partial")
    elif state is S.REFUSED:
        story.ven("response", 5, answer="refuse")
    elif state is S.CANCELLED:
        story.dso("cancellation", 5)


def _run(story: Story, state: State) -> None:
    if state is S.SUSPENDED:
        story.ven("status", 95, state="suspended")
    elif state is S.FAILED:
        story.ven("status", 95, state="failed")
    elif state is S.CEASED:
        story.dso("cancellation", 100)
    elif state is S.REPORTED:
        story.ven("post_action", 185)


def tell(story: Story, event: Event, state: State, guards: frozenset[Guard], at: float) -> Any:
    """The event, as a message that is faultless but for what the table may say; its decision."""
    ahead = RUN if at < 85 else period(5, at + 10, at + 60)
    if event is E.SCHEDULE:
        return story.dso("schedule", at, ahead)
    if event is E.INSTRUCTION:
        if state is S.COUNTERED:
            return story.dso("instruction", at, LESS if G.AS_ACCEPTED in guards else RUN)
        return story.dso("instruction", at, RUN if state is S.NONE else ahead)
    if event is E.DECREASE:
        return story.dso("variation", at, period(0 if state in IN_RUN else 1, 90, 150))
    if event is E.INCREASE:
        return story.dso("variation", at, *MORE)
    if event is E.CEASE:
        return story.dso("cease", at, cease_at=at + 5)
    if event is E.CANCELLATION:
        return story.dso("cancellation", at)
    if event is E.POST_ACTION:
        return story.ven("post_action", at)
    if event in WORDS:
        return story.ven("status", at, state=SAID[event])
    less = (LESS,) if event is E.PARTIAL else ()
    return story.ven("response", at, *less, answer=str(event))


# -- which cases there are -----------------------------------------------------------------------


def asked_of(state: State, event: Event) -> tuple[Guard, ...]:
    """The guards that the table asks for where this event comes in this state."""
    rows = (r for r in TABLE if state in r.origins and event in r.events)
    return tuple(dict.fromkeys(guard for row in rows for guard in row.guards))


def cannot_be(end: str, state: State, event: Event, held: frozenset[Guard]) -> str:
    """Why no message can come so; "" = one can."""
    missing = set(asked_of(state, event)) - held
    if event in OF_VEN and state is S.NONE:
        return "there is nothing to answer"
    if G.BEFORE_START in missing:
        return "at its start it lapses, or runs"
    if G.READ_AFTER_START in held:
        return "what is received now has not been acknowledged yet"
    if G.BY_CONFIRM_BY in missing and end == "dso":
        return "it has lapsed by then"
    if G.BY_RESPOND_BY in missing and state is S.PROPOSED:
        return "it has expired by then"
    return ""


def cases() -> Iterator[tuple[str, State, Event, frozenset[Guard]]]:
    for end, events in (("ven", OF_DSO), ("dso", (*OF_DSO, *OF_VEN))):
        for state in REACHED:
            for event in events:
                guards = asked_of(state, event)
                sets = (combinations(guards, n) for n in range(len(guards) + 1))
                for held in map(frozenset, chain.from_iterable(sets)):
                    if not cannot_be(end, state, event, held):
                        yield end, state, event, held


ALL = tuple(cases())


def named(case: Any) -> str:
    return " ".join([*map(str, case[:3]), *sorted(guard.name for guard in case[3])])


@pytest.mark.parametrize("case", ALL, ids=named)
def test_what_is_decided_is_what_the_table_says(case: Any) -> None:
    end, state, event, guards = case
    missing = frozenset(asked_of(state, event)) - guards
    story, at = live(end, state, missing, waits=G.WAITING in guards)
    before = story.course(at)
    assert before.state is state, [f"{s.event} {s.outcome.state}" for s in before.steps]
    stopped = story.thread.first_stop is not None
    decision = tell(story, event, state, guards, at)
    outcome = step(state, event, guards)
    found = (decision.verdict, decision.reason)
    if outcome.effect == "refused":
        late = outcome.reason == "LATE"
        assert found == ("late" if late else "refused", outcome.reason), decision.detail
        alone = end == "ven" and state is S.NONE
        assert story.course(at).state is (S.REFUSED if alone else state)
    elif outcome.effect == "noop" and stopped:
        assert found == ("noop", "ALREADY_STOPPED")
    elif outcome.flag == "increase_waits" and end == "ven":
        assert found == ("hold", "INCREASE_NEEDS_ACCEPTANCE")
    else:
        assert found == ("act", ""), decision.detail
        assert story.course(at).state is outcome.state


@pytest.mark.parametrize("end", ["ven", "dso"])
def test_that_it_is_over_is_told_before_anything_else_is_wrong(end: Any) -> None:
    """In the order of codes.md: a person who mends the rest would only be told then."""
    story, at = live(end, S.COMPLETED, frozenset(), waits=False)
    for wrong in ({"assets": [{"asset_id": "X"}]}, {"zone": 1}, {"accept_by": at - 1}):
        assert story.dso("instruction", at, RUN, **wrong).reason == "TERMINAL"


def test_every_row_that_a_message_brings_about_has_its_case() -> None:
    met = {_row(state, event, guards) for _, state, event, guards in ALL}
    of_messages = {row for row in TABLE if set(row.events) & {*OF_DSO, *OF_VEN}}
    assert {row for row in of_messages - met if G.READ_AFTER_START not in row.guards} == set()


def _row(state: State, event: Event, guards: frozenset[Guard]) -> Any:
    fits = (r for r in TABLE if state in r.origins and event in r.events)
    return next((row for row in fits if guards.issuperset(row.guards)), None)
