"""The rules of schedule, instruction and variation (profile 2, 3 and 5)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

from ukprofile.flex.contract import inside
from ukprofile.flex.dispatch import asks_more, edges, level_at
from ukprofile.flex.kinds import DISPATCH_TYPES
from ukprofile.flex.times import read_time, time_text
from ukprofile.rules.rule import Case, Finding, Rule, Scope

_PLANS = frozenset({"schedule", "instruction", "variation"})
_INSTRUCTION = frozenset({"instruction"})
_VARIATION = frozenset({"variation"})
_LONGEST_VALID = timedelta(hours=24)
_PERIODS = "/body/periods"


def in_force(case: Case) -> Iterator[Finding]:
    """The terms of the contract are known, and hold at the time of the dispatch."""
    terms = case.terms
    if terms is None:
        yield "/program", "no terms of this contract were ever received"
    elif any(p.start < terms.valid_from or p.end > terms.valid_to for p in case.periods):
        yield (
            _PERIODS,
            (
                f"the contract holds from {time_text(terms.valid_from)} "
                f"to {time_text(terms.valid_to)}"
            ),
        )


def never_shrinks(case: Case) -> Iterator[Finding]:
    """valid_until never moves earlier within a thread."""
    held = case.thread.valid_until
    if held is not None and case.header.valid_until < held:
        yield "/valid_until", f"not before {time_text(held)}, which the thread already holds"


def valid_until_in_range(case: Case) -> Iterator[Finding]:
    """valid_until lies between the last end known in the thread and 24 h after it."""
    ends = [p.end for p in case.periods]
    if case.thread.last_end is not None:
        ends.append(case.thread.last_end)
    if ends and not max(ends) <= case.header.valid_until <= max(ends) + _LONGEST_VALID:
        yield "/valid_until", f"from {time_text(max(ends))}, at most 24 h later"


def firm_as_its_kind(case: Case) -> Iterator[Finding]:
    """A schedule is not firm, an instruction is."""
    firm = case.header.kind == "instruction"
    if "firm" in case.body and case.body["firm"] is not firm:
        yield "/body/firm", f"must be {str(firm).lower()} in this kind"


def of_this_contract(case: Case) -> Iterator[Finding]:
    """contract_id is the program's contract, and the zone is the contract's."""
    if case.body.get("contract_id") != case.header.program:
        yield "/body/contract_id", f"must be {case.header.program}, the contract of the program"
    elif case.terms is not None and case.body.get("zone") != case.terms.zone:
        yield "/body/zone", f"the contract is for {case.terms.zone}"


def assets_known(case: Case) -> Iterator[Finding]:
    """Every asset is one of the contract."""
    known = case.terms.asset_ids if case.terms else frozenset()
    for index, asset in enumerate(case.body.get("assets", ())):
        if case.terms is not None and asset["asset_id"] not in known:
            yield f"/body/assets/{index}/asset_id", "not an asset of this contract"


def one_form_of_power(case: Case) -> Iterator[Finding]:
    """Each period has delta_w, with a dispatch_type, or setpoint_w, without one."""
    typed = "dispatch_type" in case.body
    for index, period in enumerate(case.periods):
        relative, absolute = period.delta_w is not None, period.setpoint_w is not None
        if relative == absolute:
            yield f"{_PERIODS}/{index}", "exactly one of delta_w and setpoint_w"
        elif relative != typed:
            wrong = "dispatch_type goes with delta_w" if typed else "delta_w needs a dispatch_type"
            yield "/body/dispatch_type", wrong


def sign_as_its_type(case: Case) -> Iterator[Finding]:
    """The sign of delta_w is that of the dispatch_type: + is more export or less import."""
    sign = DISPATCH_TYPES.get(case.body.get("dispatch_type", ""))
    for index, period in enumerate(case.periods):
        if sign is not None and period.delta_w is not None and period.delta_w * sign <= 0:
            name = case.body["dispatch_type"]
            yield f"{_PERIODS}/{index}/delta_w", f"{name} is {'+' if sign > 0 else '-'}"


def periods_in_order(case: Case) -> Iterator[Finding]:
    """There are periods; each ends after it starts, in order, without overlap, ids once."""
    if not case.periods:
        yield _PERIODS, "at least one period"
    if len({p.id for p in case.periods}) != len(case.periods):
        yield _PERIODS, "every period has an id of its own"
    yield from one_after_the_other(case)


def one_after_the_other(case: Case) -> Iterator[Finding]:
    """Each period ends after it starts, and before the next one starts."""
    for index, period in enumerate(case.periods):
        if period.start >= period.end:
            yield f"{_PERIODS}/{index}", "must end after it starts"
    for index, (one, following) in enumerate(pairwise(case.periods)):
        if one.end > following.start:
            yield f"{_PERIODS}/{index + 1}", "starts before the one before it ends"


def inside_windows(case: Case) -> Iterator[Finding]:
    """Every period lies in the contract's windows, by local time."""
    for index, period in enumerate(case.periods):
        if case.terms is not None and not inside(period, case.terms.windows):
            yield f"{_PERIODS}/{index}", "outside every window of the contract"


def within_capacity(case: Case) -> Iterator[Finding]:
    """At no instant is more asked than the capacity, other confirmed dispatches included."""
    if case.terms is None or any(p.delta_w is None for p in case.periods):
        return
    for instant in edges(case.periods, *case.others):
        asked = level_at(case.periods, instant)
        total = asked + sum(level_at(other, instant) for other in case.others)
        if asked and total > case.terms.capacity_w:
            yield (
                _PERIODS,
                (f"{total:,} W at {time_text(instant)}, capacity {case.terms.capacity_w:,} W"),
            )
            return


def long_enough(case: Case) -> Iterator[Finding]:
    """The whole run is at least min_run_s long."""
    if case.terms is not None and case.periods:
        run = case.periods[-1].end - case.periods[0].start
        if run < case.terms.least_run:
            yield _PERIODS, f"runs {run}, the least is {case.terms.least_run}"


def effective_not_before_issue(case: Case) -> Iterator[Finding]:
    """What was given by api takes effect when it is issued, or later."""
    effective = read_time(case.body["effective_at"])
    early = effective is not None and effective < case.header.issued_at
    if case.body["channel"] == "api" and early:
        yield "/body/effective_at", "in the past: only for telephone and email records"


def enough_notice(case: Case) -> Iterator[Finding]:
    """The start is at least notice_s after the instruction was given."""
    effective = read_time(case.body["effective_at"])
    given = case.header.issued_at if case.body["channel"] == "api" else effective
    if case.terms is None or given is None or not case.periods:
        return
    if case.periods[0].start < given + case.terms.notice:
        yield f"{_PERIODS}/0/start", f"not before {time_text(given + case.terms.notice)}"


def as_accepted(case: Case) -> Iterator[Finding]:
    """What confirms a partial acceptance confirms exactly the accepted periods."""
    if case.countered is not None and case.periods != case.countered:
        yield _PERIODS, "must be exactly the periods that were accepted in part"


def past_unchanged(case: Case) -> Iterator[Finding]:
    """Past periods stay, the running one keeps start, id and level; later changes get new ids."""
    when = case.header.issued_at
    new = {p.id: p for p in case.periods}
    for old in case.plan:
        now = new.get(old.id)
        running = old.start <= when < old.end
        kept = now is not None and (now.start, now.level_w) == (old.start, old.level_w)
        if running and not kept:
            yield _PERIODS, f"period {old.id} is running: only its end may change"
        elif not running and now != old and (old.end <= when or now is not None):
            which = "is past" if old.end <= when else "changes: give it a new id"
            yield _PERIODS, f"period {old.id} {which}"


def increase_accepted(case: Case) -> Iterator[Finding]:
    """An increase or extension is held until a response accepts it."""
    if case.plan and asks_more(case.plan, case.periods, case.header.issued_at):
        yield _PERIODS, "asks for more: the old level runs on until it is accepted"


def _rule(
    reason: str,
    clause: str,
    scope: Scope,
    look: Callable[[Case], Iterator[Finding]],
    kinds: frozenset[str] = _PLANS,
) -> Rule:
    return Rule(reason, clause, scope, kinds, look)


RULES = (
    _rule("BODY_VALUE", "profile 3 schedule, instruction", "object", firm_as_its_kind),
    _rule("CONTRACT_NOT_IN_FORCE", "profile 2 Receiving 4", "relation", in_force),
    _rule("VALID_UNTIL_SHRUNK", "profile 2 valid_until", "history", never_shrinks),
    _rule("VALID_UNTIL_RANGE", "profile 2 valid_until", "history", valid_until_in_range),
    _rule("CONTRACT_MISMATCH", "profile 3 common part", "relation", of_this_contract),
    _rule("ASSET_UNKNOWN", "profile 2 Receiving 4", "relation", assets_known),
    _rule("POWER_FORM", "profile 3 power", "object", one_form_of_power),
    _rule("SIGN_MISMATCH", "profile 3 power", "object", sign_as_its_type),
    _rule("PERIODS_INVALID", "profile 3 periods", "object", periods_in_order),
    _rule("OUTSIDE_WINDOW", "profile 3 windows", "relation", inside_windows),
    _rule("OVER_CAPACITY", "profile 2 Receiving 4; 5 overlap", "relation", within_capacity),
    _rule("BELOW_MIN_RUN", "profile 5 min_run", "relation", long_enough),
    _rule(
        "EFFECTIVE_IN_PAST",
        "profile 3 instruction",
        "timing",
        effective_not_before_issue,
        _INSTRUCTION,
    ),
    _rule("NOTICE_SHORT", "profile 5 notice", "timing", enough_notice, _INSTRUCTION),
    _rule("NOT_AS_ACCEPTED", "profile 5 confirmed", "history", as_accepted, _INSTRUCTION),
    _rule("VARIATION_PAST_CHANGED", "profile 3 variation", "history", past_unchanged, _VARIATION),
)
"""In the order in which they are checked: the first violation is the one that is answered."""

HOLDS = Rule(
    "INCREASE_NEEDS_ACCEPTANCE",
    "profile 5 running",
    "history",
    _VARIATION,
    increase_accepted,
    severity="hold",
)
"""The one rule whose violation is not a refusal: the VEN stores, and waits."""
