"""A sample of the kill campaign; `make soak` runs a hundred."""

from pathlib import Path

import pytest

from tests.soak.kills import campaign


@pytest.mark.soak
@pytest.mark.e2e
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    campaign(tmp_path / "vtn.db", kills=3, seed=7, told=said.append)
    assert len(said) == 3
