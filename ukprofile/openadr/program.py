"""The program: under the UK profile, a contract or a market (Y: program)."""

from typing import Annotated, ClassVar, Literal

from ukprofile.openadr.descriptor import PayloadDescriptor
from ukprofile.openadr.interval import IntervalPeriod, ValuesMap
from ukprofile.openadr.scalars import NOT_NULL, Name, Uri
from ukprofile.openadr.wire import SERVER_OWNED, Many, Metadata, Typed, Wire


class ProgramDescription(Wire):
    """Where a description of the program can be read."""

    url: Uri


class ProgramFields(Wire):
    """What a client writes of a program."""

    program_name: Name
    interval_period: Annotated[IntervalPeriod | None, NOT_NULL] = None
    program_descriptions: Many[ProgramDescription] | None = None
    payload_descriptors: Many[PayloadDescriptor] | None = None
    attributes: Many[ValuesMap] | None = None
    targets: Many[Name] | None = None


class ProgramRequest(ProgramFields):
    """A program as a client sends it."""

    dropped: ClassVar[frozenset[str]] = SERVER_OWNED


class Program(ProgramFields, Metadata, Typed):
    """A program as the VTN shows it."""

    object_type: Literal["PROGRAM"] = "PROGRAM"
