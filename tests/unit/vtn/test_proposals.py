"""Schedule and confirm at the desk: what is proposed, answered, confirmed, and what lapses."""

from datetime import timedelta

import pytest

from tests.unit.ven.dso import ASSET, NOON
from tests.unit.vtn.scene import BEGIN, END, scene_on
from tests.unit.vtn.test_stops import Fsp, body_of
from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.times import time_text

MINUTE = timedelta(minutes=1)
HALF = BEGIN + 30 * MINUTE
TWO = (Period(0, BEGIN, HALF, 1_000_000), Period(1, HALF, END, 1_500_000))
LESS = (TWO[0], Period(1, HALF, END, 1_300_000))


async def test_a_schedule_proposes_and_states_its_deadlines(scene):
    await scene.contract()
    standing = await scene.schedule(
        periods=TWO, origin="NESO", reference="BM-7", priority=1, assets=(ASSET,)
    )
    assert (standing.kind, standing.state, standing.periods) == ("schedule", "proposed", TWO)
    event, message = await body_of(scene)
    assert event["eventName"] == "SCHEDULED_DISPATCH"
    assert [i["payloads"][-2]["values"] for i in event["intervals"]] == [[False], [False]]
    body = message["body"]
    assert (body["firm"], body["dispatch_type"]) == (False, "demand_turn_down")
    assert (body["origin"], body["priority"]) == ({"party": "NESO", "reference": "BM-7"}, 1)
    assert body["ack_by"] == time_text(NOON + MINUTE)
    assert body["respond_by"] == time_text(NOON + 15 * MINUTE)  # half the time to the start
    assert body["confirm_by"] == message["accept_by"] == time_text(BEGIN - 2 * MINUTE)  # the notice
    assert message["valid_until"] == time_text(END)
    assert Fsp(scene).look().verdict == "act"


async def test_deadlines_are_as_ordered(scene):
    await scene.contract()
    by = {"respond_by": NOON + 5 * MINUTE, "confirm_by": NOON + 9 * MINUTE}
    await scene.schedule(**by)
    body = (await body_of(scene))[1]["body"]
    assert {name: body[name] for name in by} == {k: time_text(v) for k, v in by.items()}


@pytest.mark.parametrize(
    ("by", "path"),
    [
        ({"confirm_by": BEGIN}, "/confirm_by"),
        ({"confirm_by": NOON}, "/confirm_by"),
        ({"respond_by": NOON}, "/respond_by"),
        ({"respond_by": NOON + 6 * MINUTE, "confirm_by": NOON + 5 * MINUTE}, "/respond_by"),
    ],
)
async def test_deadlines_in_a_wrong_order_are_refused_where_they_stand(by, path):
    async with scene_on("memory") as scene:
        await scene.contract()
        with pytest.raises(Refused, match="BODY_VALUE") as refused:
            await scene.schedule(**by)
        assert refused.value.path == path
        assert await scene.desk.dispatches() == []


async def test_without_any_notice_it_is_confirmed_before_its_start_all_the_same():
    async with scene_on("memory") as scene:
        await scene.contract(notice_s=0)
        await scene.schedule()
        body = (await body_of(scene))[1]["body"]
        assert body["confirm_by"] == time_text(BEGIN - timedelta(seconds=1))


async def test_a_contract_that_answers_slowly_still_answers_before_confirm_by():
    async with scene_on("memory") as scene:
        await scene.contract(notice_s=1200)
        await scene.schedule()
        body = (await body_of(scene))[1]["body"]
        assert body["respond_by"] == body["confirm_by"] == time_text(BEGIN - 20 * MINUTE)


@pytest.mark.parametrize("answer", ["accept", None])
async def test_what_was_proposed_is_confirmed_as_it_was_scheduled(scene, answer):
    await scene.contract()
    await scene.schedule(periods=TWO, reference="BM-7", priority=2)
    fsp = Fsp(scene)
    fsp.look()
    if answer:
        await scene.responds("D1", answer)
    scene.clock.advance(5 * MINUTE)
    standing = await scene.confirm()
    assert (standing.kind, standing.state, standing.periods) == ("instruction", "confirmed", TWO)
    event, message = await body_of(scene)
    assert event["eventName"] == "SCHEDULED_DISPATCH"
    body = message["body"]
    assert (body["firm"], body["channel"], body["priority"]) == (True, "api", 2)
    assert body["origin"] == {"party": "DSO", "reference": "BM-7"}
    assert body["effective_at"] == message["issued_at"] == time_text(NOON + 5 * MINUTE)
    assert message["accept_by"] == time_text(BEGIN)
    assert fsp.look().verdict == "act"
    assert fsp.plan == TWO


async def test_what_was_accepted_in_part_is_confirmed_as_accepted(scene):
    await scene.contract()
    await scene.schedule(periods=TWO)
    fsp = Fsp(scene)
    fsp.look()
    await scene.responds("D1", "partial", TWO[0], reason="less")
    scene.clock.advance(MINUTE)
    await scene.responds("D1", "partial", *LESS, reason="a little less")
    assert (await scene.desk.dispatches())[0].state == "countered"
    standing = await scene.confirm()
    assert (standing.state, standing.periods) == ("confirmed", LESS)
    assert fsp.look().verdict == "act"
    assert fsp.plan == LESS


async def test_an_answer_by_a_clock_that_is_ahead_is_built_upon_all_the_same(scene):
    """Texts stand in order of their seconds: the confirmation is issued after what it confirms."""
    await scene.contract()
    await scene.schedule(periods=TWO)
    scene.clock.advance(20 * timedelta(seconds=1))
    await scene.responds("D1", "partial", *LESS)
    scene.clock.advance(-10 * timedelta(seconds=1))
    standing = await scene.confirm()
    assert (standing.state, standing.periods) == ("confirmed", LESS)
    assert standing.issued_at == scene.clock.now() + 11 * timedelta(seconds=1)


async def test_what_is_proposed_anew_is_answered_and_confirmed_anew(scene):
    """A partial acceptance of what was replaced says nothing any more (vector O15)."""
    await scene.contract()
    await scene.schedule(periods=TWO)
    fsp = Fsp(scene)
    fsp.look()
    scene.clock.advance(MINUTE)
    await scene.responds("D1", "partial", *LESS)
    other = (Period(0, BEGIN, END, 900_000),)
    standing = await scene.schedule(periods=other)
    assert (standing.state, standing.periods) == ("proposed", other)
    assert fsp.look().verdict == "act"
    assert (await scene.confirm()).periods == other
    assert fsp.look().verdict == "act"
    assert fsp.plan == other


async def test_what_was_told_by_telephone_is_on_record_with_its_time(scene):
    await scene.contract()
    await scene.schedule()
    scene.clock.advance(5 * MINUTE)
    await scene.confirm(channel="telephone", effective_at=NOON + 2 * MINUTE)
    body = (await body_of(scene))[1]["body"]
    assert (body["channel"], body["effective_at"]) == ("telephone", time_text(NOON + 2 * MINUTE))


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"effective_at": NOON - MINUTE}, "name the channel"),
        ({"channel": "email", "effective_at": NOON + MINUTE}, "not after now"),
    ],
)
async def test_only_a_record_has_a_time_of_its_own_and_in_the_past(order, says):
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.schedule("D2", periods=(Period(0, BEGIN, END, 1000),))
        with pytest.raises(Refused, match=f"BODY_VALUE at /effective_at: .*{says}"):
            await scene.issue(**order)
        with pytest.raises(Refused, match="BODY_VALUE at /effective_at"):
            await scene.confirm("D2", **order)


async def test_each_state_says_what_to_do_instead(scene):
    await scene.contract()
    await scene.schedule()
    with pytest.raises(Refused, match=r"D1 is there already, and proposed: confirm it, or cancel"):
        await scene.issue()
    with pytest.raises(Refused, match=r"D1 is proposed, and nothing of it runs: cancel it"):
        await scene.cease()
    await scene.confirm()
    for again in (scene.schedule, scene.confirm):
        with pytest.raises(Refused, match=r"D1 is confirmed, and cannot be .*: vary it, or cancel"):
            await again()
    scene.clock.set(BEGIN)
    with pytest.raises(Refused, match=r"D1 is running, and cannot be confirmed: vary it, or cease"):
        await scene.confirm()
    await scene.cease()
    with pytest.raises(Refused, match=r"D1 is ceased, and cannot be confirmed: it is over; .* new"):
        await scene.confirm()
    with pytest.raises(Refused, match="NOT_FOUND: there is no dispatch D9"):
        await scene.confirm("D9")


async def test_what_nobody_confirmed_lapses_and_stays_so(scene):
    await scene.contract()
    await scene.schedule()
    await scene.responds("D1", "accept")
    scene.clock.set(BEGIN - 2 * MINUTE)
    assert (await scene.desk.dispatches())[0].state == "agreed"
    scene.clock.advance(timedelta(seconds=1))
    assert (await scene.desk.dispatches())[0].state == "lapsed"
    for again in (scene.schedule, scene.confirm):
        with pytest.raises(Refused, match=r"D1 is lapsed, and cannot be .*: it is over"):
            await again()


async def test_what_is_proposed_can_be_cancelled_once(scene):
    await scene.contract()
    await scene.schedule()
    assert (await scene.cancel(reason="NOT_REQUIRED")).state == "cancelled"
    with pytest.raises(Refused, match="D1 is cancelled already"):
        await scene.cancel()
