"""What ends a dispatch, or withdraws what has not begun: cease and cancellation (profile 3).

A stop is executable from the header and `cease_at` alone, and never refused for the rest of its
body. So what cannot be read of it is absent here: None, or no assets and periods.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ukprofile.flex.common import Asset, given, read_assets
from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.times import checked_time, time_text

Mode = Literal["ramp", "immediate"]
Cancellable = Literal["dispatch", "request", "acceptance", "availability"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cease:
    """The body of `cease`: the dispatch ends at `cease_at` (aware, UTC).

    `periods` are those of the dispatch, cut there; `mode` says whether to ramp down or to stop
    at once.
    """

    cease_at: datetime
    contract_id: str | None = None
    zone: str | None = None
    assets: tuple[Asset, ...] = ()
    periods: tuple[Period, ...] = ()
    dispatch_type: str | None = None
    mode: Mode | None = None
    reason: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Cease":
        """Read a body that has been checked against the field table."""
        said = KINDS["cease"].body.legible(body)
        return cls(
            cease_at=checked_time(said["cease_at"]),
            contract_id=said.get("contract_id"),
            zone=said.get("zone"),
            assets=read_assets(said),
            periods=read_periods(said),
            dispatch_type=said.get("dispatch_type"),
            mode=said.get("mode"),
            reason=said.get("reason"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return given(
            cease_at=time_text(self.cease_at),
            contract_id=self.contract_id,
            zone=self.zone,
            assets=[asset.to_json() for asset in self.assets] or None,
            periods=[period.to_json() for period in self.periods],
            dispatch_type=self.dispatch_type,
            mode=self.mode,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """The body of `cancellation`: nothing is left of a dispatch, request, acceptance or offer.

    A VEN sends it for its own `availability` only. Of a `request` it names no contract. Read
    after the start of a dispatch it acts as a cease at receipt.
    """

    of: Cancellable = "dispatch"
    contract_id: str | None = None
    zone: str | None = None
    assets: tuple[Asset, ...] = ()
    reason: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Cancellation":
        """Read a body that has been checked against the field table."""
        said = KINDS["cancellation"].body.legible(body)
        return cls(
            of=said.get("of", "dispatch"),
            contract_id=said.get("contract_id"),
            zone=said.get("zone"),
            assets=read_assets(said),
            reason=said.get("reason"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return given(
            of=self.of,
            contract_id=self.contract_id,
            zone=self.zone,
            assets=[asset.to_json() for asset in self.assets] or None,
            periods=[],
            reason=self.reason,
        )
