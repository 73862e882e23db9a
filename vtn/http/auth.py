"""Who asks: bearer tokens on every request, and the two endpoints that give them out.

GET  /auth/server   where to get a token
POST /auth/token    client credentials (RFC 6749 4.4), in the form or by Basic
"""

import asyncio
import base64
import binascii
import hmac
import json
import secrets
from urllib.parse import unquote

from aiohttp import web

from ukprofile.errors import Refused
from vtn.domain.clients import is_secret_of
from vtn.domain.live import Live
from vtn.domain.privacy import Viewer
from vtn.domain.record import Client
from vtn.http.form import read_form
from vtn.http.gate import Gate
from vtn.http.query import pairs
from vtn.http.rate import RateLimited
from vtn.http.tokens import LIFETIME, Tokens

_ERRORS = {
    "CLIENT_INVALID": "invalid_client",
    "BODY_INVALID": "invalid_request",
    "QUERY_INVALID": "invalid_request",
    "MEDIA_TYPE": "invalid_request",
}
"""What RFC 6749 5.2 calls our reasons (T16: both sets of members are sent)."""

_SCRYPTS_AT_ONCE = 4
"""Each takes 16 MB and a core: a flood of wrong secrets must not take all of both."""
_MOST_WAITING = 64
"""So many more wait for their turn, a second or two; whoever comes then is sent away."""
_TURN_S = 2.0


class Auth:
    """Tokens at the door. `public_url` is where clients reach this VTN."""

    def __init__(self, tokens: Tokens, live: Live, public_url: str, gate: Gate) -> None:
        self._tokens = tokens
        self._live = live
        self._gate = gate
        self._token_url = f"{public_url}/auth/token"
        self._secrets = _Secrets()

    def viewer(self, request: web.BaseRequest) -> Viewer:
        """Who sent this request. Raises Refused TOKEN_MISSING, TOKEN_INVALID, HEADER_DUPLICATE."""
        in_query = "access_token=" in request.raw_path
        given = request.headers.get("Authorization")
        if given is None:
            raise Refused(
                "TOKEN_MISSING",
                "send Authorization: Bearer <token>; GET /auth/server says where to get one",
                security=in_query,
            )
        if in_query:
            raise Refused("HEADER_DUPLICATE", "a token in the header and one in the query")
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused("TOKEN_INVALID", "Authorization: Bearer <token> is due")
        return self._tokens.viewer_of(token.strip(), self._live)

    async def server(self, _request: web.BaseRequest) -> web.Response:
        """GET /auth/server."""
        return web.json_response({"tokenURL": self._token_url})

    async def token(self, request: web.BaseRequest) -> web.Response:
        """POST /auth/token. Refusals carry the OAuth error code too, as `oauth_error` says."""
        form = _form(await read_form(request))
        client_id, secret = _credentials(request, form)
        if form.get("grant_type") != "client_credentials":
            raise Refused(
                "TOKEN_REQUEST",
                "grant_type must be client_credentials",
                path="grant_type",
                clause="RFC 6749 4.4.2",
            )
        client = self._live.clients.get(client_id)
        if client is None or not self._secrets.is_proven(client, secret):
            self._gate.token(request, client_id)
            client = await self._secrets.prove(client, secret)
        asked = frozenset(form.get("scope", "").split())
        if not asked <= client.scopes:
            raise Refused(
                "TOKEN_REQUEST",
                f"not this client's: {' '.join(sorted(asked - client.scopes))[:200]}",
                path="scope",
                clause="RFC 6749 3.3",
                security=True,
            )
        granted = asked or client.scopes
        answer = {
            "access_token": self._tokens.mint(client, granted),
            "token_type": "Bearer",
            "expires_in": int(LIFETIME.total_seconds()),
            "scope": " ".join(sorted(granted)),
        }
        return web.Response(
            text=json.dumps(answer),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


class _Secrets:
    """Checks secrets. One that has been right is known again at once, so that whoever has it gets
    a token however many guess at others: of each the newest, under a key that is nowhere else.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._proven: dict[str, bytes] = {}
        self._busy = asyncio.Semaphore(_SCRYPTS_AT_ONCE)
        self._waiting = 0

    def is_proven(self, client: Client, secret: str) -> bool:
        """Whether this was right before, and still is."""
        known = self._proven.get(client.client_id, b"")
        same = hmac.compare_digest(known, self._digest(client, secret))
        return same and client.disabled is None

    async def prove(self, client: Client | None, secret: str) -> Client:
        """The client, if the secret is its own. Raises Refused CLIENT_INVALID; RATE_LIMITED where
        too many wait to be checked.
        """
        if self._waiting >= _MOST_WAITING:
            raise RateLimited("token", _TURN_S)
        self._waiting += 1
        try:
            async with self._busy:
                genuine = await asyncio.to_thread(is_secret_of, client, secret)
        finally:
            self._waiting -= 1
        if not genuine or client is None:
            raise Refused("CLIENT_INVALID", "no such client with that secret")
        self._proven[client.client_id] = self._digest(client, secret)
        return client

    def _digest(self, client: Client, secret: str) -> bytes:
        """Of the secret, and of what is kept of it: a new secret makes the old one unknown."""
        return hmac.digest(self._key, client.secret_hash + secret.encode(), "sha256")


def oauth_error(refused: Refused) -> str:
    """What RFC 6749 5.2 calls this refusal of a token request."""
    if refused.reason == "TOKEN_REQUEST":
        return "invalid_scope" if refused.path == "scope" else "unsupported_grant_type"
    return _ERRORS.get(refused.reason, "invalid_request")


def _form(raw: bytes) -> dict[str, str]:
    try:
        found = pairs(raw.decode("ascii"))
    except UnicodeDecodeError:
        raise Refused("BODY_INVALID", "a form is ASCII") from None
    form = dict(found)
    if len(form) != len(found):
        raise Refused("BODY_INVALID", "a parameter stands twice", clause="RFC 6749 3.2")
    return form


def _credentials(request: web.BaseRequest, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret: from the form, or from HTTP Basic, never from both."""
    basic = request.headers.get("Authorization")
    if basic is not None and "client_secret" in form:
        raise Refused("HEADER_DUPLICATE", "the secret in the header and in the form")
    if basic is not None:
        return _basic(basic)
    if "client_id" not in form or "client_secret" not in form:
        raise Refused(
            "BODY_INVALID",
            "a form with grant_type, client_id and client_secret is due",
            clause="RFC 6749 4.4.2",
        )
    return form["client_id"], form["client_secret"]


def _basic(header: str) -> tuple[str, str]:
    scheme, _, text = header.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise Refused("CLIENT_INVALID", "Authorization: Basic <id:secret> is due")
    return unquote(client_id), unquote(secret)
