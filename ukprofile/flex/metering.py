"""What flows without a dispatch, and what flowed with it: baseline and post-action (profile 3).

A series is a start and one number for each interval of `interval_s` seconds, without gaps; the
local day of London has 46, 48 or 50 half hours. Powers are means over the interval in watts,
+ = export at the connection point; energies are watt-hours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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

    @property
    def end(self) -> datetime:
        """First instant after the series."""
        return self.start + timedelta(seconds=self.interval_s * len(self.baseline_w))

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


def in_parts(whole: PostAction, most_bytes: int) -> tuple[PostAction, ...]:
    """The same in as few parts of equal length as fit, each of at most `most_bytes` of JSON.

    The parts follow each other without a gap. Raises ValueError where one interval is too much.
    """
    count = len(whole.delivered_wh)
    for parts in range(1, max(2, count + 1)):
        size = max(1, -(-count // parts))
        found = [_cut(whole, first, first + size) for first in range(0, count, size)] or [whole]
        if all(len(_json(part)) <= most_bytes for part in found):
            return tuple(replace(part, part=n, parts=len(found)) for n, part in enumerate(found, 1))
    raise ValueError(f"one interval does not fit into {most_bytes} bytes")


def _cut(whole: PostAction, first: int, last: int) -> PostAction:
    return replace(
        whole,
        start=whole.start + timedelta(seconds=first * whole.interval_s),
        **{name: getattr(whole, name)[first:last] for name in _OF_INTERVALS},
    )


def _json(part: PostAction) -> str:
    """As long as it will be signed: numbers and plain ASCII, with three digits for each count."""
    shown = part.to_json() | {"part": 999, "parts": 999}
    return json.dumps(shown, separators=(",", ":"))


_OF_INTERVALS = ("delivered_wh", "metered_w", "metered_wh", "baseline_w", "quality")
