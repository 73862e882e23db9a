"""Signed messages of the scene: D1, I2, their rival's, and anything that is wrong with them."""

import copy
import json
from functools import cache
from typing import Any

from tests.golden import at, life, sealed_in, signing_keys
from ukprofile.flex.header import read_header
from ukprofile.mapping.dispatch import dispatch_event
from ukprofile.receiving.opening import digest
from ukprofile.signing import ED25519, Sealed, SigningKeys, _sign, canonical_form

CONTRACT, RIVAL = "UKPN:FLEX-2026-0042", "UKPN:FLEX-2026-0043"
SECOND = "UKPN:FLEX-2026-0044"
"""Another contract of FSP7."""
STRANGER, OLD, NEXT = "UKPN-sandbox-9", "UKPN-old-1", "UKPN-next-1"
REAL, SSEN = "UKPN-real-1", "SSEN-1"
"""Key sets beside the published ones: of nobody, worn out, of next year, of production, of another
DSO.
"""
Message = dict[str, Any]


@cache
def own_keys() -> dict[str, SigningKeys]:
    """The private keys of the key sets that are published nowhere."""
    span = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"))
    parties = {STRANGER: "UKPN", OLD: "UKPN", NEXT: "UKPN", REAL: "UKPN", SSEN: "SSEN"}
    return {name: SigningKeys.sandbox(name, p, "dso", *span) for name, p in parties.items()}


def keys() -> dict[str, SigningKeys]:
    """The private keys of every key set."""
    return signing_keys() | own_keys()


def sealed(message: Message) -> Sealed:
    """Signed by its own key set, suite 1, whatever it says."""
    return sealed_text(canonical_form(message), message["key_set"])


def sealed_text(text: str, key_set: str = "UKPN-sandbox-1") -> Sealed:
    """A text that need not be a message, signed by that key set, suite 1."""
    return Sealed(text, (_sign(ED25519, text, keys()[key_set]),))


def period(start: str, end: str, id: int = 0, day: str = "2026-11-24", **power: Any) -> Message:
    return {
        "id": id,
        "start": f"{day}T{start}:00Z",
        "end": f"{day}T{end}:00Z",
        **(power or {"delta_w": 1_000_000}),
    }


def message(
    thread: str,
    issued: str,
    periods: list[Message],
    *,
    kind: str = "instruction",
    accept_by: str = "2026-11-24T17:30:00Z",
    valid_until: str = "2026-11-24T18:30:00Z",
    recipient: str = "FSP7",
    program: str = CONTRACT,
) -> Message:
    """A faultless message about the contract's one asset, to be spoilt."""
    body: Message = {
        **about(program),
        "dispatch_type": "demand_turn_down",
        "periods": periods,
    }
    if kind == "instruction":
        body |= {"firm": True, "channel": "api", "effective_at": issued}
    revision = int(at(issued).timestamp() * 1000)
    return {
        "profile": "1.0",
        "kind": kind,
        "message_id": f"0199aa00-0000-7000-8000-{revision % 10**12:012d}",
        "issuer": "UKPN",
        "recipient": recipient,
        "environment": "sandbox",
        "program": program,
        "thread": thread,
        "revision": revision,
        "issued_at": issued,
        "accept_by": accept_by,
        "valid_until": valid_until,
        "key_set": "UKPN-sandbox-1",
        "suite": 1,
        "body": body,
    }


def about(contract: str = CONTRACT) -> Message:
    """What every body about the one asset says."""
    assets = [{"asset_id": "UKPN-AS-000731", "asset_group_id": "UKPN-AG-17"}]
    return {"contract_id": contract, "zone": "HENDON-WAY", "assets": assets}


def d1(**over: Any) -> Message:
    """The instruction that stands: 16:30 to 18:00, issued at 14:55."""
    return message(
        "DSP-0001",
        "2026-11-24T14:55:00Z",
        [period("16:30", "18:00")],
        accept_by="2026-11-24T16:30:00Z",
        valid_until="2026-11-24T18:00:00Z",
        **over,
    )


def d8() -> Message:
    """The rival's."""
    return {**d1(recipient="FSP8", program=RIVAL), "thread": "DSP-0008"}


def i2(**body: Any) -> Message:
    """The faultless instruction, with members of its body replaced (None takes one away)."""
    found = message("DSP-0002", "2026-11-24T15:00:00Z", [period("18:00", "18:30")])
    merged = found["body"] | body
    found["body"] = {k: v for k, v in merged.items() if v is not None}
    return found


def varied(issued: str, *periods: Message, **over: Any) -> Message:
    """A variation of D1 into these periods."""
    return message("DSP-0001", issued, list(periods), kind="variation", **over)


def cease(at_time: str, issued: str, **body: Any) -> Message:
    """D1 ends at that hour and minute."""
    found = varied(issued, period("16:30", at_time), valid_until="2026-11-24T18:00:00Z")
    stated = {"cease_at": f"2026-11-24T{at_time}:00Z", "mode": "ramp"}
    return _stop(found, "cease", **stated, reason="NETWORK_RESTORED", **body)


def cancellation(issued: str) -> Message:
    """D1 is called off."""
    found = varied(issued, valid_until="2026-11-24T18:00:00Z")
    return _stop(found, "cancellation", of="dispatch", reason="NO_LONGER_NEEDED")


def _stop(found: Message, kind: str, **body: Any) -> Message:
    del found["accept_by"]
    return {**found, "kind": kind, "body": found["body"] | body}


def event_name(one: Message) -> str:
    """What the event of its thread is called here: E1 is that of DSP-0001, and of answers to it."""
    thread: str = one.get("in_reply_to", one)["thread"]
    return f"E{int(thread[-4:])}"


def event_of(one: Message, program_id: str = "{P7}", *, shown: Message | None = None) -> Message:
    """The event that carries `one`; its intervals say `shown`, a message that can be projected."""
    return event_with(sealed(one), program_id, shown=shown or one)


def event_with(made: Sealed, program_id: str = "{P7}", *, shown: Message) -> Message:
    """The event that carries this text and these signatures."""
    request = dispatch_event(made, read_header(shown), shown["body"], "P", "REAL_TIME_DISPATCH")
    return {**request.dump(), "programID": program_id}


def carrying(one: Message) -> Message:
    """An event that carries a spoilt I2, and says what the faultless one says."""
    return event_of(one, shown=i2())


def bare(one: Message) -> Message:
    """An event that says what `one` says, and carries nothing that is signed."""
    found = event_of(one)
    first = found["intervals"][0]
    first["payloads"] = [p for p in first["payloads"] if not p["type"].startswith("UKFLEX_")]
    return found


def terms(contract: str, recipient: str, **body: Any) -> tuple[Message, Message]:
    """The golden contract terms, and their event: for `contract`, saying `body` otherwise."""
    event = copy.deepcopy(life("05"))
    found: Message = json.loads(sealed_in(event).text)
    changed = {"program": contract, "recipient": recipient}
    if contract != CONTRACT:
        changed["thread"] = f"UKPN-CON-{contract[-4:]}"
    found |= changed
    found["body"] |= {"contract_id": contract, **body}
    again = sealed(found)
    payloads = event["intervals"][0]["payloads"]
    payloads[0]["values"], payloads[1]["values"] = [again.text], [again.signatures[0]]
    event["targets"] = [target(contract)]
    return found, event


def target(contract: str) -> str:
    return "CONTRACT_ID-" + contract.replace(":", "-")


def window(start: str, end: str, fold: int = 0) -> Message:
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {
        "days": days,
        "start": start,
        "end": end,
        "time_zone": "Europe/London",
        "fold": fold,
    }


def answer(kind: str, thread: str, to: Message, issued: str, **body: Any) -> Message:
    """What FSP7 answers to a message of UKPN's."""
    text = sealed(to).text
    found = message(thread, issued, [], kind=kind, recipient="UKPN")
    del found["accept_by"]
    replied = {"thread": to["thread"], "revision": to["revision"], "sha256": digest(text)}
    return {
        **found,
        "issuer": "FSP7",
        "key_set": "FSP7-sandbox-1",
        "in_reply_to": replied,
        "body": {**about(), **body},
    }


def report(one: Message, event_id: str) -> Message:
    """The report that carries a VEN's message."""
    made = sealed(one)
    payloads = [
        {"type": "UKFLEX_MESSAGE", "values": [made.text]},
        {"type": "UKFLEX_SIGNATURE", "values": [made.signatures[0]]},
    ]
    return {
        "eventID": event_id,
        "clientName": one["issuer"],
        "reportName": one["message_id"],
        "resources": [
            {"resourceName": "AGGREGATED_REPORT", "intervals": [{"id": 0, "payloads": payloads}]}
        ],
    }
