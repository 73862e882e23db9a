"""Keys: sets that are not active, whatever they sign; and peers that TLS must not trust."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.order import issued
from tests.contract.negatives.scene import Given
from tests.contract.negatives.signed import carrying, i2
from tests.golden import at
from tests.wire import Request, post
from ukprofile.signing import SigningKeys
from ukprofile.trust import KeySet

When = Callable[[], Iterable[Request]]


def by(key_set: str, when: str = "", **header: Any) -> When:
    """I2 validly signed by that key set; issued at another time, if one is given."""

    def make() -> Iterable[Request]:
        one = i2() | {"key_set": key_set} | header
        yield post("/events", carrying(issued(one, when) if when else one))

    return make


def _old() -> KeySet:
    """UKPN-old-1, revoked at noon of the day before."""
    return replace(signed.own_keys()[signed.OLD].public(), revoked_at=at("2026-11-23T12:00:00Z"))


def _next() -> KeySet:
    own = signed.own_keys()[signed.NEXT].public()
    return replace(own, active_from=at("2027-01-01T00:00:00Z"))


def _published() -> KeySet:
    """As anybody can make it, whether it is published here or not."""
    span = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"))
    return SigningKeys.sandbox("UKPN-sandbox-1", "UKPN", "dso", *span).public()


WHEN: dict[str, When] = {
    "N53": by("UKPN-sandbox-0"),
    "N54": by(signed.NEXT),
    "N55a": by(signed.OLD),
    "N55b": by(signed.OLD, "2026-11-23T11:00:00Z"),
    "N59b": by("UKPN-sandbox-1", environment="production"),
}

GIVEN: dict[str, Given] = {
    "N54": Given(key_sets=(_next(),)),
    "N55a": Given(key_sets=(_old(),)),
    "N55b": Given(key_sets=(_old(),)),
    "N59b": Given(environment="production", smuggled=(_published(),), terms=None, dispatched=False),
}
