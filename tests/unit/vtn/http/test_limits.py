"""The table of limits: how long a body may be, and how slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.openadr import REQUEST
from vtn.http.limits import MOST_BYTES, Pace, most_bytes


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/reports", 1_048_576),
        ("/reports/", 1_048_576),
        ("/reports/an-id", 1_048_576),
        ("/auth/token", 16_384),
        ("/desk/cease", 65_536),
        ("/vens/a/b", 65_536),
        ("/nowhere", 1_048_576),
        ("/", 1_048_576),
        ("", 1_048_576),
    ],
)
def test_the_longest_body_goes_by_the_first_step_of_the_path(path: str, most: int) -> None:
    assert most_bytes(path) == most


def test_nothing_is_let_in_that_the_strict_door_refuses_by_its_size() -> None:
    assert max(MOST_BYTES.values()) <= REQUEST.max_bytes


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_bytes_earn_more_time_up_to_the_whole(fewer: int, more: int) -> None:
    pace = Pace(grace_s=5, per_s=1_000, whole_s=30)
    fewer, more = sorted((fewer, more))
    assert 5 <= pace.due_s(fewer) <= pace.due_s(more) <= 30
    assert pace.due_s(0) == 5
    assert pace.due_s(1_000) == 6
    assert pace.due_s(25_000) == pace.due_s(26_000) == 30
