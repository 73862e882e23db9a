"""The printed API is the served one: paths, methods, parameters, schemas, instances."""

import json
import re
from functools import cache
from typing import Any

import aiohttp
import jsonschema
import pytest
from jsonschema.exceptions import best_match
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.golden import LIFE, life
from tests.shared import needs_shared
from tests.unit.ven.dso import terms
from ukprofile.errors import Refused
from ukprofile.openadr import (
    EventRequest,
    ProgramRequest,
    ReportRequest,
    read_resource_request,
    read_ven_request,
)
from vtn.domain.office import OFFICE
from vtn.domain.privacy import read_scope, write_scope
from vtn.domain.record import Kind, Role
from vtn.http.limits import most_bytes
from vtn.http.openapi import document
from vtn.http.problems import Problems
from vtn.http.query import PARAMETERS
from vtn.http.routes import KINDS, routes
from vtn.testing import running_vtn

AUTH = {("/auth/server", "GET"), ("/auth/token", "POST")}
METHODS = ("GET", "POST", "PUT", "DELETE")


@cache
def printed():
    """The document, to be looked at: making it anew takes a while."""
    return document()


def operations():
    """(path, method) to operation."""
    return {
        (path, method.upper()): operation
        for path, item in printed()["paths"].items()
        for method, operation in item.items()
    }


def test_it_has_exactly_the_paths_and_methods_that_are_served():
    served = routes(None, None, None, Problems(None), None)
    due = {(path, method) for path, methods in served.items() for method in methods}
    assert set(operations()) == due | AUTH


def test_it_is_a_valid_openapi_document():
    assert [error.message for error in OpenAPIV31SpecValidator(printed()).iter_errors()] == []
    spoilt = document()
    spoilt["paths"]["/programs"]["get"]["responses"] = []
    assert any(True for _ in OpenAPIV31SpecValidator(spoilt).iter_errors())


def test_every_reference_resolves_and_every_schema_is_used():
    asked = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(printed())))
    there = {f"#/components/schemas/{name}" for name in printed()["components"]["schemas"]}
    assert asked == there


def test_operation_ids_are_unique_names():
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)


def test_an_id_in_a_path_is_a_parameter_and_the_filters_are_those_that_are_read():
    for (path, method), operation in operations().items():
        given = {(p["in"], p["name"]) for p in operation.get("parameters", ())}
        assert (("path", "id") in given) == ("{id}" in path)
        if path in KINDS and method == "GET":
            assert {name for _, name in given} == {*PARAMETERS[KINDS[path]], "skip", "limit"}


def test_the_longest_body_is_printed():
    for (path, method), operation in operations().items():
        body = operation.get("requestBody")
        assert (body is None) == (method not in ("POST", "PUT"))
        if body is not None:
            assert body["x-max-bytes"] == most_bytes(path)
            assert f"{most_bytes(path):,}" in body["description"]


def test_scopes_are_those_that_are_asked_for():
    for (path, method), operation in operations().items():
        scopes = [scope["oauth"] for scope in operation.get("security", ())]
        kind = KINDS.get(path.removesuffix("/{id}"))
        if (path, method) in AUTH:
            assert "security" not in operation
        elif path.startswith("/desk/"):
            assert scopes == [["read_all"] if method == "GET" else ["write_events"]]
        elif kind is None:
            assert scopes == [[]]
        elif method == "GET":
            assert scopes == [[read_scope(kind)], ["read_all"]]
        else:
            assert scopes == [[write_scope(kind)]]


def test_whatever_is_posted_but_a_token_request_takes_a_key():
    for (path, method), operation in operations().items():
        given = [p["schema"] for p in operation.get("parameters", ()) if p["in"] == "header"]
        if method == "POST" and path != "/auth/token":
            (schema,) = given
            assert re.search(schema["pattern"], '"k-1"')
            assert not re.search(schema["pattern"], "k 1")
        else:
            assert given == []


async def test_every_operation_is_answered_and_no_other_is():
    async with running_vtn() as vtn, aiohttp.ClientSession(vtn.url) as session:
        tokens = [await token_of(vtn, session, name, role) for name, role in SIDES]
        for path in printed()["paths"]:
            for method in METHODS:
                answers = [
                    await ask(session, method, path.replace("{id}", "an-id"), token)
                    for token in tokens
                ]
                reasons = {answer.get("reason") for _, answer in answers}
                details = {answer.get("detail") for _, answer in answers}
                if (path, method) in operations():
                    assert "there is no such path here" not in details, (path, method)
                    assert reasons.isdisjoint({"METHOD", "INTERNAL"}), (path, method)
                else:
                    assert reasons == {"METHOD"}, (path, method)
                    assert {status for status, _ in answers} == {405}


SIDES = (("desk", Role.BL), ("FSP7", Role.VEN))


async def token_of(vtn, session, name, role):
    client_id, secret = await vtn.client(name, role)
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    async with session.post("/auth/token", data=form) as answer:
        shown = await answer.json()
        check(shown, "ClientCredentialResponse")
        check(form, "ClientCredentialRequest")
        return shown["access_token"]


async def ask(session, method, path, token, **more):
    headers = {"Authorization": f"Bearer {token}"}
    async with session.request(method, path, headers=headers, **more) as answer:
        shown = await answer.json()
        if answer.status >= 400:
            check(shown, "Problem")
        return answer.status, shown if isinstance(shown, dict) else {}


# -- instances -------------------------------------------------------------------------------------


@cache
def validator(name: str, *more: str) -> jsonschema.Draft202012Validator:
    """Of one schema of the document, or of any one of several."""
    either: Any = [{"$ref": f"#/components/schemas/{one}"} for one in (name, *more)]
    schema = {"oneOf": either, "components": printed()["components"]}
    return jsonschema.Draft202012Validator(schema)


def check(shown, *schemas):
    """That it fits; else the one line that says where it does not."""
    fault = best_match(validator(*schemas).iter_errors(shown))
    assert fault is None, f"{list(fault.absolute_path)}: {fault.message[:300]}"


REQUESTS = {
    "program": ("ProgramRequest",),
    "event": ("EventRequest",),
    "report": ("ReportRequest",),
    "ven": ("VenVenRequest", "BlVenRequest"),
    "resource": ("VenResourceRequest", "BlResourceRequest"),
}


def golden():
    names = sorted(p.name for p in LIFE.glob("[0-9]*.json"))
    return [tuple(name.split("_")[:2]) for name in names] or [("none", "none")]


@needs_shared
@pytest.mark.parametrize(("number", "kind"), golden())
def test_the_golden_life_fits_its_schemas(number, kind):
    check(life(number), *REQUESTS[kind])


@needs_shared
def test_the_golden_life_has_every_kind():
    assert {kind for _, kind in golden()} == set(REQUESTS)


async def test_what_is_stored_and_listed_fits_its_schemas():
    async with running_vtn() as running:
        office = running.vtn.office
        await office.add_client("FSP7", Role.VEN)
        await office.add_contract(terms(), "FSP7")
        for kind, name in ((k, k.value.title()) for k in Kind if k is not Kind.SUBSCRIPTION):
            for record in running.vtn.store.live.find(kind):
                shown = json.loads(running.vtn.objects.get(kind, record.id, OFFICE).body)
                check(shown, name)
                del shown["id"]
                assert not validator(name).is_valid(shown)


READ = {
    REQUESTS["program"]: ProgramRequest.read,
    REQUESTS["event"]: EventRequest.read,
    REQUESTS["report"]: ReportRequest.read,
    REQUESTS["ven"]: read_ven_request,
    REQUESTS["resource"]: read_resource_request,
}


@pytest.mark.parametrize(
    ("schemas", "body"),
    [
        (REQUESTS["program"], {}),
        (REQUESTS["program"], {"programName": 1}),
        (REQUESTS["event"], {"programID": "not an id"}),
        (REQUESTS["ven"], {"venName": "FSP7"}),
        (REQUESTS["ven"], {"objectType": "VEN", "venName": "FSP7"}),
        (REQUESTS["resource"], {"resourceName": "R", "venID": "v"}),
        (REQUESTS["report"], {"eventID": "e"}),
    ],
)
def test_what_is_refused_does_not_fit(schemas, body):
    """Both say no, or whoever makes a client from the document is surprised."""
    assert not validator(*schemas).is_valid(body)
    with pytest.raises(Refused):
        READ[schemas](body)
