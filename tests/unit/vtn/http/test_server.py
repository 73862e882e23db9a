"""From connection to handler: paths as they were sent, stalled and broken connections, the end."""

import asyncio
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.unit.vtn.http.edge import edge, said
from tests.wire import Request, get, head_of, post, read_reply
from vtn.domain.privacy import Viewer
from vtn.http import limits
from vtn.http.form import read_body

ROUTES = {
    "/events": {"GET": said("list"), "POST": said("create")},
    "/events/{id}": {"GET": said("one")},
    "/topics/all": {"GET": said("all")},
    "/topics/{id}": {"GET": said("topic")},
    "/topics/{id}/events": {"GET": said("events of")},
}


@pytest.mark.parametrize(
    ("path", "what", "id"),
    [
        ("/events", "list", ""),
        ("/events?x=/events/a", "list", ""),
        ("/events/a", "one", "a"),
        ("/events/a%2Fb", "one", "a/b"),
        ("/events/%2e%2e", "one", ".."),
        ("/events/..", "one", ".."),
        ("/events/a;b=c", "one", "a;b=c"),
        ("/topics/all", "all", ""),
        ("/topics/al%6c", "topic", "all"),
        ("/topics/a/events", "events of", "a"),
    ],
)
async def test_a_path_is_matched_as_it_was_sent(path: str, what: str, id: str) -> None:
    async with edge(ROUTES) as server:
        reply = await server.send(get(path))
        assert (reply.status, reply.json) == (200, [what, "fsp7", id])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//events",
        "/events/",
        "/Events",
        "/%65vents",
        "/events//",
        "/events/a/b",
        "/topics//events",
    ],
)
async def test_no_other_path_leads_there(path: str) -> None:
    async with edge(ROUTES) as server:
        reply = await server.send(get(path))
        assert (reply.status, reply.json["reason"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/events", "GET, POST"),
        ("PUT", "/events/a", "GET"),
        ("OPTIONS", "/events", "GET, POST"),
        ("POST", "/auth/server", "GET"),
        ("GET", "/auth/token", "POST"),
    ],
)
async def test_a_method_that_is_not_offered(method: str, path: str, allow: str) -> None:
    async with edge(ROUTES) as server:
        reply = await server.send(Request(method, path, media=None, token="fsp7"))
        assert (reply.status, reply.headers["allow"]) == (405, allow)


async def test_no_answer_tells_what_the_server_is_made_of() -> None:
    async with edge(ROUTES) as server:
        for request in (
            get("/events"),
            get("/nowhere"),
            Request("", "", head=b"GET / HTTP\r\n\r\n"),
        ):
            assert (await server.send(request)).headers["server"] == "ukvtn"


async def test_an_error_of_ours_is_told_to_the_log_alone() -> None:
    async def broken(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
        raise RuntimeError("the password is hush")

    async with edge({"/x": {"GET": broken}}) as server:
        reply = await server.send(get("/x?token=secret"))
        assert (reply.status, reply.json["reason"]) == (500, "INTERNAL")
        assert b"hush" not in reply.body
        (line,) = server.heard.errors
        assert line["instance"] == reply.json["instance"]
        assert line["path"] == "/x"
        assert str(line["exc_info"]) == "the password is hush"
        assert (await server.send(get("/x"))).status == 500


@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE\r\n\r\n",
        b"BREW /events HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /events\r\n\r\n",
        b"GET /events HTTP/9.9\r\nHost: h\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
        b"GET /ev ents HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_broken_http_gets_a_problem_and_the_end(head: bytes) -> None:
    async with edge(ROUTES) as server:
        reply = await server.send(Request("", "", head=head))
        assert (reply.status, reply.json["reason"]) == (400, "HTTP_INVALID")
        assert reply.closed
        assert [line["reason"] for line in server.heard.lines] == ["HTTP_INVALID"]


async def test_a_second_request_does_not_hide_behind_the_first() -> None:
    """Of two lengths none is right: what follows is not read as a request."""
    smuggled = b"GET /events/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    head = (
        b"POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nContent-Length: 0\r\n\r\n"
        % len(smuggled)
    )
    async with edge(ROUTES) as server:
        reply = await server.send(Request("", "", smuggled, head=head))
        assert reply.status == 400
        assert reply.closed
        assert "smuggled" not in server.heard.everything


async def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", 0.1)
    async with edge(ROUTES) as server:
        at = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(b"GET /events HTTP/1.1\r\nHost: ")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_connection_that_is_kept_is_not_cut_after_the_head_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", 0.0)
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
        entered.set()
        await go.wait()
        return web.json_response("done")

    async with edge({"/slow": {"GET": slow}}) as server:
        at = urlsplit(server.url)
        monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", 0.05)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        head = head_of(get("/slow"), at.netloc, server.token)
        for _ in range(2):
            writer.write(head)
            await asyncio.wait_for(entered.wait(), 10)
            asyncio.get_running_loop().call_later(0.1, go.set)
            assert (await asyncio.wait_for(read_reply(reader), 10)).json == "done"
        writer.close()


async def test_what_is_under_way_at_the_end_gets_its_answer() -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        entered.set()
        await go.wait()
        return web.json_response(viewer.client_id)

    async with edge({"/slow": {"POST": slow}}) as server:
        asked = asyncio.ensure_future(server.send(post("/slow", {}, "fsp7")))
        await asyncio.wait_for(entered.wait(), 10)
        stopping = asyncio.ensure_future(server.runner.cleanup())
        await refused_connection(server.url)
        assert not stopping.done()
        go.set()
        assert (await asked).json == "fsp7"
        await asyncio.wait_for(stopping, 10)


async def test_a_body_that_is_arriving_at_the_end_is_read_and_answered() -> None:
    entered = asyncio.Event()

    async def reading(request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
        entered.set()
        return web.json_response(await read_body(request))

    async with edge({"/slow": {"POST": reading}}) as server:
        request = post("/slow", {"a": "whole body"}, "fsp7")
        at = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(head_of(request, "h", server.token) + request.body[:5])
        await asyncio.wait_for(entered.wait(), 10)
        stopping = asyncio.ensure_future(server.runner.cleanup())
        await refused_connection(server.url)
        writer.write(request.body[5:])
        reply = await asyncio.wait_for(read_reply(reader), 10)
        assert (reply.status, reply.json) == (200, {"a": "whole body"})
        await asyncio.wait_for(stopping, 10)
        writer.close()


async def refused_connection(url: str) -> None:
    """Wait until nobody listens any more."""
    at = urlsplit(url)
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(at.hostname, at.port)
            except ConnectionError:
                return
            writer.close()
