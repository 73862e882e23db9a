"""`python -m benchmarks.attack`: a process that attacks a VTN until it is asked to stop.

    slow heads      a head that never ends: a byte every three seconds
    slow bodies     a token form of 16 kB, announced, that comes at two bytes a second
    slow readers    an FSP that asks for its reports, megabytes of them, and reads a byte in five s
    refused         workers that send, one after the other, as fast as they are answered: forged
                    tokens, wrong secrets, reports with forged signatures, bodies announced too long

What the server ends is begun again at once. The addresses are of 127.0.1.0/24 where the machine
has them (Linux): the attacker is not where the agent is.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from ukprofile.clock import monotonic
from ukprofile.signing import canonical_text, protected_header
from ukprofile.trust import to_base64url

_ADDRESSES = 4
_FORM = "application/x-www-form-urlencoded"
_PROMISED = 16_000
_TOO_MUCH = 9_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is attacked, by whom, and with how much of each."""

    host: str
    port: int
    slow_heads: int
    slow_bodies: int
    slow_readers: int
    floods: int
    tokens: tuple[str, ...]
    """Of FSPs that have gone bad: the first posts forged reports, each reads its own slowly."""
    client_id: str
    key_set: str
    event_id: str

    @classmethod
    def read(cls, path: Path) -> "Plan":
        value = json.loads(path.read_text())
        return cls(**{**value, "tokens": tuple(value["tokens"])})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


class Attack:
    """Everything at once; counts what becomes of it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._hosts = 0
        self.counts: Counter[str] = Counter()
        self.open = 0

    def tasks(self) -> list[asyncio.Task[None]]:
        """One for each connection, each for ever."""
        plan = self._plan
        many: list[tuple[int, Callable[[int], Coroutine[Any, Any, None]]]] = [
            (plan.slow_heads, self._slow_head),
            (plan.slow_bodies, self._slow_body),
            (plan.slow_readers, self._slow_reader),
            (plan.floods, self._flood),
        ]
        return [
            asyncio.create_task(self._again(make, n)) for count, make in many for n in range(count)
        ]

    async def _again(self, make: Callable[[int], Coroutine[Any, Any, None]], n: int) -> None:
        name = make.__name__.strip("_")
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await make(n)
            self.counts[f"{name} ended"] += 1
            await asyncio.sleep(0.01)

    async def _connect(self, n: int, *, small: bool = False) -> socket.socket:
        """A connection from one of the attacker's addresses; a small one takes little at once."""
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        if small:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with contextlib.suppress(OSError):
            made.bind((f"127.0.1.{1 + n % _ADDRESSES}", 0))
        try:
            await asyncio.get_running_loop().sock_connect(made, (self._plan.host, self._plan.port))
        except BaseException:
            made.close()
            raise
        return made

    async def _trickle(self, n: int, start: bytes, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        with await self._connect(n) as made, self._counted():
            await loop.sock_sendall(made, start)
            while True:
                await asyncio.sleep(every_s)
                await loop.sock_sendall(made, b"x")

    async def _slow_head(self, n: int) -> None:
        await self._trickle(n, b"GET /events HTTP/1.1\r\nHost: vtn\r\nX-Slow: ", 3.0)

    async def _slow_body(self, n: int) -> None:
        head = _head("POST", "/auth/token", length=_PROMISED, media=_FORM)
        await self._trickle(n, head + b"grant_type=", 0.5)

    async def _slow_reader(self, n: int) -> None:
        loop = asyncio.get_running_loop()
        token = self._plan.tokens[n % len(self._plan.tokens)]
        with await self._connect(n, small=True) as made, self._counted():
            await loop.sock_sendall(made, _head("GET", "/reports", token))
            while await loop.sock_recv(made, 1):
                await asyncio.sleep(5.0)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    async def _flood(self, n: int) -> None:
        reader, writer = await asyncio.open_connection(sock=await self._connect(n))
        requests = refused_requests(self._plan)
        try:
            for turn in range(n, 1_000_000):
                writer.write(requests[turn % len(requests)])
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(_length(head))
                self.counts[head[9:12].decode()] += 1
        finally:
            writer.close()


def refused_requests(plan: Plan) -> list[bytes]:
    """Requests that are refused, each for a reason of its own; the last ends its connection."""
    genuine = plan.tokens[0]
    header, claims, signature = genuine.split(".")
    forged = f"{header}.{claims}.{to_base64url(bytes(64))}"
    secret = b"grant_type=client_credentials&client_id=%b&client_secret=wrong" % (
        plan.client_id.encode()
    )
    report = json.dumps(_forged_report(plan)).encode()
    return [
        _head("GET", "/events", forged),
        _head("GET", "/events", f"{header}.{claims}.{signature[::-1]}"),
        _head("POST", "/auth/token", length=len(secret), media=_FORM) + secret,
        _head("POST", "/reports", genuine, len(report)) + report,
        _head("GET", "/events"),
        _head("POST", "/reports", genuine, _TOO_MUCH),
    ]


def _forged_report(plan: Plan) -> dict[str, Any]:
    """An acknowledgement that nobody signed, in a report of the right form."""
    text = canonical_text({"kind": "acknowledgement", "profile": "1.0"})
    signature = f"{protected_header('Ed25519', plan.key_set)}..{to_base64url(bytes(64))}"
    payloads = [
        {"type": "UKFLEX_MESSAGE", "values": [text]},
        {"type": "UKFLEX_SIGNATURE", "values": [signature]},
    ]
    intervals = [{"id": 0, "payloads": payloads}]
    return {
        "eventID": plan.event_id,
        "clientName": "FORGER",
        "resources": [{"resourceName": "AGGREGATED_REPORT", "intervals": intervals}],
    }


def _head(
    method: str, path: str, token: str = "", length: int = 0, media: str = "application/json"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: vtn"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Type: {media}", f"Content-Length: {length}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length: ")
    return int(rest.partition(b"\r\n")[0] or b"0")


async def attack(plan: Plan, ready_file: Path, counts_file: Path) -> None:
    """Attack until SIGTERM; `ready_file` is there once the slow connections are."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    attack = Attack(plan)
    tasks = attack.tasks()
    slow = plan.slow_heads + plan.slow_bodies + plan.slow_readers
    while attack.open < slow * 0.9 and not stop.is_set():
        await asyncio.sleep(0.05)
    started = monotonic()
    attack.counts.clear()
    ready_file.write_text("{}")
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()  # an attack that broke off by itself attacked nobody
    lasted = monotonic() - started
    counts_file.write_text(
        json.dumps({"open": attack.open, "seconds": round(lasted, 1), **attack.counts})
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.attack", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--counts-file", type=Path, required=True)
    parser.add_argument("--ready-file", type=Path, required=True)
    given = parser.parse_args()
    uvloop.run(attack(Plan.read(given.plan), given.ready_file, given.counts_file))


if __name__ == "__main__":
    main()
