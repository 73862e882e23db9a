"""A sample of the planted faults; `make soak` plants them all."""

import random
from pathlib import Path

import pytest

from tests.shared import needs_shared
from tests.soak.mutants import CODES, MUTANTS, TIMELINE, Mutant
from tests.soak.mutating import Copy, campaign, judge
from tests.soak.progress import ROOT

pytestmark = pytest.mark.timeout(600)  # each plants, and runs tests of its own


def test_every_mutant_changes_the_source_as_it_stands() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30
    for mutant in MUTANTS:
        source = (ROOT / mutant.file).read_text()
        compile(mutant.apply(source), mutant.file, "exec")
        assert mutant.apply(source) != source
        assert all((ROOT / test).is_file() for test in mutant.tests), mutant.name


@needs_shared
@pytest.mark.soak
@pytest.mark.e2e
def test_a_sample_of_the_planted_faults_is_noticed(tmp_path: Path) -> None:
    said: list[str] = []
    campaign(tmp_path / "mutants", said.append, random.Random(17).sample(MUTANTS, 1))
    assert [line.split(":")[0] for line in said[1:]] == ["killed"]


@needs_shared
@pytest.mark.soak
@pytest.mark.e2e
def test_a_fault_is_judged_by_its_own_tests_then_by_all_and_then_mended(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    source = (copy.root / "ukprofile/timeline.py").read_text()
    harmless = Mutant("timeline.py", "to what each asset", "to what any asset", "none", CODES)
    grave = Mutant("timeline.py", "max(absolute", "min(absolute", "the newest counts", CODES)
    assert judge(copy, harmless, CODES) == "survived"
    assert judge(copy, grave, TIMELINE) == "killed by others"
    assert (copy.root / "ukprofile/timeline.py").read_text() == source


@needs_shared
@pytest.mark.soak
@pytest.mark.e2e
def test_what_proves_nothing_ends_the_campaign(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    with pytest.raises(AssertionError, match="ended with 4"):
        copy.test(["tests/unit/there_is_no_such_test.py"])
    unreadable = Mutant("timeline.py", "import itertools", "import no_such_module", "", TIMELINE)
    with pytest.raises(AssertionError, match="ended with"):
        judge(copy, unreadable)
    with pytest.raises(AssertionError, match="stands 0 times"):
        judge(copy, Mutant("timeline.py", "no such text", "", "", TIMELINE))
