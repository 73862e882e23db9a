"""The agent as a process: `python -m ven`, at a real VTN, killed and started again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.ven.dso import ASSET, NOON, Dso, dso_with_fsp7
from tests.waiting import until
from ukprofile.clock import SharedClock
from ukprofile.signing import SigningKeys

pytestmark = pytest.mark.e2e
HALF, HOUR = timedelta(minutes=30), timedelta(hours=1)
GONE = ("--asset", ASSET, "--reason", "MAINTENANCE", "--from", "2026-11-25T06:00:00Z", "--to", "2026-11-25T18:00:00Z")  # fmt: skip


def ukven(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ven", *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Agent:
    """One agent's directory, and its process while it runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ready = path.with_suffix(".ready")
        made = ukven("init", path, "--party", "FSP7", "--asset", f"{ASSET}=simulated:max_w=1500000")
        assert made.returncode == 0, made.stderr
        self.keys = SigningKeys.from_json(json.loads((path / "keys.json").read_text()))
        self.process: asyncio.subprocess.Process | None = None

    async def enrol(self, dso: Dso, clock: Path) -> None:
        pinned = self.path.with_suffix(".dso.json")
        pinned.write_text(json.dumps(dso.running.vtn.keys.public().to_json()))
        done = await asyncio.to_thread(
            ukven,
            *("enrol", self.path, "--vtn", dso.url, "--client-id", dso.client_id),
            *("--secret-file", "-", "--dso-keys", pinned, "--clock", clock),
            *("--poll-s", "0.05", "--heartbeat-s", "0.5"),
            stdin=dso.secret,
        )
        assert done.returncode == 0, done.stderr

    async def start(self) -> None:
        self.ready.unlink(missing_ok=True)
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ven", "run", self.path, "--ready-file", self.ready)
        )
        await until(self.ready.exists, why="the agent is ready")

    async def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), 20)
        self.process = None
        return code

    def told(self) -> list[dict]:
        """What the device took: the judge."""
        log = self.path / "devices" / f"{ASSET}.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def state(self) -> dict:
        return json.loads(ukven("status", self.path, "--json").stdout)


class Scene:
    def __init__(self, dso: Dso, agent: Agent, clock: SharedClock) -> None:
        self.dso, self.agent, self.clock = dso, agent, clock

    def at(self, when: datetime) -> None:
        """Move the business clock of both ends."""
        self.clock._write(when, 0.0)

    async def acknowledged(self, count: int = 1) -> None:
        async def all_of_them() -> bool:
            standings = await self.dso.standings()
            return [s.delivery for s in standings] == ["acknowledged"] * count

        await until(all_of_them, why="acknowledged")

    async def said(self, *states: str) -> None:
        """The DSO has heard just these states of its one dispatch."""

        async def heard() -> bool:
            (standing,) = await self.dso.standings()
            return [state for state, _ in standing.states] == list(states)

        await until(heard, why=f"said {states}")


@asynccontextmanager
async def scene_in(tmp_path: Path):
    path = tmp_path / "clock"
    clock = SharedClock.create(path, NOON)
    writable = SharedClock(path, writable=True)
    agent = Agent(tmp_path / "agent")
    async with dso_with_fsp7(clock, agent.keys) as dso:
        await agent.enrol(dso, path)
        yield Scene(dso, agent, writable)
        if agent.process is not None:
            await agent.stop(signal.SIGKILL)


@pytest.fixture
async def scene(tmp_path):
    async with scene_in(tmp_path) as made:
        yield made


async def test_a_dispatch_from_instruction_to_completed_across_a_kill(scene):
    agent = scene.agent
    await agent.start()
    shown = json.loads(agent.ready.read_text())
    assert (shown["pid"], shown["party"]) == (agent.process.pid, "FSP7")
    thread = await scene.dso.instruct(HALF, HOUR)
    await scene.acknowledged()
    await until(agent.told, why="the device was told")
    await until(lambda: scene.dso.ven().get("attributes"), why="a heartbeat")

    await agent.stop(signal.SIGKILL)
    scene.at(NOON + HALF + timedelta(minutes=15))
    await agent.start()
    await scene.said("executing")
    found = await asyncio.to_thread(agent.state)
    assert [(d["thread"], d["state"]) for d in found["dispatches"]] == [(thread, "running")]
    assert found["devices"][0]["power_w"] == 1_000_000
    assert [c["contract_id"] for c in found["contracts"]] == ["UKPN:FLEX-1"]

    await agent.stop(signal.SIGKILL)
    scene.at(NOON + HALF + HOUR + timedelta(minutes=1))
    await agent.start()
    await scene.said("executing", "completed")
    assert [line["delta_w"] for line in agent.told()] == [1_000_000]
    assert await agent.stop() == 0
    assert (await asyncio.to_thread(agent.state))["alarms"] == []


async def test_a_cease_while_the_agent_is_dead_stops_the_device_when_it_is_back(scene):
    agent = scene.agent
    await agent.start()
    thread = await scene.dso.instruct(HALF, HOUR)
    await until(agent.told, why="the device was told")
    scene.at(NOON + HALF + timedelta(minutes=10))
    await scene.said("executing")
    await agent.stop(signal.SIGKILL)
    await scene.dso.cease(thread, NOON + HALF + timedelta(minutes=12))
    scene.at(NOON + HALF + timedelta(minutes=20))
    await agent.start()
    await until(lambda: len(agent.told()) == 2, why="the device was told again")
    assert agent.told()[-1]["delta_w"] is None
    scene.at(NOON + HALF + timedelta(minutes=27))
    await scene.said("executing", "ceased")
    assert (await asyncio.to_thread(agent.state))["devices"][0]["power_w"] == 0


async def test_kills_at_any_moment_repeat_no_command_and_lose_none(scene):
    agent = scene.agent
    for n in range(4):
        await agent.start()
        await scene.dso.instruct(HALF + n * HALF, HALF)
        # Killed later each time: while it polls, decides, tells the device, reports.
        await asyncio.sleep(0.02 + 0.03 * n)
        await agent.stop(signal.SIGKILL)
    await agent.start()
    await scene.acknowledged(4)
    await until(lambda: len({line["from"] for line in agent.told()}) == 4, why="all was told")
    ids = [line["id"] for line in agent.told()]
    assert len(ids) == len(set(ids))
    names = [r.report_name for r in scene.dso.reports()]
    assert len(names) == len(set(names))
    assert len([n for n in names if n]) == 5  # four dispatches and the contract terms


async def test_a_second_agent_on_the_same_directory_is_refused(scene):
    await scene.agent.start()
    second = await asyncio.to_thread(ukven, "run", scene.agent.path)
    assert second.returncode == 1
    journal = scene.agent.path / "journal.db"
    pid = scene.agent.process.pid
    assert second.stderr == f"ukven: another agent is running on {journal}: process {pid}\n"
    assert scene.agent.ready.exists()
    assert await scene.agent.stop(signal.SIGINT) == 0


async def test_a_stopping_agent_still_sends_what_is_queued(scene):
    await scene.agent.start()
    await scene.dso.instruct(HALF, HOUR)
    await until(scene.agent.told, why="the device was told")
    assert await scene.agent.stop() == 0
    await scene.acknowledged()
    assert (await asyncio.to_thread(scene.agent.state))["queued"] == []


async def test_the_journal_tells_what_happened_and_the_log_is_json(scene):
    await scene.agent.start()
    await scene.dso.instruct(HALF, HOUR)
    await scene.acknowledged()
    await scene.agent.stop()
    told = await asyncio.to_thread(ukven, "journal", scene.agent.path, "--json")
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    words = {line["what"] for line in lines}
    assert {"received", "decided", "planned", "told", "confirmed", "said", "posted"} <= words
    plain = await asyncio.to_thread(ukven, "journal", scene.agent.path)
    assert len(plain.stdout.splitlines()) == len(lines)
    log = [json.loads(line) for line in (scene.agent.path / "agent.log").read_text().splitlines()]
    assert [line["event"] for line in log] == ["starting", "stopped"]
    assert "secret" not in (scene.agent.path / "agent.log").read_text()


async def test_what_a_person_declares_is_said_by_the_agent_running_or_not(scene):
    """The agent holds the journal: commands leave a file, and it is signed and posted once."""
    agent = scene.agent

    async def does(*words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(ukven, words[0], agent.path, *words[1:])

    def declared(kind: str) -> int:
        texts = [r.dump_json().decode() for r in scene.dso.reports()]
        return sum(f'\\"kind\\":\\"{kind}\\"' in text for text in texts)

    early = await does("unavailable", *GONE)
    assert (early.returncode, "no journal" in early.stderr) == (1, True)
    await agent.start()
    done = await does("unavailable", *GONE)
    assert (done.returncode, "the running agent declares it now" in done.stdout) == (0, True)
    await until(lambda: declared("unavailability") == 1, why="declared")
    await agent.stop()
    day = agent.path.parent / "day.csv"
    half = timedelta(minutes=30)
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    lines = [f"{(midnight + n * half).isoformat()},-1000" for n in range(48)]
    day.write_text("\n".join(["start,watts", *lines]))
    done = await does("baseline", str(day))
    assert (done.returncode, "at the next start" in done.stdout) == (0, True), done.stderr
    assert declared("baseline") == 0
    await agent.start()
    await until(lambda: declared("baseline") == 1, why="nominated")
    assert not list((agent.path / "inbox").glob("*.json"))
    refused = await does("unavailable", *GONE[:-1], "2026-11-25T05:00:00Z")
    assert (refused.returncode, "ends before it starts" in refused.stderr) == (1, True)
    assert len(refused.stderr.splitlines()) == 1
    assert not list((agent.path / "inbox").glob("*.json"))


async def test_a_backup_put_back_in_mid_dispatch_says_and_does_nothing_twice(scene):
    agent, kept = scene.agent, scene.agent.path.with_suffix(".kept.db")

    async def does(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(ukven, words[0], agent.path, *words[1:])

    await agent.start()
    made = await does("backup", kept)
    assert (made.returncode, str(kept) in made.stdout) == (0, True), made.stderr
    await scene.dso.instruct(HALF, HOUR)
    await until(agent.told, why="the device was told")
    scene.at(NOON + HALF + timedelta(minutes=10))
    await scene.said("executing")
    assert "another agent is running" in (await does("restore", kept)).stderr
    await agent.stop(signal.SIGKILL)

    journal = agent.path / "journal.db"
    journal.write_bytes(bytes(4096))
    journal.with_name("journal.db-wal").unlink()
    for command in ("check", "run"):
        torn = await does(command)
        assert (torn.returncode, "is damaged" in torn.stderr) == (1, True), torn.stderr
        assert len(torn.stderr.splitlines()) == 1
    assert (await does("restore", kept)).returncode == 0
    reports = len(scene.dso.reports())
    await agent.start()
    assert (await does("check")).returncode == 0
    assert (await asyncio.to_thread(agent.state))["devices"][0]["power_w"] == 1_000_000
    scene.at(NOON + HALF + HOUR + timedelta(minutes=1))
    await scene.said("executing", "completed")
    await agent.stop()
    assert len(scene.dso.reports()) == reports + 1
    ids = [line["id"] for line in agent.told()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run"], 2, "Missing argument"),
        (["run", "NOWHERE"], 1, "ukven: no agent in"),
        (["status", "NOWHERE"], 1, "ukven: no agent in"),
        (["init", "NEW", "--party", "a b", "--asset", "A"], 1, "ukven: 'a b' is no party id"),
        (["init", "NEW", "--party", "A", "--asset", "A=modbus:x"], 1, "ukven: there is no device"),
        (["check", "NOWHERE"], 1, "ukven: no agent in"),
        (["backup", "NOWHERE", "kept.db"], 1, "ukven: no agent in"),
        (["restore", "NOWHERE", "kept.db"], 1, "ukven: no agent in"),
        (["unavailable", "NOWHERE", *GONE], 1, "ukven: no agent in"),
        (["baseline", "NOWHERE", "day.csv"], 1, "ukven: no agent in"),
        (["trust-clock", "NOWHERE"], 1, "ukven: no agent in"),
        (["dance"], 2, "No such command"),
    ],
)
def test_mistakes_are_one_line_and_never_a_stack_trace(tmp_path, words, code, says):
    paths = {"NOWHERE": tmp_path / "nowhere", "NEW": tmp_path / "new"}
    done = ukven(*(paths.get(word, word) for word in words))
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    if code == 1:
        assert len(done.stderr.splitlines()) == 1


def test_enrolment_refuses_what_would_be_unsafe_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "agent"
    ukven("init", path, "--party", "FSP7", "--asset", "A", "--environment", "production")
    before = (path / "settings.toml").read_text()
    secret, keys = tmp_path / "secret", tmp_path / "dso.json"
    secret.write_text("s3cret\n")
    start, end = NOON - timedelta(days=1), NOON + timedelta(days=1)
    published = SigningKeys.sandbox("UKPN-sandbox-1", "UKPN", "dso", start, end).public()
    keys.write_text(json.dumps(published.to_json()))
    rest = ["--client-id", "fsp7", "--secret-file", secret, "--dso-keys", keys]
    clear = ukven("enrol", path, "--vtn", "http://vtn.example", *rest)
    assert (clear.returncode, "plain http" in clear.stderr) == (1, True)
    test_keys = ukven("enrol", path, "--vtn", "https://vtn.example", *rest)
    assert (test_keys.returncode, "published test key" in test_keys.stderr) == (1, True)
    assert (path / "settings.toml").read_text() == before
    assert not (path / "client_secret").exists()
    assert not list((path / "dso").iterdir())


def test_help_teaches():
    commands = "init enrol run status journal check backup restore unavailable baseline trust-clock"
    for command in commands.split():
        shown = ukven(command, "--help")
        assert shown.returncode == 0
        assert "Example: ukven" in shown.stdout
    assert os.linesep.join(["Begin with: ukven init"]) in ukven("--help").stdout
