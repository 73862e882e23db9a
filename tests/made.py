"""Small messages made by hand, for tests that ask one question.

Minute 0 is 15:00Z on 24 November 2026, when London is on UTC; the contract is for 1,500,000 W of
asset A1, any day from 16:00 to 20:00, two minutes' notice.
"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from ukprofile.flex.common import Asset
from ukprofile.flex.contract import DAYS, ContractTerms, Window
from ukprofile.flex.dispatch import Held, Period
from ukprofile.flex.header import Header
from ukprofile.flex.times import milliseconds
from ukprofile.receiving import Carrier, Context, Opened, open_message
from ukprofile.signing import SigningKeys, seal
from ukprofile.trust import Register

_TERMS = ContractTerms(
    contract_id="UKPN:C1",
    zone="Z1",
    assets=(Asset("A1"),),
    product="OU",
    capacity_w=1_500_000,
    windows=(Window(DAYS, time(16), time(20)),),
    valid_from=datetime(2026, 3, 1, tzinfo=UTC),
    valid_to=datetime(2027, 3, 1, tzinfo=UTC),
    notice_s=120,
)


def minute(n: int) -> datetime:
    return datetime(2026, 11, 24, 15, tzinfo=UTC) + timedelta(minutes=n)


def header(kind: str = "instruction", issued: int = 0, **changes: Any) -> Header:
    """The header of a message issued at that minute."""
    made = {
        "kind": kind,
        "message_id": "01995e2e-7b1c-7c3a-8a51-3f0d9c7e1a2b",
        "issuer": "UKPN",
        "recipient": "FSP7",
        "environment": "sandbox",
        "program": "UKPN:C1",
        "thread": "D1",
        "revision": milliseconds(minute(issued)),
        "issued_at": minute(issued),
        "valid_until": minute(240),
        "key_set": "UKPN-1",
    }
    return Header(**{**made, **changes})


def terms(**changes: Any) -> ContractTerms:
    return ContractTerms(**{name: getattr(_TERMS, name) for name in _TERMS.__slots__} | changes)


def period(number: int, start: int, end: int, delta_w: int | None = 1_000_000) -> Period:
    return Period(number, minute(start), minute(end), delta_w)


def body(*periods: Period, **changes: Any) -> dict[str, Any]:
    """The body of an instruction of demand turn-down with these periods."""
    made = {
        "contract_id": "UKPN:C1",
        "zone": "Z1",
        "assets": [{"asset_id": "A1"}],
        "dispatch_type": "demand_turn_down",
        "periods": [p.to_json() for p in periods],
        "firm": True,
        "channel": "api",
        "effective_at": "2026-11-24T15:00:00Z",
    }
    return {**made, **changes}


def held(
    kind: str, issued: int, *periods: Period, received: int | None = None, **changes: Any
) -> Held:
    """A text as its thread holds it; `changes` are of the body, or `accepted`, `counts`, `void`."""
    state = {name: changes.pop(name) for name in ("accepted", "counts", "void") if name in changes}
    at = minute(issued if received is None else received)
    return Held(f"{issued:064x}", header(kind, issued), body(*periods, **changes), at, **state)


_FROM, _TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
KEYS = {
    "UKPN": SigningKeys.sandbox("UKPN-1", "UKPN", "dso", _FROM, _TO),
    "SSEN": SigningKeys.sandbox("SSEN-1", "SSEN", "dso", _FROM, _TO),
    "FSP7": SigningKeys.sandbox("FSP7-1", "FSP7", "ven", _FROM, _TO),
}
MARKET = "market:UKPN:OU:Z1"
_REGISTER = Register.of("sandbox", [keys.public() for keys in KEYS.values()])
_OF_VEN = {"UKPN:C1": frozenset({"UKPN"}), MARKET: frozenset({"UKPN"})}
VEN = Context("FSP7", "ven", "sandbox", _REGISTER, _OF_VEN)
VTN = Context("UKPN", "dso", "sandbox", _REGISTER, dict.fromkeys(_OF_VEN, frozenset({"FSP7"})))
RUN = body(period(0, 60, 180))
"""The body of a faultless instruction."""


def opened(
    kind: str, content: Any, context: Context = VEN, carrier: Carrier | None = None, **changes: Any
) -> Opened:
    """A signed message of UKPN's (or another issuer's), brought to `context` at minute 0."""
    issuer = changes.get("issuer", "UKPN")
    made = header(kind, **{"key_set": f"{issuer}-1", **changes})
    if kind in ("schedule", "instruction", "variation"):
        made = replace(made, accept_by=minute(30))
    sealed = seal(made.to_json(content), KEYS[issuer], 1)
    brought = carrier or Carrier()
    return open_message(sealed.text, sealed.signatures, context, minute(0), brought)
