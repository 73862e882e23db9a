"""What somebody between a DSO and an FSP can do to a message: one small pure function each.

    event or report, as JSON ──▶ rewrite(object, seen) ──▶ what is shown in its place

    keys         signed again by a stranger, or by somebody else's published key
    text         another level, another spelling, any header field
    signatures   taken away, doubled, bent, of another text
    projection   the draft GB API's payloads say something else
    place        onto another event, another program, somebody else's text
    time         an older state again, the newest one never
    unsigned     a dispatch that nobody signed

What is due for each of them stands in `tampering`.
"""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
"""What is shown in place of an object, nothing or more than one among it; None where this cannot
be done to it.
"""


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


def change_text(change: Callable[[str], str | None]) -> Rewrite:
    """The text changed, the signatures kept."""

    def rewrite(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
        found = carried(shown)
        text = change(found.text) if found else None
        if found is None or text is None or text == found.text:
            return None
        return _carrying(shown, text, found.signatures)

    return rewrite


def change_signatures(change: Callable[[tuple[str, ...]], Sequence[str] | None]) -> Rewrite:
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


def signed_by(seeds: str, kid: str = "") -> Rewrite:
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

OTHERWISE = {
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


def other_header(name: str) -> Rewrite:
    def change(text: str) -> str | None:
        message = json.loads(text)
        if name not in message:
            return None
        other = message[name] + 1 if name == "revision" else OTHERWISE[name]
        return canonical_form({**message, name: other})

    return change_text(change)


def another_body(text: str) -> str | None:
    """Twice the power; of an acknowledgement the other decision."""
    message = json.loads(text)
    body = message["body"]
    for period in body.get("periods", ()):
        for power in period.keys() & {"delta_w", "setpoint_w"}:
            period[power] *= 2
    if "decided" in body:
        body["decided"] = "received" if body["decided"] == "refused" else "refused"
    return canonical_form(message)


def add_route(text: str) -> str:
    return canonical_form({**json.loads(text), "route": "x"})


def escape(text: str) -> str:
    """The same value in other bytes."""
    return text.replace('"issuer"', '"\\u0069ssuer"', 1)


# -- signatures ------------------------------------------------------------------------------------


def without(index: int) -> Callable[[tuple[str, ...]], Sequence[str] | None]:
    """One of two taken away."""

    def change(found: tuple[str, ...]) -> Sequence[str] | None:
        return (found[:index] + found[index + 1 :]) if len(found) > 1 else None

    return change


def jws_header(old: str, new: str) -> Callable[[tuple[str, ...]], Sequence[str] | None]:
    """The first signature under a header that says `new` for `old`."""

    def change(found: tuple[str, ...]) -> Sequence[str] | None:
        header, _, raw = found[0].partition("..") if found else ("", "", "")
        known = (from_base64url(header) or b"").decode("ascii", "replace")
        return (f"{to_base64url(known.replace(old, new).encode())}..{raw}", *found[1:])

    return change


def attach_payload(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
    """The payload in the JWS, as a library that knows no detached ones would have it."""
    found = carried(shown)
    if found is None:
        return None
    payload = to_base64url(found.text.encode())
    attached = [one.replace("..", f".{payload}.") for one in found.signatures]
    return _carrying(shown, found.text, attached)


def sign_by_another(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """Genuine signatures, by the same party, of another text."""
    found = carried(shown)
    for other in reversed(seen.objects):
        theirs = carried(other)
        same = said(other).get("issuer") == said(shown).get("issuer")
        if found and theirs and same and theirs.text != found.text:
            return _carrying(shown, found.text, theirs.signatures)
    return None


# -- projection ------------------------------------------------------------------------------------


def change_projection(change: Callable[[list[Wire]], object]) -> Rewrite:
    """The intervals changed, and nothing that is signed."""

    def rewrite(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
        made = copy.deepcopy(shown)
        if "intervals" in made and carried(made) is not None:
            change(made["intervals"])
        return None if made == shown else (made,)

    return rewrite


def double(intervals: list[Wire]) -> None:
    for payload in (p for i in intervals for p in i["payloads"]):
        if payload["type"].startswith("DISPATCH_SETPOINT"):
            payload["values"] = [2 * value for value in payload["values"]]


def a_day_later(intervals: list[Wire]) -> None:
    for period in (i["intervalPeriod"] for i in intervals if "intervalPeriod" in i):
        start = str(period["start"])
        period["start"] = f"{start[:8]}{int(start[8:10]) % 28 + 1:02d}{start[10:]}"


def drop(kind: str) -> Rewrite:
    """Payloads of that kind are taken away."""

    def change(intervals: list[Wire]) -> None:
        for interval in intervals:
            interval["payloads"] = [
                p for p in interval["payloads"] if p["type"] != kind and (kind or _ours(p))
            ]

    return change_projection(change)


def _ours(payload: Wire) -> bool:
    return str(payload["type"]).startswith(OURS)


# -- place, time, and what nobody signed -----------------------------------------------------------


def from_other(of: Callable[[Wire, Wire], bool]) -> Rewrite:
    """The text, signatures and intervals of another object that is `of`(mine, theirs)."""

    def rewrite(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
        mine = said(shown)
        for other in reversed(seen.others(shown)):
            if of(mine, said(other)):
                kept = {k: other[k] for k in ("intervals", "resources") if k in other}
                return (copy.deepcopy({**shown, **kept}),)
        return None

    return rewrite


def same_way(mine: Wire, theirs: Wire) -> bool:
    """Both from the one to the other, in one contract, about different things."""
    names = ("issuer", "recipient", "program")
    return _all(mine, theirs, names) and mine["thread"] != theirs["thread"]


def to_somebody_else(mine: Wire, theirs: Wire) -> bool:
    return _all(mine, theirs, ("issuer",)) and mine["recipient"] != theirs["recipient"]


def _all(mine: Wire, theirs: Wire, names: Sequence[str]) -> bool:
    return bool(mine) and all(mine[n] == theirs[n] for n in names)


def into_other_program(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
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


def onto_other_event(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The report on another event of its contract."""
    for other in reversed(seen.others(shown)):
        there = other.get("eventID", other.get("id"))
        same = said(other)["program"] == said(shown).get("program")
        if "eventID" in shown and same and there != shown["eventID"]:
            return ({**copy.deepcopy(shown), "eventID": there},)
    return None


def show_oldest(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    return seen.before(shown)[:1] or None


def show_previous(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    return seen.before(shown)[-1:] or None


def show_again_elsewhere(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The previous state where it was, and once more on an event that is new."""
    before = seen.before(shown)[-1:]
    return (*before, {**before[0], "id": f"{before[0]['id']}-again"}) if before else None


def withhold(_shown: Wire, _seen: Seen) -> Sequence[Wire]:
    return ()


def strip_all(shown: Wire, _seen: Seen) -> Sequence[Wire] | None:
    made = copy.deepcopy(shown)
    payloads = _first(made)
    payloads[:] = [p for p in payloads if not _ours(p)]
    return None if made == shown else (made,)


def forge(shown: Wire, seen: Seen) -> Sequence[Wire] | None:
    """The object as it was before, and a new one that nobody signed and that asks for more."""
    bare = strip_all(shown, seen)
    if bare is None or "intervals" not in shown:
        return None
    forged = {**bare[0], "id": f"{shown['id']}-new", "eventName": "REAL_TIME_DISPATCH"}
    double(forged["intervals"])
    return (*(seen.before(shown)[-1:]), forged)
