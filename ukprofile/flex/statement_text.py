"""Statements as JSON for people: two ends compared, and the rows of a table. Pure.

ukvtn statement FSP7 --json ──▶ differences ◀── ukven statement DIR
└─▶ each line that is not the same, by name; none = equal
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.statement import Line, Trace

_OF_THE_MOMENT = frozenset({"state"})
"""What two ends may say differently: each of them learns it at its own time."""


def read_statements(value: object) -> list[Mapping[str, Any]]:
    """The statements in the JSON of either command: one, or a list. Raises Refused BODY_INVALID."""
    found: list[Any] = value if isinstance(value, list) else [value]
    for one in found:
        lines = one.get("lines") if isinstance(one, dict) else None
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise Refused("BODY_INVALID", "no statement as --json prints it", security=False)
    return found


def differences(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], names: tuple[str, str] = ("here", "there")
) -> list[str]:
    """Where two statements (as JSON) do not agree, in words; nothing where they do."""
    found = [
        f"{name}: {_both(mine.get(name), theirs.get(name), names)}"
        for name in ("dso", "fsp", "since", "until", "rule")
        if mine.get(name) != theirs.get(name)
    ]
    ours, others = _by_key(mine), _by_key(theirs)
    for key in sorted({*ours, *others}):
        found += _of_line(" ".join(key), ours.get(key), others.get(key), names)
    if mine.get("sums") != theirs.get("sums"):
        found.append(f"sums: {_both(mine.get('sums'), theirs.get('sums'), names)}")
    return found


def _of_line(
    name: str,
    mine: Mapping[str, Any] | None,
    theirs: Mapping[str, Any] | None,
    names: tuple[str, str],
) -> Iterator[str]:
    if mine is None or theirs is None:
        yield f"{name}: only {names[0] if theirs is None else names[1]}"
        return
    for field in fields(Line):
        one, other = mine[field.name], theirs.get(field.name)
        if field.name in _OF_THE_MOMENT or one == other:
            continue
        if field.name == "trace" and isinstance(other, dict):
            yield from (f"{name}: {part}" for part in _of_trace(one, other, names))
        else:
            yield f"{name}: {field.name} {_both(one, other, names)}"


def _of_trace(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], names: tuple[str, str]
) -> Iterator[str]:
    """Of the texts only those that one end lacks: the lists are long."""
    for part, one in mine.items():
        other = theirs.get(part)
        if one == other:
            continue
        if part != "texts" or not isinstance(other, list):
            yield f"{part} {_both(one, other, names)}"
            continue
        for texts, lacking, where in ((one, other, names[0]), (other, one, names[1])):
            yield from (f"only {where}: {_text(text)}" for text in texts if text not in lacking)


def _text(text: object) -> str:
    if not isinstance(text, dict):
        return str(text)
    return " ".join(str(text.get(name)) for name in ("kind", "thread", "revision", "sha256"))


def _both(mine: object, theirs: object, names: tuple[str, str]) -> str:
    return f"{mine} {names[0]}, {theirs} {names[1]}"


def _by_key(statement: Mapping[str, Any]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    return {
        (str(line.get("what")), str(line.get("contract_id")), str(line.get("thread"))): line
        for line in statement.get("lines", ())
    }


def heading(statement: Mapping[str, Any]) -> str:
    """Whose statement it is, of when, and by which rule."""
    since, until = statement["since"], statement["until"]
    when = (f" from {since}" if since else "") + (f" until {until}" if until else "")
    began = f" for what began{when}" if when else ""
    return f"{statement['dso']} pays {statement['fsp']}{began}\n{statement['rule']}"


COLUMNS = (
    "from",
    "line",
    "what",
    "state",
    "asked Wh",
    "accepted Wh",
    "delivered Wh",
    "counted Wh",
    "price",
    "paid",
    "readings",
)


def rows(statement: Mapping[str, Any]) -> list[dict[str, str]]:
    """A statement (as JSON) as rows of a table, its sums last."""
    shown = [_row(line) for line in statement["lines"]]
    sums = (
        {"line": "sum", "paid": _money(one["paid_minor"], one["currency"]), **_energies(one)}
        for one in statement["sums"]
    )
    return [*shown, *sums]


def _energies(one: Mapping[str, Any]) -> dict[str, str]:
    names = ("asked", "accepted", "delivered", "counted")
    return {f"{name} Wh": f"{one[f'{name}_wh']:,}" for name in names}


def _row(line: Mapping[str, Any]) -> dict[str, str]:
    price = line["price_minor"]
    known = Line(**{**line, "trace": Trace()})
    per = "MWh" if known.what == "utilisation" else "MW h"
    awarded = line["trace"]["award"] if known.what == "utilisation" else line["trace"]["request"]
    return {
        "from": known.start,
        "line": known.thread + (f" < {awarded}" if awarded else ""),
        "what": known.what,
        "state": known.state,
        "price": "none" if price is None else f"{_money(price, known.currency)}/{per}",
        "paid": _money(known.paid_minor, known.currency),
        "readings": known.readings,
        **_energies(line),
    }


def _money(minor: int, currency: str) -> str:
    """Pounds and pence; of another currency its smallest unit, since it may have no hundredths."""
    if currency == "GBP":
        return f"£{minor // 100:,}.{minor % 100:02}"
    return f"{minor:,} {currency}".rstrip()
