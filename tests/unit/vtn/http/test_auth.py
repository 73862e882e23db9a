"""Where tokens are given out, and how one is shown."""

import base64
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest

from tests.unit.vtn.http.edge import FSP7, SECRET, Edge, edge, said
from tests.wire import Reply, Request, get
from ukprofile.errors import Refused
from vtn.domain import clients
from vtn.http.auth import oauth_error

FORM = "application/x-www-form-urlencoded"


def form(**members: str | None) -> Request:
    """A token request of FSP7; None takes a parameter away."""
    whole = {
        "grant_type": "client_credentials",
        "client_id": "fsp7",
        "client_secret": SECRET,
    } | members
    body = urlencode({k: v for k, v in whole.items() if v is not None}).encode()
    return Request("POST", "/auth/token", body, "", media=FORM)


def basic(
    client_id: str, secret: str, *, body: bytes = b"grant_type=client_credentials"
) -> Request:
    pair = f"{quote_plus(client_id)}:{quote(secret, safe='')}".encode()
    header = (("Authorization", "Basic " + base64.b64encode(pair).decode()),)
    return Request("POST", "/auth/token", body, "", header, media=FORM)


def raw(header: str, body: bytes = b"grant_type=client_credentials") -> Request:
    return Request("POST", "/auth/token", body, "", (("Authorization", header),), media=FORM)


async def test_the_server_says_where_tokens_are() -> None:
    async with edge(public_url="https://vtn.example/openadr3") as server:
        reply = await server.send(get("/auth/server", ""))
        assert reply.json == {"tokenURL": "https://vtn.example/openadr3/auth/token"}


@pytest.mark.parametrize("request_", [form(), basic("fsp7", SECRET)], ids=["form", "basic"])
async def test_a_token_for_the_secret(request_: Request) -> None:
    async with edge({"/events": {"GET": said()}}) as server:
        reply = await server.send(request_)
        assert reply.status == 200, reply.body
        assert reply.headers["cache-control"] == "no-store"
        granted = reply.json
        assert granted["token_type"] == "Bearer"
        assert granted["expires_in"] == 600
        assert granted["scope"].split() == sorted(FSP7.scopes)
        assert await asked(server, f"Bearer {granted['access_token']}") == 200
        assert await asked(server, f"bearer {granted['access_token']}") == 200
        assert not server.heard.lines


async def asked(server: Edge, header: str) -> int:
    return (await server.send(get("/events", "", headers=(("Authorization", header),)))).status


async def test_fewer_scopes_on_request() -> None:
    async with edge() as server:
        reply = await server.send(form(scope="write_reports"))
        assert reply.json["scope"] == "write_reports"
        found = server.tokens.viewer_of(reply.json["access_token"], server.live)
        assert found.scopes == {"write_reports"}


@pytest.mark.parametrize(
    ("request_", "status", "reason", "error"),
    [
        (form(grant_type="password"), 400, "TOKEN_REQUEST", "unsupported_grant_type"),
        (form(grant_type=None), 400, "TOKEN_REQUEST", "unsupported_grant_type"),
        (form(scope="write_events"), 400, "TOKEN_REQUEST", "invalid_scope"),
        (form(client_secret="wrong"), 401, "CLIENT_INVALID", "invalid_client"),
        (form(client_secret=""), 401, "CLIENT_INVALID", "invalid_client"),
        (form(client_id="ghost"), 401, "CLIENT_INVALID", "invalid_client"),
        (form(client_secret=None), 400, "BODY_INVALID", "invalid_request"),
        (basic("fsp7", "wrong"), 401, "CLIENT_INVALID", "invalid_client"),
        (raw("Basic ####"), 401, "CLIENT_INVALID", "invalid_client"),
        (
            raw("Basic " + base64.b64encode(b"fsp7").decode()),
            401,
            "CLIENT_INVALID",
            "invalid_client",
        ),
        (
            raw("Basic " + base64.b64encode(b"\xff:x").decode()),
            401,
            "CLIENT_INVALID",
            "invalid_client",
        ),
        (raw("Bearer x"), 401, "CLIENT_INVALID", "invalid_client"),
        (
            basic("fsp7", SECRET, body=form().body),
            400,
            "HEADER_DUPLICATE",
            "invalid_request",
        ),
        (
            Request("POST", "/auth/token", b"grant_type=a&grant_type=b", "", media=FORM),
            400,
            "BODY_INVALID",
            "invalid_request",
        ),
        (
            Request("POST", "/auth/token", b"\xff=1", "", media=FORM),
            400,
            "BODY_INVALID",
            "invalid_request",
        ),
        (
            Request("POST", "/auth/token", b"a=%FF", "", media=FORM),
            400,
            "QUERY_INVALID",
            "invalid_request",
        ),
        (Request("POST", "/auth/token", b"{}", ""), 415, "MEDIA_TYPE", "invalid_request"),
        (
            Request("POST", "/auth/token", b"a" * 20_000, "", media=FORM),
            413,
            "BODY_TOO_LARGE",
            "invalid_request",
        ),
    ],
)
async def test_refusals_speak_oauth_too(
    request_: Request, status: int, reason: str, error: str
) -> None:
    async with edge() as server:
        reply = await server.send(request_)
        problem = reply.json
        assert (reply.status, problem["reason"], problem["error"]) == (status, reason, error)
        assert ("www-authenticate" in reply.headers) == (status == 401)
        assert SECRET not in server.heard.everything


async def test_unknown_and_known_clients_cost_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scrypt each, and answers that differ in nothing but their instance."""
    counted: list[str] = []
    scrypt = clients.hash_secret

    def counting(secret: str, salt: bytes) -> bytes:
        counted.append(secret)
        return scrypt(secret, salt)

    monkeypatch.setattr(clients, "hash_secret", counting)
    replies: list[Reply] = []
    async with edge() as server:
        for client_id in ("fsp7", "ghost"):
            counted.clear()
            replies.append(await server.send(form(client_id=client_id, client_secret="wrong")))
            assert counted == ["wrong"]
    assert replies[0].without_id() == replies[1].without_id()
    assert replies[0].headers.keys() == replies[1].headers.keys()


@pytest.mark.parametrize(
    ("headers", "path", "reason", "security"),
    [
        ((), "/events", "TOKEN_MISSING", False),
        ((), "/events?access_token=x", "TOKEN_MISSING", True),
        ((("Authorization", "Bearer"),), "/events", "TOKEN_INVALID", True),
        ((("Authorization", "Bearer  "),), "/events", "TOKEN_INVALID", True),
        ((("Authorization", "Basic eA=="),), "/events", "TOKEN_INVALID", True),
        ((("Authorization", "Bearer x"),), "/events?access_token=x", "HEADER_DUPLICATE", True),
    ],
)
async def test_no_token_that_could_be_checked(
    headers: Any, path: str, reason: str, security: bool
) -> None:
    async with edge({"/events": {"GET": said()}}) as server:
        reply = await server.send(get(path, "", headers=headers))
        assert reply.json["reason"] == reason
        assert len(server.heard.lines) == security


def test_what_has_no_name_in_oauth_is_an_invalid_request() -> None:
    assert oauth_error(Refused("TOO_SLOW")) == "invalid_request"
