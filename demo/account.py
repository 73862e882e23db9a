"""What each FSP is paid at the end of a demo: a line for each, as both ends say it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from demo.day import Day

_COLUMNS = ("FSP", "runs", "asked kWh", "given kWh", "ready £", "used £", "VTN £", "FSP £")
_NOTHING = {"asked_wh": 0, "delivered_wh": 0, "availability_minor": 0, "utilisation_minor": 0,
            "paid_minor": 0}  # fmt: skip


def account_table(day: Day, directory: Path) -> Table:
    """Energies in kWh, money in pounds; the last line is the sum of all."""
    theirs = {one["fsp"]: one for one in json.loads((directory / "statement.json").read_text())}
    table = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for number, column in enumerate(_COLUMNS):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    total = dict.fromkeys(("used", "agent", *_NOTHING), 0)
    for agent in day.agents:
        mine = json.loads((directory / agent["party"].lower() / "statement.json").read_text())
        sums = _sums(theirs[agent["party"]])
        used = sum(line["what"] == "utilisation" for line in theirs[agent["party"]]["lines"])
        own = sum(_sums(one)["paid_minor"] for one in mine)
        row = sums | {"used": used, "agent": own}
        total = {name: total[name] + row[name] for name in total}
        table.add_row(agent["party"], *_words(row))
    table.add_row("all", *_words(total))
    return table


def _sums(statement: Mapping[str, Any]) -> dict[str, int]:
    """The sums of the one currency of a demo."""
    found: dict[str, int] = next(iter(statement["sums"]), _NOTHING)
    return {name: found[name] for name in _NOTHING}


def _words(row: Mapping[str, int]) -> Iterator[str]:
    yield str(row["used"])
    for name in ("asked_wh", "delivered_wh"):
        yield f"{row[name] / 1000:,.1f}"
    for name in ("availability_minor", "utilisation_minor", "paid_minor", "agent"):
        yield f"{row[name] / 100:,.2f}"
