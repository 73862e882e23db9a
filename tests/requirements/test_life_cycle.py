"""Requirements A1 to A12 of the ENA report, life cycle and messages: one test for each.

The shortest that shows each; the ways in which it can fail are the business of the tests beside
the modules. A1, A9 and A12 run the desk and a VEN's texts through a real VTN.
"""

import json
from typing import Any

import pytest

from tests import made
from tests.made import minute, period
from tests.unit.ven.dso import ASSET
from tests.unit.ven.dso import CONTRACT as CONTRACT_7
from tests.unit.ven.test_bid import market_at
from tests.unit.ven.test_respond import END, MINUTE, START
from tests.waiting import until
from ukprofile.errors import Refused
from ukprofile.flex.answer import Status
from ukprofile.flex.bodies import read_body
from ukprofile.flex.common import Asset
from ukprofile.flex.header import read_header
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.states import Event, Guard, State, step
from ukprofile.receiving import Decision, MemoryLedger, decide, parse_text
from vtn.domain.desk import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    InstructionOrder,
    PeriodOrder,
    VariationOrder,
)
from vtn.domain.desk.alarms import AlarmsOrder

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


# -- from end to end: a desk, its market, and an agent that has one battery -------------------------


async def a_day(table) -> None:
    """All that is said between the two from a request to what was metered."""
    await table.ask("R1", delta_w=400_000)
    await table.turn()
    await table.market.award("R1")
    await table.turn()
    await table.schedule("D1", 300_000)
    await table.schedule("D2", 100_000)
    await table.desk.confirm(ConfirmationOrder(thread="D1"))
    await table.desk.cancel(CancellationOrder(thread="D2"))
    await table.turn()
    table.clock.set(START + 10 * MINUTE)
    await table.turn()
    await table.desk.vary(VariationOrder(thread="D1", delta_w=200_000))
    await table.turn()
    table.clock.set(START + 30 * MINUTE)
    await table.desk.cease(CeaseOrder(thread="D1"))
    await table.turn()
    for minutes in (40, 60, 300, 500):
        table.clock.set(START + minutes * MINUTE)
        await table.turn()


ENA = {
    "request for services": "request",
    "declaration of availability": "availability",
    "acceptance": "acceptance",
    "scheduling": "schedule",
    "instruction": "instruction",
    "cease": "cease",
    "variation": "variation",
    "status": "status",
    "post-action": "post_action",
    "cancellation": "cancellation",
}


async def test_a1_all_ten_messages_go_from_end_to_end(tmp_path):
    async with market_at(tmp_path / "agent") as table:
        await a_day(table)
        mine = await table.agent.ask(lambda book: {e.kind: e.sha256 for e in book.entries()})
        assert set(ENA.values()) <= mine.keys()
        for kind, sha256 in mine.items():
            held = await table.dso.running.vtn.store.read(lambda tx, s=sha256: tx.entry(s))
            assert held is not None, f"the VTN does not hold the {kind}"
        assert await table.state("D1") == "reported"
        assert await table.state("D2") == "cancelled"


async def test_a9_every_text_leads_back_to_what_it_answers(tmp_path):
    """Post-action to dispatch, acceptance to offer to request: by thread, revision and digest."""
    async with market_at(tmp_path / "agent") as table:
        await a_day(table)
        texts = {e.sha256: e for e in await table.agent.ask(lambda book: book.entries())}
        answers = [e for e in texts.values() if KINDS[e.kind].answers or e.kind == "acceptance"]
        chains = set()
        for entry in answers:
            chain, one = [entry.kind], entry
            while one.in_reply_to:
                said = parse_text(one.text)["in_reply_to"]
                one = texts[said["sha256"]]
                assert (one.slot.thread, one.revision) == (said["thread"], said["revision"])
                chain.append(one.kind)
            chains.add(" ".join(chain))
        assert {
            "acceptance availability request",
            "response schedule",
            "acknowledgement instruction",
            "status cease",
            "post_action cease",
        } <= chains
        line = (await table.market.offers("R1")).lines[0]
        assert line.offered.dispatches == ("D1", "D2")
        ids = [parse_text(e.text)["message_id"] for e in texts.values()]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("group", ["UKPN-AG-17"])
async def test_a6_groups_tie_offer_to_dispatch_and_the_make_up_is_reported(tmp_path, group):
    assets = [{"asset_id": ASSET, "asset_group_id": group}]
    async with market_at(tmp_path / "agent", assets=assets) as table:
        await a_day(table)
        for kind in ("availability", "acceptance", "schedule", "response", "status"):
            texts = await table.agent.ask(
                lambda book, k=kind: [e for e in book.entries() if e.kind == k]
            )
            assert texts
            for entry in texts:
                (asset,) = parse_text(entry.text)["body"]["assets"]
                assert (asset["asset_id"], asset["asset_group_id"]) == (ASSET, group)
    told = Status(
        contract_id="UKPN:C1", zone="Z1", assets=(Asset("A1"), Asset("A2")), state="executing",
        at=minute(61), power_w=800_000, make_up=(("A1", 500_000), ("A2", 300_000)),
    )  # fmt: skip
    assert Status.read(told.to_json()) == told
    assert list(KINDS["status"].body.look(told.to_json(), "")) == []


@pytest.mark.parametrize(
    ("state", "event", "effect", "to"),
    [
        ("confirmed", "cancellation", "acts", "cancelled"),  # stop before start
        ("cancelled", "instruction", "refused", "cancelled"),  # start after stop
        ("ceased", "increase", "refused", "ceased"),
        ("agreed", "accept", "acts", "agreed"),  # double accept
        ("refused", "accept", "refused", "refused"),
        ("running", "cease", "acts", "ceased"),
        ("ceased", "cease", "noop", "ceased"),
        ("running", "decrease", "acts", "running"),
    ],
)
def test_a10_what_does_not_fit_the_state_has_a_defined_outcome(state, event, effect, to):
    found = step(State(state), Event(event), {Guard.BEFORE_START})
    assert (found.effect, found.state) == (effect, to)


async def test_a12_who_dispatched_is_never_ambiguous(tmp_path):
    """Origin and priority travel signed; two that meet on one asset are told at both ends."""
    async with market_at(tmp_path / "agent") as table:
        for thread, origin, priority in (("D1", "DSO", 2), ("D2", "NESO", 1)):
            period = PeriodOrder(start=START, end=END, delta_w=100_000)
            await table.desk.instruct(
                InstructionOrder(contract_id=CONTRACT_7, periods=(period,), thread=thread,
                                 origin=origin, reference="N-7", priority=priority)
            )  # fmt: skip
        await table.turn()
        entries = await table.agent.ask(lambda book: book.entries())
        by_thread = sorted(entries, key=lambda one: one.slot.thread)
        said = [parse_text(e.text)["body"] for e in by_thread if e.kind == "instruction"]
        assert [(b["origin"], b["priority"]) for b in said] == [
            ({"party": "DSO", "reference": "N-7"}, 2),
            ({"party": "NESO", "reference": "N-7"}, 1),
        ]
        (alarm,) = await table.agent.ask(
            lambda book: [a for a in book.alarms() if a.over_at is None]
        )
        assert alarm.reason == "OVERLAP"
        for whose in ("D1 (UKPN, priority 2)", "D2 (NESO by UKPN, priority 1)"):
            assert whose in alarm.detail

        async def at_the_desk():
            return [
                a for a in await table.desk.alarms(AlarmsOrder()) if a.concern.code == "OVERLAP"
            ]

        assert await until(at_the_desk, why="the desk is told")
