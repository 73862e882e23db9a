"""Unsigned events of a DSO that sends only the draft GB API, as entries of the journal. Pure.

    event ─▶ Draft ─▶ as it was last read? ──▶ silent, however often it is polled
                        │ no
                        ├─ firm ───────────▶ instruction: it replaces what was there     (7.6)
                        ├─ not firm ───────▶ schedule: information, lapses at its start  (5.1)
                        └─ void, or gone ──▶ cancellation: nothing more of it            (7.7)

Each entry is the text that a message would be, with nobody's signature, so that plan, devices,
reports and restarts are those of every other dispatch. It is trusted as far as the transport is:
only an agent enrolled so reads any of it. A stop is final in a thread; the draft knows no such
thing, so an event that comes back, or gets another start after it lapsed, begins a new thread.
Numbers in brackets are sections of the draft.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from ukprofile.flex.dispatch import Thread
from ukprofile.flex.header import Header, uuid7
from ukprofile.flex.times import checked_time, milliseconds, time_text
from ukprofile.mapping.draft import Draft, read_draft
from ukprofile.openadr import Event, Program
from ukprofile.receiving import Entry, Ledger, Slot, Verdict, parse_text
from ukprofile.receiving.opening import digest
from ukprofile.receiving.thread import thread_of
from ukprofile.signing import canonical_form
from ven.fleet import Fleet

ISSUER = "gb-draft"
"""Stands where a signed message has its issuer: nobody signed this."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""In place of "now", so that what is to be done now reads the same at every poll."""
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: my party id, my environment, and what I have."""

    party: str
    environment: str
    fleet: Fleet


def is_draft(slot: Slot) -> bool:
    """Whether nobody signed what stands in `slot`: READ_BACK and status are all that answers it."""
    return slot.issuer == ISSUER


def newest_state(thread: Thread) -> Thread:
    """A thread of the draft as its newest state leaves it: that replaces whatever was there (7.6),
    running or not, and nobody accepts it first as the profile would have it.
    """
    asked = [held for held in thread.standing if not held.header.stop]
    replaced = {held.sha256 for held in asked[:-1]}
    return Thread(tuple(held for held in thread.held if held.sha256 not in replaced))


def entries_for(
    ledger: Ledger, event: Event, program: Program, reader: Reader, now: datetime
) -> tuple[Entry, ...]:
    """What to keep of `event` as it is at `now`, in this order; nothing where nothing is new.

    Raises Refused as `read_draft`, and ASSET_UNKNOWN.
    """
    probe = read_draft(event, program, _NEVER)
    if probe is None:
        return ()
    reading = digest(canonical_form(probe.to_json()))
    slot, entries = _newest(ledger, event.id, program.id, reader)
    if entries and _body(entries[-1])["reading"] == reading:
        return ()
    thread = thread_of(ledger, slot)
    over = thread.completed(now) and probe.real_time  # "now" is another moment then
    closed = over or thread.first_stop is not None or thread.void
    draft = probe
    if probe.real_time:
        began = None if closed else _began(entries)
        draft = read_draft(event, program, began or now) or probe
    maker = _Maker(event.id, program.id, reader, reading, now)
    if not draft.periods:
        return () if closed or not thread.standing else (maker.cancellation(slot, entries),)
    return _asked(draft, slot, entries, thread, maker, closed=closed)


def _asked(
    draft: Draft,
    slot: Slot,
    entries: Sequence[Entry],
    thread: Thread,
    maker: "_Maker",
    *,
    closed: bool,
) -> tuple[Entry, ...]:
    start, end, now = draft.periods[0].start, draft.periods[-1].end, maker.now
    lapsed = thread.void or _lapses(thread, now)
    if lapsed and start <= now and (draft.firm or thread.void):
        return (maker.entry("instruction", slot, entries, draft, "late", "LATE"),)
    if closed:
        slot, entries, thread = _next(slot, maker.event_id), (), Thread()
    if thread.confirmed is None and end <= now:
        return (maker.entry("schedule", slot, entries, draft, "expired", "EXPIRED"),)
    if draft.firm:
        return (maker.entry("instruction", slot, entries, draft),)
    if thread.plan and now < thread.plan[-1].end:
        # It was firm, and is information again: nothing of it runs until it is confirmed anew.
        after = maker.entry("schedule", _next(slot, maker.event_id), (), draft)
        return maker.cancellation(slot, entries), after
    return (maker.entry("schedule", slot, entries, draft),)


def entry_when_gone(ledger: Ledger, entry: Entry, now: datetime) -> Entry | None:
    """What to keep once the event of `entry` is deleted: the draft's cancellation (7.7).

    None where that changes nothing.
    """
    thread = thread_of(ledger, entry.slot)
    if thread.first_stop is not None or not thread.standing or entry.valid_until < now:
        return None
    body = _body(entry)
    reader = Reader(entry.slot.recipient, entry.slot.environment, Fleet((), {}))
    maker = _Maker(body["event_id"], body["program_id"], reader, "", now)
    return maker.cancellation(entry.slot, ledger.thread(entry.slot))


# -- threads ---------------------------------------------------------------------------------------


def _newest(
    ledger: Ledger, event_id: str, program_id: str, reader: Reader
) -> tuple[Slot, Sequence[Entry]]:
    """The newest thread of an event, and what is kept of it."""
    program = f"draft:{_short(program_id)}"
    first = Slot(ISSUER, reader.party, reader.environment, program, "dispatch", _short(event_id))
    slot, entries = first, ledger.thread(first)
    while further := ledger.thread(following := _next(slot, event_id)):
        slot, entries = following, further
    return slot, entries


def _next(slot: Slot, event_id: str) -> Slot:
    """The thread that follows once that of `slot` is closed: E1, E1-2, E1-3."""
    names = (_short(event_id, n) for n in count(1))
    for name in names:
        if name == slot.thread:
            break
    return Slot(
        slot.issuer, slot.recipient, slot.environment, slot.program, slot.family, next(names)
    )


def _short(id: str, number: int = 1) -> str:
    """An object id as a thread or a program may be named: 64 characters."""
    name = id if number == 1 else f"{id}-{number}"
    return name if len(name) <= _LONGEST else hashlib.sha256(name.encode()).hexdigest()


def _lapses(thread: Thread, now: datetime) -> bool:
    """Whether it was information until its start, and that is past (5.1)."""
    head = thread.head
    if head is None or head.header.kind != "schedule" or thread.confirmed is not None:
        return False
    return checked_time(head.body["periods"][0]["start"]) <= now


def _began(entries: Sequence[Entry]) -> datetime | None:
    """When a dispatch that is "done now" was first read: an update does not begin it again."""
    bodies = [_body(entry) for entry in entries]
    return next((checked_time(b["began"]) for b in reversed(bodies) if b["real_time"]), None)


def _body(entry: Entry) -> Mapping[str, Any]:
    body: Mapping[str, Any] = parse_text(entry.text)["body"]
    return body


# -- entries ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the entries of one event as it was read at `now`."""

    event_id: str
    program_id: str
    reader: Reader
    reading: str
    now: datetime

    def entry(
        self,
        kind: str,
        slot: Slot,
        before: Sequence[Entry],
        draft: Draft,
        verdict: Verdict = "act",
        reason: str = "",
    ) -> Entry:
        """What is asked, or proposed. Raises Refused ASSET_UNKNOWN."""
        body = {
            "assets": [
                {"asset_id": asset} for asset in self.reader.fleet.named(draft.assets, draft.groups)
            ],
            "periods": [period.to_json() for period in draft.periods],
            "firm": draft.firm,
            "real_time": draft.real_time,
            "began": time_text(draft.periods[0].start),
        }
        until = max(draft.periods[-1].end, self.now)
        return self._entry(kind, slot, before, body, until, verdict, reason)

    def cancellation(self, slot: Slot, before: Sequence[Entry]) -> Entry:
        """Nothing more of the thread in `slot`."""
        body = {"periods": [], "real_time": False}
        until = max([self.now, *(entry.valid_until for entry in before)])
        return self._entry("cancellation", slot, before, body, until, "act", "")

    def _entry(
        self,
        kind: str,
        slot: Slot,
        before: Sequence[Entry],
        body: dict[str, Any],
        until: datetime,
        verdict: Verdict,
        reason: str,
    ) -> Entry:
        now = self.now.replace(microsecond=0)
        revision = max([milliseconds(self.now), *(entry.revision + 1 for entry in before)])
        chance = hashlib.sha256(f"{self.event_id} {slot.thread} {revision}".encode()).digest()
        until = until.replace(microsecond=0)
        header = Header(
            kind=kind,
            message_id=uuid7(self.now, lambda size: chance[:size]),
            issuer=slot.issuer,
            recipient=slot.recipient,
            environment=slot.environment,
            program=slot.program,
            thread=slot.thread,
            revision=revision,
            issued_at=now,
            valid_until=until,
            accept_by=None if kind == "cancellation" else until,
            key_set=ISSUER,
        )
        common = {
            "contract_id": slot.program,
            "zone": ISSUER,
            "event_id": self.event_id,
            "program_id": self.program_id,
            "reading": self.reading,
        }
        text = canonical_form(header.to_json(common | body))
        return Entry(
            sha256=digest(text),
            slot=slot,
            kind=kind,
            stop=header.stop,
            revision=revision,
            text=text,
            signatures=(),
            verdict=verdict,
            reason=reason,
            alarm="",
            answer="",
            issued_at=now,
            valid_until=until,
            received_at=self.now,
        )
