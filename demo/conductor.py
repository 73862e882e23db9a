"""The plot: everybody is enrolled, instructed, and an hour goes by in half a minute.

    set the stage     clock stopped: VTN up, agents made, enrolled and running
    the instructions  clock as life: one signed instruction to each FSP, each answered
    the hour          clock fast, slow where something begins or ends
    the end           agents and VTN are asked to stop, and must do so in good order

The conductor does what people would do: it runs `ukvtn` and `ukven`, and nothing else.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from demo.joining import dso_keys, home_of, join
from demo.recorder import Exchange, Recorder, recording
from demo.screen import Row, Screen
from demo.stage import Stage, StageError
from ukprofile.clock import SharedClock

FAST, SLOW = 240.0, 25.0
"""Business seconds a second: between scenes, and around them."""
AROUND = timedelta(seconds=60)
POLL_S, HEARTBEAT_S = 0.25, 2.0
ANSWERED_WITHIN_S = 20.0


@dataclass(frozen=True)
class Play:
    """One performance: where it takes place, at which pace, and before whom."""

    scenario: Mapping[str, Any]
    directory: Path
    console: Console
    pace: float = 1.0
    """More is faster; the scenes keep their order."""

    @property
    def vtn_dir(self) -> Path:
        return self.directory / "vtn"


async def perform(play: Play) -> dict[str, int]:
    """Play it through; the exit codes of the processes. Raises StageError."""
    start = _time(play.scenario["start"])
    clock = SharedClock.create(play.directory / "clock", start)
    screen = Screen(play.console, clock, _rows(play))
    heard = asyncio.Event()

    def hear(exchange: Exchange) -> None:
        screen.hear(exchange)
        heard.set()

    recorder = Recorder(play.directory / "http.jsonl", clock, hear)
    stage = Stage(play.directory)
    async with recording(recorder) as url:
        try:
            await _set_the_stage(play, stage, recorder, url)
            await _a_stranger(url)
            with screen.shown():
                await _instruct(play, stage, clock, screen, heard)
                await _the_hour(play, clock)
                await _reported(play, screen, heard)
                clock.set_rate(0.0)
            return await _the_end(play, stage)
        finally:
            await stage.clear()


async def _set_the_stage(play: Play, stage: Stage, recorder: Recorder, url: str) -> None:
    play.console.print(f"Starting a VTN for {play.scenario['dso']} and an agent for each FSP ...")
    vtn = await stage.start(
        "vtn", "vtn", "serve", "--data-dir", play.vtn_dir, "--listen", "127.0.0.1:0", "--sandbox",
        "--dso", play.scenario["dso"], "--public-url", url, "--clock", play.directory / "clock",
    )  # fmt: skip
    recorder.upstream = vtn["url"]
    await dso_keys(stage, play.vtn_dir)
    async with asyncio.TaskGroup() as group:
        for agent in play.scenario["agents"]:
            group.create_task(_bring_in(play, stage, agent, url))


async def _bring_in(play: Play, stage: Stage, agent: Mapping[str, Any], url: str) -> None:
    quick = ("--poll-s", str(POLL_S), "--heartbeat-s", str(HEARTBEAT_S))
    clock = ("--clock", play.directory / "clock")
    await join(stage, agent, play.scenario["contract"], play.vtn_dir, url, *clock, *quick)
    await stage.start(agent["party"].lower(), "ven", "run", home_of(stage, agent))
    play.console.print(f"  {agent['party']}: enrolled for {agent['contract_id']}, running")


async def _a_stranger(url: str) -> None:
    """Somebody without a token knocks, too; the checker wants to see the door stay shut."""
    async with aiohttp.ClientSession() as session:
        for path in ("/programs", "/events", "/reports"):
            await (await session.get(url + path)).read()


async def _instruct(
    play: Play, stage: Stage, clock: SharedClock, screen: Screen, heard: asyncio.Event
) -> None:
    """One instruction each; those that break our own rules go out unchecked, to be refused."""
    clock.set_rate(1.0)
    for agent in play.scenario["agents"]:
        order = agent["order"]
        wrong = agent["expect"]["decided"] == "refused"
        play.console.print(
            f"{clock.now():%H:%M:%S}  {play.scenario['dso']:8} instructs {agent['party']}: "
            f"{_asked(agent)} ({agent['why']})",
            highlight=False,
            soft_wrap=True,
        )
        await stage.command(
            "vtn", "desk", "instruct", agent["contract_id"], "--thread", order["thread"],
            "--start", order["start"], "--end", order["end"], "--delta-w", str(order["delta_w"]),
            *(("--asset", order["asset_id"]) if "asset_id" in order else ()),
            *(("--unchecked",) if wrong else ()), "-d", play.vtn_dir,
        )  # fmt: skip
    await _until(lambda: all(row.answer for row in screen.rows), heard, "an answer of every FSP")


async def _the_hour(play: Play, clock: SharedClock) -> None:
    """Run to the end: fast, and slowly through every moment at which something changes."""
    end = _time(play.scenario["end"])
    for scene in _scenes(play.scenario):
        clock.set_rate(FAST * play.pace)
        await clock.until(scene - AROUND)
        clock.set_rate(SLOW * play.pace)
        await clock.until(scene + AROUND)
    clock.set_rate(FAST * play.pace)
    await clock.until(end)
    clock.set_rate(SLOW * play.pace)


def _scenes(scenario: Mapping[str, Any]) -> list[datetime]:
    accepted = [a for a in scenario["agents"] if a["expect"]["decided"] == "received"]
    return sorted({_time(a["order"][edge]) for a in accepted for edge in ("start", "end")})


async def _reported(play: Play, screen: Screen, heard: asyncio.Event) -> None:
    """Wait until every FSP has said what the scenario expects of it."""
    due = {a["party"]: len(a["expect"]["states"]) for a in play.scenario["agents"]}
    await _until(
        lambda: all(len(row.runs) >= due[row.party] for row in screen.rows),
        heard,
        "the last reports",
    )


async def _the_end(play: Play, stage: Stage) -> dict[str, int]:
    parties = [agent["party"].lower() for agent in play.scenario["agents"]]
    codes = dict(zip(parties, await asyncio.gather(*map(stage.stop, parties)), strict=True))
    shown = await stage.command("vtn", "status", "-d", play.vtn_dir)
    (play.directory / "status.txt").write_text(shown)
    return codes | {"vtn": await stage.stop("vtn")}


async def _until(true: Any, heard: asyncio.Event, what: str) -> None:
    """Return once `true()`, looking at every exchange. What never comes, the checker will name."""
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while not true():
                heard.clear()
                await heard.wait()
    except TimeoutError:
        print(f"waited {ANSWERED_WITHIN_S:.0f} s for {what}; going on without")


def _rows(play: Play) -> list[Row]:
    return [
        Row(
            agent["party"],
            agent["party"].lower(),
            agent["order"]["thread"],
            _asked(agent),
            play.directory / agent["party"].lower() / "devices" / f"{agent['asset_id']}.jsonl",
        )
        for agent in play.scenario["agents"]
    ]


def _asked(agent: Mapping[str, Any]) -> str:
    order = agent["order"]
    return f"{order['delta_w']:+,} W from {order['start'][11:16]} to {order['end'][11:16]}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


__all__ = ["Play", "StageError", "perform"]
