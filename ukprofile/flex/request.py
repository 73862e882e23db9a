"""A request to a market: flexibility is needed there and then, who offers? (profile 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ukprofile.flex.common import given
from ukprofile.flex.times import checked_time, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The body of `request`: watts needed in a zone for `start <= t < end` (aware, UTC).

    `delta_w` is the change against the baseline, + = more export or less import, of all offers
    together. Offers under `min_offer_w` or after `respond_by` are not considered. It goes to
    everybody in the market, so it names no contract.
    """

    service_product: str
    zone: str
    start: datetime
    end: datetime
    delta_w: int
    respond_by: datetime
    dispatch_type: str | None = None
    min_offer_w: int | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Request":
        """Read a body that has been checked against the field table."""
        return cls(
            service_product=body["service_product"],
            zone=body["zone"],
            start=checked_time(body["window"]["start"]),
            end=checked_time(body["window"]["end"]),
            delta_w=body["delta_w"],
            respond_by=checked_time(body["respond_by"]),
            dispatch_type=body.get("dispatch_type"),
            min_offer_w=body.get("min_offer_w"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return given(
            service_product=self.service_product,
            zone=self.zone,
            window={"start": time_text(self.start), "end": time_text(self.end)},
            delta_w=self.delta_w,
            respond_by=time_text(self.respond_by),
            dispatch_type=self.dispatch_type,
            min_offer_w=self.min_offer_w,
        )
