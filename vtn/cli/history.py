"""What a DSO published of the past: `ukvtn import`, `ukvtn history`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from vtn.cli.options import HERE, AsJson, DataDir, ask
from vtn.show import show, table

app = typer.Typer(
    no_args_is_help=True, help="Take in what a DSO published: dispatches of the past."
)

TOTALS = (
    "rows",
    "dispatches",
    "availability_windows",
    "duplicates",
    "utilisation_energy_wh",
    "utilisation_minor",
    "availability_minor",
)
"""The totals of rows; money in pence."""
DAY = ("day", "company", *TOTALS)
ROW = ("start", "end", "company", "unit", "product", "watts", "energy_wh", "minor", "kind")
IMPORT = ("import", "file", "at", "rows", "new")

Company = Annotated[
    str | None, typer.Option("--company", help="Of one company, spelt as in the file.")
]


@app.command("dispatches")
def dispatches(
    file: Annotated[Path, typer.Argument(help="CSV as UK Power Networks publishes it; - stdin.")],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only read the file and add it up; no VTN is needed."),
    ] = False,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Import a published history of dispatches: the whole file, or nothing of it.

    A row with utilisation becomes a dispatch of the past, one with availability alone an accepted
    availability. Every row is kept: rows of the same company, unit, product and start are counted
    as duplicates and told apart by a number. What was imported before is known again, so that the
    same file changes nothing, and of a newer one only what is new is taken.

    If a row is wrong, line and column are named, and nothing is imported. Nobody but you sees
    what is imported: no FSP is told of it.

    The columns of the file, and all the rest: docs/how-to/import.md.

    Example:  ukvtn import dispatches flexibility-dispatches.csv --dry-run
              ukvtn import dispatches flexibility-dispatches.csv
    """
    from vtn.importing import look_at, take_in
    from vtn.tell import telling

    with _opened(file) as (open_file, size), _advancing(size, as_json) as advance:
        if dry_run:
            totals = look_at(open_file, file.name, advance).to_json()
            show(totals, as_json, TOTALS)
            return
        with telling(data_dir) as tell:
            made = take_in(tell, open_file, file.name, advance)
    show(made, as_json, (*TOTALS, "imported", "held_already"))
    if not as_json and not made["imported"]:
        print("nothing new: every row was imported before, and nothing was changed")


@app.command("list")
def list_(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """What was imported, a line for each file."""
    table(ask(data_dir, "history.imports"), as_json, IMPORT)


def history(
    day: Annotated[
        str, typer.Option("--day", help="Every row of one day in London: 2025-06-20.")
    ] = "",
    company: Company = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Dispatches of the past that were imported, by day and company; money in pence.

    Example:  ukvtn history --company Ohme
              ukvtn history --day 2025-06-20
    """
    given = {} if company is None else {"company": company}
    if day and not _is_day(day):
        raise typer.BadParameter(f"{day!r} is no day: write 2025-06-20", param_hint="--day")
    if not day:
        table(ask(data_dir, "history.days", given), as_json, DAY)
        return
    found = ask(data_dir, "history.rows", given | {"day": day})
    table(found if as_json else [_row(one) for one in found], as_json, ROW)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _row(one: dict[str, Any]) -> dict[str, Any]:
    """A row of the past, a line of the table."""
    used = one["kind"] == "dispatch"
    return one | {
        "watts": f"{one['utilisation_w' if used else 'availability_w']:,}",
        "energy_wh": f"{one['utilisation_energy_wh']:,}",
        "minor": f"{one['utilisation_minor'] + one['availability_minor']:,}",
    }


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size, where it has one."""
    if str(file) == "-":
        yield sys.stdin.buffer, None
        return
    with file.open("rb") as opened:
        yield opened, file.stat().st_size if file.is_file() else None


@contextmanager
def _advancing(size: int | None, as_json: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where a person looks on; nothing for programs."""
    if as_json or not sys.stderr.isatty():
        yield lambda _read: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=size)
        yield lambda read: bars.update(task, completed=read)
