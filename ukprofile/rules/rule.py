"""What a rule is: one numbered requirement, as one small function.

A rule looks at a `Case`, everything that may matter to it, and yields the violations it finds.
A rule set is a tuple that is passed: versions run side by side, and there is no registry. The
VTN admits with a set, the VEN checks with it, a plugfest scores with it, and the reference page
is made from it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ukprofile.errors import Refused
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period, Thread
from ukprofile.flex.header import Header

Scope = Literal["object", "relation", "history", "timing"]
"""What a rule has to know: the message alone, the contract, the thread, or the time."""


@dataclass(frozen=True, slots=True)
class Case:
    """One message and what surrounds it. `periods` are those of the body, read.

    `terms` are the contract's (None = never read). `thread` is what is held of the same slot,
    `plan` its periods in force as the message finds them (() = nothing is confirmed, or it is
    over); `others` are the plans in force of the contract's other dispatches. `countered` are the
    periods of the partial acceptance that the message must confirm, None = there is none.
    `answered` is the body of the message a response answers.
    """

    header: Header
    body: Mapping[str, Any]
    periods: tuple[Period, ...] = ()
    terms: ContractTerms | None = None
    thread: Thread = field(default_factory=Thread)
    plan: tuple[Period, ...] = ()
    others: tuple[tuple[Period, ...], ...] = ()
    countered: tuple[Period, ...] | None = None
    answered: Mapping[str, Any] | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule broken: the code, what is wrong and how to mend it, where, and the clause."""

    reason: str
    detail: str
    path: str
    clause: str

    def refused(self) -> Refused:
        """The same as an error."""
        return Refused(self.reason, self.detail, path=self.path, clause=self.clause)


Finding = tuple[str, str]
"""(JSON pointer, what is wrong)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement: its code, its clause, what it needs to know, for which kinds, and itself."""

    reason: str
    clause: str
    scope: Scope
    kinds: frozenset[str]
    look: Callable[[Case], Iterator[Finding]]
    severity: Literal["refuse", "hold"] = "refuse"

    @property
    def says(self) -> str:
        """The requirement in one sentence: the first line of its function's docstring."""
        return (self.look.__doc__ or "").strip().splitlines()[0]


RuleSet = tuple[Rule, ...]


def violations(rules: Iterable[Rule], case: Case) -> Iterator[Violation]:
    """Every violation, in the order of the rules."""
    for rule in rules:
        if case.header.kind in rule.kinds:
            for path, detail in rule.look(case):
                yield Violation(rule.reason, detail, path, rule.clause)
