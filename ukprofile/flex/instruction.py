"""The body of an instruction: run these periods, on these assets, for certain (profile 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ukprofile.flex.contract import Asset, read_assets
from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.flex.times import read_time, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What the DSO instructs: watts by period, the deadlines of the answers, and where from.

    `dispatch_type` goes with periods of `delta_w` and is None with `setpoint_w`. `channel` is how
    it was given; `effective_at` when (in the past only for telephone and email records).
    `origin` is DSO or NESO, with the origin's own reference. Times are aware, in UTC.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    periods: tuple[Period, ...]
    effective_at: datetime
    dispatch_type: str | None = None
    ack_by: datetime | None = None
    respond_by: datetime | None = None
    confirm_by: datetime | None = None
    origin: str | None = None
    origin_reference: str | None = None
    priority: int | None = None
    channel: str = "api"

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Instruction":
        """Read a body that has been checked against the field table."""
        effective_at = read_time(body["effective_at"])
        assert effective_at is not None
        origin = body.get("origin", {})
        return cls(
            contract_id=body["contract_id"],
            zone=body["zone"],
            assets=read_assets(body),
            periods=read_periods(body),
            effective_at=effective_at,
            dispatch_type=body.get("dispatch_type"),
            ack_by=read_time(body.get("ack_by")),
            respond_by=read_time(body.get("respond_by")),
            confirm_by=read_time(body.get("confirm_by")),
            origin=origin.get("party"),
            origin_reference=origin.get("reference"),
            priority=body.get("priority"),
            channel=body["channel"],
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        shown: dict[str, Any] = {
            "contract_id": self.contract_id,
            "zone": self.zone,
            "assets": [asset.to_json() for asset in self.assets],
            "periods": [period.to_json() for period in self.periods],
            "firm": True,
            "channel": self.channel,
            "effective_at": time_text(self.effective_at),
        }
        for name in ("ack_by", "respond_by", "confirm_by"):
            if (when := getattr(self, name)) is not None:
                shown[name] = time_text(when)
        if self.dispatch_type is not None:
            shown["dispatch_type"] = self.dispatch_type
        if self.priority is not None:
            shown["priority"] = self.priority
        if self.origin is not None:
            reference = self.origin_reference
            shown["origin"] = {"party": self.origin} | (
                {} if reference is None else {"reference": reference}
            )
        return shown
