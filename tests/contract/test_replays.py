"""A sample of the replays; `make soak` runs a hundred thousand of them."""

import random

import pytest

from tests.soak.recorded import World, record_day
from tests.soak.replays import Replays
from ukprofile.flex.kinds import KINDS
from ukprofile.receiving import deciding
from ven import receive


@pytest.mark.soak
async def test_replays_across_restarts_old_files_and_clock_steps_have_no_second_effect(
    tmp_path, monkeypatch
):
    chance = random.Random(7)
    world = World(tmp_path, chance)
    try:
        await record_day(world)
        said = {heard.message["kind"] for heard in world.heard.values()}
        assert said == KINDS.keys() - {"roster"}  # which nobody sends yet
        await world.open()
        replays = Replays(world, chance, life=40)
        await world.close()
        await replays.run(240)
        for what in ("put back", "journal back", "clocks", "taken again by the VTN", "desk: said"):
            assert replays.counts[what], replays.counts
        # and the checker sees it where known texts are not known
        for module in (receive, deciding):
            monkeypatch.setattr(module, "repeat", lambda _text, _ledger: None)
        with pytest.raises(AssertionError, match="again, at the"):
            await replays.run(40)
    finally:
        await world.close()
