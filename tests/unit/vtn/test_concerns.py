"""What a person must know of one dispatch: each concern, its end, and when nothing is wrong."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made import header, held, minute, period, terms
from ukprofile.codes import CODES
from ukprofile.flex.course import dispatch_state
from ukprofile.flex.dispatch import Held, Thread
from ukprofile.flex.header import Reference
from ukprofile.flex.times import time_text
from ukprofile.receiving import Slot
from vtn.domain.alarm import Severity
from vtn.domain.concerns import Found, look
from vtn.domain.desk.book import Dispatch

SECOND, DAY = timedelta(seconds=1), 24 * 60
SLOT = Slot("UKPN", "FSP7", "sandbox", "UKPN:C1", "dispatch", "D1")
RUN = period(0, 60, 180)
_numbers = count(10**6)


def at(when: float) -> datetime:
    return minute(0) + timedelta(minutes=when)


def times(**minutes: float) -> dict[str, str]:
    return {name: time_text(at(when)) for name, when in minutes.items()}


def answer(kind: str, when: float, to: Held, *periods, **body) -> Held:
    """An answer of FSP7's, signed at that minute."""
    if kind == "status":
        body.setdefault("at", time_text(at(when)))
    number = next(_numbers)
    changed = replace(
        header(kind),
        issuer="FSP7",
        recipient="UKPN",
        issued_at=at(when),
        revision=number,
        in_reply_to=Reference(to.header.revision, to.sha256, "D1"),
    )
    return replace(held(kind, 0, *periods, **body), sha256=f"{number:064x}", header=changed)


def received(when: float, to: Held) -> Held:
    return answer("acknowledgement", when, to, decided="received")


def looked(now: float | datetime, *texts: Held, **changes) -> Found:
    """What is found at that minute, texts and answers told apart by what they answer."""
    orders = tuple(t for t in texts if t.header.in_reply_to is None)
    answers = tuple(t for t in texts if t.header.in_reply_to is not None)
    when = now if isinstance(now, datetime) else at(now)
    thread, agreed = Thread(orders), terms(**changes)
    course = dispatch_state(thread, answers, when, agreed)
    return look(Dispatch(SLOT, thread, answers, agreed, course, when))


def told(now: float, *texts: Held, **changes) -> list[str]:
    return [str(c.cause) for c in looked(now, *texts, **changes).concerns]


SCHEDULE = held("schedule", 0, RUN, **times(respond_by=20, confirm_by=50))
INSTRUCTION = held("instruction", 0, RUN)
PROPOSED = (SCHEDULE, received(0, SCHEDULE))
CONFIRMED = (INSTRUCTION, received(0, INSTRUCTION))
AGREED = (*PROPOSED, answer("response", 5, SCHEDULE, answer="accept"))
LESS = answer("response", 5, SCHEDULE, period(0, 70, 180, 600_000), answer="partial")
MORE = held("variation", 70, period(0, 60, 90), period(1, 90, 180, 1_500_000))
RUNNING = (*CONFIRMED, answer("status", 61, INSTRUCTION, state="executing"))
GROWING = (*RUNNING, MORE, received(70, MORE))
CEASE = held("cease", 90, **times(cease_at=90))
REFUSED = answer("acknowledgement", 1, INSTRUCTION, decided="refused", reason="ASSET_UNKNOWN")
LATE = answer("acknowledgement", 1, INSTRUCTION, decided="late")
OVER = (*RUNNING, answer("status", 180, INSTRUCTION, state="completed"))
UNREPORTED = 180 + DAY + 0.1


def status(when, state, **more):
    return answer("status", when, INSTRUCTION, state=state, **more)


# -- each, from when it holds until it does not ---------------------------------------------------

# cause, the minutes at which it holds, those at which it does not, and the texts
# fmt: off
LIVES = [
    ("unacknowledged", [1.1, 59, 179], [0, 1, 180], [INSTRUCTION], {"ack_s": 60}),
    ("unacknowledged", [91.1, 150], [91, 180], [*RUNNING, CEASE], {}),
    ("expired", [20.1, 100], [20, 180], PROPOSED, {}),
    ("unconfirmed", [35, 50], [34.9, 50.1], AGREED, {}),
    ("unconfirmed", [35, 50], [34.9, 50.1], [*PROPOSED, LESS], {}),
    ("lapsed", [50.1, 100], [50, 180], AGREED, {}),
    ("refused", [5, 100], [180], [*PROPOSED, answer("response", 5, SCHEDULE, answer="refuse")], {}),
    ("refused", [1, 100], [180], [INSTRUCTION, REFUSED], {}),
    ("refused", [1, 100], [180], [INSTRUCTION, LATE], {}),
    ("refused", [72, 100], [180], [*GROWING, answer("response", 72, MORE, answer="refuse")], {}),
    ("refused", [72, 100], [180], [*RUNNING, MORE, answer("acknowledgement", 72, MORE, decided="refused", reason="OVER_CAPACITY")], {}),
    ("countered", [5, 50], [50.1], [*PROPOSED, LESS], {}),
    ("increase_waits", [70, 100], [180], GROWING, {}),
    ("not_started", [66.1, 179], [66, 180], CONFIRMED, {}),
    ("not_started", [63.1], [63], CONFIRMED, {"ramp_s": 120}),
    ("not_delivered", [80, 179, 181, 180 + DAY], [], [*RUNNING, status(80, "failed")], {}),
    ("not_delivered", [50], [], [*CONFIRMED, status(50, "failed")], {}),
    ("not_delivered", [80, 181], [], [*RUNNING, status(80, "suspended")], {}),
    ("not_delivered", [80, 179], [181], [*RUNNING, status(80, "ceased")], {}),
    ("not_delivered", [80], [], [*RUNNING, status(75, "suspended"), status(80, "failed")], {}),
    ("not_reported", [UNREPORTED, 180 + 28 * DAY - 1], [181, 180 + DAY, 180 + 28 * DAY], OVER, {}),
    ("not_reported", [90 + DAY + 0.1], [], [*RUNNING, CEASE, received(90, CEASE)], {}),
]
# fmt: on


@pytest.mark.parametrize(("cause", "holds", "not_then", "texts", "changes"), LIVES)
def test_a_concern_holds_from_its_moment_until_nothing_can_be_done(
    cause, holds, not_then, texts, changes
) -> None:
    for when in holds:
        assert cause in told(when, *texts, **changes), when
    for when in not_then:
        assert cause not in told(when, *texts, **changes), when


# fmt: off
QUIET = [
    ("a received instruction", 59, CONFIRMED),
    ("a schedule that may still be answered", 19, PROPOSED),
    ("what runs", 100, RUNNING),
    ("what ended", 181, OVER),
    ("what was reported in time", UNREPORTED, [*OVER, answer("post_action", 200, INSTRUCTION)]),
    ("what was reported late", UNREPORTED + 60, [*OVER, answer("post_action", UNREPORTED + 30, INSTRUCTION)]),
    ("what failed and was reported", 300, [*RUNNING, status(80, "failed"), answer("post_action", 200, INSTRUCTION)]),
    ("a cease that was acknowledged", 100, [*RUNNING, CEASE, received(90, CEASE)]),
    ("what failed and recovered", 100, [*RUNNING, status(80, "failed"), status(90, "executing")]),
    ("what was suspended and resumed", 100, [*RUNNING, status(80, "suspended"), status(90, "resumed")]),
    ("an increase that was accepted", 100, [*GROWING, answer("response", 72, MORE, answer="accept")]),
    ("a late word that it runs", 100, [*CONFIRMED, status(70, "executing")]),
    ("what was cancelled", 40, [*CONFIRMED, (stop := held("cancellation", 30)), received(30, stop)]),
    ("what was confirmed in time", 55, [*AGREED, (firm := held("instruction", 40, RUN)), received(40, firm)]),
]
# fmt: on


@pytest.mark.parametrize(("now", "texts"), [row[1:] for row in QUIET], ids=[r[0] for r in QUIET])
def test_nothing_is_said_of(now, texts) -> None:
    assert told(now, *texts) == []


LESS_LONG = held("variation", 70, period(0, 60, 120))
ONE_OF_TWO = [
    (["expired"], 30, [SCHEDULE]),  # and there is nothing left to be acknowledged
    (["not_delivered"], 70, [*CONFIRMED, status(62, "failed")]),  # and so did not start
    (["not_delivered"], 130, [*RUNNING, LESS_LONG, received(70, LESS_LONG), status(90, "failed")]),
    (["not_delivered", "not_reported"], UNREPORTED, [*RUNNING, status(90, "failed")]),
]


@pytest.mark.parametrize(("causes", "now", "texts"), ONE_OF_TWO)
def test_what_follows_from_another_concern_is_none_of_its_own(causes, now, texts) -> None:
    assert told(now, *texts) == causes


def test_of_an_empty_thread_there_is_nothing_to_say() -> None:
    assert looked(0) == Found()


def test_a_newer_text_takes_a_refusal_back() -> None:
    refusal = answer("response", 72, MORE, answer="refuse", reason="NO_MORE")
    less = held("variation", 80, period(0, 60, 90), period(1, 90, 180, 500_000))
    assert told(100, *GROWING, refusal, less, received(80, less)) == []


# -- what is said ----------------------------------------------------------------------------------


def only(found: Found):
    (concern,) = found.concerns
    return concern


def test_a_concern_says_whom_to_telephone_and_why() -> None:
    found = only(looked(2, INSTRUCTION))
    assert (found.code, found.severity, found.since) == ("OVERDUE", "alarm", at(1))
    assert (found.contract_id, found.provider, found.thread) == ("UKPN:C1", "FSP7", "D1")
    assert found.text == (
        "FSP7 did not acknowledge the instruction of D1 (UKPN:C1) by 2026-11-24T15:01:00Z: telephone"
    )
    refused = only(looked(5, INSTRUCTION, REFUSED))
    assert refused.text == (
        "the agent of FSP7 refused the instruction of D1 (UKPN:C1): ASSET_UNKNOWN; "
        "dispatch elsewhere"
    )
    suspended = only(looked(80, *RUNNING, status(80, "suspended", reason="GRID_TRIP")))
    assert "suspended since 2026-11-24T16:20:00Z, GRID_TRIP" in suspended.text


def test_what_is_countered_after_it_was_firm_is_an_alarm() -> None:
    soft = only(looked(6, *PROPOSED, LESS))
    assert soft.severity is Severity.NOTICE
    assert "+600,000 W from 2026-11-24T16:10:00Z" in soft.text
    firm = held("instruction", 0, RUN, **times(respond_by=20))
    partly = answer("response", 5, firm, period(0, 70, 180, 600_000), answer="partial")
    assert only(looked(6, firm, received(0, firm), partly)).severity is Severity.ALARM


def test_a_second_partial_is_another_concern() -> None:
    again = answer("response", 7, SCHEDULE, period(0, 80, 180, 500_000), answer="partial")
    first, second = only(looked(6, *PROPOSED, LESS)), only(looked(7, *PROPOSED, LESS, again))
    assert first.key != second.key
    assert "500,000" in second.text


def test_the_reminder_to_confirm_never_comes_before_half_the_time_has_passed() -> None:
    short = held("schedule", 40, RUN, **times(respond_by=45, confirm_by=50))
    accepted = answer("response", 41, short, answer="accept")
    texts = (short, received(40, short), accepted)
    assert told(44.9, *texts) == []
    assert told(45, *texts) == ["unconfirmed"]


# -- the claim -------------------------------------------------------------------------------------


def test_only_what_is_confirmed_and_still_to_run_claims_its_assets() -> None:
    assert looked(10, *AGREED).claim is None
    claim = looked(10, *CONFIRMED).claim
    assert (claim.asset_ids, claim.periods, claim.origin) == ({"A1"}, (RUN,), "DSO")
    assert looked(180, *RUNNING).claim is None
    stop = held("cease", 90, **times(cease_at=100))
    ceased = (*RUNNING, stop, received(90, stop))
    assert looked(95, *ceased).claim.periods == (replace(RUN, end=at(100)),)
    assert looked(100, *ceased).claim is None


def test_who_needs_it_is_known_though_a_variation_cannot_say_it() -> None:
    order = held("instruction", 0, RUN, origin={"party": "NESO"}, priority=1)
    less = held("variation", 30, period(0, 60, 120))
    claim = looked(40, order, less).claim
    assert (claim.origin, claim.priority, claim.confirmed_at) == ("NESO", 1, at(30))
    assert claim.first_revision == order.header.revision


# -- properties ------------------------------------------------------------------------------------

ANYTHING = [*AGREED, LESS, *GROWING, CEASE, REFUSED, LATE, *OVER, *(t for r in LIVES for t in r[3])]
some_texts = st.lists(st.sampled_from(ANYTHING), max_size=8)
moments = st.floats(-10, 180 + 29 * DAY, allow_nan=False).map(at)


@given(some_texts, moments)
def test_no_two_concerns_have_one_key_and_every_code_is_in_the_table(texts, now) -> None:
    concerns = looked(now, *texts).concerns
    assert len({c.key for c in concerns}) == len(concerns)
    assert all(c.code in CODES and c.since <= max(now, at(UNREPORTED)) for c in concerns)


MINUTES = (*range(0, 60, 5), 34, 50, 61, 63, 66, 70, 80, 90, 91, 100, 120, 150, 179, 180, 181)
DAYS_LATER = [end + days * DAY for end in (90, 180) for days in (1, 28)]
INSTANTS = sorted(x + d for x in (*MINUTES, *DAYS_LATER) for d in (0, 0.1))


@settings(max_examples=50)
@given(st.one_of(st.sampled_from([row[3] for row in LIVES]), some_texts))
def test_who_looks_when_told_to_misses_nothing_that_looking_all_the_time_would_find(texts) -> None:
    issued = [t.header.issued_at for t in texts]
    kept = None
    for now in [at(x) for x in INSTANTS if at(x) >= max(issued, default=at(0))]:
        found = looked(now, *texts)
        if kept is None or (kept.look_at is not None and kept.look_at <= now):
            kept = found
        assert kept.concerns == found.concerns, now
        assert (kept.claim is None) == (found.claim is None), now
        assert kept.look_at is None or kept.look_at > now


def test_a_refusal_names_the_field_that_it_is_for():
    unknown = answer(
        "acknowledgement",
        1,
        INSTRUCTION,
        decided="refused",
        reason="CRITICAL_UNKNOWN",
        notices=["/body/ramp_profile"],
    )
    (found,) = looked(2, INSTRUCTION, unknown).concerns
    assert "D1 (UKPN:C1): CRITICAL_UNKNOWN at /body/ramp_profile; " in found.text


@pytest.mark.parametrize(
    ("before", "now", "after", "changes"),
    [
        (CONFIRMED, 30, "runs on", {}),
        (RUNNING, 90, "runs on", {}),
        (RUNNING, 90, "ends", {"on_unsigned_withdrawal": "stop"}),
        (AGREED, 15, "has lapsed there", {}),
    ],
)
def test_that_the_fsp_cannot_find_its_event_is_of_concern_until_it_does(
    before, now, after, changes
):
    lost = answer(
        "acknowledgement", now - 2, before[0], decided="received", reason="EVENT_WITHDRAWN"
    )
    (found,) = looked(now, *before, lost, **changes).concerns
    assert (found.cause, found.code, found.severity) == (
        "event_gone",
        "EVENT_WITHDRAWN",
        Severity.ALARM,
    )
    assert f"any more, and it {after}: " in found.text
    assert found.since == at(now - 2)
    assert told(now, *before, lost, received(now - 1, before[0]), **changes) == []


def test_an_event_that_is_gone_is_nobodys_concern_once_the_dispatch_is_over():
    lost = answer("acknowledgement", 90, CONFIRMED[0], decided="received", reason="EVENT_WITHDRAWN")
    assert "event_gone" not in told(181, *RUNNING, lost)
