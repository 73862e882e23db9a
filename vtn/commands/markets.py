"""Markets: `ukvtn markets`, and the market side of `ukvtn desk`."""

from collections.abc import Mapping

from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters
from vtn.domain.desk import OPERATIONS as DISPATCHING
from vtn.domain.desk import Operation, carry_out
from vtn.domain.market import OPERATIONS, Market, WithdrawalOrder
from vtn.domain.market.shown import MarketShown


async def _list(vtn: Vtn, _given: Parameters) -> JSON:
    return [MarketShown.of(place).to_json() for place in vtn.market.markets()]


def _command(operation: Operation[Market]) -> Command:
    async def command(vtn: Vtn, given: Parameters) -> JSON:
        return await carry_out(vtn.market, operation, given)

    return command


# `ukvtn desk cancel` takes the name of anything the desk began, so this stands in place of the
# dispatch desk's own.
async def _cancel(vtn: Vtn, given: Parameters) -> JSON:
    """A dispatch, a request or an acceptance: whichever has that name."""
    order = WithdrawalOrder.read(given)
    if await vtn.market.owns(order.thread, order.contract_id or ""):
        return await carry_out(vtn.market, OPERATIONS["withdraw"], given)
    return await carry_out(vtn.desk, DISPATCHING["cancel"], given)


COMMANDS: Mapping[str, Command] = {
    "markets.add": _command(OPERATIONS["market"]),
    "markets.list": _list,
    **{f"desk.{name}": _command(OPERATIONS[name]) for name in ("request", "offers", "award")},
    "desk.cancel": _cancel,
}
