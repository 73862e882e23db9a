"""What a policy may answer: what the DSO would refuse for good is never signed."""

from dataclasses import replace

import pytest

from tests import made
from tests.made import held, period
from ukprofile.errors import Refused
from ukprofile.flex.answer import Response
from ukprofile.flex.common import Asset
from ven.lawful import check

TERMS = made.terms(min_run_s=1800, max_start_delay_s=1800, min_power_w=100_000)
ASKED = held("schedule", 0, period(0, 60, 180, 1_000_000))
LESS = period(0, 80, 170, 600_000)


def response(answer="partial", *periods, **changes) -> Response:
    kind = "demand_turn_down" if periods else None
    common = {"contract_id": "UKPN:C1", "zone": "Z1", "assets": (Asset("A1"),)}
    return Response(**{**common, "answer": answer, "periods": periods, "dispatch_type": kind,
                       **changes})  # fmt: skip


@pytest.mark.parametrize("answer", ["accept", "refuse"])
def test_yes_and_no_may_always_be_said(answer):
    check(response(answer), ASKED, TERMS, whole=True)


def test_later_and_less_may_be_said_within_the_contract():
    check(response("partial", LESS), ASKED, TERMS, whole=False)
    check(response("partial", replace(LESS, id=0)), ASKED, None, whole=False)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (response("partial", replace(LESS, delta_w=1_000_001)), "EXCEEDS_REQUEST"),
        (response("partial", replace(LESS, id=7)), "EXCEEDS_REQUEST"),
        (response("partial", replace(LESS, delta_w=99_999)), "BELOW_MIN_POWER"),
        (response("partial", period(0, 59, 180, 600_000)), "START_DELAY"),
        (response("partial", period(0, 91, 180, 600_000)), "START_DELAY"),
        (response("partial", period(0, 60, 181, 600_000)), "START_DELAY"),
        (response("partial", period(0, 60, 89, 600_000)), "BELOW_MIN_RUN"),
        (response("partial"), "BODY_VALUE"),
        (response("accept", LESS), "BODY_VALUE"),
        (response("perhaps"), "BODY_VALUE"),
        (response("refuse", reason=5), "BODY_VALUE"),
        (response("refuse", reason="£"), "NOT_ASCII"),
    ],
)
def test_what_breaks_a_rule_is_named(said, reason):
    with pytest.raises(Refused) as refused:
        check(said, ASKED, TERMS, whole=False)
    assert refused.value.reason == reason


def test_an_increase_is_never_taken_in_part():
    with pytest.raises(Refused, match="whole or not at all"):
        check(response("partial", LESS), ASKED, TERMS, whole=True)
