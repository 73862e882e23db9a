"""What a receiver remembers, and the few questions receiving asks of it.

    Entry   one signed text that was decided, or that we sent: a flat row, never changed
    Slot    (issuer, recipient, environment, program, family, thread): where order is kept
    Ledger  look-ups over entries, and `keep`

The VTN's transaction and the VEN's journal both implement `Ledger`; `MemoryLedger` is the
plainest one. All look-ups see what `keep` was given before in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

SENT = "sent"
"""The verdict of our own texts: not decided by us, but kept, so that replies find them."""

STANDING = frozenset({"act", "hold", "noop", "alarm+act", "alarm+noop", SENT})
"""Verdicts whose text counts in its thread; late, expired and refused texts never do."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where order is kept (profile 2, Order). Six strings, six columns.

    `family` is "dispatch" for schedule, instruction, variation, cease and the cancellation of a
    dispatch; "request", "acceptance" or "availability" for these and their cancellations; the
    kind itself for every other kind.
    """

    issuer: str
    recipient: str
    environment: str
    program: str
    family: str
    thread: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed text and what became of it.

    `sha256` (lower-case hex of the text) is unique. `verdict` is one of codes.md ("act", "hold",
    "noop", "late", "expired", "refused", "alarm+act", "alarm+noop") or `SENT`; `reason`, `alarm`
    and `answer` are "" for none. `answer` is the `decided` of our acknowledgement ("received",
    "late", "expired", "refused"). `in_reply_to` is the sha256 of the text this one answers, or
    "". `verified_at` is the DSO's time this text proves, or None. All times are aware, in UTC.
    Silent, stale and step 1-3 refusals leave no entry.
    """

    sha256: str
    slot: Slot
    kind: str
    stop: bool
    revision: int
    text: str
    signatures: tuple[str, ...]
    verdict: str
    reason: str
    alarm: str
    answer: str
    issued_at: datetime
    valid_until: datetime
    received_at: datetime
    in_reply_to: str = ""
    verified_at: datetime | None = None

    @property
    def standing(self) -> bool:
        """Whether this text counts in its thread."""
        return self.verdict in STANDING


class Ledger(Protocol):
    """The memory of a receiver. Synchronous; never raises for what it does not know."""

    def entry(self, sha256: str) -> Entry | None:
        """The entry of that very text, decided or sent; None = never decided here."""
        ...

    def thread(self, slot: Slot) -> Sequence[Entry]:
        """Every entry of the slot, whatever its verdict, in the order they were kept."""
        ...

    def replies(self, sha256: str) -> Sequence[Entry]:
        """Every entry with `in_reply_to == sha256`, in the order they were kept."""
        ...

    def dispatches(self, program: str, since: datetime) -> Sequence[Entry]:
        """All entries, in the order kept, of every thread of family "dispatch" of `program` that
        has at least one entry with `valid_until >= since`.

        Whole threads, so that a stop is never seen without what it stops, or the reverse.
        """
        ...

    def terms(self, program: str) -> Entry | None:
        """The standing entry of kind "contract_terms" of `program` with the highest revision."""
        ...

    def verified_time(self, issuer: str) -> datetime | None:
        """The newest `verified_at` of all entries whose `slot.issuer` is `issuer`."""
        ...

    def keep(self, entry: Entry) -> None:
        """Remember `entry`. A second entry of the same sha256 is ignored."""
        ...


class MemoryLedger:
    """A ledger in a dictionary, for tests, checks and one-off verification."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.keep(entry)

    def entry(self, sha256: str) -> Entry | None:
        return self._entries.get(sha256)

    def thread(self, slot: Slot) -> Sequence[Entry]:
        return [e for e in self._entries.values() if e.slot == slot]

    def replies(self, sha256: str) -> Sequence[Entry]:
        return [e for e in self._entries.values() if e.in_reply_to == sha256]

    def dispatches(self, program: str, since: datetime) -> Sequence[Entry]:
        family = [
            e
            for e in self._entries.values()
            if e.slot.program == program and e.slot.family == "dispatch"
        ]
        alive = {e.slot for e in family if e.valid_until >= since}
        return [e for e in family if e.slot in alive]

    def terms(self, program: str) -> Entry | None:
        found = [
            e
            for e in self._entries.values()
            if e.kind == "contract_terms" and e.slot.program == program and e.standing
        ]
        return max(found, key=lambda e: e.revision, default=None)

    def verified_time(self, issuer: str) -> datetime | None:
        times = [
            e.verified_at
            for e in self._entries.values()
            if e.slot.issuer == issuer and e.verified_at is not None
        ]
        return max(times, default=None)

    def keep(self, entry: Entry) -> None:
        self._entries.setdefault(entry.sha256, entry)
