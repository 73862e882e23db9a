"""Every operation of the specification, and what makes a client."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.shared import SHARED, needs_shared
from tests.unit.ukprofile.openadr.client.scripted import (
    PROGRAM,
    TIMES,
    Vtn,
    program,
    refused,
    reply,
)
from ukprofile.openadr import (
    BlResourceRequest,
    BlVenRequest,
    EventRequest,
    ObjectOperation,
    ReportRequest,
    SubscriptionRequest,
    VenResourceRequest,
    VenVenRequest,
)
from ukprofile.openadr.client import Client

EVENT = EventRequest(program_id="p-1", targets=("CONTRACT_ID-UKPN-FLEX-2026-0042",))
REPORT = ReportRequest(event_id="e-1", client_name="FSP7", resources=())
VEN = VenVenRequest(ven_name="FSP7")
BL_VEN = BlVenRequest(ven_name="FSP7", client_id="fsp7", targets=("T",))
RESOURCE = VenResourceRequest(resource_name="R", ven_id="v-1")
BL_RESOURCE = BlResourceRequest(resource_name="R", ven_id="v-1", client_id="fsp7", targets=("T",))
SUBSCRIPTION = SubscriptionRequest(
    client_name="FSP7",
    object_operations=(
        ObjectOperation(objects=("EVENT",), operations=("CREATE",), callback_url="https://x/"),
    ),
)
TOPICS = {"topics": {"UPDATE": "u", "DELETE": "d"}}

KINDS: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
    # collection, request, further members of the stored object, filters
    ("programs", PROGRAM, {}, {"targets": ("A:b", "C d")}),
    ("events", EVENT, {}, {"program_id": "p-1", "targets": ("A", "B"), "active": True}),
    (
        "reports",
        REPORT,
        {"clientID": "fsp7"},
        {"program_id": "p-1", "event_id": "e-1", "client_name": "Llŷn & Co+"},
    ),
    ("vens", VEN, {"clientID": "fsp7"}, {"ven_name": "FSP7", "targets": ("A",)}),
    ("vens", BL_VEN, {}, {"ven_name": "FSP7", "targets": ("A",)}),
    (
        "resources",
        RESOURCE,
        {"clientID": "fsp7"},
        {"resource_name": "R", "ven_id": "v-1", "targets": ("A",)},
    ),
    ("resources", BL_RESOURCE, {}, {"ven_id": "v-1"}),
    (
        "subscriptions",
        SUBSCRIPTION,
        {"clientID": "fsp7"},
        {"program_id": "p-1", "client_name": "FSP7", "objects": ("EVENT", "REPORT")},
    ),
]
SPELT = {
    "program_id": "programID",
    "event_id": "eventID",
    "ven_id": "venID",
    "client_name": "clientName",
    "ven_name": "venName",
    "resource_name": "resourceName",
}
TOPIC_PATHS = [
    "programs",
    "programs/{programID}",
    "programs/{programID}/events",
    "events",
    "reports",
    "subscriptions",
    "vens",
    "resources",
    "vens/{venID}",
    "vens/{venID}/events",
    "vens/{venID}/programs",
    "vens/{venID}/resources",
]


@dataclass(frozen=True)
class Operation:
    """One operation of the specification, and how the client is asked for it."""

    call: Callable[[Client], Awaitable[Any]]
    method: str
    path: str
    reply: Any
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations() -> list[Operation]:
    found = []
    for kind, request, more, filters in KINDS:
        body = request.dump()
        stored = {k: v for k, v in body.items() if k != "objectType"} | more
        stored |= {"id": "x-1", **TIMES}
        one = f"/{kind}/x-1"
        query = tuple(
            (SPELT.get(name, name), str(text).lower() if text is True else text)
            for name, value in filters.items()
            for text in (value if isinstance(value, tuple) else (value,))
        )
        query += (("skip", "0"), ("limit", "50"))

        def of(client: Client, kind: str = kind) -> Any:
            return getattr(client, kind)

        found += [
            Operation(
                lambda c, of=of, f=filters: of(c).list(**f), "GET", f"/{kind}", [stored], query
            ),
            Operation(lambda c, of=of: of(c).get("x-1"), "GET", one, stored),
            Operation(
                lambda c, of=of, r=request: of(c).create(r), "POST", f"/{kind}", stored, body=body
            ),
            Operation(
                lambda c, of=of, r=request: of(c).update("x-1", r), "PUT", one, stored, body=body
            ),
            Operation(lambda c, of=of: of(c).delete("x-1"), "DELETE", one, stored),
        ]
    for path in TOPIC_PATHS:
        filled = path.replace("{programID}", "x-1").replace("{venID}", "x-1")
        found.append(
            Operation(
                lambda c, p=filled: c.topics(p), "GET", f"/notifiers/mqtt/topics/{filled}", TOPICS
            )
        )
    found.append(Operation(lambda c: c.notifiers(), "GET", "/notifiers", {"WEBHOOK": True}))
    return found


@pytest.mark.parametrize("operation", operations(), ids=str)
async def test_an_operation_is_its_method_path_query_body_and_token(
    vtn: Vtn, known: Client, operation: Operation
) -> None:
    vtn.on(operation.method, operation.path, reply(operation.reply))
    result = await operation.call(known)
    assert result is not None
    (seen,) = vtn.calls(operation.method, operation.path)
    assert tuple(seen.query) == operation.query
    assert (json.loads(seen.body) if seen.body else None) == operation.body
    assert seen.headers.get("Content-Type") == ("application/json" if operation.body else None)
    assert seen.headers["Authorization"] == "Bearer token-1"
    assert seen.headers["User-Agent"] == "openadr-ukprofile"


@needs_shared
def test_no_operation_and_no_parameter_of_the_specification_is_left_out() -> None:
    spec = yaml.safe_load((SHARED / "openadr/3.1.1/openadr3.yaml").read_text())
    due, parameters = set(), set()
    for template, verbs in spec["paths"].items():
        path = template
        for name in ("program", "event", "report", "subscription", "ven", "resource"):
            path = path.replace(f"{{{name}ID}}", "x-1")
        for method in verbs.keys() & {"get", "post", "put", "delete"}:
            due.add((method.upper(), path))
            parameters |= {(path, p["name"]) for p in verbs[method].get("parameters", ())}
    table = operations()
    auth = {("GET", "/auth/server"), ("POST", "/auth/token")}  # have tests of their own below
    assert due - auth == {(o.method, o.path) for o in table}
    assert parameters == {(o.path, name) for o in table for name, _ in o.query}


async def test_objects_come_back_whole_with_their_tag(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs/p-1", reply(program("p-1", x_unknown=[1.5]), ETag='"v1"'))
    held = await client.programs.get("p-1")
    assert held.value.program_name == "UKPN:p-1"
    assert held.value.extras == {"x_unknown": [1.5]}
    assert held.etag == '"v1"'


async def test_another_object_than_was_asked_for_is_refused(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs/p-1", reply(program("p-2")))
    error = await refused(client.programs.get("p-1"))
    assert (error.reason, error.path) == ("BODY_INVALID", "/id")


@pytest.mark.parametrize("id", ["", "..", "a/b", "a?b", "%2e", "é", "a" * 129])
async def test_an_id_that_is_none_is_not_sent(vtn: Vtn, client: Client, id: str) -> None:
    topics = client.topics(f"vens/{id}" if "/" not in id else f"vens/?{id}")
    for call in (client.events.get(id), client.events.delete(id), topics):
        assert (await refused(call)).reason == "QUERY_INVALID"
    assert not vtn.seen


async def test_a_filter_the_kind_does_not_know_is_a_mistake(client: Client) -> None:
    with pytest.raises(TypeError, match="subscriptions cannot be filtered by active, targets"):
        await client.subscriptions.list(targets=("A",), active=True)


async def test_no_targets_are_no_filter_and_false_is_one(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/events", reply([]))
    await client.events.list(targets=(), active=False)
    assert vtn.seen[0].query[0] == ("active", "false")


@pytest.mark.parametrize(
    "url",
    [
        "http://vtn.example/",
        "ftp://127.0.0.1/",
        "/openadr3",
        "https://u:p@vtn.example",
        "https://vtn.example/?a=b",
        "https://vtn.example/#a",
    ],
)
def test_a_url_that_is_not_safe_makes_no_client(url: str) -> None:
    with pytest.raises(ValueError):
        Client(url, None)


def test_at_least_one_attempt_is_made() -> None:
    with pytest.raises(ValueError):
        Client("https://vtn.example", None, attempts=0)
