"""Payload descriptors of a program: told apart by their type, or by what only one of them has."""

from typing import Any

import pytest

from ukprofile.errors import Refused
from ukprofile.openadr import EventPayloadDescriptor, ProgramRequest, ReportPayloadDescriptor


def program(**descriptor: Any) -> ProgramRequest:
    return ProgramRequest.read({"programName": "p", "payloadDescriptors": [descriptor]})


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({}, "EVENT_PAYLOAD_DESCRIPTOR"),
        ({"units": "KWH", "currency": "GBP"}, "EVENT_PAYLOAD_DESCRIPTOR"),
        ({"readingType": "DIRECT_READ"}, "REPORT_PAYLOAD_DESCRIPTOR"),
        ({"accuracy": 0.5}, "REPORT_PAYLOAD_DESCRIPTOR"),
        ({"confidence": 95}, "REPORT_PAYLOAD_DESCRIPTOR"),
        ({"objectType": "REPORT_PAYLOAD_DESCRIPTOR"}, "REPORT_PAYLOAD_DESCRIPTOR"),
        # what it says of itself counts, and a member it does not know stays unknown
        (
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "readingType": "DIRECT_READ"},
            "EVENT_PAYLOAD_DESCRIPTOR",
        ),
    ],
)
def test_a_descriptor_without_a_type_is_told_by_its_members(members: Any, kind: str) -> None:
    found = program(payloadType="USAGE", **members)
    assert found.dump()["payloadDescriptors"] == [
        {"payloadType": "USAGE", **members, "objectType": kind}
    ]


@pytest.mark.parametrize("told", ["EVENT", "", 1, [], {}])
def test_a_type_that_is_none_is_refused(told: Any) -> None:
    with pytest.raises(Refused, match="BODY_INVALID") as refused:
        program(payloadType="USAGE", objectType=told)
    assert refused.value.path == "/payloadDescriptors/0"


def test_our_own_descriptors_need_no_telling() -> None:
    ours = (EventPayloadDescriptor(payload_type="A"), ReportPayloadDescriptor(payload_type="B"))
    assert ProgramRequest(program_name="p", payload_descriptors=ours).payload_descriptors == ours
    with pytest.raises(ValueError, match="payload_descriptors"):
        ProgramRequest(program_name="p", payload_descriptors=(1,))  # type: ignore[arg-type]
