"""The ven: an FSP as the VTN knows it (Y: ven).

Two requests, told apart by `objectType` (T6): a VEN's own, and the BL's, which alone may name the
client and grant targets (D:678). The stored form says VEN; the response schema of the YAML cannot
be satisfied by anything (T5).
"""

from typing import ClassVar, Literal

from ukprofile.errors import Refused
from ukprofile.openadr.door import JSON
from ukprofile.openadr.interval import ValuesMap
from ukprofile.openadr.scalars import Name
from ukprofile.openadr.wire import SERVER_OWNED, Many, Metadata, Typed, Wire

OWNED_BUT_TYPE = SERVER_OWNED - {"objectType"}


class VenFields(Wire):
    """What anybody writes of a ven."""

    ven_name: Name
    attributes: Many[ValuesMap] | None = None


class VenVenRequest(VenFields, Typed):
    """A ven as its VEN sends it: clientID and targets are not for it to say."""

    dropped: ClassVar[frozenset[str]] = OWNED_BUT_TYPE | {"clientID", "targets"}
    demanded: ClassVar[str] = "objectType"
    object_type: Literal["VEN_VEN_REQUEST"] = "VEN_VEN_REQUEST"


class BlVenRequest(VenFields, Typed):
    """A ven as the business logic sends it."""

    dropped: ClassVar[frozenset[str]] = OWNED_BUT_TYPE
    demanded: ClassVar[str] = "objectType"
    object_type: Literal["BL_VEN_REQUEST"] = "BL_VEN_REQUEST"
    client_id: Name
    targets: Many[Name] | None = None


class Ven(VenFields, Metadata, Typed):
    """A ven as the VTN shows it."""

    object_type: Literal["VEN"] = "VEN"
    client_id: Name
    targets: Many[Name] | None = None


def read_ven_request(value: JSON) -> VenVenRequest | BlVenRequest:
    """Whichever of the two requests `objectType` names. Raises Refused BODY_INVALID and others."""
    if isinstance(value, dict) and value.get("objectType") == "BL_VEN_REQUEST":
        return BlVenRequest.read(value)
    if isinstance(value, dict) and value.get("objectType") == "VEN_VEN_REQUEST":
        return VenVenRequest.read(value)
    raise Refused(
        "BODY_INVALID",
        "VEN_VEN_REQUEST or BL_VEN_REQUEST is due here",
        path="/objectType",
        clause="Y venRequest; T6",
    )
