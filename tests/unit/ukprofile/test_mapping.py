"""Flexibility terms to OpenADR and back: the golden life is reproduced, and round trips hold."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import life, sealed_in, signing_keys
from tests.made import header
from tests.shared import needs_shared
from ukprofile.errors import Refused
from ukprofile.flex.answer import Acknowledgement
from ukprofile.flex.bodies import read_body
from ukprofile.flex.common import Asset
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period
from ukprofile.flex.header import Header, read_header
from ukprofile.flex.instruction import Instruction
from ukprofile.flex.projection import VOID_START, project
from ukprofile.mapping.answer import answer_report, message_of, read_back
from ukprofile.mapping.carrier import (
    carries_profile,
    intervals_of,
    message_in,
    projection_in,
)
from ukprofile.mapping.contract import (
    attribute,
    contract_event,
    contract_program,
    is_market,
    market_program,
    target_of,
)
from ukprofile.mapping.dispatch import dispatch_event, mismatch
from ukprofile.openadr import EventRequest, ProgramRequest, ReportRequest
from ukprofile.receiving.opening import parse_text
from ukprofile.signing import Sealed, seal

DISPATCHES = ("09", "12", "15", "17", "21", "22", "25", "28")
STATUSES = ("14", "19")
OTHERS = ("07", "11", "20", "24", "27")
MESSAGES = tuple(f"{n:02}" for n in range(5, 30))
"""The files of the golden life that carry a signed message."""


def read(number: str) -> tuple[Sealed, Header, dict[str, Any]]:
    sealed = sealed_in(life(number))
    message = parse_text(sealed.text)
    return sealed, read_header(message), message["body"]


@needs_shared
@pytest.mark.parametrize("number", DISPATCHES)
def test_a_golden_dispatch_is_built_from_its_signed_text(number: str) -> None:
    sealed, header, body = read(number)
    event = dispatch_event(sealed, header, body, life(number)["programID"])
    assert json.loads(event.dump_json()) == life(number)


@needs_shared
@pytest.mark.parametrize("number", DISPATCHES)
def test_a_golden_dispatch_is_read_and_its_projection_agrees(number: str) -> None:
    sealed, header, body = read(number)
    event = EventRequest.read(life(number))
    carried = message_in(event.intervals or ())
    assert (carried.text, carried.signatures) == (sealed.text, sealed.signatures)
    assert mismatch(event, header.kind, body) == ""


@needs_shared
def test_the_golden_contract_is_built_from_its_terms() -> None:
    sealed, _, body = read("05")
    terms = ContractTerms.read(body)
    program = contract_program(terms)
    assert program.dump() == {
        **life("01"),
        "intervalPeriod": {"start": "2026-03-01T00:00:00Z", "duration": "P365D"},
    }
    assert contract_event(sealed, terms, life("05")["programID"]).dump() == life("05")
    assert terms.to_json() == body


@needs_shared
def test_the_golden_market_is_built_from_product_and_zone() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    built = market_program("UKPN", "OU", "HENDON WAY", start, start + timedelta(days=365))
    assert built.dump() == life("02")


def test_a_product_with_a_sign_in_its_name_has_a_market_too() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    built = market_program("UKPN", "SA+OU", "Z.1", start, start + timedelta(days=365))
    assert built.program_name == "market:UKPN:SA-OU:Z-1"
    assert built.targets == ("MARKET-UKPN-SA-OU-Z-1",)


@needs_shared
@pytest.mark.parametrize(
    ("number", "event"),
    [
        ("10", "09"),
        ("13", "12"),
        ("16", "15"),
        ("18", "17"),
        ("23", "22"),
        ("26", "25"),
        ("29", "28"),
    ],
)
def test_a_golden_acknowledgement_reads_back_its_event(number: str, event: str) -> None:
    sealed, header, body = read(number)
    built = read_back(sealed, header, life(number)["eventID"], EventRequest.read(life(event)))
    assert json.loads(built.dump_json()) == life(number)
    assert Acknowledgement.read(body).to_json() == body


@needs_shared
@pytest.mark.parametrize("number", STATUSES + OTHERS)
def test_every_other_golden_report_is_built_from_its_signed_text(number: str) -> None:
    sealed, header, body = read(number)
    built = answer_report(sealed, header, body, life(number)["eventID"])
    assert json.loads(built.dump_json()) == life(number)


@needs_shared
@pytest.mark.parametrize("number", MESSAGES)
def test_the_same_values_give_the_same_text_and_the_same_ed25519_signature(number: str) -> None:
    sealed, header, body = read(number)
    typed = read_body(header.kind, body)
    again = seal(header.to_json(typed.to_json()), signing_keys()[header.key_set], header.suite)
    assert again.text == sealed.text
    # ML-DSA-65, beside it in suite 2, is randomised
    assert again.signatures[0] == sealed.signatures[0]


@needs_shared
@pytest.mark.parametrize("number", ["07", "10", "11", "14", "20", "24"])
def test_a_report_gives_back_the_message_it_carries(number: str) -> None:
    carried = message_of(ReportRequest.read(life(number)))
    assert carried is not None
    assert Sealed(carried.text, carried.signatures) == sealed_in(life(number))


@needs_shared
def test_a_report_that_claims_nothing_of_the_profile_carries_nothing() -> None:
    body = json.loads(json.dumps(life("14")))
    payloads = body["resources"][0]["intervals"][0]["payloads"]
    body["resources"][0]["intervals"][0]["payloads"] = payloads[-1:]
    assert message_of(ReportRequest.read(body)) is None
    body["resources"] *= 2
    assert message_of(ReportRequest.read(body)) is None


@needs_shared
def test_a_message_in_two_resources_is_refused() -> None:
    body = {**life("14"), "resources": life("14")["resources"] * 2}
    with pytest.raises(Refused, match="MESSAGE_TWICE"):
        message_of(ReportRequest.read(body))


def _spoil(number: str, change: Any) -> EventRequest:
    body = json.loads(json.dumps(life(number)))
    change(body)
    return EventRequest.read(body)


def _payload(body: Any, kind: str, interval: int = 0) -> Any:
    return next(p for p in body["intervals"][interval]["payloads"] if p["type"] == kind)


def _drop(body: Any, kind: str, interval: int = 0) -> None:
    body["intervals"][interval]["payloads"].remove(_payload(body, kind, interval))


@needs_shared
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda b: _payload(b, "DISPATCH_SETPOINT_RELATIVE").update(values=[0.5]), "0.5"),
        (
            lambda b: _payload(b, "DISPATCH_SETPOINT_RELATIVE").update(values=[1000.0]),
            "RELATIVE 1000, signed",
        ),
        (lambda b: _payload(b, "DISPATCH_SETPOINT_RELATIVE").update(values=[1.0, 2.0]), "plain"),
        (lambda b: _payload(b, "SELF_DISPATCHED", 1).update(values=[False]), "SELF_DISPATCHED"),
        (lambda b: _drop(b, "SELF_DISPATCHED", 1), "SELF_DISPATCHED True"),
        (
            lambda b: b["intervals"][0]["intervalPeriod"].update(start="2026-03-29T16:30:00Z"),
            "star",
        ),
        (lambda b: b["intervals"][1]["intervalPeriod"].update(duration="PT2H"), "lasts 7200 s"),
        (lambda b: b["intervals"][1]["intervalPeriod"].update(duration="P1M"), "months"),
        (lambda b: b["intervals"][1]["intervalPeriod"].update(duration="PT0S"), "lasts 0 s"),
        (lambda b: b["intervals"][1]["intervalPeriod"].update(duration="P9999Y"), "no length"),
        (lambda b: b["intervals"][1]["intervalPeriod"].update(randomizeStart="PT2H"), "randomize"),
        (lambda b: b["intervalPeriod"].update(randomizeStart="PT2H"), "randomize"),
        (lambda b: b.update(duration="PT9H"), "duration of its own"),
        (lambda b: b["intervals"][1].update(id=7), "interval 7"),
        (lambda b: b["intervals"].pop(), "1 intervals where the signed text has 2"),
    ],
)
def test_a_projection_that_says_otherwise_is_named(change: Any, word: str) -> None:
    _, header, body = read("12")
    assert word in mismatch(_spoil("12", change), header.kind, body)


@needs_shared
@pytest.mark.parametrize(
    "change",
    [
        lambda b: b["intervals"][0]["intervalPeriod"].update(duration="PT1800S"),
        lambda b: b["intervals"][0]["intervalPeriod"].update(duration="P0Y0M0DT0H30M0S"),
        lambda b: b["intervals"][0]["intervalPeriod"].update(start="2026-03-29T15:30:00+00:00"),
        lambda b: b["intervals"][0]["intervalPeriod"].update(start="2026-03-29T16:30:00+01:00"),
        lambda b: b["intervals"][0]["payloads"].reverse(),
        lambda b: b["intervals"][0].pop("intervalPeriod"),
        lambda b: b["intervals"][1]["intervalPeriod"].pop("start"),
        lambda b: _payload(b, "DISPATCH_SETPOINT_RELATIVE").update(values=[1]),
    ],
)
def test_what_a_rewriting_vtn_changes_is_no_mismatch(change: Any) -> None:
    _, header, body = read("12")
    assert mismatch(_spoil("12", change), header.kind, body) == ""


@needs_shared
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: _drop(b, "UKFLEX_MESSAGE"), "MESSAGE_MISSING"),
        (lambda b: b["intervals"].reverse(), "MESSAGE_MISSING"),
        (lambda b: b["intervals"].clear(), "MESSAGE_MISSING"),
        (lambda b: _payload(b, "UKFLEX_MESSAGE").update(values=[]), "MESSAGE_MISSING"),
        (lambda b: _payload(b, "UKFLEX_MESSAGE").update(values=[1]), "MESSAGE_MISSING"),
        (lambda b: _payload(b, "UKFLEX_MESSAGE").update(values=["a", "b"]), "MESSAGE_TWICE"),
        (
            lambda b: b["intervals"][0]["payloads"].append(_payload(b, "UKFLEX_MESSAGE")),
            "MESSAGE_TWICE",
        ),
        (
            lambda b: b["intervals"][1]["payloads"].append(_payload(b, "UKFLEX_MESSAGE")),
            "MESSAGE_TWICE",
        ),
        (lambda b: _payload(b, "UKFLEX_SIGNATURE").update(values=["a", "b"]), "SIGNATURE_FORM"),
        (lambda b: _payload(b, "UKFLEX_SIGNATURE").update(values=[True]), "SIGNATURE_FORM"),
    ],
)
def test_a_message_stands_once_in_the_first_interval(change: Any, reason: str) -> None:
    event = _spoil("12", change)
    with pytest.raises(Refused, match=reason):
        message_in(event.intervals or ())


def test_an_interval_after_the_end_of_the_calendar_has_no_start_to_follow() -> None:
    intervals = [{"id": n, "payloads": []} for n in range(2)]
    period = {"start": "9999-12-31T23:00:00Z", "duration": "PT2H"}
    event = EventRequest.read({"programID": "p", "intervalPeriod": period, "intervals": intervals})
    first, second = projection_in(event)
    assert (first.start.year, second.start) == (9999, VOID_START)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("executing", "EXECUTING"),
        ("resumed", "EXECUTING"),
        ("failed", "FAILED"),
        ("suspended", "FAILED"),
        ("ceased", None),
        ("completed", None),
    ],
)
def test_a_status_is_shown_where_the_draft_has_a_word_for_it(state: str, word: str | None) -> None:
    report = answer_report(Sealed("{}", ("a..b",)), header("status"), {"state": state}, "e1")
    payloads = report.resources[0].intervals[0].payloads
    shown = [p.values for p in payloads if p.type == "DISPATCH_STATUS"]
    assert shown == ([(word,)] if word else [])
    assert [d.payload_type for d in report.payload_descriptors or ()] == ["DISPATCH_STATUS"]


def test_an_event_without_any_period_is_read_back_without_one() -> None:
    sealed, interval = Sealed("{}", ("a..b",)), {"id": 0, "payloads": []}
    event = EventRequest.read({"programID": "p", "intervals": [interval]})
    (resource,) = read_back(sealed, header("acknowledgement"), "e1", event).resources
    assert resource.intervals[0].interval_period is None
    assert message_in(resource.intervals).text == "{}"


def test_what_claims_the_profile_is_seen() -> None:
    sealed = Sealed("{}", ("a..b",))
    body = {"assets": [{"asset_id": "A"}], "periods": []}
    intervals = intervals_of(sealed, project("cancellation", body))
    assert carries_profile(intervals)
    assert not carries_profile([])


@pytest.mark.parametrize(
    "name",
    ["FLEX-2026-0042", "UKPN:", ":X", "UKPN:A:B", "UKPN:FLEX-２", "market:UKPN:OU", "UKPN:А"],
)
def test_a_program_of_the_profile_has_a_name_of_its_form(name: str) -> None:
    with pytest.raises(Refused, match="NAME_INVALID") as refused:
        target_of(name)
    assert refused.value.security is (not name.isascii())


def test_targets_follow_from_names() -> None:
    assert target_of("UKPN:FLEX-2026-0042") == "CONTRACT_ID-UKPN-FLEX-2026-0042"
    assert target_of("market:UKPN:OU:Z") == "MARKET-UKPN-OU-Z"
    assert is_market("market:UKPN:OU:Z")
    assert not is_market("UKPN:Z")


@needs_shared
def test_attributes_of_a_program_are_read_where_they_are_one_string() -> None:
    program = ProgramRequest.read(life("01"))
    assert attribute(program, "UKFLEX_PROFILE") == "1.0"
    assert attribute(program, "ABSENT") is None
    twice = ProgramRequest.read({**life("01"), "attributes": life("01")["attributes"] * 2})
    assert attribute(twice, "UKFLEX_PROFILE") is None


def test_a_signed_time_needs_a_zone() -> None:
    naive = replace(_INSTRUCTION, effective_at=datetime(2026, 11, 24, 15))
    with pytest.raises(ValueError, match="zone"):
        naive.to_json()


_START = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
_INSTRUCTION = Instruction(
    contract_id="UKPN:C1", zone="Z", assets=(Asset("A1"),), periods=(), effective_at=_START
)

_seconds = st.integers(1, 100_000)
_words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=20)
_times = st.datetimes(datetime(1971, 1, 1), datetime(2400, 1, 1), timezones=st.just(UTC)).map(
    lambda t: t.replace(microsecond=0)
)


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    """Any instruction: one to six periods in order, watts from 100 W to 300 MW, either sign."""
    absolute = draw(st.booleans())
    start, periods = draw(_times), []
    for number in range(draw(st.integers(1, 6))):
        end = start + timedelta(seconds=draw(_seconds))
        watts = draw(st.integers(-300_000_000, 300_000_000))
        periods.append(Period(number, start, end, *((None, watts) if absolute else (watts, None))))
        start = end + timedelta(seconds=draw(st.integers(0, 5000)))
    optional = st.none() | _times
    return Instruction(
        contract_id=f"UKPN:{draw(_words)}",
        zone=draw(_words),
        assets=tuple(
            draw(st.lists(st.builds(Asset, _words, st.none() | _words), min_size=1, max_size=4))
        ),
        periods=tuple(periods),
        effective_at=draw(_times),
        dispatch_type=None
        if absolute
        else draw(st.sampled_from(["demand_turn_down", "demand_turn_up"])),
        ack_by=draw(optional),
        respond_by=draw(optional),
        confirm_by=draw(optional),
        origin=(origin := draw(st.sampled_from([None, "DSO", "NESO"]))),
        origin_reference=draw(st.none() | _words) if origin else None,
        priority=draw(st.none() | st.integers(0, 9)),
        channel=draw(st.sampled_from(["api", "telephone", "email"])),
    )


@given(instructions())
def test_a_projection_comes_back_from_the_wire_exactly(instruction: Instruction) -> None:
    body = instruction.to_json()
    due = project("instruction", body)
    event = EventRequest(program_id="p", intervals=intervals_of(Sealed("{}", ("a..b",)), due))
    assert projection_in(EventRequest.read_bytes(event.dump_json())) == due
