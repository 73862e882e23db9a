"""The state table where it is lived: at a VTN's admission, on both stores, and in an agent."""

import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import golden
from tests.golden import at, life
from tests.shared import needs_shared
from tests.unit.ven import scene as ven
from tests.unit.ven.dso import ASSET, CONTRACT
from tests.unit.vtn.scene import BEGIN, END, scene_on
from tests.unit.vtn.test_stops import body_of
from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.header import Header, uuid7
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.mapping.dispatch import dispatch_event
from ukprofile.signing import seal
from ven.journal import Journal
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind
from vtn.domain.signer import Signer

MINUTE = timedelta(minutes=1)
RUN = Period(0, BEGIN, END, 1_000_000)


# -- a DSO's other system posts what the state does not allow ------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
async def scene(request):
    async with scene_on(request.param) as made:
        await made.contract()
        yield made


async def posts(scene: Any, kind: str, *periods: Period, **said: Any) -> None:
    """A revision of D1, signed by the DSO and put in its event, past the desk."""
    signer = Signer(scene.store, scene.vtn.keys, 1, "sandbox", secrets.token_bytes)
    now = scene.clock.now()
    body = {
        "contract_id": CONTRACT,
        "zone": "HENDON-WAY",
        "assets": [{"asset_id": ASSET}],
        "periods": [p.to_json() for p in periods],
        **said,
    }
    if periods:
        body["dispatch_type"] = "demand_turn_down"
    if kind == "instruction":
        body |= {"firm": True, "channel": "api", "effective_at": time_text(now)}
    sealed, header = await signer.sign(
        kind,
        CONTRACT,
        "FSP7",
        "D1",
        body,
        now,
        valid_until=END + timedelta(hours=4),
        accept_by=None if kind == "cease" else END,
    )
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if e.name == "D1"]
    request = dispatch_event(sealed, header, body, event.program_id)
    await scene.vtn.objects.update(Kind.EVENT, event.id, request.dump(), OFFICE)


async def refused(scene: Any, says: Any, reason: str, detail: str) -> None:
    """It is refused with 409, says where the dispatch stands, and nothing is stored."""
    before, event = await scene.counts(), await body_of(scene)
    with pytest.raises(Refused, match=detail) as found:
        await says
    assert (found.value.reason, CODES[reason].http) == (reason, 409)
    assert (await scene.counts(), await body_of(scene)) == (before, event)


LATER = Period(5, END + 10 * MINUTE, END + timedelta(hours=1), 1_000_000)


async def test_a_dispatch_that_lapsed_is_never_revived(scene):
    await scene.schedule()
    await scene.responds("D1", "accept")
    scene.clock.set(BEGIN - MINUTE)
    await refused(scene, posts(scene, "instruction", RUN), "TERMINAL", "is lapsed: .* new thread")
    scene.clock.set(END + MINUTE)
    await refused(scene, posts(scene, "variation", RUN), "TERMINAL", "is lapsed")


async def test_a_dispatch_that_ran_to_its_end_is_over(scene):
    await scene.issue()
    await scene.acknowledges("D1")
    scene.clock.set(END + MINUTE)
    await refused(scene, posts(scene, "instruction", LATER), "TERMINAL", "is completed")


async def test_a_schedule_takes_nothing_back_that_is_confirmed(scene):
    await scene.issue()
    await scene.acknowledges("D1")
    schedule = posts(scene, "schedule", RUN, firm=False)
    await refused(scene, schedule, "STATE_INVALID", "is confirmed")


async def test_the_first_stop_is_carried_to_the_fsp_whatever_the_state(scene):
    await scene.issue()
    await scene.acknowledges("D1")
    scene.clock.set(END + MINUTE)
    await posts(scene, "cease", cease_at=time_text(END + MINUTE), mode="ramp")
    assert (await body_of(scene))[1]["kind"] == "cease"
    assert (await scene.show()).state == "completed"


async def test_a_run_is_not_refused_once_it_has_begun(scene):
    await scene.issue()
    scene.clock.set(BEGIN + MINUTE)
    await refused(scene, scene.responds("D1", "refuse"), "STATE_INVALID", "is running")


async def test_an_answer_after_silence_is_late(scene):
    await scene.schedule()
    scene.clock.set(BEGIN - 10 * MINUTE)
    await refused(scene, scene.responds("D1", "accept"), "LATE", "after respond_by")


async def test_what_the_fsp_does_is_kept_whatever_the_state(scene):
    await scene.issue()
    await scene.cancel()
    scene.clock.set(BEGIN + MINUTE)
    before = await scene.counts()
    await scene.says("D1", "executing")
    assert (await scene.counts())["REPORT"] == before["REPORT"] + 1
    assert (await scene.show()).state == "cancelled"


async def test_a_dispatch_that_the_fsp_refused_leaves_its_capacity_to_another(scene):
    await scene.issue()
    with pytest.raises(Refused, match="OVER_CAPACITY"):
        await scene.issue("D2")
    scene.clock.advance(MINUTE)
    await scene.responds("D1", "refuse")
    assert (await scene.issue("D2")).state == "confirmed"


# -- an agent reads what the state does not allow ------------------------------------------------

THREAD = "UKPN-DSP-0088"
AT = "2026-03-29T%sZ"
FIRST, SECOND = at(AT % "15:30:00"), at(AT % "16:00:00")
LAST = at(AT % "17:00:00")
ASKED = (Period(0, FIRST, SECOND, 1_000_000), Period(1, SECOND, LAST, 1_300_000))
PART = (Period(0, FIRST, SECOND, 800_000), Period(1, SECOND, LAST, 800_000))


@pytest.fixture
async def agent(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    made = ven.Agent(journal)
    await made.hold("05")
    yield made
    await journal.close()


async def reads(agent: Any, kind: str, issued: str, *periods: Period, read: str = "") -> Any:
    """The agent reads a revision of UKPN's; the verdict, the reason and what it answered."""
    when: datetime = at(AT % issued)
    body = {
        "contract_id": ven.CONTRACT,
        "zone": "HENDON-WAY",
        "assets": [{"asset_id": ASSET}],
        "periods": [p.to_json() for p in periods],
        "dispatch_type": "demand_turn_down",
        "firm": kind == "instruction",
    }
    if kind == "instruction":
        body |= {"channel": "api", "effective_at": time_text(when)}
    if kind == "cease":
        body = {n: v for n, v in body.items() if n not in ("firm", "dispatch_type")}
        body |= {"cease_at": time_text(when), "mode": "ramp"}
    header = Header(
        kind=kind,
        message_id=uuid7(when, bytes),
        issuer="UKPN",
        recipient="FSP7",
        environment="sandbox",
        program=ven.CONTRACT,
        thread=THREAD,
        revision=milliseconds(when) + 500,
        issued_at=when,
        valid_until=at("2026-03-30T12:00:00Z"),
        accept_by=None if kind == "cease" else at(AT % "16:00:00"),
        key_set="UKPN-sandbox-1",
    )
    sealed = seal(header.to_json(body), golden.signing_keys()["UKPN-sandbox-1"], 1)
    event = ven.event(dispatch_event(sealed, header, body, "P").dump())
    received = await agent.read(event, AT % (read or issued))
    assert received is not None
    decision = received.decision
    return decision.verdict, decision.reason, decision.answer


async def due(agent: Any) -> list[int]:
    """The levels that are still to be carried to the device."""
    found = await agent.journal.read(lambda book: book.commands("state = 'PLANNED'"))
    return [planned.command.delta_w for planned in found]


@needs_shared
async def test_an_agent_runs_nothing_of_what_expired_in_silence(agent):
    await agent.read(ven.event(life("09")), AT % "12:00:15")
    found = await reads(agent, "instruction", "12:40:00", *ASKED)
    assert found == ("refused", "TERMINAL", "refused")
    assert await due(agent) == []


@needs_shared
@pytest.mark.parametrize(
    ("issued", "read", "found", "levels"),
    [
        ("15:15:00", "15:40:00", ("act", "", "received"), [1_000_000, 1_300_000]),
        ("15:15:01", "15:15:05", ("refused", "TERMINAL", "refused"), []),
        ("15:31:00", "15:31:05", ("refused", "TERMINAL", "refused"), []),
    ],
)
async def test_an_agent_confirms_what_was_issued_in_time_however_late_it_reads_it(
    agent, issued, read, found, levels
):
    await agent.read(ven.event(life("09")), AT % "12:00:15")
    await agent.responds(THREAD, "accept")
    assert await reads(agent, "instruction", issued, *ASKED, read=read) == found
    assert await due(agent) == levels


@needs_shared
async def test_an_agent_lets_no_schedule_take_back_what_runs(agent):
    await agent.read(ven.event(life("12")), AT % "12:20:15")
    later = (Period(5, LAST, LAST + 30 * MINUTE, 1_000_000),)
    found = await reads(agent, "schedule", "15:40:00", *later)
    assert found == ("refused", "STATE_INVALID", "refused")
    assert await due(agent) == [1_000_000, 1_300_000]


@needs_shared
async def test_an_agent_runs_nothing_of_what_it_accepted_in_part_until_that_is_confirmed(agent):
    await agent.read(ven.event(life("12")), AT % "12:20:15")
    assert await due(agent) == [1_000_000, 1_300_000]
    await agent.responds(THREAD, "partial", *PART)
    assert await due(agent) == []
    other = await reads(agent, "instruction", "12:30:00", *ASKED)
    assert other == ("refused", "NOT_AS_ACCEPTED", "refused")
    assert await due(agent) == []
    exactly = await reads(agent, "instruction", "12:31:00", *PART)
    assert exactly == ("act", "", "received")
    assert await due(agent) == [800_000]


@needs_shared
async def test_an_agent_acknowledges_a_stop_of_what_is_over(agent):
    await agent.read(ven.event(life("12")), AT % "12:20:15")
    assert await reads(agent, "cease", "17:05:00") == ("act", "", "received")
    again = await reads(agent, "cease", "17:06:00")
    assert again == ("noop", "ALREADY_STOPPED", "received")
