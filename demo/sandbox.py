"""A VTN and two FSPs that stay up, for trying things out by hand.

The business clock is the time of day: what is instructed for this afternoon runs this afternoon.
Everything lies in one directory, which the next start takes up again.
"""

import asyncio
import signal
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
_HINTS = """
Try, in another terminal (everything is on loopback, and no real device can move):

  {bin}/ukvtn desk instruct {contract} -d {vtn} --thread MY-1 \\
      --start {start} --end {end} --delta-w 500000
  {bin}/ukvtn status -d {vtn}
  {bin}/ukvtn desk vary MY-1 -d {vtn} --delta-w 400000
  {bin}/ukvtn desk cancel MY-1 -d {vtn}  # once it runs: desk cease MY-1
  {bin}/ukvtn desk show MY-1 -d {vtn}

  {bin}/ukvtn desk request {product} {zone} -d {vtn} --thread MY-REQ \\
      --delta-w 1000000 --start {end} --end {later} --respond-by {start}
  {bin}/ukvtn desk offers MY-REQ -d {vtn}
  {bin}/ukvtn desk award MY-REQ -d {vtn}
  {bin}/ukvtn desk alarms -d {vtn}

  {bin}/ukven status {agent}
  {bin}/ukven journal {agent}

Ctrl-C stops it all; the next `make sandbox` takes it up again, `make clean` forgets it.
"""


async def sandbox(
    scenario: Mapping[str, Any], directory: Path, binaries: Path, port: int, console: Console
) -> None:
    """Run until SIGTERM or Ctrl-C. Raises StageError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stage, vtn_dir = Stage(directory), directory / "vtn"
    contract = {**scenario["contract"], "windows": [_ALWAYS]}
    agents = scenario["agents"][:2]  # of one asset, and of two
    try:
        vtn = await stage.start(
            "vtn", "vtn", "serve", "--data-dir", vtn_dir, "--sandbox",
            "--dso", scenario["dso"], "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
        console.print(f"VTN of {vtn['dso']} at {vtn['url']}", highlight=False)
        bl = vtn["bl"]
        console.print(f"  a desk's credentials: {bl['client_id']} {bl['client_secret']}")
        for agent in agents:
            home = home_of(stage, agent)
            if not home.exists():
                await join(stage, agent, contract, vtn_dir, vtn["url"], "--poll-s", "1")
            await stage.start(agent["party"].lower(), "ven", "run", home)
            console.print(f"  {agent['party']} runs in {home}", highlight=False)
        market = scenario["markets"][0]
        members = [word for agent in agents for word in ("--member", agent["party"])]
        await stage.command(
            "vtn", "markets", "add", market["product"], market["zone"], *members, "-d", vtn_dir
        )
        start = SystemClock().now() + timedelta(minutes=5)
        hints = _HINTS.format(
            bin=binaries,
            vtn=vtn_dir,
            contract=agents[0]["contracts"][0]["contract_id"],
            start=clock_text(start),
            end=clock_text(start + timedelta(minutes=30)),
            later=clock_text(start + timedelta(minutes=90)),
            agent=home_of(stage, agents[0]),
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
