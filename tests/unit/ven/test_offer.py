"""What is offered to a request: the most that can be held, and nothing the DSO's rules refuse."""

import math
from dataclasses import replace
from datetime import UTC, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from tests import made
from tests.made import MARKET, minute
from ukprofile.flex.common import Asset, Price
from ukprofile.flex.contract import DAYS, Window
from ukprofile.flex.dispatch import read_periods
from ukprofile.flex.request import Request
from ukprofile.rules import offer as offer_rules
from ukprofile.rules.rule import Case, violations
from ven.device.ability import Ability, Load
from ven.offer import Nature, Terms, offer, open_spans

TERMS = Terms(Price("GBP", 21_000, 500), "ACME-B1", "Storage")
CONTRACT = made.terms(assets=(Asset("A1", "G1"), Asset("A2")), min_run_s=1800)
REQUEST = Request(
    service_product="OU",
    zone="Z1",
    start=minute(60),
    end=minute(180),
    delta_w=2_500_000,
    respond_by=minute(30),
    dispatch_type="demand_turn_down",
    min_offer_w=100_000,
)


def steady(most_w: int, start: int = 0, end: int = 600, wh: float | None = None) -> Ability:
    """A stretch at one ability, from minute to minute."""
    energy = None if wh is None else (wh, wh)
    return Ability(minute(start), minute(end), -most_w, most_w, 0, energy, energy)


def offers(request=REQUEST, contract=CONTRACT, promised=None, terms=TERMS, **forecasts):
    """What is offered, as (first minute, last minute, watts), and of which assets."""
    body = offer(request, contract, terms, {}, promised or {}, forecasts)
    if body is None:
        return None
    shown = [
        (round((p.start - minute(0)).total_seconds() / 60),
         round((p.end - minute(0)).total_seconds() / 60), p.delta_w)
        for p in body.periods
    ]  # fmt: skip
    return shown, [a.asset_id for a in body.assets]


def test_the_whole_window_at_the_highest_level_in_whole_kilowatts():
    assert offers(A1=(steady(640_500),)) == ([(60, 180, 640_000)], ["A1"])


def test_never_more_than_was_asked_for_nor_than_the_capacity():
    assert offers(A1=(steady(9_000_000),)) == ([(60, 180, 1_500_000)], ["A1"])
    modest = replace(REQUEST, delta_w=700_900)
    assert offers(modest, A1=(steady(9_000_000),)) == ([(60, 180, 700_000)], ["A1"])


def test_without_a_price_of_ones_own_it_is_the_contract_s_or_nothing_is_offered():
    of_contract = replace(TERMS, price=None)
    priced = replace(CONTRACT, price=Price("GBP", None, 1900))
    body = offer(REQUEST, priced, of_contract, {}, {}, {"A1": (steady(640_500),)})
    assert body is not None
    assert body.price == Price("GBP", None, 1900)
    silent = replace(CONTRACT, price=None)
    assert offers(contract=silent, A1=(steady(640_500),)) is not None
    assert offers(contract=silent, terms=of_contract, A1=(steady(640_500),)) is None


def test_a_request_for_more_demand_is_offered_less_export():
    up = replace(REQUEST, delta_w=-800_000, dispatch_type="demand_turn_up")
    assert offers(up, A1=(steady(500_000),)) == ([(60, 180, -500_000)], ["A1"])


def test_what_can_be_done_in_a_part_of_the_window_is_offered_there():
    part = (steady(0, 0, 90), steady(500_000, 90, 150), steady(0, 150, 600))
    assert offers(A1=part) == ([(90, 150, 500_000)], ["A1"])
    two = (steady(500_000, 60, 100), steady(0, 100, 120), steady(300_000, 120, 180))
    assert offers(A1=two) == ([(60, 100, 500_000), (120, 180, 300_000)], ["A1"])


def test_energy_is_offered_once():
    two = (
        steady(500_000, 60, 100, 400_000),
        steady(0, 100, 120, 400_000),
        steady(500_000, 120, 180, 400_000),
    )
    assert offers(A1=two) == ([(60, 100, 500_000)], ["A1"])  # 66 kWh are left: too few


def test_only_inside_the_windows_and_the_life_of_the_contract():
    evening = replace(CONTRACT, windows=(Window(DAYS, time(16, 30), time(17, 30)),))
    assert offers(contract=evening, A1=(steady(500_000),)) == ([(90, 150, 500_000)], ["A1"])
    young = replace(CONTRACT, valid_from=minute(100))
    assert offers(contract=young, A1=(steady(500_000),)) == ([(100, 180, 500_000)], ["A1"])
    over = replace(CONTRACT, valid_to=minute(60))
    assert offers(contract=over, A1=(steady(500_000),)) is None


def test_touching_windows_are_one_and_the_clocks_go_back_in_them():
    night = (Window(("sat",), time(23), time(0)), Window(("sun",), time(0), time(3)))
    contract = replace(CONTRACT, windows=night)
    spans = open_spans(
        contract, datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)
    )
    assert spans == [
        (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC))
    ]


def test_what_is_too_short_or_too_small_is_not_offered():
    assert offers(A1=(steady(500_000, 60, 89),)) is None
    assert offers(A1=(steady(99_999),)) is None
    assert offers(replace(REQUEST, min_offer_w=99_001), A1=(steady(99_999),)) is None
    assert offers(replace(REQUEST, min_offer_w=None), A1=(steady(1_999),)) == (
        [(60, 180, 1000)],
        ["A1"],
    )
    assert offers() is None


def test_an_asset_that_can_do_nothing_then_is_left_out():
    idle = (steady(0),)
    assert offers(A1=(steady(500_000),), A2=idle) == ([(60, 180, 500_000)], ["A1"])
    both = offers(A1=(steady(500_000),), A2=(steady(500_000),))
    assert both == ([(60, 180, 1_000_000)], ["A1", "A2"])


def test_a_weak_asset_does_not_hold_back_a_strong_one():
    assert offers(A1=(steady(800_000),), A2=(steady(100_000),)) == ([(60, 180, 800_000)], ["A1"])
    apart = {"A1": (steady(500_000, 60, 120),), "A2": (steady(600_000, 120, 180),)}
    assert offers(**apart) == ([(120, 180, 600_000)], ["A2"])


def test_what_is_promised_is_not_offered():
    promised = {"A1": (Load(minute(100), minute(140), 300_000),)}
    assert offers(promised=promised, A1=(steady(500_000),)) == ([(60, 180, 200_000)], ["A1"])


def test_what_an_asset_is_stands_in_the_offer():
    terms = replace(TERMS, natures={"A2": Nature("EVSE", "Demand", 7)}, confidence_percent=90)
    body = offer(REQUEST, CONTRACT, terms, {}, {}, dict.fromkeys(("A1", "A2"), (steady(500_000),)))
    assert body is not None
    assert [(a.asset_id, a.asset_group_id, a.asset_class_id, a.energy_source, a.ghg_g_per_kwh)
            for a in body.assets] == [
        ("A1", "G1", "ACME-B1", "Storage", None), ("A2", None, "EVSE", "Demand", 7)]  # fmt: skip
    assert body.confidence_percent == 90


minutes = st.integers(0, 300)
abilities = st.lists(
    st.tuples(
        st.integers(0, 120),
        st.just(0) | st.integers(300_000, 2_000_000),
        st.none() | st.integers(500_000, 3_000_000),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda step: step[0],
)


@given(
    st.tuples(st.sampled_from((-1, 1)), st.integers(300_000, 2_000_000)).map(math.prod),
    st.integers(30, 270),
    st.integers(30, 200),
    st.none() | st.integers(0, 500_000),
    abilities,
    abilities,
    st.lists(st.tuples(minutes, st.integers(1, 60), st.integers(-500_000, 500_000)), max_size=2),
)
def test_every_offer_keeps_the_rules_of_the_dso(watts, start, lasts, least, one, other, told):
    request = replace(
        REQUEST, delta_w=watts, start=minute(start), end=minute(start + lasts), min_offer_w=least,
        dispatch_type="demand_turn_down" if watts > 0 else "demand_turn_up",
    )  # fmt: skip
    forecasts = {name: _forecast(steps) for name, steps in (("A1", one), ("A2", other))}
    promised = {"A1": tuple(Load(minute(a), minute(a + n), w) for a, n, w in told)}
    body = offer(request, CONTRACT, TERMS, {"A1": 2, "A2": 1}, promised, forecasts)
    if body is None:
        return
    said = body.to_json()
    case = Case(
        header=made.header("availability", program=MARKET, issuer="FSP7"),
        body=said,
        periods=read_periods(said),
        terms=CONTRACT,
        answered=request.to_json(),
        now=minute(0),
    )
    assert list(violations(offer_rules.RULES, case)) == []
    assert all(abs(p.delta_w) >= (least or 1) for p in body.periods)
    assert all(p.end - p.start >= CONTRACT.least_run for p in body.periods)


def _forecast(steps) -> tuple[Ability, ...]:
    ordered = sorted(steps)
    ends = [*(start for start, *_ in ordered[1:]), 600][: len(ordered)]
    return tuple(steady(w, a, b, wh) for (a, w, wh), b in zip(ordered, ends, strict=True))
