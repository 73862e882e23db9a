"""Whatever is sent to whatever path: an answer of the API's form, and never an error of ours."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.negatives import signed
from tests.contract.negatives.json_http import program
from tests.contract.negatives.scene import Given, plain_report, vtn_scene
from tests.contract.negatives.time_units import event
from tests.shared import needs_shared
from tests.wire import Reply, Request, post, put
from ukprofile.codes import CODES

pytestmark = needs_shared

Sender = Callable[[Request], Reply]


@contextmanager
def running() -> Iterator[tuple[Sender, list[Any]]]:
    """The scene in a thread of its own, so that one VTN serves every example."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def done(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    scene_of = vtn_scene(Given())
    try:
        scene = done(scene_of.__aenter__())
        yield lambda request: done(scene.send(request)), scene.security.errors
        done(scene_of.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.fixture(scope="module")
def vtn() -> Iterator[tuple[Sender, list[Any]]]:
    with running() as both:
        yield both


KINDS = ("programs", "events", "reports", "subscriptions", "vens", "resources")
OBJECTS = ("P7", "P8", "PX", "E1", "E8", "T7", "R8", "V7", "V8", "A7", "A8")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
ODD = st.sampled_from(
    [None, True, -1, 2**53, 1e308, "", "x" * 200, "\u202e", "0001-01-01", "P1M", "PT0S", [], {}]
) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@cache
def good() -> list[Request]:
    """Requests that are taken, or could be: of every kind, by who may."""
    operation = {
        "objects": ["EVENT"],
        "operations": ["CREATE"],
        "callbackUrl": "https://a.example",
    }
    subscription = {"clientName": "FSP7", "programID": "{P7}", "objectOperations": [operation]}
    period = {"start": "2026-11-24T18:00:00Z", "duration": "PT30M"}
    ven = {"objectType": "BL_VEN_REQUEST", "venName": "V", "clientID": "v", "targets": ["T"]}
    resource = {"resourceName": "r", "venID": "{V7}"}
    return [
        post("/programs", program("x", attributes=[{"type": "A", "values": [1]}])),
        put("/programs/{PX}", program("plain", intervalPeriod=period, targets=["T"])),
        post("/events", event(intervalPeriod=period)),
        post("/events", signed.event_of(signed.i2())),
        put("/events/{E1}", signed.event_of(signed.d1())),
        post("/reports", plain_report("{E1}", "FSP7"), "fsp7"),
        post("/subscriptions", subscription, "fsp7"),
        put("/vens/{V7}", {"objectType": "VEN_VEN_REQUEST", "venName": "FSP7"}, "fsp7"),
        post("/vens", ven),
        post("/resources", {"objectType": "VEN_RESOURCE_REQUEST", **resource}, "fsp7"),
        put(
            "/resources/{A7}",
            {"objectType": "BL_RESOURCE_REQUEST", "clientID": "fsp7", **resource},
        ),
    ]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a JSON value something can be put in place of what is there."""
    found = [path] if path else []
    if isinstance(value, (dict, list)):
        for step in value if isinstance(value, dict) else range(len(value)):
            found += places(value[step], (*path, step))
    return found


@st.composite
def spoilt(draw: st.DrawFn) -> Request:
    """A good request with up to three members of its body replaced by whatever comes."""
    request = draw(st.sampled_from(good()))
    body = request.json
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(body) or [("x-more",)]))
        inner = body
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = draw(ODD)
    return replace(request, body=as_json(body))


def as_json(value: Any) -> bytes:
    """JSON as Python writes it, NaN and lone surrogates included."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


PATHS = st.one_of(
    st.sampled_from(["/" + kind for kind in KINDS]),
    st.builds("/{}/{{{}}}".format, st.sampled_from(KINDS), st.sampled_from(OBJECTS)),
    st.builds(
        "/{}/{}".format, st.sampled_from(KINDS), st.from_regex(r"[!-~]{1,20}", fullmatch=True)
    ),
    st.sampled_from(["/auth/server", "/auth/token", "/notifiers", "/notifiers/mqtt/topics/vens/a"]),
    st.from_regex(r"/[!-~]{0,30}", fullmatch=True),
)
QUERIES = st.one_of(
    st.just(""),
    st.builds(
        "?{}={}".format,
        st.sampled_from(["targets", "skip", "limit", "active", "programID", "venName", "objects"]),
        st.from_regex(r"[!-\"$-~]{0,20}", fullmatch=True),
    ),
    st.from_regex(r"\?[!-\"$-~]{0,30}", fullmatch=True),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["If-Match", "If-None-Match", "Accept", "X-A", "Content-Encoding", "Range"]
        ),
        st.from_regex(r"[!-~]{1,20}", fullmatch=True),
    ),
    max_size=2,
    unique_by=lambda header: header[0],
)
REQUESTS = st.builds(
    lambda method, path, query, body, token, headers, media: Request(
        method, path + query, body, token, tuple(headers), media
    ),
    st.sampled_from(METHODS),
    PATHS,
    QUERIES,
    st.binary(max_size=60) | spoilt().map(lambda request: request.body),
    st.sampled_from(["bl", "fsp7", "fsp8", "nobody", ""]),
    HEADERS,
    st.sampled_from(
        ["application/json", "application/json", "application/x-www-form-urlencoded", None]
    ),
)


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(spoilt() | REQUESTS)
def test_no_request_makes_an_error_of_ours(
    vtn: tuple[Sender, list[Any]], request_: Request
) -> None:
    send, errors = vtn
    reply = send(request_)
    assert not errors
    assert reply.status < 500 or reply.status == 501
    if reply.status >= 400:
        assert reply.json["status"] == reply.status
        assert reply.json["reason"] in CODES
    elif reply.status != 304:
        assert reply.json is not None
