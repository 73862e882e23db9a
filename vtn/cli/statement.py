"""`ukvtn statement`: what is paid to each FSP."""

import json
from typing import Annotated

import typer

from vtn.cli.options import HERE, AsJson, DataDir, ask
from vtn.show import table


def statement(
    party: Annotated[
        str, typer.Argument(metavar="[PARTY]", help="An FSP by its party id; all if not given.")
    ] = "",
    day: Annotated[str, typer.Option(help="What began on a London day: yyyy-mm-dd.")] = "",
    since: Annotated[
        str, typer.Option("--from", help="What began then or later: 2026-11-24T16:30:00Z.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="What began before then.")] = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """What each FSP was asked, accepted and delivered, and is paid for it.

    Provisional, without a performance factor: min(accepted, metered change against the nominated or
    zero baseline) at each reading x price, and availability as accepted. Each line names, with
    --json, the signed texts from the request to the post-action and the reports with its readings.
    The FSP makes the same of its own journal, and compares: ukven statement DIR --compare FILE.

    Example:  ukvtn statement FSP7 --day 2026-11-24 --json > fsp7.json
    """
    from ukprofile.errors import Refused
    from ukprofile.flex.statement import Span
    from ukprofile.flex.statement_text import COLUMNS, heading, rows

    try:
        Span.read(day, since, until)
    except Refused as refused:
        raise typer.BadParameter(refused.detail) from None
    given = {"party": party, "day": day, "from": since, "to": until}
    found = ask(data_dir, "statement", given)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for one in found:
        print(heading(one))
        table(rows(one), False, COLUMNS)
    if not found:
        print("no FSP has a contract: ukvtn contracts add")
