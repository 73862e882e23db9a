"""Whether a revision has arrived: the delivery flag, and when silence is overdue."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from tests.made import held, minute, period, terms
from ukprofile.flex.delivery import Delivery, Sign, ack_by, acknowledgement_of, deliver, delivery
from ukprofile.flex.dispatch import Held
from ukprofile.flex.header import Reference
from ukprofile.flex.times import time_text

INSTRUCTION = held("instruction", 0, period(0, 120, 180))
SECOND = timedelta(seconds=1)


def acknowledged(issued: int, to: Held = INSTRUCTION, decided: str = "received") -> Held:
    made = held("acknowledgement", issued, decided=decided)
    reference = Reference(to.header.revision, to.sha256, "D1")
    return replace(made, header=replace(made.header, in_reply_to=reference))


@pytest.mark.parametrize(
    ("flag", "sign", "after"),
    [
        ("issued", "fetch", "fetched"),
        ("issued", "acknowledgement", "acknowledged"),
        ("issued", "ack_by", "overdue"),
        ("fetched", "fetch", "fetched"),
        ("fetched", "acknowledgement", "acknowledged"),
        ("fetched", "ack_by", "overdue"),
        ("overdue", "fetch", "overdue"),
        ("overdue", "acknowledgement", "acknowledged"),
        ("overdue", "ack_by", "overdue"),
        *(("acknowledged", sign, "acknowledged") for sign in Sign),
    ],
)
def test_every_flag_and_every_sign(flag: str, sign: str, after: str) -> None:
    assert deliver(Delivery(flag), Sign(sign)) == after


def test_the_flag_only_rises_whatever_comes_in_whatever_order() -> None:
    for signs in product(Sign, repeat=3):
        flag = Delivery.ISSUED
        for sign in signs:
            flag = deliver(flag, sign)
        assert (flag == "acknowledged") == (Sign.ACKNOWLEDGEMENT in signs)


def test_silence_is_overdue_after_ack_by_and_an_answer_ends_it() -> None:
    due = minute(15)
    flags = [delivery(INSTRUCTION, (), due, when) for when in (due, due + SECOND)]
    assert flags == ["issued", "overdue"]
    assert delivery(INSTRUCTION, [acknowledged(20)], due, minute(20)) == "acknowledged"
    other = acknowledged(20, held("schedule", 1))
    assert delivery(INSTRUCTION, [other], due, minute(20)) == "overdue"


def test_the_newest_acknowledgement_that_counts_is_shown() -> None:
    old, new = acknowledged(1), acknowledged(2, decided="late")
    for answers in ([old, new], [new, old]):
        assert acknowledgement_of(INSTRUCTION, answers) == new
    assert acknowledgement_of(INSTRUCTION, [old, replace(new, counts=False)]) == old
    assert acknowledgement_of(INSTRUCTION, [held("status", 5)]) is None


@pytest.mark.parametrize(
    ("text", "due"),
    [
        (INSTRUCTION, minute(15)),
        (held("instruction", 0, period(0, 60, 120)), minute(1)),
        (held("instruction", 0, period(0, 61, 120)), minute(15)),
        (held("variation", 70, period(0, 60, 90), period(1, 90, 180)), minute(71)),
        (held("variation", 70, period(0, 60, 131), period(1, 131, 180)), minute(85)),
        (held("variation", 70, period(0, 60, 180)), minute(71)),
        (held("variation", 60, period(0, 60, 131), period(1, 131, 180)), minute(75)),
        (held("cease", 5, cease_at=time_text(minute(170))), minute(6)),
        (held("instruction", 0, period(0, 60, 120), ack_by=time_text(minute(7))), minute(7)),
    ],
)
def test_when_an_acknowledgement_is_due(text: Held, due: object) -> None:
    assert ack_by(text, terms()) == due


def test_without_terms_a_minute_must_do_and_a_stop_is_not_read() -> None:
    assert ack_by(INSTRUCTION, None) == minute(1)
    stop = held("cease", 5)
    assert ack_by(replace(stop, body={"periods": "none", "ack_by": 5}), terms()) == minute(6)


def test_what_was_fetched_without_a_signature_is_still_overdue_and_still_to_be_acknowledged() -> (
    None
):
    due = minute(15)
    flags = [delivery(INSTRUCTION, (), due, when, fetched=True) for when in (due, due + SECOND)]
    assert flags == ["fetched", "overdue"]
    found = delivery(INSTRUCTION, [acknowledged(10)], due, minute(10), fetched=True)
    assert found == "acknowledged"
