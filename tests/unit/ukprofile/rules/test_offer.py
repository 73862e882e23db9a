"""The rules of request, availability and acceptance, on both sides of their bounds."""

from datetime import time
from typing import Any

import pytest

from tests.made import MARKET, header, minute, period, terms
from ukprofile.flex.contract import DAYS, Window
from ukprofile.flex.dispatch import Period, read_periods
from ukprofile.flex.times import time_text
from ukprofile.rules import PROFILE_1_0, Case, violations

ASKED = {
    "service_product": "OU",
    "zone": "Z1",
    "window": {"start": time_text(minute(60)), "end": time_text(minute(180))},
    "dispatch_type": "demand_turn_down",
    "delta_w": 2_000_000,
    "min_offer_w": 100_000,
    "respond_by": time_text(minute(30)),
}
WHOLE = period(0, 60, 180)
MISMATCH = "CONTRACT_MISMATCH"


def found(case: Case) -> list[tuple[str, str]]:
    """(code, pointer) of every rule that is broken."""
    return [(v.reason, v.path) for v in violations(PROFILE_1_0, case)]


def request(program: str = MARKET, **changes: Any) -> list[tuple[str, str]]:
    said = {k: v for k, v in {**ASKED, **changes}.items() if v is not None}
    return found(Case(header("request", program=program, recipient=program), said))


def span(start: int, end: int) -> dict[str, str]:
    return {"start": time_text(minute(start)), "end": time_text(minute(end))}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"dispatch_type": None, "delta_w": -1}, []),
        ({"dispatch_type": "demand_turn_up", "delta_w": -1}, []),
        ({"dispatch_type": "demand_turn_up"}, [("SIGN_MISMATCH", "/body/delta_w")]),
        ({"delta_w": -1}, [("SIGN_MISMATCH", "/body/delta_w")]),
        ({"delta_w": 0}, [("BODY_VALUE", "/body/delta_w")]),
        ({"window": span(60, 60)}, [("PERIODS_INVALID", "/body/window")]),
        ({"window": span(61, 60)}, [("PERIODS_INVALID", "/body/window")]),
        ({"zone": "Z2"}, [(MISMATCH, "/program")]),
        ({"service_product": "PR"}, [(MISMATCH, "/program")]),
        ({"zone": "Z.1", "program": "market:UKPN:OU:Z-1"}, []),
        ({"service_product": "SA+OU", "program": "market:UKPN:SA-OU:Z1"}, []),
    ],
)
def test_a_request_asks_its_market_for_something(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert request(**changes) == expected


def offer(*periods: Period, **around: Any) -> list[tuple[str, str]]:
    """Of a faultless offer to `ASKED` but for what is named; `body` holds changes of its body."""
    said = {
        "contract_id": "UKPN:C1",
        "zone": "Z1",
        "assets": [{"asset_id": "A1", "asset_class_id": "C", "energy_source": "Demand"}],
        "dispatch_type": "demand_turn_down",
        "periods": [p.to_json() for p in periods or (WHOLE,)],
        "price": {"currency": "GBP"},
        **around.pop("body", {}),
    }
    program = around.pop("program", MARKET)
    head = header("availability", issuer="FSP7", recipient="UKPN", program=program)
    made = {"terms": terms(), "answered": ASKED, **around}
    return found(Case(head, said, read_periods(said), **made))


def test_a_faultless_offer_breaks_no_rule_in_the_market_or_by_itself() -> None:
    assert offer() == []
    assert offer(answered=None) == []
    assert offer(program="UKPN:C1", answered=None) == []


def test_an_offer_is_under_a_contract_of_its_issuer() -> None:
    named = "/body/contract_id"
    assert (MISMATCH, named) in offer(terms=None)  # somebody else's, or nobody's
    assert offer(program="UKPN:C2", answered=None) == [(MISMATCH, named)]
    assert offer(answered=None, body={"zone": "Z2"}) == [(MISMATCH, "/body/zone")]


def test_an_offer_without_terms_in_force_is_refused() -> None:
    held = {"terms": None, "program": "UKPN:C1", "answered": None}
    assert offer(**held) == [("CONTRACT_NOT_IN_FORCE", "/program")]
    assert offer(terms=terms(valid_to=minute(179))) == [("CONTRACT_NOT_IN_FORCE", "/body/periods")]


def test_the_contract_is_for_what_was_asked() -> None:
    assert offer(terms=terms(product="PR")) == [(MISMATCH, "/body/contract_id")]
    assert offer(terms=terms(product="PR"), answered=None) == []
    elsewhere = {**ASKED, "zone": "Z2"}
    assert offer(answered=elsewhere) == [(MISMATCH, "/body/zone")]


def test_only_assets_of_the_contract_are_offered() -> None:
    assets = [{"asset_id": name, "asset_class_id": "C", "energy_source": "W"} for name in "AB"]
    expected = [("ASSET_UNKNOWN", f"/body/assets/{n}/asset_id") for n in (0, 1)]
    assert offer(body={"assets": assets}) == expected


@pytest.mark.parametrize(
    ("offered", "path"),
    [
        (period(0, 60, 180, 2_000_000), ""),
        (period(0, 60, 180, 2_000_001), "/body/periods/0/delta_w"),
        (period(0, 59, 180), "/body/periods/0"),
        (period(0, 60, 181), "/body/periods/0"),
        (period(0, 61, 179, 1), ""),
        (period(0, 60, 180, 0), "/body/periods/0/delta_w"),
        (period(0, 60, 180, -1), "/body/periods/0/delta_w"),
    ],
)
def test_an_offer_stays_within_what_was_asked(offered: Period, path: str) -> None:
    """Of the other direction it says no type: SIGN_MISMATCH is another rule."""
    wide = terms(capacity_w=9_000_000, windows=(Window(DAYS, time(12), time(23)),))
    broken = offer(offered, terms=wide, body={"dispatch_type": "unheard"})
    assert broken == ([("EXCEEDS_REQUEST", path)] if path else [])
    assert offer(offered, terms=wide, answered=None, body={"dispatch_type": "unheard"}) == []


def test_an_offer_has_the_sign_of_its_type_and_stays_in_capacity_and_windows() -> None:
    wrong = {"dispatch_type": "demand_turn_up"}
    assert offer(body=wrong) == [("SIGN_MISMATCH", "/body/periods/0/delta_w")]
    assert offer(period(0, 60, 180, 1_500_001)) == [("OVER_CAPACITY", "/body/periods")]
    assert offer(period(0, 59, 180), answered=None) == [("OUTSIDE_WINDOW", "/body/periods/0")]


@pytest.mark.parametrize(
    ("periods", "path"),
    [
        ((period(0, 60, 120), period(1, 120, 180)), ""),
        ((period(0, 60, 120), period(0, 120, 180)), "/body/periods"),
        ((period(0, 60, 121), period(1, 120, 180)), "/body/periods/1"),
        ((period(0, 60, 60),), "/body/periods/0"),
    ],
)
def test_offered_periods_are_in_order(periods: tuple[Period, ...], path: str) -> None:
    expected = [("PERIODS_INVALID", path)] if path else []
    assert [f for f in offer(*periods) if f[0] == "PERIODS_INVALID"] == expected


def test_offered_periods_need_no_ids() -> None:
    bare = [{k: v for k, v in p.to_json().items() if k != "id"} for p in (period(0, 60, 90), WHOLE)]
    bare[1]["start"] = bare[0]["end"]
    assert offer(body={"periods": bare}) == []


# -- acceptance ------------------------------------------------------------------------------------

OFFERED = {"periods": [period(0, 60, 120).to_json(), period(1, 120, 180, 500_000).to_json()]}


def acceptance(*periods: Period, **around: Any) -> list[tuple[str, str]]:
    said = {
        "contract_id": "UKPN:C1",
        "zone": "Z1",
        "assets": [{"asset_id": "A1"}],
        "periods": [p.to_json() for p in periods],
        **around.pop("body", {}),
    }
    made = {"terms": terms(), "answered": OFFERED, **around}
    return found(Case(header("acceptance"), said, read_periods(said), **made))


@pytest.mark.parametrize(
    ("taken", "fits"),
    [
        (period(0, 60, 120), True),
        (period(0, 60, 120, 1), True),
        (period(0, 60, 180, 500_000), True),
        (period(0, 60, 180, 500_001), False),
        (period(0, 60, 121), False),
        (period(0, 60, 120, 1_000_001), False),
        (period(0, 59, 120), False),
        (period(0, 120, 181, 1), False),
        (period(0, 60, 120, 0), False),
        (period(0, 60, 120, -1), False),
    ],
)
def test_an_acceptance_takes_no_more_than_was_offered(taken: Period, fits: bool) -> None:
    assert acceptance(taken) == ([] if fits else [("BODY_VALUE", "/body/periods/0")])
    assert acceptance(taken, answered=None) == []  # at the FSP: it knows its own offer


def test_what_takes_nothing_says_why() -> None:
    assert acceptance() == [("BODY_VALUE", "/body/reason")]
    assert acceptance(body={"reason": "NOT_NEEDED"}) == []


def test_an_acceptance_is_of_its_contract_and_its_assets() -> None:
    taken = period(0, 60, 120)
    assert acceptance(taken, body={"zone": "Z2"}) == [(MISMATCH, "/body/zone")]
    assert acceptance(taken, body={"contract_id": "UKPN:C2"}) == [(MISMATCH, "/body/contract_id")]
    assets = {"assets": [{"asset_id": "A9"}]}
    assert acceptance(taken, body=assets) == [("ASSET_UNKNOWN", "/body/assets/0/asset_id")]
    assert acceptance(taken, body={"dispatch_type": "demand_turn_up"}) == [
        ("SIGN_MISMATCH", "/body/periods/0/delta_w")
    ]
    twice = (period(0, 60, 90), period(0, 90, 120))
    assert acceptance(*twice) == [("PERIODS_INVALID", "/body/periods")]
