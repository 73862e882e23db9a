"""Each rule of schedule, instruction and variation, on both sides of its bound."""

from dataclasses import replace
from typing import Any

import pytest

from tests.made import body, header, held, minute, period, terms
from ukprofile.flex.dispatch import Period, Thread, read_periods
from ukprofile.flex.times import time_text
from ukprofile.rules import HOLDS, PROFILE_1_0, Case, violations

RUN = period(0, 60, 180)


def case(*periods: Period, kind: str = "instruction", issued: int = 0, **around: Any) -> Case:
    """A faultless case but for what is named; `header` and `body` are changes of these."""
    changes = {"firm": kind == "instruction", **around.pop("body", {})}
    made = body(*(periods or (RUN,)), **changes)
    head = header(kind, issued, **around.pop("header", {}))
    return Case(head, made, read_periods(made), **{"terms": terms(), **around})


def found(one: Case) -> list[tuple[str, str]]:
    """(code, pointer) of every violation."""
    return [(v.reason, v.path) for v in violations(PROFILE_1_0, one)]


@pytest.mark.parametrize("kind", ["schedule", "instruction", "variation"])
def test_a_faultless_message_breaks_no_rule(kind: str) -> None:
    assert found(case(kind=kind)) == []


def test_a_rule_looks_only_at_the_kinds_it_is_for() -> None:
    assert found(replace(case(), header=header("status"), terms=None)) == []


def test_every_rule_has_a_code_a_clause_and_a_sentence() -> None:
    for rule in (*PROFILE_1_0, HOLDS):
        assert rule.says.endswith(".")
        assert rule.clause.startswith("profile")
        violation = next(
            violations((replace(rule, look=lambda _: iter([("/x", "y")])),), case_of(rule))
        )
        refused = violation.refused()
        assert (refused.reason, refused.path, refused.detail) == (rule.reason, "/x", "y")
        assert refused.clause == rule.clause


def case_of(rule: Any) -> Case:
    return Case(header(min(rule.kinds)), {})


@pytest.mark.parametrize(
    ("kind", "firm"), [("schedule", True), ("instruction", False), ("instruction", 1)]
)
def test_firm_is_as_its_kind(kind: str, firm: Any) -> None:
    assert found(case(kind=kind, body={"firm": firm})) == [("BODY_VALUE", "/body/firm")]


def test_the_contract_must_be_known_and_hold_at_the_time() -> None:
    assert found(case(terms=None)) == [("CONTRACT_NOT_IN_FORCE", "/program")]
    for span in ({"valid_from": minute(61)}, {"valid_to": minute(179)}):
        assert found(case(terms=terms(**span))) == [("CONTRACT_NOT_IN_FORCE", "/body/periods")]
    exact = terms(valid_from=minute(60), valid_to=minute(180))
    assert found(case(terms=exact)) == []


def test_valid_until_never_shrinks_and_stays_within_a_day_of_the_last_end() -> None:
    before = Thread((held("schedule", -10, period(0, 60, 200)),))
    shrunk = ("VALID_UNTIL_SHRUNK", "/valid_until")
    ranged = ("VALID_UNTIL_RANGE", "/valid_until")
    for until, expected in (
        (minute(180), []),
        (minute(180 + 24 * 60), []),
        (minute(179), [ranged]),
        (minute(181 + 24 * 60), [ranged]),
    ):
        assert found(case(header={"valid_until": until})) == expected
    for until, expected in (
        (minute(240), []),
        (minute(239), [shrunk]),
        (minute(199), [shrunk, ranged]),
    ):
        assert found(case(header={"valid_until": until}, thread=before)) == expected


def test_a_dispatch_is_for_its_contract_its_zone_and_its_assets() -> None:
    mismatch = "CONTRACT_MISMATCH"
    assert found(case(body={"contract_id": "UKPN:C2"})) == [(mismatch, "/body/contract_id")]
    assert found(case(body={"zone": "Z2"})) == [(mismatch, "/body/zone")]
    assets = [{"asset_id": "A1"}, {"asset_id": "A2"}]
    assert found(case(body={"assets": assets})) == [("ASSET_UNKNOWN", "/body/assets/1/asset_id")]


@pytest.mark.parametrize(
    ("powers", "typed", "path"),
    [
        ((None, None), True, "/body/periods/0"),
        ((1_000_000, 1_000_000), True, "/body/periods/0"),
        ((None, 1_000_000), True, "/body/dispatch_type"),
        ((1_000_000, None), False, "/body/dispatch_type"),
    ],
)
def test_power_has_one_form(powers: tuple[int | None, int | None], typed: bool, path: str) -> None:
    one = case(Period(0, minute(60), minute(180), *powers))
    if not typed:
        one = replace(one, body={k: v for k, v in one.body.items() if k != "dispatch_type"})
    assert found(one) == [("POWER_FORM", path)]


def test_a_set_point_without_a_type_is_a_form_too() -> None:
    one = case(Period(0, minute(60), minute(180), None, -1_000_000_000))
    del one.body["dispatch_type"]  # type: ignore[attr-defined]
    assert found(one) == []


@pytest.mark.parametrize(
    ("dispatch_type", "right"),
    [
        ("demand_turn_down", 1),
        ("generation_turn_up", 1),
        ("demand_turn_up", -1),
        ("generation_turn_down", -1),
    ],
)
def test_the_sign_is_that_of_the_dispatch_type(dispatch_type: str, right: int) -> None:
    told = {"dispatch_type": dispatch_type}
    assert found(case(period(0, 60, 180, right * 1000), body=told)) == []
    for wrong in (-right * 1000, 0):
        assert found(case(period(0, 60, 180, wrong), body=told)) == [
            ("SIGN_MISMATCH", "/body/periods/0/delta_w")
        ]


def test_periods_are_in_order_without_overlap_with_ids_of_their_own() -> None:
    first, second = period(0, 60, 120), period(1, 120, 180)
    path = "/body/periods"
    assert found(case(first, second)) == []
    assert found(replace(case(), periods=())) == [("PERIODS_INVALID", path)]
    assert found(case(first, replace(second, id=0))) == [("PERIODS_INVALID", path)]
    assert found(case(first, period(1, 119, 180))) == [("PERIODS_INVALID", f"{path}/1")]
    assert ("PERIODS_INVALID", f"{path}/1") in found(case(first, period(1, 180, 180)))
    assert ("PERIODS_INVALID", f"{path}/1") in found(case(second, replace(first, id=2)))


def test_every_period_lies_in_a_window() -> None:
    outside = [("OUTSIDE_WINDOW", "/body/periods/1")]
    assert found(case(RUN, period(1, 200, 301), header={"valid_until": minute(400)})) == outside


def test_the_capacity_may_be_used_whole_and_is_shared_with_other_dispatches() -> None:
    over = [("OVER_CAPACITY", "/body/periods")]
    assert found(case(period(0, 60, 180, 1_500_000))) == []
    assert found(case(period(0, 60, 180, 1_500_001))) == over
    beside = ((period(0, 90, 120, 500_000),),)
    assert found(case(others=beside)) == []
    assert found(case(others=((period(0, 90, 120, 500_001),),))) == over
    # another dispatch that is too much by itself is not this one's fault
    assert found(case(others=((period(0, 180, 240, 9_000_000),),))) == []


def test_a_run_is_measured_whole() -> None:
    assert found(case(period(0, 60, 75), period(1, 75, 90))) == []
    assert found(case(period(0, 60, 89))) == [("BELOW_MIN_RUN", "/body/periods")]


def test_what_is_given_by_api_takes_effect_when_issued_or_later() -> None:
    early = {"effective_at": "2026-11-24T14:59:59Z"}
    assert found(case(body=early)) == [("EFFECTIVE_IN_PAST", "/body/effective_at")]
    assert found(case(body={**early, "channel": "telephone"})) == []


def test_notice_is_counted_from_the_issue_or_from_the_telephone_call() -> None:
    short = [("NOTICE_SHORT", "/body/periods/0/start")]
    told = {"body": {"effective_at": time_text(minute(59))}}
    assert found(case(issued=58, **told)) == []
    assert found(case(issued=59, **told)) == short
    called = {"channel": "telephone", "effective_at": time_text(minute(58))}
    assert found(case(issued=70, body=called)) == []
    assert found(case(issued=70, body={**called, "effective_at": time_text(minute(59))})) == short


def test_what_was_accepted_in_part_is_confirmed_exactly() -> None:
    assert found(case(countered=(RUN,))) == []
    assert found(case(countered=(period(0, 65, 180),))) == [("NOT_AS_ACCEPTED", "/body/periods")]


BEFORE = (period(0, 60, 90), period(1, 90, 150))


@pytest.mark.parametrize(
    ("periods", "path"),
    [
        # issued at 100: 0 is past, 1 is running
        ((period(0, 60, 90), period(1, 90, 150)), ""),
        ((period(0, 60, 90), period(1, 90, 110)), ""),
        ((period(0, 60, 90), period(1, 90, 110), period(2, 110, 150, 500_000)), ""),
        ((period(0, 60, 89), period(1, 90, 150)), "/body/periods"),
        ((period(1, 90, 150),), "/body/periods"),
        ((period(0, 60, 90), period(1, 91, 150)), "/body/periods"),
        ((period(0, 60, 90), period(1, 90, 150, 900_000)), "/body/periods"),
        ((period(0, 60, 90), period(2, 90, 150)), "/body/periods"),
    ],
)
def test_a_variation_leaves_the_past_and_the_running_level_alone(
    periods: tuple[Period, ...], path: str
) -> None:
    one = case(*periods, kind="variation", issued=100, plan=BEFORE)
    assert found(one) == ([("VARIATION_PAST_CHANGED", path)] if path else [])


def test_a_later_change_gets_a_new_id() -> None:
    changed = (period(0, 60, 90), period(1, 90, 150, 500_000))
    renamed = (period(0, 60, 90), period(2, 90, 150, 500_000))
    early = {"kind": "variation", "issued": 70, "plan": BEFORE}
    assert found(case(*changed, **early)) == [("VARIATION_PAST_CHANGED", "/body/periods")]
    assert found(case(*renamed, **early)) == []
    assert found(case(period(0, 60, 90), **early)) == []


def test_only_an_increase_or_extension_is_held() -> None:
    for end, watts, holds in ((150, 1_000_000, False), (149, 900_000, False), (151, 1, True)):
        periods = (period(0, 60, 90), period(1, 90, 150), period(2, 150, end, watts))
        one = case(*periods[: 3 if end > 150 else 2], kind="variation", issued=100, plan=BEFORE)
        assert bool([*violations((HOLDS,), one)]) is holds
    assert not [*violations((HOLDS,), case(kind="variation"))]
    assert HOLDS.severity == "hold"
