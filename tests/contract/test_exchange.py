"""Desk and agent over a bad channel: a sample; `make soak` runs 100,000 steps."""

from collections import Counter
from pathlib import Path

import pytest

from tests.soak import exchange
from tests.soak.progress import Progress
from ukprofile.flex import course
from ukprofile.flex.states import Event, Outcome, State


@pytest.mark.soak
def test_desk_and_agent_and_the_plain_reference_never_disagree(monkeypatch) -> None:
    seen: Counter[State] = Counter()
    looked = exchange.Exchange._ticking

    def counting(self, end, side):
        state = looked(self, end, side)
        seen[State(state)] += 1
        return state

    monkeypatch.setattr(exchange.Exchange, "_ticking", counting)
    assert sum(exchange.run(number, examples=5) for number in range(5)) >= 1000
    assert len(seen) >= 13, f"the sample says little: {seen}"


def test_a_campaign_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    said: list[str] = []
    exchange.campaign(tmp_path / "states", said.append, steps=1, examples=1)
    exchange.campaign(tmp_path / "states", said.append, steps=60, examples=1)
    assert [line.split(":")[0] for line in said] == ["seed 20261125", "seed 20261126"]
    assert len(Progress(tmp_path / "states", said[0]).finished) == 0


@pytest.mark.soak
@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        (Event.CEASE, Outcome(State.RUNNING, "acts")),
        (Event.ACCEPT, Outcome(State.CONFIRMED, "acts")),
        (Event.START, Outcome(State.SUSPENDED, "acts")),
        (Event.RULE_REFUSAL, Outcome(State.LAPSED, "acts")),
    ],
)
def test_a_wrong_row_is_noticed(monkeypatch, event: Event, wrong: Outcome) -> None:
    right = course.step

    def planted(state, happened, guards=()):
        outcome = right(state, happened, guards)
        return wrong if happened is event and outcome.state is not state else outcome

    monkeypatch.setattr(course, "step", planted)
    with pytest.raises(AssertionError):  # noqa: PT012
        for number in range(12, 32):  # these begin with some that see it soon
            exchange.run(number, examples=5, shrink=False)
