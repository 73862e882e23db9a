"""The plot: everybody is enrolled, and a day goes by scene by scene.

    set the stage   clock stopped: VTN up, market, agents made, enrolled and running
    each scene      clock as life while commands are given and answered, slow while runs are awaited
    between scenes  the faster the longer it is until the next one
    the end         once all readings are shown, agents and VTN are asked to stop in good order

The conductor does what people would do: it runs `ukvtn` and `ukven`, and nothing else; and what
befalls them: it kills processes, and has messages tampered with on the way. It looks at the wire
and into the journals only to know when time may go on.

    agents ──▶ meddler ──▶ recorder ──▶ VTN
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from demo.day import Day, Scene
from demo.joining import dso_keys, home_of, join
from demo.recorder import Exchange, Recorder, moment_text, recording
from demo.screen import Screen
from demo.stage import Stage, StageError
from plugfest.faults.meddling import Meddler, Order, meddling
from ukprofile.clock import SharedClock

LIVE, SLOW, FAST = 1.0, 25.0, 3600.0
"""Business seconds a second: while commands are given and answered (an acknowledgement that is due
within a minute has a minute on a busy machine, too), around scenes, and far from any."""
BRAKE_S = 0.25
"""Real seconds that are left to the next scene, while it nears: at any pace a busy machine has to
notice in time that it is there."""
LOOK_S = 0.05
POLL_S, HEARTBEAT_S = 0.25, 2.0
ANSWERED_WITHIN_S, CARRIED_OUT_WITHIN_S = 20.0, 5.0
MANY = 6
"""So many statuses or readings may be awaited at once without slowing down for it."""
_OPEN = "SELECT 1 FROM commands WHERE state IN ('PLANNED', 'SENT')"
_IN_ITS_TIME = ("status", "post_action", "readings", "baseline")
"""What an FSP says when the time for it has come; all else it says at once."""


@dataclass(frozen=True)
class Play:
    """One performance: where it takes place, at which pace, and before whom."""

    day: Day
    directory: Path
    console: Console
    pace: float = 1.0
    """More is faster; the scenes keep their order."""

    @property
    def vtn_dir(self) -> Path:
        return self.directory / "vtn"


@dataclass(frozen=True)
class Wire:
    """What lies between VTN and agents: who writes down, who meddles, what rings as it passes."""

    recorder: Recorder
    meddler: Meddler
    ear: asyncio.Event


async def perform(play: Play) -> dict[str, int]:
    """Play it through; the exit codes of the processes. Raises StageError."""
    clock = SharedClock.create(play.directory / "clock", play.day.start)
    screen = Screen(play.console, clock, play.day, play.directory)
    ear = asyncio.Event()

    def hear(exchange: Exchange) -> None:
        screen.hear(exchange)
        ear.set()

    recorder = Recorder(play.directory / "http.jsonl", clock, hear)
    stage = Stage(play.directory)
    tampering = play.directory / "tampering.jsonl"
    async with recording(recorder) as behind, meddling(behind, log=tampering) as (url, meddler):
        wire = Wire(recorder, meddler, ear)
        try:
            await _set_the_stage(play, stage, recorder, url)
            await _a_stranger(url)
            with screen.shown():
                due: Counter[str] = Counter()
                for scene in play.day.scenes:
                    await _near(scene, clock, play.pace)
                    await _perform(play, stage, scene, wire, screen)
                    if any(step.run.startswith("start ") for step in scene.steps):
                        await _asked_again(play, wire)
                    due.update(scene.then)
                    await _heard(due, clock, screen, ear)
                    screen.sum_up()
                    if scene.steps:
                        await _carried_out(play, stage, ear)
                due.update(play.day.readings)
                await _heard(due, clock, screen, ear)
                clock.set_rate(0.0)
            return await _the_end(play, stage)
        finally:
            await stage.clear()


async def _set_the_stage(play: Play, stage: Stage, recorder: Recorder, url: str) -> None:
    scenario = play.day.scenario
    play.console.print(f"Starting a VTN for {scenario['dso']} and an agent for each FSP ...")
    vtn = await stage.start(
        "vtn", "vtn", "serve", "--data-dir", play.vtn_dir, "--listen", "127.0.0.1:0", "--sandbox",
        "--dso", scenario["dso"], "--public-url", url, "--clock", play.directory / "clock",
    )  # fmt: skip
    recorder.upstream = vtn["url"]
    await dso_keys(stage, play.vtn_dir)
    quick = ("--poll-s", str(POLL_S), "--heartbeat-s", str(HEARTBEAT_S))
    clock = ("--clock", play.directory / "clock")
    async with asyncio.TaskGroup() as group:
        for agent in play.day.agents:
            group.create_task(
                join(stage, agent, scenario["contract"], play.vtn_dir, url, *clock, *quick)
            )
    markets = "".join(json.dumps({"do": "market", **one}) + "\n" for one in scenario["markets"])
    await stage.command("vtn", "desk", "batch", "-", "-d", play.vtn_dir, stdin=markets)
    async with asyncio.TaskGroup() as group:
        for agent in play.day.agents:
            group.create_task(_run(play, stage, agent))


async def _run(play: Play, stage: Stage, agent: Mapping[str, Any]) -> None:
    await stage.start(agent["party"].lower(), "ven", "run", home_of(stage, agent))
    first, *more = (one["contract_id"] for one in agent["contracts"])
    contracts = f"{first} and {len(more)} more" if more else first
    play.console.print(f"  {agent['party']}: enrolled for {contracts}, running", highlight=False)


async def _a_stranger(url: str) -> None:
    """Somebody without a token knocks, too; the checker wants to see the door stay shut."""
    async with aiohttp.ClientSession() as session:
        for path in ("/programs", "/events", "/reports", "/desk/dispatches"):
            await (await session.get(url + path)).read()


async def _near(scene: Scene, clock: SharedClock, pace: float) -> None:
    """Let time go by until the scene: fast, and ever slower the nearer it comes."""
    while (left := (scene.at - clock.now()).total_seconds()) > 0:
        clock.set_rate(max(SLOW * pace, min(FAST * pace, left / BRAKE_S)))
        await asyncio.sleep(LOOK_S)


async def _perform(play: Play, stage: Stage, scene: Scene, wire: Wire, screen: Screen) -> None:
    if scene.title:
        screen.rule(scene.title)
    if scene.steps:
        wire.recorder.clock.set_rate(LIVE)
    homes = {agent["party"]: home_of(stage, agent) for agent in play.day.agents}
    for step in scene.steps:
        screen.say(step.says)
        program, *words = play.day.words(step.run, homes)
        if program in ("kill", "start"):
            await _befall(play, stage, wire.recorder, program, words[-1])
        elif program == "tamper":
            await _tamper(play, wire, *words)
        else:
            to = ("-d", play.vtn_dir) if program == "ukvtn" else ()
            await stage.command(program.removeprefix("uk"), *words, *to, stdin=step.stdin)


async def _befall(play: Play, stage: Stage, recorder: Recorder, what: str, name: str) -> None:
    """A process is killed, or started again; the checker is told since when it is gone, or back."""
    at = recorder.clock.now()
    if what == "kill":
        await stage.kill(name)
    else:
        ready = await stage.start_again(name)
        recorder.upstream = ready["url"] if name == "vtn" else recorder.upstream
        at = recorder.clock.now()
    line = {"at": moment_text(at), "what": what, "process": name}
    with (play.directory / "kills.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


async def _tamper(play: Play, wire: Wire, name: str, thread: str = "", when: str = "next") -> None:
    """Somebody meddles with the events of a thread, and is gone: the truth is asked for again."""
    meddler = wire.meddler
    if name == "nothing":
        meddler.orders.clear()
    else:
        meddler.orders.append(Order.read({"tampering": name, "thread": thread, "when": when}))
    if when == "next":
        with suppress(TimeoutError):  # nothing to tamper with: the checker will name it
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while meddler.orders:
                    wire.ear.clear()
                    await wire.ear.wait()
        await _asked_again(play, wire)


async def _asked_again(play: Play, wire: Wire) -> None:
    """Return once every agent has looked again, as soon as its own patience lets it."""
    clients = [agent["party"].lower() for agent in play.day.agents]
    since, looked = wire.recorder.count + len(clients), wire.recorder.looked  # some are under way
    with suppress(TimeoutError):  # one that never does, the checker will name
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while any(looked.get(client, 0) <= since for client in clients):
                wire.ear.clear()
                await wire.ear.wait()


async def _heard(due: Counter[str], clock: SharedClock, screen: Screen, ear: asyncio.Event) -> None:
    """Return once all that is due was said. What never comes, the checker will name; as long as
    something comes, there is patience.
    """
    missing = due - screen.said
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S) as patience:
            while missing := due - screen.said:
                answers = any(line.split(" ")[1] not in _IN_ITS_TIME for line in missing)
                crowd = MANY / missing.total()  # a busy machine says one after the other
                clock.set_rate(LIVE if answers else max(LIVE, SLOW * min(1, crowd)))
                left = missing.total()
                while left == (due - screen.said).total():
                    ear.clear()
                    await ear.wait()
                patience.reschedule(asyncio.get_running_loop().time() + ANSWERED_WITHIN_S)
    except TimeoutError:
        due.subtract(missing)
        screen.say(f"waited {ANSWERED_WITHIN_S:.0f} s for {', '.join(missing)}; going on without")


async def _carried_out(play: Play, stage: Stage, ear: asyncio.Event) -> None:
    """Return once every agent has told its devices what they owe, as its journal says.

    What took a tenth of a second on a busy machine would else be late by minutes of the day.
    """
    journals = [home_of(stage, agent) / "journal.db" for agent in play.day.agents]
    with suppress(TimeoutError):  # a device that is never told, the checker will name
        async with asyncio.timeout(CARRIED_OUT_WITHIN_S):
            while any(map(_owes, journals)):
                ear.clear()
                await ear.wait()  # agents poll all the time


def _owes(journal: Path) -> bool:
    """Whether a command of this agent is still on its way to a device."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return db.execute(_OPEN).fetchone() is not None


async def _the_end(play: Play, stage: Stage) -> dict[str, int]:
    parties = [agent["party"].lower() for agent in play.day.agents]
    codes = dict(zip(parties, await asyncio.gather(*map(stage.stop, parties)), strict=True))
    to = ("-d", play.vtn_dir)
    (play.directory / "status.txt").write_text(await stage.command("vtn", "status", *to))
    (play.directory / "status.json").write_text(await stage.command("vtn", "status", "--json", *to))
    alarms = await stage.command("vtn", "desk", "alarms", "--all", "--json", *to)
    (play.directory / "alarms.json").write_text(alarms)
    await _statements(play, stage)
    return codes | {"vtn": await stage.stop("vtn")}


async def _statements(play: Play, stage: Stage) -> None:
    """What each FSP is paid: by the VTN, and by its own agent."""
    day = ("--day", play.day.date.isoformat(), "--json")
    paid = await stage.command("vtn", "statement", *day, "-d", play.vtn_dir)
    (play.directory / "statement.json").write_text(paid)

    async def own(home: Path) -> None:
        (home / "statement.json").write_text(await stage.command("ven", "statement", home, *day))

    async with asyncio.TaskGroup() as group:
        for agent in play.day.agents:
            group.create_task(own(home_of(stage, agent)))


__all__ = ["Play", "StageError", "perform"]
