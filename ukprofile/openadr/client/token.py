"""The access token: found, fetched, kept, renewed (Y: /auth/server, /auth/token; RFC 6749 4.4).

    call ──▶ held, and good? ── yes ──────────────────────────────▶ token
                  │ no
                  ▼
             a fetch under way? ── yes ── wait for that one ──────▶ token, or its error
                  │ no
                  ▼
             GET /auth/server ──▶ is the URL safe? ──▶ POST it ───▶ token

The secret goes to a token URL of the VTN's own origin, or of a host the operator has allowed, and
nowhere else; in clear to this machine only.
"""

import asyncio
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlencode

from yarl import URL

from ukprofile.clock import monotonic
from ukprofile.errors import Refused
from ukprofile.loopback import is_loopback
from ukprofile.openadr import (
    JSON,
    AuthServerInfo,
    ClientCredentialRequest,
    ClientCredentialResponse,
)
from ukprofile.openadr.client.exchange import Call, Exchanges
from ukprofile.openadr.client.problem import problem_of

_EARLY_S = 30.0
"""A token is renewed this long before it expires, or in the last tenth of a short life."""
_SENDABLE = re.compile(r"[\x21-\x7e]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an OAuth client proves itself with."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    good_until: float
    """By the operational clock."""


class Tokens:
    """The one token of a client, shared by its calls."""

    def __init__(
        self,
        exchanges: Exchanges,
        vtn: URL,
        credentials: Credentials,
        allow_hosts: Collection[str],
    ) -> None:
        self._exchanges = exchanges
        self._vtn = vtn
        self._credentials = credentials
        self._allow_hosts = frozenset(allow_hosts)
        self._held: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None

    async def current(self) -> str:
        """A token that is good for now, fetched if need be.

        Raises Refused TOKEN_URL and others, VtnProblem, Unreachable.
        """
        held = self._held
        if held is None or monotonic() >= held.good_until:
            held = await self._shared_fetch()
        return held.text

    async def instead_of(self, refused: str) -> str:
        """Another token than `refused`, which the VTN no longer takes. Raises as `current`."""
        if self._held is not None and self._held.text == refused:
            self._held = None
        return await self.current()

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _shared_fetch(self) -> _Token:
        """Wait for the one fetch under way; who gives up waiting does not stop it for others."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> _Token:
        found = await token_server(self._exchanges, self._vtn)
        url = safe_token_url(found.token_url, self._vtn, self._allow_hosts)
        asked_at = monotonic()
        answer = await self._exchanges.answer(
            Call(
                "POST",
                url,
                _form(self._credentials),
                media_type="application/x-www-form-urlencoded",
                harmless=True,
            )
        )
        if answer.status >= 400:
            raise problem_of(answer, self._credentials.client_secret)
        granted = ClientCredentialResponse.read(_bearer(answer.json()))
        if not _SENDABLE.fullmatch(granted.access_token):
            raise Refused("BODY_INVALID", "no access token", path="/access_token")
        self._held = _Token(granted.access_token, asked_at + _good_for_s(granted.expires_in))
        return self._held


async def token_server(exchanges: Exchanges, vtn: URL) -> AuthServerInfo:
    """Where `vtn` says that tokens are to be had; asked without one."""
    answer = await exchanges.answer(Call("GET", vtn / "auth" / "server", harmless=True))
    if answer.status >= 400:
        raise problem_of(answer)
    return AuthServerInfo.read(answer.json())


def safe_token_url(text: str, vtn: URL, allow_hosts: Collection[str]) -> URL:
    """`text` as a URL, if the secret may go there. Raises Refused TOKEN_URL.

    `allow_hosts` are names, with a port unless it is the scheme's own: `login.example`,
    `login.example:8443`.
    """
    try:
        url = URL(text)
        host, port = url.host or "", url.port
    except ValueError:
        raise _unsafe(text, "it is no URL") from None
    if url.user is not None or url.password is not None or url.fragment:
        raise _unsafe(text, "it holds a user or a fragment")
    if not goes_safely(url):
        raise _unsafe(text, "a secret travels by https only")
    own = (url.scheme, host, port) == (vtn.scheme, vtn.host, vtn.port)
    name = host if url.is_default_port() else f"{host}:{port}"
    if not own and name not in allow_hosts:
        raise _unsafe(text, f"{name} is not the VTN's host; the operator may allow it")
    return url


def goes_safely(url: URL) -> bool:
    """Whether a secret may travel to `url`: by https, or by http to this very machine."""
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host or ""))


def _unsafe(text: str, why: str) -> Refused:
    return Refused("TOKEN_URL", f"{text[:200]!a}: {why}", clause="D:3211; RFC 9700 4.4")


def _form(credentials: Credentials) -> bytes:
    fields = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    if credentials.scope:
        fields["scope"] = credentials.scope
    return urlencode(ClientCredentialRequest.read(fields).dump()).encode()


def _bearer(value: JSON) -> JSON:
    """`value` with its token_type as OpenADR spells it: its case means nothing (RFC 6749 5.1)."""
    if isinstance(value, dict) and str(value.get("token_type", "")).lower() == "bearer":
        return {**value, "token_type": "Bearer"}
    return value


def _good_for_s(expires_in: int | None) -> float:
    """How long to use a token; one that names no end is used until it is refused."""
    if expires_in is None:
        return math.inf
    return expires_in - min(_EARLY_S, expires_in / 10)
