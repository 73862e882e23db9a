"""Playing the demo, and asking its checker."""

import re
import subprocess
import sys
from pathlib import Path

from tests.soak.progress import ROOT

CHECKS = 29


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


def refused(*words: str | Path) -> str:
    """What the demo says where it cannot play, in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "demo", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join(done.stdout.split())


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
