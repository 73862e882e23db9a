"""The demo: it plays its day on any date, and whatever happens it leaves nothing behind.

Faults in the programs are planted by `tests/soak/demo_faults.py` (`make soak`): each costs a day.
"""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.playing import play
from tests.soak.demo_faults import PLANTED
from tests.soak.progress import ROOT
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


# Two days of the year have 23 and 25 hours: the night dispatch lies across either change.
@pytest.mark.parametrize(
    ("date", "half_hours", "hours", "first"),
    [("2026-03-29", 46, 1, "00:30"), ("2026-10-25", 50, 3, "23:30")],
    ids=["forward", "back"],
)
def test_the_day_of_a_clock_change_is_played_as_it_is(
    tmp_path: Path, date: str, half_hours: int, hours: int, first: str
) -> None:
    play(tmp_path / "played", "--date", date)
    with closing(sqlite3.connect(tmp_path / "played/vtn/vtn.db")) as db:
        texts = [json.loads(text) for (text,) in db.execute("SELECT text FROM messages")]
    (night,) = [m for m in texts if m["kind"] == "instruction" and m["thread"] == "DSP-NIGHT"]
    (period,) = night["body"]["periods"]
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    assert (f"{start:%H:%M}", end - start) == (first, timedelta(hours=hours))
    log = (tmp_path / "played/acme/devices/NORTH-AS-000101.jsonl").read_text().splitlines()
    held = json.loads(log[0])
    assert (held["from"], held["to"]) == (period["start"], period["end"])
    metered = [m["body"] for m in texts if m["kind"] == "post_action"]
    assert len(metered) == 6
    for body in metered:
        series = ("metered_w", "baseline_w", "delivered_wh", "quality")
        assert {len(body[name]) for name in series} == {half_hours}
    delivered = next(
        sum(m["body"]["delivered_wh"])
        for m in texts
        if m["kind"] == "post_action" and m["in_reply_to"]["thread"] == "DSP-NIGHT"
    )
    assert delivered == pytest.approx(500_000 * hours, rel=0.02)


def test_every_planted_fault_can_be_planted() -> None:
    assert len(PLANTED) >= 20
    for planted in PLANTED:
        planted.apply((ROOT / planted.file).read_text())


def test_a_demo_that_cannot_start_says_why(tmp_path: Path) -> None:
    scenario = json.loads((ROOT / "demo/scenario.json").read_text()) | {"dso": "NO DSO"}
    (tmp_path / "scenario.json").write_text(json.dumps(scenario))
    words = ["--scenario", tmp_path / "scenario.json", "--directory", tmp_path / "played"]
    done = subprocess.run(
        [sys.executable, "-m", "demo", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "'NO DSO' is no party id of a DSO" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


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
