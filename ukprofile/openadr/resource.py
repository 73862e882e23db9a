"""The resource: an asset or a group of assets of a ven (Y: resource). Two requests, as of a ven."""

from typing import ClassVar, Literal

from ukprofile.errors import Refused
from ukprofile.openadr.door import JSON
from ukprofile.openadr.interval import ValuesMap
from ukprofile.openadr.scalars import Name, ObjectID
from ukprofile.openadr.ven import OWNED_BUT_TYPE
from ukprofile.openadr.wire import Many, Metadata, Typed, Wire


class ResourceFields(Wire):
    """What anybody writes of a resource."""

    resource_name: Name
    ven_id: ObjectID
    attributes: Many[ValuesMap] | None = None


class VenResourceRequest(ResourceFields, Typed):
    """A resource as its VEN sends it: clientID and targets are not for it to say."""

    dropped: ClassVar[frozenset[str]] = OWNED_BUT_TYPE | {"clientID", "targets"}
    demanded: ClassVar[str] = "objectType"
    object_type: Literal["VEN_RESOURCE_REQUEST"] = "VEN_RESOURCE_REQUEST"


class BlResourceRequest(ResourceFields, Typed):
    """A resource as the business logic sends it."""

    dropped: ClassVar[frozenset[str]] = OWNED_BUT_TYPE
    demanded: ClassVar[str] = "objectType"
    object_type: Literal["BL_RESOURCE_REQUEST"] = "BL_RESOURCE_REQUEST"
    client_id: Name
    targets: Many[Name] | None = None


class Resource(ResourceFields, Metadata, Typed):
    """A resource as the VTN shows it."""

    object_type: Literal["RESOURCE"] = "RESOURCE"
    client_id: Name
    targets: Many[Name] | None = None


def read_resource_request(value: JSON) -> VenResourceRequest | BlResourceRequest:
    """Whichever of the two requests `objectType` names. Raises Refused BODY_INVALID and others."""
    if isinstance(value, dict) and value.get("objectType") == "BL_RESOURCE_REQUEST":
        return BlResourceRequest.read(value)
    if isinstance(value, dict) and value.get("objectType") == "VEN_RESOURCE_REQUEST":
        return VenResourceRequest.read(value)
    raise Refused(
        "BODY_INVALID",
        "VEN_RESOURCE_REQUEST or BL_RESOURCE_REQUEST is due here",
        path="/objectType",
        clause="Y resourceRequest; T6",
    )
