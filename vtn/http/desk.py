"""The desk over HTTP, for the DSO's own systems: what `ukvtn desk` does, and the same.

    POST /desk/{operation}              its parameters   ──▶ 200, 201 what comes of it
    GET  /desk/dispatches               ?contract=       ──▶ every one that is remembered
    GET  /desk/dispatches/{thread}      ?contract=       ──▶ one, with its whole course
    GET  /desk/alarms                   ?all=true        ──▶ what a person should look at
    GET  /desk/markets                                   ──▶ every market, and its members
    GET  /desk/offers                                    ──▶ every request with its offers
    GET  /desk/offers/{thread}                           ──▶ one, in merit order

For clients of the business logic only; whoever else asks is refused before anything is looked at.
"""

import json
from collections.abc import Iterator
from typing import TypeVar

from aiohttp import web

from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.domain.attempts import Attempt
from vtn.domain.desk import OPERATIONS, Desk, Operation, ThreadOrder, attempt_out, carry_out
from vtn.domain.desk.shown import StandingShown, course_shown
from vtn.domain.market import OPERATIONS as BUYING
from vtn.domain.market import Market
from vtn.domain.market.shown import MarketShown, OffersShown
from vtn.domain.privacy import Action, Viewer, demand
from vtn.domain.record import Kind
from vtn.http.form import read_body
from vtn.http.objects import Handler
from vtn.http.once import Once, answer_of
from vtn.http.query import bad_parameter, check_id, pairs

DESK_OPERATIONS = tuple(op for op in OPERATIONS.values() if op.does != "reads")
"""Those that are posted; what only reads is got."""
MARKET_OPERATIONS = tuple(op for op in BUYING.values() if op.does != "reads")
"""The same of the market."""

On = TypeVar("On")


class DeskHandlers:
    """Handlers for the desk and its markets."""

    def __init__(self, desk: Desk, market: Market, once: Once) -> None:
        self._desk = desk
        self._market = market
        self._once = once

    def posted(self) -> Iterator[tuple[str, Handler]]:
        """Every operation that is posted, by name, and its handler."""
        for operation in DESK_OPERATIONS:
            yield operation.name, self._carries_out(self._desk, operation)
        for one in MARKET_OPERATIONS:
            yield one.name, self._carries_out(self._market, one)

    def _carries_out(self, on: On, operation: Operation[On]) -> Handler:
        async def handle(request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
            demand(viewer, Kind.EVENT, Action.CREATE)
            body = await read_body(request)

            async def act(attempt: Attempt | None) -> web.Response:
                if attempt is not None:
                    return answer_of(await attempt_out(on, operation, body, attempt))
                return _json(await carry_out(on, operation, body), operation.status)

            return await self._once.answer(request, viewer, body, act)

        return handle

    async def list(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        _check_reads(viewer)
        contract_id = _parameter(request, "contract")
        found = await self._desk.dispatches()
        kept = [s for s in found if contract_id in (None, s.contract_id)]
        return _json([StandingShown.of(standing).to_json() for standing in kept])

    async def get(self, request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
        _check_reads(viewer)
        order = ThreadOrder(thread=check_id(id), contract_id=_parameter(request, "contract"))
        return _json(course_shown(await self._desk.show(order)).to_json())

    async def alarms(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        _check_reads(viewer)
        everything = _parameter(request, "all") or "false"
        if everything not in ("true", "false"):
            raise Refused("QUERY_INVALID", "true or false is due", path="all")
        order = {"all": everything == "true"}
        return _json(await carry_out(self._desk, OPERATIONS["alarms"], order))

    async def markets(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        _check_reads(viewer)
        _no_parameters(request)
        return _json([MarketShown.of(place).to_json() for place in self._market.markets()])

    async def offers(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        _check_reads(viewer)
        _no_parameters(request)
        return _json(await carry_out(self._market, BUYING["offers"], {}))

    async def offers_to(self, request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
        _check_reads(viewer)
        _no_parameters(request)
        return _json(OffersShown.of(await self._market.offers(check_id(id))).to_json())


def _check_reads(viewer: Viewer) -> None:
    if not viewer.sees_all:
        raise Refused("SCOPE_MISSING", "the desk is the business logic's, with the scope read_all")


def _parameter(request: web.BaseRequest, only: str) -> str | None:
    """The one parameter of what is read here. Raises Refused QUERY_INVALID."""
    found = pairs(request.raw_path.partition("?")[2])
    for name, _ in found:
        if name != only:
            raise bad_parameter(name, f"there is no such parameter here; there is {only}")
    if len(found) > 1:
        raise Refused("QUERY_INVALID", "stands twice", path=only)
    return found[0][1] if found else None


def _no_parameters(request: web.BaseRequest) -> None:
    for name, _ in pairs(request.raw_path.partition("?")[2]):
        raise bad_parameter(name, "there is no parameter here")


def _json(value: JSON, status: int = 200) -> web.Response:
    return web.Response(
        body=json.dumps(value).encode(),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
