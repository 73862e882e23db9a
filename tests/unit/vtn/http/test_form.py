"""The form of requests: headers, media types, and bodies that are too large, slow or broken."""

import asyncio
import gzip
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.http_parser import SINGLETON_HEADERS

from tests.unit.vtn.http.edge import edge
from tests.wire import Request, head_of, post, read_reply
from ukprofile.openadr import REQUEST
from vtn.domain.privacy import Viewer
from vtn.http import limits
from vtn.http.form import ONCE, read_body
from vtn.http.limits import Pace


async def echo(request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
    return web.json_response(await read_body(request))


ROUTES = {"/echo": {"POST": echo}}


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> Request:
    body = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + end
    return post("/echo", body, "fsp7", headers=(("Transfer-Encoding", "chunked"),))


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json ;  charset = utf-8 ",
    ],
)
async def test_json_in_utf_8_is_taken(media: str) -> None:
    async with edge(ROUTES) as server:
        reply = await server.send(post("/echo", {"a": "ŷ"}, "fsp7", media=media))
        assert (reply.status, reply.json) == (200, {"a": "ŷ"})
        reply = await server.send(chunked(b'{"a"', b": 1}"))
        assert (reply.status, reply.json) == (200, {"a": 1})


@pytest.mark.parametrize(
    ("media", "coding", "security"),
    [
        (None, None, False),
        ("text/json", None, False),
        ("application/jsonx", None, False),
        ("application/json, text/plain", None, False),
        ("application/json; charset=latin-1", None, True),
        ("application/json", "gzip", True),
        ("application/json", "GZIP", True),
        ("application/json", "identity, br", True),
    ],
)
async def test_what_is_labelled_otherwise_is_not_looked_into(
    media: Any, coding: str | None, security: bool
) -> None:
    body = gzip.compress(b"{}") if coding else b"{}"
    headers = (("Content-Encoding", coding),) if coding else ()
    async with edge(ROUTES) as server:
        reply = await server.send(post("/echo", body, "fsp7", media=media, headers=headers))
        assert (reply.status, reply.json["reason"]) == (415, "MEDIA_TYPE")
        assert len(server.heard.lines) == security


async def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    whole = b'"%s"' % (b"x" * (REQUEST.max_bytes - 2))
    async with edge(ROUTES) as server:
        assert (await server.send(post("/echo", whole, "fsp7"))).status == 200
        assert (await server.send(chunked(whole))).status == 200
        for request in (post("/echo", whole + b" ", "fsp7"), chunked(whole, b" ")):
            reply = await server.send(request)
            assert (reply.status, reply.json["reason"]) == (413, "BODY_TOO_LARGE")
            assert reply.closed


@pytest.mark.parametrize(
    "request_",
    [
        chunked(end=b"x\r\n{}\r\n0\r\n\r\n"),
        chunked(end=b"-2\r\n{}\r\n0\r\n\r\n"),
        chunked(end=b"2\r\n{}xx0\r\n\r\n"),
    ],
)
async def test_chunks_that_break_their_own_framing(request_: Request) -> None:
    async with edge(ROUTES) as server:
        reply = await server.send(request_)
        assert (reply.status, reply.json["reason"]) == (400, "HTTP_INVALID")
        assert reply.closed


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY", Pace(grace_s=0.1, per_s=1024, whole_s=1))
    async with edge(ROUTES) as server:
        at = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        length = (("Content-Length", "10"),)
        writer.write(head_of(Request("POST", "/echo", b"", "", length), at.netloc, server.token))
        writer.write(b'{"a"')
        reply = await asyncio.wait_for(read_reply(reader), 10)
        writer.close()
        assert (reply.status, reply.json["reason"]) == (408, "TOO_SLOW")
        assert reply.closed
        assert [line["reason"] for line in server.heard.lines] == ["TOO_SLOW"]


@pytest.mark.parametrize("name", [name for name in ONCE if name != "Content-Length"])
async def test_what_may_stand_once_stands_once(name: str) -> None:
    values = {"Content-Type": "application/json"}
    twice = ((name, values.get(name, "x")),) * 2
    async with edge(ROUTES) as server:
        reply = await server.send(Request("POST", "/echo", b"{}", "", twice, media=None))
        assert (reply.status, reply.json["reason"]) == (400, "HEADER_DUPLICATE")
        assert len(server.heard.lines) == 1
        assert reply.closed == (name.lower() in SINGLETON_HEADERS), "there the parser gave up"


@pytest.mark.parametrize(
    ("count", "size", "status"),
    [(60, 10, 200), (61, 10, 400), (200, 10, 400), (1, 8_100, 200), (1, 8_191, 400)],
)
async def test_many_and_long_headers(count: int, size: int, status: int) -> None:
    """Host, Authorization, Content-Type and Content-Length are four more."""
    more = tuple((f"X-{n}", "y" * size) for n in range(count))
    async with edge(ROUTES) as server:
        reply = await server.send(post("/echo", {}, "fsp7", headers=more))
        assert reply.status == status, reply.body


async def test_a_list_of_headers_that_proxies_write_may_have_two_lines() -> None:
    twice = tuple((name, "x") for name in ("X-Forwarded-For", "Forwarded", "Via", "Accept")) * 2
    async with edge(ROUTES) as server:
        assert (await server.send(post("/echo", {}, "fsp7", headers=twice))).status == 200


async def test_a_body_may_be_slow_but_not_slower_than_its_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twenty bytes earn a second each; then the same body byte by byte, which earns nothing."""
    monkeypatch.setattr(limits, "BODY", Pace(grace_s=0.2, per_s=20, whole_s=30))
    async with edge(ROUTES) as server:
        for piece, status in ((b" " * 20, 200), (b"", 408)):
            at = urlsplit(server.url)
            reader, writer = await asyncio.open_connection(at.hostname, at.port)
            length = (("Content-Length", str(len(piece) + 4)),)
            head = head_of(Request("POST", "/echo", b"", "", length), at.netloc, server.token)
            writer.write(head + piece)
            asyncio.get_running_loop().call_later(0.5, writer.write, b"true")
            reply = await asyncio.wait_for(read_reply(reader), 10)
            writer.close()
            assert reply.status == status


async def test_the_longest_body_is_that_of_the_path() -> None:
    async with edge({"/vens": {"POST": echo}, "/desk/cease": {"POST": echo}}) as server:
        for path in ("/vens", "/desk/cease"):
            whole = b'"%s"' % (b"x" * (65_536 - 2))
            assert (await server.send(post(path, whole, "fsp7"))).status == 200
            reply = await server.send(post(path, whole + b" ", "fsp7"))
            assert (reply.status, reply.json["reason"]) == (413, "BODY_TOO_LARGE")
            assert "65,536" in reply.json["detail"]
