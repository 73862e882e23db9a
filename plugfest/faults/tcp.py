"""A network that misbehaves: a TCP proxy whose faults follow from a seed.

    client ──▶ proxy ──▶ server
               │ latency, bandwidth    everything is slow
               │ reset                 RST in the middle of it
               │ half-close            one direction ends early, the other goes on
               │ blackhole             nothing passes any more, and nobody says so
               └ corruption            one bit is another

The n-th connection of a seed has always the same fate, whatever the clock says; what it was, and
when it struck, is written down. Whatever happens here may happen on any real network: neither end
may lose what was acknowledged, or do twice what was asked once.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

from plugfest.faults.seeded import check_odds, drawn, write_down

Kind = Literal["none", "reset", "half_close", "blackhole", "corrupt"]
Direction = Literal["to_server", "to_client"]

_PIECE = 4096
_FARTHEST = 4000
"""A fault strikes within the first bytes of its direction: most messages are short."""
_BLACK_S = 30.0
"""Real seconds after which a connection that is blackholed is dropped at last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How likely each fault is for one connection (0 to 1), and how slow everything is.

    `latency_s` is the most that a piece waits, in seconds; `bytes_per_s` 0 = as fast as it goes.
    """

    reset: float = 0.0
    half_close: float = 0.0
    blackhole: float = 0.0
    corrupt: float = 0.0
    latency_s: float = 0.0
    bytes_per_s: int = 0

    def __post_init__(self) -> None:
        check_odds((self.reset, self.half_close, self.blackhole, self.corrupt))


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls one connection: `kind`, after so many bytes of one direction."""

    kind: Kind
    direction: Direction = "to_server"
    after: int = 0
    bit: int = 0


def fate(seed: int, number: int, odds: Odds) -> Fate:
    """The fate of the connection of that number. Pure: the same seed, the same fate."""
    random = Random(f"{seed}/{number}")
    kinds: dict[Kind, float] = {
        "reset": odds.reset,
        "half_close": odds.half_close,
        "blackhole": odds.blackhole,
        "corrupt": odds.corrupt,
    }
    kind = drawn(random, kinds)
    if kind is None:
        return Fate("none")
    direction: Direction = random.choice(("to_server", "to_client"))
    return Fate(kind, direction, random.randrange(_FARTHEST), random.randrange(8))


@dataclass
class Faults:
    """The proxy: where it leads, its seed and odds, and what it did."""

    host: str
    port: int
    seed: int
    odds: Odds
    log: Path | None = None
    struck: list[dict[str, Any]] = field(default_factory=list)
    """What happened, one entry for each fault that struck: connection, kind, direction, after."""
    _count: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to the end that is its fate."""
        self._count += 1
        number = self._count
        due = fate(self.seed, number, self.odds)
        try:
            up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.close()
            return
        ends = (writer, up_writer)
        try:
            async with asyncio.TaskGroup() as group:
                for direction, source, sink in (
                    ("to_server", reader, up_writer),
                    ("to_client", up_reader, writer),
                ):
                    mine = due if due.direction == direction else Fate("none")
                    carried = _Direction(self, number, mine, source, sink, ends)
                    group.create_task(carried.run())
        finally:
            for end in ends:
                end.close()

    def strikes(self, number: int, due: Fate) -> None:
        """Write down that a fault struck."""
        entry = {
            "connection": number,
            "fault": due.kind,
            "direction": due.direction,
            "after": due.after,
        }
        write_down(self.struck, self.log, entry)


@dataclass
class _Direction:
    """One direction of one connection."""

    faults: Faults
    number: int
    due: Fate
    source: asyncio.StreamReader
    sink: asyncio.StreamWriter
    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    passed: int = 0
    over: bool = False

    async def run(self) -> None:
        random = Random(f"{self.faults.seed}/{self.number}/{self.due.direction}")
        with suppress(OSError):  # whichever end is gone, and however it is found out
            while piece := await self.source.read(_PIECE):
                await self._wait(random, len(piece))
                if (piece := await self._befall(piece)) and not self.over:
                    self.sink.write(piece)
                    await self.sink.drain()
                self.passed += len(piece)
            if not self.over and self.sink.can_write_eof():
                self.sink.write_eof()

    async def _wait(self, random: Random, size: int) -> None:
        odds = self.faults.odds
        seconds = random.random() * odds.latency_s
        if odds.bytes_per_s:
            seconds += size / odds.bytes_per_s
        if seconds:
            await asyncio.sleep(seconds)

    async def _befall(self, piece: bytes) -> bytes:
        """What is left of a piece after the fault, if this is where it strikes."""
        at = self.due.after - self.passed
        if self.due.kind == "none" or self.over or not 0 <= at < len(piece):
            return piece
        self.faults.strikes(self.number, self.due)
        if self.due.kind == "corrupt":
            return piece[:at] + bytes([piece[at] ^ 1 << self.due.bit]) + piece[at + 1 :]
        self.over = True
        if self.due.kind == "half_close":
            self.sink.write(piece[:at])
            if self.sink.can_write_eof():
                self.sink.write_eof()
        elif self.due.kind == "reset":
            for end in self.ends:
                _reset(end)
        else:
            await asyncio.sleep(_BLACK_S)
            for end in self.ends:
                end.close()
        return b""


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: what was not read yet is lost (SO_LINGER with no time)."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def misbehaving(
    host: str, port: int, *, seed: int, odds: Odds, log: Path | None = None, listen: int = 0
) -> AsyncIterator[tuple[str, Faults]]:
    """A proxy before `host:port` on loopback port `listen` (0 = a free one): its URL, and what it
    does.

    `log` gets a JSON line for each fault that struck.
    """
    faults = Faults(host, port, seed, odds, log)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(faults.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    served: Callable[..., Any] = accept
    server = await asyncio.start_server(served, "127.0.0.1", listen)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", faults
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
