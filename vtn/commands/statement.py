"""What is paid to each FSP: `ukvtn statement`."""

from collections.abc import Mapping

from ukprofile.flex.statement import Span
from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters
from vtn.domain.statement import statements


async def _statement(vtn: Vtn, given: Parameters) -> JSON:
    span = Span.read(given.get("day", ""), given.get("from", ""), given.get("to", ""))
    party, contracts = given.get("party", ""), vtn.office.contracts()
    found = await statements(vtn.store, vtn.dso, contracts, party, span, vtn.clock.now())
    return [one.to_json() for one in found]


COMMANDS: Mapping[str, Command] = {"statement": _statement}
"""Answers a list, one statement for each FSP."""
