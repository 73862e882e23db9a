"""A server that is asked to stop: what was read is answered, what was answered is there."""

import asyncio
import json
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.soak.server_kills import Side
from tests.ukvtn import Server
from tests.waiting import until
from tests.wire import head_of, post
from vtn.settings import socket_address

pytestmark = pytest.mark.e2e


def stored(server: Server) -> dict[str, str]:
    """Names and ids of the programs in the database."""
    with closing(sqlite3.connect(server.data / "vtn.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(db.execute("SELECT name, id FROM objects WHERE kind = 'PROGRAM'"))


async def test_under_load_every_answer_is_in_the_store_and_nothing_without_one(
    tmp_path: Path,
) -> None:
    server = await Server(tmp_path).start()
    answered: dict[str, str] = {}
    unanswered: set[str] = set()
    enough = asyncio.Event()

    async def write(side: Side, writer: int) -> None:
        for n in range(100_000):
            name = f"p-{writer}-{n}"
            try:
                answered[name] = await side.write("POST", "/programs", {"programName": name})
            except (aiohttp.ClientError, ConnectionError):
                unanswered.add(name)
                return
            if len(answered) >= 100:
                enough.set()

    async with aiohttp.ClientSession(server.url) as session:
        side = await Side.of(session, server.ready["bl"])
        writers = [asyncio.create_task(write(side, n)) for n in range(12)]
        await asyncio.wait_for(enough.wait(), 60)
        assert await server.stop() == 0
        await asyncio.gather(*writers)
    held = stored(server)
    assert {name: held.get(name) for name in answered} == answered
    assert not unanswered & held.keys()
    assert len(unanswered) == 12, "each writer ended with one that was not taken"
    assert not server._ready_file.exists()


class Slow:
    """A client that has sent half of a body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def begin(cls, server: Server, name: str) -> "Slow":
        async with aiohttp.ClientSession(server.url) as session:
            side = await Side.of(session, server.ready["bl"])
            token = side._headers["Authorization"].removeprefix("Bearer ")
        host, _, port = server.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        request = post("/programs", {"programName": name})
        writer.write(head_of(request, host, token) + request.body[:5])
        await writer.drain()
        cls.rest = request.body[5:]
        return cls(reader, writer)

    rest = b""

    async def end(self) -> tuple[str, Any]:
        """Send the rest; the head and the body of the answer."""
        self._writer.write(self.rest)
        answer = await asyncio.wait_for(self._reader.read(), 30)
        head, _, body = answer.decode().partition("\r\n\r\n")
        self.close()
        return head.lower(), json.loads(body)

    def close(self) -> None:
        self._writer.close()


def refuses(server: Server) -> bool:
    """Whether it takes no new connection."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


async def test_a_body_that_is_on_its_way_is_waited_for_and_nobody_new_is_let_in(
    tmp_path: Path,
) -> None:
    server = await Server(tmp_path).start()
    slow = await Slow.begin(server, "slow")
    await asyncio.sleep(0)  # its head has been sent; whoever asks next comes after it
    async with aiohttp.ClientSession(server.url) as session:
        await Side.of(session, server.ready["bl"])
    stopping = asyncio.create_task(server.stop())
    await until(lambda: refuses(server), why="no new connections")
    assert not server._ready_file.exists()
    assert not stopping.done()
    head, body = await slow.end()
    assert head.startswith("http/1.1 201")
    assert "connection: close" in head
    assert await stopping == 0
    assert stored(server) == {"slow": body["id"]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    server = await Server(tmp_path).start()
    slow = await Slow.begin(server, "slow")
    async with aiohttp.ClientSession(server.url) as session:
        side = await Side.of(session, server.ready["bl"])
        program = await side.write("POST", "/programs", {"programName": "p"})
    process = server.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    await until(lambda: refuses(server), why="it is stopping")
    assert process.returncode is None
    assert await server.stop(number) == -number
    slow.close()
    assert stored(server) == {"p": program}
    assert (server.data / "control.sock").exists()
    await server.start()
    assert await server.stop() == 0


async def test_a_command_that_is_under_way_is_carried_out(tmp_path: Path) -> None:
    server = await Server(tmp_path).start()
    control = server.data / "control.sock"
    body = json.dumps({"name": "FSP7", "role": "ven"}).encode()
    head = f"POST /clients.add HTTP/1.1\r\nHost: c\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.socket(socket.AF_UNIX) as talk, socket_address(control) as address:
        talk.connect(address)
        talk.sendall(head + body)
        stopping = asyncio.create_task(server.stop())
        answer = await asyncio.to_thread(talk.recv, 65_536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert await stopping == 0
