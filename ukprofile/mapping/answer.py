"""What a VEN says, as reports (profile 1).

    acknowledgement   READ_BACK        the projection as it was read, with the signed message
    status            DISPATCH_STATUS  EXECUTING or FAILED, where the draft has a word for it
    everything else   the signed message alone

`reportName` is the message id: unique, as some VTNs ask, and so a repeated POST is recognised.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.header import Header
from ukprofile.flex.projection import ABSOLUTE, RELATIVE, SELF_DISPATCHED, Value
from ukprofile.mapping.carrier import OURS, Carried, message_in, payloads_of, plain_payloads
from ukprofile.openadr import (
    Interval,
    ReportPayloadDescriptor,
    ReportRequest,
    ReportResource,
    ValuesMap,
)
from ukprofile.openadr.event import EventFields
from ukprofile.openadr.report import ReportFields
from ukprofile.signing import Sealed

AGGREGATED = "AGGREGATED_REPORT"
"""The resource name of what concerns the whole dispatch."""
READ_BACK = "READ_BACK"
DISPATCH_STATUS = "DISPATCH_STATUS"

DRAFT_STATUS = {
    "executing": "EXECUTING",
    "resumed": "EXECUTING",
    "failed": "FAILED",
    "suspended": "FAILED",
}
"""The draft GB API knows only these two words; ceased and completed have none."""


def read_back(sealed: Sealed, header: Header, event_id: str, event: EventFields) -> ReportRequest:
    """An acknowledgement: reads back every projected payload of `event` as it was received."""
    intervals = tuple(
        _read(interval, event, payloads_of(sealed) if n == 0 else ())
        for n, interval in enumerate(event.intervals or ())
    )
    return _report(header, event_id, AGGREGATED, intervals, READ_BACK)


def _read(interval: Interval, event: EventFields, before: Sequence[ValuesMap]) -> Interval:
    kept = (p for p in interval.payloads if not p.type.startswith(OURS))
    period = interval.interval_period or event.interval_period
    payloads = (*before, *kept)
    if period is None:
        return Interval(id=interval.id, payloads=payloads)
    return Interval(id=interval.id, interval_period=period, payloads=payloads)


def reads_back(report: ReportFields, event: EventFields) -> bool:
    """Whether an unsigned READ_BACK says what the intervals of `event` say now.

    The draft reads back payloads, by interval, and no times. Whoever holds the VEN's token may
    have written it: it shows that the event was fetched, and acknowledges nothing.
    """
    if all(d.payload_type != READ_BACK for d in report.payload_descriptors or ()):
        return False
    said = {i.id: _projected(i) for r in report.resources for i in r.intervals}
    due = {i.id: _projected(i) for i in event.intervals or ()}
    return said == due and any(due.values())


def _projected(interval: Interval) -> frozenset[tuple[str, Value]]:
    """What every VEN that knows the draft understands: set-points, and whether they are firm."""
    found, _ = plain_payloads(interval)
    return frozenset(p for p in found if p[0] in (ABSOLUTE, RELATIVE, SELF_DISPATCHED))


def answer_report(
    sealed: Sealed, header: Header, body: Mapping[str, Any], event_id: str
) -> ReportRequest:
    """The report of any other kind that a VEN sends, a status among them."""
    payloads = payloads_of(sealed)
    descriptor = None
    if header.kind == "status":
        descriptor = DISPATCH_STATUS
        if word := DRAFT_STATUS.get(body["state"]):
            payloads = (*payloads, ValuesMap(type=DISPATCH_STATUS, values=(word,)))
    about = body["assets"][0]["asset_id"] if header.kind == "post_action" else AGGREGATED
    return _report(header, event_id, about, (Interval(id=0, payloads=payloads),), descriptor)


def _report(
    header: Header,
    event_id: str,
    resource_name: str,
    intervals: tuple[Interval, ...],
    descriptor: str | None,
) -> ReportRequest:
    described = (
        {"payload_descriptors": (ReportPayloadDescriptor(payload_type=descriptor),)}
        if descriptor
        else {}
    )
    return ReportRequest(
        event_id=event_id,
        client_name=header.issuer,
        report_name=header.message_id,
        resources=(ReportResource(resource_name=resource_name, intervals=intervals),),
        **described,
    )


def message_of(report: ReportFields) -> Carried | None:
    """The signed text a report carries; None for a report that claims nothing of the profile.

    Raises Refused as `carrier.message_in`, and MESSAGE_TWICE for one in two resources.
    """
    claiming = [
        resource
        for resource in report.resources
        if any(p.type.startswith(OURS) for i in resource.intervals for p in i.payloads)
    ]
    if not claiming:
        return None
    if len(claiming) > 1:
        raise Refused("MESSAGE_TWICE", path="/resources", clause="profile 2")
    return message_in(claiming[0].intervals)
