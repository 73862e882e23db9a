"""An offer and what becomes of it: availability, and the DSO's acceptance (profile 3).

request ─▶ availability: assets, periods, price ─▶ acceptance: periods taken, price
           also unasked: the declaration of           no periods = the offer is turned down
           availability under a contract
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ukprofile.flex.common import (
    Asset,
    Price,
    common_json,
    given,
    read_common,
    read_price,
)
from ukprofile.flex.times import checked_time, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedPeriod:
    """What is offered for `start <= t < end` (aware, UTC): `delta_w` watts against the baseline.

    `max_run_s` is the longest single run in it, `notice_s` the least time from an instruction to
    a start, both in seconds.
    """

    start: datetime
    end: datetime
    delta_w: int
    id: int | None = None
    max_run_s: int | None = None
    notice_s: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "OfferedPeriod":
        return cls(
            start=checked_time(value["start"]),
            end=checked_time(value["end"]),
            delta_w=value["delta_w"],
            id=value.get("id"),
            max_run_s=value.get("max_run_s"),
            notice_s=value.get("notice_s"),
        )

    def to_json(self) -> dict[str, Any]:
        return given(
            start=time_text(self.start),
            end=time_text(self.end),
            delta_w=self.delta_w,
            id=self.id,
            max_run_s=self.max_run_s,
            notice_s=self.notice_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedAsset:
    """An asset that is offered, with its class (make and model) and its energy source.

    `energy_source` is a word of the list of licence condition 31E; `ghg_g_per_kwh` the grams of
    CO2 equivalent for each kWh.
    """

    asset_id: str
    asset_class_id: str
    energy_source: str
    asset_group_id: str | None = None
    ghg_g_per_kwh: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "OfferedAsset":
        return cls(
            asset_id=value["asset_id"],
            asset_class_id=value["asset_class_id"],
            energy_source=value["energy_source"],
            asset_group_id=value.get("asset_group_id"),
            ghg_g_per_kwh=value.get("ghg_g_per_kwh"),
        )

    def to_json(self) -> dict[str, Any]:
        return given(
            asset_id=self.asset_id,
            asset_class_id=self.asset_class_id,
            energy_source=self.energy_source,
            asset_group_id=self.asset_group_id,
            ghg_g_per_kwh=self.ghg_g_per_kwh,
        )

    @property
    def asset(self) -> Asset:
        """The asset as every other message names it."""
        return Asset(self.asset_id, self.asset_group_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """The body of `availability`: an FSP's offer, at a price, over the assets together.

    `confidence_percent` says how sure it is (ENA: optional, no promise).
    """

    contract_id: str
    zone: str
    assets: tuple[OfferedAsset, ...]
    periods: tuple[OfferedPeriod, ...]
    price: Price
    dispatch_type: str | None = None
    confidence_percent: int | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Availability":
        """Read a body that has been checked against the field table."""
        return cls(
            contract_id=body["contract_id"],
            zone=body["zone"],
            assets=tuple(OfferedAsset.read(asset) for asset in body["assets"]),
            periods=_read_periods(body),
            price=Price.read(body["price"]),
            dispatch_type=body.get("dispatch_type"),
            confidence_percent=body.get("confidence_percent"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return given(
            contract_id=self.contract_id,
            zone=self.zone,
            assets=[asset.to_json() for asset in self.assets],
            periods=[period.to_json() for period in self.periods],
            price=self.price.to_json(),
            dispatch_type=self.dispatch_type,
            confidence_percent=self.confidence_percent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The body of `acceptance`: the periods of an offer that are taken, and what they pay.

    No periods: the offer is turned down, and `reason` says why. It reserves; it dispatches
    nothing.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    periods: tuple[OfferedPeriod, ...]
    dispatch_type: str | None = None
    price: Price | None = None
    reason: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Acceptance":
        """Read a body that has been checked against the field table."""
        return cls(
            **read_common(body),
            periods=_read_periods(body),
            dispatch_type=body.get("dispatch_type"),
            price=read_price(body),
            reason=body.get("reason"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return common_json(self) | given(
            periods=[period.to_json() for period in self.periods],
            dispatch_type=self.dispatch_type,
            price=None if self.price is None else self.price.to_json(),
            reason=self.reason,
        )


def _read_periods(body: Mapping[str, Any]) -> tuple[OfferedPeriod, ...]:
    return tuple(OfferedPeriod.read(period) for period in body["periods"])
