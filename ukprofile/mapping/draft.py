"""The draft GB dispatch API by itself, without a signed text: what an event asks, and the reports.

    2025-03-12T16:30Z   1.2 MW       Draft: firm, 16:30-17:30 +1,200,000 W, 17:30-18:00 ...
    PT1H                0.6 MW   ──▶        of assets ASS001, of groups AGRP001
    SELF_DISPATCHED     true

A set-point in MW, + = generation; RELATIVE is measured from the baseline (profile 4: the draft's
"current set-point" drifts from step to step). The draft's examples are in the idiom of OpenADR
3.0, so `DraftEvent` and `DraftProgram` take that too. Numbers in brackets are its sections.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Self

from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Period
from ukprofile.flex.projection import ABSOLUTE, ASSET_GROUP, ASSET_ID, RELATIVE, SELF_DISPATCHED
from ukprofile.mapping.answer import AGGREGATED, DISPATCH_STATUS, READ_BACK
from ukprofile.openadr import (
    JSON,
    Duration,
    Event,
    Interval,
    IntervalPeriod,
    Program,
    ReportPayloadDescriptor,
    ReportRequest,
    ReportResource,
    ValuesMap,
    end_of,
)
from ukprofile.openadr.event import EventFields
from ukprofile.openadr.program import ProgramFields

FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The end of P9999Y, where the program does not end before (2.1.1, 5.2)."""
POWERS = (ABSOLUTE, RELATIVE)
UNDERSTOOD = (SELF_DISPATCHED, *POWERS, ASSET_ID, ASSET_GROUP)
_SCALES = {"GW": 9, "MW": 6, "KW": 3, "W": 0}
_MOST_W = 10**12
_NO_LENGTH = Duration("PT0S")
_SENTINEL = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an event asks: watts over `periods`; none of them is the void form, or nothing at all.

    `firm`: runs at its start, else it is information (5.1). `real_time`: its start is the moment
    at which it was first read. `assets` and `groups` are the DSO's ids; none of either: whatever
    the program is about.
    """

    firm: bool
    real_time: bool
    periods: tuple[Period, ...]
    assets: tuple[str, ...]
    groups: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """By its meaning: two events that ask the same give the same."""
        return {
            "firm": self.firm,
            "real_time": self.real_time,
            "periods": [period.to_json() for period in self.periods],
            "asset_ids": list(self.assets),
            "groups": list(self.groups),
        }


def read_draft(event: EventFields, program: ProgramFields, began: datetime) -> Draft | None:
    """What `event` asks, if it "does it now" since `began`; None where it is no dispatch.

    Raises Refused BODY_VALUE, POWER_FORM, PERIODS_INVALID, TIME_INVALID.
    """
    intervals = event.intervals or ()
    said = [p for i in intervals for p in i.payloads]
    if not any(p.type in (SELF_DISPATCHED, *POWERS) for p in said):
        return None
    real_time = _real_time(event)
    firm = [_truth(p) for p in said if p.type == SELF_DISPATCHED]
    periods = tuple(_periods(event, program, began.replace(microsecond=0)))
    if any(one.end > following.start for one, following in pairwise(periods)):
        raise Refused("PERIODS_INVALID", "intervals overlap, or go back", path="/intervals")
    named = (*said, *_targets(event))
    return Draft(
        # A dispatch that is to be done now needs no word that it is (7.2).
        firm=all(firm) if firm else real_time,
        real_time=real_time,
        periods=periods,
        assets=_named(named, ASSET_ID),
        groups=_named(named, ASSET_GROUP),
    )


def _real_time(event: EventFields) -> bool:
    above = event.interval_period or IntervalPeriod()
    own = event.intervals[0].interval_period if event.intervals else None
    start = own.start if own is not None and own.start is not None else None
    if start is None or start.is_now:
        start = above.start or start
    if start is None:
        raise Refused("TIME_INVALID", "no start", path="/intervalPeriod/start", clause="draft 5.2")
    return start.is_now


def _periods(event: EventFields, program: ProgramFields, began: datetime) -> Iterator[Period]:
    """Start and length as in 5.2 and 5.4.4; "now" inside of an event follows what was before."""
    above = event.interval_period or IntervalPeriod()
    spans = [above, *(i.interval_period for i in event.intervals or () if i.interval_period)]
    if event.duration is not None or any(span.randomize_start is not None for span in spans):
        raise Refused("BODY_VALUE", "duration of an event, randomizeStart: not in the draft")
    last = _end(program.interval_period or IntervalPeriod())
    follows = began
    if above.start is not None and not above.start.is_now:
        follows = above.start.instant
    for interval in event.intervals or ():
        own = interval.interval_period or IntervalPeriod()
        start = follows if own.start is None or own.start.is_now else own.start.instant
        start = start.replace(microsecond=0)
        end = end_of(start, own.duration or above.duration or _NO_LENGTH) or max(last, start)
        follows = end = end.replace(microsecond=0)
        powers = [p for p in interval.payloads if p.type in POWERS]
        if len(powers) > 1:
            raise Refused("POWER_FORM", f"interval {interval.id}: one set-point", path="/intervals")
        for payload in powers if start < end else ():
            watts = _watts(payload, _unit(payload.type, event, program))
            relative = payload.type == RELATIVE
            yield Period(
                interval.id,
                start,
                end,
                delta_w=watts if relative else None,
                setpoint_w=None if relative else watts,
            )


def _end(period: IntervalPeriod) -> datetime:
    if period.start is None or period.start.is_now or period.duration is None:
        return FOREVER
    return end_of(period.start.instant, period.duration) or FOREVER


def _unit(kind: str, event: EventFields, program: ProgramFields) -> str:
    """MW, unless a descriptor says otherwise (5.4.2; one of the draft's examples is in KW)."""
    described: Sequence[Any] = (
        *(event.payload_descriptors or ()),
        *(program.payload_descriptors or ()),
    )
    units = (d.units for d in described if d.payload_type == kind and d.units is not None)
    return next(units, "MW")


def _watts(payload: ValuesMap, unit: str) -> int:
    """Whole watts; the draft's examples write numbers as strings too."""
    scale = _SCALES.get(unit.upper())
    if scale is None:
        raise _no_value(payload, f"{unit} is no unit of power: {', '.join(_SCALES)}")
    value = payload.values[0] if len(payload.values) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _no_value(payload, "one number is due")
    try:
        watts = Decimal(value if isinstance(value, str) else repr(value)).scaleb(scale)
    except InvalidOperation:
        raise _no_value(payload, f"{value!a} is no number") from None
    if not watts.is_finite() or abs(watts) > _MOST_W:
        raise _no_value(payload, f"{value!a} {unit} is beyond {_MOST_W:,} W")
    return int(watts.to_integral_value())


def _truth(payload: ValuesMap) -> bool:
    value = payload.values[0] if len(payload.values) == 1 else None
    if not isinstance(value, bool):
        raise _no_value(payload, "true or false is due")
    return value


def _no_value(payload: ValuesMap, why: str) -> Refused:
    return Refused("BODY_VALUE", f"{payload.type}: {why}", path="/intervals", clause="draft 9.2")


def _named(payloads: Sequence[ValuesMap], kind: str) -> tuple[str, ...]:
    values = (v for p in payloads if p.type == kind for v in p.values)
    return tuple(dict.fromkeys(str(value) for value in values))


# -- the idiom of 3.0 ------------------------------------------------------------------------------


def in_3_1(value: JSON) -> JSON:
    """The draft's own JSON as OpenADR 3.1 has it.

    `0000-00-00`, which is no date, becomes the "now" of 3.1; `payLoadType` gets its spelling;
    targets `{"type": "ASSET_ID", "values": ["A"]}` become `ASSET_ID-A`.
    """
    if isinstance(value, list):
        return [in_3_1(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, JSON] = {}
    for name, member in value.items():
        if name == "start" and isinstance(member, str) and member.startswith("0000-00-00"):
            found[name] = _SENTINEL
        elif name == "targets" and isinstance(member, list):
            found[name] = [target for one in member for target in _flat(one)]
        else:
            found["payloadType" if name == "payLoadType" else name] = in_3_1(member)
    return found


def _flat(target: JSON) -> list[JSON]:
    if not isinstance(target, dict) or not isinstance(target.get("values"), list):
        return [target]
    return [f"{target.get('type')}-{value}" for value in target["values"]]


def _targets(event: EventFields) -> Iterator[ValuesMap]:
    """Assets named by targets (5.3)."""
    for target in event.targets or ():
        for kind in (ASSET_ID, ASSET_GROUP):
            if target.startswith(f"{kind}-"):
                yield ValuesMap(type=kind, values=(target.removeprefix(f"{kind}-"),))


class DraftEvent(Event):
    """An event as the draft writes it."""

    @classmethod
    def read(cls, value: JSON) -> Self:
        return super().read(in_3_1(value))


class DraftProgram(Program):
    """A program as the draft writes it."""

    @classmethod
    def read(cls, value: JSON) -> Self:
        return super().read(in_3_1(value))


# -- reports (5.5, 5.6) ----------------------------------------------------------------------------


def draft_read_back(event: Event, client_name: str, report_name: str) -> ReportRequest:
    """The payload items that were understood, as they were received."""
    intervals = tuple(
        Interval(
            id=interval.id, payloads=tuple(p for p in interval.payloads if p.type in UNDERSTOOD)
        )
        for interval in event.intervals or ()
    )
    return _report(READ_BACK, intervals, event.program_id, event.id, client_name, report_name)


def draft_status(
    word: str, program_id: str, event_id: str, client_name: str, report_name: str
) -> ReportRequest:
    """EXECUTING or FAILED: the draft has no other word."""
    payload = ValuesMap(type=DISPATCH_STATUS, values=(word,))
    intervals = (Interval(id=0, payloads=(payload,)),)
    return _report(DISPATCH_STATUS, intervals, program_id, event_id, client_name, report_name)


def _report(
    descriptor: str,
    intervals: tuple[Interval, ...],
    program_id: str,
    event_id: str,
    client_name: str,
    report_name: str,
) -> ReportRequest:
    made = ReportRequest(
        event_id=event_id,
        client_name=client_name,
        report_name=report_name,
        payload_descriptors=(ReportPayloadDescriptor(payload_type=descriptor),),
        resources=(ReportResource(resource_name=AGGREGATED, intervals=intervals),),
    )
    # The draft's report names its program, as 3.0 demands; 3.1 has no such member.
    return ReportRequest.read({**made.dump(), "programID": program_id})
