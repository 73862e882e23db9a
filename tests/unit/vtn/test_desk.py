"""The desk: what it instructs, what it refuses to, and what it knows of a dispatch afterwards."""

import asyncio
import json
from datetime import timedelta

import pytest

from tests.golden import at, life, register
from tests.shared import needs_shared
from tests.unit.ven.dso import ASSET, CONTRACT, NOON, terms
from tests.unit.vtn.scene import BEGIN, END, scene_on
from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.states import Event
from ukprofile.flex.timers import Due
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.mapping.dispatch import dispatch_event
from ukprofile.openadr import EventRequest
from ukprofile.receiving.opening import sent_entry
from vtn.domain.office import OFFICE
from vtn.domain.privacy import Viewer
from vtn.domain.record import Client, Kind, Role

MINUTE = timedelta(minutes=1)


def period(begin=BEGIN, end=END, delta_w=1_000_000, number=0, **power):
    return Period(number, begin, end, None if power else delta_w, **power)


async def text_of(scene, thread="D1"):
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if e.name == thread]
    shown = json.loads(event.body)
    payloads = shown["intervals"][0]["payloads"]
    (text,) = [p["values"][0] for p in payloads if p["type"] == "UKFLEX_MESSAGE"]
    return shown, json.loads(text)


async def events(scene):
    counts = await scene.counts()
    return counts["EVENT"], counts["outbox"]


# -- issuing ---------------------------------------------------------------------------------------


async def test_an_instruction_is_signed_stored_and_can_be_fetched(scene):
    await scene.contract()
    scene.clock.advance(timedelta(milliseconds=250))
    standing = await scene.issue()
    shown, message = await text_of(scene)
    assert shown["eventName"] == "REAL_TIME_DISPATCH"
    assert message["kind"] == "instruction"
    assert (message["issuer"], message["recipient"], message["program"]) == (
        "UKPN",
        "FSP7",
        CONTRACT,
    )
    assert message["revision"] == standing.revision == milliseconds(NOON) + 250
    assert message["issued_at"] == message["body"]["effective_at"] == time_text(NOON)
    body = message["body"]
    assert body["assets"] == [{"asset_id": ASSET}]
    assert (body["firm"], body["channel"], body["origin"]) == (True, "api", {"party": "DSO"})
    assert body["dispatch_type"] == "demand_turn_down"
    assert body["periods"] == [period().to_json()]
    assert (standing.thread, standing.provider, standing.kind) == ("D1", "FSP7", "instruction")
    assert (standing.delivery, standing.decided, standing.states) == ("issued", "", ())
    assert standing.periods == (period(),)
    assert await scene.desk.dispatches() == [standing]


@pytest.mark.parametrize(
    ("begins_in", "ack_in", "accept_in"),
    [
        (timedelta(hours=3), timedelta(minutes=15), timedelta(hours=3)),
        (timedelta(hours=1, seconds=1), timedelta(minutes=15), timedelta(hours=1, seconds=1)),
        (timedelta(hours=1), MINUTE, timedelta(hours=1)),
        (timedelta(minutes=31), MINUTE, timedelta(minutes=31)),
        (timedelta(seconds=30), MINUTE, MINUTE),
    ],
)
async def test_deadlines_follow_from_how_soon_it_starts(begins_in, ack_in, accept_in):
    async with scene_on("memory") as scene:
        await scene.contract(windows=[{**terms()["windows"][0], "start": "16:00"}], notice_s=0)
        begin = NOON + begins_in
        await scene.issue(periods=(period(begin, begin + timedelta(hours=1)),))
        _, message = await text_of(scene)
        assert message["body"]["ack_by"] == time_text(NOON + ack_in)
        assert message["accept_by"] == time_text(NOON + accept_in)
        assert message["valid_until"] == time_text(begin + timedelta(hours=1))
        (standing,) = await scene.desk.dispatches()
        assert standing.ack_by == NOON + ack_in


async def test_the_contract_says_when_an_acknowledgement_is_due():
    async with scene_on("memory") as scene:
        await scene.contract(ack_s=77)
        begin = BEGIN + timedelta(hours=1)
        standing = await scene.issue(periods=(period(begin, begin + timedelta(hours=1)),))
        assert standing.ack_by == NOON + timedelta(seconds=77)


@pytest.mark.parametrize(
    ("power", "given", "said"),
    [
        ({"delta_w": 1000}, None, "demand_turn_down"),
        ({"delta_w": -1000}, None, "demand_turn_up"),
        ({"delta_w": 1000}, "generation_turn_up", "generation_turn_up"),
        ({"setpoint_w": 5000}, "generation_turn_up", None),
    ],
)
async def test_the_type_follows_from_the_sign_unless_it_is_said(power, given, said):
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue(periods=(Period(0, BEGIN, END, **power),), dispatch_type=given)
        _, message = await text_of(scene)
        assert message["body"].get("dispatch_type") == said


REFUSALS = {
    "NOT_FOUND": {"contract_id": "UKPN:FLEX-2"},
    "PERIODS_INVALID": {"periods": ()},
    "PERIODS_INVALID reversed": {"periods": (period(END, BEGIN),)},
    "POWER_FORM": {"periods": (Period(0, BEGIN, END),)},
    "POWER_FORM both": {"periods": (Period(0, BEGIN, END, 1, 1),)},
    "POWER_FORM mixed": {
        "periods": (
            period(end=BEGIN + 30 * MINUTE),
            period(BEGIN + 30 * MINUTE, number=1, setpoint_w=1),
        )
    },
    "SIGN_MISMATCH": {"dispatch_type": "demand_turn_up"},
    "BODY_VALUE": {"dispatch_type": "dance"},
    "ASSET_UNKNOWN": {"assets": ("UKPN-AS-9",)},
    "OVER_CAPACITY": {"periods": (period(delta_w=1_500_001),)},
    "OUTSIDE_WINDOW": {"periods": (period(end=NOON + timedelta(hours=5)),)},
    "BELOW_MIN_RUN": {"periods": (period(end=BEGIN + 29 * MINUTE),)},
    "NOTICE_SHORT": {"periods": (period(NOON + MINUTE, NOON + 40 * MINUTE),)},
    "EXPIRED": {"periods": (period(NOON - timedelta(days=1), NOON - timedelta(hours=23)),)},
    "BODY_VALUE thread": {"thread": "no thread"},
    "BODY_VALUE long": {"thread": "x" * 65},
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_breaks_a_rule_is_refused_and_not_stored(scene, case):
    await scene.contract(windows=[{**terms()["windows"][0], "start": "16:00"}])
    before = await events(scene)
    with pytest.raises(Refused) as refused:
        await scene.issue(**REFUSALS[case])
    assert refused.value.reason == case.split()[0]
    assert await events(scene) == before
    assert await scene.desk.dispatches() == []


async def test_a_contract_without_terms_or_without_a_ven_is_not_in_force(scene):
    await scene.office.add_client("FSP7", Role.VEN)
    scene.store.cut_at(4)  # program, grant, asset; no terms
    with pytest.raises(Refused, match="STORE_DOWN"):
        await scene.office.add_contract(terms(), "FSP7")
    with pytest.raises(Refused, match="CONTRACT_NOT_IN_FORCE"):
        await scene.issue()
    await scene.office.add_contract(terms(), "FSP7")
    (ven,) = scene.objects(Kind.VEN)
    body = {"objectType": "BL_VEN_REQUEST", "venName": "FSP7", "clientID": "fsp7", "targets": []}
    await scene.vtn.objects.update(Kind.VEN, ven["id"], body, OFFICE)
    with pytest.raises(Refused, match="CONTRACT_NOT_IN_FORCE"):
        await scene.issue()


async def test_two_dispatches_share_the_capacity(scene):
    await scene.contract()
    await scene.issue("D1")
    with pytest.raises(Refused, match=r"OVER_CAPACITY.*1,600,000"):
        await scene.issue("D2", periods=(period(delta_w=600_000),))
    await scene.issue("D3", periods=(period(delta_w=500_000),))
    assert [s.thread for s in await scene.desk.dispatches()] == ["D1", "D3"]


async def test_unchecked_leaves_out_our_rules_and_nothing_else(scene):
    await scene.contract()
    wrong = {"assets": ("UKPN-AS-9",), "periods": (period(delta_w=9_000_000),)}
    standing = await scene.issue(unchecked=True, **wrong)
    assert standing.periods[0].delta_w == 9_000_000
    with pytest.raises(Refused, match="STATE_INVALID: D1 is there already, and confirmed: vary it"):
        await scene.issue(unchecked=True, **wrong)


async def test_unchecked_counts_in_a_sandbox_only():
    async with scene_on("memory") as scene:
        await scene.contract()
        scene.desk._signer._environment = "production"
        with pytest.raises(Refused, match="SCOPE_MISSING: only a sandbox"):
            await scene.issue(unchecked=True, periods=(period(delta_w=9_000_000),))


async def test_a_thread_is_used_once(scene):
    await scene.contract()
    await scene.issue()
    before = await events(scene)
    scene.clock.advance(MINUTE)
    with pytest.raises(Refused, match="STATE_INVALID: D1 is there already"):
        await scene.issue(periods=(period(delta_w=1000),))
    assert await events(scene) == before
    (standing,) = await scene.desk.dispatches()
    assert standing.periods == (period(),)


async def test_of_two_issues_of_one_thread_at_once_one_stands(scene):
    await scene.contract()
    before = await events(scene)
    both = [scene.issue(periods=(period(delta_w=watts),)) for watts in (1000, 2000)]
    done = await asyncio.gather(*both, return_exceptions=True)
    (refused,) = [d for d in done if isinstance(d, Refused)]
    (stood,) = [d for d in done if not isinstance(d, Refused)]
    assert refused.reason in ("EQUIVOCATION", "THREAD_MISPLACED", "STALE")
    assert await scene.desk.dispatches() == [stood]
    assert await events(scene) == (before[0] + 1, before[1] + 1)


async def test_a_dispatch_without_a_name_gets_one_of_its_own(scene):
    await scene.contract()
    some = [await scene.issue("", periods=(period(delta_w=1000),)) for _ in range(2)]
    assert len({s.thread for s in some}) == 2
    assert all(s.thread.startswith("DSP-") for s in some)


async def test_a_store_that_fails_leaves_no_dispatch_and_it_can_be_said_again(scene):
    await scene.contract()
    before = await events(scene)
    scene.store.cut_at(1)
    with pytest.raises(Refused, match="STORE_DOWN"):
        await scene.issue()
    assert (await events(scene), await scene.desk.dispatches()) == (before, [])
    await scene.issue()
    assert len(await scene.desk.dispatches()) == 1


async def test_a_clock_that_stepped_back_does_not_stop_new_dispatches(scene):
    await scene.contract()
    first = await scene.issue("D1", periods=(period(delta_w=1000),))
    scene.clock.advance(timedelta(minutes=-10))
    second = await scene.issue("D2", periods=(period(delta_w=1000),))
    assert second.revision == first.revision - 600_000
    assert [s.thread for s in await scene.desk.dispatches()] == ["D2", "D1"]


# -- knowing ---------------------------------------------------------------------------------------


async def standing_of(scene):
    (standing,) = await scene.desk.dispatches()
    return standing


async def test_a_dispatch_from_issued_to_completed(scene):
    await scene.contract()
    await scene.issue()
    scene.clock.advance(15 * timedelta(seconds=1))
    await scene.acknowledges("D1")
    standing = await standing_of(scene)
    assert (standing.delivery, standing.decided) == ("acknowledged", "received")
    for when, state in ((BEGIN, "executing"), (END, "completed")):
        scene.clock.set(when)
        await scene.says("D1", state)
    standing = await standing_of(scene)
    assert standing.states == (("executing", BEGIN), ("completed", END))
    scene.clock.set(END + timedelta(hours=23))
    assert (await standing_of(scene)).states == standing.states
    scene.clock.set(END + timedelta(days=1, seconds=1))
    assert await scene.desk.dispatches() == []


async def test_silence_is_overdue_after_ack_by_and_an_answer_still_ends_it(scene):
    await scene.contract()
    issued = await scene.issue()
    scene.clock.set(issued.ack_by)
    assert (await standing_of(scene)).delivery == "issued"
    scene.clock.advance(timedelta(seconds=1))
    assert (await standing_of(scene)).delivery == "overdue"
    await scene.acknowledges("D1", "late")
    standing = await standing_of(scene)
    assert (standing.delivery, standing.decided) == ("acknowledged", "late")


async def test_where_it_stands_and_which_timer_is_next(scene):
    await scene.contract()
    issued = await scene.issue()
    assert (issued.state, issued.timer, issued.flags) == ("confirmed", Due(Event.START, BEGIN), ())
    await scene.acknowledges("D1")
    seen = []
    for when in (BEGIN, BEGIN + 7 * MINUTE, END):
        scene.clock.set(when)
        standing = await standing_of(scene)
        seen.append((standing.state, standing.timer.event, standing.flags))
    assert seen == [
        ("running", "started_by", ()),
        ("running", "end", ("not_started",)),
        ("completed", "report_by", ("not_started",)),
    ]


async def test_a_refused_dispatch_waits_for_nothing(scene):
    await scene.contract()
    await scene.issue(unchecked=True, assets=("UKPN-AS-9",))
    await scene.acknowledges("D1", "refused", "ASSET_UNKNOWN")
    standing = await standing_of(scene)
    assert (standing.state, standing.timer) == ("refused", None)


async def test_a_refusal_is_shown_with_its_reason(scene):
    await scene.contract()
    await scene.issue(unchecked=True, assets=("UKPN-AS-9",))
    scene.clock.advance(timedelta(seconds=5))
    await scene.acknowledges("D1", "refused", "ASSET_UNKNOWN")
    standing = await standing_of(scene)
    assert (standing.delivery, standing.decided, standing.reason) == (
        "acknowledged",
        "refused",
        "ASSET_UNKNOWN",
    )


async def cease(scene, **changes):
    when = scene.clock.now() + 5 * MINUTE
    body = {
        "contract_id": CONTRACT,
        "zone": "HENDON-WAY",
        "assets": [{"asset_id": ASSET}],
        "cease_at": time_text(when),
        "mode": "ramp",
        "reason": "over",
        "periods": [period(end=when).to_json()],
        **changes,
    }
    sealed, header = await scene.desk._signer.sign(
        "cease", CONTRACT, "FSP7", "D1", body, scene.clock.now(), valid_until=END
    )
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if e.name == "D1"]
    request = dispatch_event(sealed, header, {**body, "periods": []}, event.program_id)
    return when, event, header, sealed, request


async def test_a_cease_is_to_be_acknowledged_anew_and_shortens_what_is_shown(scene):
    await scene.contract()
    await scene.issue()
    await scene.acknowledges("D1")
    scene.clock.set(BEGIN + 10 * MINUTE)
    await scene.says("D1", "executing")
    when, event, header, _, request = await cease(scene, periods=[])
    await scene.vtn.objects.update(Kind.EVENT, event.id, request.dump(), OFFICE)
    standing = await standing_of(scene)
    assert (standing.kind, standing.delivery) == ("cease", "issued")
    assert standing.revision == header.revision
    assert standing.periods == (period(end=when),)
    assert standing.ack_by == scene.clock.now() + MINUTE
    assert [state for state, _ in standing.states] == ["executing"]
    scene.clock.set(when)
    await scene.acknowledges("D1")
    await scene.says("D1", "ceased")
    standing = await standing_of(scene)
    assert standing.delivery == "acknowledged"
    assert [state for state, _ in standing.states] == ["executing", "ceased"]


async def test_a_stop_that_says_nonsense_of_periods_is_shown_all_the_same(scene):
    """It acts by its header and cease_at alone: nothing else in it need be readable."""
    await scene.contract()
    await scene.issue()
    scene.clock.set(BEGIN)
    when, _, header, sealed, _ = await cease(scene, periods="none of them", ack_by=5)
    assert header.stop
    entry = sent_entry(sealed, scene.clock.now())
    await scene.store.write(lambda tx: tx.keep(entry))
    standing = await standing_of(scene)
    assert (standing.kind, standing.periods) == ("cease", (period(end=when),))


@needs_shared
async def test_the_golden_life_as_the_desk_sees_it():
    """Instruction 12, variation 15, cease 17, with their answers, each taken as it was made."""
    async with scene_on("memory") as scene:
        ids = await golden_contract(scene)

        async def told(number, when):
            scene.clock.set(at(when))
            body = {**life(number), "programID": ids["program"]}
            if "event" in ids:
                await scene.vtn.objects.update(Kind.EVENT, ids["event"], body, OFFICE)
            else:
                made = await scene.vtn.objects.create(Kind.EVENT, body, OFFICE)
                ids["event"] = json.loads(made.body)["id"]

        async def answered(number, when):
            scene.clock.set(at(when))
            body = {**life(number), "eventID": ids["event"]}
            await scene.vtn.objects.create(Kind.REPORT, body, AS_FSP7)

        seen = []
        for number, when in GOLDEN:
            await (answered if "eventID" in life(number) else told)(number, when)
            standing = await standing_of(scene)
            states = " ".join(state for state, _ in standing.states)
            seen.append((number, standing.kind, standing.delivery, states, standing.state))
        assert seen == [
            ("12", "instruction", "issued", "", "confirmed"),
            ("13", "instruction", "acknowledged", "", "confirmed"),
            ("14", "instruction", "acknowledged", "executing", "running"),
            ("15", "variation", "issued", "executing", "running"),
            ("16", "variation", "acknowledged", "executing", "running"),
            ("17", "cease", "issued", "executing", "ceased"),
            ("18", "cease", "acknowledged", "executing", "ceased"),
            ("19", "cease", "acknowledged", "executing ceased", "ceased"),
        ]


GOLDEN = (
    ("12", "2026-03-29T12:20:00Z"),
    ("13", "2026-03-29T12:20:15Z"),
    ("14", "2026-03-29T15:35:30Z"),
    ("15", "2026-03-29T16:10:00Z"),
    ("16", "2026-03-29T16:10:10Z"),
    ("17", "2026-03-29T16:38:00Z"),
    ("18", "2026-03-29T16:38:10Z"),
    ("19", "2026-03-29T16:50:00Z"),
)
AS_FSP7 = Viewer("fsp7-client", Role.VEN, frozenset({"write_reports", "read_targets"}))


async def golden_contract(scene):
    """The golden contract in this VTN; the id of its program."""
    fsp7 = Client("fsp7-client", "FSP7", Role.VEN, AS_FSP7.scopes, b"", NOON)
    scene.clock.set(at("2026-02-20T10:00:00Z"))

    def known(tx):
        tx.put_client(fsp7)
        for key_set in register():
            tx.put_key_set(key_set)

    await scene.store.write(known)
    made = await scene.vtn.objects.create(Kind.PROGRAM, life("01"), OFFICE)
    ids = {"program": json.loads(made.body)["id"]}
    await scene.vtn.objects.create(Kind.VEN, life("03"), OFFICE)
    terms_event = EventRequest.read({**life("05"), "programID": ids["program"]})
    await scene.vtn.objects.create(Kind.EVENT, terms_event.dump(), OFFICE)
    return ids
