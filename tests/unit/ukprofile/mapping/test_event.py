"""Every kind as an OpenADR object and back: the golden life, and any body at all."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bodies import TYPED, bodies
from tests.golden import life, sealed_in
from tests.made import KEYS, MARKET, VTN, header, minute
from tests.shared import needs_shared
from ukprofile.flex.bodies import read_body
from ukprofile.flex.header import Header, Reference, read_header
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.offer import Acceptance, OfferedPeriod
from ukprofile.flex.projection import VOID_START
from ukprofile.flex.stop import Cancellation
from ukprofile.mapping.answer import answer_report, message_of, read_back
from ukprofile.mapping.carrier import Carried, message_in, projection_in
from ukprofile.mapping.dispatch import mismatch
from ukprofile.mapping.event import event_of
from ukprofile.openadr import EventRequest, ReportRequest
from ukprofile.receiving.opening import parse_text
from ukprofile.signing import Sealed, seal, verify

EVENTS = ("05", "06", "08", "09", "12", "15", "17", "21", "22", "25", "28")
SEALED = Sealed("{}", ("a..b",))


@needs_shared
@pytest.mark.parametrize("number", EVENTS)
def test_a_golden_event_is_built_from_its_typed_body(number: str) -> None:
    sealed = sealed_in(life(number))
    message = parse_text(sealed.text)
    body: Any = read_body(message["kind"], message["body"])
    event = event_of(sealed, read_header(message), body, life(number)["programID"])
    assert json.loads(event.dump_json()) == life(number)


@needs_shared
@pytest.mark.parametrize("number", EVENTS)
def test_a_golden_event_gives_back_its_message(number: str) -> None:
    carried = message_in(EventRequest.read(life(number)).intervals or ())
    assert Sealed(carried.text, carried.signatures) == sealed_in(life(number))


# -- any body ------------------------------------------------------------------------------------


def carriable(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """`body` with what rules ask before an event can be made: order in time, one form of power."""
    made: dict[str, Any] = json.loads(json.dumps(body))
    for first, last in (("valid_from", "valid_to"), ("from", "to")):
        if first in made:
            made[first], made[last] = sorted((made[first], made[last]))
    if "window" in made:
        made["window"] = dict(zip(("start", "end"), sorted(made["window"].values()), strict=True))
    _put_in_order(made.get("periods", []))
    if kind == "contract_terms":
        made["contract_id"] = "UKPN:C1"
    return made


def _put_in_order(periods: list[dict[str, Any]]) -> None:
    times = sorted(p[edge] for p in periods for edge in ("start", "end"))
    for period, start, end in zip(periods, times[::2], times[1::2], strict=True):
        period.update(start=start, end=end)
        if "setpoint_w" in period:
            period.pop("delta_w", None)
        else:
            period.setdefault("delta_w", 0)


def program_of(kind: str, body: dict[str, Any]) -> str:
    return MARKET if kind == "request" or body.get("of") == "request" else "UKPN:C1"


def sent(kind: str, body: dict[str, Any]) -> tuple[Header, Sealed]:
    """A body signed by the side that sends its kind."""
    theirs = "dso" not in KINDS[kind].senders or body.get("of") == "availability"
    issuer, recipient = ("FSP7", "UKPN") if theirs else ("UKPN", "FSP7")
    made = header(
        kind,
        issuer=issuer,
        recipient=recipient,
        key_set=f"{issuer}-1",
        program=program_of(kind, body),
        accept_by=minute(30) if KINDS[kind].has_accept_by else None,
        in_reply_to=Reference(1, "0" * 64, "T") if KINDS[kind].answers else None,
    )
    return made, seal(made.to_json(body), KEYS[issuer], 1)


def carried_by(kind: str, made: Header, sealed: Sealed, body: dict[str, Any]) -> Carried:
    """The message as it comes back from the object that carries it, by way of its JSON."""
    typed: Any = read_body(kind, body)
    if made.issuer == "FSP7":
        report = (
            read_back(
                sealed, made, "e1", EventRequest.read({"programID": "p", "intervals": [_BARE]})
            )
            if kind == "acknowledgement"
            else answer_report(sealed, made, body, "e1")
        )
        assert report.report_name == made.message_id
        found = message_of(ReportRequest.read_bytes(report.dump_json()))
        assert found is not None
        return found
    event = EventRequest.read_bytes(event_of(sealed, made, typed, "p1").dump_json())
    _check_event(kind, event, body)
    return message_in(event.intervals or ())


_BARE = {"id": 0, "payloads": []}


def _check_event(kind: str, event: EventRequest, body: dict[str, Any]) -> None:
    """One target; start and length stated everywhere; a faithful projection if it has any."""
    assert event.targets is not None
    assert len(event.targets) == 1
    assert event.interval_period is not None
    for interval in event.intervals or ():
        assert interval.interval_period is not None
        assert interval.interval_period.start is not None
        assert interval.interval_period.duration is not None
    if KINDS[kind].dispatch and body.get("of", "dispatch") == "dispatch":
        assert mismatch(event, kind, body) == ""
    else:
        (projected,) = projection_in(event)
        assert (projected.payloads, projected.odd) == ((), "")


@pytest.mark.parametrize("kind", TYPED)
@settings(max_examples=50)
@given(st.data())
def test_any_body_comes_back_from_the_object_that_carries_it(
    kind: str, data: st.DataObject
) -> None:
    body = carriable(kind, data.draw(bodies(kind)))
    made, sealed = sent(kind, body)
    carried = carried_by(kind, made, sealed, body)
    key_set = verify(carried.text, carried.signatures, VTN.register, minute(0)).key_set
    assert key_set.party == made.issuer
    message = parse_text(carried.text)
    assert message["body"] == body
    assert read_header(message) == made
    assert read_body(kind, message["body"]) == read_body(kind, body)


# -- what only some of them do -------------------------------------------------------------------


def test_what_takes_an_offer_lasts_from_the_first_period_to_the_last() -> None:
    taken = tuple(
        OfferedPeriod(start=minute(start), end=minute(start + 30), delta_w=1)
        for start in (120, 60, 180)
    )
    body = Acceptance(contract_id="UKPN:C1", zone="Z", assets=(), periods=taken)
    event = event_of(SEALED, header("acceptance"), body, "p")
    assert event.interval_period is not None
    assert event.interval_period.start is not None
    assert event.interval_period.start.instant == minute(60)
    assert event.interval_period.duration == "PT2H30M"


def test_what_takes_nothing_of_an_offer_stands_as_long_as_it_is_valid() -> None:
    nothing = Acceptance(contract_id="UKPN:C1", zone="Z", assets=(), periods=(), reason="DEAR")
    event = event_of(SEALED, header("acceptance"), nothing, "p")
    assert event.interval_period is not None
    assert event.interval_period.start is not None
    assert event.interval_period.start.instant == minute(0)
    assert event.interval_period.duration == "PT4H"
    late = event_of(SEALED, header("acceptance", valid_until=minute(-1)), nothing, "p")
    assert late.interval_period is not None
    assert late.interval_period.duration == "PT0S"


@pytest.mark.parametrize(
    ("of", "program", "name", "asks"),
    [
        ("request", MARKET, "REQUEST", True),
        ("acceptance", "UKPN:C1", "ACCEPTANCE", False),
        ("dispatch", "UKPN:C1", "REAL_TIME_DISPATCH", True),
    ],
)
def test_a_withdrawal_is_the_void_form_of_what_it_withdraws(
    of: Any, program: str, name: str, asks: bool
) -> None:
    made = header("cancellation", program=program)
    event = event_of(SEALED, made, Cancellation(of=of), "p", "REAL_TIME_DISPATCH")
    (projected,) = projection_in(event)
    assert (projected.start, projected.seconds) == (VOID_START, 0)
    assert (event.event_name, bool(event.report_descriptors)) == (name, asks)
    assert bool(projected.payloads) == (of == "dispatch")


def test_the_withdrawal_of_an_offer_is_no_event() -> None:
    with pytest.raises(ValueError, match="in a report"):
        event_of(SEALED, header("cancellation"), Cancellation(of="availability"), "p")
