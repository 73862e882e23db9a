"""The report: what a VEN answers to an event (Y: report)."""

from typing import Annotated, ClassVar, Literal

from ukprofile.openadr.descriptor import ReportPayloadDescriptor
from ukprofile.openadr.interval import Interval, IntervalPeriod
from ukprofile.openadr.scalars import NOT_NULL, Label, Name, ObjectID
from ukprofile.openadr.wire import SERVER_OWNED, Many, Metadata, Typed, Wire


class ReportResource(Wire):
    """The data of one resource, or of AGGREGATED_REPORT, in a report."""

    resource_name: Name
    interval_period: Annotated[IntervalPeriod | None, NOT_NULL] = None
    intervals: Many[Interval]


class ReportFields(Wire):
    """What a client writes of a report."""

    event_id: ObjectID
    client_name: Name
    report_name: Label | None = None
    payload_descriptors: Many[ReportPayloadDescriptor] | None = None
    resources: Many[ReportResource]


class ReportRequest(ReportFields):
    """A report as a VEN sends it; whose it is, the VTN takes from the token (D:639)."""

    dropped: ClassVar[frozenset[str]] = SERVER_OWNED | {"clientID"}


class Report(ReportFields, Metadata, Typed):
    """A report as the VTN shows it."""

    object_type: Literal["REPORT"] = "REPORT"
    client_id: Name
