"""docs/profile/: every clause is one requirement with what shows it, and every rule has its clause.

text ── rule, test ──▶ code      clauses name rules and tests that are there
text ◀── citation ──── code      what a refusal cites is in the text, and names its reason
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from docs.reference.clauses import PARTS, Clause, cited, clauses, rules
from tests.test_traceability import names_in
from ukprofile.codes import CODES

ROOT = Path(__file__).parent.parent
EVERY = clauses()
WHO = {"DSO", "FSP"}
PACKAGES = ("ukprofile", "vtn", "ven")


def names(places: str) -> list[str]:
    """ "profile 3 response; 5 max_start_delay" is two citations; others than of the profile fall."""
    if not places.startswith("profile "):
        return []
    whole = (part.strip() for part in places.removeprefix("profile ").split(";"))
    return [f"profile {part}" for part in whole if re.match(r"[1-6]\b", part)]


@cache
def cites() -> tuple[tuple[str, str, str], ...]:
    """Where the programs cite the profile: file, reason ("" = not said there), citation."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(found for path in files for found in _cites_in(path))


def _cites_in(path: Path) -> Iterator[tuple[str, str, str]]:
    tree = ast.parse(path.read_text())
    named = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        first = call.args[0] if call.args else None
        reason = first.value if isinstance(first, ast.Constant) else ""
        said = [k.value for k in call.keywords if k.arg == "clause"]
        said += [a for a in call.args[1:2] if "ule" in ast.unparse(call.func)]
        for value in said:
            text = named.get(value.id) if isinstance(value, ast.Name) else None
            text = value.value if isinstance(value, ast.Constant) else text
            if isinstance(text, str):
                for name in names(text):
                    yield path.name, reason if reason in CODES else "", name


def within(citation: str) -> list[Clause]:
    """The clauses that a citation means."""
    groups = cited().get(citation, ())
    return [c for c in EVERY if any(f"{c.id}.".startswith(f"{g}.") for g in groups)]


def test_clauses_are_numbered_in_order_and_each_number_is_used_once():
    numbers = [tuple(map(int, c.id.removeprefix("UKP-").split("."))) for c in EVERY]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("part", PARTS, ids=[part.name for part in PARTS])
def test_no_clause_is_overlooked_and_each_stands_under_its_heading(part: Path):
    heading, found = "", 0
    for line in part.read_text().splitlines():
        if line.startswith("## "):
            heading = line.split()[1]
        elif line.startswith("**UKP-"):
            found += 1
            assert line.startswith(f"**{heading}."), line
        else:
            assert not re.search(r"\b(MUST|SHOULD|MAY)\b", line) or found, f"outside: {line}"
    assert found == sum(c.part == part.name for c in EVERY)


@pytest.mark.parametrize("clause", EVERY, ids=[c.id for c in EVERY])
def test_a_clause_is_one_requirement_of_somebody_and_names_what_shows_it(clause: Clause):
    assert set(clause.who) <= WHO
    assert len(clause.words) == 1, f"one of MUST, SHOULD, MAY: {clause.words}"
    assert bool(clause.tests) is clause.built, "a test, or Not yet built"
    for name in clause.rules:
        assert name in rules()
    for test in clause.tests:
        path, _, name = test.partition("::")
        assert name in names_in(ROOT / path), f"{path} has no {name}"


@pytest.mark.parametrize("name", rules())
def test_every_rule_has_a_clause_where_it_says_it_has_that_names_its_reason(name: str):
    stated = [c for c in EVERY if name in c.rules]
    meant = {c.id for r in rules()[name] for citation in names(r.clause) for c in within(citation)}
    assert stated, "no clause names this rule"
    for clause in stated:
        assert clause.id in meant, f"the rule cites something else than {clause.id}"
        assert {rule.reason for rule in rules()[name]} <= set(clause.codes)


def test_what_the_programs_cite_is_in_the_text_and_nothing_else_is_in_its_table():
    found = {citation for _, _, citation in cites()}
    assert found == set(cited())
    assert all(within(citation) for citation in found)


def test_where_a_refusal_cites_the_profile_a_clause_names_its_reason():
    lacking = {
        (file, reason, citation)
        for file, reason, citation in cites()
        if reason and not any(reason in clause.codes for clause in within(citation))
    }
    assert not lacking


def test_every_reason_of_receiving_has_a_clause():
    named = {code for clause in EVERY for code in clause.codes}
    assert {code.name for code in CODES.values() if code.step} <= named | {"ACCEPTED"}


def test_what_each_kind_says_is_linked_to_the_table_of_its_fields():
    kinds = (ROOT / "docs/profile/3-kinds.md").read_text()
    linked = set(re.findall(r"\.\./reference/kinds\.md#([a-z_]+)", kinds))
    tables = re.findall(r"^## (\w+)$", (ROOT / "docs/reference/kinds.md").read_text(), re.MULTILINE)
    assert linked == set(tables)
