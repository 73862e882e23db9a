"""A dispatch told to one end, text by text, each signed and received as in life.

    story = Story("dso")
    story.dso("instruction", 0, period(0, 90, 180))    signed by UKPN; acknowledged by FSP7
    story.ven("status", 91, state="executing")         signed by FSP7, about the newest of UKPN's

What an end says itself is kept as it keeps its own; what it is told it decides. Minutes are those of
tests/made.py.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from tests.made import KEYS, VEN, VTN, body, header, minute, terms
from ukprofile.flex.course import Course, dispatch_state
from ukprofile.flex.dispatch import Period, Thread
from ukprofile.flex.header import Reference
from ukprofile.flex.times import milliseconds, time_text
from ukprofile.receiving import (
    Carrier,
    Decision,
    Entry,
    MemoryLedger,
    Slot,
    decide,
    open_message,
)
from ukprofile.receiving.opening import sent_entry
from ukprofile.receiving.thread import answers_to, terms_of, thread_of
from ukprofile.signing import Sealed, seal

End = Literal["ven", "dso"]
SLOT = Slot("UKPN", "FSP7", "sandbox", "UKPN:C1", "dispatch", "D1")
_ABOUT = ("contract_id", "zone", "assets")
_TIMES = ("respond_by", "confirm_by", "cease_at", "at", "start")
_PREFIX = {"acknowledgement": "AK", "response": "RS", "status": "ST", "post_action": "PA"}
_SERIES = {"interval_s": 1800, "delivered_wh": [1], "quality": ["actual"], "part": 1, "parts": 2}
_AGREED = {"capacity_w": 3_000_000}


class Story:
    """What one end holds of the dispatch D1 of the contract of tests/made.py."""

    def __init__(self, end: End, **agreed: Any) -> None:
        self.end = end
        self.context = VEN if end == "ven" else VTN
        self.ledger = MemoryLedger()
        self.count = 0
        self._take(*self._sign("contract_terms", 0, terms(**_AGREED | agreed).to_json(), "C1"), 0)
        self.newest: Entry | None = None
        self.asked: Entry | None = None

    def dso(self, kind: str, at: float, *periods: Period, read: float | None = None, **said: Any):
        """A text of UKPN's, issued at that minute and read at `read`, and its acknowledgement."""
        content = body(*periods, **_timed(said))
        if kind in ("cease", "cancellation"):
            content = {name: content[name] for name in _ABOUT} | _timed(said) | {"periods": []}
            content |= {"of": "dispatch"} if kind == "cancellation" else {"mode": "ramp"}
        elif kind != "instruction":
            content = {n: v for n, v in content.items() if n not in ("channel", "effective_at")}
            content["firm"] = False
        else:
            content["effective_at"] = time_text(_at(at))
        if kind == "variation":
            del content["firm"]
        sealed, made = self._sign(kind, at, content, "D1", said.get("accept_by"))
        when = at if read is None else read
        decision = self._take(sealed, made, when)
        if decision.verdict in ("act", "hold", "noop", "alarm+act") and decision.entry is not None:
            self.newest = decision.entry
            self.asked = self.asked if decision.entry.stop else decision.entry
            self.ven("acknowledgement", when, decided=decision.answer or "received")
        return decision

    def ven(self, kind: str, at: float, *periods: Period, read: float | None = None, **said: Any):
        """A text of FSP7's about the newest of UKPN's, a response about the newest that asks for
        something; the decision about it at the DSO's end.
        """
        about = self.asked if kind == "response" else self.newest
        assert about is not None
        content = {name: body()[name] for name in _ABOUT} | _timed(said)
        if periods:
            content |= {"periods": [p.to_json() for p in periods]}
            content |= {"dispatch_type": "demand_turn_down"}
        if kind == "status":
            content |= {"at": content.get("at", time_text(_at(at)))}
        if kind == "post_action":
            content |= _SERIES | {"method": "m"}
            content |= {"start": time_text(minute(90))}
        sealed, made = self._sign(kind, at, content, f"{_PREFIX[kind]}-D1", to=about)
        return self._take(sealed, made, at if read is None else read)

    @property
    def thread(self) -> Thread:
        return thread_of(self.ledger, SLOT)

    def course(self, now: float) -> Course:
        """Where the dispatch stands for this end at that minute."""
        agreed = terms_of(self.ledger, "UKPN:C1")
        held = self.thread
        return dispatch_state(held, answers_to(self.ledger, held), _at(now), agreed, self.end)

    def _sign(
        self,
        kind: str,
        at: float,
        content: Any,
        thread: str,
        accept_by: float | None = None,
        to: Entry | None = None,
    ):
        self.count += 1
        party = "UKPN" if to is None else "FSP7"
        made = header(
            kind,
            issuer=party,
            recipient="FSP7" if to is None else "UKPN",
            thread=thread,
            issued_at=_at(at),
            revision=milliseconds(_at(at)) + self.count,
            valid_until=minute(2000) if thread == "C1" or to else minute(1200),
            key_set=f"{party}-1",
        )
        if kind in ("schedule", "instruction", "variation"):
            made = replace(made, accept_by=_at(1000 if accept_by is None else accept_by))
        if to is not None:
            made = replace(made, in_reply_to=Reference(to.revision, to.sha256, to.slot.thread))
        return seal(made.to_json(content), KEYS[party], 1), made

    def _take(self, sealed: Sealed, made: Any, when: float) -> Decision:
        """Keep what is mine, decide what is not; the VTN decides what its own DSO posts as well."""
        now = _at(when)
        if self.end == "ven" and made.issuer == "FSP7":
            entry = sent_entry(sealed, now)
            self.ledger.keep(entry)
            return Decision("act", entry=entry)
        opened = open_message(sealed.text, sealed.signatures, self.context, now, Carrier())
        decision = decide(opened, self.ledger, now)
        refused = decision.verdict in ("refused", "late", "expired")
        if decision.entry is not None and not (refused and self.end == "dso"):
            self.ledger.keep(decision.entry)
        return decision


def _at(when: float):
    return minute(0) + timedelta(minutes=when)


def _timed(said: dict[str, Any]) -> dict[str, Any]:
    return {
        name: time_text(_at(value)) if name in _TIMES else value
        for name, value in said.items()
        if name != "accept_by"
    }
