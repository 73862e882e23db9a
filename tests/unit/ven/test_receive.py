"""Receiving at the agent: the golden vectors through journal, plan and outbox."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests import golden
from tests.golden import at, life, sealed_in, vectors
from tests.shared import SHARED, needs_shared
from tests.unit.ven.scene import CONTRACT, MARKET, Agent, event
from ukprofile.codes import CODES
from ukprofile.flex.header import read_header, uuid7
from ukprofile.mapping.answer import message_of
from ukprofile.openadr import Event, ReportRequest
from ukprofile.receiving import parse_text
from ukprofile.signing import verify
from ven.answer import own_thread
from ven.journal import Journal
from ven.receive import Received


def bare_event(text: str, signatures: list[str]) -> Event:
    """An event that carries a message and projects nothing."""
    payloads = [{"type": "UKFLEX_MESSAGE", "values": [text]}]
    payloads += [{"type": "UKFLEX_SIGNATURE", "values": [s]} for s in signatures]
    return event(
        {
            "targets": ["CONTRACT_ID-UKPN-FLEX-2026-0042"],
            "intervals": [{"id": 0, "payloads": payloads}],
        }
    )


def named_in(text: str) -> str:
    try:
        name = json.loads(text)["program"]
    except (ValueError, KeyError, TypeError):
        return CONTRACT
    return name if isinstance(name, str) and name else CONTRACT


async def read_vector(agent: Agent, vector: dict[str, Any]) -> Received | None:
    carrier = vector.get("carrier") or {}
    name = carrier.get("program") or named_in(vector["text"])
    now = max(vector["now"], vector["state"].get("verified_time", vector["now"]))
    if carrier.get("event"):
        whole = event({**carrier["event"], "intervals": carrier["event"]["intervals"]})
        return await agent.read(whole, now, name, "gb-draft")
    return await agent.read(bare_event(vector["text"], vector["signatures"]), now, name)


@pytest.fixture
async def agent(tmp_path):
    journal = await Journal.open(tmp_path / "journal.db")
    made = Agent(journal)
    await made.hold("05")
    yield made
    await journal.close()


def for_a_ven() -> list[str]:
    if not SHARED.is_dir():
        return []
    return [v["id"] for v in vectors() if v["role"] in ("ven", "both")]


@needs_shared
@pytest.mark.parametrize("name", for_a_ven())
async def test_vector(agent, name):
    """Verdict and reason, the answer in the outbox, and nothing changed where nothing may be."""
    by_name = {v["id"]: v for v in vectors()}
    vector, expect = by_name[name], by_name[name]["expect"]
    for before in vector["state"]["after"]:
        if before.startswith("life/"):
            await agent.hold(before[5:])
        else:
            await read_vector(agent, by_name[before])
    raised = agent.context.register.raise_floor("UKPN", vector["state"].get("floor", 1))
    agent.context = replace(agent.context, register=raised)
    before_it = await agent.snapshot()
    received = await read_vector(agent, vector)
    after_it = await agent.snapshot()
    alarms = await agent.journal.read(lambda book: book.alarms())
    if received is None:
        code = CODES[alarms[-1].reason]
        wanted = CODES[expect["reason"]]
        assert expect["verdict"] == "refused"
        assert code.name == wanted.name
        assert alarms[-1].security == wanted.security
        assert after_it == before_it
        return
    assert (received.decision.verdict, received.decision.reason or None) == (
        expect["verdict"],
        expect["reason"],
    )
    if expect["verdict"] in ("silent", "stale"):
        assert (after_it[0], after_it[1], after_it[2]) == (before_it[0], before_it[1], before_it[2])
        return
    posts = after_it[2][len(before_it[2]) :]
    if parse_text(vector["text"])["program"] == MARKET:
        # An acknowledgement names contract, zone and assets; in a market there are none (profile 3).
        assert posts == ()
        return
    assert [answered(post) for post in posts] == [expect["answer"]]
    if expect["verdict"] in ("refused", "expired", "noop"):
        assert after_it[1] == before_it[1]
    if expect["alarm"]:
        assert expect["alarm"] in {a.alarm for a in alarms}


def answered(post: Any) -> str:
    """What a queued acknowledgement says, once its signature has verified."""
    carried = message_of(ReportRequest.read_bytes(post.body))
    assert carried is not None
    message = parse_text(carried.text)
    header = read_header(message)
    verify(carried.text, carried.signatures, golden.register(), header.issued_at)
    assert (post.name, post.kind) == (header.message_id, "acknowledgement")
    return str(message["body"]["decided"])


@needs_shared
async def test_an_instruction_is_kept_planned_and_answered_together(agent):
    received = await agent.read(event(life("12")), "2026-03-29T12:20:15Z", projection="gb-draft")
    assert received is not None
    assert received.replanned
    entries, commands, posts, sightings = await agent.snapshot()
    assert [e.kind for e in entries] == ["contract_terms", "instruction", "acknowledgement"]
    assert [(c.state, c.command.delta_w) for c in commands] == [
        ("PLANNED", 1_000_000),
        ("PLANNED", 1_300_000),
    ]
    assert [s.thread for s in sightings] == ["UKPN-DSP-0088"]
    golden_report = life("13")
    made = ReportRequest.read_bytes(posts[0].body).dump()
    own = {"reportName", "eventID"}
    assert {k: v for k, v in made.items() if k not in own | {"resources"}} == {
        k: v for k, v in golden_report.items() if k not in own | {"resources"}
    }
    kept = [p for p in made["resources"][0]["intervals"][0]["payloads"] if p["type"][:3] != "UKF"]
    due = golden_report["resources"][0]["intervals"][0]["payloads"]
    assert kept == [p for p in due if p["type"][:3] != "UKF"]


@needs_shared
async def test_a_crash_before_the_commit_leaves_nothing_and_the_next_poll_does_it_all(agent):
    before = await agent.snapshot()
    agent.receiver._voice = replace(agent.receiver._voice, random_bytes=lambda n: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await agent.read(event(life("12")), "2026-03-29T12:20:15Z")
    assert await agent.snapshot() == before
    agent.receiver._voice = replace(agent.receiver._voice, random_bytes=bytes)
    assert await agent.read(event(life("12")), "2026-03-29T12:20:20Z")
    assert len((await agent.snapshot())[2]) == 1


@needs_shared
async def test_reading_again_writes_nothing(agent):
    one = event(life("12"))
    await agent.read(one, "2026-03-29T12:20:15Z")
    before = await agent.snapshot()
    received = await agent.read(one, "2026-03-29T12:25:15Z")
    assert received is not None
    assert (received.decision.verdict, received.replanned) == ("silent", False)
    assert await agent.snapshot() == before


@needs_shared
async def test_a_cease_withdraws_what_has_not_begun(agent):
    for number, now in (("12", "2026-03-29T12:20:15Z"), ("17", "2026-03-29T16:38:00Z")):
        await agent.read(event(life(number)), now)
    _, commands, *_ = await agent.snapshot()
    stop = parse_text(sealed_in(life("17")).text)["body"]["cease_at"]
    level = [(c.command.valid_to, c.state) for c in commands if c.command.delta_w == 1_300_000]
    assert sorted(level) == [
        (at(stop), "PLANNED"),
        (at("2026-03-29T17:00:00Z"), "WITHDRAWN"),
    ]


@needs_shared
async def test_without_contract_terms_nothing_is_taken(tmp_path):
    """N45c: and a person is told, since somebody dispatches without a contract."""
    journal = await Journal.open(tmp_path / "bare.db")
    agent = Agent(journal)
    received = await agent.read(event(life("12")), "2026-03-29T12:20:15Z")
    assert received is not None
    assert (received.decision.verdict, received.decision.reason) == (
        "refused",
        "CONTRACT_NOT_IN_FORCE",
    )
    (alarm,) = await journal.read(lambda book: book.alarms())
    assert (alarm.reason, alarm.security) == ("CONTRACT_NOT_IN_FORCE", True)
    assert not (await agent.snapshot())[1]
    await journal.close()


@needs_shared
async def test_an_unsigned_event_never_starts_anything_and_is_told_once(agent):
    """N01b: the projection alone is no instruction."""
    body = life("12")
    first = body["intervals"][0]
    bare = {**first, "payloads": [p for p in first["payloads"] if p["type"][:3] != "UKF"]}
    unsigned = event({**body, "intervals": [bare, *body["intervals"][1:]]})
    before = await agent.snapshot()
    for _ in range(3):
        assert await agent.read(unsigned, "2026-03-29T12:20:15Z") is None
    assert await agent.snapshot() == before
    (alarm,) = await agent.journal.read(lambda book: book.alarms())
    assert (alarm.reason, alarm.alarm, alarm.security) == ("MESSAGE_MISSING", "SIGNATURE", True)


@needs_shared
@pytest.mark.parametrize("targets", [[], ["CONTRACT_ID-UKPN-FLEX-2026-0042", "X"]])
async def test_wrong_targets_alarm_and_never_veto(agent, targets):
    """N135a: a VEN acts on the signed text and tells the DSO."""
    await agent.read(event({**life("12"), "targets": targets}), "2026-03-29T12:20:15Z")
    alarms = await agent.journal.read(lambda book: book.alarms())
    assert [a.reason for a in alarms] == ["TARGET_INVALID"]
    assert (await agent.snapshot())[1]


@needs_shared
async def test_a_thread_in_two_events_alarms_and_has_one_effect(agent):
    """N130: the slot decides, not the event."""
    await agent.read(event(life("09"), "E1"), "2026-03-29T12:00:15Z")
    await agent.read(event(life("12"), "E3"), "2026-03-29T12:20:15Z")
    alarms = await agent.journal.read(lambda book: book.alarms())
    assert [a.reason for a in alarms] == ["THREAD_MISPLACED"]
    assert len((await agent.snapshot())[1]) == 2


@needs_shared
async def test_answers_of_one_dispatch_are_one_thread_that_rises(agent):
    for number, now in (("09", "2026-03-29T12:00:15Z"), ("12", "2026-03-29T12:20:15Z")):
        await agent.read(event(life(number)), now)
    mine = [e for e in (await agent.snapshot())[0] if e.kind == "acknowledgement"]
    assert [e.slot.thread for e in mine] == ["AK-UKPN-DSP-0088"] * 2
    assert mine[0].revision < mine[1].revision
    assert all(e.valid_until >= e.issued_at + timedelta(hours=23) for e in mine)


def test_message_ids_are_version_7_and_sort_by_time():
    ids = [uuid7(at(t), bytes) for t in ("2026-03-29T12:00:15Z", "2026-03-29T12:00:16Z")]
    assert ids == sorted(ids)
    assert all(i[14] == "7" and i[19] in "89ab" for i in ids)


def test_own_threads_fit():
    assert own_thread("AK", "DSP-1") == "AK-DSP-1"
    long = own_thread("AK", "x" * 64)
    assert len(long) <= 64
    assert long != own_thread("AK", "y" * 64)
