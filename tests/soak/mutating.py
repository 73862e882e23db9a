"""Put one fault at a time into a copy of `ukprofile`, and demand that a test fails.

    project ──copy──▶ project + fault ──its own tests──▶ 1: killed
                                             │ 0
                                             └──all tests of ukprofile──▶ 1: killed, 0: survived

Only exit code 1 is a kill: a test that failed. A fault that cannot be imported, or tests that are
not there, prove nothing and end the campaign.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.shared import SHARED
from tests.soak.mutants import MUTANTS, Mutant
from tests.soak.progress import ROOT, Progress, fingerprint

EVERYTHING = ("tests/unit/ukprofile", "tests/contract/test_vectors.py")
_COPIED = ("ukprofile", "tests")
_LONGEST_S = 300


class Fault(Protocol):
    """A text of one file that becomes another."""

    @property
    def file(self) -> str: ...

    def apply(self, source: str) -> str: ...


class Copy:
    """These trees of the project in `folder`, beside the reference material, to be spoilt."""

    def __init__(self, folder: Path, trees: Sequence[str] = _COPIED) -> None:
        self.root = folder / "project"
        for tree in trees:
            shutil.copytree(
                ROOT / tree, self.root / tree, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", self.root)
        if SHARED.is_dir():
            (folder / "shared").symlink_to(SHARED.resolve())

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """The one fault, and the sources as they were afterwards."""
        path = self.root / fault.file
        source = path.read_text()
        path.write_text(fault.apply(source))
        try:
            yield
        finally:
            path.write_text(source)

    def run(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        """`python -m module words`, on the copy."""
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=self.root,
            # two faults of equal length within a second would share their compiled file
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )

    def test(self, tests: Sequence[str]) -> bool:
        """Whether these tests pass. Raises AssertionError where pytest came to no verdict."""
        words = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
        done = self.run("pytest", *words, *tests)
        assert done.returncode in (0, 1), f"pytest ended with {done.returncode}: {done.stdout}"
        return done.returncode == 0


def judge(copy: Copy, mutant: Mutant, everything: Sequence[str] = EVERYTHING) -> str:
    """What became of the fault: "killed", "killed by others" than its own tests, "survived"."""
    with copy.fault(mutant):
        if not copy.test(mutant.tests):
            return "killed"
        return "survived" if copy.test(everything) else "killed by others"


def campaign(
    folder: Path, told: Callable[[str], None] = print, mutants: Sequence[Mutant] = MUTANTS
) -> None:
    """Judge every mutant. Raises AssertionError, at the end, with those that survived."""
    progress = Progress(folder, fingerprint("ukprofile", "tests"))
    left = [mutant for mutant in mutants if mutant.name not in progress.finished]
    told(f"{len(left)} of {len(mutants)} mutants to judge")
    shutil.rmtree(folder / "copy", ignore_errors=True)
    copy = Copy(folder / "copy")
    tests = sorted({test for mutant in left for test in mutant.tests})
    assert not tests or copy.test(tests), "tests fail without any fault"
    for mutant in left:
        verdict = judge(copy, mutant)
        told(f"{verdict}: {mutant.name}: {mutant.why}")
        progress.finish(mutant.name, verdict)
    survived = [m.name for m in mutants if progress.finished[m.name] == "survived"]
    assert not survived, f"{len(survived)} mutants survived: {'; '.join(survived)}"
