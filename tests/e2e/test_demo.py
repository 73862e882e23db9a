"""The demo's checker agrees with a day as it was played, and sees whatever is spoilt in it."""

import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from demo.day import Day
from demo.picture import panels_of, picture
from tests.e2e.pages import Terminal, blocks
from tests.e2e.playing import CHECKS, check, play
from tests.e2e.spoiling import SPOILT, Spoilt
from tests.soak.progress import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


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


def test_a_first_look_finds_what_the_tutorial_shows(played: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    ignored = shutil.ignore_patterns("*.sock")
    shutil.copytree(played, clone / "var/demo/20261124-000000", ignore=ignored)
    (clone / ".venv").symlink_to(sys.prefix)
    (clone / "demo").symlink_to(ROOT / "demo")
    page = (ROOT / "docs/tutorial/first-look.md").read_text()
    demo, *looks = blocks(page)
    assert "make demo" in demo.commands
    with Terminal(clone, clone / ".venv/bin", environment={"PYTHONPATH": str(ROOT)}).open() as it:
        for block in looks:
            it.follow(block)


def test_the_picture_shows_what_was_asked_and_metered(played: Path) -> None:
    ET.fromstring(picture(played))
    day = Day(json.loads((played / "scenario.json").read_text()))
    acme, bright, _ = panels_of(day, played)
    at = len(acme.metered) * 17 // 24  # a level has just begun at ACME, and BRIGHT's goes on
    assert (acme.baseline[at], acme.asked[at]) == (-250_000, 750_000)
    assert bright.asked[at] == 500_000
    assert bright.metered[at] == pytest.approx(500_000, rel=0.01)
    assert acme.metered[at + 3] == pytest.approx(750_000, rel=0.01)
