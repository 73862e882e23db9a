"""Steps 4 to 6, where the golden vectors do not reach: proved time, odd bodies, what is kept."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.made import MARKET, RUN, VTN, body, minute, opened, period, terms
from ukprofile.flex.header import Reference
from ukprofile.flex.projection import project
from ukprofile.receiving import Carrier, Decision, MemoryLedger, decide, receiving_time, repeat

SECOND = timedelta(seconds=1)
START = minute(0)
COMMON = {name: RUN[name] for name in ("contract_id", "zone", "assets")}
SOON = {**RUN, "effective_at": "2026-11-24T15:10:00Z"}
AHEAD = {"issued_at": minute(0) + 30 * SECOND, "revision": 1795532430000}


def ledger() -> MemoryLedger:
    """The contract's terms, decided."""
    made = MemoryLedger()
    keep(made, opened("contract_terms", terms().to_json(), thread="C1", valid_until=minute(10**5)))
    return made


def keep(into: MemoryLedger, message: Any, now: datetime = START) -> Decision:
    decision = decide(message, into, now)
    if decision.entry is not None:
        into.keep(decision.entry)
    return decision


def test_a_decision_is_kept_and_its_repetition_is_silent() -> None:
    held, message = ledger(), opened("instruction", RUN)
    first = keep(held, message)
    assert (first.verdict, first.answer, first.acts) == ("act", "received", True)
    again = decide(message, held, minute(5))
    assert (again.verdict, again.reason, again.acts) == ("silent", "REPEAT", False)
    assert again.earlier == first.entry
    assert repeat(message.text + " ", held) is None


def test_the_time_a_dso_proved_counts_but_never_one_in_the_future() -> None:
    held = ledger()
    assert receiving_time(minute(-60), held, "UKPN") == minute(0)
    assert receiving_time(minute(60), held, "UKPN") == minute(60)
    assert receiving_time(minute(-60), held, "SSEN") == minute(-60)
    assert keep(held, opened("instruction", SOON, **AHEAD)).verdict == "act"
    assert receiving_time(minute(-60), held, "UKPN") == minute(0)


def test_a_dso_proves_nothing_to_itself() -> None:
    held = MemoryLedger()
    keep(held, opened("contract_terms", terms().to_json(), VTN, valid_until=minute(10**5)))
    assert held.terms("UKPN:C1") is not None
    assert held.verified_time("UKPN") is None


@pytest.mark.parametrize(
    ("now", "verdict", "reason"),
    [
        (minute(0), "act", ""),
        (minute(0) - SECOND, "refused", "ISSUED_IN_FUTURE"),
        (minute(30) + 30 * SECOND, "late", "LATE"),
        (minute(240), "late", "LATE"),
        (minute(240) + SECOND, "expired", "EXPIRED"),
    ],
)
def test_a_message_has_its_time(now: Any, verdict: str, reason: str) -> None:
    decision = keep(ledger(), opened("instruction", SOON, **AHEAD), now)
    assert (decision.verdict, decision.reason) == (verdict, reason)
    assert decision.entry is not None
    assert decision.entry.standing is (verdict == "act")


@pytest.mark.parametrize(("off", "reason"), [(60_000, ""), (60_001, "REVISION_WINDOW")])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_revision_is_near_its_time(off: int, reason: str, sign: int) -> None:
    message = opened("instruction", RUN, revision=1795532400000 + sign * off)
    assert keep(ledger(), message).reason == reason


@pytest.mark.parametrize(
    ("change", "path"),
    [({"zone": None}, "/body/zone"), ({"priority": 1000}, "/body/priority")],
)
def test_a_body_field_of_another_form_is_refused_and_remembered(change: Any, path: str) -> None:
    spoilt = {name: value for name, value in {**RUN, **change}.items() if value is not None}
    decision = keep(ledger(), opened("instruction", spoilt))
    assert (decision.verdict, decision.reason, decision.path) == ("refused", "BODY_VALUE", path)
    assert (decision.answer, decision.acts) == ("refused", False)


@pytest.mark.parametrize(
    "periods", [[{}], [{"start": "soon", "end": "later", "id": 0}], "none", 7, [1]]
)
def test_a_stop_whose_periods_nobody_can_read_still_stops(periods: Any) -> None:
    """It acts by its header and `cease_at` alone; the projection then cannot agree with it."""
    held = ledger()
    keep(held, opened("instruction", RUN))
    stop = {"cease_at": "2026-11-24T16:30:00Z", "periods": periods}
    shown = Carrier(projection=project("instruction", RUN))
    message = opened("cease", stop, carrier=shown, issued=1)
    decision = keep(held, message, minute(1))
    assert (decision.verdict, decision.reason) == ("alarm+act", "PROJECTION_MISMATCH")
    assert keep(held, opened("instruction", RUN, issued=2), minute(2)).reason == "TERMINAL"


def test_a_projection_of_another_kind_is_not_compared() -> None:
    shown = Carrier(projection=project("instruction", RUN))
    roster = {"contract_id": "UKPN:C1", "threads": []}
    assert keep(ledger(), opened("roster", roster, carrier=shown)).verdict == "act"


@pytest.mark.parametrize(
    ("of", "reason"), [("acceptance", ""), ("dispatch", "PROJECTION_MISMATCH")]
)
def test_only_the_cancellation_of_a_dispatch_has_a_projection(of: str, reason: str) -> None:
    shown = Carrier(projection=project("instruction", RUN))
    message = opened("cancellation", {"of": of}, carrier=shown)
    assert keep(ledger(), message).reason == reason


def test_an_older_text_is_stale_and_leaves_nothing() -> None:
    held = ledger()
    assert keep(held, opened("instruction", SOON, issued=2), minute(2)).verdict == "act"
    older = keep(held, opened("instruction", SOON, issued=1), minute(2))
    assert (older.verdict, older.answer, older.entry) == ("stale", "", None)


def test_an_increase_waits_and_the_rest_of_a_dispatch_counts_towards_capacity() -> None:
    held = ledger()
    keep(held, opened("instruction", RUN))
    more = body(period(1, 60, 180, 1_200_000))
    del more["firm"], more["channel"], more["effective_at"]
    waits = keep(held, opened("variation", more, issued=1), minute(1))
    assert (waits.verdict, waits.reason) == ("hold", "INCREASE_NEEDS_ACCEPTANCE")
    beside = opened("instruction", body(period(0, 60, 180, 600_000)), thread="D2")
    assert keep(held, beside).reason == "OVER_CAPACITY"
    assert decide(beside, MemoryLedger(), minute(0), rules=()).verdict == "act"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"revision": 1795532400001}, "REPLY_MISMATCH"),
        ({"thread": "D2"}, "REPLY_MISMATCH"),
        ({"sha256": "ab" * 32}, "REPLY_MISMATCH"),
    ],
)
def test_an_answer_names_a_message_that_was_sent_by_thread_revision_and_digest(
    change: dict[str, Any], reason: str
) -> None:
    held, sent = MemoryLedger(), opened("instruction", RUN, VTN)
    keep(held, opened("contract_terms", terms().to_json(), VTN, valid_until=minute(10**5)))
    keep(held, sent)
    named = Reference(
        **{"revision": 1795532400000, "sha256": sent.sha256, "thread": "D1", **change}
    )
    to_dso = {"issuer": "FSP7", "recipient": "UKPN", "in_reply_to": named}
    answer = opened("acknowledgement", {**COMMON, "decided": "received"}, VTN, **to_dso)
    assert keep(held, answer).reason == reason


def test_nobody_answers_a_message_of_its_own() -> None:
    held = ledger()
    span = {"from": "2026-11-24T16:00:00Z", "to": "2026-11-24T18:00:00Z"}
    told = {**COMMON, **span, "unit": "U1", "reason": "fault"}
    first = opened("unavailability", told, VTN, issuer="FSP7", recipient="UKPN")
    assert keep(held, first).verdict == "act"
    named = Reference(1795532400000, first.sha256, "D1")
    to_dso = {"issuer": "FSP7", "recipient": "UKPN", "in_reply_to": named, "thread": "D9"}
    answer = opened("acknowledgement", {**COMMON, "decided": "received"}, VTN, **to_dso)
    assert keep(held, answer).reason == "REPLY_MISMATCH"


# -- offers in a market, accepted under a contract --------------------------------------------------

REQUEST = {
    "service_product": "OU",
    "zone": "Z1",
    "window": {"start": "2026-11-24T16:00:00Z", "end": "2026-11-24T18:00:00Z"},
    "delta_w": 2_000_000,
    "respond_by": "2026-11-24T15:30:00Z",
}
OFFER = {
    "contract_id": "UKPN:C1",
    "zone": "Z1",
    "assets": [{"asset_id": "A1", "asset_class_id": "C", "energy_source": "Demand"}],
    "periods": [{**REQUEST["window"], "delta_w": 1_000_000}],
    "price": {"currency": "GBP"},
}
ACCEPTED = {**COMMON, "periods": OFFER["periods"]}


def answering(entry: Any) -> Reference:
    return Reference(entry.revision, entry.sha256, entry.slot.thread)


def asked_and_offered(held: MemoryLedger, **offer: Any) -> tuple[Decision, Decision]:
    """A request of UKPN's, and an offer to it, as its VTN takes them."""
    asked = keep(held, opened("request", REQUEST, VTN, program=MARKET, recipient=MARKET))
    said = {"issuer": "FSP7", "recipient": "UKPN", "program": MARKET, "thread": "AV1"}
    reply = {"in_reply_to": answering(asked.entry)}
    return asked, keep(held, opened("availability", {**OFFER, **offer}, VTN, **said, **reply))


def test_an_offer_is_made_in_the_market_and_accepted_under_its_contract() -> None:
    held = ledger()
    asked, offered = asked_and_offered(held)
    assert (asked.verdict, offered.verdict) == ("act", "act")
    for recipient, verdict in (("FSP7", "act"), ("FSP8", "refused")):
        context = replace(VTN, programs={"UKPN:C1": frozenset({recipient})})
        header = {"recipient": recipient, "in_reply_to": answering(offered.entry)}
        accepted = keep(held, opened("acceptance", ACCEPTED, context, **header))
        assert (accepted.verdict, accepted.reason) == (
            verdict,
            "" if verdict == "act" else "REPLY_MISMATCH",
        )


def test_nothing_but_an_acceptance_answers_in_another_program() -> None:
    held = ledger()
    _, offered = asked_and_offered(held)
    header = {"in_reply_to": answering(offered.entry)}
    decision = keep(held, opened("instruction", RUN, VTN, **header))
    assert (decision.verdict, decision.reason) == ("refused", "REPLY_MISMATCH")


@pytest.mark.parametrize("contract", ["UKPN:C2", "UKPN:C9"])
def test_an_offer_names_no_contract_of_somebody_else(contract: str) -> None:
    """C2 is FSP8's, C9 is nobody's: FSP7 cannot tell one from the other."""
    held = ledger()
    theirs = terms(contract_id="UKPN:C2").to_json()
    context = replace(VTN, programs={"UKPN:C2": frozenset({"FSP8"})})
    to_fsp8 = {"program": "UKPN:C2", "recipient": "FSP8", "valid_until": minute(10**5)}
    assert keep(held, opened("contract_terms", theirs, context, **to_fsp8)).verdict == "act"
    _, offered = asked_and_offered(held, contract_id=contract)
    assert (offered.reason, offered.path) == ("CONTRACT_MISMATCH", "/body/contract_id")
    assert offered.detail == f"FSP7 has no contract {contract}"
