"""Pages that name tests: each line of their tables names tests that are there, or says why none.

docs/traceability.md and docs/profile/ have tests of their own; this is about the rest.
"""

import re
from pathlib import Path

import pytest

from tests.shared import SHARED, needs_shared
from tests.test_traceability import names_in

ROOT = Path(__file__).parent.parent
PAGES = ("docs/divergences.md", "docs/threat-model.md")
ROWS = [
    (page, [cell.strip() for cell in line.strip("|").split("|")])
    for page in PAGES
    for line in (ROOT / page).read_text().splitlines()
    if re.match(r"\| [A-Z]+\d+ \|", line)
]


@pytest.mark.parametrize("row", ROWS, ids=[f"{Path(page).stem}-{row[0]}" for page, row in ROWS])
def test_a_row_names_tests_that_are_there_or_says_not_yet(row: tuple[str, list[str]]):
    *said, shown = row[1]
    named = re.findall(r"`(tests/[^`]+?)::(\w+)`", shown)
    if not named:
        assert shown == ""
        assert any(cell.startswith("not yet") for cell in said), "a test, or not yet"
    assert shown.count("::") == len(named)
    for path, name in named:
        assert name in names_in(ROOT / path), f"{path} has no {name}"


def test_no_id_stands_twice_on_a_page():
    ids = [(page, row[0]) for page, row in ROWS]
    assert len(ids) == len(set(ids))


@needs_shared
def test_every_trap_of_openadr_is_decided():
    digest = (SHARED / "research/openadr-digest.md").read_text()
    traps = re.findall(r"^(T\d+) ", digest, re.MULTILINE)
    page = [row[0] for page, row in ROWS if page == "docs/divergences.md"]
    assert [trap for trap in page if trap.startswith("T")] == traps


@needs_shared
def test_every_threat_has_its_row():
    research = (SHARED / "research/security.md").read_text()
    due = re.findall(r"^\| (T\d+) \|", research, re.MULTILINE)
    rows = [row[0] for page, row in ROWS if page == "docs/threat-model.md"]
    assert [row for row in rows if row.startswith("T")] == due
