"""Listening, at a real VTN: what arrives, what is missing, and what being out of contact changes."""

import random
import secrets
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import structlog

from tests.unit.ven.dso import CONTRACT, FSP7, NOON, Dso, dso_with_fsp7
from tests.unit.ven.gate import gate_before
from ukprofile.clock import ManualClock
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import ReportRequest
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ven.alarms import Alarms
from ven.answer import Voice
from ven.bell import Bell
from ven.journal import Journal
from ven.listen import Listener, Party
from ven.receive import Receiver
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind

HALF, HOUR = timedelta(minutes=30), timedelta(hours=1)


class Ears:
    """A listener at a DSO, over a journal."""

    def __init__(self, dso: Dso, journal: Journal, client: Client, clock: ManualClock) -> None:
        self.dso, self.journal, self.client, self.clock = dso, journal, client, clock
        self.bell = Bell()
        self.ear = self.bell.ear()
        self.listener = self.another()

    def another(self, client: Client | None = None) -> Listener:
        alarms = Alarms(self.journal, structlog.get_logger())
        voice = Voice(FSP7, 1, "sandbox", secrets.token_bytes)
        me = Party(party="FSP7", environment="sandbox", register=self.dso.register, weights={})
        return Listener(
            client or self.client,
            self.journal,
            alarms,
            Receiver(self.journal, alarms, voice, self.clock, {}),
            self.bell,
            self.clock,
            me,
            poll_s=5.0,
            random=random.Random(1),
        )

    async def look(self) -> float:
        return await self.listener.look()

    async def kinds(self) -> list[str]:
        entries = await self.journal.read(lambda b: b.entries())
        return [e.kind for e in entries if e.verdict != "sent"]

    async def commands(self) -> list[str]:
        return [p.state for p in await self.journal.read(lambda b: b.commands())]

    async def alarms(self) -> list[tuple[str, bool]]:
        found = await self.journal.read(lambda b: b.alarms())
        return [(a.reason, a.over_at is None) for a in found]


@asynccontextmanager
async def listening(tmp_path, **terms):
    clock = ManualClock(NOON)
    async with dso_with_fsp7(clock, **terms) as dso:
        credentials = Credentials(dso.client_id, dso.secret)
        journal = await Journal.open(tmp_path / "journal.db")
        async with Client(dso.url, credentials, attempts=1) as client:
            yield Ears(dso, journal, client, clock)
        await journal.close()


@pytest.fixture
async def ears(tmp_path):
    async with listening(tmp_path) as made:
        yield made


async def test_terms_first_then_the_dispatch_whatever_the_order_of_the_list(ears):
    await ears.dso.instruct(HALF, HOUR)
    assert await ears.look() == 0.0
    assert await ears.kinds() == ["contract_terms", "instruction"]
    assert await ears.commands() == ["PLANNED"]
    assert ears.listener.ready.is_set()
    assert await ears.alarms() == []


async def test_an_unchanged_list_is_not_read_again(ears):
    await ears.look()
    held = ears.listener._events
    await ears.look()
    assert ears.listener._events is held
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    assert await ears.kinds() == ["contract_terms", "instruction"]


async def test_a_restart_receives_nothing_twice(ears):
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    await ears.another().look()
    assert await ears.kinds() == ["contract_terms", "instruction"]
    assert len(await ears.journal.read(lambda b: b.posts())) == 2


async def test_a_cease_is_heard(ears):
    thread = await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    ears.clock.set(NOON + HALF + timedelta(minutes=10))
    await ears.dso.cease(thread, NOON + HALF + timedelta(minutes=12))
    await ears.look()
    assert (await ears.kinds())[-1] == "cease"


async def test_what_could_not_be_verified_is_tried_again_though_the_list_is_unchanged(ears):
    """A key set that is not active yet: refused, and taken once its time has come."""
    ears.clock.set(NOON - timedelta(days=30))
    await ears.look()
    assert await ears.kinds() == []
    assert await ears.alarms() == [("KEY_INACTIVE", True)]
    held = ears.listener._events
    ears.clock.set(NOON)
    await ears.look()
    assert ears.listener._events is held
    assert await ears.kinds() == ["contract_terms"]


async def delete(dso: Dso, event_id: str) -> None:
    """As a VTN that is not ours, or is hostile, might: past the rules of this one."""
    await dso.running.vtn.store.write(lambda tx: tx.delete(Kind.EVENT, event_id))


async def test_a_running_dispatch_whose_event_vanishes_runs_on_with_an_alarm(ears):
    """N121b"""
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    await delete(ears.dso, ears.dso.dispatch_ids()[0])
    for _ in range(2):
        await ears.look()
    assert await ears.commands() == ["PLANNED"]
    assert await ears.alarms() == [("EVENT_WITHDRAWN", True)]
    sightings = await ears.journal.read(lambda b: b.sightings())
    assert [s.gone_at is None for s in sightings if s.family == "dispatch"] == [False]


async def test_a_lost_grant_ceases_nothing_and_its_return_ends_the_alarm(ears):
    """N121e: one line at the VTN must not cease everything."""
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    await ears.dso.revoke()
    await ears.look()
    assert await ears.commands() == ["PLANNED"]
    assert set(await ears.alarms()) == {("EVENT_WITHDRAWN", True)}
    vtn = ears.dso.running.vtn
    body = {"objectType": "BL_VEN_REQUEST", "venName": "FSP7", "clientID": ears.dso.client_id}
    target = "CONTRACT_ID-UKPN-FLEX-1"
    await vtn.objects.update(Kind.VEN, ears.dso.ven()["id"], {**body, "targets": [target]}, OFFICE)
    await ears.look()
    assert set(await ears.alarms()) == {("EVENT_WITHDRAWN", False)}


async def test_the_dso_is_told_of_an_event_that_is_gone_and_again_when_it_is_back(ears):
    """On the contract's event, by another acknowledgement of the text that is held."""
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    (dispatch,) = ears.dso.dispatch_ids()
    store = ears.dso.running.vtn.store
    event = store.live.get(Kind.EVENT, dispatch)
    await delete(ears.dso, dispatch)
    for _ in range(2):
        await ears.look()
    assert event is not None
    await store.write(lambda tx: tx.put(event))
    for _ in range(2):
        await ears.look()
    posts = await ears.journal.read(lambda b: b.posts())
    (contract,) = {*ears.dso.event_ids()} - {dispatch}
    assert [p.event_id for p in posts] == [contract, dispatch, contract, dispatch]
    said = [message_of(ReportRequest.read_bytes(p.body)) for p in posts]
    bodies = [parse_text(one.text)["body"] for one in said if one is not None]
    assert [(b["decided"], b.get("reason")) for b in bodies] == [
        ("received", None),
        ("received", None),
        ("received", "EVENT_WITHDRAWN"),
        ("received", None),
    ]


async def test_where_the_contracts_event_is_gone_too_nobody_can_be_told(ears):
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    for event_id in ears.dso.event_ids():
        await delete(ears.dso, event_id)
    await ears.look()
    assert await ears.alarms() == [("EVENT_WITHDRAWN", True)] * 2
    assert len(await ears.journal.read(lambda b: b.posts())) == 2


async def test_a_contract_may_say_that_a_withdrawal_stops(tmp_path):
    """N121d"""
    async with listening(tmp_path, on_unsigned_withdrawal="stop") as ears:
        await ears.dso.instruct(HALF, HOUR)
        await ears.look()
        await delete(ears.dso, ears.dso.dispatch_ids()[0])
        await ears.look()
        assert await ears.commands() == ["WITHDRAWN"]
        assert await ears.alarms() == [("EVENT_WITHDRAWN", True)]


async def test_out_of_contact_alarms_once_until_contact_is_back(ears):
    """N122u: the confirmed plan is not touched."""
    await ears.dso.instruct(HALF, HOUR)
    await ears.look()
    good = ears.client.events
    async with Client("http://127.0.0.1:9", None, attempts=1) as nowhere:
        ears.client.events = nowhere.events
        for _ in range(3):
            await ears.look()
    assert await ears.alarms() == [("OUT_OF_CONTACT", True)]
    assert await ears.commands() == ["PLANNED"]
    ears.client.events = good
    await ears.look()
    assert await ears.alarms() == [("OUT_OF_CONTACT", False)]


async def test_a_wrong_secret_is_told_and_not_ready(ears):
    async with Client(ears.dso.url, Credentials(ears.dso.client_id, "wrong"), attempts=1) as client:
        listener = ears.another(client)
        await listener.look()
    assert not listener.ready.is_set()
    assert [reason for reason, _ in await ears.alarms()] == ["TOKEN_INVALID"]


async def test_last_contact_is_written_down(ears):
    await ears.look()
    assert (await ears.journal.read(lambda b: b.noted("contact"))).startswith("2026-11-24T16:00")


async def test_a_program_that_is_no_contract_is_left_alone(ears):
    vtn = ears.dso.running.vtn
    await vtn.objects.create(
        Kind.PROGRAM,
        {"programName": "tariff", "targets": ["CONTRACT_ID-UKPN-FLEX-1"]},
        OFFICE,
    )
    await ears.look()
    assert [p.program_name for p in ears.listener._mine.values()] == [CONTRACT]
    assert await ears.alarms() == []


# -- a VTN, or a network, that is not as it should be ---------------------------------------------


@pytest.fixture
async def gated(ears):
    """A listener that hears through a gate, and holds a dispatch."""
    await ears.dso.instruct(HALF, HOUR)
    async with gate_before(ears.dso) as (gate, client):
        ears.listener = ears.another(client)
        await ears.look()
        ears.gate = gate
        yield ears


def without_dispatch(events: list) -> list:
    return [e for e in events if "SELF_DISPATCHED" not in str(e)]


async def test_a_list_that_lacks_what_is_there_by_id_changes_nothing(gated):
    gated.gate.edits["GET /events"] = without_dispatch
    await gated.look()
    assert await gated.alarms() == []
    sightings = await gated.journal.read(lambda b: b.sightings())
    assert all(s.gone_at is None for s in sightings)


async def test_what_cannot_be_asked_for_by_id_is_not_gone(gated):
    (dispatch,) = gated.dso.dispatch_ids()
    gated.gate.edits["GET /events"] = without_dispatch
    gated.gate.says[f"GET /events/{dispatch}"] = [(500, {})]
    await gated.look()
    assert await gated.alarms() == [("OUT_OF_CONTACT", True)]
    sightings = await gated.journal.read(lambda b: b.sightings())
    assert all(s.gone_at is None for s in sightings)


async def test_an_object_nobody_can_name_may_be_any_that_is_missing(gated):
    (dispatch,) = gated.dso.dispatch_ids()
    gated.gate.edits["GET /events"] = lambda events: [*without_dispatch(events), {"odd": 1}]
    gated.gate.says[f"GET /events/{dispatch}"] = [(404, {})]
    await gated.look()
    assert await gated.alarms() == [("BODY_INVALID", True)]
    assert gated.gate.says[f"GET /events/{dispatch}"] == [(404, {})]


async def test_one_broken_object_is_told_and_the_others_count(gated):
    def broken(events: list) -> list:
        return [{**e, "intervals": "none"} if e == events[0] else e for e in events]

    await gated.dso.instruct(HALF + HOUR, HOUR)
    gated.gate.edits["GET /events"] = broken
    for _ in range(2):
        await gated.look()
    assert await gated.alarms() == [("BODY_INVALID", True)]
    sightings = await gated.journal.read(lambda b: b.sightings())
    assert all(s.gone_at is None for s in sightings)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"<html>proxy</html>", "BODY_INVALID"),
        (b'[{"id":"a","id":"b"}]', "DUPLICATE_KEY"),
        (b'[{"id":', "BODY_INVALID"),
    ],
)
async def test_an_answer_without_sense_keeps_what_was_held(gated, answer, reason):
    """N136b, N136c, N86d"""
    gated.gate.edits["GET /events"] = lambda _: answer
    await gated.look()
    await gated.look()
    assert await gated.alarms() == [(reason, True)]
    assert await gated.commands() == ["PLANNED"]
    gated.gate.edits.clear()
    await gated.look()
    assert await gated.alarms() == [(reason, False)]


async def test_too_many_requests_is_waited_out_without_an_alarm(gated):
    """N122t"""
    gated.gate.says["GET /events"] = [(429, {"Retry-After": "30"})]
    assert await gated.look() == 30.0
    assert await gated.look() == 0.0
    assert await gated.alarms() == []


async def test_an_unsigned_event_in_a_foreign_program_that_claims_to_be_ours_is_told(gated):
    gated.gate.edits["GET /events"] = lambda events: [{**e, "programID": "other"} for e in events]
    await gated.look()
    assert {reason for reason, _ in await gated.alarms()} == {"WRONG_PROGRAM"}
