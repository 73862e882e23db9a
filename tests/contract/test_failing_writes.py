"""The n-th write fails: nothing is acknowledged, nothing changes, and asked again it is done."""

from pathlib import Path

import pytest

from tests.soak.failing_writes import compare


@pytest.mark.soak
def test_a_dispatch_comes_to_its_end_whichever_write_fails(tmp_path: Path) -> None:
    """Of every step each fifth write; `make soak` fails every one."""
    assert compare(tmp_path, "20261125", 5) >= 15
