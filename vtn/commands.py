"""What can be told to a VTN locally, by name: one table, whoever asks.

    ukvtn clients add … ──▶ the running server's control socket ──▶ COMMANDS["clients.add"]
                       └──▶ no server: the database under its lock ──▶ the same function

Parameters and results are JSON values. Raises Refused only.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.times import read_time, time_text
from ukprofile.openadr import JSON, read_json
from ukprofile.trust import KeySet
from vtn.app import Vtn
from vtn.domain.desk import Order, Standing
from vtn.domain.record import Client, Role

Parameters = Mapping[str, Any]
Command = Callable[[Vtn, Parameters], Awaitable[JSON]]


async def run(vtn: Vtn, name: str, parameters: JSON | Parameters) -> JSON:
    """Run the command of that name. Raises Refused NOT_FOUND, BODY_INVALID, and its own."""
    command = COMMANDS.get(name)
    if command is None:
        raise Refused("NOT_FOUND", f"this server knows no command {name}: is it older?")
    if not isinstance(parameters, Mapping):
        raise Refused("BODY_INVALID", "the parameters, a JSON object, are due")
    try:
        return await command(vtn, parameters)
    except KeyError as error:
        raise Refused("BODY_INVALID", f"the parameter {error} is missing") from error


async def _clients_add(vtn: Vtn, given: Parameters) -> JSON:
    client, secret = await vtn.office.add_client(
        given["name"], Role(given["role"]), tuple(given.get("targets", ()))
    )
    return _client(client) | {"client_secret": secret}


async def _clients_secret(vtn: Vtn, given: Parameters) -> JSON:
    client, secret = await vtn.office.new_secret(given["client_id"])
    return _client(client) | {"client_secret": secret}


async def _clients_disable(vtn: Vtn, given: Parameters) -> JSON:
    return _client(await vtn.office.disable_client(given["client_id"]))


async def _clients_list(vtn: Vtn, _given: Parameters) -> JSON:
    return [_client(client) for client in vtn.office.clients()]


async def _keys_add(vtn: Vtn, given: Parameters) -> JSON:
    return _key_set(vtn, await vtn.office.add_key_set(_document(given["key_set"])))


async def _keys_revoke(vtn: Vtn, given: Parameters) -> JSON:
    return _key_set(vtn, await vtn.office.revoke_key_set(given["key_set"]))


async def _keys_floor(vtn: Vtn, given: Parameters) -> JSON:
    floor = await vtn.office.raise_floor(given["party"], given["suite"])
    return {"party": given["party"], "suite_floor": floor}


async def _keys_list(vtn: Vtn, _given: Parameters) -> JSON:
    sets = sorted(vtn.office.register, key=lambda k: (k.role, k.party, k.active_from, k.key_set))
    return [_key_set(vtn, key_set) for key_set in sets]


async def _keys_own(vtn: Vtn, _given: Parameters) -> JSON:
    return vtn.keys.public().to_json()


async def _contracts_add(vtn: Vtn, given: Parameters) -> JSON:
    terms = await vtn.office.add_contract(
        _document(given["terms"]), given["provider"], given.get("projection", "gb-draft")
    )
    return {"contract_id": terms.contract_id, "provider": given["provider"]}


async def _contracts_list(vtn: Vtn, _given: Parameters) -> JSON:
    return [
        {"contract_id": record.name, "program_id": record.id, "target": "".join(record.targets)}
        for record in vtn.office.contracts()
    ]


async def _dispatch_issue(vtn: Vtn, given: Parameters) -> JSON:
    order = Order(
        contract_id=given["contract_id"],
        periods=tuple(_period(n, period) for n, period in enumerate(given["periods"])),
        assets=tuple(given.get("assets", ())),
        dispatch_type=given.get("dispatch_type", ""),
        thread=given.get("thread", ""),
    )
    unchecked = bool(given.get("unchecked", False))
    if unchecked and not vtn.settings.sandbox:
        raise Refused("SCOPE_MISSING", "only a sandbox sends what breaks its own rules")
    return _standing(await vtn.desk.issue(order, unchecked=unchecked))


async def _dispatch_cease(vtn: Vtn, given: Parameters) -> JSON:
    at = read_time(given.get("at"))
    if "at" in given and at is None:
        raise Refused("TIME_FORMAT", "times are YYYY-MM-DDThh:mm:ssZ", path="/at")
    mode = given.get("mode", "ramp")
    if mode not in ("ramp", "immediate"):
        raise Refused("BODY_VALUE", "mode is ramp or immediate", path="/mode")
    stop = {"reason": given.get("reason", ""), "contract_id": given.get("contract_id", "")}
    return _standing(await vtn.desk.cease(given["thread"], at=at, mode=mode, **stop))


async def _dispatch_cancel(vtn: Vtn, given: Parameters) -> JSON:
    stop = {"reason": given.get("reason", ""), "contract_id": given.get("contract_id", "")}
    return _standing(await vtn.desk.cancel(given["thread"], **stop))


async def _status(vtn: Vtn, _given: Parameters) -> JSON:
    live = vtn.store.live
    return {
        "dso": vtn.dso,
        "environment": vtn.settings.environment,
        "newest_change": live.sequence,
        "clients": len(live.clients),
        "contracts": len(vtn.office.contracts()),
        "dispatches": [_standing(s) for s in await vtn.desk.dispatches()],
    }


COMMANDS: Mapping[str, Command] = {
    "clients.add": _clients_add,
    "clients.secret": _clients_secret,
    "clients.disable": _clients_disable,
    "clients.list": _clients_list,
    "keys.add": _keys_add,
    "keys.revoke": _keys_revoke,
    "keys.floor": _keys_floor,
    "keys.list": _keys_list,
    "keys.own": _keys_own,
    "contracts.add": _contracts_add,
    "contracts.list": _contracts_list,
    "dispatch.issue": _dispatch_issue,
    "dispatch.cease": _dispatch_cease,
    "dispatch.cancel": _dispatch_cancel,
    "status": _status,
}


def _document(text: str) -> JSON:
    """A file somebody was given: through the strict door like anything from outside."""
    return read_json(text.encode())


def _client(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "role": client.role.value,
        "scopes": sorted(client.scopes),
        "disabled": client.disabled is not None,
    }


def _key_set(vtn: Vtn, key_set: KeySet) -> dict[str, Any]:
    return key_set.to_json() | {"suite_floor": vtn.office.register.floor(key_set.party)}


def _period(number: int, given: Parameters) -> Period:
    start, end = read_time(given["start"]), read_time(given["end"])
    if start is None or end is None:
        raise Refused("TIME_FORMAT", "times are YYYY-MM-DDThh:mm:ssZ", path=f"/periods/{number}")
    return Period(
        id=number,
        start=start,
        end=end,
        delta_w=given.get("delta_w"),
        setpoint_w=given.get("setpoint_w"),
    )


def _standing(standing: Standing) -> dict[str, Any]:
    shown = asdict(standing)
    shown["issued_at"] = time_text(standing.issued_at)
    shown["ack_by"] = time_text(standing.ack_by)
    shown["periods"] = [period.to_json() for period in standing.periods]
    shown["states"] = [{"state": state, "at": time_text(at)} for state, at in standing.states]
    shown["state"], shown["delivery"] = standing.state.value, standing.delivery.value
    shown["flags"] = list(standing.flags)
    timer = standing.timer
    shown["timer"] = (
        None if timer is None else {"name": timer.event.value, "at": time_text(timer.at)}
    )
    return shown
