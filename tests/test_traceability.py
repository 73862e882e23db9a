"""docs/traceability.md: it has every requirement, and every test that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.shared import SHARED, needs_shared

ROOT = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/traceability.md").read_text().splitlines()
    if re.match(r"\| [A-F]\d+ \|", line)
]
BUILT = [f"A{n}" for n in range(1, 13)] + [f"B{n}" for n in range(1, 7)]
"""What has a test that bears its name."""


@cache
def names_in(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text()))
    return {f.name for f in found if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)}


@needs_shared
def test_every_requirement_has_one_row_and_no_other_has():
    due = re.findall(r"^\| ([A-F]\d+) \|", (SHARED / "requirements.md").read_text(), re.MULTILINE)
    assert [row[0] for row in ROWS] == due


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_row_names_tests_that_exist_or_says_why_there_is_none(row: list[str]):
    requirement, _, where, shown = row
    named = re.findall(r"`(tests/\S+?)::(\w+)`", shown)
    assert bool(named) is not where.startswith("not met"), f"{requirement}: tests, or not met"
    assert shown.count("::") == len(named)
    for path, name in named:
        assert name in names_in(ROOT / path), f"{requirement}: {path} has no {name}"


@pytest.mark.parametrize("requirement", BUILT)
def test_what_is_built_has_a_test_of_its_name(requirement: str):
    (row,) = [row for row in ROWS if row[0] == requirement]
    assert re.search(rf"::test_{requirement.lower()}_", row[3]), row
