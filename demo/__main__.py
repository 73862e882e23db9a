"""`python -m demo`: a day of dispatching, played with real processes, and checked.

`python -m demo sandbox` starts a VTN and two agents that stay up instead.

Exit codes: 0 the independent checker agrees with everything; 1 it does not, or a process failed;
2 wrong usage.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

from rich.console import Console

from demo.account import account_table
from demo.conductor import Play, perform
from demo.day import Day
from demo.history import rows_on, scenario_of
from demo.sandbox import sandbox
from demo.stage import ROOT, StageError
from ukprofile.clock import SystemClock
from ukprofile.errors import Refused
from ukprofile.flex.history import bounded_lines, read_history

HERE = Path(__file__).parent


def main() -> int:
    """Play what is asked for."""
    parser = argparse.ArgumentParser(
        prog="demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("day", "sandbox"), default="day")
    parser.add_argument("--scenario", type=Path, default=HERE / "scenario.json")
    parser.add_argument(
        "--date",
        type=date.fromisoformat,
        help="yyyy-mm-dd: instead of the scenario's own, or which of a history",
    )
    parser.add_argument(
        "--input", type=Path, help="a DSO's published history (CSV): that day of it is played"
    )
    parser.add_argument("--dso", default="UKPN", help="whose history that is: its party id")
    parser.add_argument("--directory", type=Path, help="where everything goes")
    parser.add_argument("--pace", type=float, default=1.0, help="2 plays the day twice as fast")
    parser.add_argument("--port", type=int, default=8410, help="of the sandbox's VTN")
    given = parser.parse_args()
    # asked to stop, it takes down what it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
    console, directory = Console(), None
    try:
        if given.what == "sandbox":
            directory = given.directory or ROOT / "var/sandbox"
            directory.mkdir(parents=True, exist_ok=True)
            scenario = json.loads(given.scenario.read_text())
            binaries = Path(sys.executable).parent
            asyncio.run(sandbox(scenario, directory, binaries, given.port, console))
            return 0
        day = day_of(given, console)
        name = f"{SystemClock().now():%Y%m%d-%H%M%S}"
        directory = given.directory or ROOT / "var/demo" / name
        directory.mkdir(parents=True)
        return play(day, directory, given.pace, console)
    except (StageError, Refused) as error:
        console.print(f"it broke off: {error}", style="red", markup=False)
        if directory is not None:
            console.print(f"logs: {directory}")
        return 1


def day_of(given: argparse.Namespace, console: Console) -> Day:
    """The day that is asked for, of scenario or history. Raises StageError, Refused."""
    if given.input is None:
        return Day.read(given.scenario, given.date)
    if given.date is None:
        raise StageError("which day? --date yyyy-mm-dd is due with --input")
    try:
        with given.input.open("rb") as file:
            rows = list(read_history(bounded_lines(file), given.input.name))
    except OSError as error:
        raise StageError(f"{given.input}: {error.strerror}") from error
    whole, left_out = rows_on(rows, given.date)
    for row in left_out:
        console.print(f"left out, as it ends after the day: line {row.line}, {row.unit}")
    return Day(scenario_of(whole, given.date, given.dso))


def play(day: Day, directory: Path, pace: float, console: Console) -> int:
    """Play the day, check it, and say where everything lies. Raises StageError."""
    scenario = directory / "scenario.json"
    scenario.write_text(json.dumps(day.scenario, indent=2))
    console.rule(f"{day.scenario['title']}: {day.date:%A %d %B %Y}")
    codes = asyncio.run(perform(Play(day, directory, console, pace)))
    (directory / "exit_codes.json").write_text(json.dumps(codes))
    if not day.scenario.get("brief"):
        console.rule("What the VTN says: ukvtn status")
        print((directory / "status.txt").read_text(), flush=True)
    console.rule("What each FSP is paid, provisionally: ukvtn statement, ukven statement")
    console.print(account_table(day, directory))
    console.rule("An independent checker reads what was recorded")
    checked = subprocess.run(
        [sys.executable, "-I", str(HERE / "checker"), str(scenario), str(directory)],
        check=False,
    )
    shown = os.path.relpath(directory)
    console.print(
        f"\ndatabase  {shown}/vtn/vtn.db\njournals  {shown}/*/journal.db\n"
        f"status    {shown}/status.txt\npaid      {shown}/statement.json, of each FSP\n"
        f"devices   {shown}/*/devices/*.jsonl\nwire      {shown}/http.jsonl\n"
        f"logs      {shown}/vtn/vtn.log, {shown}/*/agent.log\n\n"
        "what to ask of them: docs/tutorial/first-look.md",
        highlight=False,
        soft_wrap=True,
    )
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main())
