"""Descriptors: what a payload type means, and which reports are asked for."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from ukprofile.openadr.scalars import Int32, Name, Number, Word
from ukprofile.openadr.wire import Many, Typed, Wire


class EventPayloadDescriptor(Typed):
    """Units and currency of a payload type in events."""

    object_type: Literal["EVENT_PAYLOAD_DESCRIPTOR"] = "EVENT_PAYLOAD_DESCRIPTOR"
    payload_type: Word
    units: Word | None = None
    currency: str | None = None


class ReportPayloadDescriptor(Typed):
    """Units and quality of a payload type in reports."""

    object_type: Literal["REPORT_PAYLOAD_DESCRIPTOR"] = "REPORT_PAYLOAD_DESCRIPTOR"
    payload_type: Word
    reading_type: Word | None = None
    units: Word | None = None
    accuracy: Number | None = None
    confidence: Annotated[int, Field(ge=0, le=100)] | None = None


_ONLY_IN_REPORTS = frozenset({"readingType", "accuracy", "confidence"})


def _which(value: object) -> object:
    """The `objectType`; where a peer leaves it out (T12), what the other members make of it."""
    if not isinstance(value, dict):
        return getattr(value, "object_type", None)
    told = value.get("objectType")
    if told is not None:
        return told
    in_reports = not _ONLY_IN_REPORTS.isdisjoint(value)
    return "REPORT_PAYLOAD_DESCRIPTOR" if in_reports else "EVENT_PAYLOAD_DESCRIPTOR"


PayloadDescriptor: TypeAlias = Annotated[
    Annotated[EventPayloadDescriptor, Tag("EVENT_PAYLOAD_DESCRIPTOR")]
    | Annotated[ReportPayloadDescriptor, Tag("REPORT_PAYLOAD_DESCRIPTOR")],
    Discriminator(_which),
]
"""Either kind, where both may stand (in a program). A descriptor of neither `objectType` nor
anything that only reports have is an event's: it gives the defaults of events (UG:1111)."""


class ReportDescriptor(Wire):
    """A request for a report. The defaults are those of the specification (Y: reportDescriptor)."""

    payload_type: Word
    reading_type: Word | None = None
    units: Word | None = None
    targets: Many[Name] | None = None
    aggregate: bool = False
    start_interval: Int32 = -1
    num_intervals: Int32 = -1
    historical: bool = True
    frequency: Int32 = -1
    repeat: Int32 = 1
    report_intervals: Literal["INTERVALS", "SUB_INTERVALS", "OPEN_INTERVALS"] = "INTERVALS"
