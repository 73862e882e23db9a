"""The texts themselves: form, signature, order, and the projection beside them."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from evidence import JSON, Evidence, Text, payloads, time

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SECONDS = {"D": 86_400, "H": 3600, "M": 60, "S": 1}
_MUST = {
    "profile", "suite", "key_set", "kind", "message_id", "issuer", "recipient", "environment",
    "program", "thread", "revision", "issued_at", "valid_until", "body",
}  # fmt: skip


def every_text_is_in_the_published_form(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for one in (*e.from_dso(agent), *e.from_ven(agent)):
            yield from (f"{agent['party']} {one.spoken}: {fault}" for fault in _form(one))


def _form(one: Text) -> Iterator[str]:
    canonical = json.dumps(one.message, sort_keys=True, separators=(",", ":"))
    if canonical != one.text or not one.text.isascii() or len(one.text) > 32_768:
        yield "not canonical ASCII of at most 32 KiB"
    if lacking := _MUST - one.message.keys():
        yield f"lacks {', '.join(sorted(lacking))}"
    if (one.message["profile"], one.message["environment"]) != ("1.0", "sandbox"):
        yield f"profile {one.message['profile']}, {one.message['environment']}"
    for value in _values(one.message):
        if value is None or isinstance(value, float):
            yield f"holds {value!r}"
    for name in ("issued_at", "accept_by", "valid_until"):
        if name in one.message and not _TIME.fullmatch(one.message[name]):
            yield f"{name} is {one.message[name]}"


def _values(value: JSON) -> Iterator[JSON]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def every_text_is_signed_by_its_issuer(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        markets = e.markets(agent)
        programs = {*e.contracts(agent), *markets}
        sides = (
            (e.from_dso(agent), e.dso_key, e.dso, {agent["party"], *markets}),
            (e.from_ven(agent), e.key(agent), agent["party"], {e.dso}),
        )
        for found, key, issuer, recipients in sides:
            for one in found:
                said = one.message
                if said["issuer"] != issuer or said["recipient"] not in recipients:
                    yield f"{one.spoken} goes from {said['issuer']} to {said['recipient']}"
                if said["program"] not in programs:
                    yield f"{agent['party']} has to do with {said['program']}: {one.spoken}"
                if fault := signature_fault(one, key):
                    yield f"{agent['party']} {one.spoken}: the signature: {fault}"


def signature_fault(one: Text, key: JSON) -> str:
    """What is wrong with the Ed25519 signature beside a message; "" for nothing."""
    found = [p["values"][0] for p in payloads(one.carrier) if p["type"] == "UKFLEX_SIGNATURE"]
    if len(found) != 1:
        return f"{len(found)} signatures"
    header = json.dumps(
        {"alg": "Ed25519", "kid": key["key_set"], "typ": "ukflex+jws"}, separators=(",", ":")
    )
    protected, _, raw = found[0].partition("..")
    if protected != b64(header.encode()):
        return f"its header is not that of {key['key_set']}"
    signed = f"{protected}.{b64(one.text.encode())}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(unb64(key["Ed25519"]["public"])).verify(
            unb64(raw), signed
        )
    except InvalidSignature:
        return "it does not verify"
    return ""


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def revisions_rise_and_ids_are_used_once(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for found in (e.from_dso(agent), e.from_ven(agent)):
            newest: dict[tuple[str, str], int] = {}
            ids = [one.message["message_id"] for one in found]
            if len(set(ids)) != len(ids):
                yield f"{agent['party']}: a message id is used twice"
            for one in found:
                slot = (one.message["program"], one.thread)
                if one.message["revision"] <= newest.get(slot, -1):
                    yield f"{agent['party']} {one.spoken}: its revision does not rise"
                newest[slot] = one.message["revision"]
                apart = one.message["revision"] / 1000 - time(one.message["issued_at"]).timestamp()
                if abs(apart) > 60:
                    yield f"{agent['party']} {one.spoken}: revision {apart:.0f} s off its time"


def the_projection_says_the_same(e: Evidence) -> Iterator[str]:
    for _, thread, found in e.dispatches:
        for one in found:
            yield from (f"{thread}, {one.kind}: {fault}" for fault in _projected(one))


def _projected(one: Text) -> Iterator[str]:
    """What the intervals say to whoever reads only those, against the signed periods."""
    intervals = one.carrier["intervals"]
    if one.kind == "cancellation":
        types = {p["type"] for p in intervals[0]["payloads"]}
        if not intervals[0]["intervalPeriod"]["start"].startswith("0001-01-01"):
            yield "a cancellation is not in the void form"
        if types & {"DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE"}:
            yield "a cancellation has a set-point"
        return
    firm = one.kind != "schedule"
    for interval, period in zip(intervals, one.body["periods"], strict=True):
        shown = {p["type"]: p["values"][0] for p in interval["payloads"]}
        if shown.get("DISPATCH_SETPOINT_RELATIVE") != period["delta_w"] / 1_000_000:
            yield f"{shown.get('DISPATCH_SETPOINT_RELATIVE')} MW for {period['delta_w']} W"
        when = interval["intervalPeriod"]
        if time(when["start"]) != time(period["start"]):
            yield f"starts at {when['start']} for {period['start']}"
        if time(when["start"]) + _length(when["duration"]) != time(period["end"]):
            yield f"lasts {when['duration']} until {period['end']}"
        if shown.get("SELF_DISPATCHED") is not firm:
            yield f"SELF_DISPATCHED is {shown.get('SELF_DISPATCHED')}"
    assets = [p["values"][0] for p in intervals[0]["payloads"] if p["type"] == "ASSET_ID"]
    if sorted(assets) != sorted(a["asset_id"] for a in one.body["assets"]):
        yield f"is for {assets}"


def _length(duration: str) -> timedelta:
    """Days and shorter, as ISO 8601 writes them: P1DT2H30M."""
    found = re.findall(r"(\d+)([DHMS])", duration)
    return timedelta(seconds=sum(int(n) * _SECONDS[unit] for n, unit in found))
