"""Somebody between a VTN and its clients, who tampers with what passes, on command.

    VTN ──events──▶ ┌──────────┐ ──▶ agent        orders: which tampering, of which thread or kind,
    VTN ◀─reports── │ meddling │ ◀── agent        the next one, always, or by chance
                    └──────────┘
                         ▲ control

Everything else passes as it is; what passes is remembered, so that older states and other people's
texts can be shown again. While there are orders about events, nothing is "not modified".
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

from aiohttp import web

from plugfest.faults.passing import Answered, Asked, Upstream, listening, upstream_at
from plugfest.faults.rewrites import Seen, Wire, said
from plugfest.faults.seeded import write_down
from plugfest.faults.tampering import TAMPERINGS

When = Literal["next", "always", "chance"]
Towards = Literal["agent", "vtn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done: a name of `TAMPERINGS`, to events (`towards` the agent) or reports.

    `thread` and `kind` "" = any. `when` next: once; always: until the orders are cleared; chance:
    as often as `chance` (0 to 1) says, by the proxy's seed.
    """

    tampering: str
    towards: Towards = "agent"
    thread: str = ""
    kind: str = ""
    when: When = "next"
    chance: float = 1.0

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Order":
        """An order from JSON. Raises ValueError, naming what is wrong."""
        if strange := value.keys() - set(cls.__slots__):
            raise ValueError(f"no such member of an order: {', '.join(sorted(strange))}")
        row = TAMPERINGS.get(str(value.get("tampering")))
        if row is None:
            raise ValueError(f"tampering is one of {', '.join(TAMPERINGS)}")
        for name, words in _WORDS.items():
            if name in value and value[name] not in words:
                raise ValueError(f"{name} is {' or '.join(words)}")
        chance = value.get("chance", 1.0)
        if not isinstance(chance, int | float) or not 0 <= chance <= 1:
            raise ValueError("chance lies between 0 and 1")
        order = cls(**value)
        if (row.agent if order.towards == "agent" else row.vtn) is None:
            raise ValueError(f"{row.name} cannot be done to what goes towards the {order.towards}")
        return order


_WORDS = {"towards": get_args(Towards), "when": get_args(When)}


@dataclass
class Meddler:
    """The proxy: where it leads, its seed, its orders, and what it did."""

    upstream: Upstream
    seed: int
    log: Path | None = None
    orders: list[Order] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    struck: list[dict[str, Any]] = field(default_factory=list)
    """What was done, one entry each: tampering, towards, id, thread, kind, revision."""
    _matches: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One exchange, tampered with if orders say so."""
        asked = await Asked.read(request)
        path = asked.path.partition("?")[0]
        if path == "/reports" and asked.method == "POST":
            asked = self._report(asked)
        elif path.startswith("/events") and asked.method == "GET":
            return (await self._events(asked)).response()
        return (await self.upstream.answer(asked)).response()

    # -- events, towards the agent ---------------------------------------------------------------

    async def _events(self, asked: Asked) -> Answered:
        meddles = any(order.towards == "agent" for order in self.orders)
        if meddles:
            kept = {k: v for k, v in asked.headers.items() if k.lower() != "if-none-match"}
            asked = replace(asked, headers=kept)
        answered = await self.upstream.answer(asked)
        shown = _json(answered.body) if answered.status == 200 else None
        events: list[Any] = shown if isinstance(shown, list) else [shown]
        if not all(isinstance(one, dict) for one in events):
            return answered
        # an order that came after the question waits for the next one, which asks for all of it
        changed = [made for one in events for made in self._befall(one, "agent")] if meddles else []
        for one in events:
            self.seen.add(one)
        if not meddles:
            return answered
        if not isinstance(shown, list) and not changed:
            return _not_found()
        return _edited(answered, changed if isinstance(shown, list) else changed[0])

    # -- reports, towards the VTN ----------------------------------------------------------------

    def _report(self, asked: Asked) -> Asked:
        report = _json(asked.body)
        if not isinstance(report, dict):
            return asked
        made = [*self._befall(report, "vtn")]
        self.seen.add(report)
        if made == [report]:
            return asked
        return replace(asked, body=json.dumps(made[0]).encode())

    # -- orders ----------------------------------------------------------------------------------

    def _befall(self, shown: Wire, towards: Towards) -> Sequence[Wire]:
        """What is shown in place of an object."""
        message = said(shown)
        for order in self.orders:
            mine = order.towards == towards and message
            if not mine or order.thread not in ("", message.get("thread")):
                continue
            if order.kind not in ("", message.get("kind")) or not self._is_due(order):
                continue
            made = TAMPERINGS[order.tampering].rewrite(shown, self.seen)
            if made is None:
                continue
            if order.when == "next":
                self.orders.remove(order)
            self._strikes(order, shown, message)
            return made
        return (shown,)

    def _is_due(self, order: Order) -> bool:
        if order.when != "chance":
            return True
        self._matches += 1
        return Random(f"{self.seed}/{self._matches}").random() < order.chance

    def _strikes(self, order: Order, shown: Wire, message: Wire) -> None:
        entry = {
            "tampering": order.tampering,
            "towards": order.towards,
            "id": shown.get("id") or shown.get("reportName"),
            **{name: message.get(name) for name in ("thread", "kind", "revision")},
        }
        write_down(self.struck, self.log, entry)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _edited(answered: Answered, shown: Any) -> Answered:
    """The answer with other JSON; without the tag of what it was."""
    headers = {k: v for k, v in answered.headers.items() if k.lower() != "etag"}
    return Answered(answered.status, headers, json.dumps(shown).encode())


def _not_found() -> Answered:
    return Answered(404, {"Content-Type": "application/json"}, b'{"status":404,"title":"gone"}')


@asynccontextmanager
async def meddling(
    upstream: str, *, seed: int = 0, log: Path | None = None, listen: int = 0
) -> AsyncIterator[tuple[str, Meddler]]:
    """Somebody before `upstream` on loopback port `listen`: its URL, and who takes the orders.

    `log` gets a JSON line for each tampering that struck.
    """
    async with upstream_at(upstream) as server:
        meddler = Meddler(server, seed, log)
        async with listening(meddler.handle, listen) as url:
            yield url, meddler
