"""What an FSP says of a dispatch, and of what it cannot do (profile 3).

acknowledgement   it arrived, and what was decided of it
response          yes, less, or no
status            what it is doing
unavailability    what cannot be dispatched for a while; answers nothing
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ukprofile.flex.common import Asset, common_json, given, read_common
from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.flex.times import checked_time, time_text

Decided = Literal["received", "late", "expired", "refused"]
Answer = Literal["accept", "partial", "refuse"]
State = Literal["executing", "failed", "suspended", "resumed", "ceased", "completed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """That a message arrived, and what was decided of it.

    `reason` is the code of a refusal, or EVENT_WITHDRAWN: the text is held, and its event is gone
    (profile 2 Acting). `notices` are the pointers of fields that were ignored, alerted or
    refused.
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
            **read_common(body),
            decided=body["decided"],
            reason=body.get("reason"),
            notices=tuple(body.get("notices", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return common_json(self) | given(
            decided=self.decided, reason=self.reason, notices=list(self.notices) or None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The FSP's answer to a schedule, instruction or variation: accept, partial, or refuse.

    `periods` are what a partial acceptance would run: later, shorter, less, never more than
    asked. Without them the answer is to all that was asked.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    answer: Answer
    periods: tuple[Period, ...] = ()
    dispatch_type: str | None = None
    reason: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Response":
        """Read a body that has been checked against the field table."""
        return cls(
            **read_common(body),
            answer=body["answer"],
            periods=read_periods(body),
            dispatch_type=body.get("dispatch_type"),
            reason=body.get("reason"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return common_json(self) | given(
            answer=self.answer,
            periods=[period.to_json() for period in self.periods] or None,
            dispatch_type=self.dispatch_type,
            reason=self.reason,
        )


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
        return cls(
            **read_common(body),
            state=body["state"],
            at=checked_time(body["at"]),
            power_w=body.get("power_w"),
            make_up=tuple((m["asset_id"], m["delta_w"]) for m in body.get("make_up", ())),
            reason=body.get("reason"),
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        make_up = [{"asset_id": asset_id, "delta_w": watts} for asset_id, watts in self.make_up]
        return common_json(self) | given(
            state=self.state,
            at=time_text(self.at),
            power_w=self.power_w,
            make_up=make_up or None,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailability:
    """That `unit` (an asset, asset group or flexible unit) cannot run for `start <= t < end`.

    The form of the standard agreement, which calls them `from` and `to`; aware times, in UTC.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    unit: str
    start: datetime
    end: datetime
    reason: str

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Unavailability":
        """Read a body that has been checked against the field table."""
        return cls(
            **read_common(body),
            unit=body["unit"],
            start=checked_time(body["from"]),
            end=checked_time(body["to"]),
            reason=body["reason"],
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return common_json(self) | {
            "unit": self.unit,
            "from": time_text(self.start),
            "to": time_text(self.end),
            "reason": self.reason,
        }
