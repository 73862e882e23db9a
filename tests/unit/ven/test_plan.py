"""The plan: shares that add up, keys that stay, and what never makes a command."""

import itertools
import json
from dataclasses import replace
from datetime import time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import golden, made
from tests.shared import needs_shared
from tests.story import Story
from ukprofile.flex.contract import DAYS, Window
from ukprofile.flex.dispatch import level_at
from ukprofile.flex.states import IN_RUN, RAN, State
from ukprofile.receiving import Carrier, Context, MemoryLedger, decide, open_message
from ven.device import Command, in_force
from ven.plan import command_key, commands, dispatches, in_effect, owed, share

PROGRAM = "UKPN:FLEX-2026-0042"
ASSET = "UKPN-AS-000731"
FAR = made.minute(10**5)


def ledger_after(*numbers: str) -> MemoryLedger:
    """A VEN's ledger that has received these objects of the golden life, each when issued."""
    ledger = MemoryLedger()
    context = Context("FSP7", "ven", "sandbox", golden.register(), {PROGRAM: frozenset({"UKPN"})})
    for number in numbers:
        sealed = golden.sealed_in(golden.life(number))
        now = golden.at(json.loads(sealed.text)["issued_at"]) + timedelta(seconds=5)
        opened = open_message(sealed.text, sealed.signatures, context, now, Carrier(PROGRAM))
        entry = decide(opened, ledger, now).entry
        assert entry is not None
        ledger.keep(entry)
    return ledger


@needs_shared
def test_an_instruction_becomes_commands():
    ledger = ledger_after("05", "12")
    found = dispatches(ledger, [PROGRAM], golden.at("2026-03-29T12:30:00Z"))
    told = commands(found, {})
    assert [(c.asset_id, c.valid_from, c.valid_to, c.delta_w, c.threads) for c in told] == [
        (
            ASSET,
            golden.at("2026-03-29T15:30:00Z"),
            golden.at("2026-03-29T16:00:00Z"),
            1_000_000,
            ("UKPN-DSP-0088",),
        ),
        (
            ASSET,
            golden.at("2026-03-29T16:00:00Z"),
            golden.at("2026-03-29T17:00:00Z"),
            1_300_000,
            ("UKPN-DSP-0088",),
        ),
    ]
    assert [c.id for c in told] == [command_key(c) for c in told]


@needs_shared
def test_a_schedule_alone_starts_nothing():
    ledger = ledger_after("05", "09")
    assert not dispatches(ledger, [PROGRAM], golden.at("2026-03-29T12:30:00Z"))


@needs_shared
def test_a_cease_cuts_the_plan_and_keeps_earlier_keys():
    before = ledger_after("05", "09", "12", "15")
    after = ledger_after("05", "09", "12", "15", "17")
    since = golden.at("2026-03-29T16:40:00Z")
    old = commands(dispatches(before, [PROGRAM], since), {})
    new = commands(dispatches(after, [PROGRAM], since), {})
    assert new[-1].valid_to < old[-1].valid_to
    assert new[0].id == old[0].id


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(1, 10**7), min_size=1, max_size=9))
def test_shares_add_up_to_the_watt(total, weights):
    parts = share(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) <= 1


@given(st.integers(0, 4))
def test_any_difference_makes_another_key(which):
    base = Command(
        "",
        "A",
        golden.at("2026-03-29T15:30:00Z"),
        golden.at("2026-03-29T16:00:00Z"),
        None,
        5,
        ("T",),
    )
    other = [
        replace(base, asset_id="B"),
        replace(base, valid_to=base.valid_to + timedelta(seconds=1)),
        replace(base, delta_w=6),
        replace(base, setpoint_w=5, delta_w=None),
        replace(base, threads=("T", "U")),
    ][which]
    assert command_key(other) != command_key(base)
    assert command_key(replace(base, id="x")) == command_key(base)


# -- the plan and the state --------------------------------------------------------------------

SHORT, LATER = made.period(0, 40, 100), made.period(1, 50, 110)
MOVES = {
    "proposes": lambda s, t: s.dso("schedule", t, SHORT, respond_by=t + 15, confirm_by=38),
    "instructs": lambda s, t: s.dso("instruction", t, SHORT),
    "asks": lambda s, t: s.dso("instruction", t, SHORT, respond_by=t + 5, accept_by=t + 9),
    "restates": lambda s, t: s.dso("instruction", t, LATER),
    "confirms": lambda s, t: s.dso("instruction", t, *s.course(t).known.countered),
    "reads late": lambda s, t: s.dso("instruction", t - 20, SHORT, read=t),
    "is late": lambda s, t: s.dso("instruction", t - 20, SHORT, read=t, accept_by=t - 1),
    "breaks a rule": lambda s, t: s.dso("instruction", t, made.period(0, 40, 100, 4_000_000)),
    "lessens": lambda s, t: s.dso("variation", t, made.period(0 if t >= 40 else t, 40, 90)),
    "extends": lambda s, t: s.dso("variation", t, SHORT, made.period(t, 100, 140)),
    "ceases": lambda s, t: s.dso("cease", t, cease_at=t + 10),
    "cancels": lambda s, t: s.dso("cancellation", t),
    "accepts": lambda s, t: s.ven("response", t, answer="accept"),
    "counters": lambda s, t: s.ven("response", t, made.period(0, 40, 100, 400_000), answer="partial"),
    "refuses": lambda s, t: s.ven("response", t, answer="refuse"),
    "says ceased": lambda s, t: s.ven("status", t, state="ceased"),
    "says failed": lambda s, t: s.ven("status", t, state="failed"),
}  # fmt: skip


OPENING = ("proposes", "instructs", "instructs", "asks")


@settings(max_examples=200)
@given(
    st.sampled_from(OPENING),
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from(sorted(MOVES))), max_size=8),
    st.integers(0, 60),
    st.sampled_from(["refuse", "accept"]),
)
def test_the_plan_is_what_the_state_says(opening, moves, later, silence):
    """Whatever was said, and whenever anybody looks: what is not confirmed asks nothing of devices,
    and what is asks just for the periods in force.
    """
    story, now = Story("ven", silence=silence, windows=(Window(DAYS, time(15), time(20)),)), 0
    for wait, move in ((0, opening), *moves):
        now += wait
        MOVES[move](story, now)
    course = story.course(now + later)
    since = made.minute(now + later)
    for looked in (since, since - timedelta(hours=24)):
        found = dispatches(story.ledger, ["UKPN:C1"], looked)
        told = commands(found, {})
        if course.state not in (State.CONFIRMED, *IN_RUN, *RAN):
            assert (found, told) == ((), ())
            continue
        for one in found:
            assert one.confirmed == course.known.head == story.thread.confirmed
        ends = course.known.ended or FAR
        for instant in range(0, 150, 5):
            at = made.minute(instant)
            asked = level_at(course.known.plan, at) if at < ends else 0
            assert sum(c.delta_w for c in told if c.valid_from <= at < c.valid_to) == asked


# -- what a device is still to be told -----------------------------------------------------------

BEGIN = golden.at("2026-03-29T12:00:00Z")
HOURS = st.integers(0, 12)


def keyed(start: int, end: int, delta_w: int | None, id: str = "") -> Command:
    span = (BEGIN + timedelta(hours=start), BEGIN + timedelta(hours=end))
    bare = Command("", "A", *span, None, delta_w, ("T",))
    return replace(bare, id=id or command_key(bare))


@st.composite
def due_levels(draw):
    """Levels of one asset: in order, without overlap, as a timeline gives them."""
    cuts = sorted(draw(st.sets(HOURS, min_size=2, max_size=6)))
    spans = [s for s in itertools.pairwise(cuts) if draw(st.booleans())]
    return [keyed(start, end, draw(st.sampled_from([1, 2]))) for start, end in spans]


@given(st.lists(due_levels(), max_size=5), st.lists(HOURS, min_size=5, max_size=5))
def test_a_device_that_is_told_what_it_is_owed_does_what_is_due(plans, hours):
    """Through any sequence of plans, told at any times, and never the same thing needlessly."""
    told: list[Command] = []
    for due, hour in zip(plans, sorted(hours), strict=False):
        now = BEGIN + timedelta(hours=hour)
        new = owed(due, told, now)
        told += new
        for step in range(hour * 2, 26):
            at = BEGIN + timedelta(minutes=30 * step)
            want = next((c for c in due if c.valid_from <= at < c.valid_to), None)
            have = in_force(told, at)
            assert (want and want.delta_w) == (have and have.delta_w)
        assert owed(due, told, now) == ()
        assert {c.id for c in new} <= in_effect(told, now)


def test_what_a_newer_command_hides_is_told_again():
    """A dispatch before one that was told already: the device would forget the later one."""
    later, earlier = keyed(4, 6, 1), keyed(1, 2, 2)
    assert owed([earlier, later], [later], BEGIN) == (earlier, later)


def test_a_shortened_level_is_told_shorter_and_a_dropped_one_released():
    first, second, shorter = keyed(0, 4, 1), keyed(4, 8, 2), keyed(0, 2, 1)
    now = BEGIN + timedelta(hours=1)
    assert owed([shorter], [first, second], now)[0] == shorter
    (release, *_) = owed([], [first], now)
    assert (release.releases, release.valid_from, release.valid_to) == (True, now, first.valid_to)
