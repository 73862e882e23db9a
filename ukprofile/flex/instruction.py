"""What a DSO wants run: schedule, instruction, variation (profile 3).

    schedule      not firm: proposes; lapses unless an instruction confirms it
    instruction   firm: run these periods, on these assets
    variation     the confirmed periods as they now shall be, past ones unchanged

All three state the whole desired state. `firm` is no field here: the kind says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ukprofile.flex.common import Asset, OfContract, common_json, given, read_common
from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.flex.times import checked_time, read_time, time_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The body of `schedule`: watts by period, the deadlines of the answers, and where from.

    `dispatch_type` goes with periods of `delta_w` and is None with `setpoint_w`. `ack_by`,
    `respond_by` and `confirm_by` start alarms and timers (profile 5). `origin` is who needs it,
    with that party's own reference. Times are aware, in UTC.
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    periods: tuple[Period, ...]
    dispatch_type: str | None = None
    ack_by: datetime | None = None
    respond_by: datetime | None = None
    confirm_by: datetime | None = None
    origin: str | None = None
    origin_reference: str | None = None
    priority: int | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Schedule":
        """Read a body that has been checked against the field table."""
        return cls(**_read_power(body), **_read_terms(body))

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return _power_json(self) | _terms_json(self) | {"firm": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """The body of `instruction`: as a schedule, and for certain.

    `channel` is how it was given; `effective_at` when (in the past only for telephone and email
    records).
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
        return cls(
            **_read_power(body),
            **_read_terms(body),
            effective_at=checked_time(body["effective_at"]),
            channel=body["channel"],
        )

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        how = {"channel": self.channel, "effective_at": time_text(self.effective_at)}
        return _power_json(self) | _terms_json(self) | {"firm": True} | how


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """The body of `variation`: the full periods of a confirmed dispatch, in order of time.

    The running period keeps its id and ends at the change; the remainder and later changes get
    new ids (profile 3).
    """

    contract_id: str
    zone: str
    assets: tuple[Asset, ...]
    periods: tuple[Period, ...]
    dispatch_type: str | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Variation":
        """Read a body that has been checked against the field table."""
        return cls(**_read_power(body))

    def to_json(self) -> dict[str, Any]:
        """The body, ready to be signed."""
        return _power_json(self)


# -- what they share -----------------------------------------------------------------------------


class _Power(OfContract, Protocol):
    @property
    def periods(self) -> tuple[Period, ...]: ...
    @property
    def dispatch_type(self) -> str | None: ...


def _read_power(body: Mapping[str, Any]) -> dict[str, Any]:
    return read_common(body) | {
        "periods": read_periods(body),
        "dispatch_type": body.get("dispatch_type"),
    }


def _power_json(one: _Power) -> dict[str, Any]:
    return common_json(one) | given(
        periods=[period.to_json() for period in one.periods],
        dispatch_type=one.dispatch_type,
    )


def _read_terms(body: Mapping[str, Any]) -> dict[str, Any]:
    origin = body.get("origin", {})
    return {
        "ack_by": read_time(body.get("ack_by")),
        "respond_by": read_time(body.get("respond_by")),
        "confirm_by": read_time(body.get("confirm_by")),
        "origin": origin.get("party"),
        "origin_reference": origin.get("reference"),
        "priority": body.get("priority"),
    }


def _terms_json(one: Schedule | Instruction) -> dict[str, Any]:
    origin = given(party=one.origin, reference=one.origin_reference)
    times = {"ack_by": one.ack_by, "respond_by": one.respond_by, "confirm_by": one.confirm_by}
    return given(
        **{name: when and time_text(when) for name, when in times.items()},
        origin=origin or None,
        priority=one.priority,
    )
