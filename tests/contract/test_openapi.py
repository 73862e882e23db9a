"""The wire models against the official OpenAPI file, both ways."""

import json
import re
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import life
from tests.shared import SHARED, needs_shared
from ukprofile import openadr
from ukprofile.errors import Refused
from ukprofile.openadr import Wire, read_json

READ: dict[str, Any] = {
    "programRequest": openadr.ProgramRequest.read,
    "program": openadr.Program.read,
    "eventRequest": openadr.EventRequest.read,
    "event": openadr.Event.read,
    "reportRequest": openadr.ReportRequest.read,
    "report": openadr.Report.read,
    "subscriptionRequest": openadr.SubscriptionRequest.read,
    "subscription": openadr.Subscription.read,
    "venRequest": openadr.read_ven_request,
    "resourceRequest": openadr.read_resource_request,
    "notifiersResponse": openadr.NotifiersResponse.read,
    "notifierTopicsResponse": openadr.NotifierTopicsResponse.read,
    "authServerInfo": openadr.AuthServerInfo.read,
    "clientCredentialRequest": openadr.ClientCredentialRequest.read,
    "clientCredentialResponse": openadr.ClientCredentialResponse.read,
    "problem": openadr.Problem.read,
}
BROKEN = {
    "ven": "T5: objectType would have to be VEN and BL_VEN_REQUEST at once",
    "resource": "T5: objectType would have to be RESOURCE and BL_RESOURCE_REQUEST at once",
    "notification": "T5, where its object is a ven or a resource",
}


@cache
def components() -> Any:
    return yaml.safe_load((SHARED / "openadr/3.1.1/openadr3.yaml").read_text())["components"]


@cache
def validator(name: str) -> jsonschema.Draft4Validator:
    """A JSON Schema of one component: nullable spelt out, the discriminators left out."""

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(n) for n in node]
        if not isinstance(node, dict):
            return node
        node = {k: plain(v) for k, v in node.items() if k != "discriminator"}
        if node.get("nullable") and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        return node

    schema = {"$ref": f"#/components/schemas/{name}", "components": plain(components())}
    return jsonschema.Draft4Validator(schema)


NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
FORMATS = {
    "date-time": st.sampled_from(
        ["2026-03-29T01:00:00Z", "2026-10-25T01:30:00+01:00", "0001-01-01T00:00:00Z"]
    ),
    "uri": st.sampled_from(["https://vtn.example/x", "mqtts://broker.example:8883"]),
}
DURATIONS = st.sampled_from(["PT1H", "P1DT2H", "PT0S", "P9999Y", "P1W", "PT1.5S"])


@cache
def valid(name: str) -> st.SearchStrategy[Any]:
    """Values that the schema of that name admits."""
    return of_schema(components()["schemas"][name])


def of_schema(schema: Any) -> st.SearchStrategy[Any]:
    """Values that the schema admits."""
    if "$ref" in schema:
        return valid(schema["$ref"].rsplit("/", 1)[1])
    if "oneOf" in schema or "anyOf" in schema:
        return st.one_of([of_schema(s) for s in schema.get("oneOf", schema.get("anyOf"))])
    if "allOf" in schema:
        parts = [of_schema(s) for s in schema["allOf"]]
        return st.tuples(*parts).map(
            lambda found: {k: v for part in found for k, v in part.items()}
        )
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("nullable"):
        return st.none() | of_schema({k: v for k, v in schema.items() if k != "nullable"})
    kind = schema.get("type", "object")
    if kind == "object":
        members = {k: of_schema(v) for k, v in schema.get("properties", {}).items()}
        must = {k: members.pop(k) for k in schema.get("required", ())}
        return st.fixed_dictionaries(must, optional=members)
    if kind == "array":
        return st.lists(of_schema(schema["items"]), max_size=2)
    if kind == "string":
        if schema.get("pattern", "").startswith("^(-?)P"):
            return DURATIONS
        return FORMATS.get(schema.get("format", ""), NAMES)
    if kind == "integer":
        return st.integers(schema.get("minimum", -1000), schema.get("maximum", 1000) - 1)
    if kind == "number":
        return st.integers(-100, 100) | st.floats(-1e6, 1e6)
    return st.booleans()


TYPED = {"program": "PROGRAM", "event": "EVENT", "report": "REPORT", "subscription": "SUBSCRIPTION"}


@needs_shared
@pytest.mark.parametrize("name", sorted(READ))
def test_what_the_schema_admits_is_read_and_written_back(name: str) -> None:
    @given(st.data())
    def check(data: st.DataObject) -> None:
        value = data.draw(valid(name))
        if name in TYPED:
            value["objectType"] = TYPED[name]
        validator(name).validate(value)
        model: Wire = READ[name](read_json(json.dumps(value).encode()))
        dumped = model.dump()
        assert {k: dumped[k] for k in value} == value
        assert json.loads(model.dump_json()) == dumped
        validator(name).validate(dumped)

    check()


@needs_shared
@pytest.mark.parametrize("name", sorted(set(READ) - {"problem"}))
def test_what_lacks_a_required_member_is_refused_where_it_is_missing(name: str) -> None:
    @given(st.data())
    def check(data: st.DataObject) -> None:
        value = data.draw(valid(name))
        if name in TYPED:
            value["objectType"] = TYPED[name]
        schema = components()["schemas"][name]
        parts = schema.get("allOf") or schema.get("oneOf") or [schema]
        required = []
        for part in parts:
            found = (
                components()["schemas"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
            )
            names = set(found.get("required", ()))
            required.append(names)
        every = set.intersection(*required) if "oneOf" in schema else set.union(*required)
        member = data.draw(
            st.sampled_from(
                sorted(every - {"objectType"} | ({"objectType"} if "oneOf" in schema else set()))
            )
        )
        if member in value:
            del value[member]
            with pytest.raises(Refused) as refused:
                READ[name](value)
            assert refused.value.reason == "BODY_INVALID"
            assert member in refused.value.path

    check()


@needs_shared
def test_every_schema_of_an_object_is_tested_or_listed_as_broken() -> None:
    wanted = {n for n in components()["schemas"] if re.search(r"(Request|Response|Info)$", n)}
    wanted |= {
        "program",
        "event",
        "report",
        "subscription",
        "ven",
        "resource",
        "notification",
        "problem",
    }
    parts = {"BlVenRequest", "VenVenRequest", "BlResourceRequest", "VenResourceRequest"}
    assert wanted - parts == set(READ) | set(BROKEN)


@needs_shared
@pytest.mark.parametrize(("name", "model"), [("ven", openadr.Ven), ("resource", openadr.Resource)])
def test_the_broken_response_schemas_admit_nothing_and_ours_says_what_the_guide_says(
    name: str, model: type[Wire]
) -> None:
    stored = {
        "id": "x",
        "createdDateTime": "2026-03-29T01:00:00Z",
        "modificationDateTime": "2026-03-29T01:00:00Z",
        "objectType": name.upper(),
        "clientID": "c",
        **({"venName": "v"} if name == "ven" else {"resourceName": "r", "venID": "v"}),
    }
    assert model.read(stored).dump() == stored
    assert not validator(name).is_valid(stored)


@needs_shared
@pytest.mark.parametrize("number", [f"{n:02d}" for n in range(1, 31)])
def test_the_golden_objects_are_read_and_written_back(number: str) -> None:
    body = life(number)
    for name, member in (
        ("programRequest", "programName"),
        ("reportRequest", "eventID"),
        ("eventRequest", "intervals"),
        ("resourceRequest", "resourceName"),
        ("venRequest", "venName"),
    ):
        if member in body:
            assert READ[name](body).dump() == body
            return
    raise AssertionError(number)


@pytest.mark.parametrize(
    ("read", "value", "reason", "path"),
    [
        ("programRequest", {}, "BODY_INVALID", "/programName"),  # N133a
        ("programRequest", [], "BODY_INVALID", ""),
        ("programRequest", {"programName": None}, "BODY_INVALID", "/programName"),  # N89e
        ("programRequest", {"programName": ""}, "BODY_INVALID", "/programName"),  # N133g
        ("programRequest", {"programName": "x" * 129}, "BODY_INVALID", "/programName"),  # N133h
        ("eventRequest", {"eventName": "x"}, "BODY_INVALID", "/programID"),  # N133b
        (
            "eventRequest",
            {"programID": "p", "targets": [""]},
            "BODY_INVALID",
            "/targets/0",
        ),  # N133i
        ("eventRequest", {"programID": "p", "priority": -1}, "BODY_INVALID", "/priority"),  # N133j
        ("eventRequest", {"programID": "p", "priority": 1.0}, "BODY_INVALID", "/priority"),  # N89c
        ("eventRequest", {"programID": "p", "priority": "1"}, "BODY_INVALID", "/priority"),  # N89d
        ("eventRequest", {"programID": "p", "priority": True}, "BODY_INVALID", "/priority"),
        ("eventRequest", {"programID": "a.b"}, "BODY_INVALID", "/programID"),
        (
            "eventRequest",
            {"programID": "p", "intervals": [{"id": 0, "payloads": [{"type": "PRICE"}]}]},
            "BODY_INVALID",
            "/intervals/0/payloads/0/values",
        ),  # N133k
        (
            "eventRequest",
            {
                "programID": "p",
                "intervals": [{"id": 0, "payloads": [{"type": "X", "values": [None]}]}],
            },
            "BODY_INVALID",
            "/intervals/0/payloads/0/values/0",
        ),
        ("venRequest", {"venName": "x"}, "BODY_INVALID", "/objectType"),  # N133e
        ("resourceRequest", {"resourceName": "x"}, "BODY_INVALID", "/objectType"),
        (
            "subscriptionRequest",
            {
                "clientName": "c",
                "objectOperations": [
                    {"objects": ["EVENT"], "operations": ["PATCH"], "callbackUrl": "https://x"}
                ],
            },
            "BODY_INVALID",
            "/objectOperations/0/operations/0",
        ),  # N133m
    ],
)
def test_a_refusal_points_at_the_fault(read: str, value: Any, reason: str, path: str) -> None:
    with pytest.raises(Refused) as refused:
        READ[read](value)
    assert (refused.value.reason, refused.value.path) == (reason, path)


def test_unknown_members_are_kept_and_what_the_server_owns_is_not() -> None:
    sent = {
        "programName": "p",
        "x-colour": "red",
        "id": "x1",
        "createdDateTime": "1999-01-01T00:00:00Z",
    }
    request = openadr.ProgramRequest.read(sent)
    assert request.dump() == {"programName": "p", "x-colour": "red"}
    assert request.extras == {"x-colour": "red"}


def test_lists_are_read_with_the_index_of_the_fault() -> None:
    with pytest.raises(Refused) as refused:
        openadr.ProgramRequest.read_list([{"programName": "p"}, {}])
    assert refused.value.path == "/1/programName"
    with pytest.raises(Refused, match="array"):
        openadr.ProgramRequest.read_list({})
    assert len(openadr.ProgramRequest.read_list([{"programName": "p"}])) == 1
    assert openadr.ProgramRequest.read_bytes(b'{"programName":"p"}').program_name == "p"
