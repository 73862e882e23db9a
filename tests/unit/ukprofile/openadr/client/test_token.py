"""The token: found safely, fetched once, kept, renewed once."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from yarl import URL

from tests.unit.ukprofile.openadr.client.scripted import (
    PROGRAM,
    SECRET,
    Clients,
    Vtn,
    program,
    refused,
    reply,
)
from ukprofile.errors import Refused
from ukprofile.openadr.client import Client, Credentials, VtnProblem
from ukprofile.openadr.client.token import _good_for_s, safe_token_url


async def test_the_token_is_found_fetched_by_form_and_kept(vtn: Vtn, client_of: Clients) -> None:
    vtn.on("GET", "/programs", reply([]))
    client = client_of(vtn.url, Credentials("fsp 7", SECRET, scope="read_targets write_reports"))
    assert (await client.token_server()).token_url == f"{vtn.url}/auth/token"
    for _ in range(3):
        await client.programs.list()
    (asked,) = vtn.calls("POST", "/auth/token")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in asked.headers
    assert parse_qsl(asked.body.decode()) == [
        ("grant_type", "client_credentials"),
        ("client_id", "fsp 7"),
        ("client_secret", SECRET),
        ("scope", "read_targets write_reports"),
    ]
    assert all("Authorization" not in s.headers for s in vtn.calls("GET", "/auth/server"))


async def test_without_credentials_no_token_is_sent(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply([]))
    await client.programs.list()
    assert [(s.path, s.headers.get("Authorization")) for s in vtn.seen] == [("/programs", None)]


@pytest.mark.parametrize(("expires_in", "fetched"), [(0, 3), (3600, 1), (None, 1)])
async def test_a_token_is_used_as_long_as_it_is_good(
    vtn: Vtn, known: Client, expires_in: int | None, fetched: int
) -> None:
    vtn.expires_in = expires_in
    vtn.on("GET", "/programs", reply([]))
    for _ in range(3):
        await known.programs.list()
    assert vtn.tokens == fetched


def test_a_token_is_renewed_shortly_before_it_expires() -> None:
    assert [_good_for_s(s) for s in (3600, 300, 10, 0)] == [3570, 270, 9, 0]


async def test_many_calls_share_one_fetch(vtn: Vtn, known: Client) -> None:
    vtn.on("GET", "/programs", reply([]))
    await asyncio.gather(*(known.programs.list() for _ in range(20)))
    assert vtn.tokens == 1


async def test_who_gives_up_waiting_does_not_stop_the_fetch_for_others(
    vtn: Vtn, known: Client
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return await vtn.grant(request)

    vtn.on("POST", "/auth/token", slowly)
    vtn.on("GET", "/programs", reply([]))
    impatient = asyncio.create_task(known.programs.list())
    patient = asyncio.create_task(known.programs.list())
    await asyncio.wait_for(asked.wait(), 10)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    go_on.set()
    assert (await patient).items == ()
    assert vtn.tokens == 1


async def test_closing_stops_a_fetch_under_way(vtn: Vtn, known: Client) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await never.wait()
        raise AssertionError

    vtn.on("POST", "/auth/token", hang)
    waiting = asyncio.create_task(known.programs.list())
    await asyncio.wait_for(asked.wait(), 10)
    await known.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    never.set()


async def test_a_refused_token_is_renewed_and_the_call_repeated_once(
    vtn: Vtn, known: Client
) -> None:
    vtn.on("POST", "/programs", reply({}, status=401), reply(program("p-1"), status=201))
    await known.programs.create(PROGRAM)
    sent = [s.headers["Authorization"] for s in vtn.calls("POST", "/programs")]
    assert sent == ["Bearer token-1", "Bearer token-2"]


async def test_a_token_refused_to_many_is_renewed_once(vtn: Vtn, known: Client) -> None:
    async def only_the_second(request: web.BaseRequest) -> web.StreamResponse:
        good = request.headers["Authorization"] == "Bearer token-2"
        return await (reply([]) if good else reply({}, status=401))(request)

    vtn.on("GET", "/programs", only_the_second)
    await asyncio.gather(*(known.programs.list() for _ in range(10)))
    assert vtn.tokens == 2


async def test_a_server_that_names_no_token_server_is_a_problem(vtn: Vtn, known: Client) -> None:
    vtn.on("GET", "/auth/server", reply({}, status=404))
    for call in (known.token_server(), known.programs.list()):
        with pytest.raises(VtnProblem, match="auth/server: 404"):
            await call


async def test_a_late_refusal_of_an_old_token_costs_no_new_one(vtn: Vtn, known: Client) -> None:
    waiting, renewed = asyncio.Event(), asyncio.Event()

    async def late(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers["Authorization"] == "Bearer token-1":
            waiting.set()
            await renewed.wait()
            return await reply({}, status=401)(request)
        return await reply([])(request)

    vtn.on("GET", "/events", late)
    vtn.on("GET", "/programs", reply({}, status=401), reply([]))
    slow = asyncio.create_task(known.events.list())
    await asyncio.wait_for(waiting.wait(), 10)
    await known.programs.list()
    renewed.set()
    await slow
    assert vtn.tokens == 2


async def test_refused_again_it_is_the_callers(vtn: Vtn, known: Client) -> None:  # N81d
    vtn.on("GET", "/events", reply({"reason": "TOKEN_INVALID"}, status=401))
    with pytest.raises(VtnProblem) as caught:
        await known.events.list()
    assert (caught.value.status, caught.value.reason) == (401, "TOKEN_INVALID")
    assert (vtn.tokens, len(vtn.calls("GET", "/events"))) == (2, 2)


async def test_the_same_error_of_the_token_endpoint_reaches_all(vtn: Vtn, known: Client) -> None:
    vtn.on("POST", "/auth/token", reply({"error": "invalid_client"}, status=401))
    errors = await asyncio.gather(
        *(known.programs.list() for _ in range(5)), return_exceptions=True
    )
    assert [e.status for e in errors if isinstance(e, VtnProblem)] == [401] * 5
    assert len(vtn.calls("POST", "/auth/token")) == 1
    assert errors[0].problem.extras == {"error": "invalid_client"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("granted", "path"),
    [
        ({"access_token": "a\r\nX: y", "token_type": "Bearer"}, "/access_token"),
        ({"access_token": "", "token_type": "Bearer"}, "/access_token"),
        ({"access_token": "t", "token_type": "mac"}, "/token_type"),
        ({"token_type": "Bearer"}, "/access_token"),
        ([], ""),
    ],
)
async def test_what_is_no_token_is_refused(
    vtn: Vtn, known: Client, granted: Any, path: str
) -> None:
    vtn.on("POST", "/auth/token", reply(granted))
    error = await refused(known.programs.list())
    assert (error.reason, error.path) == ("BODY_INVALID", path)


VTN_URL = URL("https://vtn.example/openadr3")


@pytest.mark.parametrize(
    "url",
    [
        "http://vtn.example/auth/token",  # N81a
        "https://other.example/auth/token",  # N81b
        "https://vtn.example:8443/auth/token",
        "https://allowed.example:8443/auth/token",
        "http://allowed.example/auth/token",
        "https://u@vtn.example/auth/token",
        "https://u:p@vtn.example/auth/token",
        "https://vtn.example@other.example/auth/token",
        "https://vtn.example/auth/token#x",
        "http://127.0.0.1/auth/token",
        "http://127.0.0.1.other.example/auth/token",
        "ftp://vtn.example/token",
        "/auth/token",
        "//vtn.example/auth/token",
        "https://vtn.example:port/",
        "https://[::1/",
        "file:///etc/passwd",
    ],
)
def test_a_token_url_that_is_not_safe_is_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        safe_token_url(url, VTN_URL, {"allowed.example"})
    assert caught.value.reason == "TOKEN_URL"


@pytest.mark.parametrize(
    ("url", "vtn"),
    [
        ("https://vtn.example/auth/token", VTN_URL),
        ("https://VTN.example:443/other?realm=a", VTN_URL),
        ("https://allowed.example/token", VTN_URL),
        ("https://allowed.example:8444/token", VTN_URL),
        ("http://127.0.0.1:8080/t", URL("http://127.0.0.1:8080")),
        ("http://localhost:8080/t", URL("http://localhost:8080")),
        ("http://[::1]:8080/t", URL("http://[::1]:8080")),
    ],
)
def test_a_safe_token_url_is_taken(url: str, vtn: URL) -> None:
    allowed = {"allowed.example", "allowed.example:8444"}
    assert safe_token_url(url, vtn, allowed) == URL(url)


async def test_the_secret_goes_to_another_host_only_if_that_is_allowed(
    vtn: Vtn, client_of: Clients
) -> None:
    vtn.on("GET", "/programs", reply([]))
    async with Vtn() as other:
        vtn.on("GET", "/auth/server", reply({"tokenURL": f"{other.url}/auth/token"}))
        error = await refused(client_of(vtn.url, Credentials("fsp7", SECRET)).programs.list())
        assert error.reason == "TOKEN_URL"
        assert not other.seen
        allowed = f"127.0.0.1:{URL(other.url).port}"
        client = client_of(vtn.url, Credentials("fsp7", SECRET), allow_token_hosts={allowed})
        await client.programs.list()
        assert [s.path for s in other.seen] == ["/auth/token"]
