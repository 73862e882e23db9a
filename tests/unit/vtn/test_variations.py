"""Varying at the desk: what is signed, what waits for acceptance, and a whole life."""

from datetime import timedelta

import pytest

from tests.unit.ven.dso import NOON
from tests.unit.vtn.scene import BEGIN, END, scene_on
from tests.unit.vtn.test_stops import Fsp, body_of
from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.times import time_text
from vtn.domain.desk import PeriodOrder

MINUTE = timedelta(minutes=1)
HALF = BEGIN + 30 * MINUTE


async def test_less_is_obeyed_and_what_it_does_is_said(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    scene.clock.set(BEGIN + 5 * MINUTE)
    standing = await scene.vary(delta_w=800_000, since=HALF)
    less = (Period(0, BEGIN, HALF, 1_000_000), Period(1, HALF, END, 800_000))
    assert (standing.kind, standing.state, standing.periods) == ("variation", "running", less)
    assert (standing.changes, standing.flags) == (("decrease",), ())
    event, message = await body_of(scene)
    assert event["eventName"] == "REAL_TIME_DISPATCH"
    assert (message["accept_by"], message["valid_until"]) == (time_text(HALF), time_text(END))
    assert "firm" not in message["body"]
    assert fsp.look().verdict == "act"
    assert fsp.plan == less


async def test_more_waits_until_it_is_accepted_and_the_old_level_runs_until_then(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    before = fsp.plan
    scene.clock.set(BEGIN + 5 * MINUTE)
    standing = await scene.vary(delta_w=1_200_000, end=END + 30 * MINUTE)
    assert standing.changes == ("increase", "extension")
    assert (standing.state, standing.flags) == ("running", ("increase_waits",))
    message = (await body_of(scene))[1]
    assert message["accept_by"] == time_text(BEGIN + 6 * MINUTE)  # at once, and a minute at least
    assert message["valid_until"] == time_text(END + 30 * MINUTE)
    assert fsp.look().verdict == "hold"
    assert fsp.plan == before
    assert (await scene.show("D1")).course.known.plan == before
    await scene.responds("D1", "accept")
    held = await scene.show("D1")
    assert (held.standing.flags, held.course.known.plan) == ((), standing.periods)


async def test_before_the_start_it_is_varied_too(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    standing = await scene.vary(end=HALF)
    assert (standing.periods, standing.changes) == (
        (Period(1, BEGIN, HALF, 1_000_000),),
        ("shortening",),
    )
    assert fsp.look().verdict == "act"
    assert fsp.plan == standing.periods


async def test_all_that_follows_can_be_stated_period_by_period(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    scene.clock.set(BEGIN + 10 * MINUTE)
    later = (
        PeriodOrder(start=BEGIN + 20 * MINUTE, end=HALF, delta_w=500_000),
        PeriodOrder(start=BEGIN + 40 * MINUTE, end=END, delta_w=700_000),
    )
    standing = await scene.vary(periods=later)
    assert standing.periods == (
        Period(0, BEGIN, BEGIN + 20 * MINUTE, 1_000_000),
        Period(1, BEGIN + 20 * MINUTE, HALF, 500_000),
        Period(2, BEGIN + 40 * MINUTE, END, 700_000),
    )
    assert fsp.look().verdict == "act"


async def test_a_set_point_is_varied_as_a_set_point():
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue(periods=(Period(0, BEGIN, END, None, 900_000),))
        scene.clock.set(BEGIN + 10 * MINUTE)
        with pytest.raises(Refused, match="POWER_FORM"):
            await scene.vary(delta_w=500_000)
        standing = await scene.vary(setpoint_w=500_000, since=HALF)
        assert standing.periods[1] == Period(1, HALF, END, None, 500_000)
        assert "dispatch_type" not in (await body_of(scene))[1]["body"]


async def test_an_increase_that_waits_is_replaced_by_what_follows_and_its_ids_are_not_used_again():
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue()
        fsp = Fsp(scene)
        fsp.look()
        scene.clock.set(BEGIN + 4 * MINUTE)
        await scene.vary(delta_w=1_200_000, since=HALF)
        fsp.look()
        scene.clock.advance(MINUTE)
        standing = await scene.vary(delta_w=600_000, since=HALF)
        assert standing.periods == (
            Period(0, BEGIN, HALF, 1_000_000),
            Period(2, HALF, END, 600_000),
        )
        assert (standing.changes, standing.flags) == (("decrease",), ())
        assert fsp.look().verdict == "act"
        assert fsp.plan == standing.periods


@pytest.mark.parametrize(
    ("order", "path", "says"),
    [
        ({}, "", "one of delta_w, setpoint_w, end and periods is due"),
        ({"since": HALF}, "/from", "goes with delta_w"),
        ({"delta_w": 1, "setpoint_w": 1}, "/setpoint_w", "one of delta_w and setpoint_w"),
        ({"delta_w": 1, "since": BEGIN + 9 * MINUTE}, "/from", "not before 2026-11-24T16:40:00Z"),
        ({"end": BEGIN + 10 * MINUTE}, "/end", "cease it"),
        ({"delta_w": 1_000_000}, "", "nothing of D1 would change"),
        ({"end": END}, "", "nothing of D1 would change"),
        ({"delta_w": 5, "since": END}, "", "nothing of D1 would change"),
        (
            {"periods": (PeriodOrder(start=BEGIN, end=END, delta_w=5),)},
            "/periods/0/start",
            "what is past cannot be varied",
        ),
        (
            {"periods": (PeriodOrder(start=HALF, end=END, delta_w=5),), "end": END},
            "/periods",
            "periods stand alone",
        ),
    ],
)
async def test_an_order_that_is_unclear_or_too_early_is_refused_where_it_is(order, path, says):
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue()
        scene.clock.set(BEGIN + 10 * MINUTE)
        before = await body_of(scene)
        with pytest.raises(Refused, match=says) as refused:
            await scene.vary(**order)
        assert (refused.value.reason, refused.value.path) == ("BODY_VALUE", path)
        assert await body_of(scene) == before


async def test_what_the_contract_forbids_is_refused_by_its_rules():
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue()
        scene.clock.set(BEGIN + 10 * MINUTE)
        for order, reason in (
            ({"delta_w": 1_500_001}, "OVER_CAPACITY"),
            ({"end": BEGIN + 20 * MINUTE}, "BELOW_MIN_RUN"),
            ({"end": BEGIN + 5 * 60 * MINUTE}, "OUTSIDE_WINDOW"),
            ({"delta_w": -5}, "SIGN_MISMATCH"),
        ):
            with pytest.raises(Refused, match=reason):
                await scene.vary(**order)


async def test_what_is_not_confirmed_or_is_over_cannot_be_varied():
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.schedule()
        with pytest.raises(Refused, match="D1 is proposed, and cannot be varied: confirm it, or"):
            await scene.vary(delta_w=5)
        await scene.confirm()
        scene.clock.set(END)
        with pytest.raises(Refused, match="D1 is completed, and cannot be varied: it is over"):
            await scene.vary(delta_w=5)


async def test_in_the_second_it_begins_a_dispatch_is_varied_and_ceased(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    scene.clock.set(BEGIN)
    standing = await scene.vary(delta_w=700_000)
    first, rest = standing.periods
    assert (first.id, first.end, rest.level_w) == (0, BEGIN + timedelta(seconds=1), 700_000)
    assert fsp.look().verdict == "act"
    await scene.cease()
    assert fsp.look().verdict == "act"
    assert fsp.plan == ()


async def test_a_whole_life_at_the_desk(scene):
    """Proposed, accepted in part, confirmed, less, more, accepted, ceased: both ends agree."""
    await scene.contract()
    two = (Period(0, BEGIN, HALF, 1_000_000), Period(1, HALF, END, 1_500_000))
    lesser = (two[0], Period(1, HALF, END, 1_300_000))
    seen = []

    def note(standing):
        levels = [p.level_w // 1000 for p in standing.periods]
        seen.append((standing.kind, standing.state, levels, " ".join(standing.flags)))

    note(await scene.schedule(periods=two))
    fsp = Fsp(scene)
    fsp.look()
    scene.clock.advance(5 * MINUTE)
    await scene.responds("D1", "partial", *lesser, reason="one asset is out")
    note((await scene.show("D1")).standing)
    scene.clock.advance(5 * MINUTE)
    note(await scene.confirm())
    assert fsp.look().verdict == "act"
    scene.clock.set(BEGIN)
    await scene.says("D1", "executing")
    scene.clock.advance(10 * MINUTE)
    note(await scene.vary(delta_w=800_000, since=HALF))
    assert fsp.look().verdict == "act"
    scene.clock.advance(10 * MINUTE)
    note(await scene.vary(delta_w=900_000, since=HALF))
    assert fsp.look().verdict == "hold"
    await scene.responds("D1", "accept")
    note((await scene.show("D1")).standing)
    scene.clock.set(HALF + 10 * MINUTE)
    note(await scene.cease(reason="NETWORK_RESTORED"))
    assert seen == [
        ("schedule", "proposed", [1000, 1500], ""),
        ("schedule", "countered", [1000, 1500], ""),
        ("instruction", "confirmed", [1000, 1300], ""),
        ("variation", "running", [1000, 800], ""),
        ("variation", "running", [1000, 900], "increase_waits"),
        ("variation", "running", [1000, 900], ""),
        ("cease", "ceased", [1000, 900], ""),
    ]
    held = await scene.show("D1")
    assert held.standing.periods == (
        Period(0, BEGIN, HALF, 1_000_000),
        Period(3, HALF, HALF + 10 * MINUTE, 900_000),
    )
    assert NOON < held.course.known.ended == scene.clock.now()
