"""Requests byte by byte, over a socket: what no HTTP client would send can be sent too."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `{P7}` and its kin in path and body stand for ids that the scene knows.

    `token` names whose token is sent ("" = none). `head` replaces the whole head, request line to
    empty line; there `{host}` and `{token}` stand for what they say.
    """

    method: str
    path: str
    body: bytes = b""
    token: str = "bl"
    headers: tuple[tuple[str, str], ...] = ()
    media: str | None = "application/json"
    head: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and whether the server closed the connection after it."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool = field(compare=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def without_id(self, *ids: str) -> tuple[int, str]:
        """The answer without what may differ between two of a kind: its instance, and the id."""
        shown = self.body.decode()
        if isinstance(self.json, dict):
            shown = json.dumps({**self.json, "instance": ""})
        for one in ids:
            shown = shown.replace(one, "")
        return self.status, shown


def post(path: str, body: Any, token: str = "bl", **more: Any) -> Request:
    """POST `body`: bytes as they are, anything else as JSON."""
    return Request("POST", path, _bytes(body), token, **more)


def put(path: str, body: Any, token: str = "bl", **more: Any) -> Request:
    return Request("PUT", path, _bytes(body), token, **more)


def get(path: str, token: str = "fsp7", **more: Any) -> Request:
    return Request("GET", path, b"", token, media=None, **more)


def delete(path: str, token: str = "bl", **more: Any) -> Request:
    return Request("DELETE", path, b"", token, media=None, **more)


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def head_of(request: Request, host: str, token: str) -> bytes:
    """The head of `request`."""
    if request.head:
        return request.head.replace(b"{host}", host.encode()).replace(b"{token}", token.encode())
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {host}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    names = {name.lower() for name, _ in request.headers}
    if request.media is not None:
        lines.append(f"Content-Type: {request.media}")
    if request.body and names.isdisjoint({"content-length", "transfer-encoding"}):
        lines.append(f"Content-Length: {len(request.body)}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def exchange(url: str, head: bytes, body: bytes) -> Reply:
    """Send it on a connection of its own, and read the answer; wait for the end if it comes."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            sending = asyncio.ensure_future(_send(writer, head, body))
            reply = await read_reply(reader)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            return reply
    finally:
        writer.close()


async def _send(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """The server may answer, and close, before it has read everything."""
    try:
        writer.write(head)
        for start in range(0, len(body), 65_536):
            writer.write(body[start : start + 65_536])
            await writer.drain()
    except ConnectionError:
        pass


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """One answer; where the server says that it closes, wait until it does."""
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    once = not status_line.startswith("HTTP/1.1")
    headers = dict(_pairs(lines))
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    closed = (once or headers.get("connection") == "close") and await _ended(reader)
    return Reply(int(status_line.split()[1]), headers, body, closed)


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()
