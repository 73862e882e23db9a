"""`ukvtn contracts`: contracts with FSPs."""

from pathlib import Path
from typing import Annotated

import typer

from vtn.cli.options import HERE, AsJson, DataDir, ask, text_of
from vtn.show import show, table

app = typer.Typer(no_args_is_help=True, help="Contracts with FSPs.")


@app.command("add")
def add(
    file: Annotated[
        Path, typer.Argument(help="Body of contract_terms (JSON), or a list of them; - = stdin.")
    ],
    provider: Annotated[str, typer.Option(help="The FSP's party id; it must be a client.")],
    projection: Annotated[
        str, typer.Option(help="gb-draft: with the draft GB API's payloads; none: without.")
    ] = "gb-draft",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Publish a contract, or several: program, grant, assets, signed terms. Safe to repeat.

    Of a list the first that is refused is named, and those before it are published.

    Example:  ukvtn contracts add terms.json --provider FSP7
    """
    if projection not in ("gb-draft", "none"):
        raise typer.BadParameter("gb-draft or none", param_hint="--projection")
    given = {"terms": text_of(file), "provider": provider, "projection": projection}
    made, names = ask(data_dir, "contracts.add", given), ("contract_id", "provider")
    if isinstance(made, list):
        table(made, as_json, names)
    else:
        show(made, as_json, names)


@app.command("list")
def list_(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Every contract, with its program and target."""
    found = ask(data_dir, "contracts.list")
    table(found, as_json, ("contract_id", "program_id", "target"))
