"""Contracts with FSPs: `ukvtn contracts`."""

from collections.abc import Mapping

from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters, document


async def _add(vtn: Vtn, given: Parameters) -> JSON:
    terms = document(given["terms"])
    if not isinstance(terms, list):
        return await _published(vtn, given, terms)
    return [await _published(vtn, given, one, f"/{n}") for n, one in enumerate(terms)]


async def _published(vtn: Vtn, given: Parameters, body: JSON, at: str = "") -> JSON:
    """One contract; what is wrong with it is said of `at`, its place in a list."""
    try:
        terms = await vtn.office.add_contract(
            body, given["provider"], given.get("projection", "gb-draft")
        )
    except Refused as refused:
        path, clause = at + refused.path, refused.clause
        raise Refused(refused.reason, refused.detail, path=path, clause=clause) from refused
    return {"contract_id": terms.contract_id, "provider": given["provider"]}


async def _list(vtn: Vtn, _given: Parameters) -> JSON:
    return [
        {"contract_id": record.name, "program_id": record.id, "target": "".join(record.targets)}
        for record in vtn.office.contracts()
    ]


COMMANDS: Mapping[str, Command] = {"contracts.add": _add, "contracts.list": _list}
