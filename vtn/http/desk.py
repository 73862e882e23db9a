"""The dispatch desk over HTTP, for the DSO's own systems: what `ukvtn desk` does, and the same.

    POST /desk/{operation}              its parameters   ──▶ 200, 201 where the dispatch stands
    GET  /desk/dispatches               ?contract=       ──▶ every one that is remembered
    GET  /desk/dispatches/{thread}      ?contract=       ──▶ one, with its whole course

For clients of the business logic only; whoever else asks is refused before anything is looked at.
"""

import json

from aiohttp import web

from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.domain.desk import OPERATIONS, Desk, Operation, ThreadOrder, carry_out
from vtn.domain.desk.shown import StandingShown, course_shown
from vtn.domain.privacy import Action, Viewer, demand
from vtn.domain.record import Kind
from vtn.http.form import read_body
from vtn.http.objects import Handler
from vtn.http.query import check_id, pairs

DESK_OPERATIONS = tuple(op for op in OPERATIONS.values() if op.does != "reads")
"""Those that are posted; what only reads is got."""


class DeskHandlers:
    """Handlers for the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def carries_out(self, operation: Operation) -> Handler:
        """The handler of one operation."""
        status = 201 if operation.does == "makes" else 200

        async def handle(request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
            demand(viewer, Kind.EVENT, Action.CREATE)
            body = await read_body(request)
            return _json(await carry_out(self._desk, operation, body), status)

        return handle

    async def list(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        _check_reads(viewer)
        contract_id = _contract(request)
        found = await self._desk.dispatches()
        kept = [s for s in found if contract_id in (None, s.contract_id)]
        return _json([StandingShown.of(standing).to_json() for standing in kept])

    async def get(self, request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
        _check_reads(viewer)
        order = ThreadOrder(thread=check_id(id), contract_id=_contract(request))
        return _json(course_shown(await self._desk.show(order)).to_json())


def _check_reads(viewer: Viewer) -> None:
    if not viewer.sees_all:
        raise Refused("SCOPE_MISSING", "the desk is the business logic's, with the scope read_all")


def _contract(request: web.BaseRequest) -> str | None:
    """The one parameter of what is read here. Raises Refused QUERY_INVALID."""
    found = pairs(request.raw_path.partition("?")[2])
    for name, _ in found:
        if name != "contract":
            raise Refused("QUERY_INVALID", "there is no such parameter here: contract", path=name)
    if len(found) > 1:
        raise Refused("QUERY_INVALID", "stands twice", path="contract")
    return found[0][1] if found else None


def _json(value: JSON, status: int = 200) -> web.Response:
    return web.Response(
        body=json.dumps(value).encode(),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
