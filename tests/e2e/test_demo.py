"""The demo: it plays its day, on any date, its checker agrees, and sees whatever is wrong.

Faults in the programs are planted by `tests/soak/demo_faults.py` (a sample here, all of them by
`make soak`); here the evidence itself is spoilt as well, one piece after another.
"""

import asyncio
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.spoiling import SPOILT, Spoilt
from tests.soak.demo_faults import PLANTED, TREES, judge
from tests.soak.mutating import Copy
from tests.soak.progress import ROOT
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CHECKS = 25


def play(directory: Path, *words: str) -> str:
    """What the demo says, once it has played into `directory` and agrees with itself."""
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--pace", "2", "--directory", str(directory), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{CHECKS} of {CHECKS} checks agree" in done.stdout
    return done.stdout


def check(directory: Path) -> tuple[int, dict[str, bool]]:
    """The checker's exit code, and what each check says."""
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "demo/checker", directory / "scenario.json", directory],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    said = re.findall(r"^  (yes|no ) {2}?(.+)$", done.stdout, re.MULTILINE)
    return done.returncode, {name.strip(): word == "yes" for word, name in said}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one performance left behind."""
    directory = tmp_path_factory.mktemp("demo") / "played"
    said = play(directory)
    for line in (
        "ACME     offers REQ-PM: +1,500,000 W 16:30-18:30 at 210.00 a MWh",
        "BRIGHT   answers DSP-BRIGHT-EVE: partial CAPACITY, +536,000 W 19:30-20:30",
        "CEDAR    answers DSP-CEDAR-EVE: refuse UNAVAILABLE",
        "CEDAR    acknowledges DSP-CEDAR-BAD: refused ASSET_UNKNOWN",
        "ACME     DSP-ACME-PM: ceased since 18:00:00",
        "vtn/vtn.db",
    ):
        assert line in said
    return directory


def test_the_evidence_of_a_good_run_passes_and_no_secret_is_in_it(played: Path) -> None:
    code, said = check(played)
    assert code == 0
    assert list(said.values()) == [True] * CHECKS
    wire = (played / "http.jsonl").read_text()
    for party in ("acme", "bright", "cedar"):
        assert (played / party / "client_secret").read_text().strip() not in wire
        assert json.loads((played / party / "keys.json").read_text())["Ed25519"]["seed"] not in wire
    assert "eyJ" not in wire.replace("eyJhbGciOiJFZDI1NTE5Iiw", "")  # signatures alone begin so


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


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda one: one.what)
def test_spoilt_evidence_is_seen_and_named(spoilt: Spoilt, played: Path, tmp_path: Path) -> None:
    directory = tmp_path / "spoilt"
    shutil.copytree(played, directory, ignore=shutil.ignore_patterns("*.sock"))
    spoilt.spoil(directory)
    code, said = check(directory)
    assert code == 1
    assert {name for name, agrees in said.items() if not agrees} == set(spoilt.checks)


def test_every_check_alone_sees_something(played: Path) -> None:
    _, said = check(played)
    alone = {one.checks[0] for one in SPOILT if len(one.checks) == 1}
    assert said.keys() - alone == set()


def test_every_planted_fault_can_be_planted() -> None:
    assert len(PLANTED) >= 20
    for planted in PLANTED:
        planted.apply((ROOT / planted.file).read_text())


@pytest.mark.soak
def test_a_fault_in_the_programs_is_seen_and_named(tmp_path: Path) -> None:
    planted = next(one for one in PLANTED if one.what == "others' events are visible")
    assert judge(Copy(tmp_path, TREES), planted, tmp_path / "played") == "named"


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
