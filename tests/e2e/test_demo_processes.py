"""The demo: it says why it cannot start, and whatever happens it leaves nothing behind.

Faults in the programs are planted by `tests/soak/demo_faults.py` (`make soak`): each costs a day.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.playing import refused
from tests.soak.demo_faults import PLANTED
from tests.soak.progress import ROOT
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_every_planted_fault_can_be_planted() -> None:
    assert len(PLANTED) >= 20
    for planted in PLANTED:
        planted.apply((ROOT / planted.file).read_text())


def test_a_demo_that_cannot_start_says_why(tmp_path: Path) -> None:
    scenario = json.loads((ROOT / "demo/scenario.json").read_text()) | {"dso": "NO DSO"}
    (tmp_path / "scenario.json").write_text(json.dumps(scenario))
    words = ("--scenario", tmp_path / "scenario.json", "--directory", tmp_path / "played")
    assert "'NO DSO' is no party id of a DSO" in refused(*words)


def running_in(directory: Path) -> list[str]:
    """The processes that name this directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            found.append(path.read_bytes().decode(errors="replace"))
    return [line for line in found if str(directory) in line]


async def test_a_demo_that_is_asked_to_stop_leaves_nothing_running(tmp_path: Path) -> None:
    directory = tmp_path / "played"
    words = (sys.executable, "-m", "demo", "--directory", directory)
    demo = await asyncio.create_subprocess_exec(*map(str, words), cwd=ROOT, stdout=DEVNULL)
    await until((directory / "vtn.ready.json").exists, why="its VTN runs", timeout_s=60)
    demo.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(demo.wait(), 60) == 1
    assert running_in(directory) == []
