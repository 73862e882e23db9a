"""Requirements A1 to A12 of the ENA report, life cycle and messages: one test for each.

The shortest that shows each; the ways in which it can fail are the business of the tests beside
the modules. A1, A9 and A12 run the desk and a VEN's texts through a real VTN.
"""

import json
from typing import Any

import pytest

from tests import made
from tests.made import minute, period
from ukprofile.errors import Refused
from ukprofile.flex.bodies import read_body
from ukprofile.flex.header import read_header
from ukprofile.flex.kinds import KINDS
from ukprofile.receiving import Decision, MemoryLedger, decide

CONTRACT = "UKPN:C1"


class End:
    """A receiver that holds the contract's terms, and takes one message after another."""

    def __init__(self, **terms: Any) -> None:
        self.ledger = MemoryLedger()
        self.take("contract_terms", made.terms(**terms).to_json(), thread="CT-1")

    def take(self, kind: str, body: Any, *, now: int = 0, **header: Any) -> Decision:
        decision = decide(made.opened(kind, body, **header), self.ledger, minute(now))
        if decision.entry is not None:
            self.ledger.keep(decision.entry)
        return decision


def instruction(delta_w: int = 1_000_000, **changes: Any) -> dict[str, Any]:
    return made.body(period(0, 60, 180, delta_w), **changes)


def test_a2_every_message_carries_a_profile_version_and_another_major_is_refused():
    for kind in KINDS:
        assert made.header(kind).to_json({})["profile"] == "1.0"
    with pytest.raises(Refused, match="HEADER_MISSING_FIELD at /profile"):
        read_without("profile")
    made.opened("instruction", made.RUN, profile="1.9")
    with pytest.raises(Refused, match="PROFILE_UNSUPPORTED"):
        made.opened("instruction", made.RUN, profile="2.0")


def read_without(name: str) -> None:
    """The header of an instruction that lacks a member."""
    message = made.header(accept_by=minute(30)).to_json(made.RUN)
    del message[name]
    read_header(message)


def test_a3_a_duplicate_is_never_processed_twice():
    end = End()
    first = end.take("instruction", made.RUN)
    again = end.take("instruction", made.RUN)
    assert (first.verdict, again.verdict) == ("act", "silent")
    assert (again.entry, again.answer) == (None, "")
    assert again.earlier == first.entry
    for missing in ("issuer", "message_id", "thread"):
        with pytest.raises(Refused, match=f"HEADER_MISSING_FIELD at /{missing}"):
            read_without(missing)


def test_a4_a_revision_gives_order_and_an_older_one_changes_nothing():
    end, newest = End(), made.header().revision
    assert end.take("instruction", instruction(900_000), revision=newest + 5).acts
    assert end.take("instruction", instruction(800_000), revision=newest + 4).verdict == "stale"
    twin = end.take("instruction", instruction(700_000), revision=newest + 5)
    assert (twin.verdict, twin.reason, twin.alarm) == ("refused", *["EQUIVOCATION"] * 2)
    assert end.take("instruction", instruction(600_000), revision=newest + 6).acts


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"contract_id": "UKPN:C2"}, "CONTRACT_MISMATCH", "/body/contract_id"),
        ({"assets": [{"asset_id": "A9"}]}, "ASSET_UNKNOWN", "/body/assets/0/asset_id"),
    ],
)
def test_a5_a_mismatch_of_contract_or_asset_is_refused_and_names_itself(changes, reason, path):
    refused = End().take("instruction", made.RUN | changes)
    assert (refused.verdict, refused.reason, refused.path) == ("refused", reason, path)
    assert refused.answer == "refused"


def test_a5_a_receiver_whose_contract_records_are_out_says_so_and_still_stops():
    ledger = MemoryLedger()
    asked = decide(made.opened("instruction", made.RUN), ledger, minute(0))
    assert (asked.verdict, asked.reason) == ("refused", "CONTRACT_NOT_IN_FORCE")
    stop = made.opened("cease", {"cease_at": "2026-11-24T16:30:00Z"})
    assert decide(stop, ledger, minute(0)).acts


def test_a7_an_offer_says_energy_source_class_emissions_price_and_confidence():
    offered = {
        "contract_id": CONTRACT,
        "zone": "Z1",
        "assets": [
            {
                "asset_id": "A1",
                "asset_class_id": "ACME-EVSE-G2",
                "energy_source": "Demand",
                "ghg_g_per_kwh": 0,
            }
        ],
        "periods": [
            {"start": "2026-11-24T16:00:00Z", "end": "2026-11-24T18:00:00Z", "delta_w": 900_000}
        ],
        "price": {"currency": "GBP", "utilisation_minor_per_mwh": 21_000},
        "confidence_percent": 92,
    }
    shape = KINDS["availability"].body
    assert list(shape.look(offered, "")) == []
    assert read_body("availability", offered).to_json() == offered
    for name in ("asset_class_id", "energy_source"):
        lacking = json.loads(json.dumps(offered))
        del lacking["assets"][0][name]
        (fault,) = shape.look(lacking, "")
        assert fault.path == f"/assets/0/{name}"
    for name in ("currency", "confidence_percent"):
        wrong = json.loads(json.dumps(offered).replace('"GBP"', '"QQQ"').replace("92", "101"))
        assert any(name in fault.path for fault in shape.look(wrong, ""))


def test_a8_delta_and_absolute_to_the_watt():
    assert End().take("instruction", instruction(999_999)).acts
    absolute = made.body(made.period(0, 60, 180, None))
    absolute["periods"][0]["setpoint_w"] = -250_001
    del absolute["dispatch_type"]
    assert End().take("instruction", absolute).acts
    both = instruction()
    both["periods"][0]["setpoint_w"] = 5
    assert End().take("instruction", both).reason == "POWER_FORM"
    with pytest.raises(Refused, match="FLOAT_FORBIDDEN"):
        made.opened("instruction", instruction() | {"periods": [{"id": 0, "delta_w": 0.5}]})


@pytest.mark.parametrize(
    ("changes", "header", "now", "verdict", "reason"),
    [
        ({}, {"program": "UKPN:C2"}, 0, None, "WRONG_PROGRAM"),
        ({}, {"recipient": "FSP8"}, 0, None, "WRONG_RECIPIENT"),
        ({"periods": [period(0, 10, 70).to_json()]}, {}, 0, "refused", "OUTSIDE_WINDOW"),
        ({"periods": [period(0, 60, 180, 1_500_001).to_json()]}, {}, 0, "refused", "OVER_CAPACITY"),
        ({}, {}, 241, "expired", "EXPIRED"),
    ],
)
def test_a11_what_must_not_run_is_refused_with_its_reason(changes, header, now, verdict, reason):
    if verdict is None:
        with pytest.raises(Refused, match=reason):
            End().take("instruction", made.RUN | changes, **header)
        return
    decision = End().take("instruction", made.RUN | changes, now=now, **header)
    assert (decision.verdict, decision.reason, decision.acts) == (verdict, reason, False)
