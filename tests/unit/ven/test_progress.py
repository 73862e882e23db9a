"""What is to be said of a dispatch, from what was seen of its assets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests import golden
from tests.shared import needs_shared
from tests.unit.ven.test_plan import ASSET, PROGRAM, ledger_after
from ven.device import Command, Measurement
from ven.journal import Planned
from ven.plan import Dispatch, dispatches
from ven.progress import GRACE, Seen, progress

pytestmark = needs_shared
START, CEASED = golden.at("2026-03-29T15:30:00Z"), golden.at("2026-03-29T16:40:00Z")
RAMP = timedelta(seconds=300)


def dispatch(*numbers: str) -> Dispatch:
    (found,) = dispatches(ledger_after("05", *numbers), [PROGRAM], START)
    return found


def seen(power_w: int, since=START, **changes) -> Seen:
    command = Command("c", ASSET, since, CEASED, None, 1_000_000, ("UKPN-DSP-0088",))
    planned = Planned(command, "c", "CONFIRMED", since, since, since, "")
    bare = Seen(ASSET, Measurement(START, power_w, 0, "c"), command=planned)
    return replace(bare, **changes)


def said(one: Dispatch, at, *words: str, **changes) -> str:
    word = progress(one, words, [seen(**changes)], RAMP, at)
    return word.state if word else ""


@pytest.mark.parametrize(
    ("power_w", "after", "state"),
    [
        (1_000_000, timedelta(0), "executing"),
        (950_000, timedelta(0), "executing"),
        (949_000, timedelta(0), ""),
        (949_000, RAMP + GRACE, "failed"),
        (949_000, RAMP + GRACE - timedelta(seconds=1), ""),
    ],
)
def test_held_to_a_twentieth_within_ramp_and_grace(power_w, after, state):
    assert said(dispatch("12"), START + after, power_w=power_w) == state


def test_a_device_that_was_told_late_has_its_ramp_from_then():
    late = START + timedelta(minutes=10)
    assert said(dispatch("12"), late + RAMP, power_w=0, since=late) == ""
    assert said(dispatch("12"), late + RAMP + GRACE, power_w=0, since=late) == "failed"


def test_ceased_waits_until_the_device_lets_go_but_not_for_ever():
    one = dispatch("12", "17")
    assert said(one, CEASED, "executing", power_w=1_000_000) == ""
    assert said(one, CEASED, "executing", power_w=0, command=None) == "ceased"
    assert said(one, CEASED + RAMP + GRACE, "executing", power_w=1_000_000) == "ceased"


def test_after_failed_only_a_stop_is_answered():
    assert said(dispatch("12"), START + timedelta(hours=2), "failed", power_w=0) == ""
    assert said(dispatch("12", "17"), CEASED, "failed", power_w=0, command=None) == "ceased"


def test_what_is_over_is_over():
    one = dispatch("12", "17")
    assert said(one, CEASED + RAMP, "executing", "ceased", power_w=0, command=None) == ""
