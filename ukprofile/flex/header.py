"""The header of a signed message: its table, and the class it becomes (profile 2).

    profile suite key_set kind message_id issuer recipient environment program thread revision
    issued_at valid_until body                       always
    accept_by                                        schedule, instruction, variation
    in_reply_to                                      kinds that answer; others may
    supersedes criticality                           optional

A header field this profile does not know always aborts: a newer profile that means something
grave by it must not be half understood.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.times import milliseconds, read_time, time_text

CLAUSE = "profile 2 Receiving 3"
_PARTY = r"[A-Za-z0-9_.-]{1,64}"
_MARKET = r"market:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}"
_CONTRACT = r"[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_THREAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_CRITICAL = 16


@dataclass(frozen=True, slots=True)
class Reference:
    """Points at one signed text: `thread` may be "" in `supersedes`, where it is one's own."""

    revision: int
    sha256: str
    thread: str = ""

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"revision": self.revision, "sha256": self.sha256}
        if self.thread:
            shown["thread"] = self.thread
        return shown


@dataclass(frozen=True, slots=True)
class Header:
    """Everything of a message but its body. Times are aware, in UTC, of whole seconds."""

    kind: str
    message_id: str
    issuer: str
    recipient: str
    environment: str
    program: str
    thread: str
    revision: int
    issued_at: datetime
    valid_until: datetime
    key_set: str
    suite: int = 1
    profile: str = "1.0"
    accept_by: datetime | None = None
    in_reply_to: Reference | None = None
    supersedes: Reference | None = None
    criticality: Mapping[str, str] = field(default_factory=dict)

    @property
    def stop(self) -> bool:
        """Whether this is a cease or a cancellation: final in its slot."""
        return self.kind in ("cease", "cancellation")

    def to_json(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The message to sign: this header around `body`."""
        shown: dict[str, Any] = {
            "profile": self.profile,
            "suite": self.suite,
            "key_set": self.key_set,
            "kind": self.kind,
            "message_id": self.message_id,
            "issuer": self.issuer,
            "recipient": self.recipient,
            "environment": self.environment,
            "program": self.program,
            "thread": self.thread,
            "revision": self.revision,
            "issued_at": time_text(self.issued_at),
            "valid_until": time_text(self.valid_until),
            "body": dict(body),
        }
        if self.accept_by is not None:
            shown["accept_by"] = time_text(self.accept_by)
        if self.in_reply_to is not None:
            shown["in_reply_to"] = self.in_reply_to.to_json()
        if self.supersedes is not None:
            shown["supersedes"] = self.supersedes.to_json()
        if self.criticality:
            shown["criticality"] = dict(self.criticality)
        return shown


def uuid7(now: datetime, random_bytes: Callable[[int], bytes]) -> str:
    """A UUIDv7 (RFC 9562 5.7), as `message_id` is one: 48 bits of milliseconds, then chance."""
    raw = bytearray(milliseconds(now).to_bytes(6) + random_bytes(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(raw)))


def read_header(message: Mapping[str, Any]) -> Header:
    """Check the header of a parsed message, in the order of codes.md, and read it.

    Raises Refused: HEADER_UNKNOWN_FIELD, HEADER_MISSING_FIELD, HEADER_VALUE, TIME_FORMAT,
    PROFILE_UNSUPPORTED, KIND_UNKNOWN.
    """
    for name in sorted(message.keys() - _FORMS.keys() - _TIMES - {"body"}):
        raise Refused("HEADER_UNKNOWN_FIELD", path=f"/{name}", clause=CLAUSE)
    for name in sorted(_required(message.get("kind")) - message.keys()):
        raise Refused("HEADER_MISSING_FIELD", f"{name} is absent", path=f"/{name}", clause=CLAUSE)
    for name, fits in _FORMS.items():
        if name in message and not fits(message[name]):
            raise Refused("HEADER_VALUE", path=f"/{name}", clause=CLAUSE)
    if not isinstance(message["body"], dict):
        raise Refused("HEADER_VALUE", "body must be an object", path="/body", clause=CLAUSE)
    times = {name: read_time(message[name]) for name in _TIMES if name in message}
    for name in sorted(name for name, time in times.items() if time is None):
        raise Refused("TIME_FORMAT", path=f"/{name}", clause=CLAUSE)
    if message["profile"].partition(".")[0] != "1":
        raise Refused("PROFILE_UNSUPPORTED", path="/profile", clause=CLAUSE)
    if message["kind"] not in KINDS:
        raise Refused("KIND_UNKNOWN", path="/kind", clause=CLAUSE)
    return _header(message, times)


def _header(message: Mapping[str, Any], times: Mapping[str, datetime | None]) -> Header:
    issued_at, valid_until = times["issued_at"], times["valid_until"]
    assert issued_at is not None
    assert valid_until is not None
    reply, earlier = message.get("in_reply_to"), message.get("supersedes")
    plain = ("kind", "message_id", "issuer", "recipient", "environment", "program", "thread")
    return Header(
        **{name: message[name] for name in plain},
        revision=message["revision"],
        issued_at=issued_at,
        valid_until=valid_until,
        key_set=message["key_set"],
        suite=message["suite"],
        profile=message["profile"],
        accept_by=times.get("accept_by"),
        in_reply_to=None if reply is None else Reference(**reply),
        supersedes=None if earlier is None else Reference(**earlier),
        criticality=message.get("criticality", {}),
    )


def _required(kind: object) -> set[str]:
    always = {*_FORMS, "issued_at", "valid_until", "body"} - {
        "in_reply_to",
        "supersedes",
        "criticality",
    }
    known = KINDS.get(kind) if isinstance(kind, str) else None
    if known is not None and known.has_accept_by:
        always.add("accept_by")
    if known is not None and known.answers:
        always.add("in_reply_to")
    return always


def _text(pattern: str) -> Callable[[object], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _whole(value: object) -> bool:
    return type(value) is int and value >= 0


def _reference(*, thread: bool) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        if not isinstance(value, dict):
            return False
        must = {"revision", "sha256"} | ({"thread"} if thread else set())
        return (
            must <= value.keys() <= must | {"thread"}
            and _whole(value["revision"])
            and _matches(_SHA256, value["sha256"])
            and ("thread" not in value or _matches(_THREAD, value["thread"]))
        )

    return fits


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _criticality(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_CRITICAL
        and all(pointer.startswith("/body/") for pointer in value)
        and all(word in ("abort", "alert", "ignore") for word in value.values())
    )


_TIMES = frozenset({"issued_at", "accept_by", "valid_until"})
_FORMS: Mapping[str, Callable[[object], bool]] = {
    "profile": _text(r"[0-9]{1,4}\.[0-9]{1,4}"),
    "suite": lambda value: type(value) is int and value in (1, 2),
    "key_set": _text(_PARTY),
    "kind": _text(r"[a-z_]{1,64}"),
    "message_id": _text(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "issuer": _text(_PARTY),
    "recipient": _text(f"{_PARTY}|{_MARKET}"),
    "environment": _text("production|sandbox"),
    "program": _text(f"{_MARKET}|{_CONTRACT}"),
    "thread": _text(_THREAD.pattern),
    "revision": _whole,
    "in_reply_to": _reference(thread=True),
    "supersedes": _reference(thread=False),
    "criticality": _criticality,
}
