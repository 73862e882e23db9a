"""Markets: `ukvtn markets`, and the market side of `ukvtn desk`."""

from collections.abc import Mapping

from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters
from vtn.domain.desk import OPERATIONS as DISPATCHING
from vtn.domain.desk import carry_out as dispatch
from vtn.domain.market import OPERATIONS, MarketOrder, Operation, WithdrawalOrder, carry_out
from vtn.domain.market.shown import MarketShown


async def _add(vtn: Vtn, given: Parameters) -> JSON:
    order = MarketOrder.read(given)
    made = await vtn.market.add_market(order.product, order.zone, order.members)
    return MarketShown.of(made).to_json()


async def _list(vtn: Vtn, _given: Parameters) -> JSON:
    return [MarketShown.of(place).to_json() for place in vtn.market.markets()]


def _command(operation: Operation) -> Command:
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
    return await dispatch(vtn.desk, DISPATCHING["cancel"], given)


COMMANDS: Mapping[str, Command] = {
    "markets.add": _add,
    "markets.list": _list,
    **{f"desk.{name}": _command(one) for name, one in OPERATIONS.items() if name != "withdraw"},
    "desk.cancel": _cancel,
}
