"""OAuth 2 client credentials, as OpenADR words them (Y: authServerInfo, RFC 6749 4.4)."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ukprofile.openadr.scalars import NOT_NULL, Secret, Uri
from ukprofile.openadr.wire import Wire

_SNAKE_CASE = ConfigDict(alias_generator=None)  # "Note snake case per RFC 6749" (Y)
_HIDDEN = Field(repr=False)
_Scope = Annotated[str, Field(max_length=4096)]


class AuthServerInfo(Wire):
    """The answer of GET /auth/server. Whether the URL is safe to use, the client decides."""

    token_url: Uri


class ClientCredentialRequest(Wire):
    """The form sent to the token endpoint."""

    model_config = _SNAKE_CASE

    grant_type: Literal["client_credentials"]
    client_id: Annotated[str, Field(min_length=1, max_length=4096)]
    client_secret: Annotated[Secret, _HIDDEN]
    scope: Annotated[_Scope | None, NOT_NULL] = None


class ClientCredentialResponse(Wire):
    """The token, and how long it holds, in seconds."""

    model_config = _SNAKE_CASE

    access_token: Annotated[Secret, _HIDDEN]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int | None, NOT_NULL] = None
    refresh_token: Annotated[Secret | None, NOT_NULL, _HIDDEN] = None
    scope: Annotated[_Scope | None, NOT_NULL] = None


class AuthError(Wire):
    """What a token endpoint answers to a bad request (RFC 6749 5.2; T16)."""

    model_config = _SNAKE_CASE

    error: Literal[
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    ]
    error_description: Annotated[str | None, NOT_NULL] = None
    error_uri: Annotated[Uri | None, NOT_NULL] = None
