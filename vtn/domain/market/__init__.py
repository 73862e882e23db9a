"""The markets of a DSO: who is asked for flexibility, what is offered, and what is taken of it.

orders      the parameters of every operation, strictly read
market      the operations: open a market, request, award, withdraw
offers      what the ledger holds of a request, ranked by merit
shown       the same as JSON
operations  all of it as one table, in the form of the dispatch desk's
"""

from vtn.domain.market.market import Market, MarketPlace
from vtn.domain.market.operations import OPERATIONS
from vtn.domain.market.orders import (
    AwardOrder,
    MarketOrder,
    OffersOrder,
    RequestOrder,
    WithdrawalOrder,
)

__all__ = [
    "OPERATIONS",
    "AwardOrder",
    "Market",
    "MarketOrder",
    "MarketPlace",
    "OffersOrder",
    "RequestOrder",
    "WithdrawalOrder",
]
