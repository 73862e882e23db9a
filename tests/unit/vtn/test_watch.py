"""The watch on both stores: raised once, over again, whatever stops it and whenever it starts."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.listening import Heard
from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, terms
from tests.unit.vtn.scene import AS_FSP7, BEGIN, COMMON, END, scene_on
from tests.unit.vtn.test_desk import cease
from tests.waiting import until
from ukprofile.errors import Refused
from ukprofile.flex.answer import Unavailability
from ukprofile.flex.dispatch import Period
from ukprofile.flex.header import Header, uuid7
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.mapping.answer import answer_report
from ukprofile.signing import seal
from vtn.app import watching
from vtn.domain import watch as watch_module
from vtn.domain import watched
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind
from vtn.domain.watch import Watch

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


class Lines(Heard):
    """What the watch said in the log, and the alarms it left in the store."""

    def __init__(self, scene) -> None:
        super().__init__()
        self.scene = scene
        self.said: list[dict] = []

    def _take(self, logger, method, event):
        self.said.append(dict(event))
        return super()._take(logger, method, event)

    def of(self, event):
        return [line["cause"] for line in self.said if line["event"] == event]

    async def alarms(self, **which):
        return list(await self.scene.store.read(lambda tx: tx.alarms(**which)))

    async def standing(self, *causes):
        """Wait until exactly these alarms stand, and the log has been told."""

        async def so():
            events = [line["event"] for line in self.said]
            told = events.count("alarm") + events.count("alarm stands")
            as_told = told - events.count("alarm over") == len(causes)
            kept = sorted(a.concern.cause for a in await self.alarms())
            return as_told and kept == sorted(causes)

        try:
            await until(so, timeout_s=10)
        except TimeoutError:
            raise AssertionError([a.concern.text for a in await self.alarms()]) from None


@asynccontextmanager
async def watched_by(scene, lines=None):
    lines = lines or Lines(scene)
    watch = Watch(scene.store, scene.clock, lines.log)
    async with watching(replace(scene.vtn, watch=watch)):
        yield lines


async def declares(scene, start, end, thread="U1", reason="MAINTENANCE"):
    """FSP7 says that its asset cannot run, in a report on the contract's event."""
    now = scene.clock.now()
    body = Unavailability(**COMMON, unit=ASSET, start=start, end=end, reason=reason).to_json()
    header = Header(
        kind="unavailability",
        message_id=uuid7(now, bytes),
        issuer="FSP7",
        recipient="UKPN",
        environment="sandbox",
        program=CONTRACT,
        thread=thread,
        revision=milliseconds(now),
        issued_at=now,
        valid_until=end,
        key_set=FSP7.key_set,
    )
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if not str(e.name).startswith("D")]
    report = answer_report(seal(header.to_json(body), FSP7, 1), header, body, event.id)
    await scene.vtn.objects.create(Kind.REPORT, report.dump(), AS_FSP7)


# -- raised and over -------------------------------------------------------------------------------


async def test_a_life_in_alarms_by_the_clock_and_by_texts(scene):
    await scene.contract()
    async with watched_by(scene) as lines:
        issued = await scene.issue()
        scene.clock.set(issued.ack_by)
        scene.clock.advance(SECOND)
        await lines.standing("unacknowledged")
        await scene.acknowledges("D1")
        await lines.standing()
        scene.clock.set(BEGIN + 6 * MINUTE + SECOND)
        await lines.standing("not_started")
        await scene.says("D1", "executing")
        await lines.standing()
        scene.clock.advance(MINUTE)
        await scene.says("D1", "suspended")
        await lines.standing("not_delivered")
        scene.clock.advance(MINUTE)
        await scene.says("D1", "resumed")
        await lines.standing()
        scene.clock.set(END + timedelta(hours=24, seconds=1))
        await lines.standing("not_reported")
        scene.clock.set(END + timedelta(days=28))
        await lines.standing()
    order = ["unacknowledged", "not_started", "not_delivered", "not_reported"]
    assert lines.of("alarm") == order
    kept = await lines.alarms(all=True)
    assert [a.concern.cause for a in kept] == order
    assert kept[0].raised_at == issued.ack_by + SECOND
    assert all(a.over_at is not None and a.over_at >= a.raised_at for a in kept)
    assert [line["key"] for line in lines.said if line["event"] == "alarm over"] == [
        a.concern.key for a in kept
    ]


async def test_the_line_of_an_alarm_says_all_that_is_known(scene):
    await scene.contract()
    async with watched_by(scene) as lines:
        issued = await scene.issue()
        scene.clock.set(issued.ack_by + SECOND)
        await lines.standing("unacknowledged")
    (line,) = [line for line in lines.said if line["event"] == "alarm"]
    ((alarm,),) = (await lines.alarms(),)
    assert line == {
        "event": "alarm",
        "alarm": "OVERDUE",
        "severity": "alarm",
        "cause": "unacknowledged",
        "key": alarm.concern.key,
        "contract_id": CONTRACT,
        "provider": "FSP7",
        "thread": "D1",
        "since": "2026-11-24T16:01:00Z",
        "detail": alarm.concern.text,
        "log": "security",
    }


async def test_what_lies_across_a_dispatch_is_seen_from_either_end(scene):
    await scene.contract()
    async with watched_by(scene) as lines:
        await scene.issue("D1")
        await scene.acknowledges("D1")
        await declares(scene, BEGIN, BEGIN + 10 * MINUTE)
        await lines.standing("unavailable")
        scene.clock.advance(SECOND)
        half = (Period(0, BEGIN + 30 * MINUTE, END, 500_000),)
        await scene.issue("D2", periods=(replace(half[0], end=END + 30 * MINUTE),))
        await scene.acknowledges("D2")
        await lines.standing("unavailable", "overlap")
        scene.clock.advance(SECOND)
        await declares(scene, END + 2 * 60 * MINUTE, END + 3 * 60 * MINUTE)
        await lines.standing("overlap")
        await scene.cancel("D1")
        await scene.acknowledges("D1")
        await lines.standing()


async def test_new_terms_move_the_timers_of_what_is_dispatched_already(scene):
    await scene.contract()
    await scene.issue()
    await scene.acknowledges("D1")
    async with watched_by(scene) as lines:
        scene.clock.set(BEGIN + 2 * MINUTE)
        await scene.office.add_contract(terms(ramp_s=0), "FSP7")
        await lines.standing("not_started")


# -- stopped and started ---------------------------------------------------------------------------


async def test_started_again_it_raises_nothing_twice_and_says_what_stands(scene):
    await scene.contract()
    issued = await scene.issue()
    scene.clock.set(issued.ack_by + SECOND)
    async with watched_by(scene) as lines:
        await lines.standing("unacknowledged")
    async with watched_by(scene) as again:
        await until(lambda: again.of("alarm stands") == ["unacknowledged"])
        await scene.acknowledges("D1")
        await again.standing()
    assert again.of("alarm") == []
    assert len(await again.alarms(all=True)) == 1


async def test_what_happened_while_nobody_watched_is_made_up_for(scene):
    await scene.contract()
    issued = await scene.issue()
    scene.clock.set(issued.ack_by + SECOND)
    async with watched_by(scene) as lines:
        await lines.standing("unacknowledged")
    await scene.acknowledges("D1")
    scene.clock.set(BEGIN + 7 * MINUTE)
    async with watched_by(scene) as lines:
        await lines.standing("not_started")
    scene.clock.set(END + timedelta(days=300))
    async with watched_by(scene) as lines:
        await lines.standing()
    assert [a.over_at is None for a in await lines.alarms(all=True)] == [False, False]


async def test_what_an_fsp_cannot_run_is_known_though_it_said_so_before_anybody_watched(scene):
    await scene.contract()
    await declares(scene, BEGIN, BEGIN + 10 * MINUTE)
    async with watched_by(scene) as lines:
        await scene.issue()
        await lines.standing("unavailable")
    async with watched_by(scene) as lines:
        await until(lambda: lines.of("alarm stands") == ["unavailable"])
        await scene.cancel()
        await lines.standing()


async def test_while_nothing_happens_nothing_is_read(monkeypatch):
    monkeypatch.setattr(watch_module, "_PAUSE_S", 0)
    async with scene_on("memory") as scene:
        await scene.contract()
        async with watched_by(scene) as lines:
            await scene.issue(unchecked=True, assets=("UKPN-AS-9",))
            await scene.acknowledges("D1", "refused", "ASSET_UNKNOWN")
            await lines.standing("refused")
            reads = 0

            async def read(question):
                nonlocal reads
                reads += 1
                return await scene.store.store.read(question)

            monkeypatch.setattr(scene.store, "read", read)
            for _ in range(200):
                await asyncio.sleep(0)
            assert reads <= 1


@pytest.mark.parametrize("n", [1, 2])
async def test_a_store_that_fails_delays_an_alarm_and_loses_none(scene, n, monkeypatch):
    monkeypatch.setattr(watch_module, "_RETRY_S", 0.01)
    await scene.contract()
    issued = await scene.issue()
    async with watched_by(scene) as lines:
        if n == 2:
            scene.clock.set(issued.ack_by + SECOND)
            await lines.standing("unacknowledged")
        scene.store.cut_at(1 if n == 1 else 2)  # the second write is the acknowledgement's own
        if n == 1:
            scene.clock.set(issued.ack_by + SECOND)
            await lines.standing("unacknowledged")
        else:
            await scene.acknowledges("D1")
            await lines.standing()
    assert [line["reason"] for line in lines.said if line["event"] == "the watch cannot look"] == [
        "STORE_DOWN"
    ]
    assert lines.of("alarm") == ["unacknowledged"]


async def test_a_dispatch_that_cannot_be_judged_is_an_alarm_and_the_others_are_watched(
    scene, monkeypatch
):
    look = watched.look

    def fails_for_d1(dispatch):
        if dispatch.slot.thread == "D1":
            raise ZeroDivisionError
        return look(dispatch)

    monkeypatch.setattr(watched, "look", fails_for_d1)
    await scene.contract()
    async with watched_by(scene) as lines:
        await scene.issue("D1", periods=(Period(0, BEGIN, END, 1000),))
        issued = await scene.issue("D2", periods=(Period(0, END, END + 60 * MINUTE, 1000),))
        await lines.standing("unreadable")
        scene.clock.set(issued.ack_by + SECOND)
        await lines.standing("unreadable", "unacknowledged")
    assert "ZeroDivisionError" in (await lines.alarms())[0].concern.text


async def test_a_cease_that_ends_nothing_earlier_waits_for_no_acknowledgement(scene):
    """It is in no event (ALREADY_STOPPED): no FSP can ever acknowledge it."""
    await scene.contract()
    await scene.issue()
    await scene.acknowledges("D1")
    async with watched_by(scene) as lines:
        scene.clock.set(BEGIN + MINUTE)
        await scene.says("D1", "executing")
        await scene.cease("D1", at=BEGIN + 10 * MINUTE)
        await scene.acknowledges("D1")
        scene.clock.advance(SECOND)
        _, event, _, _, request = await cease(scene, cease_at=time_text(BEGIN + 20 * MINUTE))
        await scene.vtn.objects.update(Kind.EVENT, event.id, request.dump(), OFFICE)
        scene.clock.set(BEGIN + 9 * MINUTE)
        await scene.issue("D2", periods=(Period(0, END, END + 60 * MINUTE, 1000),))
        scene.clock.set(BEGIN + 11 * MINUTE)
        await lines.standing("unacknowledged")  # that of D2
    assert [a.concern.thread for a in await lines.alarms(all=True)] == ["D2"]


# -- only what is touched --------------------------------------------------------------------------


async def test_a_text_makes_it_read_the_dispatch_it_touches_and_no_other(scene, monkeypatch):
    read, seen = watched.read_dispatch, []

    def counted(tx, slot, now):
        seen.append(slot.thread)
        return read(tx, slot, now)

    monkeypatch.setattr(watched, "read_dispatch", counted)
    await scene.contract()
    for n in range(5):
        start = BEGIN + n * 30 * MINUTE
        await scene.issue(f"D{n}", periods=(Period(0, start, start + 30 * MINUTE, 1000),))
    async with watched_by(scene):
        await until(lambda: len(seen) == 5)
        seen.clear()
        await scene.acknowledges("D3")
        await until(lambda: seen)
        await telemetry(scene, "D3")
        await scene.acknowledges("D4")
        await until(lambda: seen[-1] == "D4")
    assert seen == ["D3", "D4"]


async def telemetry(scene, thread):
    """A report that carries no signed text."""
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if e.name == thread]
    body = {
        "objectType": "REPORT",
        "eventID": event.id,
        "clientName": "FSP7",
        "reportName": "telemetry",
        "resources": [
            {
                "resourceName": ASSET,
                "intervals": [{"id": 0, "payloads": [{"type": "READING", "values": [1.5]}]}],
            }
        ],
    }
    await scene.vtn.objects.create(Kind.REPORT, json.loads(json.dumps(body)), AS_FSP7)


async def test_a_cancelled_watch_ends_and_hears_no_more(scene):
    async with watched_by(scene):
        await asyncio.sleep(0)
    assert not scene.store.live._listeners


async def test_an_unchecked_refusal_is_told_with_its_reason():
    async with scene_on("memory") as scene:
        await scene.contract()
        async with watched_by(scene) as lines:
            await scene.issue(unchecked=True, assets=("UKPN-AS-9",))
            await scene.acknowledges("D1", "refused", "ASSET_UNKNOWN")
            await lines.standing("refused")
        assert "ASSET_UNKNOWN" in (await lines.alarms())[0].concern.text
        with pytest.raises(Refused):
            await scene.cease("D1")
