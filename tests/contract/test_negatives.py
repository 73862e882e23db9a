"""`negatives.csv` row by row: what a VTN and a VEN do with wrong, hostile or unlucky input.

row ─▶ GIVEN: the scene ─▶ snapshot ─▶ WHEN: inputs one after the other ─▶ snapshot
                                             │
       status, reason, security log, nothing changed, form of every Problem: read from the row
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.negatives import (
    authority,
    json_http,
    keys,
    oauth,
    objects,
    order,
    peers,
    signature,
    signed,
    state,
    time_units,
)
from tests.contract.negatives.clocks import CLOCKS
from tests.contract.negatives.lies import FIRST_CONTACT, LIES, polling
from tests.contract.negatives.passing import PASSES, TERMS, passing
from tests.contract.negatives.peers import OLD_CLIENTS, PEERS, Peer
from tests.contract.negatives.restarts import RESTARTS
from tests.contract.negatives.rows import Row, of_role, rows
from tests.contract.negatives.scene import SECRET, Agent, Given, Scene, agent_scene, vtn_scene
from tests.golden import at
from tests.listening import Heard
from tests.shared import needs_shared
from tests.waiting import until
from tests.wire import Reply, Request, get, post
from ukprofile.codes import CODES
from ukprofile.openadr.client import PeerNotTrusted
from ukprofile.receiving import Decision
from ven.journal import Journal
from ven.receive import Received
from ven.settings import Place
from vtn.http.security_log import FIELDS

pytestmark = needs_shared

SIGNED = (signature.WHEN, order.WHEN, authority.WHEN, state.WHEN, keys.WHEN)
PLAIN = (oauth.WHEN, json_http.WHEN, time_units.WHEN, objects.WHEN)
WHEN = {row: when for area in (*SIGNED, *PLAIN) for row, when in area.items()}
GIVEN = {
    **signature.GIVEN,
    **order.GIVEN,
    **authority.GIVEN,
    **state.GIVEN,
    **keys.GIVEN,
    **oauth.GIVEN,
    **json_http.GIVEN,
    **time_units.GIVEN,
    **objects.GIVEN,
}
STORED = {**objects.WHEN, **order.WHEN, **authority.WHEN, **state.WHEN, **state.TIMERS}
"""Rows that are decided by what is stored: they run on both stores."""
AS_GOOD = {**signature.AS_GOOD, **authority.AS_GOOD, "N136b": "MEDIA_TYPE"}
"""Another code of the same step, as `codes.md` admits: HTML is refused by its label already."""

NOT_YET = {
    "N85d": "push: there are no subscriptions yet (501), so FSP8 has none to be hidden",
    "N132g": "push: every subscription is answered 501",
}
"""Rows that cannot apply yet, and what brings them: push is the work that brings subscriptions,
webhooks and MQTT (level 2 of the refusals).
"""

ENDS = {**signature.ENDS, **order.ENDS, **state.ENDS}
THEN = {**signature.THEN, **state.THEN}
LONG_AGO = at("2026-01-01T00:00:00Z")
_OAUTH_ERROR = re.compile(r'error[ =]"?([a-z]+(?:_[a-z]+)+)')
_CREATED = re.compile(r"(program|event) created")


def cases(role: str) -> list[str]:
    return [row for row in of_role(role) if row not in NOT_YET] or ["none"]


def stores(ids: Iterable[str]) -> list[Any]:
    """These rows on the memory store; those that ask what is stored on SQLite too."""
    found = [(row, "memory") for row in ids]
    return found + [(row, "sqlite") for row in ids if row in STORED]


def test_every_row_has_its_input_or_a_reason() -> None:
    assert len(rows()) == 299
    tables = (*SIGNED, *PLAIN, state.TIMERS, LIES, CLOCKS, RESTARTS, PASSES, PEERS, NOT_YET)
    assert {row for table in tables for row in table} == set(rows())
    assert sum(len(table) for table in tables) == 299, "each row in one table"
    assert set(GIVEN) <= {*WHEN, *state.TIMERS}


def test_every_row_runs_at_each_end_that_it_names_or_says_why_not() -> None:
    at_vtn = [AT_VTN, state.TIMERS, OLD_CLIENTS]
    at_agent = [AT_AGENT, LIES, CLOCKS, RESTARTS, PASSES, PEERS]
    for end, tests in (("vtn", at_vtn), ("ven", at_agent)):
        run = [row for table in tests for row in table]
        assert len(run) == len(set(run))
        assert set(run) == set(of_role(end)) - set(NOT_YET)
    assert {*AT_VTN, *AT_AGENT} <= set(WHEN)
    assert all(NOT_YET.values())


AT_VTN = [row for row in cases("vtn") if row not in (*state.TIMERS, *OLD_CLIENTS)]


@pytest.mark.parametrize(("id", "store"), stores(AT_VTN))
async def test_vtn(id: str, store: str, tmp_path: Path) -> None:
    row = rows()[id]
    data_dir = tmp_path if store == "sqlite" else None
    async with vtn_scene(GIVEN.get(id, Given()), data_dir) as scene:
        before = await scene.snapshot()
        inputs = list(WHEN[id]())
        replies = [await scene.send(one) for one in inputs]
        check_security(row, scene, len(inputs))
        for reply in replies:
            check_reply(row, reply)
        await check_state(row, scene, before)
        if "identical" in row.note or "identical" in row.when:
            check_alike(scene, replies)
        await MORE.get(id, nothing_more)(scene, replies)


def check_reply(row: Row, reply: Reply) -> None:
    """Status, reason, headers, and the form of a Problem."""
    assert reply.status != 500
    if row.reason == "PROBLEM_BODY":
        check_problem(reply)
        return
    if row.taken:
        assert reply.status == int(row.expect_http), reply.body[:500]
        return
    check_problem(reply)
    if reply.json["reason"] == AS_GOOD.get(row.id):
        assert reply.status == CODES[AS_GOOD[row.id]].http
    else:
        assert (reply.status, reply.json["reason"]) == (int(row.expect_http), row.reason)
    if "connection is closed" in row.note:
        assert reply.closed
    if reply.status == 401:
        assert "www-authenticate" in reply.headers
        assert ("error=" in reply.headers["www-authenticate"]) == (row.reason == "TOKEN_INVALID")
    if reply.status == 405:
        assert reply.headers["allow"]
    if found := _OAUTH_ERROR.search(row.note):
        said = reply.json.get("error") or reply.headers["www-authenticate"]
        assert found[1] in said


def check_problem(reply: Reply) -> None:
    """N100e: a Problem, status equal to the line, no stack trace, no secret."""
    assert reply.headers["content-type"].partition(";")[0] == "application/json"
    problem = reply.json
    assert problem["status"] == reply.status
    assert problem["reason"] in CODES
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("urn:uuid:")
    shown = reply.body.decode()
    assert "Traceback" not in shown
    assert 'File "' not in shown
    assert SECRET not in shown
    assert "eyJ" not in shown


def check_security(row: Row, scene: Scene, inputs: int) -> None:
    """One line for each refused input where the row says so, else none; never a secret in it."""
    if row.reason != "PROBLEM_BODY":
        due = [row.reason] * inputs if row.security_event == "yes" else []
        assert as_row_says(row, scene.security) == due
    for line in scene.security.lines:
        if line["event"] == "refused":
            assert set(line) == {"log", "event", *FIELDS}, "one form for all"
            assert line["remote"] == "127.0.0.1"
            assert line["times"] == 1
    assert not scene.security.errors
    assert SECRET not in scene.security.everything
    assert not any(t in scene.security.everything for t in scene.tokens.values() if t)


def as_row_says(row: Row, heard: Heard) -> list[str]:
    """The reasons of the security log; a code that is as good, as the row's own.

    Not of what the VTN's watch says: that is about what stood before, and comes when it looks.
    """
    reasons = [line["reason"] for line in heard.lines if "cause" not in line]
    return [row.reason if one == AS_GOOD.get(row.id) else one for one in reasons]


async def check_state(row: Row, scene: Scene, before: Any) -> None:
    after = await scene.snapshot()
    created = _CREATED.match(row.state_change)
    if row.reason == "EQUIVOCATION":
        await check_evidence(scene, before, after)
    elif row.state_change == "none" or row.state_change.startswith("ven:"):
        assert after == before
    elif row.taken and row.area in ("signature", "order"):
        assert await threads(scene) == ["DSP-0001", "DSP-0002"]
        assert len((await scene.send(get("/events", "fsp7"))).json) == 3
    elif created:
        assert after != before
        made = (await scene.send(get(f"/{created[1]}s", "bl"))).json[-1]
        assert made["objectType"] == created[1].upper()
        assert made["createdDateTime"] == "2026-11-24T15:00:00Z"
    else:
        assert row.state_change.startswith("own attributes only")


async def check_evidence(scene: Scene, before: Any, after: Any) -> None:
    """Of an equivocal text nothing is left but the text, beside the one that stands."""
    held = await scene.running.vtn.store.read(lambda tx: tx.dispatches(signed.CONTRACT, LONG_AGO))
    assert [(one.verdict, one.standing) for one in held] == [("act", True), ("refused", False)]
    if isinstance(before, dict):
        assert after.pop("messages")[:-1] == before.pop("messages")
        assert after == before
    else:
        assert after[3][:-1] == before[3]
        assert (*after[:3], *after[4:]) == (*before[:3], *before[4:])


async def threads(scene: Scene) -> list[str]:
    """Of the contract's dispatches in the ledger."""
    held = await scene.running.vtn.store.read(lambda tx: tx.dispatches(signed.CONTRACT, LONG_AGO))
    return sorted({one.slot.thread for one in held})


def check_alike(scene: Scene, replies: list[Reply]) -> None:
    """Nothing in two answers tells what was hidden from what was absent."""
    ids = (*scene.ids.values(), "absent-1")
    assert len({reply.without_id(*ids) for reply in replies}) == 1


@pytest.mark.parametrize(("id", "store"), stores(state.TIMERS))
async def test_timer(id: str, store: str, tmp_path: Path) -> None:
    """The watch says so by itself, once, and says since when; nothing else is different."""
    row, timer = rows()[id], state.TIMERS[id]
    data_dir = tmp_path if store == "sqlite" else None
    async with vtn_scene(GIVEN.get(id, Given()), data_dir) as scene:
        before = await scene.snapshot()
        assert not timer.stands(await state.shown(scene, "DSP-0001"))
        scene.clock.set(at(timer.due) + timedelta(seconds=1))

        def said() -> list[Any]:
            return [line for line in scene.security.watch if line["thread"] == "DSP-0001"]

        (line,) = await until(said, why=f"{row.reason} of D1")
        assert (line["alarm"], line["cause"]) == (row.reason, timer.cause)
        assert (line["severity"], line["since"]) == ("alarm", timer.due)
        assert "telephone" in line["detail"]
        assert timer.stands(await state.shown(scene, "DSP-0001"))
        assert await scene.snapshot() == before
        assert scene.security.lines == scene.security.errors == []


# -- what a row says in words ----------------------------------------------------------------------


async def nothing_more(scene: Scene, replies: list[Reply]) -> None:
    """The row says nothing else."""


async def empty(scene: Scene, replies: list[Reply]) -> None:
    assert [reply.json for reply in replies] == [[]] * len(replies)


async def as_unknown(scene: Scene, replies: list[Reply]) -> None:
    body = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "r", "venID": "absent-1"}
    unknown = await scene.send(post("/resources", body, "fsp7"))
    check_alike(scene, [*replies, unknown])


async def own_attributes_only(scene: Scene, replies: list[Reply]) -> None:
    (shown,) = (await scene.send(get("/vens", "fsp7"))).json
    assert shown == replies[0].json
    assert (shown["clientID"], shown["venName"]) == ("fsp7", "FSP7")
    assert shown["targets"] == [objects.OURS]
    assert shown["attributes"] == [{"type": "VEN_STATUS", "values": ["ONLINE"]}]


async def only_the_granted_target(scene: Scene, replies: list[Reply]) -> None:
    assert replies[0].json["targets"] == [objects.OURS]


async def not_its_own_id(scene: Scene, replies: list[Reply]) -> None:
    assert replies[0].json["id"].startswith("UKPN-")


async def same_instant(scene: Scene, replies: list[Reply]) -> None:
    shown = replies[0].json["intervals"][0]["intervalPeriod"]["start"]
    assert shown in ("2026-11-24T17:30:00+01:00", "2026-11-24T16:30:00Z")


async def fewer_than_the_rival(scene: Scene, replies: list[Reply]) -> None:
    await empty(scene, replies)
    assert len((await scene.send(get("/events?limit=50"))).json) == 3
    assert len((await scene.send(get("/events?skip=50&limit=50", "fsp8"))).json) == 50


MORE = {
    "N82a": own_attributes_only,
    "N82b": own_attributes_only,
    "N82d": as_unknown,
    "N82h": not_its_own_id,
    "N83a": empty,
    "N83b": only_the_granted_target,
    "N83c": empty,
    "N84a": fewer_than_the_rival,
    "N84b": empty,
    "N102a": same_instant,
    "N134i": empty,
    **signature.MORE,
    **order.MORE,
    **authority.MORE,
    **state.MORE,
}


# -- the agent -------------------------------------------------------------------------------------


AT_AGENT = [row for row in cases("ven") if row not in (*LIES, *CLOCKS, *RESTARTS, *PASSES, *PEERS)]


@pytest.mark.parametrize("id", AT_AGENT)
async def test_ven(id: str, tmp_path: Path) -> None:
    """Each input at an agent of its own: the second would find the text of the first."""
    row = rows()[id]
    for n, one in enumerate(WHEN[id]()):
        async with agent_scene(GIVEN.get(id, Given()), tmp_path / f"{n}.db") as agent:
            before = await agent.snapshot(), await agent.plan(), await agent.ends()
            answered = len(await agent.answers())
            received = await agent.read(one.json, event_id(one))
            decision = received.decision if received else Decision("refused")
            assert decision.verdict == due(row)
            if received and row.reason not in (*BESIDE, "ACCEPTED"):
                assert decision.reason == row.reason
            assert as_row_says(row, agent.security) == due_at_agent(row)
            assert decided(await agent.answers(), answered) == due_answer(row, received)
            if received is None or decision.verdict in ("silent", "stale"):
                assert await agent.snapshot() == before[0]
            if "act" in decision.verdict:
                assert await agent.ends() == before[2] | ENDS.get(id, {"DSP-0002": "18:30"})
            else:
                assert (await agent.plan(), await agent.ends()) == before[1:]
            if decision.entry is not None:
                await check_remembered(agent, one)
            if id in THEN:
                await THEN[id](agent)


async def check_remembered(agent: Agent, one: Request) -> None:
    """What was decided is decided: the next poll finds nothing new."""
    once = await agent.snapshot()
    again = await agent.read(one.json, event_id(one))
    assert again is not None
    assert again.decision.verdict == "silent"
    assert await agent.snapshot() == once


BESIDE = {"TARGET_INVALID": "act", "THREAD_MISPLACED": "act"}
"""Where an event is wrong and not its message, the message acts: the alarm is beside it."""


def due(row: Row) -> str:
    """The verdict. "keep" says what becomes of the plan where there is no message to decide."""
    verdict = "refused" if row.expect_verdict == "alarm+keep" else row.expect_verdict
    return BESIDE.get(row.reason, verdict)


def due_at_agent(row: Row) -> list[str]:
    return [row.reason] if row.security_event == "yes" else []


def due_answer(row: Row, received: Received | None) -> list[str]:
    """What is acknowledged: nothing of what nobody verified, or what is known or older."""
    words = {"refused": "refused", "expired": "refused", "late": "late"}
    if received is None or due(row) in ("silent", "stale"):
        return []
    return [words.get(due(row), "received")]


def decided(answers: list[dict[str, Any]], since: int) -> list[str]:
    return [body["decided"] for body in answers[since:]]


def event_id(one: Request) -> str:
    return one.path.strip("/{}").rpartition("{")[2] if one.method == "PUT" else "E2"


@pytest.mark.parametrize("id", sorted(RESTARTS))
async def test_restart(id: str, tmp_path: Path) -> None:
    await RESTARTS[id](tmp_path / "journal.db")


# -- the agent that polls --------------------------------------------------------------------------


def each(table: Mapping[str, Iterable[Any]]) -> list[Any]:
    """Each of the cases that a row means."""
    return [(row, case) for row, cases in sorted(table.items()) for case in cases]


@pytest.mark.parametrize("id", sorted(LIES))
async def test_polling(id: str, tmp_path: Path) -> None:
    """Nothing changes, what is confirmed runs on, and a person hears of it once."""
    row = rows()[id]
    async with polling(tmp_path / "journal.db") as at:
        if id not in FIRST_CONTACT:
            await at.look()
            assert not at.agent.security.lines
        before = await at.agent.snapshot()
        await LIES[id](at)
        assert await at.agent.snapshot() == before
        assert await at.agent.plan(), "D1 is confirmed, and runs"
        assert as_row_says(row, at.agent.security) == [row.reason]
        assert "hush-hush" not in at.agent.security.everything


# -- the agent when no message comes ---------------------------------------------------------------


@pytest.mark.parametrize(("id", "pass_"), each(PASSES))
async def test_passing(id: str, pass_: Any, tmp_path: Path) -> None:
    """It passes as the row says, and a person hears of it once where the row says so."""
    row = rows()[id]
    async with passing(tmp_path, **TERMS.get(id, {})) as so:
        assert not so.heard.lines
        await pass_(so)
        assert so.security() == due_at_agent(row)
        assert not so.heard.errors


# -- peers that TLS must not trust -----------------------------------------------------------------


@pytest.mark.parametrize(("id", "peer"), each(PEERS))
async def test_peer(id: str, peer: Peer, tmp_path: Path) -> None:
    """Hung up on at once, with nothing said; however often the agent comes, it alarms once."""
    row, place = rows()[id], Place(tmp_path / "agent")
    place.path.mkdir()
    async with agent_scene(Given(), place.journal) as agent:
        before = await peers.held(agent.journal)
    assert before[1] == {"DSP-0001": "18:00"}
    async with peer.listening(tmp_path) as server:
        with pytest.raises(PeerNotTrusted, match=peer.says) as found:
            await peers.asks(server.url, peer.trusting(tmp_path))
        assert found.value.security == (row.security_event == "yes")
        assert server.came == 1, "trying again is no use"
        async with peers.running_agent(place, server.url, peer.ca_file(tmp_path)):
            await until(lambda: server.came > 6 and peers.said(place), why="an alarm")
    assert server.heard == b""
    (line,) = peers.said(place)
    assert line["reason"] == row.reason
    assert peer.says in line["detail"]
    assert (line.get("log") == "security") == (row.security_event == "yes")
    assert peers.SECRET not in place.log.read_text()
    journal = await Journal.open(place.journal)
    assert await peers.held(journal) == before
    standing = await journal.read(lambda book: book.alarms())
    assert [(one.reason, one.over_at) for one in standing] == [(row.reason, None)]
    await journal.close()


async def test_a_peer_as_it_should_be_is_asked(tmp_path: Path) -> None:
    """It hears the agent: what the others did not hear, they would have heard."""
    async with peers.GOOD.listening(tmp_path) as server:
        asking = asyncio.ensure_future(peers.asks(server.url, peers.GOOD.trusting(tmp_path)))
        await until(lambda: server.heard.startswith(b"GET /auth/server"))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("id", sorted(OLD_CLIENTS))
async def test_old_client(id: str, tmp_path: Path) -> None:
    """The VTN hangs up, and nobody need hear of it: anybody can come so."""
    assert rows()[id].security_event == "no"
    await OLD_CLIENTS[id](tmp_path)


@pytest.mark.parametrize("id", sorted(CLOCKS))
async def test_clock(id: str, tmp_path: Path) -> None:
    """As above, of an agent whose own clock is what is wrong."""
    row = rows()[id]
    async with polling(tmp_path / "journal.db") as at:
        await at.look()
        before = await at.agent.snapshot()
        await CLOCKS[id](at, tmp_path)
        assert await at.agent.snapshot() == before
        assert as_row_says(row, at.agent.security) == due_at_agent(row)
