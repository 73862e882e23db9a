"""How a VTN offers to push: webhooks, and an MQTT broker with its topics (Y: notifiersResponse)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ukprofile.openadr.scalars import NOT_NULL
from ukprofile.openadr.wire import Many, Wire


class MqttAnonymous(Wire):
    """The broker asks for no authentication."""

    method: Literal["ANONYMOUS"] = Field(default=...)


class MqttOauth2BearerToken(Wire):
    """The access token is the password; the user name is `{clientID}` or as it stands."""

    method: Literal["OAUTH2_BEARER_TOKEN"] = Field(default=...)
    username: str


class MqttCertificate(Wire):
    """Mutual TLS with the certificates given, as text."""

    method: Literal["CERTIFICATE"] = Field(default=...)
    ca_cert: str
    client_cert: str
    client_key: Annotated[str, Field(repr=False)]


MqttAuthentication: TypeAlias = Annotated[
    MqttAnonymous | MqttOauth2BearerToken | MqttCertificate, Field(discriminator="method")
]


class MqttNotifierBinding(Wire):
    """Where the broker is, and how to get in."""

    uris: Many[str]
    serialization: Literal["JSON"]
    authentication: MqttAuthentication


class NotifiersResponse(Wire):
    """The answer of GET /notifiers."""

    webhook: bool
    mqtt: Annotated[MqttNotifierBinding | None, NOT_NULL] = None


class NotifierOperationsTopics(Wire):
    """The topic of each operation; CREATE is missing for one given object."""

    create: Annotated[str | None, NOT_NULL] = None
    update: str
    delete: str
    all: Annotated[str | None, NOT_NULL] = None


class NotifierTopicsResponse(Wire):
    """The answer of GET /notifiers/mqtt/topics/..."""

    topics: NotifierOperationsTopics
