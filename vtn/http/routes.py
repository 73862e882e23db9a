"""Every path of the API, in one table: openadr3.yaml `paths`, and the desk of the DSO."""

import json

from aiohttp import web

from ukprofile.errors import Refused
from vtn.domain.attempts import Attempts
from vtn.domain.desk import Desk
from vtn.domain.market import Market
from vtn.domain.objects import Objects
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind, Role
from vtn.http.desk import DeskHandlers
from vtn.http.objects import Handler, ObjectHandlers
from vtn.http.once import Once
from vtn.http.problems import Problems
from vtn.http.server import Routes

KINDS = {
    "/programs": Kind.PROGRAM,
    "/events": Kind.EVENT,
    "/reports": Kind.REPORT,
    "/subscriptions": Kind.SUBSCRIPTION,
    "/vens": Kind.VEN,
    "/resources": Kind.RESOURCE,
}

BL_TOPICS = ("events", "reports", "subscriptions", "vens", "resources")
ALL_TOPICS = ("programs", "programs/{id}", "programs/{id}/events")
VEN_TOPICS = ("vens/{id}", "vens/{id}/events", "vens/{id}/programs", "vens/{id}/resources")


def routes(
    objects: Objects, desk: Desk, market: Market, problems: Problems, attempts: Attempts
) -> Routes:
    """Path to method to handler. `/auth/server` and `/auth/token` ask for no token and stand in
    `Router`.
    """
    once = Once(attempts)
    table: dict[str, dict[str, Handler]] = {"/notifiers": {"GET": _notifiers}}
    for path, kind in KINDS.items():
        on = ObjectHandlers(kind, objects, problems, once)
        table[path] = {"GET": on.list, "POST": on.create}
        table[f"{path}/{{id}}"] = {"GET": on.get, "PUT": on.update, "DELETE": on.delete}
    on_desk = DeskHandlers(desk, market, once)
    for name, handler in on_desk.posted():
        table[f"/desk/{name}"] = {"POST": handler}
    table["/desk/dispatches"] = {"GET": on_desk.list}
    table["/desk/dispatches/{id}"] = {"GET": on_desk.get}
    table["/desk/alarms"] = {"GET": on_desk.alarms}
    table["/desk/markets"] = {"GET": on_desk.markets}
    table["/desk/offers"] = {"GET": on_desk.offers}
    table["/desk/offers/{id}"] = {"GET": on_desk.offers_to}
    for topics, handler in (
        (BL_TOPICS, _bl_topics),
        (ALL_TOPICS, _topics),
        (VEN_TOPICS, _topics),
    ):
        for topic in topics:
            table[f"/notifiers/mqtt/topics/{topic}"] = {"GET": handler}
    return table


async def _notifiers(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
    """Any client may ask (T8): there is nothing but polling, so far."""
    return web.Response(text=json.dumps({"WEBHOOK": False}), content_type="application/json")


async def _bl_topics(request: web.BaseRequest, viewer: Viewer, id: str) -> web.Response:
    """Topics that show what everybody does (`read_bl`, which the YAML does not declare: T8)."""
    if viewer.role is not Role.BL:
        raise Refused("SCOPE_MISSING", "these topics are the business logic's", clause="T8")
    return await _topics(request, viewer, id)


async def _topics(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
    raise Refused("NOT_IMPLEMENTED", "this VTN has no MQTT notifier yet; GET /notifiers says so")
