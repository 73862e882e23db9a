"""`python -m benchmarks`: does an attack delay a cease? Measured with real processes.

On a terminal a table; else, or with --json, one JSON object on stdout.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.cease import Result, Sizes, measure
from benchmarks.machine import machine


def main() -> int:
    """Measure, and show."""
    usual = Sizes()
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=usual.samples, help="ceases of each kind")
    parser.add_argument("--slow", type=int, default=usual.slow, help="slow connections")
    parser.add_argument("--floods", type=int, default=usual.floods, help="connections that flood")
    parser.add_argument("--json", action="store_true", help="for programs")
    given = parser.parse_args()
    sizes = Sizes(given.samples, given.slow, given.floods)
    as_json = given.json or not sys.stdout.isatty()
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="ukflex-bench-") as made:
        found = machine(Path(made))
        result = asyncio.run(measure(Path(made), sizes, console.print))
    if as_json:
        print(json.dumps({"machine": found, "cease": result.to_json()}, indent=2))
    else:
        _show(console, found, result)
    return 0


def _show(console: Console, found: dict[str, str], result: Result) -> None:
    for name, value in found.items():
        console.print(f"{name:10} {value}", highlight=False)
    table = Table(title="From `ukvtn desk cease` to the agent's acknowledgement, in seconds")
    for column in ("", "n", "median", "99 %", "max"):
        table.add_column(column, justify="right" if column else "left")
    for name, spread in (("quiet", result.quiet), ("under attack", result.attacked)):
        figures = (spread.median, spread.p99, spread.max)
        table.add_row(name, str(spread.n), *(f"{figure:.2f}" for figure in figures))
    console.print(table)
    console.print(
        f"ratio of the medians {result.ratio:.2f}; the timer of a cease: {result.timer_s:g} s"
    )
    console.print(f"the attack: {json.dumps(result.attack)}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
