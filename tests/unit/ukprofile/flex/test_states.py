"""The state table: every row, every pair that no row names, guards on both sides."""

import pytest

from ukprofile.codes import CODES
from ukprofile.flex.states import (
    CLOCK,
    OTHERWISE,
    TABLE,
    TERMINAL,
    WORDS,
    Event,
    Guard,
    Outcome,
    State,
    step,
)

ASKED = "proposed agreed countered"
EARLY = f"{ASKED} confirmed"
RUN = "running suspended"
NEVER = "lapsed expired refused cancelled"
RAN = "completed ceased failed"
AFTER = "reported settled disputed"
ENDED = f"{NEVER} {RAN} {AFTER}"
EVERY = f"none {EARLY} {RUN} {ENDED}"
STATUS = "executing suspends resumes fails ceases completes"
INVALID, GONE, AGAIN = "refused STATE_INVALID", "refused TERMINAL", "noop ALREADY_STOPPED"

# What becomes of each pair where no guard holds: "stays", a state, or effect and code.
# fmt: off
PLAIN = {
    "schedule": {"none": "proposed", ASKED: GONE, f"confirmed {RUN}": INVALID, ENDED: GONE},
    "instruction": {"none": "refused NOTICE_SHORT", ASKED: GONE, f"confirmed {RUN}": INVALID, ENDED: GONE},
    "decrease": {f"none {ASKED}": "confirmed", f"confirmed {RUN}": "stays", ENDED: GONE},
    "increase": {f"none {ASKED}": "confirmed", f"confirmed {RUN}": "stays", ENDED: GONE},
    "cease": {f"none confirmed {RUN}": "ceased", ASKED: "cancelled", ENDED: AGAIN},
    "cancellation": {f"none confirmed {RUN}": "ceased", ASKED: "cancelled", ENDED: AGAIN},
    "accept": {"proposed countered": "refused LATE", "agreed confirmed": "stays", "lapsed expired": "refused LATE"},
    "partial": {"proposed countered confirmed": "refused LATE", "lapsed expired": "refused LATE"},
    "refuse": {},
    "late": {f"none {EARLY} {RUN}": "lapsed", ENDED: "ignored"},
    "rule_refusal": {f"none {EARLY} {RUN}": "refused", ENDED: "ignored"},
    "executing": {"confirmed running": "stays", "suspended": "running"},
    "suspends": {"running": "suspended", "suspended": "stays"},
    "resumes": {"running": "stays", "suspended": "running"},
    "fails": {f"confirmed {RUN}": "stays"},
    "ceases": {RUN: "ceased"},
    "completes": {RUN: "stays"},
    "post_action": {RAN: "reported", "reported": "stays"},
    "settle": {"reported": "settled"},
    "dispute": {"reported": "refused LATE"},
    "respond_by": {"proposed confirmed": "expired"},
    "confirm_by": {ASKED: "lapsed"},
    "start": {ASKED: "lapsed", "confirmed": "running"},
    "started_by": {RUN: "stays"},
    "end": {"running": "completed", "suspended": "failed"},
    "report_by": {RAN: "stays"},
    "dispute_by": {},
}
# Rows that a guard opens, each beside the same pair without it above.
GUARDED = [
    ("none", "instruction", "start >= issued_at + notice", "confirmed"),
    ("proposed", "schedule", "issued by confirm_by", "stays"),
    ("agreed countered", "schedule", "issued by confirm_by", "proposed"),
    ("proposed agreed", "instruction", "issued by confirm_by", "confirmed"),
    ("countered", "instruction", "issued by confirm_by", "refused NOT_AS_ACCEPTED"),
    ("countered", "instruction", "exactly the accepted periods", GONE),
    ("countered", "instruction", "issued by confirm_by; exactly the accepted periods", "confirmed"),
    ("confirmed", "instruction", "issued before the start", "stays"),
    ("proposed", "accept", "issued by respond_by", "agreed"),
    ("proposed confirmed", "partial", "issued by respond_by", "countered"),
    ("countered", "partial", "issued by respond_by", "stays"),
    (f"confirmed {RUN}", "partial", "issued by respond_by; answers an increase that waits", INVALID),
    ("proposed", "respond_by", "silence = accept", "agreed"),
    ("confirmed", "respond_by", "silence = accept", "stays"),
    (EARLY, "refuse", "issued before the start", "refused"),
    (f"confirmed {RUN}", "refuse", "issued before the start; answers an increase that waits", "stays"),
    (RUN, "refuse", "issued before the start", INVALID),
    (RUN, "accept", "answers an increase that waits", "stays"),
    (f"none {EARLY} {RUN}", "rule_refusal", "the VEN holds an earlier revision", "stays"),
    (f"none {EARLY}", "cancellation", "issued before the start", "cancelled"),
    ("confirmed", "cancellation", "issued before the start; acknowledged after the start", "stays"),
    (RUN, "cancellation", "issued before the start; acknowledged after the start", "ceased"),
    (RUN, "started_by", "the VEN said executing", "stays"),
    ("running", "end", "the VEN's last word is failed", "failed"),
    ("reported", "dispute", "issued by dispute_by", "disputed"),
]
# fmt: on


def expected(state: str, event: str) -> str:
    for states, outcome in PLAIN[event].items():
        if state in states.split():
            return outcome
    return "ignored" if Event(event) in (*CLOCK, *WORDS) else INVALID


def shown(state: State, outcome: Outcome) -> str:
    """As the tables above write it."""
    if outcome.effect == "acts":
        return "stays" if outcome.state is state else str(outcome.state)
    assert outcome.state is state
    return f"{outcome.effect} {outcome.reason}".strip()


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_has_an_outcome_where_no_guard_holds(state: State, event: Event) -> None:
    assert shown(state, step(state, event)) == expected(state, event)


@pytest.mark.parametrize(
    ("state", "event", "guards", "outcome"),
    [(state, *rest) for states, *rest in GUARDED for state in states.split()],
)
def test_a_guard_opens_its_row(state: str, event: str, guards: str, outcome: str) -> None:
    holding = [Guard(guard) for guard in guards.split("; ")]
    assert shown(State(state), step(State(state), Event(event), holding)) == outcome


def test_no_guard_changes_a_pair_that_is_not_in_the_table() -> None:
    named = {(state, event) for row in TABLE for state in row.origins for event in row.events}
    for state in State:
        for event in Event:
            if (state, event) not in named:
                assert step(state, event, Guard) == step(state, event)


def test_every_row_can_be_reached() -> None:
    """A row behind others that always fit would be a promise that nobody keeps."""
    for place, row in enumerate(TABLE):
        pairs = [(state, event) for state in row.origins for event in row.events]
        assert any(_first(place, *pair) for pair in pairs), row


def _first(place: int, state: State, event: Event) -> bool:
    before = [r for r in TABLE[:place] if state in r.origins and event in r.events]
    return not any(set(r.guards) <= set(TABLE[place].guards) for r in before)


def test_nothing_leaves_what_has_ended_but_its_report_and_its_settlement() -> None:
    for state in TERMINAL:
        for event in Event:
            for guards in ((), tuple(Guard)):
                outcome = step(state, event, guards)
                assert outcome.state in TERMINAL
                assert outcome.state is state or event in (
                    Event.POST_ACTION,
                    Event.SETTLE,
                    Event.DISPUTE,
                )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", [Event.CEASE, Event.CANCELLATION])
def test_a_stop_is_never_refused_and_leaves_nothing_that_runs(state: State, event: Event) -> None:
    for guards in ((), (Guard.BEFORE_START,), tuple(Guard)):
        outcome = step(state, event, guards)
        assert outcome.effect in ("acts", "noop")
        if Guard.READ_AFTER_START not in guards:
            assert outcome.state in TERMINAL


def test_every_refusal_has_a_code_of_the_profile() -> None:
    reasons = {row.refuses for row in TABLE} | {other.reason for other in OTHERWISE}
    assert reasons - {""} <= CODES.keys()
    assert {step(s, e).reason for s in State for e in Event} - {""} <= CODES.keys()


def test_what_is_flagged_for_a_person() -> None:
    flagged = {
        (State.RUNNING, Event.STARTED_BY): "not_started",
        (State.RUNNING, Event.FAILS): "said_failed",
        (State.CONFIRMED, Event.INCREASE): "increase_waits",
        (State.CEASED, Event.REPORT_BY): "not_reported",
        (State.CONFIRMED, Event.RESPOND_BY): "",
    }
    assert {pair: step(*pair).flag for pair in flagged} == flagged
    assert step(State.PROPOSED, Event.RESPOND_BY, [Guard.SILENCE_ACCEPTS]).flag == "deemed_accepted"
    assert step(State.RUNNING, Event.STARTED_BY, [Guard.SAID_STARTED]).flag == ""
