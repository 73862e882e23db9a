"""Steps 1 to 3 of receiving: size, signatures, form, audience. Pure; any thread may do it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from ukprofile.errors import Refused
from ukprofile.flex.fields import Fault
from ukprofile.flex.header import Header, read_header
from ukprofile.flex.kinds import KINDS, family
from ukprofile.receiving.ledger import SENT, Entry, Slot
from ukprofile.receiving.values import Carrier, Context, Opened
from ukprofile.signing import (
    MAX_INTEGER,
    Sealed,
    canonical_form,
    check_text,
    check_values,
    verify,
)
from ukprofile.trust import KeySet

_CLAUSE = "profile 2 Receiving 3"
_DEEPEST = 32
_OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def open_message(
    text: str,
    signatures: Sequence[str],
    context: Context,
    now: datetime,
    carrier: Carrier = Carrier(),  # noqa: B008 - a frozen value
) -> Opened:
    """Take a text through steps 1 to 3 at `now` (`receiving_time`).

    Raises Refused with the first code of codes.md, steps 1 to 3, that applies. Nothing of such a
    refusal is remembered: whoever garbles a text on the way must not keep the genuine one out.
    """
    check_text(text)
    verified = verify(text, signatures, context.register, now)
    message = parse_text(text)
    header = read_header(message)
    body: Mapping[str, Any] = message["body"]
    faults = list(_faults(header.kind, body))
    _raise_first(faults, "TIME_FORMAT")
    _check_parties(header, verified.key_set, verified.suite)
    _check_audience(header, body, verified.key_set, context, carrier)
    _raise_first(faults, "BODY_MISSING_FIELD")
    return Opened(
        text=text,
        signatures=tuple(signatures),
        sha256=digest(text),
        header=header,
        body=body,
        slot=slot_of(header, body),
        stop=header.stop,
        context=context,
        carrier=carrier,
    )


def digest(text: str) -> str:
    """The SHA-256 of a text, lower-case hex: what references and ledgers name it by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def slot_of(header: Header, body: Mapping[str, Any]) -> Slot:
    """Where the order of this message is kept."""
    return Slot(
        header.issuer,
        header.recipient,
        header.environment,
        header.program,
        family(header.kind, body),
        header.thread,
    )


def parse_text(text: str) -> dict[str, Any]:
    """Parse a signed text strictly.

    Raises Refused: JSON_INVALID, DUPLICATE_KEY, FLOAT_FORBIDDEN, INTEGER_RANGE, NULL_FORBIDDEN,
    NOT_CANONICAL.
    """
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except ValueError as error:
        raise Refused("JSON_INVALID", str(error), clause=_CLAUSE) from error
    if not isinstance(value, dict):
        raise Refused("JSON_INVALID", "a message is one JSON object", clause=_CLAUSE)
    check_values(value)
    if canonical_form(value) != text:
        raise Refused("NOT_CANONICAL", clause="RFC 8785")
    return value


def sent_entry(sealed: Sealed, now: datetime) -> Entry:
    """The entry under which we keep a message of our own, so that replies find it.

    Raises Refused as `parse_text` and `read_header`, for a text we should not have made.
    """
    message = parse_text(sealed.text)
    header = read_header(message)
    return Entry(
        sha256=digest(sealed.text),
        slot=slot_of(header, message["body"]),
        kind=header.kind,
        stop=header.stop,
        revision=header.revision,
        text=sealed.text,
        signatures=sealed.signatures,
        verdict=SENT,
        reason="",
        alarm="",
        answer="",
        issued_at=header.issued_at,
        valid_until=header.valid_until,
        received_at=now,
        in_reply_to=header.in_reply_to.sha256 if header.in_reply_to else "",
    )


def _check_parties(header: Header, key_set: KeySet, suite: int) -> None:
    if header.issuer != key_set.party:
        raise _refuse("ISSUER_MISMATCH", f"{key_set.key_set} is not {header.issuer}'s", "issuer")
    if header.key_set != key_set.key_set:
        raise _refuse("KEY_SET_MISMATCH", f"{key_set.key_set} signed", "key_set")
    if header.suite != suite:
        raise _refuse("SUITE_MISMATCH", f"the signatures make suite {suite}", "suite")


def _check_audience(
    header: Header, body: Mapping[str, Any], key_set: KeySet, context: Context, carrier: Carrier
) -> None:
    if carrier.client and carrier.client != header.issuer:
        raise _refuse("CLIENT_MISMATCH", f"{carrier.client} may not post for {header.issuer}")
    if not _may_send(header, body, key_set, context):
        raise _refuse("ROLE_FORBIDDEN", f"{header.issuer} may not send a {header.kind}", "kind")
    if header.environment != context.environment:
        raise _refuse("WRONG_ENVIRONMENT", f"this is {context.environment}", "environment")
    from_dso = key_set.role == "dso"
    theirs = context.programs.get(header.program)
    # Requests and their withdrawal go to everybody in a market; nothing else does.
    to_market = header.program.startswith("market:") and from_dso
    if to_market:
        mine = family(header.kind, body) == "request" and header.recipient == header.program
    elif from_dso and context.role == "dso":
        mine = theirs is None or header.recipient in theirs
    else:
        mine = header.recipient == context.party
    if not mine or header.recipient.startswith("market:") != to_market:
        raise _refuse("WRONG_RECIPIENT", f"meant for {header.recipient}", "recipient")
    peer = header.recipient if from_dso and context.role == "dso" else header.issuer
    if theirs is None or (not to_market and peer not in theirs):
        raise _refuse("WRONG_PROGRAM", f"{header.program} is not mine", "program")
    if to_market and context.role == "ven" and header.issuer not in theirs:
        raise _refuse("WRONG_PROGRAM", f"{header.program} is not {header.issuer}'s", "program")
    if carrier.program and carrier.program != header.program:
        raise _refuse("CARRIER_MISMATCH", f"found in {carrier.program}", "program")


def _may_send(header: Header, body: Mapping[str, Any], key_set: KeySet, context: Context) -> bool:
    if key_set.role not in KINDS[header.kind].senders:
        return False
    if context.role == "ven":
        return key_set.role == "dso"
    if key_set.role == "dso":
        return header.issuer == context.party
    # A VEN withdraws its own offer; it never cancels what the DSO issued (profile 3).
    return header.kind != "cancellation" or family(header.kind, body) == "availability"


def _faults(kind: str, body: Mapping[str, Any]) -> Sequence[Fault]:
    return [f for f in KINDS[kind].body.look(body, "/body") if isinstance(f, Fault)]


def _raise_first(faults: Sequence[Fault], reason: str) -> None:
    for fault in faults:
        if fault.reason == reason:
            raise Refused(reason, fault.detail, path=fault.path, clause=_CLAUSE)


def _refuse(reason: str, detail: str, field: str = "") -> Refused:
    return Refused(reason, detail, path=f"/{field}" if field else "", clause=_CLAUSE)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the recursive parser meets it."""
    depth = 0
    for mark in _OUTSIDE_STRINGS.findall(text):
        if mark in "[{":
            depth += 1
            if depth > _DEEPEST:
                raise Refused("JSON_INVALID", f"nested deeper than {_DEEPEST}", clause=_CLAUSE)
        elif mark in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused("DUPLICATE_KEY", f"{twice} stands twice", clause=_CLAUSE)
    return found


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise Refused("INTEGER_RANGE", clause="RFC 7493 2.2")
    return int(digits)


def _no_float(digits: str) -> NoReturn:
    raise Refused("FLOAT_FORBIDDEN", f"{digits} is no integer", clause=_CLAUSE)


def _no_constant(name: str) -> NoReturn:
    raise Refused("JSON_INVALID", f"{name} is no JSON", clause=_CLAUSE)
