"""`ukvtn desk batch`: many orders in one go, for whoever plans them with a program.

    {"do": "schedule", "contract_id": "UKPN:FLEX-1", "thread": "DSP-88", "periods": [...]}
    {"do": "confirm", "thread": "DSP-88"}

One order a line, with the parameters of POST /desk/{do}; one answer a line, in the same order.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ukprofile.errors import ProfileError, Refused
from vtn.cli.desk import app as desk
from vtn.cli.options import HERE, AsJson, DataDir, ask, text_of

_NAMES = {"market": "markets.add"}
"""What the control socket calls otherwise than the BL API."""

Answer = dict[str, Any]


@desk.command()
def batch(
    file: Annotated[Path, typer.Argument(help="One order a line, as JSON; - = stdin.")],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Carry out the orders of a file, one after the other: what is refused holds up none.

    An order is what POST /desk/... takes, and `do`, its operation: schedule, confirm, instruct,
    vary, cease, cancel, market, request, award. Exit code 1 where any was refused.

    Example:  ukvtn desk batch orders.jsonl
              {"do": "confirm", "thread": "DSP-88"}
    """
    refused = False
    for number, line in enumerate(text_of(file).splitlines(), 1):
        if line.strip():
            answer = {"line": number} | _carried_out(data_dir, line)
            refused |= "refused" in answer
            print(json.dumps(answer) if as_json else _words(answer), flush=True)
    if refused:
        sys.exit(1)


def _carried_out(data_dir: Path, line: str) -> Answer:
    """The order of a line and its answer, or why it was refused."""
    from ukprofile.openadr import read_json

    name = ""
    try:
        order = read_json(line.encode())
        if not isinstance(order, dict) or not isinstance(order.get("do"), str):
            raise Refused("BODY_INVALID", 'one JSON object with "do" is due on the line')
        name = order.pop("do")
        return {"do": name, "answer": ask(data_dir, _NAMES.get(name, f"desk.{name}"), order)}
    except ProfileError as error:
        return {"do": name, "refused": str(error)}


def _words(answer: Answer) -> str:
    """One answer for a person: the line, the order, and what comes of it."""
    found = answer.get("answer", {})
    named = found.get("thread") or found.get("market") or ""
    if "request" in found:  # an award, which answers with all offers
        named, taken = found["request"]["thread"], sum(bool(o["taken"]) for o in found["offers"])
        found = {"state": f"{taken} of {len(found['offers'])} offers taken"}
    says = answer.get("refused") or found.get("state") or ""
    return " ".join(filter(None, (f"{answer['line']:4} ", answer["do"], named, says)))
