"""What the policy answers: never more than the devices can, nor outside of what the contract allows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import made
from tests.made import minute, period
from ukprofile.flex.common import Asset
from ukprofile.flex.dispatch import Period
from ukprofile.receiving import Thread
from ukprofile.rules import answer as answer_rules
from ukprofile.rules.rule import Case, violations
from ven.device.ability import Ability, Load
from ven.policy import Able, Always, Asked, PolicyError, able, policy_named

TERMS = made.terms(assets=(Asset("A1"), Asset("A2")), min_run_s=1800, max_start_delay_s=1800)


def foreseen(most_w: int, energy_wh: float | None = None, idle: int = 0) -> tuple[Ability, ...]:
    """A forecast of ten hours; nothing can be done in the first `idle` minutes after 16:00."""
    before = (
        (Ability(minute(0), minute(60 + idle), 0, 0, 0, _all_the_while(energy_wh)),) if idle else ()
    )
    rest = Ability(
        minute(60 + idle if idle else 0), minute(600), -most_w, most_w, 0, _all_the_while(energy_wh)
    )
    return (*before, rest)


def _all_the_while(energy_wh: float | None) -> tuple[float, float] | None:
    return None if energy_wh is None else (energy_wh, energy_wh)


def asked(*periods, forecasts=None, promised=None, **changes) -> Asked:
    assets = tuple(sorted(forecasts or {"A1": ()}))
    return Asked(
        periods=periods,
        assets=assets,
        terms=changes.pop("terms", TERMS),
        weights={"A1": 2, "A2": 1},
        promised=promised or {},
        forecasts=forecasts or {},
        **changes,
    )


def test_what_fits_is_accepted():
    fine = asked(period(0, 60, 180, 900_000), forecasts={"A1": foreseen(900_000)})
    assert Able().answer(fine).answer == "accept"


def test_what_is_too_much_is_accepted_in_part_to_the_kilowatt():
    much = asked(period(0, 60, 180, 1_000_000), forecasts={"A1": foreseen(640_500)})
    reply = Able().answer(much)
    assert (reply.answer, reply.reason) == ("partial", "CAPACITY")
    assert reply.periods == (period(0, 60, 180, 640_000),)


def test_energy_that_runs_out_lowers_the_level():
    little = asked(period(0, 60, 180, 800_000), forecasts={"A1": foreseen(900_000, 1_000_000)})
    assert Able().answer(little).periods == (period(0, 60, 180, 500_000),)


def test_what_comes_later_starts_later_as_far_as_the_contract_allows():
    later = asked(period(0, 60, 180, 800_000), forecasts={"A1": foreseen(900_000, idle=20)})
    assert Able().answer(later).periods == (period(0, 80, 180, 800_000),)
    too_late = asked(period(0, 60, 180, 800_000), forecasts={"A1": foreseen(900_000, idle=31)})
    assert Able().answer(too_late).answer == "refuse"


def test_what_is_promised_to_others_is_not_promised_again():
    both = {"A1": (Load(minute(60), minute(120), 500_000),)}
    reply = Able().answer(
        asked(period(0, 60, 180, 800_000), forecasts={"A1": foreseen(900_000)}, promised=both)
    )
    assert reply.periods == (period(0, 60, 180, 400_000),)


def test_a_set_point_is_measured_against_the_baseline_of_each_step():
    falls = (
        Ability(minute(0), minute(90), -900_000, 900_000, 0),
        Ability(minute(90), minute(600), -900_000, 900_000, -800_000),
    )
    level = Period(0, minute(60), minute(180), setpoint_w=500_000)
    assert Able().answer(asked(level, forecasts={"A1": falls})).answer == "refuse"
    early = replace(level, end=minute(90))
    assert Able().answer(asked(early, forecasts={"A1": falls})).answer == "accept"
    unforeseen = replace(level, start=minute(590), end=minute(620))
    assert Able().answer(asked(unforeseen, forecasts={"A1": falls})).answer == "refuse"


def test_what_can_do_nothing_then_is_unavailable_and_not_too_small():
    idle = {"A1": foreseen(0)}
    assert Able().answer(asked(period(0, 60, 180, 800_000), forecasts=idle)).reason == "UNAVAILABLE"


def test_an_increase_is_taken_whole_or_not_at_all():
    much = asked(period(0, 60, 180, 1_000_000), forecasts={"A1": foreseen(640_500)}, whole=True)
    assert Able().answer(much).answer == "refuse"


def test_several_assets_share_by_weight():
    forecasts = {"A1": foreseen(600_000), "A2": foreseen(300_000)}
    assert Able().answer(asked(period(0, 60, 180, 900_000), forecasts=forecasts)).answer == "accept"
    lame = {"A1": foreseen(600_000), "A2": foreseen(100_000)}
    assert Able().answer(asked(period(0, 60, 180, 900_000), forecasts=lame)).periods == (
        period(0, 60, 180, 300_000),
    )


def test_less_than_the_contract_takes_is_refused():
    weak = asked(period(0, 60, 180, 900_000), forecasts={"A1": foreseen(99_000)})
    reply = Able().answer(weak)
    assert (reply.answer, reply.reason) == ("refuse", "CAPACITY")


@given(
    st.integers(100_000, 1_500_000),
    st.integers(0, 1_500_000),
    st.one_of(st.none(), st.integers(0, 3_000_000)),
    st.integers(0, 60),
    st.integers(31, 200),
)
def test_what_is_accepted_in_part_keeps_every_rule_and_fits(watts, most, energy, idle, lasts):
    wanted = (period(0, 60, 60 + lasts // 2, watts), period(1, 60 + lasts // 2, 60 + lasts, watts))
    question = asked(*wanted, forecasts={"A1": foreseen(most, energy, idle)})
    reply = Able().answer(question)
    if reply.answer != "partial":
        assert not reply.periods
        return
    assert able(question, reply.periods)
    case = Case(
        header=made.header("response"),
        body={},
        periods=reply.periods,
        terms=TERMS,
        thread=Thread(),
        answered={"periods": [p.to_json() for p in wanted]},
        now=minute(0),
    )
    assert list(violations(answer_rules.RULES, case)) == []


def test_always_accepts_and_own_policies_are_found_by_name():
    assert Always().answer(asked(period(0, 60, 180, 10**9))).answer == "accept"
    assert isinstance(policy_named("accept"), Always)
    assert isinstance(policy_named("able"), Able)
    assert isinstance(policy_named("ven.policy:Always"), Always)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("maybe", "able, accept, or module:Class"),
        ("nowhere.to:Be", "cannot be made"),
        ("ven.policy:Nobody", "cannot be made"),
        ("datetime:timedelta", "has no method answer"),
    ],
)
def test_a_policy_that_is_none_is_named(name, said):
    with pytest.raises(PolicyError, match=said):
        policy_named(name)


def test_without_terms_it_is_all_or_nothing():
    much = asked(period(0, 60, 180, 10**6), forecasts={"A1": foreseen(9)}, terms=None)
    assert Able().answer(much).answer == "refuse"
