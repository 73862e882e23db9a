"""Every operation of the market desk by name, as the table of the dispatch desk.

ukvtn desk award …  ──▶ control socket, command desk.award ──┐
POST /desk/award    ──▶ BL API ──────────────────────────────┴─▶ carry_out(market, "award", …)
"""

from collections.abc import Mapping

from vtn.domain.attempts import Keep
from vtn.domain.desk import Operation
from vtn.domain.market.market import Market, MarketPlace, Withdrawn
from vtn.domain.market.offers import Asked, Listing
from vtn.domain.market.orders import (
    AwardOrder,
    MarketOrder,
    OffersOrder,
    RequestOrder,
    WithdrawalOrder,
)
from vtn.domain.market.shown import (
    MarketShown,
    OffersShown,
    RequestShown,
    RequestsShown,
    WithdrawnShown,
)


async def _market(market: Market, order: MarketOrder, _keep: Keep) -> MarketPlace:
    return await market.add_market(order.product, order.zone, order.members)


async def _request(market: Market, order: RequestOrder, keep: Keep) -> Asked:
    return await market.request(order.request, thread=order.thread or "", keep=keep)


async def _offers(market: Market, order: OffersOrder, _keep: Keep) -> list[Listing]:
    if order.thread is not None:
        return [await market.offers(order.thread)]
    return [await market.offers(asked.thread) for asked in await market.requests()]


async def _award(market: Market, order: AwardOrder, _keep: Keep) -> Listing:
    return await market.award(order.thread)


async def _withdraw(market: Market, order: WithdrawalOrder, keep: Keep) -> Withdrawn:
    return await market.cancel(
        order.thread, reason=order.reason or "", contract_id=order.contract_id or "", keep=keep
    )


def _withdrawn(found: Withdrawn) -> WithdrawnShown:
    slot = found.slot
    return WithdrawnShown(
        thread=slot.thread, program=slot.program, of=slot.family, revision=found.revision
    )


_TABLE = (
    Operation("market", MarketOrder, _market, MarketShown, MarketShown.of, "makes"),
    Operation("request", RequestOrder, _request, RequestShown, RequestShown.of, "makes"),
    Operation("offers", OffersOrder, _offers, RequestsShown, RequestsShown.of, "reads"),
    Operation("award", AwardOrder, _award, OffersShown, OffersShown.of, "changes"),
    Operation("withdraw", WithdrawalOrder, _withdraw, WithdrawnShown, _withdrawn, "changes"),
)

OPERATIONS: Mapping[str, Operation[Market]] = {operation.name: operation for operation in _TABLE}
