"""What every object has in common: what is dropped, demanded, kept, pointed at."""

from typing import Any

import pytest

from ukprofile.errors import Refused
from ukprofile.openadr import (
    BlResourceRequest,
    BlVenRequest,
    EventRequest,
    ProgramRequest,
    ReportRequest,
    SubscriptionRequest,
    VenResourceRequest,
    VenVenRequest,
    Wire,
    read_resource_request,
    read_ven_request,
)
from ukprofile.openadr.wire import pointer

OWNED = {"id": "x1", "createdDateTime": "1999-01-01T00:00:00Z", "modificationDateTime": "x"}
VEN = {"venName": "v", "objectType": "VEN_VEN_REQUEST"}
RESOURCE = {"resourceName": "r", "venID": "v", "objectType": "VEN_RESOURCE_REQUEST"}


@pytest.mark.parametrize(
    ("model", "sent", "not_theirs"),
    [
        (ProgramRequest, {"programName": "p"}, {"objectType": 1}),
        (EventRequest, {"programID": "p"}, {"objectType": 1}),
        (ReportRequest, {"eventID": "e", "clientName": "c", "resources": []}, {"clientID": "x"}),
        (SubscriptionRequest, {"clientName": "c", "objectOperations": []}, {"clientID": "x"}),
        (VenVenRequest, VEN, {"clientID": "x", "targets": ["T"]}),
        (VenResourceRequest, RESOURCE, {"clientID": "x", "targets": ["T"]}),
    ],
)
def test_what_the_sender_has_no_say_in_is_taken_away(
    model: type[Wire], sent: dict[str, Any], not_theirs: dict[str, Any]
) -> None:
    assert model.read({**sent, **OWNED, **not_theirs}).dump() == sent


def test_the_bl_may_name_the_client_and_grant_targets() -> None:
    granted = {"clientID": "c", "targets": ["T"]}
    ven = {**VEN, **granted, "objectType": "BL_VEN_REQUEST"}
    resource = {**RESOURCE, **granted, "objectType": "BL_RESOURCE_REQUEST"}
    assert isinstance(found := read_ven_request({**ven, **OWNED}), BlVenRequest)
    assert found.dump() == ven
    assert isinstance(made := read_resource_request({**resource, **OWNED}), BlResourceRequest)
    assert made.dump() == resource


@pytest.mark.parametrize("value", [{}, {"objectType": "VEN"}, {"objectType": []}, [], None])
def test_a_request_of_two_kinds_must_say_which(value: Any) -> None:
    for read in (read_ven_request, read_resource_request):
        with pytest.raises(Refused) as refused:
            read(value)
        assert (refused.value.reason, refused.value.path) == ("BODY_INVALID", "/objectType")
    with pytest.raises(Refused, match="absent") as absent:
        VenVenRequest.read({"venName": "v"})
    assert absent.value.path == "/objectType"


def test_a_refusal_in_a_list_has_its_index_and_is_otherwise_the_same() -> None:
    with pytest.raises(Refused) as alone:
        ProgramRequest.read({"programName": "\u202e"})
    with pytest.raises(Refused) as listed:
        ProgramRequest.read_list([{"programName": "p"}, {"programName": "\u202e"}])
    assert (listed.value.path, listed.value.security) == ("/1/programName", True)
    assert (listed.value.reason, listed.value.detail, listed.value.clause) == (
        alone.value.reason,
        alone.value.detail,
        alone.value.clause,
    )


def test_null_and_absent_are_the_same_to_a_reader_and_differ_in_what_is_written() -> None:
    for sent in ({"programName": "p"}, {"programName": "p", "targets": None}):
        found = ProgramRequest.read(sent)
        assert found.targets is None
        assert found.dump() == sent


def test_members_are_spelt_as_in_the_specification_only() -> None:
    with pytest.raises(Refused, match="programName"):
        ProgramRequest.read({"program_name": "p"})
    assert ProgramRequest(program_name="p").dump() == {"programName": "p"}


@pytest.mark.parametrize(
    ("loc", "value", "missing", "found"),
    [
        ((), {}, False, ""),
        (("a~b/c", 0, "~1"), {"a~b/c": [{"~1": 1}]}, False, "/a~0b~1c/0/~01"),
        # names of union members, which pydantic puts among the steps, are no steps
        (("values", 0, "point", "x"), {"values": [{"x": 1}]}, False, "/values/0/x"),
        (("values", 0, "point", "y"), {"values": [{"x": 1}]}, True, "/values/0/y"),
        (("values", 0, "point", "y"), {"values": [{"x": 1}]}, False, "/values/0"),
    ],
)
def test_a_pointer_follows_the_value(
    loc: tuple[str | int, ...], value: Any, missing: bool, found: str
) -> None:
    assert pointer(loc, value, missing=missing) == found
