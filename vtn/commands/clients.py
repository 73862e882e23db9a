"""Who may ask for tokens: `ukvtn clients`."""

from collections.abc import Mapping
from typing import Any

from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters
from vtn.domain.record import Client, Role


async def _add(vtn: Vtn, given: Parameters) -> JSON:
    client, secret = await vtn.office.add_client(
        given["name"], Role(given["role"]), tuple(given.get("targets", ()))
    )
    return _client(client) | {"client_secret": secret}


async def _secret(vtn: Vtn, given: Parameters) -> JSON:
    client, secret = await vtn.office.new_secret(given["client_id"])
    return _client(client) | {"client_secret": secret}


async def _disable(vtn: Vtn, given: Parameters) -> JSON:
    return _client(await vtn.office.disable_client(given["client_id"]))


async def _list(vtn: Vtn, _given: Parameters) -> JSON:
    return [_client(client) for client in vtn.office.clients()]


def _client(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "role": client.role.value,
        "scopes": sorted(client.scopes),
        "disabled": client.disabled is not None,
    }


COMMANDS: Mapping[str, Command] = {
    "clients.add": _add,
    "clients.secret": _secret,
    "clients.disable": _disable,
    "clients.list": _list,
}
