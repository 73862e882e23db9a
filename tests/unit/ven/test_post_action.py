"""What a dispatch has come to: when it is said, of what, and that it is what the device did."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.unit.ven.dso import ASSET, NOON
from tests.unit.ven.metered import agent_in
from ukprofile.flex.common import Asset
from ukprofile.flex.dispatch import Held, Period, Thread
from ukprofile.flex.energy import Asked, Reading
from ukprofile.flex.metering import Baseline, PostAction
from ukprofile.receiving import Slot
from ven.answer import declare
from ven.device.simulated import Battery
from ven.journal import Mark
from ven.plan import Dispatch
from ven.post_action import LAST_CALL, SETTLED, PostActions, asked_of, corrects, due_span
from ven.sampling import Sample

HALF, HOUR, MINUTE = timedelta(minutes=30), timedelta(hours=1), timedelta(minutes=1)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
DAY = (MIDNIGHT - timedelta(days=1), MIDNIGHT)
NEXT = (MIDNIGHT, MIDNIGHT + timedelta(days=1))


def bodies(agent) -> list[PostAction]:
    return [PostAction.read(text["body"]) for text in agent.texts("post_action")]


# -- when ----------------------------------------------------------------------------------------


def span(start, end, now, *, day=DAY, after=timedelta(0), read_until=NOON):
    return due_span(start, end, day, after, read_until, now)


def test_by_default_the_whole_day_is_reported_once_it_is_over_and_read():
    start, end = NOON + HALF, NOON + 2 * HOUR
    assert span(start, end, MIDNIGHT - MINUTE, read_until=MIDNIGHT) is None
    assert span(start, end, MIDNIGHT, read_until=MIDNIGHT) == DAY
    assert span(start, end, MIDNIGHT + SETTLED - MINUTE, read_until=MIDNIGHT - MINUTE) is None
    assert span(start, end, MIDNIGHT + SETTLED, read_until=MIDNIGHT - MINUTE) == DAY


def test_soon_after_the_end_it_is_the_half_hours_of_the_dispatch():
    start, end = NOON + timedelta(minutes=40), NOON + timedelta(minutes=95)
    last = NOON + timedelta(minutes=120)
    assert span(start, end, last, after=MINUTE) is None
    assert span(start, end, last + MINUTE, after=MINUTE) == (NOON + HALF, last)
    assert span(start, end, MIDNIGHT + SETTLED, after=MINUTE) == DAY


def test_report_by_is_kept_though_the_day_is_not_over():
    """The day the clocks go back has 25 hours: its end comes after report_by."""
    begin = datetime(2026, 10, 24, 23, tzinfo=UTC)
    day = (begin, begin + 25 * HOUR)
    start, end = begin + HALF, begin + HALF + timedelta(minutes=5)
    at = end + LAST_CALL
    assert at < day[1]
    assert span(start, end, at - MINUTE, day=day) is None
    assert span(start, end, at, day=day) == (begin + HALF, begin + HOUR)


def test_a_series_that_begins_with_the_day_fills_it():
    soon = MIDNIGHT + 2 * HOUR
    assert span(MIDNIGHT, MIDNIGHT + HOUR, soon, day=NEXT, after=MINUTE) == NEXT


# -- of what -------------------------------------------------------------------------------------


def dispatch(thread: str, revision: int, *periods: Period, assets=(ASSET,)) -> Dispatch:
    slot = Slot("UKPN", "FSP7", "sandbox", "UKPN:FLEX-1", "dispatch", thread)
    header = SimpleNamespace(revision=revision, stop=False, kind="instruction")
    held = Held(thread, header, {}, NOON)  # only its revision is asked for
    return Dispatch(slot, Thread((held,)), held, assets, periods)


def test_each_dispatch_has_its_own_part_beside_the_others():
    one = dispatch("D1", 1, Period(0, NOON, NOON + HOUR, 1_000_000))
    two = dispatch("D2", 2, Period(0, NOON + HALF, NOON + 2 * HOUR, -400_000))
    assert asked_of([one, two], one, ASSET, {}) == (
        Asked(NOON, NOON + HALF, 1_000_000),
        Asked(NOON + HALF, NOON + HOUR, 1_000_000, None, (-400_000,)),
    )


def test_a_newer_set_point_hides_what_was_asked_before():
    one = dispatch("D1", 1, Period(0, NOON, NOON + HOUR, 1_000_000))
    two = dispatch("D2", 2, Period(0, NOON + HALF, NOON + HOUR, None, 5))
    assert asked_of([one, two], one, ASSET, {}) == (Asked(NOON, NOON + HALF, 1_000_000),)
    assert asked_of([one, two], two, ASSET, {}) == (Asked(NOON + HALF, NOON + HOUR, setpoint_w=5),)


def test_of_several_assets_each_is_asked_its_share():
    one = dispatch("D1", 1, Period(0, NOON, NOON + HOUR, 900_000), assets=("A", "B"))
    weights = {"A": 2, "B": 1}
    assert [a.delta_w for a in asked_of([one], one, "A", weights)] == [600_000]
    assert [a.delta_w for a in asked_of([one], one, "B", weights)] == [300_000]


# -- at a real VTN -------------------------------------------------------------------------------


async def test_a_run_to_its_end_is_reported_to_the_watt_hour(tmp_path):
    """What is delivered is what the battery's own log says it has lost, ramp and all."""
    async with agent_in(tmp_path) as agent:
        thread = await agent.dso.instruct(HALF, HOUR)
        await agent.hears()
        await agent.minutes(20, 89)
        agent.clock.set(NOON + HALF + HOUR)
        await agent.dso.instruct(3 * HOUR, HALF)  # its command is logged at the very end
        await agent.hears()
        await agent.minutes(90, 100)
        await agent.telemetry.tell()
        await agent.live(MIDNIGHT - MINUTE)
        assert bodies(agent) == []
        await agent.live(MIDNIGHT)
        texts = {t["in_reply_to"]["thread"]: t for t in agent.texts("post_action")}
        text = texts.pop(thread)
        post_action = PostAction.read(text["body"])
        (other,) = (PostAction.read(t["body"]) for t in texts.values())
        first, last = agent.told()
        lost = first["energy_wh"] - last["energy_wh"]
        names = [r.report_name for r in agent.dso.reports()]
        standings = {s.thread: s.state for s in await agent.dso.standings()}
        held = await agent.journal.read(lambda b: b.entries())
    assert sum(post_action.delivered_wh) == round(lost) == 997_222
    assert [n for n, wh in enumerate(post_action.delivered_wh) if wh] == [33, 34]
    assert post_action.delivered_wh[34] == 500_000
    assert (post_action.start, post_action.interval_s) == (MIDNIGHT - timedelta(days=1), 1800)
    assert len(post_action.delivered_wh) == len(post_action.quality) == 48
    assert post_action.quality[33:35] == ("actual", "actual")
    assert post_action.quality[:32] == ("missing",) * 32
    assert post_action.method == "device"
    assert [(n, other.quality[n]) for n, wh in enumerate(other.delivered_wh) if wh] == [
        (38, "estimated")
    ]
    assert len([n for n in names if n and n.startswith("TELEMETRY")]) == 1
    assert standings[thread] == "reported"
    answered = next(e for e in held if e.sha256 == text["in_reply_to"]["sha256"])
    assert (answered.kind, answered.slot.thread) == ("instruction", thread)


async def test_a_ceased_run_is_reported_soon_then_whole_and_answers_the_stop(tmp_path):
    async with agent_in(tmp_path) as agent:
        agent.accounts = PostActions(
            agent.journal, agent.voice, {}, agent.clock, agent.bell, after_s=60, rest_s=0.0
        )
        thread = await agent.dso.instruct(HALF, HOUR)
        await agent.hears()
        await agent.minutes(25, 44)
        await agent.dso.cease(thread, NOON + timedelta(minutes=45))
        await agent.hears()
        await agent.minutes(45, 60)
        assert bodies(agent) == []
        await agent.minutes(61, 62)
        (soon,) = bodies(agent)
        await agent.live(MIDNIGHT + SETTLED)
        await agent.live(MIDNIGHT + SETTLED + MINUTE)
        (again, whole) = bodies(agent)
        texts = agent.texts("post_action")
        held = {e.sha256: e for e in await agent.journal.read(lambda b: b.entries())}
    assert again == soon
    assert (soon.start, soon.quality) == (NOON + HALF, ("actual",))
    assert soon.delivered_wh == (250_000 - 2_778,)  # 15 minutes less the ramp up
    assert whole.delivered_wh[33] == soon.delivered_wh[0]
    assert len(whole.delivered_wh) == 48
    assert len({t["thread"] for t in texts}) == 1
    assert {held[t["in_reply_to"]["sha256"]].kind for t in texts} == {"cease"}


async def test_what_nobody_read_is_missing_and_late_readings_correct_it(tmp_path):
    async with agent_in(tmp_path) as agent:
        await agent.dso.instruct(HALF, HOUR)
        await agent.hears()
        agent.clock.set(NOON + 2 * HOUR)
        await agent.reporter.look()
        agent.clock.set(MIDNIGHT + SETTLED)
        await agent.accounts.look()
        await agent.sender.flush()
        (nothing,) = bodies(agent)
        await agent.journal.write(
            lambda b: b.readings.keep(ASSET, _readings(NOON + HALF), _mark(NOON + 2 * HALF))
        )
        await agent.live(MIDNIGHT + HOUR)
        (_, corrected) = bodies(agent)
    assert set(nothing.quality) == {"missing"}
    assert set(nothing.delivered_wh) == {0}
    assert corrected.delivered_wh[33] == 400_000
    assert corrected.quality[33] == "actual"


async def test_a_battery_that_runs_empty_has_delivered_what_it_had(tmp_path):
    small = Battery(capacity_wh=1_000_000, energy_wh=600_000)
    async with agent_in(tmp_path, small) as agent:
        thread = await agent.dso.instruct(HALF, HOUR)
        await agent.hears()
        await agent.minutes(25, 91)
        await agent.live(MIDNIGHT + SETTLED)
        (post_action,) = bodies(agent)
        states = [text["body"]["state"] for text in agent.texts("status")]
        (standing,) = await agent.dso.standings()
    assert states == ["executing", "suspended", "failed"]
    assert sum(post_action.delivered_wh) == 600_000
    assert (standing.thread, standing.state) == (thread, "reported")


async def test_minute_by_minute_a_day_comes_in_parts_that_fit(tmp_path):
    async with agent_in(tmp_path, interval_s=60) as agent:
        await agent.dso.instruct(HALF, HOUR)
        await agent.hears()
        await agent.minutes(25, 91)
        morning = _readings(DAY[0], 16 * 60, -123_456)
        await agent.journal.write(lambda b: b.readings.keep(ASSET, morning, _mark(NOON)))
        await agent.live(MIDNIGHT + SETTLED)
        parts = sorted(bodies(agent), key=lambda p: p.part)
        texts = agent.texts("post_action")
    assert [p.part for p in parts] == list(range(1, parts[0].parts + 1))
    assert len(parts) > 1
    assert [p.start for p in parts[1:]] == [
        p.start + len(p.delivered_wh) * MINUTE for p in parts[:-1]
    ]
    assert sum(len(p.delivered_wh) for p in parts) == 1440
    assert sum(sum(p.delivered_wh) for p in parts) == 997_222
    assert len({t["thread"] for t in texts}) == len(parts)


def _readings(start: datetime, count: int = 30, baseline_w: int = 0) -> list[Reading]:
    return [Reading(start + n * MINUTE, 60, 800_000 * 60, baseline_w * 60) for n in range(count)]


def _mark(at: datetime) -> Mark:
    return Mark(at, Sample(at, 800_000, 0))


@pytest.mark.parametrize("nominated_at", [0, 31])
async def test_a_nominated_baseline_counts_if_the_terms_say_so_and_it_was_made_before(
    tmp_path, nominated_at
):
    terms = {"baseline_method": "nominated"}
    async with agent_in(tmp_path, terms=terms) as agent:
        await agent.dso.instruct(HALF, HOUR)
        await agent.hears()
        nominated = Baseline(
            contract_id="UKPN:FLEX-1",
            zone="HENDON-WAY",
            assets=(Asset(ASSET),),
            start=DAY[0],
            interval_s=1800,
            baseline_w=(-100_000,) * 48,
        )
        slot = Slot("FSP7", "UKPN", "sandbox", "UKPN:FLEX-1", "baseline", "BL-1")
        agent.clock.set(NOON + nominated_at * MINUTE)
        (event_id,) = [s.event_id for s in await agent.journal.read(lambda b: b.sightings())][:1]
        await agent.journal.write(
            lambda b: declare(b, agent.voice, slot, nominated, event_id, DAY[1], agent.clock.now())
        )
        await agent.minutes(max(25, nominated_at), 91)
        await agent.live(MIDNIGHT + SETTLED)
        (post_action,) = bodies(agent)
    if nominated_at:
        assert (post_action.method, post_action.delivered_wh[34]) == ("device", 500_000)
    else:
        assert (post_action.method, post_action.delivered_wh[34]) == ("nominated", 550_000)
        assert post_action.baseline_w[34] == -100_000


def _stated(*quality: str, start: datetime = NOON, delivered_wh: int = 5) -> PostAction:
    count = len(quality)
    return PostAction(
        contract_id="UKPN:FLEX-1",
        zone="HENDON-WAY",
        assets=(Asset(ASSET),),
        start=start,
        interval_s=1800,
        metered_w=(0,) * count,
        delivered_wh=(delivered_wh,) * count,
        quality=quality,
        method="device",
    )


@pytest.mark.parametrize(
    ("new", "is_one"),
    [
        (_stated("actual", "estimated"), False),  # the same
        (_stated("actual", "actual"), True),
        (_stated("actual", "estimated", delivered_wh=6), True),
        (_stated("missing", "actual", "estimated", start=NOON - HALF), True),  # and more
        (_stated("actual", "missing"), False),
        (_stated("estimated", "actual", "actual"), False),
        (_stated("missing", start=NOON + HOUR), True),  # of another time
    ],
)
def test_a_correction_never_takes_back_what_was_read(new, is_one):
    assert corrects(new, _stated("actual", "estimated").to_json()) is is_one
