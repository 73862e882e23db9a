"""What a client asks to store, read once: the wire object, and the columns that follow from it."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ukprofile.errors import Refused
from ukprofile.openadr import (
    JSON,
    BlResourceRequest,
    BlVenRequest,
    DateTime,
    EventRequest,
    IntervalPeriod,
    ProgramRequest,
    ReportRequest,
    SubscriptionRequest,
    VenResourceRequest,
    VenVenRequest,
    Wire,
    end_of,
    read_resource_request,
    read_ven_request,
)
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind, Record, Role

_SERVERS = ("objectType", "targets", "clientID")
"""Members that the VTN writes itself, or splices in for each reader."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the security log hears of though the request was taken."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that was read: `columns` are fields of `Record` that follow from it, `notices`
    what of it was ignored.
    """

    kind: Kind
    request: Wire
    columns: Mapping[str, Any]
    targets: tuple[str, ...] | None
    notices: tuple[Notice, ...] = ()

    def record(self, id: str, created: datetime, now: datetime, **over: Any) -> Record:
        """The object to store, with `over` in place of columns."""
        columns = {**self.columns, **over}
        targets = columns.pop("targets", self.targets)
        own = {
            "id": id,
            "createdDateTime": DateTime.of(created.replace(microsecond=0)),
            "modificationDateTime": DateTime.of(now.replace(microsecond=0)),
            "objectType": self.kind.value,
        }
        if columns.get("client_id"):
            own["clientID"] = columns["client_id"]
        sent = {k: v for k, v in self.request.dump().items() if k not in _SERVERS}
        body = json.dumps(own | sent, ensure_ascii=False, separators=(",", ":")).encode()
        return Record(
            self.kind,
            id,
            created,
            now,
            body,
            targets=targets or (),
            has_targets=targets is not None,
            **columns,
        )


def read_draft(kind: Kind, body: JSON, viewer: Viewer) -> Draft:
    """Read a request of `kind`. Raises Refused BODY_INVALID and its kin, SCOPE_MISSING (a VEN
    that writes as the BL), NOT_IMPLEMENTED (subscriptions).
    """
    return _READERS[kind](body, viewer)


def _program(body: JSON, _viewer: Viewer) -> Draft:
    request = ProgramRequest.read(body)
    return Draft(Kind.PROGRAM, request, {"name": nfc(request.program_name)}, request.targets)


def _event(body: JSON, _viewer: Viewer) -> Draft:
    request = EventRequest.read(body)
    columns = {"program_id": request.program_id, "ends": ends(request)}
    return Draft(Kind.EVENT, request, columns, request.targets)


def _report(body: JSON, viewer: Viewer) -> Draft:
    request = ReportRequest.read(body)
    columns = {
        "event_id": request.event_id,
        "client_name": request.client_name,
        "client_id": viewer.client_id,
        "name": request.report_name or "",
    }
    return Draft(Kind.REPORT, request, columns, None)


def _ven(body: JSON, viewer: Viewer) -> Draft:
    request = read_ven_request(body)
    client_id = _client_of(request, viewer)
    targets = request.targets if isinstance(request, BlVenRequest) else None
    columns = {"name": nfc(request.ven_name), "client_id": client_id}
    return Draft(Kind.VEN, request, columns, targets, _ignored(body, request, viewer))


def _resource(body: JSON, viewer: Viewer) -> Draft:
    request = read_resource_request(body)
    client_id = _client_of(request, viewer)
    targets = request.targets if isinstance(request, BlResourceRequest) else None
    columns = {
        "name": nfc(request.resource_name),
        "ven_id": request.ven_id,
        "client_id": client_id,
    }
    return Draft(Kind.RESOURCE, request, columns, targets, _ignored(body, request, viewer))


def _ignored(body: JSON, request: Wire, viewer: Viewer) -> tuple[Notice, ...]:
    """What a VEN tried to say that only the DSO says: whose it is, and what it may see (T18)."""
    if not isinstance(request, (VenVenRequest, VenResourceRequest)):
        return ()
    found = [name for name in ("clientID", "targets") if name in body]
    if body.get("clientID") == viewer.client_id:
        found.remove("clientID")
    detail = f"{' and '.join(found)} of a VEN's request: the DSO's to write, and ignored"
    return (Notice("UNKNOWN_IGNORED", detail),) if found else ()


def _client_of(
    request: VenVenRequest | BlVenRequest | VenResourceRequest | BlResourceRequest,
    viewer: Viewer,
) -> str:
    """Whose object it is: of a VEN's request the token says so, of the BL's the body (D:639)."""
    by_bl = isinstance(request, (BlVenRequest, BlResourceRequest))
    if by_bl and viewer.role is not Role.BL:
        raise Refused(
            "SCOPE_MISSING",
            "only the business logic grants targets and names clients",
            path="/objectType",
            clause="D:678",
        )
    if not by_bl and viewer.role is Role.BL:
        raise Refused(
            "BODY_INVALID",
            "the business logic sends a BL_ request",
            path="/objectType",
            clause="Y",
        )
    if isinstance(request, (BlVenRequest, BlResourceRequest)):
        return request.client_id
    return viewer.client_id


def _subscription(body: JSON, _viewer: Viewer) -> Draft:
    SubscriptionRequest.read(body)
    raise Refused(
        "NOT_IMPLEMENTED",
        "this VTN does not notify yet, and takes no subscription it would not serve; poll instead",
    )


_READERS: Mapping[Kind, Callable[[JSON, Viewer], Draft]] = {
    Kind.PROGRAM: _program,
    Kind.EVENT: _event,
    Kind.REPORT: _report,
    Kind.VEN: _ven,
    Kind.RESOURCE: _resource,
    Kind.SUBSCRIPTION: _subscription,
}


def nfc(name: str) -> str:
    """A name as names are compared (decision 11)."""
    return unicodedata.normalize("NFC", name)


def ends(event: EventRequest) -> datetime | None:
    """When the last interval ends; None where nothing ends, or nothing says so (T20)."""
    above = event.interval_period or IntervalPeriod()
    start = above.start.instant if above.start else None
    if event.duration is not None:
        return end_of(start, event.duration) if start else None
    if not event.intervals:
        return end_of(start, above.duration) if start and above.duration else None
    last: datetime | None = None
    for interval in event.intervals:
        own = interval.interval_period or IntervalPeriod()
        duration = own.duration or above.duration
        start = own.start.instant if own.start else start
        if start is None or duration is None:
            return None
        start = end_of(start, duration)
        if start is None:
            return None
        last = start if last is None else max(last, start)
    return last
