"""A dispatch as one event: every life-cycle message is a revision of it, by PUT (profile 1, 4)."""

from collections.abc import Mapping
from typing import Any, Literal

from ukprofile.flex.header import Header
from ukprofile.flex.projection import ABSOLUTE, RELATIVE, SELF_DISPATCHED, Projected, project
from ukprofile.mapping.carrier import intervals_of, projection_in
from ukprofile.mapping.contract import ANY_MESSAGE, target_of
from ukprofile.openadr import EventPayloadDescriptor, EventRequest, ReportDescriptor
from ukprofile.openadr.event import EventFields
from ukprofile.signing import Sealed

EventName = Literal["SCHEDULED_DISPATCH", "REAL_TIME_DISPATCH"]

_REPORTS = (
    ReportDescriptor(payload_type="READ_BACK", frequency=0),
    ReportDescriptor(payload_type="DISPATCH_STATUS", start_interval=0, historical=False),
    ANY_MESSAGE,
)


def dispatch_event(
    sealed: Sealed,
    header: Header,
    body: Mapping[str, Any],
    program_id: str,
    event_name: EventName = "SCHEDULED_DISPATCH",
) -> EventRequest:
    """The whole event for one revision of a dispatch; `header` and `body` are those of `sealed`.

    `program_id` is what the VTN calls the contract's program: it is never signed.
    """
    intervals = intervals_of(sealed, project(header.kind, body))
    absolute = any("setpoint_w" in period for period in body.get("periods", ()))
    return EventRequest(
        program_id=program_id,
        event_name=event_name,
        targets=(target_of(header.program),),
        interval_period=intervals[0].interval_period,
        report_descriptors=_REPORTS,
        payload_descriptors=(
            EventPayloadDescriptor(payload_type=SELF_DISPATCHED),
            EventPayloadDescriptor(payload_type=ABSOLUTE if absolute else RELATIVE, units="MW"),
        ),
        intervals=intervals,
    )


def mismatch(event: EventFields, kind: str, body: Mapping[str, Any]) -> str:
    """What the projection of `event` says otherwise than the signed body; "" for nothing.

    Compared by meaning, since VTNs rewrite times, lengths and order (digest 2.2).
    """
    due, seen = project(kind, body), projection_in(event)
    if len(due) != len(seen):
        return f"{len(seen)} intervals where the signed text has {len(due)}"
    return next((_difference(a, b) for a, b in zip(due, seen, strict=True) if a != b), "")


def _difference(due: Projected, seen: Projected) -> str:
    where = f"interval {seen.id}"
    if seen.odd:
        return f"{where}: {seen.odd}"
    if due.id != seen.id:
        return f"{where} where the signed text has {due.id}"
    if due.start != seen.start:
        return f"{where} starts at {seen.start.isoformat()}, signed: {due.start.isoformat()}"
    if due.seconds != seen.seconds:
        return f"{where} lasts {seen.seconds} s, signed: {due.seconds} s"
    extra = [f"{k} {v}" for k, v in seen.payloads if (k, v) not in due.payloads]
    lacking = [f"{k} {v}" for k, v in due.payloads if (k, v) not in seen.payloads]
    return f"{where} says {', '.join(extra) or 'less'}, signed: {', '.join(lacking) or 'less'}"
