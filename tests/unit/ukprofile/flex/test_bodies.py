"""Typed bodies of every kind: nothing is lost, added or swapped between text and type."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bodies import SIGNABLE, TYPED, bodies
from tests.golden import at, life, sealed_in
from tests.shared import needs_shared
from ukprofile.flex.answer import Acknowledgement, Response, Status, Unavailability
from ukprofile.flex.bodies import BODIES, Body, kind_of, read_body
from ukprofile.flex.common import Asset, Price
from ukprofile.flex.dispatch import Period
from ukprofile.flex.fields import Fault
from ukprofile.flex.instruction import Instruction, Schedule, Variation
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.metering import Baseline, PostAction
from ukprofile.flex.offer import Acceptance, Availability, OfferedAsset, OfferedPeriod
from ukprofile.flex.request import Request
from ukprofile.flex.stop import Cancellation, Cease

STOPS = ("cease", "cancellation")


def hour(text: str) -> datetime:
    return at(f"2026-03-29T{text}:00Z")


ABOUT: dict[str, Any] = {
    "contract_id": "UKPN:FLEX-2026-0042",
    "zone": "HENDON-WAY",
    "assets": (Asset("UKPN-AS-000731", "UKPN-AG-17"),),
}
DOWN = {"dispatch_type": "demand_turn_down"}
FIRST = Period(0, hour("15:30"), hour("16:00"), 1_000_000)
PRICE = Price("GBP", 21_000, 500)
GOLDEN: dict[str, Body] = {
    "06": Request(
        service_product="OU",
        zone="HENDON-WAY",
        start=hour("15:30"),
        end=hour("17:30"),
        delta_w=2_500_000,
        respond_by=at("2026-03-28T12:00:00Z"),
        dispatch_type="demand_turn_down",
        min_offer_w=100_000,
    ),
    "07": Availability(
        contract_id="UKPN:FLEX-2026-0042",
        zone="HENDON-WAY",
        assets=(
            OfferedAsset(
                asset_id="UKPN-AS-000731",
                asset_class_id="ACME-EVSE-G2",
                energy_source="Demand",
                asset_group_id="UKPN-AG-17",
                ghg_g_per_kwh=0,
            ),
        ),
        periods=(
            OfferedPeriod(
                start=hour("15:30"),
                end=hour("17:30"),
                delta_w=1_500_000,
                max_run_s=7200,
                notice_s=120,
            ),
        ),
        price=PRICE,
        dispatch_type="demand_turn_down",
        confidence_percent=92,
    ),
    "08": Acceptance(
        **ABOUT,
        **DOWN,
        periods=(OfferedPeriod(start=hour("15:30"), end=hour("17:30"), delta_w=1_500_000),),
        price=PRICE,
    ),
    "11": Response(
        **ABOUT,
        **DOWN,
        answer="partial",
        periods=(FIRST, Period(1, hour("16:00"), hour("17:00"), 1_300_000)),
        reason="CAPACITY",
    ),
    "12": Instruction(
        **ABOUT,
        **DOWN,
        periods=(FIRST, Period(1, hour("16:00"), hour("17:00"), 1_300_000)),
        ack_by=hour("12:35"),
        respond_by=hour("12:50"),
        origin="DSO",
        priority=1,
        channel="api",
        effective_at=hour("12:20"),
    ),
    "14": Status(**ABOUT, state="executing", at=hour("15:30"), power_w=-2_050_000),
    "15": Variation(
        **ABOUT,
        **DOWN,
        periods=(
            FIRST,
            Period(1, hour("16:00"), hour("16:20"), 1_300_000),
            Period(2, hour("16:20"), hour("17:00"), 800_000),
        ),
    ),
    "17": Cease(
        **ABOUT,
        **DOWN,
        cease_at=hour("16:40"),
        periods=(
            FIRST,
            Period(1, hour("16:00"), hour("16:20"), 1_300_000),
            Period(2, hour("16:20"), hour("16:40"), 800_000),
        ),
        mode="ramp",
        reason="NETWORK_RESTORED",
    ),
    "20": PostAction(
        **ABOUT,
        start=hour("00:00"),
        interval_s=1800,
        metered_w=(
            *(-900_000,) * 12,
            *(-1_800_000,) * 18,
            *(-3_000_000, -2_020_000, -1_880_000, -2_740_000),
            *(-3_000_000,) * 4,
            *(-1_500_000,) * 8,
        ),
        baseline_w=(
            *(-900_000,) * 12,
            *(-1_800_000,) * 18,
            *(-3_000_000,) * 8,
            *(-1_500_000,) * 8,
        ),
        delivered_wh=(*(0,) * 31, 490_000, 560_000, 130_000, *(0,) * 12),
        quality=("actual",) * 46,
        method="UKPN-BASELINE-2",
    ),
    "21": Schedule(
        **ABOUT,
        **DOWN,
        periods=(Period(0, hour("17:00"), hour("17:30"), 500_000),),
        ack_by=hour("13:15"),
        respond_by=hour("13:30"),
        confirm_by=hour("16:45"),
        origin="DSO",
        priority=1,
    ),
    "22": Cancellation(**ABOUT, of="dispatch", reason="NOT_REQUIRED"),
    "24": Unavailability(
        **ABOUT,
        unit="UKPN-AG-17",
        start=at("2026-03-30T06:00:00Z"),
        end=at("2026-03-30T18:00:00Z"),
        reason="MAINTENANCE",
    ),
    "26": Acknowledgement(**ABOUT, decided="refused", reason="ASSET_UNKNOWN"),
}
"""Bodies of the golden life, written out by hand."""


@needs_shared
@pytest.mark.parametrize("number", GOLDEN)
def test_a_golden_body_is_made_of_plain_values(number: str) -> None:
    message = json.loads(sealed_in(life(number)).text)
    assert GOLDEN[number].to_json() == message["body"]
    assert read_body(message["kind"], message["body"]) == GOLDEN[number]


def test_every_kind_but_the_roster_has_a_class_of_its_own() -> None:
    assert BODIES.keys() == KINDS.keys() - {"roster"}
    assert len(set(BODIES.values())) == len(BODIES)
    # the terms have tests of their own; no golden message nominates a baseline
    assert {type(body) for body in GOLDEN.values()} == {*BODIES.values()} - {
        BODIES["contract_terms"],
        Baseline,
    }


@pytest.mark.parametrize("kind", TYPED)
@settings(max_examples=50)
@given(st.data())
def test_every_valid_body_comes_back_without_what_nobody_knows(
    kind: str, data: st.DataObject
) -> None:
    body = data.draw(bodies(kind))
    typed = read_body(kind, body | {"new": 1, "assets_": []})
    assert typed.to_json() == body
    assert read_body(kind, json.loads(json.dumps(typed.to_json()))) == typed


@pytest.mark.parametrize("kind", STOPS)
@given(st.data())
def test_a_stop_is_read_whatever_else_it_says(kind: str, data: st.DataObject) -> None:
    """A stop is executable from the header and `cease_at` alone (profile 2 Receiving 5)."""
    fields = KINDS[kind].body.fields.keys() - {"cease_at", "of"}
    body = data.draw(bodies(kind))
    garbled = data.draw(st.dictionaries(st.sampled_from(sorted(fields)), SIGNABLE, min_size=1))
    said = body | garbled
    assert not [f for f in KINDS[kind].body.look(said, "") if isinstance(f, Fault)]
    typed = read_body(kind, said)
    assert read_body(kind, typed.to_json()) == typed
    written = typed.to_json()
    assert all(said[name] == value for name, value in written.items() if value != [])
    assert all(written[name] == body[name] for name in body if name not in garbled)


def test_an_empty_list_says_what_an_absent_one_says() -> None:
    about = {"contract_id": "C", "zone": "Z", "assets": [{"asset_id": "A"}]}
    response = {**about, "answer": "accept", "periods": []}
    assert read_body("response", response).to_json() == {**about, "answer": "accept"}
    silent = {**about, "decided": "received", "notices": []}
    assert read_body("acknowledgement", silent).to_json() == {**about, "decided": "received"}
    with_none = {**about, "periods": []}
    assert read_body("acceptance", with_none).to_json() == with_none


def test_a_stop_of_which_only_the_header_was_read_says_so_much() -> None:
    now = datetime(2026, 3, 29, 16, 40, tzinfo=UTC)
    assert Cease(cease_at=now).to_json() == {"cease_at": "2026-03-29T16:40:00Z", "periods": []}
    assert Cancellation().to_json() == {"of": "dispatch", "periods": []}


def test_an_offered_asset_is_named_as_every_other_message_names_it() -> None:
    offered = OfferedAsset(
        asset_id="A", asset_class_id="C", energy_source="Solar", asset_group_id="G"
    )
    assert offered.asset == Asset("A", "G")


def test_a_text_that_was_never_checked_is_not_read_as_a_time() -> None:
    with pytest.raises(ValueError, match="never checked"):
        read_body("cease", {"cease_at": "16:40"})


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_knows_its_kind(kind):
    assert BODIES[kind_of(object.__new__(BODIES[kind]))] is BODIES[kind]
    assert kind_of(object.__new__(BODIES[kind])) == kind
