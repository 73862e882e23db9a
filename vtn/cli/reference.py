"""What this VTN speaks, as documents: `ukvtn openapi`, `ukvtn schema`."""

import json
from typing import Annotated

import typer

from vtn.cli.options import AsJson
from vtn.show import table


def openapi() -> None:
    """Print the API as OpenAPI 3.1 (JSON)."""
    from vtn.http.openapi import document

    print(json.dumps(document(), indent=2))


def schema_(
    kind: Annotated[
        str, typer.Argument(help="A kind of message; left out: the list of kinds.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """JSON Schema of a message's body; without KIND, the list of kinds.

    Example:  ukvtn schema instruction
    """
    from ukprofile.flex.kinds import KINDS
    from ukprofile.flex.schema import schema, senders

    if kind:
        print(json.dumps(schema(kind), indent=2))
        return
    rows = [{"kind": k.name, "from": senders(k), "what": k.title} for k in KINDS.values()]
    table(rows, as_json, ("kind", "from", "what"))
