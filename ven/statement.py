"""What the DSO owes, from the agent's own journal: the statement as the VTN makes it.

    journal ─▶ signed texts, readings as the DSO was shown them ─▶ ukprofile.receiving.statement

One for each DSO of which the journal holds a contract.
"""

import os
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ukprofile.errors import Refused
from ukprofile.flex.statement import Span, Statement
from ukprofile.flex.statement_text import COLUMNS, differences, heading, read_statements, rows
from ukprofile.mapping.telemetry import name_of
from ukprofile.openadr import Limits, read_json
from ukprofile.receiving.dispatched import Day
from ukprofile.receiving.statement import Minutes, account
from ven.draft import ISSUER
from ven.equipment import business_clock
from ven.journal import Book, look
from ven.settings import Place
from ven.telemetry import was_shown

_A_YEAR = Limits(max_bytes=2**28, max_values=2**24)
"""Of dispatches, with all their texts: a file of one's own choice."""


def of_agent(place: Place, span: Span) -> list[Statement]:
    """The statements of the agent in `place`, which may be running.

    Raises SettingsError, JournalError.
    """
    settings = place.load()
    now = business_clock(settings).now()
    with look(place.journal) as book:
        return statements(book, settings.party, span, now)


def statements(book: Book, party: str, span: Span, now: datetime) -> list[Statement]:
    """What each DSO pays for what began in `span`, as far as the journal knows at `now`."""
    acceptances, baselines = book.of_family("acceptance"), book.of_family("baseline")
    programs = dict[str, set[str]]()
    for program in book.programs():
        held = book.terms(program)
        if held is not None and held.slot.issuer != ISSUER:
            programs.setdefault(held.slot.issuer, set()).add(program)
    found = []
    for dso, contracts in sorted(programs.items()):
        one = account(book, "ven", dso, party, contracts, acceptances, baselines, span, now)
        found.append(one.statement([_minutes(book, day) for day in one.wanted]))
    return found


def _minutes(book: Book, day: Day) -> Minutes:
    read = was_shown(book, day.asset_id, (day.start, day.end))
    return Minutes(day.asset_id, name_of(day.asset_id, day.start), read)


def compared(found: Iterable[Statement], file: Path) -> list[str]:
    """Where they differ from those in `file`, as `ukvtn statement --json` prints them.

    Of FSPs that are not mine nothing is said. Raises Refused BODY_INVALID.
    """
    try:
        theirs = read_statements(read_json(file.read_bytes(), _A_YEAR))
    except Refused as refused:
        raise Refused("BODY_INVALID", f"{file}: {refused.detail}", security=False) from None
    told = list[str]()
    for one in found:
        other = [t for t in theirs if (t.get("dso"), t.get("fsp")) == (one.dso, one.fsp)]
        if not other:
            told.append(f"{file} says nothing of what {one.dso} pays {one.fsp}")
        for shown in other:
            told += differences(one.to_json(), shown, ("here", "there"))
    return told


def printed(found: Iterable[Statement]) -> None:
    """For a person: a table for each DSO, as wide as the terminal."""
    from rich.console import Console  # noqa: PLC0415 - a third of a second that --json does not need
    from rich.table import Table  # noqa: PLC0415

    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "200"))
    console = Console(width=width)
    for one in found:
        shown = one.to_json()
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in COLUMNS:
            table.add_column(column, overflow="fold")
        for row in rows(shown):
            table.add_row(*(row.get(column, "") for column in COLUMNS))
        console.print(heading(shown), markup=False, highlight=False)
        console.print(table)
