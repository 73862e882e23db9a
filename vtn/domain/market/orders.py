"""What the market desk may be told: the parameters of each operation, strictly read.

As those of the dispatch desk, they judge form only; what may be asked and awarded, the market and
the rules say.
"""

from typing import Annotated

from pydantic import Field

from ukprofile.flex.request import Request
from ukprofile.openadr.wire import Many
from vtn.domain.desk.orders import DispatchType, Moment, Order, ThreadName


class MarketOrder(Order):
    """Open a market for a product in a zone, or let further members into it."""

    product: str
    zone: str
    members: Many[str] = ()


class RequestOrder(Order):
    """Ask a market for `delta_w` watts from `start` to `end`; offers count until `respond_by`.

    Without `dispatch_type` any that has the sign of `delta_w` will do. Without `thread` a name is
    made up.
    """

    product: str
    zone: str
    start: Moment
    end: Moment
    delta_w: int
    respond_by: Moment
    min_offer_w: Annotated[int, Field(ge=0)] | None = None
    dispatch_type: DispatchType | None = None
    thread: ThreadName | None = None

    @property
    def request(self) -> Request:
        """The body of the message."""
        return Request(
            service_product=self.product,
            zone=self.zone,
            start=self.start,
            end=self.end,
            delta_w=self.delta_w,
            respond_by=self.respond_by,
            dispatch_type=self.dispatch_type,
            min_offer_w=self.min_offer_w,
        )


class OffersOrder(Order):
    """The offers to a request; to every request that is not long over where none is named."""

    thread: str | None = None


class AwardOrder(Order):
    """Accept what meets a request, in merit order, and turn the rest down."""

    thread: str


class WithdrawalOrder(Order):
    """Withdraw a request, or an acceptance that has not begun."""

    thread: str
    contract_id: str | None = None
    reason: str | None = None
