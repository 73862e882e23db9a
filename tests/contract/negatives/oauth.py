"""Tokens: missing, forged, worn out, too weak; and the endpoint that gives them out."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from math import ceil
from typing import Any

from joserfc import jws
from joserfc.jwk import OKPKey

from tests.contract.negatives.json_http import program
from tests.contract.negatives.scene import HASHED, SECRET, Given, Scene, plain_report
from tests.contract.negatives.time_units import event
from tests.wire import Request, delete, get, post, put
from vtn.domain.clients import hash_secret
from vtn.domain.record import Client

When = Callable[[], Iterable[Request]]

FORM = "application/x-www-form-urlencoded"


def asked_for(**members: str) -> Request:
    """A token request."""
    form = {"grant_type": "client_credentials", "client_id": "fsp7", "client_secret": SECRET}
    body = "&".join(f"{k}={v}" for k, v in (form | members).items()).encode()
    return Request("POST", "/auth/token", body, "", media=FORM)


def with_token(name: str) -> When:
    """GET /events with a token that `given` made under this name."""
    return lambda: [get("/events", name)]


def token(make: Callable[[Scene], str | Iterable[str]]) -> Given:
    """What is given: tokens t0, t1, ... as made here."""

    async def also(scene: Scene) -> None:
        made = make(scene)
        for n, one in enumerate([made] if isinstance(made, str) else made):
            scene.tokens[f"t{n}"] = one

    return Given(also=also)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _rebuilt(scene: Scene, alg: str, sign: Callable[[bytes], bytes]) -> str:
    """FSP7's token with another `alg`, signed so."""
    claims = scene.token("fsp7").split(".")[1]
    head = f"{_part({'alg': alg, 'typ': 'at+jwt'})}.{claims}"
    signature = base64.urlsafe_b64encode(sign(head.encode())).decode().rstrip("=")
    return f"{head}.{signature}"


def _by_public_key(scene: Scene) -> str:
    pem = scene.running.vtn.tokens._key.as_pem(private=False)
    return _rebuilt(scene, "HS256", lambda raw: hmac.digest(pem, raw, hashlib.sha256))


def _strangers(scene: Scene) -> str:
    """A token of an issuer nobody here knows, valid by its own key."""
    claims = json.loads(
        jws.deserialize_compact(
            scene.token("fsp7"), scene.running.vtn.tokens._key, algorithms=["Ed25519"]
        ).payload
        or b""
    )
    claims["iss"] = "https://issuer.example"
    key = OKPKey.generate_key("Ed25519")
    header = {"alg": "Ed25519", "typ": "at+jwt"}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["Ed25519"])


def _flipped(scene: Scene) -> Iterable[str]:
    whole = scene.token("fsp7")
    head, claims, signature = whole.split(".")
    for place in (
        len(head) + 1 + len(claims) // 2,
        len(head) + len(claims) + 2 + len(signature) // 2,
    ):
        other = "A" if whole[place] != "A" else "B"
        yield whole[:place] + other + whole[place + 1 :]


async def _disabled(scene: Scene) -> None:
    await scene.running.vtn.office.disable_client("fsp7")


async def with_secret(scene: Scene) -> None:
    """FSP7's client with a secret that is known here."""
    client = scene.running.vtn.store.live.clients["fsp7"]
    hashed = hash_secret(SECRET, HASHED[:16])
    changed = Client(
        client.client_id, client.name, client.role, client.scopes, hashed, client.created
    )
    await scene.running.vtn.store.write(lambda tx: tx.put_client(changed))


_SECRET = Given(also=with_secret)

WHEN: dict[str, When] = {
    "N68a": lambda: [get("/events", "")],
    "N68b": lambda: [get("/events", "", headers=(("Authorization", "Bearer"),))],
    "N68d": lambda: [put("/programs/{P7}", program("x"), "")],
    "N68e": lambda: [get("/notifiers", "")],
    "N69a": with_token("t0"),
    "N69b": with_token("t0"),
    "N70": with_token("t0"),
    "N71": with_token("t0"),
    "N71a": with_token("t0"),
    "N71b": with_token("t0"),
    "N71d": with_token("t0"),
    "N71e": lambda: [get("/events", "t0"), get("/events", "t1")],
    "N72a": lambda: [post("/events", event(), "fsp7")],
    "N72b": lambda: [post("/programs", program("x"), "fsp7")],
    "N72d": lambda: [delete("/events/{E8}", "fsp7"), delete("/events/absent-1", "fsp7")],
    "N72e": lambda: [post("/reports", plain_report("{E1}", "UKPN"), "bl")],
    "N72f": lambda: [get("/programs", "t0")],
    "N72h": lambda: [get("/notifiers/mqtt/topics/events")],
    "N72i": lambda: [post("/events", b"{", "fsp7")],
    "N77": lambda: [get("/events", headers=(("Authorization", "Bearer x"),))],
    "N78a": lambda: [
        Request(
            "GET",
            "/events",
            head=b"GET /events?access_token={token} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            token="fsp7",
        )
    ],
    "N78b": lambda: [get("/events?access_token={token}")],
    "N79": lambda: [
        Request(
            "POST",
            "/auth/token",
            token="",
            media=None,
            headers=(("clientID", "fsp7"), ("clientSecret", SECRET), ("Content-Length", "0")),
        )
    ],
    "N79a": lambda: [asked_for(client_secret="wrong")],
    "N79b": lambda: [asked_for(client_id="ghost"), asked_for(client_secret="wrong")],
    "N79c": lambda: [asked_for(grant_type="password")],
    "N79e": lambda: [asked_for(scope="write_events")],
    "N79i": lambda: [get("/events")],
}

GIVEN: dict[str, Given] = {
    "N69a": token(lambda scene: scene.token("fsp7", exp=int(time.time()) - 31)),
    "N69b": token(lambda scene: scene.token("fsp7", nbf=ceil(time.time()) + 31)),
    "N70": token(lambda scene: scene.token("fsp7", aud="urn:uuid:another")),
    "N71": token(_strangers),
    "N71a": token(lambda scene: _rebuilt(scene, "none", lambda _: b"")),
    "N71b": token(_by_public_key),
    "N71d": token(lambda scene: scene.token("fsp7", header={"typ": "JWT"})),
    "N71e": token(_flipped),
    "N72f": token(lambda scene: scene.token("fsp7", scope="")),
    "N79a": _SECRET,
    "N79b": _SECRET,
    "N79c": _SECRET,
    "N79e": _SECRET,
    "N79i": Given(also=_disabled),
}
