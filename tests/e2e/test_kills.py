"""A sample of the kill campaign; `make soak` runs a hundred."""

from pathlib import Path

import pytest

from tests.soak.kills import campaign


@pytest.mark.soak
@pytest.mark.e2e
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    campaign(tmp_path / "kills", said.append, kills=2, seed=7)
    assert len(said) == 3
    # cut here, and taken up again: the same database, and only what is left
    campaign(tmp_path / "kills", said.append, kills=3, seed=7)
    assert said[3] == "seed 7: 1 of 3 kills under write load left"
    assert len(said) == 5
    before, after = (int(line.split()[4]) for line in (said[2], said[4]))
    assert after > before
