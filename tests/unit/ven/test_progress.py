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


def said(one: Dispatch, at, *words: str, lacks_since=None, **changes) -> str:
    word = progress(one, words, [seen(**changes)], RAMP, at, lacks_since)
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


def test_what_came_up_late_executes_after_all():
    late = START + timedelta(minutes=20)
    assert said(dispatch("12"), late, "failed", power_w=0) == ""
    assert said(dispatch("12"), late, "failed", power_w=1_000_000) == "executing"


def test_a_run_is_suspended_once_it_has_not_held_its_level_for_a_minute():
    one, now = dispatch("12"), START + timedelta(minutes=20)
    short = timedelta(seconds=59)
    assert said(one, now, "executing", power_w=0) == ""
    assert said(one, now, "executing", power_w=0, lacks_since=now - short) == ""
    assert said(one, now, "executing", power_w=0, lacks_since=now - GRACE) == "suspended"
    assert said(one, now, "executing", "suspended", power_w=0, lacks_since=now - GRACE) == ""


def test_while_a_new_level_may_still_ramp_nothing_is_suspended():
    one, step = dispatch("12"), START + timedelta(minutes=30)
    ramps = {"power_w": 500_000, "lacks_since": step, "since": step}
    assert said(one, step + RAMP, "executing", **ramps) == ""
    assert said(one, step + RAMP + GRACE, "executing", **ramps) == "suspended"


def test_what_is_back_is_resumed_as_often_as_it_takes():
    words = ("executing", "suspended")
    now = START + timedelta(minutes=20)
    assert said(dispatch("12"), now, *words, power_w=1_000_000) == "resumed"
    assert said(dispatch("12"), now, *words, "resumed", power_w=1_000_000) == ""
    again = (*words, "resumed")
    assert said(dispatch("12"), now, *again, power_w=0, lacks_since=now - GRACE) == "suspended"


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("executing",), "completed"),
        (("executing", "suspended", "resumed"), "completed"),
        (("failed", "executing"), "completed"),
        (("executing", "suspended"), "failed"),
        (("failed",), ""),
        (("executing", "suspended", "failed"), ""),
        (("executing", "completed"), ""),
    ],
)
def test_the_last_word_decides_how_it_ended(words, end):
    assert said(dispatch("12"), golden.at("2026-03-29T17:00:00Z"), *words, power_w=0) == end


def test_after_a_refused_command_nothing_is_said_until_the_end():
    now = START + timedelta(minutes=20)
    refused = {"power_w": 1_000_000, "refused": "tripped"}
    assert said(dispatch("12"), now, "executing", **refused) == "failed"
    assert said(dispatch("12"), now, "executing", "failed", **refused) == ""


def test_a_stop_is_answered_whatever_was_said_before():
    assert said(dispatch("12"), START + timedelta(hours=2), "failed", power_w=0) == ""
    for words in (("failed",), ("executing", "suspended")):
        assert said(dispatch("12", "17"), CEASED, *words, power_w=0, command=None) == "ceased"


def test_what_is_over_is_over():
    one = dispatch("12", "17")
    assert said(one, CEASED + RAMP, "executing", "ceased", power_w=0, command=None) == ""
