"""The API of this server as an OpenAPI 3.1 document, made from the tables that serve it.

Paths from `routes`, parameters from `query`, scopes from `privacy`, schemas from the wire models:
what is printed is what is served.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import TaggedUnionSchema, WithDefaultSchema

from ukprofile.openadr import (
    AuthServerInfo,
    BlResourceRequest,
    BlVenRequest,
    ClientCredentialRequest,
    ClientCredentialResponse,
    Event,
    EventRequest,
    NotifiersResponse,
    NotifierTopicsResponse,
    Problem,
    Program,
    ProgramRequest,
    Report,
    ReportRequest,
    Resource,
    Subscription,
    SubscriptionRequest,
    Ven,
    VenResourceRequest,
    VenVenRequest,
    Wire,
)
from vtn.domain.desk import Operation
from vtn.domain.desk.alarms import AlarmsShown
from vtn.domain.desk.shown import CourseShown, StandingShown
from vtn.domain.market.shown import MarketShown, OffersShown, RequestsShown
from vtn.domain.objects import PAGE
from vtn.domain.privacy import read_scope, write_scope
from vtn.domain.record import Kind
from vtn.http.desk import DESK_OPERATIONS, MARKET_OPERATIONS
from vtn.http.limits import most_bytes
from vtn.http.once import HEADER, KEY_PATTERN, REPLAYED
from vtn.http.query import MANY, PARAMETERS
from vtn.http.routes import ALL_TOPICS, BL_TOPICS, KINDS, VEN_TOPICS

_REQUESTS: Mapping[Kind, tuple[type[Wire], ...]] = {
    Kind.PROGRAM: (ProgramRequest,),
    Kind.EVENT: (EventRequest,),
    Kind.REPORT: (ReportRequest,),
    Kind.SUBSCRIPTION: (SubscriptionRequest,),
    Kind.VEN: (VenVenRequest, BlVenRequest),
    Kind.RESOURCE: (VenResourceRequest, BlResourceRequest),
}
_STORED: Mapping[Kind, type[Wire]] = {
    Kind.PROGRAM: Program,
    Kind.EVENT: Event,
    Kind.REPORT: Report,
    Kind.SUBSCRIPTION: Subscription,
    Kind.VEN: Ven,
    Kind.RESOURCE: Resource,
}
_OTHERS = (
    AuthServerInfo,
    ClientCredentialRequest,
    ClientCredentialResponse,
    NotifiersResponse,
    NotifierTopicsResponse,
    Problem,
)
_POSTED: tuple[Operation[Any], ...] = (*DESK_OPERATIONS, *MARKET_OPERATIONS)
_OF_DESK: tuple[type[BaseModel], ...] = (
    AlarmsShown,
    CourseShown,
    RequestsShown,
    *dict.fromkeys(operation.shown for operation in _POSTED),
)
"""What the desk answers."""
_REF = "#/components/schemas/{model}"
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"},
}


class _Schemas(GenerateJsonSchema):
    """Schemas as JSON means them: absent is no null, and 1.0 is an integer and a number at once."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        shown = super().default_schema(schema)
        return {k: v for k, v in shown.items() if k != "default" or v is not None}

    def tagged_union_schema(self, schema: TaggedUnionSchema) -> JsonSchemaValue:
        shown = super().tagged_union_schema(schema)
        return {"anyOf" if name == "oneOf" else name: value for name, value in shown.items()}


def document() -> dict[str, Any]:
    """The whole document."""
    models: list[type[BaseModel]] = [*_OTHERS, *_STORED.values(), *_OF_DESK]
    models += [model for some in _REQUESTS.values() for model in some]
    models += [operation.order for operation in _POSTED]
    _, found = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=_REF,
        by_alias=True,
        schema_generator=_Schemas,
    )
    for model in models:
        if issubclass(model, Wire) and model.demanded:
            found["$defs"][model.__name__]["required"].append(model.demanded)
    scopes = sorted({s for kind in Kind for s in (read_scope(kind), write_scope(kind))})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenADR 3.1 VTN with the UK flexibility profile",
            "version": "1.0",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": found["$defs"],
            "securitySchemes": {
                "oauth": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": "/auth/token",
                            "scopes": dict.fromkeys([*scopes, "read_all"], ""),
                        }
                    },
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {
        "/auth/server": {"get": _operation("getTokenServer", "200", AuthServerInfo)},
        "/auth/token": {
            "post": _operation("getToken", "200", ClientCredentialResponse)
            | _sent(
                "/auth/token",
                {"application/x-www-form-urlencoded": _schema(ClientCredentialRequest)},
            )
        },
        "/notifiers": {"get": _operation("getNotifiers", "200", NotifiersResponse, ())},
    }
    for path, kind in KINDS.items():
        paths[path], paths[f"{path}/{{id}}"] = _of_kind(path, kind)
    for topic in (*BL_TOPICS, *ALL_TOPICS, *VEN_TOPICS):
        name = "getTopics" + "".join(part.title().strip("{}") for part in topic.split("/"))
        operation = _operation(name, "200", NotifierTopicsResponse, ())
        if "{id}" in topic:
            operation["parameters"] = [_ID]
        paths[f"/notifiers/mqtt/topics/{topic}"] = {"get": operation}
    return paths | _of_desk()


def _of_desk() -> dict[str, Any]:
    """The desk and its markets: what the business logic posts, and what it reads."""
    contract = {"name": "contract", "in": "query", "schema": {"type": "string"}}
    listed = _list_of("listDispatches", StandingShown) | {"parameters": [contract]}
    offers = _operation("getOffers", "200", OffersShown, ("read_all",))
    alarms = _operation("listAlarms", "200", AlarmsShown, ("read_all",))
    over = {"name": "all", "in": "query", "schema": {"type": "boolean", "default": False}}
    one = _operation("getDispatch", "200", CourseShown, ("read_all",))
    paths: dict[str, Any] = {
        "/desk/dispatches": {"get": listed},
        "/desk/dispatches/{id}": {"get": one | {"parameters": [_ID, contract]}},
        "/desk/alarms": {"get": alarms | {"parameters": [over]}},
        "/desk/markets": {"get": _list_of("listMarkets", MarketShown)},
        "/desk/offers": {"get": _operation("listOffers", "200", RequestsShown, ("read_all",))},
        "/desk/offers/{id}": {"get": offers | {"parameters": [_ID]}},
    }
    for operation in _POSTED:
        status = str(operation.status)
        name = f"desk{operation.name.title()}"
        posted = _once(_operation(name, status, operation.shown, (write_scope(Kind.EVENT),)))
        path = f"/desk/{operation.name}"
        posted |= _sent(path, {"application/json": _schema(operation.order)})
        paths[path] = {"post": posted}
    return paths


def _list_of(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """What the business logic reads of the desk, a list."""
    listed = _operation(name, "200", None, ("read_all",))
    every = {"type": "array", "items": _schema(model)["schema"]}
    listed["responses"]["200"]["content"] = {"application/json": {"schema": every}}
    return listed


def _of_kind(path: str, kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    """The operations on the list of a kind, and on one object."""
    name, stored = kind.value.title(), _STORED[kind]
    read, write = (read_scope(kind), "read_all"), (write_scope(kind),)
    page = {"type": "array", "items": _schema(stored)["schema"], "maxItems": PAGE}
    listed = _operation(f"list{name}s", "200", None, read) | {"parameters": _parameters(kind)}
    listed["responses"]["200"]["content"] = {"application/json": {"schema": page}}
    either = {"schema": {"oneOf": [_schema(model)["schema"] for model in _REQUESTS[kind]]}}
    body = _sent(path, {"application/json": either})
    one = {"parameters": [_ID]}
    return (
        {
            "get": listed,
            "post": _once(_operation(f"create{name}", "201", stored, write)) | body,
        },
        {
            "get": _operation(f"get{name}", "200", stored, read) | one,
            "put": _operation(f"update{name}", "200", stored, write) | one | body,
            "delete": _operation(f"delete{name}", "200", stored, write) | one,
        },
    )


def _parameters(kind: Kind) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, field in PARAMETERS[kind].items():
        text: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 128}
        schema = {"type": "array", "items": text} if field in MANY else text
        if name == "active":
            schema = {"type": "boolean"}
        found.append({"name": name, "in": "query", "schema": schema})
    whole = {"type": "integer", "minimum": 0}
    found.append({"name": "skip", "in": "query", "schema": whole})
    limit = whole | {"maximum": PAGE, "default": PAGE}
    found.append({"name": "limit", "in": "query", "schema": limit})
    return found


def _operation(
    name: str, status: str, answer: type[BaseModel] | None, scopes: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """An operation; `scopes`: any of them will do, () = any token, None = no token is asked for."""
    success: dict[str, Any] = {"description": "done"}
    if answer is not None:
        success["content"] = {"application/json": _schema(answer)}
    problem = {
        "description": "not done: nothing was changed",
        "content": {"application/json": _schema(Problem)},
    }
    shown: dict[str, Any] = {
        "operationId": name,
        "responses": {status: success, "default": problem},
    }
    if scopes is not None:
        shown["security"] = [{"oauth": [scope]} for scope in scopes] or [{"oauth": []}]
    return shown


def _once(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation that can be asked again under its key (vtn.http.once)."""
    key = {
        "name": HEADER,
        "in": "header",
        "description": "A name of the client's own for this request, in quotes or not. Sent again "
        "with it, the same request is answered as it was at first, for 30 days at least, and "
        "nothing is done; another request is refused (409 IDEMPOTENCY), and one that has no "
        "answer yet is asked to come again (409 IN_PROGRESS). What was refused keeps no key.",
        "schema": {"type": "string", "pattern": f'^"?{KEY_PATTERN}"?$'},
    }
    (answer,) = (shown for status, shown in operation["responses"].items() if status != "default")
    answer["headers"] = {
        REPLAYED: {
            "description": "true: this is the first answer, given again",
            "schema": {"type": "string", "const": "true"},
        }
    }
    return operation | {"parameters": [key]}


def _sent(path: str, content: dict[str, Any]) -> dict[str, Any]:
    """What is sent to `path`, and how much of it at most."""
    most = most_bytes(path)
    body = {"description": f"At most {most:,} bytes.", "x-max-bytes": most}
    return {"requestBody": {"required": True, "content": content, **body}}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": _REF.format(model=model.__name__)}}
