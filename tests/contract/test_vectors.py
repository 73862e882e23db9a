"""Every golden vector, at both ends: verdict, reason, alarm, answer (examples/README.md)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.golden import at, life, register, sealed_in, vectors
from tests.shared import SHARED, needs_shared
from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.mapping.carrier import projection_in
from ukprofile.openadr import EventRequest
from ukprofile.receiving import (
    Carrier,
    Context,
    Decision,
    MemoryLedger,
    decide,
    open_message,
    repeat,
)
from ukprofile.receiving.opening import sent_entry
from ukprofile.signing import Sealed

CONTRACT, MARKET = "UKPN:FLEX-2026-0042", "market:UKPN:OU:HENDON-WAY"
PARTY = {"ven": "FSP7", "vtn": "UKPN"}


def cases() -> list[tuple[str, str]]:
    """(vector, end) for each vector at each end it concerns."""
    if not SHARED.is_dir():
        return [("none", "none")]
    ends = {"both": ("ven", "vtn"), "ven": ("ven",), "vtn": ("vtn",)}
    return [(v["id"], end) for v in vectors() for end in ends[v["role"]]]


class Receiver:
    """One end of the contract, as the vectors describe it."""

    def __init__(self, end: str) -> None:
        self.end = end
        other = "UKPN" if end == "ven" else "FSP7"
        self.ledger = MemoryLedger()
        self.context = Context(
            PARTY[end],
            "ven" if end == "ven" else "dso",
            "sandbox",
            register(),
            {CONTRACT: frozenset({other}), MARKET: frozenset({other})},
        )
        self.keep(sealed_in(life("05")))

    def keep(self, sealed: Sealed) -> None:
        """Hold a message that was accepted (or sent) earlier."""
        entry = sent_entry(sealed, at("2026-02-20T10:00:00Z"))
        self.ledger.keep(entry)

    def raise_floor(self, floor: int) -> None:
        raised = self.context.register.raise_floor("UKPN", floor).raise_floor("FSP7", floor)
        self.context = Context(
            self.context.party, self.context.role, "sandbox", raised, self.context.programs
        )

    def receive(self, vector: dict[str, Any]) -> Decision:
        state = vector["state"]
        now = max(at(vector["now"]), at(state.get("verified_time", vector["now"])))
        if (known := repeat(vector["text"], self.ledger)) is not None:
            return known
        carrier = vector.get("carrier") or {}
        event = carrier.get("event")
        client = state.get("client", "") if self.end == "vtn" else ""
        brought = Carrier(
            carrier.get("program", ""),
            client,
            projection_in(EventRequest.read(event)) if event else None,
        )
        try:
            opened = open_message(vector["text"], vector["signatures"], self.context, now, brought)
        except Refused as refused:
            return Decision("refused", refused.reason, refused.code.alarm or "")
        decision = decide(opened, self.ledger, now)
        if decision.entry is not None:
            self.ledger.keep(decision.entry)
        return decision


@needs_shared
@pytest.mark.parametrize(("name", "end"), cases())
def test_vector(name: str, end: str) -> None:
    by_name = {v["id"]: v for v in vectors()}
    vector = by_name[name]
    receiver = Receiver(end)
    for before in vector["state"]["after"]:
        if before.startswith("life/"):
            receiver.keep(sealed_in(life(before[5:])))
        else:
            receiver.receive(by_name[before])
    receiver.raise_floor(vector["state"].get("floor", 1))
    decision = receiver.receive(vector)
    expect = vector["expect"]
    found = (decision.verdict, decision.reason or None, decision.alarm or None)
    assert found == (expect["verdict"], expect["reason"], expect["alarm"]), expect["why"]
    if end == "ven":
        assert (decision.answer or None) == expect["answer"]


@needs_shared
def test_no_vector_is_left_out() -> None:
    assert len(vectors()) == 192
    assert len(cases()) == 192 + sum(v["role"] == "both" for v in vectors())


@needs_shared
def test_refusals_of_the_first_three_steps_are_not_remembered() -> None:
    """Who garbles a text on the way must not keep the genuine one out (profile 2 Receiving 2)."""
    for vector in vectors():
        code = CODES.get(vector["expect"]["reason"] or "")
        if vector["expect"]["verdict"] == "refused" and code and (code.step or 9) <= 3:
            receiver = Receiver("ven" if vector["role"] != "vtn" else "vtn")
            receiver.raise_floor(vector["state"].get("floor", 1))
            assert receiver.receive(vector).verdict == "refused"
            assert repeat(vector["text"], receiver.ledger) is None, vector["id"]


@needs_shared
def test_a_second_reading_is_silent_whatever_became_of_the_first() -> None:
    for vector in vectors():
        if vector["role"] == "ven" and vector["state"]["after"] == []:
            receiver = Receiver("ven")
            first = receiver.receive(vector)
            if first.entry is not None:
                later = at(vector["now"]) + timedelta(minutes=5)
                again = receiver.receive({**vector, "now": later.strftime("%Y-%m-%dT%H:%M:%SZ")})
                assert (again.verdict, again.earlier) == ("silent", first.entry)
