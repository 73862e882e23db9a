"""`ukvtn clients`: who may ask for tokens."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vtn.cli.options import HERE, AsJson, DataDir, ask
from vtn.show import show, table

app = typer.Typer(no_args_is_help=True, help="Who may ask for tokens: FSPs' agents, desks.")


class Side(StrEnum):
    """The two sides of a VTN."""

    VEN = "ven"
    BL = "bl"


ClientId = Annotated[str, typer.Argument(help="As in clients list.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="Where the secret goes, for its owner's eyes only; else it is printed."),
]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Of an FSP: its party id, as in its messages.")],
    role: Annotated[Side, typer.Option(help="ven: an FSP's agent; bl: a desk or other system.")],
    target: Annotated[
        list[str] | None, typer.Option(help="Targets granted to the ven; may be repeated.")
    ] = None,
    secret_file: SecretFile = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Let somebody in; gives out the client's id and its secret, once.

    Example:  ukvtn clients add FSP7 --role ven --secret-file fsp7.secret
    """
    given = {"name": name, "role": role.value, "targets": target or []}
    _give_secret(data_dir, "clients.add", given, secret_file, as_json)


@app.command("list")
def list_(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Everybody who may ask for tokens."""
    found = ask(data_dir, "clients.list")
    table(found, as_json, ("client_id", "name", "role", "disabled"))


@app.command("secret")
def secret(
    client_id: ClientId,
    secret_file: SecretFile = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """A fresh secret in place of the old one; gives it out, once."""
    _give_secret(data_dir, "clients.secret", {"client_id": client_id}, secret_file, as_json)


@app.command("disable")
def disable(client_id: ClientId, data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Shut somebody out; the tokens it has stop working at once."""
    made = ask(data_dir, "clients.disable", {"client_id": client_id})
    show(made, as_json, ("client_id", "disabled"))


def _give_secret(
    data_dir: Path, name: str, given: dict[str, Any], secret_file: Path | None, as_json: bool
) -> None:
    """Run a command that makes a secret. The file is opened first: a secret is made only once."""
    if secret_file is None:
        show(ask(data_dir, name, given), as_json, ("client_id", "client_secret"))
        return
    fd = os.open(secret_file, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(fd, "w") as file:
        os.fchmod(fd, 0o600)
        made = ask(data_dir, name, given)
        file.truncate()
        print(made.pop("client_secret"), file=file)
    show(made | {"secret_file": str(secret_file)}, as_json, ("client_id", "secret_file"))
