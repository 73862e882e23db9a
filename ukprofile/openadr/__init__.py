"""OpenADR 3.1 on the wire: one file per noun of the specification, and the strict door.

`ukprofile.openadr.client` (the typed client for both roles) is imported by its own name, so that
reading an object does not load an HTTP library.
"""

from ukprofile.openadr.auth import (
    AuthError,
    AuthServerInfo,
    ClientCredentialRequest,
    ClientCredentialResponse,
)
from ukprofile.openadr.descriptor import (
    EventPayloadDescriptor,
    PayloadDescriptor,
    ReportDescriptor,
    ReportPayloadDescriptor,
)
from ukprofile.openadr.door import ANSWER, JSON, MAX_INTEGER, REQUEST, Limits, read_json
from ukprofile.openadr.event import Event, EventRequest
from ukprofile.openadr.interval import Interval, IntervalPeriod, Point, Value, ValuesMap, end_of
from ukprofile.openadr.notifier import (
    MqttAnonymous,
    MqttAuthentication,
    MqttCertificate,
    MqttNotifierBinding,
    MqttOauth2BearerToken,
    NotifierOperationsTopics,
    NotifiersResponse,
    NotifierTopicsResponse,
)
from ukprofile.openadr.problem import Problem
from ukprofile.openadr.program import Program, ProgramDescription, ProgramRequest
from ukprofile.openadr.report import Report, ReportRequest, ReportResource
from ukprofile.openadr.resource import (
    BlResourceRequest,
    Resource,
    VenResourceRequest,
    read_resource_request,
)
from ukprofile.openadr.scalars import DateTime, Duration, Number, ObjectType, Operation, clean_name
from ukprofile.openadr.subscription import (
    Notification,
    ObjectOperation,
    Subscription,
    SubscriptionRequest,
)
from ukprofile.openadr.ven import BlVenRequest, Ven, VenVenRequest, read_ven_request
from ukprofile.openadr.wire import Metadata, Wire

__all__ = [
    "ANSWER",
    "JSON",
    "MAX_INTEGER",
    "REQUEST",
    "AuthError",
    "AuthServerInfo",
    "BlResourceRequest",
    "BlVenRequest",
    "ClientCredentialRequest",
    "ClientCredentialResponse",
    "DateTime",
    "Duration",
    "Event",
    "EventPayloadDescriptor",
    "EventRequest",
    "Interval",
    "IntervalPeriod",
    "Limits",
    "Metadata",
    "MqttAnonymous",
    "MqttAuthentication",
    "MqttCertificate",
    "MqttNotifierBinding",
    "MqttOauth2BearerToken",
    "Notification",
    "NotifierOperationsTopics",
    "NotifierTopicsResponse",
    "NotifiersResponse",
    "Number",
    "ObjectOperation",
    "ObjectType",
    "Operation",
    "PayloadDescriptor",
    "Point",
    "Problem",
    "Program",
    "ProgramDescription",
    "ProgramRequest",
    "Report",
    "ReportDescriptor",
    "ReportPayloadDescriptor",
    "ReportRequest",
    "ReportResource",
    "Resource",
    "Subscription",
    "SubscriptionRequest",
    "Value",
    "ValuesMap",
    "Ven",
    "VenResourceRequest",
    "VenVenRequest",
    "Wire",
    "clean_name",
    "end_of",
    "read_json",
    "read_resource_request",
    "read_ven_request",
]
