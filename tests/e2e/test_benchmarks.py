"""The benchmark runs: a small one, whose figures nobody looks at."""

import json
import subprocess
import sys

import pytest

from tests.soak.progress import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_cease_is_measured_quiet_and_under_attack() -> None:
    words = ("--samples", "1", "--slow", "20", "--floods", "6", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert set(shown["machine"]) == {"processor", "system", "python", "load", "commits"}
    cease, attack = shown["cease"], shown["cease"]["attack"]
    assert (cease["quiet"]["n"], cease["attacked"]["n"]) == (1, 1)
    assert cease["timer_s"] == 60
    assert attack["open"] >= 18, "slow connections"
    assert attack["401"] > 0, "refused requests"
    assert "200" not in attack, "of the flood everything is refused"
    assert "201" not in attack
