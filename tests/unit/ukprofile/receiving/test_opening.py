"""Steps 1 to 3, where the golden vectors do not reach: markets, roles, depth, strict parsing."""

from dataclasses import replace
from typing import Any

import pytest

from tests.made import KEYS, MARKET, RUN, VEN, VTN, header, minute, opened
from ukprofile.errors import Refused
from ukprofile.receiving import Carrier, MemoryLedger, parse_text
from ukprofile.receiving.opening import sent_entry
from ukprofile.signing import seal

REQUEST = {
    "service_product": "OU",
    "zone": "Z1",
    "window": {"start": "2026-11-24T16:00:00Z", "end": "2026-11-24T18:00:00Z"},
    "delta_w": 1000,
    "respond_by": "2026-11-24T15:30:00Z",
}


def refusal(*args: Any, **changes: Any) -> str:
    with pytest.raises(Refused) as refused:
        opened(*args, **changes)
    return refused.value.reason


def test_a_genuine_message_is_opened() -> None:
    found = opened("instruction", RUN, carrier=Carrier("UKPN:C1"))
    assert (found.stop, found.slot.family, found.body) == (False, "dispatch", RUN)
    assert opened("cancellation", {"of": "request"}).slot.family == "request"
    assert opened("cancellation", {}).stop


def test_a_request_goes_to_a_market_and_nothing_else_does() -> None:
    to_market = {"program": MARKET, "recipient": MARKET}
    for context in (VEN, VTN):
        assert opened("request", REQUEST, context, **to_market)
        assert refusal("request", REQUEST, context, program=MARKET) == "WRONG_RECIPIENT"
        assert refusal("instruction", RUN, context, **to_market) == "WRONG_RECIPIENT"
        assert refusal("request", REQUEST, context, recipient=MARKET) == "WRONG_RECIPIENT"


def test_a_market_belongs_to_its_dso() -> None:
    """Another DSO, whose keys are known too, does not buy in the market of this one."""
    to_market = {"program": MARKET, "recipient": MARKET, "issuer": "SSEN"}
    assert refusal("request", REQUEST, **to_market) == "WRONG_PROGRAM"
    assert refusal("instruction", RUN, issuer="SSEN") == "WRONG_PROGRAM"
    assert refusal("instruction", RUN, VTN, issuer="SSEN") == "ROLE_FORBIDDEN"


def test_a_ven_withdraws_its_own_offer_and_nothing_of_the_dso() -> None:
    mine = {"issuer": "FSP7", "recipient": "UKPN"}
    assert opened("cancellation", {"of": "availability"}, VTN, **mine)
    for of in ("dispatch", "request", "acceptance"):
        assert refusal("cancellation", {"of": of}, VTN, **mine) == "ROLE_FORBIDDEN"
    assert refusal("instruction", RUN, VTN, **mine) == "ROLE_FORBIDDEN"
    assert refusal("cancellation", {"of": "availability"}, VEN, **mine) == "ROLE_FORBIDDEN"


@pytest.mark.parametrize("of", ["everything", 1, None, [], {}])
def test_a_cancellation_of_what_nobody_knows_is_refused(of: Any) -> None:
    reason = "BODY_MISSING_FIELD" if of is not None else "NULL_FORBIDDEN"
    with pytest.raises(Refused, match=reason):
        opened("cancellation", {"of": of})


def test_who_posts_and_where_it_was_found_must_agree_with_the_text() -> None:
    assert opened("instruction", RUN, VTN, Carrier("UKPN:C1", "UKPN"))
    assert refusal("instruction", RUN, VTN, Carrier(client="FSP7")) == "CLIENT_MISMATCH"
    assert refusal("instruction", RUN, VEN, Carrier(MARKET)) == "CARRIER_MISMATCH"


def test_a_time_is_checked_before_the_audience_and_a_missing_field_after_it() -> None:
    elsewhere = {"recipient": "FSP8"}
    late = {**RUN, "effective_at": "soon"}
    bare = {name: value for name, value in RUN.items() if name != "assets"}
    assert refusal("instruction", late, **elsewhere) == "TIME_FORMAT"
    assert refusal("instruction", bare, **elsewhere) == "WRONG_RECIPIENT"
    assert refusal("instruction", bare) == "BODY_MISSING_FIELD"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":1}', "DUPLICATE_KEY"),
        ('{"a":1,"\\u0061":1}', "DUPLICATE_KEY"),
        ('{"a":1.0}', "FLOAT_FORBIDDEN"),
        ('{"a":1e2}', "FLOAT_FORBIDDEN"),
        ('{"a":9007199254740992}', "INTEGER_RANGE"),
        ('{"a":' + "9" * 5000 + "}", "INTEGER_RANGE"),
        ('{"a":null}', "NULL_FORBIDDEN"),
        ('{"a":NaN}', "JSON_INVALID"),
        ('{"a":Infinity}', "JSON_INVALID"),
        ("[]", "JSON_INVALID"),
        ('{"a":1', "JSON_INVALID"),
        ('{"a":1} ', "NOT_CANONICAL"),
        ('{"b":1,"a":1}', "NOT_CANONICAL"),
        ('{"a":-0}', "NOT_CANONICAL"),
        ('{"a":"\\ud800"}', "NOT_CANONICAL"),
        ('{"a":' + "[" * 32 + "]" * 32 + "}", "JSON_INVALID"),
        ("[" * 30_000, "JSON_INVALID"),
    ],
)
def test_a_text_that_two_readers_could_read_differently_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_text(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize("text", ['{"a":' + "[" * 31 + "]" * 31 + "}", '{"a":"[[[[{{\\"[["}', "{}"])
def test_a_canonical_text_is_read(text: str) -> None:
    assert isinstance(parse_text(text), dict)


def test_a_text_we_sent_is_found_by_its_replies() -> None:
    sealed = seal(replace(header(), accept_by=minute(30)).to_json(RUN), KEYS["UKPN"], 1)
    entry = sent_entry(sealed, minute(1))
    ledger = MemoryLedger([entry, entry])
    assert ledger.entry(entry.sha256) == entry
    assert ledger.thread(entry.slot) == [entry]
    assert (entry.standing, entry.verified_at, entry.received_at) == (True, None, minute(1))
