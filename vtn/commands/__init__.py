"""What can be told to a VTN locally, by name: one table, whoever asks.

    ukvtn clients add … ──▶ the running server's control socket ──▶ COMMANDS["clients.add"]
                       └──▶ no server: the database under its lock ──▶ the same function

Parameters and results are JSON values. Raises Refused only. Each module here is a group of
commands; a further one is a further line of the table.
"""

from collections.abc import Mapping

from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands import clients, clock, contracts, desk, history, keys, markets, statement
from vtn.commands.command import Command, Parameters

__all__ = ["COMMANDS", "Parameters", "run"]

COMMANDS: Mapping[str, Command] = {
    **clients.COMMANDS,
    **keys.COMMANDS,
    **contracts.COMMANDS,
    **desk.COMMANDS,
    **markets.COMMANDS,
    **clock.COMMANDS,
    **history.COMMANDS,
    **statement.COMMANDS,
}


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
