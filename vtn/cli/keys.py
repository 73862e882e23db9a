"""`ukvtn keys`: whose signatures count."""

import json
from pathlib import Path
from typing import Annotated

import typer

from vtn.cli.options import HERE, AsJson, DataDir, ask, text_of
from vtn.show import show, table

app = typer.Typer(no_args_is_help=True, help="Whose signatures count.")


@app.command("own")
def own(data_dir: DataDir = HERE) -> None:
    """The DSO's public key set, as JSON: give it to FSPs, who pin it."""
    print(json.dumps(ask(data_dir, "keys.own"), indent=2))


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="A party's public key set (JSON); - = stdin.")],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Pin an FSP's public key set.

    Example:  ukvtn keys add fsp7/public.json
    """
    made = ask(data_dir, "keys.add", {"key_set": text_of(file)})
    show(made, as_json, ("key_set", "party", "active_from", "active_to"))


@app.command("list")
def list_(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Every pinned key set, the DSO's own among them."""
    columns = ("key_set", "party", "role", "active_from", "active_to", "revoked_at", "suite_floor")
    table(ask(data_dir, "keys.list"), as_json, columns)


@app.command("revoke")
def revoke(
    key_set: Annotated[str, typer.Argument(help="As in keys list.")],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """From now on nothing signed with it counts."""
    made = ask(data_dir, "keys.revoke", {"key_set": key_set})
    show(made, as_json, ("key_set", "revoked_at"))


@app.command("floor")
def floor(
    party: Annotated[str, typer.Argument(help="Whose signatures: its party id.")],
    suite: Annotated[
        int, typer.Argument(min=1, max=2, help="1: Ed25519; 2: Ed25519 and ML-DSA-65.")
    ],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Take at least this signature suite from a party; a floor never falls."""
    made = ask(data_dir, "keys.floor", {"party": party, "suite": suite})
    show(made, as_json, ("party", "suite_floor"))
