"""How somebody in between takes orders: JSON over HTTP, on a loopback port of its own.

    GET    /tamperings   what can be done: name, what it is, and what is due for it at either end
    GET    /orders       what is to be done
    POST   /orders       {"tampering": "own_key", "thread": "DSP-1", "when": "always"}; see Order
    DELETE /orders       tamper with nothing any more
    POST   /seen         an event or report of somebody else's, to be shown again in another place
    GET    /struck       what was done, in order

An order that is none is a 400 whose `detail` says why. For tests and demos: whoever reaches the
port may give orders.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from plugfest.faults.meddling import Meddler, Order
from plugfest.faults.passing import listening
from plugfest.faults.tampering import TAMPERINGS, Due


@dataclass(frozen=True, slots=True)
class Control:
    """Gives `meddler` its orders."""

    meddler: Meddler

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        try:
            shown = self._answer(f"{request.method} {request.path}", await request.read())
        except ValueError as error:
            return web.json_response({"status": 400, "detail": str(error)}, status=400)
        if shown is None:
            return web.json_response({"status": 404, "detail": "no such call"}, status=404)
        return web.json_response(shown)

    def _answer(self, call: str, body: bytes) -> Any:
        meddler = self.meddler
        if call == "POST /orders":
            meddler.orders.append(Order.read(_object(body)))
        elif call == "DELETE /orders":
            meddler.orders.clear()
        elif call == "POST /seen":
            meddler.seen.add(_object(body))
            return {"seen": len(meddler.seen.objects)}
        if call in ("GET /orders", "POST /orders", "DELETE /orders"):
            return [asdict(order) for order in meddler.orders]
        shown = {"GET /struck": meddler.struck, "GET /tamperings": tamperings()}
        return shown.get(call)


def tamperings() -> list[dict[str, Any]]:
    """The table as JSON."""
    return [
        {"name": t.name, "what": t.what, "agent": _due(t.agent), "vtn": _due(t.vtn)}
        for t in TAMPERINGS.values()
    ]


def _due(due: Due | None) -> dict[str, Any] | None:
    if due is None:
        return None
    code = due.code
    known = {"alarm": code.alarm, "status": code.http, "security": code.security} if code else {}
    return {"verdict": due.verdict, "reason": due.reason, **known}


def _object(body: bytes) -> dict[str, Any]:
    """Raises ValueError."""
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("a JSON object is due")  # noqa: TRY004 - of the JSON, not of Python
    return value


@asynccontextmanager
async def controlled(meddler: Meddler, listen: int = 0) -> AsyncIterator[str]:
    """A control port for `meddler`; gives its URL."""
    async with listening(Control(meddler).handle, listen) as url:
        yield url
