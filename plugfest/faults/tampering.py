"""What somebody between a DSO and an FSP can do to a message: one small pure function each.

    event or report, as JSON ──▶ rewrite(object, seen) ──▶ what is shown in its place: none, one, two

    keys         signed again by a stranger, or by somebody else's published key
    text         another level, another spelling, any header field
    signatures   taken away, doubled, bent, of another text
    projection   the draft GB API's payloads say something else
    place        onto another event, another program, somebody else's text
    time         an older state again, the newest one never
    unsigned     a dispatch that nobody signed

`TAMPERINGS` says of each what an agent of ours and a VTN of ours make of it. None of them changes
what a device is told; the projection alone lets the message act, since it is no authority.
"""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ukprofile.codes import CODES, Code
from ukprofile.errors import Refused
from ukprofile.mapping.carrier import MESSAGE, OURS, SIGNATURE, Carried
from ukprofile.signing import SigningKeys, canonical_form, seal
from ukprofile.trust import from_base64url, to_base64url

Wire = dict[str, Any]
"""An event or a report, as JSON."""


@dataclass(slots=True)
class Seen:
    """What whoever stands between has seen: each different state of an object, oldest first."""

    objects: list[Wire] = field(default_factory=list)

    def add(self, shown: Wire) -> None:
        if shown not in self.objects:
            self.objects.append(copy.deepcopy(shown))

    def before(self, shown: Wire) -> list[Wire]:
        """Other states of the same object."""
        return [o for o in self.objects if _name(o) == _name(shown) and o != shown]

    def others(self, shown: Wire) -> list[Wire]:
        """Other objects, that carry a message."""
        return [o for o in self.objects if _name(o) != _name(shown) and said(o)]


Rewrite = Callable[[Wire, Seen], Sequence[Wire] | None]
"""What is shown in place of an object; None where this cannot be done to it."""


@dataclass(frozen=True, slots=True)
class Due:
    """What the receiver makes of it: its verdict (codes.md), and why, "" = nobody is told."""

    verdict: str
    reason: str = ""

    @property
    def code(self) -> Code | None:
        """Alarm, status and security event of the reason."""
        return CODES.get(self.reason)


@dataclass(frozen=True, slots=True)
class Tampering:
    """One row. `agent` and `vtn` None: it cannot be done to what they receive."""

    name: str
    what: str
    rewrite: Rewrite
    agent: Due | None
    vtn: Due | None = None


# -- what an object carries ------------------------------------------------------------------------


def _name(shown: Wire) -> str:
    """What an object keeps for life."""
    return str(shown.get("id") or shown.get("reportName", ""))


def _first(shown: Wire) -> list[Wire]:
    """The payloads of its first interval."""
    inside = shown if "intervals" in shown else (shown.get("resources") or [{}])[0]
    intervals = inside.get("intervals") or [{}]
    payloads: list[Wire] = intervals[0].setdefault("payloads", [])
    return payloads


def carried(shown: Wire) -> Carried | None:
    """The signed text of an object, and its signatures."""
    values = [(p["type"], p["values"][0]) for p in _first(shown) if p["type"].startswith(OURS)]
    texts = [value for kind, value in values if kind == MESSAGE]
    return Carried(texts[0], tuple(v for k, v in values if k == SIGNATURE)) if texts else None


def said(shown: Wire) -> Wire:
    """The message of an object; {} where there is none."""
    found = carried(shown)
    try:
        message = json.loads(found.text) if found else {}
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _carrying(shown: Wire, text: str, signatures: Sequence[str]) -> tuple[Wire]:
    """The object with another text and other signatures; its projection stays."""
    made = copy.deepcopy(shown)
    payloads = _first(made)
    theirs = [p for p in payloads if not p["type"].startswith(OURS)]
    ours = [{"type": MESSAGE, "values": [text]}]
    ours += [{"type": SIGNATURE, "values": [one]} for one in signatures]
    payloads[:] = ours + theirs
    return (made,)


def _text(change: Callable[[str], str | None]) -> Rewrite:
    """The text changed, the signatures kept."""

    def rewrite(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
        found = carried(shown)
        text = change(found.text) if found else None
        if found is None or text is None or text == found.text:
            return None
        return _carrying(shown, text, found.signatures)

    return rewrite


def _signatures(change: Callable[[tuple[str, ...]], Sequence[str] | None]) -> Rewrite:
    """The text kept, the signatures changed."""

    def rewrite(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
        found = carried(shown)
        changed = change(found.signatures) if found else None
        if found is None or changed is None:
            return None
        return _carrying(shown, found.text, changed)

    return rewrite


# -- keys ------------------------------------------------------------------------------------------

STRANGER = "STRANGER-1"
"""The test key of whoever tampers: no register knows it."""
PUBLISHED = "FSP8-sandbox-1"
"""A key of another party, whose private half is published with the profile."""
_ALWAYS = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def _signed_by(seeds: str, kid: str = "") -> Rewrite:
    """The same message signed again by the test key of that name; `kid` "" = the one it has."""

    def rewrite(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
        message = said(shown)
        issuer, suite = str(message.get("issuer")), message.get("suite", 1)
        under = kid or str(message.get("key_set"))
        test = SigningKeys.sandbox(seeds, issuer, "dso", *_ALWAYS)
        keys = SigningKeys(under, issuer, "dso", *_ALWAYS, test.ed25519_seed, test.ml_dsa_65_seed)
        try:
            sealed = seal({**message, "key_set": under}, keys, suite)
        except Refused:
            return None
        return _carrying(shown, sealed.text, sealed.signatures)

    return rewrite


# -- text ------------------------------------------------------------------------------------------

_OTHERWISE = {
    "profile": "1.1",
    "kind": "cancellation",
    "message_id": "01995e2e-7b1c-7c3a-8a51-3f0d9c7e1a2b",
    "issuer": "SSEN",
    "recipient": "FSP8",
    "environment": "production",
    "program": "UKPN:OTHER",
    "thread": "OTHER",
    "key_set": PUBLISHED,
    "suite": 2,
    "issued_at": "2020-01-01T00:00:00Z",
    "accept_by": "2099-01-01T00:00:00Z",
    "valid_until": "2099-01-01T00:00:00Z",
    "in_reply_to": {"revision": 1, "sha256": "0" * 64, "thread": "OTHER"},
}
"""What each header field is made to say; it says something else before."""


def _header(name: str) -> Rewrite:
    def change(text: str) -> str | None:
        message = json.loads(text)
        if name not in message:
            return None
        other = message[name] + 1 if name == "revision" else _OTHERWISE[name]
        return canonical_form({**message, name: other})

    return _text(change)


def _another_body(text: str) -> str | None:
    """Twice the power; of an acknowledgement the other decision."""
    message = json.loads(text)
    body = message["body"]
    for period in body.get("periods", ()):
        for power in period.keys() & {"delta_w", "setpoint_w"}:
            period[power] *= 2
    if "decided" in body:
        body["decided"] = "received" if body["decided"] == "refused" else "refused"
    return canonical_form(message)


def _with_route(text: str) -> str:
    return canonical_form({**json.loads(text), "route": "x"})


def _escaped(text: str) -> str:
    """The same value in other bytes."""
    return text.replace('"issuer"', '"\\u0069ssuer"', 1)


# -- signatures ------------------------------------------------------------------------------------


def _without(index: int) -> Callable[[tuple[str, ...]], Sequence[str] | None]:
    """One of two taken away."""

    def change(found: tuple[str, ...]) -> Sequence[str] | None:
        return (found[:index] + found[index + 1 :]) if len(found) > 1 else None

    return change


def _jws_header(old: str, new: str) -> Callable[[tuple[str, ...]], Sequence[str] | None]:
    """The first signature under a header that says `new` for `old`."""

    def change(found: tuple[str, ...]) -> Sequence[str] | None:
        header, _, raw = found[0].partition("..") if found else ("", "", "")
        known = (from_base64url(header) or b"").decode("ascii", "replace")
        return (f"{to_base64url(known.replace(old, new).encode())}..{raw}", *found[1:])

    return change


def _attached(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
    """The payload in the JWS, as a library that knows no detached ones would have it."""
    found = carried(shown)
    if found is None:
        return None
    payload = to_base64url(found.text.encode())
    attached = [one.replace("..", f".{payload}.") for one in found.signatures]
    return _carrying(shown, found.text, attached)


def _of_another(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """Genuine signatures, by the same party, of another text."""
    found = carried(shown)
    for other in reversed(seen.objects):
        theirs = carried(other)
        same = said(other).get("issuer") == said(shown).get("issuer")
        if found and theirs and same and theirs.text != found.text:
            return _carrying(shown, found.text, theirs.signatures)
    return None


# -- projection ------------------------------------------------------------------------------------


def _shown(change: Callable[[list[Wire]], object]) -> Rewrite:
    """The intervals changed, and nothing that is signed."""

    def rewrite(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
        made = copy.deepcopy(shown)
        if "intervals" in made and carried(made) is not None:
            change(made["intervals"])
        return None if made == shown else (made,)

    return rewrite


def _double(intervals: list[Wire]) -> None:
    for payload in (p for i in intervals for p in i["payloads"]):
        if payload["type"].startswith("DISPATCH_SETPOINT"):
            payload["values"] = [2 * value for value in payload["values"]]


def _a_day_later(intervals: list[Wire]) -> None:
    for period in (i["intervalPeriod"] for i in intervals if "intervalPeriod" in i):
        start = str(period["start"])
        period["start"] = f"{start[:8]}{int(start[8:10]) % 28 + 1:02d}{start[10:]}"


def _drop(kind: str) -> Rewrite:
    """Payloads of that kind are taken away."""

    def change(intervals: list[Wire]) -> None:
        for interval in intervals:
            interval["payloads"] = [
                p for p in interval["payloads"] if p["type"] != kind and (kind or _ours(p))
            ]

    return _shown(change)


def _ours(payload: Wire) -> bool:
    return str(payload["type"]).startswith(OURS)


# -- place, time, and what nobody signed -----------------------------------------------------------


def _from_other(of: Callable[[Wire, Wire], bool]) -> Rewrite:
    """The text, signatures and intervals of another object that is `of`(mine, theirs)."""

    def rewrite(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
        mine = said(shown)
        for other in reversed(seen.others(shown)):
            if of(mine, said(other)):
                kept = {k: other[k] for k in ("intervals", "resources") if k in other}
                return (copy.deepcopy({**shown, **kept}),)
        return None

    return rewrite


def _same_way(mine: Wire, theirs: Wire) -> bool:
    """Both from the one to the other, in one contract, about different things."""
    names = ("issuer", "recipient", "program")
    return _all(mine, theirs, names) and mine["thread"] != theirs["thread"]


def _to_somebody_else(mine: Wire, theirs: Wire) -> bool:
    return _all(mine, theirs, ("issuer",)) and mine["recipient"] != theirs["recipient"]


def _all(mine: Wire, theirs: Wire, names: Sequence[str]) -> bool:
    return bool(mine) and all(mine[n] == theirs[n] for n in names)


def _into_other_program(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The event under another program; the report on an event of another one."""
    mine = said(shown).get("program")
    for other in reversed(seen.others(shown)):
        if mine is None or said(other)["program"] == mine:
            continue
        if "programID" in shown and "programID" in other:
            return ({**copy.deepcopy(shown), "programID": other["programID"]},)
        if "eventID" in shown:
            return ({**copy.deepcopy(shown), "eventID": other.get("eventID", other.get("id"))},)
    return None


def _onto_other_event(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The report on another event of its contract."""
    for other in reversed(seen.others(shown)):
        there = other.get("eventID", other.get("id"))
        same = said(other)["program"] == said(shown).get("program")
        if "eventID" in shown and same and there != shown["eventID"]:
            return ({**copy.deepcopy(shown), "eventID": there},)
    return None


def _oldest(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    return seen.before(shown)[:1] or None


def _previous(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    return seen.before(shown)[-1:] or None


def _elsewhere(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The previous state where it was, and once more on an event that is new."""
    before = seen.before(shown)[-1:]
    return (*before, {**before[0], "id": f"{before[0]['id']}-again"}) if before else None


def _withheld(_shown: Wire, _seen: Seen) -> Sequence[Wire]:
    return ()


def _unsigned(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
    made = copy.deepcopy(shown)
    payloads = _first(made)
    payloads[:] = [p for p in payloads if not _ours(p)]
    return None if made == shown else (made,)


def _forged(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The object as it was before, and a new one that nobody signed and that asks for more."""
    bare = _unsigned(shown, seen)
    if bare is None or "intervals" not in shown:
        return None
    forged = {**bare[0], "id": f"{shown['id']}-new", "eventName": "REAL_TIME_DISPATCH"}
    _double(forged["intervals"])
    return (*(seen.before(shown)[-1:]), forged)


# -- the table -------------------------------------------------------------------------------------


def _refused(reason: str) -> Due:
    return Due("refused", reason)


_INVALID = _refused("SIGNATURE_INVALID")
_UNKNOWN = _refused("SIGNATURE_HEADER")
_NO_SUITE = _refused("SIGNATURE_SET")
_FORM = _refused("SIGNATURE_FORM")
_SHOWN = Due("alarm+act", "PROJECTION_MISMATCH")

_ROWS = (
    Tampering("own_key", "signed again by a key that no register knows", _signed_by(STRANGER, STRANGER), _UNKNOWN, _UNKNOWN),
    Tampering("own_key_as_theirs", "signed again by that key, under the name of the issuer's", _signed_by(STRANGER), _INVALID, _INVALID),
    Tampering("published_key", "signed again by another party's published sandbox key", _signed_by(PUBLISHED, PUBLISHED), _UNKNOWN, _refused("ISSUER_MISMATCH")),
    Tampering("published_key_as_theirs", "signed again by that key, under the name of the issuer's", _signed_by(PUBLISHED), _INVALID, _INVALID),
    Tampering("body", "the signed text asks for twice the power, or decides otherwise", _text(_another_body), _INVALID, _INVALID),
    Tampering("respaced", "the signed text with a space: the same value", _text(lambda t: t.replace(":", ": ", 1)), _INVALID, _INVALID),
    Tampering("escaped", "the signed text with one letter escaped: the same value", _text(_escaped), _INVALID, _INVALID),
    Tampering("header_added", "the signed text with a header field more", _text(_with_route), _INVALID, _INVALID),
    *(
        Tampering(
            f"header_{name}",
            f"the signed text says another {name}",
            _header(name),
            None if name == "in_reply_to" else _INVALID,
            None if name == "accept_by" else _INVALID,
        )
        for name in (*_OTHERWISE, "revision")
    ),
    Tampering("jws_alg", "a signature header that names another algorithm", _signatures(_jws_header('"alg":"Ed25519"', '"alg":"none"')), _UNKNOWN, _UNKNOWN),
    Tampering("jws_kid", "a signature header that names another key", _signatures(_jws_header('"kid":"', '"kid":"X')), _UNKNOWN, _UNKNOWN),
    Tampering("jws_typ", "a signature header of another type", _signatures(_jws_header("ukflex+jws", "JWT")), _UNKNOWN, _UNKNOWN),
    Tampering("jws_attached", "the text inside the signature", _attached, _FORM, _FORM),
    Tampering("jws_padded", "the signature with padding", _signatures(lambda s: [f"{one}==" for one in s]), _FORM, _FORM),
    Tampering("stripped", "no signature", _signatures(lambda _: ()), _NO_SUITE, _NO_SUITE),
    Tampering("stripped_first", "of two signatures the first is gone", _signatures(_without(0)), _NO_SUITE, _NO_SUITE),
    Tampering("stripped_second", "of two signatures the second is gone", _signatures(_without(1)), _refused("SUITE_MISMATCH"), _refused("SUITE_MISMATCH")),
    Tampering("doubled", "a signature twice", _signatures(lambda s: (*s, s[-1]) if s else None), _NO_SUITE, _NO_SUITE),
    Tampering("signature_of_another", "genuine signatures, of another text", _of_another, _INVALID, _INVALID),
    Tampering("shown_level", "the projection asks for twice the power", _shown(_double), _SHOWN),
    Tampering("shown_time", "the projection lies on another day", _shown(_a_day_later), _SHOWN),
    Tampering("shown_asset", "the projection has lost its assets", _drop("ASSET_ID"), _SHOWN),
    Tampering("shown_nothing", "no projection", _drop(""), _SHOWN),
    Tampering("moved_text", "the text of another event, or report, of the same contract", _from_other(_same_way), Due("silent", "THREAD_MISPLACED"), Due("silent")),
    Tampering("moved_program", "the event in another program, the report on an event of one", _into_other_program, _refused("CARRIER_MISMATCH"), _refused("CARRIER_MISMATCH")),
    Tampering("moved_report", "the report on another event of its contract", _onto_other_event, None, Due("act")),
    Tampering("moved_recipient", "the text of somebody else's event", _from_other(_to_somebody_else), _refused("WRONG_RECIPIENT")),
    Tampering("replayed", "the oldest state again", _oldest, Due("silent")),
    Tampering("replayed_elsewhere", "an older text once more, on a new event", _elsewhere, Due("silent", "THREAD_MISPLACED")),
    Tampering("rolled_back", "the state before, in place of the newest", _previous, Due("silent")),
    Tampering("withheld", "nothing: it runs on as it was; what is shown at last, after valid_until, is expired", _withheld, Due("", "EVENT_WITHDRAWN")),
    Tampering("unsigned", "neither text nor signature", _unsigned, _refused("MESSAGE_MISSING"), Due("act")),
    Tampering("forged", "a new dispatch that nobody signed", _forged, _refused("MESSAGE_MISSING")),
)  # fmt: skip

TAMPERINGS: dict[str, Tampering] = {row.name: row for row in _ROWS}
