"""The event: under the UK profile, one dispatch, or the terms of a contract (Y: event)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ukprofile.openadr.descriptor import EventPayloadDescriptor, ReportDescriptor
from ukprofile.openadr.interval import Interval, IntervalPeriod
from ukprofile.openadr.scalars import NOT_NULL, Duration, Label, Name, ObjectID
from ukprofile.openadr.wire import SERVER_OWNED, Many, Metadata, Typed, Wire


class EventFields(Wire):
    """What a client writes of an event."""

    program_id: ObjectID
    event_name: Label | None = None
    duration: Annotated[Duration | None, NOT_NULL] = None
    priority: Annotated[int, Field(ge=0)] | None = None
    targets: Many[Name] | None = None
    report_descriptors: Many[ReportDescriptor] | None = None
    payload_descriptors: Many[EventPayloadDescriptor] | None = None
    interval_period: Annotated[IntervalPeriod | None, NOT_NULL] = None
    intervals: Annotated[Many[Interval] | None, NOT_NULL] = None


class EventRequest(EventFields):
    """An event as a client sends it."""

    dropped: ClassVar[frozenset[str]] = SERVER_OWNED


class Event(EventFields, Metadata, Typed):
    """An event as the VTN shows it: its targets are those that this reader may see (D:676)."""

    object_type: Literal["EVENT"] = "EVENT"
