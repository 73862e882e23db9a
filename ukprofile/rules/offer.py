"""The rules of what goes before a dispatch: request, availability, acceptance (profile 3).

request ──▶ availability ──▶ acceptance
market      own contract     no more than was offered, or nothing and why
            no more than was asked for
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.flex.kinds import DISPATCH_TYPES
from ukprofile.flex.request import Request
from ukprofile.flex.times import checked_time, time_text
from ukprofile.mapping.contract import dso_of, is_market, market_name
from ukprofile.rules.dispatch import (
    assets_known,
    in_force,
    inside_windows,
    of_this_contract,
    one_after_the_other,
    sign_as_its_type,
    within_capacity,
)
from ukprofile.rules.rule import Case, Finding, Rule, Scope

_REQUEST = frozenset({"request"})
_OFFER = frozenset({"availability"})
_ACCEPTANCE = frozenset({"acceptance"})
_PERIODS = "/body/periods"


# -- request ---------------------------------------------------------------------------------------


def of_this_market(case: Case) -> Iterator[Finding]:
    """Product and zone of a request are those of its market."""
    product, zone = case.body["service_product"], case.body["zone"]
    due = market_name(dso_of(case.header.program), product, zone)
    if due != case.header.program:
        yield "/program", f"{product} in {zone} is bought in {due}"


def window_in_order(case: Case) -> Iterator[Finding]:
    """The window of a request ends after it starts."""
    window = case.body["window"]
    if checked_time(window["start"]) >= checked_time(window["end"]):
        yield "/body/window", "must end after it starts"


def something_asked(case: Case) -> Iterator[Finding]:
    """A request asks for more or less than nothing."""
    if case.body["delta_w"] == 0:
        yield "/body/delta_w", "0 W asks for nothing"


def request_sign_as_its_type(case: Case) -> Iterator[Finding]:
    """The sign of what is requested is that of the dispatch_type."""
    sign = DISPATCH_TYPES.get(case.body.get("dispatch_type", ""))
    if sign is not None and case.body["delta_w"] * sign < 0:
        yield "/body/delta_w", f"{case.body['dispatch_type']} is {'+' if sign > 0 else '-'}"


# -- availability ----------------------------------------------------------------------------------


def under_a_contract_of_its_own(case: Case) -> Iterator[Finding]:
    """An offer names a contract of its issuer and, outside a market, that of the program."""
    named, program = case.body["contract_id"], case.header.program
    if not is_market(program) and named != program:
        yield "/body/contract_id", f"must be {program}, the contract of the program"
    elif is_market(program) and case.terms is None:
        yield "/body/contract_id", f"{case.header.issuer} has no contract {named}"
    elif case.terms is not None and case.body["zone"] != case.terms.zone:
        yield "/body/zone", f"the contract is for {case.terms.zone}"


def fit_for_the_request(case: Case) -> Iterator[Finding]:
    """An offer to a request is for its zone, under a contract for its product."""
    asked = _request(case)
    if asked is None or case.terms is None:
        return
    if case.terms.product != asked.service_product:
        detail = f"a contract for {case.terms.product}; asked for: {asked.service_product}"
        yield "/body/contract_id", detail
    if case.body["zone"] != asked.zone:
        yield "/body/zone", f"asked for: {asked.zone}"


def not_more_than_requested(case: Case) -> Iterator[Finding]:
    """An offer to a request stays within its window and its power, in the same direction."""
    asked = _request(case)
    if asked is None:
        return
    for index, period in enumerate(case.periods):
        path = f"{_PERIODS}/{index}"
        if period.start < asked.start or period.end > asked.end:
            yield path, f"asked for: {time_text(asked.start)} to {time_text(asked.end)}"
        offered = period.level_w
        if offered * asked.delta_w <= 0 or abs(offered) > abs(asked.delta_w):
            yield f"{path}/delta_w", f"asked for: {asked.delta_w:+,} W, or part of it"


def _request(case: Case) -> Request | None:
    """The request that is answered; None for a declaration of availability by itself."""
    answered = case.answered or {}
    return Request.read(answered) if "service_product" in answered else None


# -- offered and accepted periods ------------------------------------------------------------------


def offered_periods_in_order(case: Case) -> Iterator[Finding]:
    """Periods end after they start, in order, without overlap; an id that is given stands once."""
    ids = [p["id"] for p in case.body["periods"] if "id" in p]
    if len(set(ids)) != len(ids):
        yield _PERIODS, "an id names one period"
    yield from one_after_the_other(case)


# -- acceptance ------------------------------------------------------------------------------------


def not_more_than_offered(case: Case) -> Iterator[Finding]:
    """An acceptance takes at no instant more than was offered for it."""
    if case.answered is None:
        return
    offered = read_periods(case.answered)
    for index, period in enumerate(case.periods):
        edges = (e for p in offered for e in (p.start, p.end))
        instants = (period.start, *(e for e in edges if period.start < e < period.end))
        if any(not _within(period.level_w, offered, instant) for instant in instants):
            yield f"{_PERIODS}/{index}", "more than was offered"


def _within(taken_w: int, offered: tuple[Period, ...], when: datetime) -> bool:
    """Whether `taken_w` is part of what is offered at `when`."""
    level = next((p.level_w for p in offered if p.start <= when < p.end), 0)
    return 0 < taken_w <= level or level <= taken_w < 0


def turned_down_with_a_reason(case: Case) -> Iterator[Finding]:
    """What takes nothing of an offer says why."""
    if not case.periods and "reason" not in case.body:
        yield "/body/reason", "no periods: say why the offer is not taken"


def _rule(
    reason: str,
    clause: str,
    scope: Scope,
    look: Callable[[Case], Iterator[Finding]],
    kinds: frozenset[str],
) -> Rule:
    return Rule(reason, clause, scope, kinds, look)


RULES = (
    _rule("CONTRACT_MISMATCH", "profile 1 market", "object", of_this_market, _REQUEST),
    _rule("BODY_VALUE", "profile 3 request", "object", something_asked, _REQUEST),
    _rule("SIGN_MISMATCH", "profile 3 power", "object", request_sign_as_its_type, _REQUEST),
    _rule("PERIODS_INVALID", "profile 3 request", "object", window_in_order, _REQUEST),
    _rule(
        "CONTRACT_MISMATCH",
        "profile 3 common part",
        "relation",
        under_a_contract_of_its_own,
        _OFFER,
    ),
    _rule("CONTRACT_MISMATCH", "profile 3 availability", "relation", fit_for_the_request, _OFFER),
    _rule("CONTRACT_MISMATCH", "profile 3 common part", "relation", of_this_contract, _ACCEPTANCE),
    _rule("CONTRACT_NOT_IN_FORCE", "profile 2 Receiving 4", "relation", in_force, _OFFER),
    _rule("ASSET_UNKNOWN", "profile 2 Receiving 4", "relation", assets_known, _OFFER | _ACCEPTANCE),
    _rule("SIGN_MISMATCH", "profile 3 power", "object", sign_as_its_type, _OFFER | _ACCEPTANCE),
    _rule(
        "PERIODS_INVALID",
        "profile 3 periods",
        "object",
        offered_periods_in_order,
        _OFFER | _ACCEPTANCE,
    ),
    _rule("OUTSIDE_WINDOW", "profile 3 windows", "relation", inside_windows, _OFFER),
    _rule("OVER_CAPACITY", "profile 2 Receiving 4", "relation", within_capacity, _OFFER),
    _rule("EXCEEDS_REQUEST", "profile 3 availability", "relation", not_more_than_requested, _OFFER),
    _rule("BODY_VALUE", "profile 3 acceptance", "relation", not_more_than_offered, _ACCEPTANCE),
    _rule("BODY_VALUE", "profile 3 acceptance", "object", turned_down_with_a_reason, _ACCEPTANCE),
)
"""In the order in which they are checked."""
