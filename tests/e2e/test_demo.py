"""The demo: it plays, its checker agrees, and sees whatever is wrong.

Faults in the programs are planted by `tests/soak/demo_faults.py` (a sample here, all of them by
`make soak`); here the evidence itself is spoilt as well, one piece after another.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.soak.demo_faults import PLANTED, TREES, judge
from tests.soak.mutating import Copy
from tests.soak.progress import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one performance left behind."""
    directory = tmp_path_factory.mktemp("demo") / "played"
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--directory", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 of 15 checks agree" in done.stdout
    assert "ACME     acknowledges DSP-ACME-1: received" in done.stdout
    assert "BRIGHT   acknowledges DSP-BRIGHT-1: refused NOTICE_SHORT" in done.stdout
    assert "CEDAR    acknowledges DSP-CEDAR-1: refused ASSET_UNKNOWN" in done.stdout
    assert str(directory / "vtn/vtn.db") in done.stdout or "vtn/vtn.db" in done.stdout
    return directory


def check(directory: Path) -> tuple[int, list[str]]:
    """The checker's exit code, and the checks that say no."""
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "demo/checker.py", ROOT / "demo/scenario.json", directory],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    no = [line[6:].strip() for line in done.stdout.splitlines() if line.startswith("  no ")]
    return done.returncode, no


def test_the_evidence_of_a_good_run_passes_and_no_secret_is_in_it(played: Path) -> None:
    assert check(played) == (0, [])
    wire = (played / "http.jsonl").read_text()
    for party in ("acme", "bright", "cedar"):
        assert (played / party / "client_secret").read_text().strip() not in wire
    assert "eyJ" not in wire.replace("eyJhbGciOiJFZDI1NTE5Iiw", "")  # signatures alone begin so


def _wire(spoil: Callable[[list[dict[str, Any]]], None]) -> Callable[[Path], None]:
    def do(directory: Path) -> None:
        path = directory / "http.jsonl"
        exchanges = [json.loads(line) for line in path.read_text().splitlines()]
        spoil(exchanges)
        path.write_text("".join(json.dumps(x) + "\n" for x in exchanges))

    return do


def _sql(database: str, statement: str) -> Callable[[Path], None]:
    def do(directory: Path) -> None:
        with closing(sqlite3.connect(directory / database)) as db:
            assert db.execute(statement).rowcount > 0
            db.commit()

    return do


def _device(spoil: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def do(directory: Path) -> None:
        path = directory / "acme/devices/NORTH-AS-000101.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        spoil(lines[0])
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    return do


def _is_event_list(x: dict[str, Any], client_id: str) -> bool:
    return (x["client_id"], x["path"], x["status"]) == (client_id, "/events", 200)


def _spoil_texts(exchanges: list[dict[str, Any]]) -> None:
    for x in exchanges:
        if _is_event_list(x, "acme"):
            shown = json.dumps(x["response"])
            x["response"] = json.loads(
                shown.replace('\\"delta_w\\":1000000', '\\"delta_w\\":900000')
            )


def _foreign(exchanges: list[dict[str, Any]]) -> None:
    others = next(x for x in exchanges if _is_event_list(x, "bright") and x["response"])
    mine = next(x for x in exchanges if _is_event_list(x, "acme"))
    mine["response"] = [*mine["response"], *others["response"]]


def _no_answers(exchanges: list[dict[str, Any]]) -> None:
    exchanges[:] = [x for x in exchanges if x["path"] != "/reports" or x["client_id"] != "cedar"]


def _a_failure(exchanges: list[dict[str, Any]]) -> None:
    exchanges[-1]["status"] = 500


def _an_open_door(exchanges: list[dict[str, Any]]) -> None:
    next(x for x in exchanges if x["path"] == "/events" and not x["token"])["status"] = 200


def _exit_code(directory: Path) -> None:
    path = directory / "exit_codes.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bright": -9}))


def _late(line: dict[str, Any]) -> None:
    line["at"] = "2026-11-24T16:21:00Z"


def _wrong_power(line: dict[str, Any]) -> None:
    line["delta_w"] += 1


SPOILT: dict[str, tuple[Callable[[Path], None], str]] = {
    "another power in the signed text": (_wire(_spoil_texts), "each order reached its fsp"),
    "an event of others": (_wire(_foreign), "nobody saw what is others"),
    "no acknowledgement": (_wire(_no_answers), "each order was acknowledged once"),
    "an answer of 500": (_wire(_a_failure), "nothing broke on the wire"),
    "an open door": (_wire(_an_open_door), "nobody came in without a token"),
    "one watt too many": (_device(_wrong_power), "devices did just what was accepted"),
    "told too late": (_device(_late), "devices were told before the start"),
    "a lost report": (
        _sql("vtn/vtn.db", "DELETE FROM objects WHERE kind = 'REPORT'"),
        "the vtn kept everything",
    ),
    "a lost outbox row": (
        _sql("vtn/vtn.db", "DELETE FROM outbox WHERE kind = 'REPORT'"),
        "the vtn kept everything",
    ),
    "a lost message": (
        _sql("vtn/vtn.db", "DELETE FROM messages WHERE kind = 'status'"),
        "both ledgers hold the same texts",
    ),
    "a report that was not sent": (
        _sql("acme/journal.db", "UPDATE outbox SET state = 'QUEUED'"),
        "nothing was left undone",
    ),
    "a process that was killed": (_exit_code, "processes ended well"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_spoilt_evidence_is_seen_and_named(what: str, played: Path, tmp_path: Path) -> None:
    spoil, named = SPOILT[what]
    directory = tmp_path / "spoilt"
    shutil.copytree(played, directory, ignore=shutil.ignore_patterns("*.sock"))
    spoil(directory)
    code, no = check(directory)
    assert code == 1
    assert named in no


def test_every_planted_fault_can_be_planted() -> None:
    assert len(PLANTED) >= 10
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
