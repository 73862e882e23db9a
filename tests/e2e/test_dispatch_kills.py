"""Two in a hundred of the kills during dispatches; `make soak` does the rest."""

from pathlib import Path

import pytest

from tests.soak.dispatch_faults import PLANTED, TREES, judge
from tests.soak.dispatch_kills import campaign
from tests.soak.mutating import Copy

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.timeout(600)]


def test_nothing_is_lost_or_done_twice_when_vtn_and_agents_are_killed_during_dispatches(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    campaign(tmp_path / "dispatch-kills", said.append, kills=20, seed=7)
    assert said[0] == "seed 7: 20 of 20 kills during dispatches left"
    assert "20 kills" in said[1], said
    assert not (tmp_path / "dispatch-kills" / "round-0").exists()
    # taken up again: it is all done
    campaign(tmp_path / "dispatch-kills", said.append, kills=20, seed=7)
    assert said[2:] == ["seed 7: 0 of 20 kills during dispatches left"]


def test_an_agent_that_tells_its_devices_twice_is_found_out(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy", TREES)
    assert judge(copy, PLANTED[0], tmp_path / "played", kills=4, tries=2) == "named"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.what)
def test_every_fault_can_be_planted(planted) -> None:
    planted.apply((Path(__file__).parent.parent.parent / planted.file).read_text())
