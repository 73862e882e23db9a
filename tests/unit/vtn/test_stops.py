"""Cease and cancel at the desk: what is signed, what the FSP makes of it, and what is refused."""

import json
from datetime import timedelta

import pytest

from tests.unit.ven.dso import ASSET, CONTRACT
from tests.unit.vtn.scene import BEGIN, END, scene_on
from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from ukprofile.mapping.carrier import message_in, projection_in
from ukprofile.openadr import Event
from ukprofile.receiving import Carrier, Context, MemoryLedger, decide, open_message
from ukprofile.receiving.thread import thread_of
from vtn.domain.record import Kind

MINUTE = timedelta(minutes=1)


class Fsp:
    """An FSP that reads every event, whenever it looks, and remembers what it decided."""

    def __init__(self, scene) -> None:
        self.scene, self.ledger, self.slot = scene, MemoryLedger(), None

    def look(self, thread="D1"):
        """The decision about the event of `thread`, as it stands now."""
        scene = self.scene
        context = Context(
            "FSP7",
            "ven",
            scene.vtn.settings.environment,
            scene.vtn.office.register,
            {CONTRACT: frozenset({"UKPN"})},
        )
        decisions = {}
        records = scene.store.live.find(Kind.EVENT)
        for record in sorted(records, key=lambda r: r.name == thread):  # contract terms first
            event = Event.read(json.loads(record.body) | {"targets": list(record.targets)})
            carried = message_in(event.intervals)
            projected = projection_in(event) if record.name == thread else None
            carrier = Carrier(CONTRACT, "", projected)
            now = scene.clock.now()
            opened = open_message(carried.text, carried.signatures, context, now, carrier)
            decisions[record.name] = decision = decide(opened, self.ledger, now)
            if decision.entry is not None:
                self.ledger.keep(decision.entry)
            if record.name == thread:
                self.slot = opened.slot
        return decisions[thread]

    @property
    def plan(self):
        return thread_of(self.ledger, self.slot).plan


async def body_of(scene, thread="D1"):
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if e.name == thread]
    shown = json.loads(event.body)
    texts = [p for p in shown["intervals"][0]["payloads"] if p["type"] == "UKFLEX_MESSAGE"]
    return shown, json.loads(texts[0]["values"][0])


async def test_a_running_dispatch_is_ceased_now(scene):
    await scene.contract()
    issued = await scene.issue()
    fsp = Fsp(scene)
    assert fsp.look().verdict == "act"
    scene.clock.set(BEGIN + 10 * MINUTE + timedelta(milliseconds=300))
    standing = await scene.cease("D1", reason="NETWORK_RESTORED")
    assert (standing.kind, standing.thread, standing.delivery) == ("cease", "D1", "issued")
    assert standing.revision > issued.revision
    event, message = await body_of(scene)
    assert event["eventName"] == "REAL_TIME_DISPATCH"
    body = message["body"]
    assert body["cease_at"] == time_text(BEGIN + 10 * MINUTE)
    assert (body["mode"], body["reason"]) == ("ramp", "NETWORK_RESTORED")
    assert body["assets"] == [{"asset_id": ASSET}]
    assert [(p["start"], p["end"]) for p in body["periods"]] == [
        (time_text(BEGIN), time_text(BEGIN + 10 * MINUTE))
    ]
    decision = fsp.look()
    assert (decision.verdict, decision.alarm) == ("act", "")
    assert fsp.plan[-1].end == scene.clock.now()  # at receipt, never before


async def test_a_dispatch_is_ceased_at_a_time_to_come(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    at = BEGIN + 40 * MINUTE
    standing = await scene.cease("D1", at=at, mode="immediate")
    assert standing.periods[-1].end == at
    assert (await body_of(scene))[1]["body"]["mode"] == "immediate"
    assert fsp.look().verdict == "act"
    assert fsp.plan[-1].end == at


async def test_a_cease_is_final_and_of_two_the_earlier_counts(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    await scene.cease("D1", at=BEGIN + 20 * MINUTE)
    fsp.look()
    await scene.cease("D1", at=BEGIN + 10 * MINUTE)
    fsp.look()
    assert fsp.plan[-1].end == BEGIN + 10 * MINUTE
    assert (await scene.desk.dispatches())[0].periods[-1].end == BEGIN + 10 * MINUTE


async def test_a_cancelled_dispatch_is_void(scene):
    await scene.contract()
    await scene.issue()
    fsp = Fsp(scene)
    fsp.look()
    standing = await scene.cancel("D1", reason="NOT_REQUIRED")
    assert (standing.kind, standing.state.value, standing.periods) == (
        "cancellation",
        "cancelled",
        (),
    )
    event, message = await body_of(scene)
    assert message["body"]["of"] == "dispatch"
    assert message["body"]["periods"] == []
    period = event["intervals"][0]["intervalPeriod"]
    assert period == {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"}
    decision = fsp.look()
    assert (decision.verdict, decision.alarm) == ("act", "")
    assert fsp.plan == ()


async def test_the_refused_is_not_stored(scene):
    await scene.contract()
    await scene.issue()
    before = await body_of(scene)
    for at in (None, BEGIN):
        with pytest.raises(Refused, match=r"D1 would have nothing left: cancel it"):
            await scene.cease("D1", at=at)
    scene.clock.set(BEGIN)
    with pytest.raises(Refused, match=r"STATE_INVALID: D1 has begun and is running: cease it"):
        await scene.cancel("D1")
    scene.clock.set(END)
    with pytest.raises(Refused, match=r"STATE_INVALID: D1 has nothing left to cease"):
        await scene.cease("D1")
    for stop in (scene.cease, scene.cancel):
        with pytest.raises(Refused, match="NOT_FOUND: there is no dispatch D9"):
            await stop("D9")
        with pytest.raises(Refused, match="NOT_FOUND"):
            await stop("D1", contract_id="UKPN:NONE")
    assert await body_of(scene) == before


async def test_what_is_cancelled_cannot_be_ceased_or_revived():
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue()
        await scene.cancel("D1")
        with pytest.raises(Refused, match="STATE_INVALID"):
            await scene.cease("D1")
        with pytest.raises(Refused, match=r"STATE_INVALID: D1 is there already, and cancelled"):
            await scene.issue()


async def test_a_contract_event_is_no_dispatch(scene):
    await scene.contract()
    (terms,) = [e.name for e in scene.store.live.find(Kind.EVENT)]
    with pytest.raises(Refused, match="NOT_FOUND"):
        await scene.cease(terms)
