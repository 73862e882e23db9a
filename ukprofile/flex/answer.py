"""What an FSP answers to a dispatch: the acknowledgement, and the status (profile 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ukprofile.flex.contract import Asset, read_assets
from ukprofile.flex.times import read_time, time_text

Decided = Literal["received", "late", "expired", "refused"]
State = Literal["executing", "failed", "suspended", "resumed", "ceased", "completed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """That a message arrived, and what was decided of it.

    `reason` is the code of a refusal; `notices` are the pointers of fields that were ignored or
    alerted.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    decided: Decided
    reason: str | None = None
    notices: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Acknowledgement":
        """Read a body that has been checked against the field table."""
        return cls(
            contract_id=body["contract_id"],
            zone=body["zone"],
            assets=read_assets(body),
            decided=body["decided"],
            reason=body.get("reason"),
            notices=tuple(body.get("notices", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        shown = _common(self) | {"decided": self.decided}
        if self.reason is not None:
            shown["reason"] = self.reason
        if self.notices:
            shown["notices"] = list(self.notices)
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the dispatch is doing, since `at` (aware, UTC).

    `power_w` is the power at the connection point, + = export. `make_up` says which assets
    really run, and how much of the total each one gives (requirement A6).
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    state: State
    at: datetime
    power_w: int | None = None
    make_up: tuple[tuple[str, int], ...] = ()
    reason: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Status":
        """Read a body that has been checked against the field table."""
        at = read_time(body["at"])
        assert at is not None
        return cls(
            contract_id=body["contract_id"],
            zone=body["zone"],
            assets=read_assets(body),
            state=body["state"],
            at=at,
            power_w=body.get("power_w"),
            make_up=tuple((m["asset_id"], m["delta_w"]) for m in body.get("make_up", ())),
            reason=body.get("reason"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        shown = _common(self) | {"state": self.state, "at": time_text(self.at)}
        if self.power_w is not None:
            shown["power_w"] = self.power_w
        if self.make_up:
            shown["make_up"] = [
                {"asset_id": asset_id, "delta_w": delta_w} for asset_id, delta_w in self.make_up
            ]
        if self.reason is not None:
            shown["reason"] = self.reason
        return shown


def _common(answer: Acknowledgement | Status) -> dict[str, Any]:
    return {
        "contract_id": answer.contract_id,
        "zone": answer.zone,
        "assets": [asset.to_json() for asset in answer.assets],
    }
