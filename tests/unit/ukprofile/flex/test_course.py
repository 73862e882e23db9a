"""The course of a dispatch: from texts and the clock to its state, on both sides of every bound."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import at, life, sealed_in
from tests.made import header, held, minute, period, terms
from tests.shared import needs_shared
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import Arrival, Course, arrival, dispatch_state
from ukprofile.flex.dispatch import Held, Thread
from ukprofile.flex.header import Reference
from ukprofile.flex.states import TERMINAL, Event, State
from ukprofile.flex.times import time_text
from ukprofile.receiving.opening import parse_text, sent_entry
from ukprofile.receiving.thread import held_of

SECOND = timedelta(seconds=1)
RUN = period(0, 60, 180)
_numbers = count(10**6)


def answer(kind: str, when: float, to: Held, *periods, at: float | None = None, **body) -> Held:
    """An answer of the VEN's, signed at that minute."""
    if at is not None:
        body["at"] = time_text(_at(at))
    made = held(kind, 0, *periods, **body)
    number = next(_numbers)
    changed = replace(
        header(kind),
        issuer="FSP7",
        recipient="UKPN",
        issued_at=_at(when),
        revision=number,
        in_reply_to=Reference(to.header.revision, to.sha256, "D1"),
    )
    return replace(made, sha256=f"{number:064x}", header=changed)


def _at(when: float) -> datetime:
    return minute(0) + timedelta(minutes=when)


def times(**minutes: float) -> dict[str, str]:
    return {name: time_text(_at(when)) for name, when in minutes.items()}


SCHEDULE = held("schedule", 0, RUN, **times(respond_by=20, confirm_by=50))
INSTRUCTION = held("instruction", 0, RUN)
CONFIRMING = held("instruction", 30, RUN)
accepts = partial(answer, "response", answer="accept")
offers = partial(answer, "response", answer="partial")
refuses = partial(answer, "response", answer="refuse")
acknowledges = partial(answer, "acknowledgement", decided="received")
status = partial(answer, "status")


def course(
    now: float, *texts: Held, side="dso", silence: str | None = None, **changes: object
) -> Course:
    """Where it stands at that minute, texts and answers told apart by their kind."""
    orders = [t for t in texts if t.header.in_reply_to is None]
    answers = [t for t in texts if t.header.in_reply_to is not None]
    agreed = terms(silence=silence, **changes)
    return dispatch_state(Thread(tuple(orders)), answers, _at(now), agreed, side)


def test_nothing_is_known_of_an_empty_thread() -> None:
    found = course(0)
    assert (found.state, found.timer, found.flags, found.steps) == ("none", None, (), ())


@pytest.mark.parametrize(
    ("now", "texts", "state"),
    [
        # proposed, and how it ends
        (20, [SCHEDULE], "proposed"),
        (20.02, [SCHEDULE], "expired"),
        (21, [SCHEDULE, accepts(20, SCHEDULE)], "agreed"),
        (21, [SCHEDULE, accepts(20.02, SCHEDULE)], "expired"),
        (21, [SCHEDULE, offers(20, SCHEDULE, RUN)], "countered"),
        (50, [SCHEDULE, accepts(5, SCHEDULE)], "agreed"),
        (50.02, [SCHEDULE, accepts(5, SCHEDULE)], "lapsed"),
        (21, [SCHEDULE, refuses(5, SCHEDULE)], "refused"),
        (21, [SCHEDULE, accepts(5, SCHEDULE), refuses(6, SCHEDULE)], "refused"),
        # confirmed
        (59, [INSTRUCTION], "confirmed"),
        (59, [SCHEDULE, held("instruction", 20, RUN)], "confirmed"),
        (59, [SCHEDULE, accepts(5, SCHEDULE), held("instruction", 50, RUN)], "confirmed"),
        (59, [SCHEDULE, accepts(5, SCHEDULE), held("instruction", 51, RUN)], "lapsed"),
        (59, [SCHEDULE, offers(5, SCHEDULE, RUN), CONFIRMING], "confirmed"),
        (49, [SCHEDULE, offers(5, SCHEDULE, period(0, 60, 170)), CONFIRMING], "countered"),
        (59, [INSTRUCTION, held("instruction", 59, period(0, 90, 180))], "confirmed"),
        (61, [INSTRUCTION, held("instruction", 59, period(0, 90, 180))], "confirmed"),
        (61, [INSTRUCTION, held("instruction", 60, period(0, 90, 180))], "running"),
        (5, [held("instruction", 0, period(0, 2, 60))], "running"),
        (5, [held("instruction", 0, period(0, 1, 60))], "none"),
        (5, [INSTRUCTION, held("schedule", 3, RUN)], "confirmed"),
        (5, [held("variation", 3, RUN)], "confirmed"),
        # the run
        (59.9, [INSTRUCTION], "confirmed"),
        (60, [INSTRUCTION], "running"),
        (179.9, [INSTRUCTION], "running"),
        (180, [INSTRUCTION], "completed"),
        (180, [INSTRUCTION, status(90, INSTRUCTION, at=90, state="failed")], "failed"),
        (100, [INSTRUCTION, status(90, INSTRUCTION, at=90, state="failed")], "running"),
        (100, [INSTRUCTION, status(90, INSTRUCTION, at=90, state="suspended")], "suspended"),
        (180, [INSTRUCTION, status(90, INSTRUCTION, at=90, state="suspended")], "failed"),
        (100, [INSTRUCTION, status(90, INSTRUCTION, at=90, state="ceased")], "ceased"),
        # stops
        (59, [INSTRUCTION, held("cancellation", 59)], "cancelled"),
        (61, [INSTRUCTION, held("cancellation", 59)], "cancelled"),
        (61, [INSTRUCTION, held("cancellation", 60)], "ceased"),
        (59, [INSTRUCTION, held("cease", 59, **times(cease_at=100))], "ceased"),
        (59, [SCHEDULE, held("cease", 5, **times(cease_at=100))], "cancelled"),
        (5, [held("cease", 3, **times(cease_at=100))], "ceased"),
        (5, [held("cancellation", 3)], "cancelled"),
        (181, [INSTRUCTION, held("cease", 181, **times(cease_at=182))], "completed"),
        (100, [INSTRUCTION, held("cease", 70, **times(cease_at=80)), held("variation", 75, RUN)], "ceased"),
    ],
)  # fmt: skip
def test_where_it_stands_for_the_dso(now: float, texts: Sequence[Held], state: str) -> None:
    assert course(now, *texts).state == state


def test_what_was_never_confirmed_lapses_for_the_ven_at_the_start_only() -> None:
    texts = [SCHEDULE, accepts(5, SCHEDULE)]
    states = [course(now, *texts, side="ven").state for now in (50.1, 59.9, 60)]
    assert states == ["agreed", "agreed", "lapsed"]
    in_time = held("instruction", 50, RUN)
    assert course(55, *texts, in_time, side="ven").state == "confirmed"


def test_silence_is_an_answer_where_the_contract_says_so() -> None:
    found = course(21, SCHEDULE, silence="accept")
    assert (found.state, found.flags) == ("agreed", ("deemed_accepted",))
    asked = held("instruction", 0, RUN, **times(respond_by=20))
    assert course(21, asked, silence="refuse").state == "expired"
    assert course(21, asked, silence="accept").state == "confirmed"
    assert course(21, asked, accepts(20, asked)).state == "confirmed"
    assert course(70, asked, status(20, asked, at=20, state="executing")).state == "running"


def test_an_instruction_expires_only_where_the_ven_may_take_it_up_no_more() -> None:
    asked = held("instruction", 0, RUN, **times(respond_by=20))
    until = replace(asked, header=replace(asked.header, accept_by=minute(40)))
    assert [course(now, until).state for now in (40, 40.1)] == ["confirmed", "expired"]
    assert course(41, until, acknowledges(40, until)).state == "confirmed"
    late = acknowledges(41, until, decided="late")
    assert course(41, until, late).state == "lapsed"
    less = held("variation", 30, period(0, 60, 120))
    assert course(41, until, less, acknowledges(31, less)).state == "confirmed"
    stop = held("cease", 200, **times(cease_at=200))
    assert course(201, until, stop, acknowledges(200, stop)).state == "expired"
    schedule = acknowledges(1, SCHEDULE)
    assert course(21, SCHEDULE, schedule).state == "expired", "a schedule asks for a response"


def test_an_instruction_that_asks_for_no_response_waits_for_none() -> None:
    assert course(45, INSTRUCTION).timer.event is Event.START
    agreed = held("instruction", 30, RUN, **times(respond_by=40))
    assert course(45, SCHEDULE, accepts(5, SCHEDULE), agreed).state == "confirmed"


def test_a_run_that_nobody_reports_is_flagged_and_a_late_word_takes_the_flag_down() -> None:
    assert course(66, INSTRUCTION).flags == ()
    assert course(66.1, INSTRUCTION).flags == ("not_started",)
    in_time = status(66, INSTRUCTION, at=66, state="executing")
    assert course(67, INSTRUCTION, in_time).flags == ()
    late = status(80, INSTRUCTION, at=70, state="executing")
    found = course(81, INSTRUCTION, late)
    assert (found.state, found.flags) == ("running", ())
    assert [s.event for s in found.steps].index(Event.STARTED_BY) == 2


def test_what_failed_may_recover() -> None:
    failed = status(90, INSTRUCTION, at=90, state="failed")
    assert course(95, INSTRUCTION, failed).flags == ("not_started", "said_failed")
    again = status(100, INSTRUCTION, at=100, state="executing")
    found = course(180, INSTRUCTION, failed, again)
    assert (found.state, found.flags) == ("completed", ())


def test_a_word_about_the_end_counts_though_it_is_signed_after_it() -> None:
    failed = status(185, INSTRUCTION, at=180, state="failed")
    assert course(190, INSTRUCTION, failed).state == "failed"
    after = status(185, INSTRUCTION, at=185, state="failed")
    assert course(190, INSTRUCTION, after).state == "completed"


def test_a_decrease_moves_the_end_and_an_increase_only_once_it_is_accepted() -> None:
    less = held("variation", 90, period(0, 60, 120))
    assert course(100, INSTRUCTION, less).timer == course(100, INSTRUCTION, less).timer
    assert course(120, INSTRUCTION, less).state == "completed"
    more = held("variation", 90, period(0, 60, 200))
    waiting = course(100, INSTRUCTION, more)
    assert (waiting.state, "increase_waits" in waiting.flags) == ("running", True)
    assert course(180, INSTRUCTION, more).state == "completed"
    taken = course(180, INSTRUCTION, more, accepts(95, more))
    assert (taken.state, taken.timer.at) == ("running", minute(200))
    assert "increase_waits" not in taken.flags
    declined = course(100, INSTRUCTION, more, refuses(95, more))
    assert (declined.state, declined.known.pending) == ("running", None)


def test_a_response_counts_for_the_revision_it_names() -> None:
    again = held("schedule", 4, RUN, **times(respond_by=30, confirm_by=50))
    assert course(25, SCHEDULE, again, accepts(5, SCHEDULE)).state == "proposed"
    assert course(25, SCHEDULE, again, accepts(5, again)).state == "agreed"
    assert course(25, SCHEDULE, again, refuses(5, SCHEDULE)).state == "proposed"


def test_an_increase_that_was_refused_leaves_the_head_to_be_answered() -> None:
    more = held("variation", 5, period(0, 60, 200))
    texts = (INSTRUCTION, more, refuses(10, more))
    assert course(20, *texts).state == "confirmed"
    assert course(20, *texts, refuses(11, INSTRUCTION)).state == "refused"
    assert course(20, INSTRUCTION, more, refuses(11, INSTRUCTION)).state == "confirmed"
    older = replace(held("instruction", 15, period(0, 90, 200)), header=header("instruction", 4))
    older = replace(older, header=replace(older.header, issued_at=minute(15)))
    assert course(65, *texts, older).state == "running", "older than what was refused"


def test_an_older_revision_than_the_head_changes_nothing() -> None:
    newer = held("instruction", 1, period(0, 70, 180))
    older = replace(
        held("instruction", 2, RUN), header=header("instruction", 0, issued_at=minute(2))
    )
    assert course(65, newer, older).state == "confirmed"


# -- acknowledgements ------------------------------------------------------------------------------


def test_a_rule_refusal_refuses_what_is_held_alone_and_keeps_an_older_head() -> None:
    refusal = acknowledges(1, INSTRUCTION, decided="refused", reason="ASSET_UNKNOWN")
    assert course(5, INSTRUCTION, refusal).state == "refused"
    later = acknowledges(31, CONFIRMING, decided="refused", reason="OVER_CAPACITY")
    assert course(35, INSTRUCTION, CONFIRMING, later).state == "refused"
    kept = acknowledges(1, INSTRUCTION)
    assert course(35, INSTRUCTION, CONFIRMING, kept, later).state == "confirmed"


def test_a_late_first_acceptance_lapses_for_good() -> None:
    late = acknowledges(40, INSTRUCTION, decided="late")
    assert course(41, INSTRUCTION, late).state == "lapsed"
    assert course(41, INSTRUCTION, late, CONFIRMING).state == "lapsed"
    both = (SCHEDULE, accepts(5, SCHEDULE), CONFIRMING)
    assert course(41, *both, acknowledges(40, CONFIRMING, decided="late")).state == "lapsed"


def test_what_the_ven_holds_and_did_not_take_up_is_known_before_its_answer_is() -> None:
    refused = replace(INSTRUCTION, counts=False)
    assert course(5, refused, side="ven").state == "refused"
    assert course(5, replace(refused, void=True), side="ven").state == "lapsed"
    assert course(5, refused).state == "none", "it never left the desk"


def test_a_cancellation_that_is_read_after_the_start_ceases_where_it_is_read() -> None:
    stop = held("cancellation", 50)
    assert course(100, INSTRUCTION, stop, acknowledges(59, stop)).state == "cancelled"
    read_late = acknowledges(60, stop)
    states = [course(now, INSTRUCTION, stop, read_late).state for now in (55, 59.9, 60)]
    assert states == ["ceased"] * 3, "what is signed at 60 is held, so 60 has come"
    found = course(100, INSTRUCTION, stop, read_late)
    assert [s.event for s in found.steps if s.held is stop] == [Event.CANCELLATION] * 2
    assert found.known.ended == minute(60)
    after_the_end = acknowledges(200, stop)
    assert course(200, INSTRUCTION, stop, after_the_end).state == "completed"


def test_a_stop_read_by_a_slow_clock_counts_where_it_was_read() -> None:
    stop = held("cease", 200, **times(cease_at=200))
    assert course(140, INSTRUCTION, stop, acknowledges(140, stop)).state == "ceased"


@pytest.mark.parametrize("side", ["dso", "ven"])
def test_an_extension_read_by_a_slow_clock_waits_for_its_acceptance_all_the_same(side) -> None:
    more = held("variation", 1, period(0, 60, 200))
    found = course(5, INSTRUCTION, more, acknowledges(-60, more), side=side)
    assert (found.known.head, found.known.pending) == (INSTRUCTION, more)


def test_no_acknowledgement_undoes_a_stop() -> None:
    stop = held("cease", 70, **times(cease_at=80))
    refusal = acknowledges(71, stop, decided="refused", reason="EQUIVOCATION")
    assert course(75, INSTRUCTION, stop, refusal).state == "ceased"


def test_what_the_ven_took_up_waits_for_nobody_to_hear_of_it() -> None:
    """Its acknowledgement may be lost, or refused: it still holds what it decided."""
    asked = held("instruction", 0, RUN, **times(respond_by=20))
    assert [course(25, asked, side=side).state for side in ("dso", "ven")] == [
        "expired",
        "confirmed",
    ]
    refused = replace(CONFIRMING, counts=False)
    assert course(35, INSTRUCTION, refused, side="ven").state == "confirmed"


# -- what is not held yet ----------------------------------------------------------------------------


def arriving(now: float, text: Held, *texts: Held, side="dso") -> Arrival | None:
    """How `text` finds what the others make at that minute."""
    orders = [t for t in texts if t.header.in_reply_to is None]
    answers = [t for t in texts if t.header.in_reply_to is not None]
    return arrival(text, Thread(tuple(orders)), answers, _at(now), terms(), side)


def test_a_text_is_judged_where_it_stands_and_not_when_it_is_read() -> None:
    agreed = (SCHEDULE, accepts(5, SCHEDULE))
    in_time, too_late = held("instruction", 50, RUN), held("instruction", 51, RUN)
    found = [arriving(70, text, *agreed, side="ven") for text in (in_time, too_late)]
    assert [(f.before.state, f.outcome.state, f.outcome.reason) for f in found] == [
        ("agreed", "confirmed", ""),
        ("agreed", "agreed", "TERMINAL"),
    ]
    assert arriving(70, too_late, *agreed).before.state == "lapsed"


def test_a_clock_that_runs_slow_reads_a_text_when_it_reads_it() -> None:
    stop = held("cease", 200, **times(cease_at=200))
    found = arriving(100, stop, INSTRUCTION, side="ven")
    assert (found.text.at, found.before.state, found.outcome.state) == (
        minute(100),
        "running",
        "ceased",
    )
    ahead = held("instruction", 300, period(0, 400, 460))
    assert arriving(100, ahead, INSTRUCTION).before.state == "running"


def test_an_answer_to_what_is_not_held_finds_nothing() -> None:
    assert arriving(5, accepts(5, CONFIRMING), SCHEDULE) is None
    assert arriving(5, acknowledges(5, SCHEDULE), SCHEDULE) is None
    superseded = arriving(5, accepts(5, SCHEDULE), SCHEDULE, held("schedule", 4, RUN))
    assert superseded.outcome is None


# -- afterwards ------------------------------------------------------------------------------------


def test_a_report_is_due_a_day_after_the_end_of_the_run() -> None:
    assert course(180 + 1440, INSTRUCTION).flags == ("not_started",)
    assert "not_reported" in course(180 + 1440.1, INSTRUCTION).flags
    report = answer("post_action", 180 + 1441, INSTRUCTION)
    found = course(180 + 1442, INSTRUCTION, report)
    assert (found.state, found.timer.event) == ("reported", Event.DISPUTE_BY)
    assert "not_reported" not in found.flags
    early = answer("post_action", 100, INSTRUCTION)
    assert course(181, INSTRUCTION, early).state == "completed"


def test_of_two_stops_the_earlier_end_is_the_end_of_the_run() -> None:
    said = ((70, 120), (80, 100), (85, 110))
    stops = [held("cease", issued, **times(cease_at=ends)) for issued, ends in said]
    ends = [course(130, INSTRUCTION, *stops[:n]).known.ended for n in (1, 2, 3)]
    assert ends == [minute(120), minute(100), minute(100)]
    assert course(130, INSTRUCTION, held("cease", 70, **times(cease_at=900))).known.ended == minute(
        180
    )


def test_answers_that_do_not_count_or_answer_nothing_that_is_held_change_nothing() -> None:
    accepted = accepts(5, SCHEDULE)
    assert course(10, SCHEDULE, replace(accepted, counts=False)).state == "proposed"
    assert course(10, SCHEDULE, accepts(5, CONFIRMING)).state == "proposed"
    assert course(10, SCHEDULE, answer("baseline", 5, SCHEDULE)).steps[-1].event is Event.SCHEDULE


# -- what always holds -----------------------------------------------------------------------------

MORE = held("variation", 100, period(0, 60, 200))
STORY = (
    SCHEDULE,
    acknowledges(1, SCHEDULE),
    offers(10, SCHEDULE, RUN),
    CONFIRMING,
    acknowledges(31, CONFIRMING),
    status(60.1, CONFIRMING, at=60, state="executing"),
    MORE,
    accepts(103, MORE),
    held("cancellation", 150),
    held("cease", 151, **times(cease_at=160)),
    answer("post_action", 300, CONFIRMING),
)


NUMBERS = range(len(STORY))
SOME = st.sets(st.sampled_from(NUMBERS)).map(lambda numbers: [STORY[n] for n in sorted(numbers)])


@given(st.permutations(NUMBERS), st.lists(st.sampled_from(NUMBERS)), st.integers(0, 400))
def test_the_order_of_delivery_and_repetitions_do_not_matter(order, again, now) -> None:
    assert course(now, *(STORY[n] for n in (*order, *again))) == course(now, *STORY)


@given(SOME, st.sampled_from(NUMBERS), st.floats(0, 400), st.sampled_from(["dso", "ven"]))
def test_whoever_keeps_what_arrived_finds_that_very_step(texts, number, later, side) -> None:
    text = STORY[number]
    others = [t for t in texts if t is not text]
    now = later + (text.header.issued_at - minute(0)) / timedelta(minutes=1)
    found = arriving(now, text, *others, side=side)
    steps = course(now, text, *others, side=side).steps
    (mine, *_) = [*(s.outcome for s in steps if s.held is text), None]
    assert (found and found.outcome) == mine


def test_every_order_of_a_short_story() -> None:
    stop = held("cancellation", 40)
    texts = (SCHEDULE, accepts(5, SCHEDULE), CONFIRMING, stop, acknowledges(70, stop))
    assert {course(80, *order).state for order in permutations(texts)} == {State.CEASED}


@given(
    SOME,
    st.floats(0, 2000),
    st.floats(0, 2000),
    st.sampled_from(["dso", "ven"]),
    st.sampled_from(["accept", "refuse"]),
)
def test_a_later_clock_only_adds_to_the_course(texts, one, other, side, silence) -> None:
    early, late = (
        course(now, *texts, side=side, silence=silence).steps for now in sorted((one, other))
    )
    assert late[: len(early)] == early


@given(SOME, SOME, st.floats(0, 2000))
def test_nothing_signed_later_revives_what_has_ended(texts, more, now) -> None:
    before = course(now, *texts)
    later = [t for t in more if t.header.issued_at > _at(now) and t.header.in_reply_to is None]
    if before.state in TERMINAL and all(t.header.issued_at <= _at(now) for t in texts):
        assert course(now, *texts, *later).state in TERMINAL


@given(SOME, st.floats(160, 2000))
def test_a_stop_is_final(texts, now) -> None:
    if any(t.header.stop for t in texts):
        found = course(now, *texts)
        assert found.state in ("cancelled", "ceased", "reported", "lapsed", "expired")


@needs_shared
def test_the_golden_life() -> None:
    def text(number: str) -> Held:
        return held_of(sent_entry(sealed_in(life(number)), at("2026-02-20T10:00:00Z")))

    agreed = ContractTerms.read(parse_text(sealed_in(life("05")).text)["body"])
    thread = Thread(tuple(text(n) for n in ("09", "12", "15", "17")))
    answers = [text(n) for n in ("10", "11", "13", "14", "16", "18", "19", "20")]
    found = dispatch_state(thread, answers, at("2026-03-30T10:00:00Z"), agreed)
    assert [(s.event, s.outcome.state) for s in found.steps] == [
        ("schedule", "proposed"),
        ("partial", "countered"),
        ("instruction", "confirmed"),
        ("start", "running"),
        ("executing", "running"),
        ("started_by", "running"),
        ("decrease", "running"),
        ("cease", "ceased"),
        ("ceases", "ceased"),
        ("post_action", "reported"),
    ]
    assert found.timer.at == at("2026-04-13T09:00:00Z")
    refused = dispatch_state(Thread((text("25"),)), [text("26"), text("27")], minute(0), agreed)
    assert refused.state == "refused"
