"""Subscriptions, and the notifications they bring (Y: subscription, notification)."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from ukprofile.errors import Refused
from ukprofile.openadr.door import JSON
from ukprofile.openadr.event import Event
from ukprofile.openadr.program import Program
from ukprofile.openadr.report import Report
from ukprofile.openadr.resource import Resource
from ukprofile.openadr.scalars import NOT_NULL, Name, ObjectID, ObjectType, Operation, Uri
from ukprofile.openadr.ven import Ven
from ukprofile.openadr.wire import SERVER_OWNED, Many, Metadata, Typed, Wire


class ObjectOperation(Wire):
    """Which operations on which objects to send where. Whether the URL is safe, others decide."""

    objects: Many[ObjectType]
    operations: Many[Operation]
    callback_url: Uri
    bearer_token: Annotated[str | None, Field(repr=False)] = None


class SubscriptionFields(Wire):
    """What a client writes of a subscription."""

    client_name: Name
    program_id: Annotated[ObjectID | None, NOT_NULL] = None
    object_operations: Many[ObjectOperation]
    targets: Many[Name] | None = None


class SubscriptionRequest(SubscriptionFields):
    """A subscription as a client sends it; whose it is, the VTN takes from the token (D:639)."""

    dropped: ClassVar[frozenset[str]] = SERVER_OWNED | {"clientID"}


class Subscription(SubscriptionFields, Metadata, Typed):
    """A subscription as the VTN shows it."""

    object_type: Literal["SUBSCRIPTION"] = "SUBSCRIPTION"
    client_id: Name


class Notification(Wire):
    """What a VTN sends to a callback URL or a topic: the object, and what happened to it."""

    object_type: ObjectType
    operation: Operation
    object: Annotated[
        Program | Event | Report | Subscription | Ven | Resource,
        Field(discriminator="object_type"),
    ]
    targets: Many[Name] | None = None

    @classmethod
    def read(cls, value: JSON) -> Self:
        """As `Wire.read`; an object without a type of its own has that of the notification."""
        inner: Any = value.get("object") if isinstance(value, dict) else None
        if isinstance(inner, dict):
            outer = value.get("objectType")
            if inner.get("objectType", outer) != outer:
                raise Refused(
                    "BODY_INVALID", "not the type of the notification", path="/object/objectType"
                )
            value = {**value, "object": {"objectType": outer, **inner}}
        return super().read(value)
