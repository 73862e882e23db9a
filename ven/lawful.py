"""Whether a response may be signed: an FSP's own policy may say anything. Pure.

The DSO would refuse it by the very same rules (profile 3 response), and for good: the report would
be spent, and the dispatch unanswered.
"""

from ukprofile.errors import Refused
from ukprofile.flex.answer import Response
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Held
from ukprofile.flex.fields import Fault
from ukprofile.flex.kinds import KINDS
from ukprofile.rules.answer import RULES
from ukprofile.rules.rule import Case
from ukprofile.signing import canonical_text


def check(response: Response, to: Held, terms: ContractTerms | None, *, whole: bool) -> None:
    """Raise Refused where `response` breaks a rule; `whole` = only yes or no is possible."""
    body = response.to_json()
    canonical_text(body)
    for found in KINDS["response"].body.look(body, "/body"):
        if isinstance(found, Fault):
            raise Refused(found.reason, found.detail, path=found.path, clause="profile 3 response")
    if (response.answer == "partial") != bool(response.periods):
        raise Refused("BODY_VALUE", "periods go with partial, and with nothing else",
                      path="/body/periods", clause="profile 3 response")  # fmt: skip
    if whole and response.answer == "partial":
        raise Refused("STATE_INVALID", "an increase is taken whole or not at all",
                      path="/body/answer", clause="profile 5")  # fmt: skip
    case = Case(to.header, body, response.periods, terms, answered=to.body)
    for rule in (rule for rule in RULES if "response" in rule.kinds):
        for path, detail in rule.look(case):
            raise Refused(rule.reason, detail, path=path, clause=rule.clause)
