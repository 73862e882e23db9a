"""A VTN and two FSPs that stay up, for trying things out by hand.

The business clock is the time of day: what is instructed for this afternoon runs this afternoon.
Everything lies in one directory, which the next start takes up again.
"""

import asyncio
import os
import signal
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.joining import home_of, join
from demo.screen import clock_text
from demo.stage import Stage
from ukprofile.clock import SystemClock

_ALWAYS = {
    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "start": "00:00",
    "end": "00:00",
    "time_zone": "Europe/London",
    "fold": 0,
}
_AT_ONCE = {"notice_s": 0, "min_run_s": 60}
"""A person does not want to wait for what he or she has asked for."""
_HINTS = """
Try, in another terminal (everything is on loopback, and no real device can move):

  . {activate}
  export UKVTN_DATA_DIR={vtn}

  # a dispatch: asked, seen at both ends, changed, ended, and its whole course
  ukvtn desk instruct {contract} --thread {mine} --delta-w 500000 --start {start} --end {end}
  ukvtn status
  ukven status {agent}
  ukvtn desk vary {mine} --delta-w 400000
  ukvtn desk cancel {mine}  # once it runs: ukvtn desk cease {mine}
  ukvtn desk show {mine}

  # a market: a request, two offers after a second or two, the cheaper one taken
  ukvtn desk request {product} {zone} --thread {mine}-REQ --delta-w 1000000 \\
      --start {end} --end {later} --respond-by {start}
  ukvtn desk offers {mine}-REQ
  ukvtn desk award {mine}-REQ

  # what a person should look at, and all that an agent did
  ukvtn desk alarms
  ukven journal {agent}

With explanations: docs/tutorial/dso.md, docs/tutorial/fsp.md.
Ctrl-C stops it all; the next `make sandbox` takes it up again, `make clean` forgets it.
"""


async def sandbox(
    scenario: Mapping[str, Any], directory: Path, binaries: Path, port: int, console: Console
) -> None:
    """Run until SIGTERM or Ctrl-C. Raises StageError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # a terminal that is closed
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stage, vtn_dir = Stage(directory), directory / "vtn"
    contract = {**scenario["contract"], "windows": [_ALWAYS], **_AT_ONCE}
    agents = scenario["agents"][:2]  # of one asset, and of two
    try:
        vtn = await stage.start(
            "vtn", "vtn", "serve", "--data-dir", vtn_dir, "--sandbox",
            "--dso", scenario["dso"], "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
        console.print(f"VTN of {vtn['dso']} at {vtn['url']}", highlight=False)
        bl = vtn["bl"]
        console.print(
            f"  a desk's credentials: {bl['client_id']} {bl['client_secret']}", highlight=False
        )
        for agent in agents:
            home = home_of(stage, agent)
            if not home.exists():
                await join(stage, agent, contract, vtn_dir, vtn["url"], "--poll-s", "1")
            await stage.start(agent["party"].lower(), "ven", "run", home)
            shown = relative(home)
            console.print(
                f"  {agent['party']} runs in {shown}: client {client_of(home)}, its secret in "
                f"{shown}/client_secret", highlight=False, soft_wrap=True,
            )  # fmt: skip
        market = scenario["markets"][0]
        members = [word for agent in agents for word in ("--member", agent["party"])]
        await stage.command(
            "vtn", "markets", "add", market["product"], market["zone"], *members, "-d", vtn_dir
        )
        start = SystemClock().now() + timedelta(minutes=3)
        hints = _HINTS.format(
            activate=relative(binaries / "activate"),
            vtn=relative(vtn_dir),
            contract=agents[0]["contracts"][0]["contract_id"],
            start=clock_text(start),
            end=clock_text(start + timedelta(minutes=30)),
            later=clock_text(start + timedelta(minutes=90)),
            mine=f"MY-{start:%H%M}",  # another name at the next start
            agent=relative(home_of(stage, agents[0])),
            product=market["product"],
            zone=market["zone"],
        )
        console.print(hints, highlight=False, soft_wrap=True)
        await stop.wait()
        for agent in agents:
            await stage.stop(agent["party"].lower())
        await stage.stop("vtn")
    finally:
        await stage.clear()


def client_of(home: Path) -> str:
    """The OAuth client of the agent in `home`."""
    return str(tomllib.loads((home / "settings.toml").read_text())["client_id"])


def relative(path: Path) -> str:
    """A path as short as a person may type it here."""
    here = os.path.relpath(path)
    return str(path) if here.startswith("..") else here
