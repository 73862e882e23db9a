"""The projection of a dispatch: what its intervals say to a VEN that reads only those.

    signed body                                      Projected, one per period
    assets [A1 (group G), A2]                        0: 15:30Z 1800 s  ASSET_ID A1, ASSET_ID A2,
    periods 0 15:30-16:00 1,000,000 W                   ASSET_GRP G, SELF_DISPATCHED true,
            1 16:00-17:00 1,300,000 W                   DISPATCH_SETPOINT_RELATIVE 1.0
                                                     1: 16:00Z 3600 s  SELF_DISPATCHED true,
                                                        DISPATCH_SETPOINT_RELATIVE 1.3

Derived, never an authority (profile 4). Compared by meaning: instants, seconds and numbers, in
any order of payloads, because VTNs rewrite times, durations and order on the way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ukprofile.flex.times import read_time

SELF_DISPATCHED = "SELF_DISPATCHED"
ABSOLUTE = "DISPATCH_SETPOINT"
RELATIVE = "DISPATCH_SETPOINT_RELATIVE"
ASSET_ID = "ASSET_ID"
ASSET_GROUP = "ASSET_GRP"

VOID_START = datetime(1, 1, 1, tzinfo=UTC)
"""The start of the void form: a cancellation has one interval here, of no length."""

Value = str | bool | Decimal
FIRM_KINDS = frozenset({"instruction", "variation", "cease"})


@dataclass(frozen=True, slots=True)
class Projected:
    """One interval by its meaning.

    `payloads` are (type, value) pairs, sorted; `odd` says what no projection may hold
    (randomizeStart, a length of no fixed seconds, several values in a payload), "" for nothing.
    """

    id: int
    start: datetime
    seconds: int
    payloads: tuple[tuple[str, Value], ...]
    odd: str = ""


def megawatts(watts: int) -> Decimal:
    """Watts as the projection's MW: exact, at most six places."""
    return Decimal(watts).scaleb(-6)


def sort_payloads(payloads: Iterable[tuple[str, Value]]) -> tuple[tuple[str, Value], ...]:
    """The one order in which payloads are compared; numbers by value, 1.30 as 1.3."""
    return tuple(sorted(payloads, key=lambda p: (p[0], type(p[1]).__name__, str(p[1]))))


def project(kind: str, body: Mapping[str, Any]) -> tuple[Projected, ...]:
    """What the intervals of this dispatch message must say. `body` has been checked."""
    assets: Sequence[Mapping[str, Any]] = body.get("assets", ())
    named: list[tuple[str, Value]] = [(ASSET_ID, asset["asset_id"]) for asset in assets]
    groups = {asset["asset_group_id"] for asset in assets if "asset_group_id" in asset}
    named += [(ASSET_GROUP, group) for group in sorted(groups)]
    firm = kind in FIRM_KINDS
    found = [
        _interval(period, named if n == 0 else [], firm=firm)
        for n, period in enumerate(body.get("periods", ()))
    ]
    if found:
        return tuple(found)
    return (Projected(0, VOID_START, 0, sort_payloads([*named, (SELF_DISPATCHED, False)])),)


def _interval(
    period: Mapping[str, Any], named: Sequence[tuple[str, Value]], *, firm: bool
) -> Projected:
    start, end = read_time(period["start"]), read_time(period["end"])
    if start is None or end is None:
        raise ValueError("a period without times cannot be projected")
    power: tuple[str, Value] = (
        (RELATIVE, megawatts(period["delta_w"]))
        if "delta_w" in period
        else (ABSOLUTE, megawatts(period["setpoint_w"]))
    )
    return Projected(
        period["id"],
        start,
        int((end - start).total_seconds()),
        sort_payloads([*named, (SELF_DISPATCHED, firm), power]),
    )
