"""The six kinds over HTTP, by one set of handlers.

    who ─▶ may they at all (403) ─▶ body (413, 415, 400) ─▶ id, query (400) ─▶ domain (404, 409)

The order is that of decision 3: what somebody may not do is refused before it is looked at.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from vtn.domain.attempts import Attempt
from vtn.domain.objects import Objects, Rendered, shown_in
from vtn.domain.privacy import Action, Viewer, demand
from vtn.domain.record import Kind, Record
from vtn.domain.store import Transaction
from vtn.http.form import read_body
from vtn.http.once import Once
from vtn.http.problems import Problems
from vtn.http.query import check_id, read_query

Handler = Callable[[web.BaseRequest, Viewer, str], Awaitable[web.Response]]
"""`str` is the id in the path, decoded; "" where the path has none."""


class ObjectHandlers:
    """Handlers for the objects of one kind."""

    def __init__(self, kind: Kind, objects: Objects, problems: Problems, once: Once) -> None:
        self._kind = kind
        self._objects = objects
        self._problems = problems
        self._once = once

    async def list(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        demand(viewer, self._kind, Action.READ)
        query = read_query(self._kind, request.raw_path.partition("?")[2])
        return _read(request, self._objects.list(self._kind, query, viewer))

    async def get(self, request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
        demand(viewer, self._kind, Action.READ)
        return _read(request, self._objects.get(self._kind, check_id(id), viewer))

    async def create(self, request: web.BaseRequest, viewer: Viewer, _id: str) -> web.Response:
        demand(viewer, self._kind, Action.CREATE)
        body = await read_body(request)

        async def act(attempt: Attempt | None) -> web.Response:
            def then(tx: Transaction, record: Record) -> None:
                if attempt is not None:
                    attempt.keep(tx, 201, shown_in(tx, record, viewer))

            made = await self._objects.create(self._kind, body, viewer, then=then)
            return self._written(request, viewer, made, 201)

        return await self._once.answer(request, viewer, body, act)

    async def update(self, request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
        demand(viewer, self._kind, Action.UPDATE)
        body = await read_body(request)
        if_match = request.headers.get("If-Match")
        made = await self._objects.update(self._kind, check_id(id), body, viewer, if_match=if_match)
        return self._written(request, viewer, made, 200)

    async def delete(self, request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
        demand(viewer, self._kind, Action.DELETE)
        if_match = request.headers.get("If-Match")
        gone = await self._objects.delete(self._kind, check_id(id), viewer, if_match=if_match)
        return self._written(request, viewer, gone, 200)

    def _written(
        self, request: web.BaseRequest, viewer: Viewer, made: Rendered, status: int
    ) -> web.Response:
        for notice in made.notices:
            self._problems.note(notice.reason, notice.detail, request, viewer.client_id)
        return _json(made, status)


def _read(request: web.BaseRequest, found: Rendered) -> web.Response:
    wanted = request.headers.get("If-None-Match", "")
    if found.etag in (tag.strip().removeprefix("W/") for tag in wanted.split(",")):
        return web.Response(status=304, headers={"ETag": found.etag})
    return _json(found, 200)


def _json(found: Rendered, status: int) -> web.Response:
    return web.Response(
        body=found.body,
        status=status,
        content_type="application/json",
        headers={"ETag": found.etag, "Cache-Control": "private, no-cache"},
    )
