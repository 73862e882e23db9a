"""`ukven` at a DSO of the draft GB API: enrolled so on purpose, run, killed, looked at."""

import asyncio
import json
import signal

import pytest

from tests.e2e.test_agent import Agent, ukven
from tests.unit.ven.dso import ASSET, NOON
from tests.waiting import until
from ukprofile.clock import SharedClock
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind, Role
from vtn.testing import RunningVtn, running_vtn

pytestmark = pytest.mark.e2e
NOW = {"start": "0001-01-01T00:00:00Z", "duration": "PT1H"}


async def store(running: RunningVtn, kind: Kind, body: dict) -> str:
    made = await running.vtn.objects.create(kind, body, OFFICE)
    return str(json.loads(made.body)["id"])


async def real_time_dispatch(running: RunningVtn) -> str:
    """7.2 of the draft, for a group."""
    program = {"programName": "flex", "targets": ["VEN_NAME-FSP7"]}
    payloads = [
        {"type": "ASSET_GRP", "values": ["AGRP001"]},
        {"type": "DISPATCH_SETPOINT", "values": ["1.2"]},
    ]
    body = {
        "programID": await store(running, Kind.PROGRAM, program),
        "eventName": "REAL_TIME_DISPATCH",
        "targets": ["VEN_NAME-FSP7"],
        "intervalPeriod": NOW,
        "intervals": [{"id": 0, "payloads": payloads}],
    }
    return await store(running, Kind.EVENT, body)


def words(running: RunningVtn) -> list[str]:
    reports = [json.loads(r.body) for r in running.vtn.store.live.find(Kind.REPORT)]
    return [report["payloadDescriptors"][0]["payloadType"] for report in reports]


async def test_a_draft_dispatch_from_enrolment_to_deletion_across_a_kill(tmp_path):
    clock = tmp_path / "clock"
    SharedClock.create(clock, NOON)
    business = SharedClock(clock, writable=True)
    agent = Agent(tmp_path / "agent")
    async with running_vtn(clock=business) as running:
        client, secret = await running.client("FSP7", Role.VEN, ("VEN_NAME-FSP7",))
        done = await asyncio.to_thread(
            ukven,
            *("enrol", agent.path, "--vtn", running.url, "--client-id", client),
            *("--secret-file", "-", "--clock", clock, "--poll-s", "0.05"),
            *("--dialect", "gb-draft", "--group", f"AGRP001={ASSET}"),
            stdin=secret,
        )
        assert done.returncode == 0, done.stderr
        assert "trusted: gb-draft, unsigned: trusts the transport" in done.stdout
        event = await real_time_dispatch(running)
        await agent.start()
        await until(agent.told, why="the device was told")
        await until(lambda: words(running) == ["READ_BACK"], why="it was read back")
        assert await agent.stop(signal.SIGKILL) == -signal.SIGKILL
        business._write(NOON.replace(minute=10), 0.0)
        await agent.start()
        await until(lambda: "DISPATCH_STATUS" in words(running), why="it is executing")
        found = await asyncio.to_thread(agent.state)
        assert (found["dialect"], found["trust"]) == ("gb-draft", "unsigned: trusts the transport")
        assert [(d["state"], d["said"]) for d in found["dispatches"]] == [
            ("running", ["executing"])
        ]
        shown = await asyncio.to_thread(ukven, "status", agent.path)
        assert "dialect gb-draft, unsigned: trusts the transport" in shown.stdout
        await running.vtn.store.write(lambda tx: tx.delete(Kind.EVENT, event))
        await until(lambda: len(agent.told()) == 2, why="the device was told again")
        assert await agent.stop() == 0
    assert [(line["setpoint_w"], line["at"][11:16]) for line in agent.told()] == [
        (1_200_000, "16:00"),
        (None, "16:10"),
    ]
    assert sorted(words(running)) == ["DISPATCH_STATUS", "READ_BACK"]


def test_the_draft_dialect_is_chosen_at_each_enrolment_or_it_is_not(tmp_path):
    path = tmp_path / "agent"
    ukven("init", path, "--party", "FSP7", "--asset", "A")
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    rest = ("--client-id", "fsp7", "--secret-file", secret)
    unsaid = ukven("enrol", path, "--vtn", "https://vtn.example", *rest)
    assert (unsaid.returncode, "--dso-keys FILE" in unsaid.stderr) == (1, True)
    clear = ukven("enrol", path, "--vtn", "http://vtn.example", *rest, "--dialect", "gb-draft")
    assert (clear.returncode, "plain http" in clear.stderr) == (1, True)
    settings = (path / "settings.toml").read_text()
    assert 'dialect = "uk"' in settings
    assert (
        ukven(
            "enrol", path, "--vtn", "https://vtn.example", *rest, "--dialect", "gb-draft"
        ).returncode
        == 0
    )
    assert 'dialect = "gb-draft"' in (path / "settings.toml").read_text()
    again = ukven("enrol", path, "--vtn", "https://other.example", *rest)
    assert (again.returncode, "--dso-keys FILE" in again.stderr) == (1, True)
