"""What the bodies of a contract share (profile 3): contract, zone, assets, and a price.

The common part stands in every body on purpose, though the program says most of it: a signed text
is read for itself in ten years' time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


def given(**members: Any) -> dict[str, Any]:
    """The members that are there: a signed text knows no null."""
    return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset by the DSO's id, and the group it was offered in."""

    asset_id: str
    asset_group_id: str | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Asset":
        return cls(value["asset_id"], value.get("asset_group_id"))

    def to_json(self) -> dict[str, Any]:
        return given(asset_id=self.asset_id, asset_group_id=self.asset_group_id)


@dataclass(frozen=True, slots=True)
class Price:
    """Money in the smallest unit of an ISO 4217 currency: pence per MWh, pence per MW and hour."""

    currency: str
    utilisation_minor_per_mwh: int | None = None
    availability_minor_per_mw_h: int | None = None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Price":
        return cls(
            value["currency"],
            value.get("utilisation_minor_per_mwh"),
            value.get("availability_minor_per_mw_h"),
        )

    def to_json(self) -> dict[str, Any]:
        return given(
            currency=self.currency,
            utilisation_minor_per_mwh=self.utilisation_minor_per_mwh,
            availability_minor_per_mw_h=self.availability_minor_per_mw_h,
        )


class OfContract(Protocol):
    """A body that holds the common part."""

    @property
    def contract_id(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def assets(self) -> tuple[Asset, ...]: ...


def read_assets(body: Mapping[str, Any]) -> tuple[Asset, ...]:
    """The assets of a checked body."""
    return tuple(Asset.read(asset) for asset in body.get("assets", ()))


def read_price(body: Mapping[str, Any]) -> Price | None:
    """The price of a checked body; None where it has none."""
    return Price.read(body["price"]) if "price" in body else None


def read_common(body: Mapping[str, Any]) -> dict[str, Any]:
    """The common part of a checked body, by the names of the fields that hold it."""
    return {
        "contract_id": body["contract_id"],
        "zone": body["zone"],
        "assets": read_assets(body),
    }


def common_json(one: OfContract) -> dict[str, Any]:
    """The common part, ready to be signed."""
    return {
        "contract_id": one.contract_id,
        "zone": one.zone,
        "assets": [asset.to_json() for asset in one.assets],
    }
