"""The problem of a peer: read whoever wrote it, with our reason code where there is one."""

from typing import Any

import pytest

from ukprofile.errors import Refused
from ukprofile.openadr import Problem


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, None),
        ({"title": "Not Found", "status": 404}, None),
        ({"status": 409, "reason": "IN_USE"}, "IN_USE"),
        ({"status": 409, "reason": 7}, None),
    ],
)
def test_a_reason_is_read_where_it_is_a_word(value: Any, reason: str | None) -> None:
    problem = Problem.read(value)
    assert problem.reason == reason
    assert problem.dump() == value


@pytest.mark.parametrize("status", [99, 600, "404", 404.0])
def test_a_status_is_one_of_http(status: Any) -> None:
    with pytest.raises(Refused) as refused:
        Problem.read({"status": status})
    assert refused.value.path == "/status"
