"""Every numbered requirement of the profile as one small function, with its clause.

`PROFILE_1_0` is the rule set of this version: a value, passed to whoever admits, checks or
scores, so that another version can stand beside it.
"""

from ukprofile.rules import answer, dispatch, offer
from ukprofile.rules.rule import Case, Rule, RuleSet, Violation, violations

PROFILE_1_0: RuleSet = (*dispatch.RULES, *offer.RULES, *answer.RULES)
"""The rules of profile 1.0, in the order in which they are checked."""
HOLDS = dispatch.HOLDS

__all__ = ["HOLDS", "PROFILE_1_0", "Case", "Rule", "RuleSet", "Violation", "violations"]
