"""Time, size, form, trust: what is repeated, what is refused, what is unknown."""

import asyncio
import contextlib
import json
import re
import zlib
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, unused_port

from tests.tls import identity, listening_with, only_tls_1_1
from tests.unit.ukprofile.openadr.client.scripted import (
    PROGRAM,
    SECRET,
    Clients,
    P,
    Reply,
    Still,
    Vtn,
    answer,
    cut,
    cut_in_the_middle,
    program,
    refused,
    reply,
)
from ukprofile.errors import Unreachable
from ukprofile.openadr import ANSWER
from ukprofile.openadr.client import (
    Client,
    Credentials,
    OutcomeUnknown,
    PeerNotTrusted,
    VtnProblem,
)

WRITES: list[tuple[str, str, Callable[[Client], Awaitable[Any]]]] = [
    ("POST", "/programs", lambda c: c.programs.create(PROGRAM)),
    ("PUT", "/programs/p-1", lambda c: c.programs.update("p-1", PROGRAM)),
    ("DELETE", "/programs/p-1", lambda c: c.programs.delete("p-1")),
]
writes = pytest.mark.parametrize(("method", "path", "write"), WRITES, ids=[w[0] for w in WRITES])
broken = pytest.mark.parametrize("broken", [cut, cut_in_the_middle])


@broken
async def test_a_read_whose_answer_is_lost_is_repeated(
    vtn: Vtn, client: Client, broken: Reply
) -> None:
    vtn.on("GET", "/programs", broken, broken, reply(P[:1]))
    assert len((await client.programs.list()).items) == 1
    assert len(vtn.seen) == 3


async def test_a_read_without_an_answer_ends_after_the_attempts(
    vtn: Vtn, client_of: Clients
) -> None:
    vtn.on("GET", "/programs", cut)
    with pytest.raises(Unreachable, match=r"GET /openadr3/3.1.0/programs: .*\(attempts: 3\)"):
        await client_of(vtn.url, attempts=3).programs.list()
    assert len(vtn.seen) == 3


async def test_a_create_has_a_key_of_its_own_which_its_attempts_share(
    vtn: Vtn, client: Client
) -> None:
    made = reply(program("p-1"), status=201)
    vtn.on("POST", "/programs", reply({}, status=503), reply({}, status=429), made)
    vtn.on("PUT", "/programs/p-1", reply(program("p-1")))
    await client.programs.create(PROGRAM)
    await client.programs.create(PROGRAM)
    await client.programs.create(PROGRAM, key="k1")
    await client.programs.update("p-1", PROGRAM)
    keys = [seen.headers.get("Idempotency-Key") for seen in vtn.seen]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert all(re.fullmatch('"[0-9a-f]{32}"', key) for key in keys[:4])
    assert keys[4:] == ['"k1"', None]


@writes
@broken
async def test_a_write_whose_answer_is_lost_is_not_repeated(
    vtn: Vtn, client: Client, broken: Reply, method: str, path: str, write: Any
) -> None:
    vtn.on(method, path, broken)
    with pytest.raises(OutcomeUnknown, match="may or may not have been done"):
        await write(client)
    assert len(vtn.seen) == 1


@writes
async def test_on_a_kept_connection_too_a_write_is_sent_once(
    vtn: Vtn, client: Client, method: str, path: str, write: Any
) -> None:
    """There aiohttp would repeat PUT and DELETE by itself."""
    vtn.on("GET", "/programs", reply([]))
    vtn.on(method, path, cut)
    await client.programs.list()
    with pytest.raises(OutcomeUnknown):
        await write(client)
    assert len(vtn.calls(method, path)) == 1


@pytest.mark.parametrize("write", [w[2] for w in WRITES], ids=[w[0] for w in WRITES])
async def test_a_write_that_was_not_sent_is_repeated(client_of: Clients, write: Any) -> None:
    """Nobody listens at first; somebody does before the last attempt."""
    port = unused_port()
    server = RawTestServer(reply(program("p-1")), port=port)
    attempts = count(1)

    class Listening(Still):
        def random(self) -> float:
            if next(attempts) == 2:
                starting.append(asyncio.ensure_future(server.start_server()))
            return 0.0

    starting: list[asyncio.Future[None]] = []
    client = client_of(f"http://127.0.0.1:{port}", random=Listening(), attempts=1000)
    await write(client)
    assert next(attempts) > 2
    await server.close()


async def test_nobody_there_is_unreachable(client_of: Clients) -> None:
    client = client_of(f"http://127.0.0.1:{unused_port()}", attempts=2)
    for call in (client.programs.list(), client.programs.create(PROGRAM)):
        with pytest.raises(Unreachable, match="attempts: 2") as caught:
            await call
        assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("where", ["before the head", "within the body"])
async def test_an_answer_that_takes_too_long_is_not_waited_for(
    vtn: Vtn, client_of: Clients, where: str
) -> None:
    never = asyncio.Event()

    async def stall(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if where == "within the body":
            await response.prepare(request)
            await response.write(b"[")
        await never.wait()
        return response

    vtn.on("GET", "/programs", stall)
    vtn.on("POST", "/programs", stall)
    client = client_of(vtn.url, timeout_s=0.4, attempts=2)
    with pytest.raises(Unreachable, match=r"no answer within 0.4 s \(attempts: 2\)"):
        await client.programs.list()
    with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.4 s"):
        await client.programs.create(PROGRAM)
    assert len(vtn.seen) == 3
    never.set()


@writes
@pytest.mark.parametrize("status", [429, 503])
async def test_what_the_server_did_not_do_is_asked_again(
    vtn: Vtn, client: Client, status: int, method: str, path: str, write: Any
) -> None:
    vtn.on(method, path, reply({}, status=status), reply(program("p-1")))
    await write(client)
    assert len(vtn.seen) == 2


@pytest.mark.parametrize("status", [400, 404, 408, 409, 412, 500, 501, 502, 504])
async def test_other_errors_of_a_write_are_the_callers(
    vtn: Vtn, client: Client, status: int
) -> None:
    vtn.on("POST", "/programs", reply({}, status=status))
    with pytest.raises(VtnProblem) as caught:
        await client.programs.create(PROGRAM)
    assert (caught.value.status, len(vtn.seen)) == (status, 1)


@pytest.mark.parametrize(
    ("status", "calls"),
    [(400, 1), (403, 1), (404, 1), (501, 1), (408, 4), (429, 4), (500, 4), (502, 4), (503, 4)],
)
async def test_a_read_is_repeated_where_the_error_may_pass(
    vtn: Vtn, client: Client, status: int, calls: int
) -> None:
    vtn.on("GET", "/programs", reply({}, status=status))
    with pytest.raises(VtnProblem) as caught:
        await client.programs.list()
    assert (caught.value.status, len(vtn.seen)) == (status, calls)


async def test_retry_after_is_waited_for(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply({}, status=429, Retry_After="1"), reply([]))
    begun = asyncio.get_running_loop().time()
    await client.programs.list()
    assert asyncio.get_running_loop().time() - begun >= 1.0


async def test_a_long_retry_after_is_the_callers(vtn: Vtn, client: Client) -> None:
    vtn.on("POST", "/programs", reply({}, status=503, Retry_After="600"))
    with pytest.raises(VtnProblem) as caught:
        await client.programs.create(PROGRAM)
    assert (caught.value.retry_after, len(vtn.seen)) == (600.0, 1)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7.0),
        ("Tue, 24 Nov 2026 16:30:09 GMT", 9.0),
        ("Tue, 24 Nov 2026 16:00:00 GMT", 0.0),
        ("Tue, 99 Nov 2026 16:30:09 GMT", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("9" * 400, None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, seconds: float | None) -> None:
    headers = {"Retry-After": retry_after, "Date": "Tue, 24 Nov 2026 16:30:00 GMT"}
    assert answer(429, b"", **headers).retry_after == seconds


async def test_waits_double_spread_at_random_up_to_the_longest(
    vtn: Vtn, client_of: Clients
) -> None:
    exchanges = client_of(vtn.url, backoff_s=2.0, random=Random(1))._exchanges
    for attempt, longest in ((1, 2.0), (2, 4.0), (4, 16.0), (5, 30.0), (5000, 30.0)):
        waits = [exchanges._pause_s(attempt) for _ in range(300)]
        assert 0 <= min(waits) < longest * 0.1
        assert longest * 0.9 < max(waits) <= longest


async def test_a_redirect_is_not_followed(vtn: Vtn, known: Client) -> None:  # N81e
    async with Vtn() as other:
        for status in (301, 302, 303, 307, 308, 300):
            moved = reply(raw=b"", status=status, Location=f"{other.url}/programs")
            vtn.on("GET", "/programs", moved)
            vtn.on("POST", "/programs", moved)
            assert (await refused(known.programs.list())).reason == "REDIRECT"
            assert (await refused(known.programs.create(PROGRAM))).reason == "REDIRECT"
        vtn.on("POST", "/auth/token", reply(raw=b"", status=307, Location=other.url))
        fresh = Client(vtn.url, Credentials("fsp7", SECRET))
        async with fresh:
            assert (await refused(fresh.programs.list())).reason == "REDIRECT"
        assert not other.seen


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[", "BODY_INVALID"),
        (b"", "BODY_INVALID"),
        (b'[{"id":"a","id":"b"}]', "DUPLICATE_KEY"),
        (b"[1e400]", "NUMBER_INVALID"),
        (b'["\xff"]', "ENCODING"),
        (b"[" * 40 + b"]" * 40, "TOO_COMPLEX"),
        (b"{}", "BODY_INVALID"),
    ],
)
async def test_answers_come_through_the_strict_door(
    vtn: Vtn, client: Client, body: bytes, reason: str
) -> None:
    vtn.on("GET", "/programs", reply(raw=body))
    assert (await refused(client.programs.list())).reason == reason
    assert len(vtn.seen) == 1


@pytest.mark.parametrize("media_type", ["text/html", "text/json", "application/octet-stream"])
async def test_another_media_type_is_refused(vtn: Vtn, client: Client, media_type: str) -> None:
    vtn.on("GET", "/programs", reply([], Content_Type=media_type))
    assert (await refused(client.programs.list())).reason == "MEDIA_TYPE"


async def test_parameters_of_the_media_type_are_no_matter(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply([], Content_Type="Application/JSON; charset=utf-8"))
    assert (await client.programs.list()).items == ()


@pytest.mark.parametrize("packed", [False, True])
async def test_an_endless_answer_is_cut_off_packed_or_not(
    vtn: Vtn, client: Client, packed: bool
) -> None:
    sent = 0

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        headers = {"Content-Type": "application/json"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        packer = zlib.compressobj(wbits=31)
        with contextlib.suppress(ConnectionError):
            while True:
                chunk = b" " * 1_048_576
                await response.write(packer.compress(chunk) if packed else chunk)
                sent += len(chunk)
                await asyncio.sleep(0)
        return response

    vtn.on("GET", "/programs", endless)
    assert (await refused(client.programs.list())).reason == "BODY_TOO_LARGE"
    assert len(vtn.seen) == 1
    if not packed:
        assert sent < 2 * ANSWER.max_bytes


async def test_an_answer_that_says_it_is_too_large_is_not_read(vtn: Vtn, client: Client) -> None:
    never = asyncio.Event()

    async def huge(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = ANSWER.max_bytes + 1
        await response.prepare(request)
        await never.wait()
        return response

    vtn.on("GET", "/programs", huge)
    assert (await refused(client.programs.list())).reason == "BODY_TOO_LARGE"
    never.set()


async def test_a_packed_answer_is_unpacked(vtn: Vtn, client: Client) -> None:
    packer = zlib.compressobj(wbits=31)
    raw = packer.compress(json.dumps(P[:2]).encode()) + packer.flush()
    vtn.on("GET", "/programs", reply(raw=raw, Content_Encoding="gzip"))
    assert len((await client.programs.list()).items) == 2
    assert vtn.seen[0].headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused(client_of: Clients, said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = client_of(f"http://127.0.0.1:{port}")
        assert (await refused(client.programs.list())).reason == "HTTP_INVALID"
        await client.close()


# -- TLS ---------------------------------------------------------------------------------------


async def test_a_server_that_tls_does_not_trust_sees_no_request(
    tmp_path: Path, client_of: Clients
) -> None:  # N67a
    own = identity(tmp_path, "localhost")
    seen = []

    async def look(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.path)
        return await reply([])(request)

    server = RawTestServer(look, scheme="https", host="localhost")
    await server.start_server(ssl=own.serving())
    url = str(server.make_url("/"))
    with pytest.raises(PeerNotTrusted, match=r"not trusted.*attempts: 1") as found:
        await client_of(url).programs.list()
    assert found.value.security
    assert not seen
    client = client_of(url, ssl=own.trusting())
    assert (await client.programs.list()).items == ()
    await client.close()
    await server.close()


async def test_a_server_that_speaks_no_tls_of_ours_is_named(
    tmp_path: Path, client_of: Clients
) -> None:  # N67d
    own = identity(tmp_path)
    async with listening_with(only_tls_1_1(own.serving())) as old:
        with pytest.raises(PeerNotTrusted, match=r"protocol version.*attempts: 1") as found:
            await client_of(old.url, ssl=own.trusting()).programs.list()
    assert not found.value.security
    assert (old.came, old.heard) == (1, b"")


async def test_plain_http_where_https_is_due_is_named(vtn: Vtn, client_of: Clients) -> None:
    with pytest.raises(PeerNotTrusted, match="attempts: 1") as found:
        await client_of(vtn.url.replace("http:", "https:")).programs.list()
    assert not found.value.security
    assert vtn.seen == []


async def test_a_connection_that_breaks_in_the_handshake_says_nothing_of_the_peer(
    client_of: Clients,
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable) as found:
            await client_of(f"https://127.0.0.1:{port}").programs.list()
    assert not isinstance(found.value, PeerNotTrusted)
