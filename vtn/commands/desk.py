"""The dispatch desk: `ukvtn desk`, every operation of its table, and `ukvtn status`."""

from collections.abc import Mapping

from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.clock import clock_text
from vtn.commands.command import Command, Parameters
from vtn.domain.desk import OPERATIONS, Desk, Operation, carry_out
from vtn.domain.desk.alarms import AlarmsOrder
from vtn.domain.desk.shown import StandingShown


def _command(operation: Operation[Desk]) -> Command:
    async def command(vtn: Vtn, given: Parameters) -> JSON:
        return await carry_out(vtn.desk, operation, given)

    return command


async def _status(vtn: Vtn, _given: Parameters) -> JSON:
    live = vtn.store.live
    lag = vtn.relay.lag if vtn.relay else None
    return {
        "dso": vtn.dso,
        "environment": vtn.settings.environment,
        "clock": clock_text(vtn.clock),
        "newest_change": live.sequence,
        "clients": len(live.clients),
        "contracts": len(vtn.office.contracts()),
        "alarms": len(await vtn.desk.alarms(AlarmsOrder())),
        "relay": None if lag is None else {"lacking": lag.objects, "why": lag.why},
        "dispatches": [StandingShown.of(s).to_json() for s in await vtn.desk.dispatches()],
    }


COMMANDS: Mapping[str, Command] = {
    **{f"desk.{name}": _command(operation) for name, operation in OPERATIONS.items()},
    "status": _status,
}
