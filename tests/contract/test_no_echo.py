"""No secret that is sent comes back in a refusal or stands in the log, wherever it was put.

canaries: a client's secret, an access token, halves of private keys, a callback's bearer
places:   each header, the query, the id in the path, each member of a body, its name, a form
routes:   every one, by a VEN, by the desk and by nobody
"""

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.listening import Heard
from tests.unit.ven.dso import FSP7, terms
from tests.wire import Request, exchange, head_of
from ukprofile.trust import to_base64url
from vtn.domain.record import Role
from vtn.http.form import ONCE
from vtn.http.routes import routes
from vtn.testing import RunningVtn, running_vtn

SHARE = 0.35
"""Of all there is to try: a seeded sample, each run the same."""
FORM = "application/x-www-form-urlencoded"
HEADERS = sorted({*ONCE, "X-Api-Key", "Accept"} - {"Content-Length", "Expect"})
EVERYWHERE = ("Authorization", "User-Agent", "If-Match")
"""Headers that are tried on every route; the others on those of events."""
BODIES: dict[str, dict[str, Any]] = {
    "programs": {"programName": "p", "targets": ["T"], "attributes": [{"type": "A", "values": ["v"]}]},
    "events": {"programID": "p", "eventName": "e", "intervals": [{"id": 0, "intervalPeriod": {"start": "2026-11-24T18:00:00Z", "duration": "PT30M"}, "payloads": [{"type": "UKFLEX_MESSAGE", "values": ["v"]}, {"type": "UKFLEX_SIGNATURE", "values": ["v"]}]}]},
    "reports": {"eventID": "e", "clientName": "c", "reportName": "r", "resources": [{"resourceName": "r", "intervals": [{"id": 0, "payloads": [{"type": "UKFLEX_MESSAGE", "values": ["v"]}]}]}]},
    "subscriptions": {"clientName": "c", "programID": "p", "objectOperations": [{"objects": ["EVENT"], "operations": ["POST"], "callbackUrl": "https://a.example", "bearerToken": "b"}]},
    "vens": {"objectType": "VEN_VEN_REQUEST", "venName": "v", "clientID": "c", "targets": ["T"]},
    "resources": {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "r", "venID": "v", "clientID": "c"},
    "desk": {"contract_id": "UKPN:FLEX-1", "thread": "D1", "reason": "r", "at": "t", "mode": "ramp", "assets": ["a"], "periods": [{"start": "t", "end": "t", "delta_w": 1}], "product": "p", "zone": "z", "channel": "api", "origin": "DSO"},
}  # fmt: skip


class Sown:
    """A VTN, its clients, and the secrets that were sent to it."""

    def __init__(self, running: RunningVtn, draw: Random) -> None:
        self.running, self.draw = running, draw
        self.sent: set[str] = set()
        self.tokens: dict[str, str] = {"": ""}
        self.refused = 0
        self.echoes: dict[str, Request] = {}

    def canary(self) -> str:
        """A new secret, of one of the forms that they have."""
        plain = to_base64url(self.draw.randbytes(32))
        made = self.draw.choice(
            [
                plain,
                f"eyJhbGciOiJFZDI1NTE5In0.{plain}.{to_base64url(self.draw.randbytes(64))}",
                plain[:20],
            ]
        )
        self.sent |= {part for part in made.split(".") if len(part) > 19 and part[:3] != "eyJ"}
        return made

    async def send(self, request: Request) -> None:
        """Send it; a refusal must hold nothing that was ever sent in secret."""
        token = self.tokens.get(request.token, "")
        headers = {name for name, _ in request.headers}
        head = head_of(request, urlsplit(self.running.url).netloc, "" if "Authorization" in headers else token)  # fmt: skip
        reply = await exchange(self.running.url, head, request.body)
        if reply.status >= 400:
            self.refused += 1
            shown = f"{reply.headers} {reply.body.decode()}"
            if leaked := self.leaked(shown):
                self.echoes[reply.json["reason"] + ": " + hidden(reply.json["detail"], leaked)] = (
                    request
                )

    def leaked(self, text: str) -> list[str]:
        return [one for one in self.sent if one in text]


def hidden(text: str, secrets: Iterable[str]) -> str:
    for one in secrets:
        text = text.replace(one, "SECRET")
    return text


def served() -> Iterator[tuple[str, str]]:
    """Every method and path that is offered, but for most topics; and some that are not."""
    for path, methods in routes(None, None, None, None, None).items():  # type: ignore[arg-type]
        if "/topics/" not in path or path.endswith("/vens/{id}"):
            yield from ((method, path) for method in methods)
    yield from (("GET", "/auth/server"), ("PATCH", "/events"), ("GET", "/nowhere"))


def in_body(value: Any, sown: Sown) -> Iterator[Any]:
    """The body with a canary in place of each of its members, or as the name of one more."""
    if isinstance(value, dict):
        for name, member in value.items():
            for inner in in_body(member, sown):
                yield {**value, name: inner}
        yield {**value, "client_secret": sown.canary()}
        yield {**value, sown.canary(): 1}
    elif isinstance(value, list):
        for inner in in_body(value[0], sown):
            yield [inner, *value[1:]]
    yield sown.canary()
    yield {"d": sown.canary(), "bearerToken": sown.canary()}


def requests(method: str, path: str, token: str, sown: Sown) -> Iterable[Request]:
    body = BODIES.get(path.split("/")[1], {}) if method in ("POST", "PUT") else None
    media = None if body is None else "application/json"
    raw = b"" if body is None else json.dumps(body).encode()
    at = path.replace("{id}", "an-id")

    def asks(path: str = at, raw: bytes = raw, **more: Any) -> Request:
        return Request(method, path, raw, token, **{"media": media, **more})

    for name in HEADERS if path.startswith("/events") else EVERYWHERE:
        yield asks(headers=((name, sown.canary()),))
    for scheme in ("Bearer", "Basic", "Digest"):
        yield asks(headers=(("Authorization", f"{scheme} {sown.canary()}"),))
    yield asks(headers=((f"X-{sown.canary().replace('.', '')}", "x"),))
    yield asks(headers=(("X", sown.canary()), ("Bad Name", sown.canary())))
    for query in ("access_token={}", "limit={}", "active={}", "programID={}", "{}", "x={}&{}={}"):
        yield asks(f"{at}?{query.format(sown.canary(), sown.canary(), sown.canary())}")
    if body is not None:
        for spoilt in in_body(body, sown):
            yield asks(raw=json.dumps(spoilt).encode())
        yield asks(raw=f'{{"a": "{sown.canary()}'.encode())
        yield asks(raw=f"{sown.canary()}".encode())
        yield asks(raw=f"client_secret={sown.canary()}".encode(), media=FORM)
        yield asks(media=f"application/json; charset={sown.canary()[:30]}")


def token_requests(sown: Sown, client_id: str) -> Iterable[Request]:
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": "read_targets"}

    def asks(given: dict[str, str], **more: Any) -> Request:
        body = "&".join(f"{name}={value}" for name, value in given.items()).encode()
        return Request("POST", "/auth/token", body, "", **{"media": FORM, **more})

    secret = {"client_secret": sown.canary()}
    yield asks({**form, **secret})
    for name in form:
        yield asks({**form, **secret, name: sown.canary()})
    yield asks({**form, sown.canary(): "x"})
    yield asks({**form, **secret, "client_secret": sown.canary()}, media="application/json")
    yield Request("POST", f"/auth/token?client_secret={sown.canary()}", b"", "", media=FORM)
    yield Request("POST", "/auth/token", b"{}", "", (("clientSecret", sown.canary()),))
    for scheme in ("Basic", "Bearer", "Digest"):
        yield asks(form, headers=(("Authorization", f"{scheme} {sown.canary()}"),))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("token", ["", "fsp7", "desk"])
async def test_no_secret_comes_back_or_is_logged(token: str) -> None:
    heard = Heard()
    async with running_vtn(log=heard.log) as running:
        await running.client("FSP7")
        await running.client("desk", Role.BL)
        await running.vtn.office.add_key_set(FSP7.public().to_json())
        await running.vtn.office.add_contract(terms(), "FSP7")
        sown = Sown(running, Random(f"canaries of {token}"))
        for client in running.vtn.office.clients():
            sown.tokens[client.client_id] = running.vtn.tokens.mint(client, client.scopes)
        for method, path in served():
            for request in requests(method, path, token, sown):
                if sown.draw.random() < SHARE:
                    await sown.send(request)
        for request in token_requests(sown, "fsp7"):
            await sown.send(request)
    assert not sown.echoes, "\n".join(sown.echoes)
    assert sown.refused > 1_000 * SHARE
    assert sown.leaked(heard.everything) == []
    assert not heard.errors
