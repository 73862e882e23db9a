"""What flows without a dispatch, and what flowed with it: baseline and post-action (profile 3).

A series is a start and one number for each interval of `interval_s` seconds, without gaps; the
local day of London has 46, 48 or 50 half hours. Powers are means over the interval in watts,
+ = export at the connection point; energies are watt-hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ukprofile.flex.common import Asset, common_json, given, read_common
from ukprofile.flex.times import checked_time, time_text

Series = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The body of `baseline`: the FSP's nomination of `baseline_w`, all assets together.

    One series to a message; another day, or other assets, go in a thread of their own.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    start: datetime
    interval_s: int
    baseline_w: Series

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Baseline":
        """Read a body that has been checked against the field table."""
        series = body["series"]
        return cls(
            **read_common(body),
            start=checked_time(series["start"]),
            interval_s=series["interval_s"],
            baseline_w=tuple(series["baseline_w"]),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        series = {
            "start": time_text(self.start),
            "interval_s": self.interval_s,
            "baseline_w": list(self.baseline_w),
        }
        return common_json(self) | {"series": series}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostAction:
    """The body of `post_action`: what one resource did on one day, for settlement.

    Metered as power or as energy: the other series is empty. `delivered_wh` is positive in the
    direction that was asked for. `quality` says of each reading how it was come by; `method`
    names the baseline method. A day too long for one text comes in `parts`.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    start: datetime
    interval_s: int
    delivered_wh: Series
    method: str
    metered_w: Series = ()
    metered_wh: Series = ()
    baseline_w: Series = ()
    quality: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "PostAction":
        """Read a body that has been checked against the field table."""
        return cls(
            **read_common(body),
            start=checked_time(body["start"]),
            interval_s=body["interval_s"],
            delivered_wh=tuple(body["delivered_wh"]),
            method=body["method"],
            metered_w=tuple(body.get("metered_w", ())),
            metered_wh=tuple(body.get("metered_wh", ())),
            baseline_w=tuple(body.get("baseline_w", ())),
            quality=tuple(body.get("quality", ())),
            part=body["part"],
            parts=body["parts"],
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return common_json(self) | given(
            start=time_text(self.start),
            interval_s=self.interval_s,
            delivered_wh=list(self.delivered_wh),
            method=self.method,
            metered_w=list(self.metered_w) or None,
            metered_wh=list(self.metered_wh) or None,
            baseline_w=list(self.baseline_w) or None,
            quality=list(self.quality) or None,
            part=self.part,
            parts=self.parts,
        )
