"""Every operation of the market desk by name, as the table of the dispatch desk.

ukvtn desk award …  ──▶ control socket, command desk.award ──┐
POST /desk/award    ──▶ BL API ──────────────────────────────┴─▶ carry_out(market, "award", …)
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ukprofile.openadr import JSON
from vtn.domain.desk.orders import Order
from vtn.domain.desk.shown import Shown
from vtn.domain.market.market import Market, Withdrawn
from vtn.domain.market.offers import Asked, Listing
from vtn.domain.market.orders import AwardOrder, OffersOrder, RequestOrder, WithdrawalOrder
from vtn.domain.market.shown import OffersShown, RequestShown, RequestsShown, WithdrawnShown


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its parameters, what takes them, how its result is shown.

    `does` says what comes of it: something new, a change, or nothing.
    """

    name: str
    order: type[Order]
    run: Callable[[Market, Any], Awaitable[Any]]
    shown: type[Shown]
    show: Callable[[Any], Shown]
    does: Literal["makes", "changes", "reads"]


async def _request(market: Market, order: RequestOrder) -> Asked:
    return await market.request(order.request, thread=order.thread or "")


async def _offers(market: Market, order: OffersOrder) -> list[Listing]:
    if order.thread is not None:
        return [await market.offers(order.thread)]
    return [await market.offers(asked.thread) for asked in await market.requests()]


async def _award(market: Market, order: AwardOrder) -> Listing:
    return await market.award(order.thread)


async def _withdraw(market: Market, order: WithdrawalOrder) -> Withdrawn:
    contract_id = order.contract_id or ""
    return await market.cancel(order.thread, reason=order.reason or "", contract_id=contract_id)


def _withdrawn(found: Withdrawn) -> WithdrawnShown:
    slot = found.slot
    return WithdrawnShown(
        thread=slot.thread, program=slot.program, of=slot.family, revision=found.revision
    )


_TABLE = (
    Operation("request", RequestOrder, _request, RequestShown, RequestShown.of, "makes"),
    Operation("offers", OffersOrder, _offers, RequestsShown, RequestsShown.of, "reads"),
    Operation("award", AwardOrder, _award, OffersShown, OffersShown.of, "changes"),
    Operation("withdraw", WithdrawalOrder, _withdraw, WithdrawnShown, _withdrawn, "changes"),
)

OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _TABLE}


async def carry_out(market: Market, operation: Operation, parameters: JSON) -> JSON:
    """Read the parameters, run the operation, and give its answer as JSON. Raises Refused."""
    found = await operation.run(market, operation.order.read(parameters))
    return operation.show(found).to_json()
