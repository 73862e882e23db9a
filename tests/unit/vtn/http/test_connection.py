"""Connections that stall, that are too many, and that do not read what they asked for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.unit.vtn.http.edge import Edge, edge, said
from tests.waiting import until
from tests.wire import Reply, get, head_of, read_reply
from vtn.domain.privacy import Viewer
from vtn.http import limits
from vtn.http.limits import Pace, Room

ROUTES = {"/x": {"GET": said()}}


class Wire:
    """A connection of the test's own."""

    def __init__(
        self, server: Edge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self.reader, self.writer = server, reader, writer

    async def ask(self, name: str = "fsp7", path: str = "/x") -> Reply:
        """One request on it, by that client."""
        self.writer.write(head_of(get(path), "h", self._server.token_of(name)))
        return await asyncio.wait_for(read_reply(self.reader), 10)

    async def ended(self) -> bool:
        """Wait until the server has ended it."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def wire(server: Edge) -> AsyncIterator[Wire]:
    at = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        yield Wire(server, reader, writer)
    finally:
        writer.close()


def heard(server: Edge) -> list[str]:
    return [line["reason"] for line in server.heard.lines]


async def test_a_second_head_that_trickles_in_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with edge(ROUTES) as server, wire(server) as one:
        assert (await one.ask()).status == 200
        monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", 0.2)

        async def trickle() -> None:
            for byte in b"GET /x HTTP/1.1\r\nHost: " + b"h" * 1_000:
                one.writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert await one.ended()
        trickling.cancel()
        assert heard(server) == ["TOO_SLOW"]
        assert server.heard.lines[0]["remote"] == "127.0.0.1"


async def test_a_head_in_pieces_that_comes_in_time_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEAD_TIMEOUT_S", 0.3)
    async with edge(ROUTES) as server, wire(server) as one:
        for _ in range(2):
            head = head_of(get("/x"), "h", server.token)
            one.writer.write(head[:20])
            await asyncio.sleep(0.05)
            one.writer.write(head[20:])
            assert (await asyncio.wait_for(read_reply(one.reader), 10)).status == 200
        await asyncio.sleep(0.5)
        assert (await one.ask()).status == 200, "idle, not stalled"
        assert heard(server) == []


async def large(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
    return web.Response(body=b"x" * 20_000_000)


@asynccontextmanager
async def reader_of_little(server: Edge) -> AsyncIterator[socket.socket]:
    """A connection whose system takes 4 KiB at a time, with a request for much."""
    at, loop = urlsplit(server.url), asyncio.get_running_loop()
    with socket.socket() as made:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(made, (at.hostname, at.port))
        await loop.sock_sendall(made, head_of(get("/large"), "h", server.token))
        yield made


async def test_who_does_not_read_its_answer_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITE", Pace(grace_s=0.2, per_s=1_000_000, whole_s=60))
    async with edge({"/large": {"GET": large}}) as server, reader_of_little(server):
        await until(lambda: heard(server) == ["TOO_SLOW"], why="dropped")
        await until(lambda: not server.gate.crowd, why="gone")


async def test_who_reads_slowly_but_fast_enough_gets_it_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "WRITE", Pace(grace_s=0.3, per_s=1_000_000, whole_s=60))
    async with edge({"/large": {"GET": large}}) as server, reader_of_little(server) as made:
        loop, read = asyncio.get_running_loop(), 0
        while read < 20_000_000:
            read += len(await loop.sock_recv(made, 1_000_000))
        assert heard(server) == []


async def test_a_stranger_makes_room_and_a_client_stays() -> None:
    room = Room(most=2, per_address=9)
    async with edge(ROUTES, room=room) as server, wire(server) as working, wire(server) as stranger:
        assert (await working.ask()).status == 200
        async with wire(server) as late:
            assert (await late.ask()).status == 200
            assert await stranger.ended()
            assert heard(server) == ["OVERLOADED"]
            assert (await working.ask()).status == 200


async def test_where_all_is_taken_a_client_is_sent_away_and_the_desk_is_not() -> None:
    room = Room(most=2, per_address=9, reserved=1)
    async with edge(ROUTES, room=room) as server, wire(server) as one, wire(server) as other:
        for there in (one, other):
            assert (await there.ask()).status == 200
        async with wire(server) as late:
            reply = await late.ask()
            assert (reply.status, reply.json["reason"]) == (503, "OVERLOADED")
            assert reply.headers["retry-after"] == "2"
            assert reply.closed
        async with wire(server) as desk:
            for _ in range(2):
                assert (await desk.ask("bl")).status == 200
        assert (await one.ask()).status == 200


async def test_beyond_all_room_nobody_keeps_a_connection_but_the_desk() -> None:
    async with edge(ROUTES, room=Room(most=1, per_address=9)) as server, wire(server) as one:
        assert (await one.ask()).status == 200
        async with wire(server) as late:
            reply = await late.ask(path="/auth/server")
            assert (reply.status, reply.closed) == (200, True)


async def test_a_client_with_all_its_connections_keeps_those() -> None:
    room = Room(per_client=1)
    async with edge(ROUTES, room=room) as server, wire(server) as one, wire(server) as other:
        assert (await one.ask()).status == 200
        reply = await other.ask()
        assert (reply.status, reply.json["reason"]) == (503, "OVERLOADED")
        assert reply.closed
        assert (await one.ask()).status == 200
