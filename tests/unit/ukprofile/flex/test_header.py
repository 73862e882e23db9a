"""The header of a message, field by field: what fits, and what is refused by which code."""

from dataclasses import replace
from typing import Any

import pytest

from tests.made import body, header, minute
from ukprofile.errors import Refused
from ukprofile.flex.header import Reference, read_header

SHA = "ab" * 32
WHOLE = replace(
    header(accept_by=minute(30)),
    suite=2,
    in_reply_to=Reference(1, SHA, "D0"),
    supersedes=Reference(0, SHA),
    criticality={"/body/new": "abort", "/body/other": "ignore"},
)
MESSAGE = WHOLE.to_json(body())


def refusal(message: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        read_header(message)
    return refused.value.reason, refused.value.path


def test_a_header_comes_back_from_its_message() -> None:
    assert read_header(MESSAGE) == WHOLE
    bare = header(accept_by=minute(30))
    assert read_header(bare.to_json({})) == bare
    assert bare.to_json({}).keys().isdisjoint({"in_reply_to", "supersedes", "criticality"})


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("profile", "1"),
        ("profile", 1.0),
        ("suite", 3),
        ("suite", True),
        ("key_set", ""),
        ("key_set", "a b"),
        ("kind", "Cease"),
        ("message_id", "01995e2e-7b1c-4c3a-8a51-3f0d9c7e1a2b"),
        ("message_id", "01995E2E-7B1C-7C3A-8A51-3F0D9C7E1A2B"),
        ("issuer", "x" * 65),
        ("recipient", "market:UKPN:OU"),
        ("environment", "test"),
        ("program", "UKPN"),
        ("program", "UKPN:a:b"),
        ("thread", "a.b"),
        ("thread", "x" * 65),
        ("revision", -1),
        ("revision", True),
        ("revision", "1"),
        ("body", []),
        ("in_reply_to", SHA),
        ("in_reply_to", {"revision": 1, "sha256": SHA}),
        ("in_reply_to", {"revision": 1, "sha256": SHA, "thread": "D0", "more": 1}),
        ("in_reply_to", {"revision": 1, "sha256": SHA.upper(), "thread": "D0"}),
        ("in_reply_to", {"revision": -1, "sha256": SHA, "thread": "D0"}),
        ("in_reply_to", {"revision": 1, "sha256": SHA, "thread": 1}),
        ("supersedes", {"revision": 1}),
        ("supersedes", {"revision": 1, "sha256": SHA, "thread": ""}),
        ("criticality", []),
        ("criticality", {"/thread": "abort"}),
        ("criticality", {"/body/x": "panic"}),
        ("criticality", {f"/body/{n}": "abort" for n in range(17)}),
    ],
)
def test_a_field_of_another_form_is_refused(member: str, value: Any) -> None:
    assert refusal({**MESSAGE, member: value}) == ("HEADER_VALUE", f"/{member}")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("profile", "1.7"),
        ("recipient", "market:UKPN:OU:HENDON-WAY"),
        ("program", "market:UKPN:OU:HENDON-WAY"),
        ("thread", "x" * 64),
        ("revision", 0),
        ("supersedes", {"revision": 1, "sha256": SHA, "thread": "D0"}),
        ("criticality", {f"/body/{n}": "alert" for n in range(16)}),
    ],
)
def test_what_is_just_inside_the_form_is_taken(member: str, value: Any) -> None:
    assert read_header({**MESSAGE, member: value})


@pytest.mark.parametrize(
    "member", sorted(MESSAGE.keys() - {"in_reply_to", "supersedes", "criticality"})
)
def test_a_field_that_is_absent_is_named(member: str) -> None:
    message = {name: value for name, value in MESSAGE.items() if name != member}
    if member == "kind":
        message.pop("accept_by")  # of no kind, nothing is known to be due
    assert refusal(message) == ("HEADER_MISSING_FIELD", f"/{member}")


def test_an_answer_must_say_what_it_answers() -> None:
    answer = header("acknowledgement").to_json({})
    assert refusal(answer) == ("HEADER_MISSING_FIELD", "/in_reply_to")
    assert read_header(header("availability").to_json({}))


@pytest.mark.parametrize("member", ["issued_at", "valid_until", "accept_by"])
@pytest.mark.parametrize("value", ["2026-11-24T15:00:00.000Z", "2026-11-24t15:00:00z", 1, None])
def test_times_have_one_form(member: str, value: Any) -> None:
    assert refusal({**MESSAGE, member: value}) == ("TIME_FORMAT", f"/{member}")


def test_an_unknown_field_aborts_before_anything_else() -> None:
    assert refusal({"not_before": 1}) == ("HEADER_UNKNOWN_FIELD", "/not_before")
    assert refusal({**MESSAGE, "not_before": 1}) == ("HEADER_UNKNOWN_FIELD", "/not_before")


def test_another_major_version_and_an_unknown_kind_are_told_apart() -> None:
    assert refusal({**MESSAGE, "profile": "2.0", "kind": "beg"}) == (
        "PROFILE_UNSUPPORTED",
        "/profile",
    )
    assert refusal({**MESSAGE, "profile": "11.0"}) == ("PROFILE_UNSUPPORTED", "/profile")
    assert refusal({**MESSAGE, "kind": "beg"}) == ("KIND_UNKNOWN", "/kind")
    assert refusal({**MESSAGE, "kind": []})[0] == "HEADER_VALUE"
