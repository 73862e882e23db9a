"""Exchanges that go wrong: an HTTP proxy whose faults follow from a seed.

    client ──▶ proxy ──▶ server
               │ busy         429 or 503 with Retry-After; the server never hears of it
               │ duplicate    the request is sent twice, as a proxy that tries again does
               │ reorder      the request, or its answer, is overtaken by the client's next
               │ late         the server has acted, its answer comes when nobody waits any more
               │ lost         the server has acted, its answer never comes
               │ stale        an older answer to the same GET, with its ETag; or a 304 that lies
               └ truncated    JSON that ends in the middle, in an answer that is whole

The n-th exchange of a seed has always the same fate. One that cannot strike where it is due (a
first GET has no older answer) leaves the exchange as it is, and no line.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal

from aiohttp import web

from plugfest.faults.passing import Answered, Asked, Upstream, abort, listening, upstream_at
from plugfest.faults.seeded import check_odds, drawn, write_down

Kind = Literal["none", "busy", "duplicate", "reorder", "late", "lost", "stale", "truncated"]

_REMEMBERED = 8
"""Older answers that are kept for each GET."""
_NO_ANSWER = Answered(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How likely each fault is for one exchange (0 to 1).

    `patience_s` is how long, in real seconds, a late answer is kept back: longer than the client
    waits. An exchange that nothing overtakes is held no longer either. `retry_after_s` is what a
    busy answer asks for.
    """

    busy: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    late: float = 0.0
    lost: float = 0.0
    stale: float = 0.0
    truncated: float = 0.0
    patience_s: float = 1.0
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        check_odds(self.kinds.values())

    @property
    def kinds(self) -> dict[Kind, float]:
        """The chance of each fault."""
        return {
            "busy": self.busy,
            "duplicate": self.duplicate,
            "reorder": self.reorder,
            "late": self.late,
            "lost": self.lost,
            "stale": self.stale,
            "truncated": self.truncated,
        }


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls one exchange: `kind`, and a `share` (0 to 1) that decides what it leaves open:
    where an answer is cut, which of two ways a fault takes.
    """

    kind: Kind
    share: float = 0.0


def fate(seed: int, number: int, odds: Odds) -> Fate:
    """The fate of the exchange of that number. Pure: the same seed, the same fate."""
    random = Random(f"{seed}/{number}")
    kind = drawn(random, odds.kinds)
    return Fate("none") if kind is None else Fate(kind, random.random())


@dataclass
class Faults:
    """The proxy: where it leads, its seed and odds, and what it did."""

    upstream: Upstream
    seed: int
    odds: Odds
    log: Path | None = None
    struck: list[dict[str, Any]] = field(default_factory=list)
    """What happened, one entry for each fault that struck: exchange, fault, call, how."""
    _count: int = 0
    _held: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))
    _older: dict[tuple[str, str], list[Answered]] = field(default_factory=lambda: defaultdict(list))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One exchange, to the end that is its fate."""
        self._count += 1
        number, asked = self._count, await Asked.read(request)
        answered = await self._befall(number, fate(self.seed, number, self.odds), asked)
        for held in self._held[asked.client]:
            held.set()
        return abort(request) if answered is _NO_ANSWER else answered.response()

    async def _befall(self, number: int, due: Fate, asked: Asked) -> Answered:
        if due.kind == "busy":
            status = 429 if due.share < 0.5 else 503
            self._strikes(number, due, asked, str(status))
            return _busy(status, self.odds.retry_after_s)
        if due.kind == "reorder" and due.share < 0.5:
            self._strikes(number, due, asked, "request")
            await self._overtaken(asked)
        answered = await self._ask(asked)
        match due.kind:
            case "duplicate":
                self._strikes(number, due, asked)
                answered = await self._ask(asked)
            case "reorder" if due.share >= 0.5:
                self._strikes(number, due, asked, "answer")
                await self._overtaken(asked)
            case "late":
                self._strikes(number, due, asked)
                await asyncio.sleep(self.odds.patience_s)
            case "lost":
                self._strikes(number, due, asked)
                return _NO_ANSWER
            case "stale":
                return self._stale(number, due, asked, answered)
            case "truncated" if len(answered.body) > 1:
                kept = int(due.share * len(answered.body))
                self._strikes(number, due, asked, f"{kept} of {len(answered.body)} bytes")
                return Answered(answered.status, answered.headers, answered.body[:kept])
        return answered

    async def _ask(self, asked: Asked) -> Answered:
        """The server's own answer; of a GET it is kept, to be shown again when it is old."""
        answered = await self.upstream.answer(asked)
        if asked.method == "GET" and answered.status == 200:
            known = self._older[asked.client, asked.path]
            if answered.body not in [one.body for one in known]:
                known.append(answered)
                del known[:-_REMEMBERED]
        return answered

    async def _overtaken(self, asked: Asked) -> None:
        """Return once another exchange of that client went by; or nobody came."""
        passed = asyncio.Event()
        self._held[asked.client].add(passed)
        with suppress(TimeoutError):
            await asyncio.wait_for(passed.wait(), self.odds.patience_s)
        self._held[asked.client].discard(passed)

    def _stale(self, number: int, due: Fate, asked: Asked, answered: Answered) -> Answered:
        if answered.status != 200:
            return answered
        tag = asked.headers.get("If-None-Match", "")
        if tag and due.share < 0.5:
            self._strikes(number, due, asked, "304")
            return Answered(304, {"ETag": tag})
        known = self._older[asked.client, asked.path]
        older = [one for one in known if one.body != answered.body]
        if not older:
            return answered
        self._strikes(number, due, asked, "200")
        return older[int(due.share * len(older))]

    def _strikes(self, number: int, due: Fate, asked: Asked, how: str = "") -> None:
        entry = {"exchange": number, "fault": due.kind, "call": asked.call, "how": how}
        write_down(self.struck, self.log, entry)


def _busy(status: int, retry_after_s: int) -> Answered:
    headers = {"Content-Type": "application/json", "Retry-After": str(retry_after_s)}
    return Answered(status, headers, b'{"status":%d,"title":"come back later"}' % status)


@asynccontextmanager
async def misbehaving(
    upstream: str, *, seed: int, odds: Odds, log: Path | None = None, listen: int = 0
) -> AsyncIterator[tuple[str, Faults]]:
    """A proxy before `upstream` on loopback port `listen`: its URL, and what it does.

    `log` gets a JSON line for each fault that struck.
    """
    async with upstream_at(upstream) as server:
        faults = Faults(server, seed, odds, log)
        async with listening(faults.handle, listen) as url:
            yield url, faults
