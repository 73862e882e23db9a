"""Contracts with FSPs: `ukvtn contracts`."""

from collections.abc import Mapping

from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters, document


async def _add(vtn: Vtn, given: Parameters) -> JSON:
    terms = await vtn.office.add_contract(
        document(given["terms"]), given["provider"], given.get("projection", "gb-draft")
    )
    return {"contract_id": terms.contract_id, "provider": given["provider"]}


async def _list(vtn: Vtn, _given: Parameters) -> JSON:
    return [
        {"contract_id": record.name, "program_id": record.id, "target": "".join(record.targets)}
        for record in vtn.office.contracts()
    ]


COMMANDS: Mapping[str, Command] = {"contracts.add": _add, "contracts.list": _list}
