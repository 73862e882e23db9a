"""What `ukvtn` prints: for a person lines and tables, for a program JSON."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def greet(ready: dict[str, Any]) -> None:
    """What a person who started a server wants to know; nothing where nobody looks."""
    print(f"VTN of {ready['dso']} ({ready['environment']}) at {ready['url']}")
    print(f"data in {ready['data_dir']}; stop with Ctrl-C")
    if "bl" in ready and sys.stdout.isatty():
        bl = ready["bl"]
        print(f"a desk's credentials: {bl['client_id']} {bl['client_secret']}")
    sys.stdout.flush()


DISPATCH = ("dispatch", "to", "from", "until", "watts", "answer", "state", "next", "run")
"""The columns of a dispatch."""


def dispatch_row(standing: dict[str, Any]) -> dict[str, Any]:
    """One dispatch as a row, from its `dispatches` member of a status."""
    periods = standing["periods"]
    timer = standing["timer"]
    return {
        "dispatch": standing["thread"],
        "to": standing["provider"],
        "from": periods[0]["start"] if periods else "",
        "until": periods[-1]["end"] if periods else "",
        "watts": " ".join(map(_watts, periods)),
        "answer": " ".join(
            filter(None, (standing["decided"] or standing["delivery"], standing["reason"]))
        ),
        "state": " ".join([standing["state"], *standing["flags"]]),
        "next": f"{timer['name']} {timer['at']}" if timer else "",
        "run": standing["states"][-1]["state"] if standing["states"] else "",
    }


COURSE = ("time", "who", "what", "says", "state", "delivery")
"""The columns of a course."""


def course_row(line: dict[str, Any]) -> dict[str, Any]:
    """One line of a course as a row, from its `course` member."""
    told = line["delivery"] is not None
    says = [*map(_watts, line["periods"]), "" if told else line["decided"], line["reason"]]
    effect = "" if line["effect"] in ("acts", "") else f"({line['effect']})"
    return {
        "time": line["at"],
        "who": line["who"],
        "what": line["what"],
        "says": " ".join(filter(None, says)),
        "state": " ".join(filter(None, [line["state"], *line["flags"], effect])),
        "delivery": " ".join(filter(None, (line["delivery"], line["decided"]))) if told else "",
    }


def _watts(period: dict[str, Any]) -> str:
    return f"{period.get('delta_w', period.get('setpoint_w')):+,}"


ALARM = ("since", "severity", "code", "dispatch", "what", "over")
"""The columns of an alarm."""


def alarm_row(alarm: dict[str, Any]) -> dict[str, Any]:
    """One alarm as a row, from `desk alarms`."""
    names = {"dispatch": alarm["thread"], "what": alarm["text"], "over": alarm["over_at"] or ""}
    return alarm | names


def show(value: dict[str, Any], as_json: bool, names: Iterable[str]) -> None:
    """One thing: its main members, a line each."""
    if as_json:
        print(json.dumps(value, indent=2))
        return
    for name in names:
        member = value.get(name, "")
        print(f"{name:14} {', '.join(member) if isinstance(member, list) else member}")


def table(rows: Sequence[dict[str, Any]], as_json: bool, columns: Sequence[str]) -> None:
    """Several: a table, as wide as the terminal."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415 - a third of a second that --json does not need
    from rich.table import Table  # noqa: PLC0415

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(str(row.get(column, "")) for column in columns))
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "200"))
    Console(width=width).print(shown)
