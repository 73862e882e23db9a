"""Access tokens of this VTN's own: short-lived, signed JWTs (RFC 9068), checked once.

    mint(client, scopes) ──▶ at+jwt, Ed25519: iss = aud = this VTN, sub = client id, 10 min
    viewer_of(token)     ──▶ signature and times, once for each token; then, at every request,
                             whether it has expired and whether the client still stands

A client that is disabled is refused at its next request, whatever its tokens say (N79i).
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from vtn.domain.live import Live
from vtn.domain.privacy import Viewer
from vtn.domain.record import Client

LIFETIME = timedelta(minutes=10)
SKEW = timedelta(seconds=30)
"""How far clocks may be apart (RFC 7519 4.1.4)."""

_ALGORITHM = "Ed25519"
_REGISTRY = jws.JWSRegistry(algorithms=[_ALGORITHM], strict_check_header=True)
_LONGEST = 4_096
_MOST_REMEMBERED = 50_000


def new_token_key() -> dict[str, Any]:
    """A fresh key for `Tokens`, as JSON: a secret."""
    return dict(OKPKey.generate_key("Ed25519").as_dict(private=True))


class Tokens:
    """Mints and checks tokens. `vtn_id` names this VTN; `clock` is the operational one."""

    def __init__(self, key: Mapping[str, Any], vtn_id: str, clock: Clock) -> None:
        """`key` is what `new_token_key` made. Raises ValueError for anything else."""
        try:
            self._key = OKPKey.import_key(dict(key))
        except JoseError as error:
            raise ValueError(str(error)) from error
        self._vtn_id = vtn_id
        self._clock = clock
        self._known: dict[bytes, tuple[Viewer, datetime]] = {}

    def mint(self, client: Client, scopes: frozenset[str]) -> str:
        """A token for `client` with `scopes`, which must be among its own."""
        now = self._clock.now()
        return self.sign(
            {
                "iss": self._vtn_id,
                "aud": self._vtn_id,
                "sub": client.client_id,
                "client_id": client.client_id,
                "scope": " ".join(sorted(scopes)),
                "iat": int(now.timestamp()),
                "exp": int((now + LIFETIME).timestamp()),
                "jti": secrets.token_urlsafe(12),
            }
        )

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token of exactly these claims; `header` members over the usual ones."""
        protected = {"alg": _ALGORITHM, "typ": "at+jwt"} | header
        return jws.serialize_compact(protected, json.dumps(claims), self._key, registry=_REGISTRY)

    def viewer_of(self, token: str, live: Live) -> Viewer:
        """Whose token it is. Raises Refused TOKEN_INVALID."""
        if len(token) > _LONGEST:
            raise _invalid("too long")
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = self._checked(token, live)
            if len(self._known) > _MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
        viewer, expires = known
        if self._clock.now() > expires + SKEW:
            del self._known[digest]
            raise _invalid("expired")
        client = live.clients.get(viewer.client_id)
        if client is None or client.disabled is not None:
            raise _invalid("revoked")
        return viewer

    def _checked(self, token: str, live: Live) -> tuple[Viewer, datetime]:
        try:
            found = jws.deserialize_compact(token, self._key, registry=_REGISTRY)
            claims = json.loads(found.payload or b"")
            header = found.headers()
        except (JoseError, ValueError) as error:
            raise _invalid("its signature or form is not ours") from error
        if header.get("typ") != "at+jwt" or not isinstance(claims, dict):
            raise _invalid("no access token (typ at+jwt)")
        now = self._clock.now()
        if claims.get("iss") != self._vtn_id or claims.get("aud") != self._vtn_id:
            raise _invalid("not from us, or not for us")
        expires = _instant(claims, "exp", now)
        if "nbf" in claims and _instant(claims, "nbf", now) > now + SKEW:
            raise _invalid("not valid yet")
        client = live.clients.get(str(claims.get("sub")))
        if client is None:
            raise _invalid("revoked")
        scopes = frozenset(str(claims.get("scope", "")).split()) & client.scopes
        return Viewer(client.client_id, client.role, scopes), expires


def _instant(claims: dict[str, Any], name: str, now: datetime) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise _invalid(f"{name} is no time")
    return now + timedelta(seconds=value - now.timestamp())


def _invalid(detail: str) -> Refused:
    return Refused("TOKEN_INVALID", f"the access token is {detail}", clause="RFC 9068 4")
