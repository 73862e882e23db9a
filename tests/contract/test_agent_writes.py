"""An agent that dies, or finds no room, at its writes: as if nothing had been. A sample;
`make soak` takes each write of the life by itself.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.dying import Fate
from tests.soak.agent_writes import FATES, again_and_again, compare, life, once


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found, doom = asyncio.run(life(tmp_path_factory.mktemp("undisturbed")))
    assert doom.writes > 50
    return found


@pytest.mark.soak
@pytest.mark.parametrize("fate", FATES)
async def test_an_agent_struck_every_few_writes_does_all_of_it_once(
    tmp_path: Path, undisturbed: dict[str, Any], fate: Fate
) -> None:
    found, doom = await life(tmp_path, again_and_again(fate, 1))
    assert doom.struck > 10
    compare(undisturbed, found)


@pytest.mark.soak
@pytest.mark.parametrize(("fate", "number"), [("before", 29), ("after", 7), ("full", 50)])
async def test_an_agent_struck_once_does_all_of_it_once(
    tmp_path: Path, undisturbed: dict[str, Any], fate: Fate, number: int
) -> None:
    found, doom = await life(tmp_path, once(fate, number))
    assert doom.struck == 1
    compare(undisturbed, found)
