"""The clauses of docs/profile/, read from its text, and the page that lists what shows each.

    **UKP-3.8.1** *DSO.* A schedule MUST say `firm` false ... `BODY_VALUE`.     ─▶ Clause
    <!-- rule dispatch.firm_as_its_kind; test tests/unit/...::test_firm_is_as_its_kind -->

    | `profile 3 instruction` | UKP-3.8 |                                        ─▶ cited()

A clause ends at an empty line. The comment, which nobody sees on the page, says by which rule it
is enforced and which test shows it; a reason code in the text is one it is refused with.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ukprofile.codes import CODES
from ukprofile.rules import HOLDS, PROFILE_1_0, Rule

TEXT = Path(__file__).parent.parent / "profile"
PARTS = tuple(sorted(TEXT.glob("[1-9]-*.md")))
NOT_YET = "Not yet built"
"""What the text of a clause says of itself where nothing keeps it so far."""

_BLOCK = re.compile(r"(?ms)^\*\*(UKP-\d+\.\d+\.\d+)\*\* \*([^*]+)\.\* (.+?)(?:\n\s*\n|\Z)")
_NOTE = re.compile(r"<!--(.*?)-->", re.DOTALL)
_WORD = re.compile(r"\b(?:MUST|SHOULD|MAY)(?: NOT)?\b")
_CITED = re.compile(r"^\| `(profile [^`]+)` \| ([^|]+) \|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement of the profile.

    `who` must keep it; `words` are its keywords of RFC 2119, one in each clause. `rules` and
    `tests` are those its comment names, `codes` the reasons that its text names.
    """

    id: str
    part: str
    who: tuple[str, ...]
    says: str
    words: tuple[str, ...]
    codes: tuple[str, ...]
    rules: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def group(self) -> str:
        """The heading it stands under: UKP-3.8 of UKP-3.8.1."""
        return self.id.rpartition(".")[0]

    @property
    def built(self) -> bool:
        """Whether anything of it is built, so that a test can show it."""
        return NOT_YET not in self.says


def clauses(parts: Iterable[Path] = PARTS) -> tuple[Clause, ...]:
    """Every clause, in the order of the text."""
    return tuple(clause for part in parts for clause in _read(part))


def cited() -> Mapping[str, tuple[str, ...]]:
    """What the programs cite ("profile 3 response"), and the groups of clauses that are meant."""
    table = (TEXT / "README.md").read_text()
    return {name: tuple(groups.split(", ")) for name, groups in _CITED.findall(table)}


def rules() -> Mapping[str, tuple[Rule, ...]]:
    """The rules of profile 1.0 by the name the text has for them: module and function.

    One function may be a rule of dispatches and one of offers.
    """
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in (*PROFILE_1_0, HOLDS):
        name = f"{rule.look.__module__.rpartition('.')[2]}.{rule.look.__name__}"
        found[name] = (*found.get(name, ()), rule)
    return found


def page() -> str:
    """docs/profile/index.md: clause to rule, code and test, and back from rule and code."""
    return "\n".join([_INTRODUCTION, *_sections(clauses())]) + "\n"


_INTRODUCTION = """\
# Index of clauses

Made from the text of this folder by `make docs`; do not edit. Which rule or code enforces a \
clause, and the shortest way to a test that shows it. `tests/test_profile_text.py` holds text, \
rules, codes and tests together."""


def _read(part: Path) -> Iterator[Clause]:
    for name, who, block in _BLOCK.findall(part.read_text()):
        notes = "; ".join(_NOTE.findall(block))
        said = " ".join(_NOTE.sub("", block).split())
        quoted = re.findall(r"`([A-Z][A-Z_]+)`", said)
        yield Clause(
            id=name,
            part=part.name,
            who=tuple(who.split(", ")),
            says=said,
            words=tuple(_WORD.findall(said)),
            codes=tuple(dict.fromkeys(code for code in quoted if code in CODES)),
            rules=tuple(re.findall(r"\brule (\S+?)(?:;|\s|$)", notes)),
            tests=tuple(re.findall(r"\btest (\S+?)(?:;|\s|$)", notes)),
        )


def _sections(every: tuple[Clause, ...]) -> Iterator[str]:
    missing = [c for c in every if not c.built]
    yield f"\n{len(every)} clauses; of {len(missing)} nothing is built yet.\n"
    yield from ("## By clause\n", "| clause | who | word | rule | code | shown by |")
    yield "|---|---|---|---|---|---|"
    for clause in every:
        shown = _quoted(clause.tests) if clause.built else "not yet built"
        cells = (_link(clause), ", ".join(clause.who), clause.words[0], _quoted(clause.rules),
                 _quoted(clause.codes), shown)  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield from ("\n## By rule\n", "| rule | code | what it says | clause |", "|---|---|---|---|")
    for name, (rule, *_) in rules().items():
        places = ", ".join(_link(c) for c in every if name in c.rules)
        yield f"| `{name}` | `{rule.reason}` | {rule.says} | {places} |"
    yield from ("\n## By code\n", "| code | what it means | clause |", "|---|---|---|")
    for code in CODES.values():
        places = ", ".join(_link(c) for c in every if code.name in c.codes)
        if places:
            yield f"| `{code.name}` | {code.meaning} | {places} |"


def _link(clause: Clause) -> str:
    return f"[{clause.id}]({clause.part})"


def _quoted(names: Iterable[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names)
