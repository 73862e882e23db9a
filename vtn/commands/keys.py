"""Whose signatures count: `ukvtn keys`."""

from collections.abc import Mapping
from typing import Any

from ukprofile.openadr import JSON
from ukprofile.trust import KeySet
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters, document


async def _add(vtn: Vtn, given: Parameters) -> JSON:
    return _key_set(vtn, await vtn.office.add_key_set(document(given["key_set"])))


async def _revoke(vtn: Vtn, given: Parameters) -> JSON:
    return _key_set(vtn, await vtn.office.revoke_key_set(given["key_set"]))


async def _floor(vtn: Vtn, given: Parameters) -> JSON:
    floor = await vtn.office.raise_floor(given["party"], given["suite"])
    return {"party": given["party"], "suite_floor": floor}


async def _list(vtn: Vtn, _given: Parameters) -> JSON:
    sets = sorted(vtn.office.register, key=lambda k: (k.role, k.party, k.active_from, k.key_set))
    return [_key_set(vtn, key_set) for key_set in sets]


async def _own(vtn: Vtn, _given: Parameters) -> JSON:
    return vtn.keys.public().to_json()


def _key_set(vtn: Vtn, key_set: KeySet) -> dict[str, Any]:
    return key_set.to_json() | {"suite_floor": vtn.office.register.floor(key_set.party)}


COMMANDS: Mapping[str, Command] = {
    "keys.add": _add,
    "keys.revoke": _revoke,
    "keys.floor": _floor,
    "keys.list": _list,
    "keys.own": _own,
}
