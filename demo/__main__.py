"""`python -m demo`: an hour of dispatching, played with real processes, and checked.

Exit codes: 0 the independent checker agrees with everything; 1 it does not, or a process failed;
2 wrong usage.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from demo.conductor import Play, perform
from demo.stage import ROOT, StageError

HERE = Path(__file__).parent


def main() -> int:
    """Play, check, and say where everything lies."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--scenario", type=Path, default=HERE / "scenario.json")
    parser.add_argument("--directory", type=Path, help="where everything goes; must not exist")
    parser.add_argument("--pace", type=float, default=1.0, help="2 plays twice as fast")
    given = parser.parse_args()
    directory = given.directory or ROOT / "var/demo" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    directory.mkdir(parents=True)
    console = Console()
    play = Play(json.loads(given.scenario.read_text()), directory, console, given.pace)
    console.rule(play.scenario["title"])
    try:
        codes = asyncio.run(perform(play))
    except StageError as error:
        console.print(f"the demo broke off: {error}", style="red", markup=False)
        console.print(f"logs: {directory}")
        return 1
    (directory / "exit_codes.json").write_text(json.dumps(codes))
    console.print("\n" + (directory / "status.txt").read_text(), markup=False, highlight=False)
    console.rule("An independent checker reads what was recorded")
    checked = subprocess.run(
        [sys.executable, "-I", str(HERE / "checker.py"), str(given.scenario), str(directory)],
        check=False,
    )
    console.print(
        f"\ndatabase  {directory}/vtn/vtn.db\njournals  {directory}/*/journal.db\n"
        f"devices   {directory}/*/devices/*.jsonl\nwire      {directory}/http.jsonl\n"
        f"logs      {directory}/vtn/vtn.log, {directory}/*/agent.log",
        highlight=False,
        soft_wrap=True,
    )
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main())
