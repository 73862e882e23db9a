"""From entries of a ledger to the thread they make."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from ukprofile.flex.dispatch import CONFIRMING, Held, Stop, Thread
from ukprofile.flex.header import Header, read_header
from ukprofile.receiving.ledger import Entry, Ledger, Slot
from ukprofile.receiving.opening import parse_text

__all__ = ["Stop", "Thread", "answers_to", "held_of", "other_threads", "thread_of"]


def thread_of(ledger: Ledger, slot: Slot) -> Thread:
    """The thread in `slot`, with what was accepted of it."""
    return _thread(ledger, ledger.thread(slot))


def other_threads(
    ledger: Ledger, program: str, since: datetime, but: Slot | None = None
) -> tuple[tuple[Slot, Thread], ...]:
    """Every dispatch thread of `program` still remembered at `since`, without the slot `but`."""
    entries = sorted(ledger.dispatches(program, since), key=lambda e: _key(e.slot))
    return tuple(
        (group[0].slot, _thread(ledger, group))
        for group in (list(g) for _, g in groupby(entries, key=lambda e: _key(e.slot)))
        if group[0].slot != but
    )


def answers_to(ledger: Ledger, thread: Thread) -> tuple[Held, ...]:
    """Everything the other end answered to the texts of a thread, in the order it was kept."""
    return tuple(held_of(reply) for held in thread.held for reply in ledger.replies(held.sha256))


def held_of(entry: Entry, *, accepted: bool = False) -> Held:
    """An entry as its thread sees it."""
    header, body = _read(entry.text)
    return Held(
        entry.sha256,
        header,
        body,
        entry.received_at,
        counts=entry.standing,
        void=entry.verdict == "late",
        accepted=accepted,
    )


def _thread(ledger: Ledger, entries: Iterable[Entry]) -> Thread:
    return Thread(
        tuple(
            held_of(entry, accepted=entry.kind in CONFIRMING and _accepted(ledger, entry))
            for entry in entries
        )
    )


def _accepted(ledger: Ledger, entry: Entry) -> bool:
    return any(
        reply.kind == "response"
        and reply.standing
        and _read(reply.text)[1].get("answer") == "accept"
        for reply in ledger.replies(entry.sha256)
    )


def _key(slot: Slot) -> tuple[str, ...]:
    return (slot.issuer, slot.recipient, slot.environment, slot.program, slot.family, slot.thread)


@lru_cache(maxsize=2048)
def _read(text: str) -> tuple[Header, Mapping[str, Any]]:
    """A text of the ledger passed steps 1 to 3 once: reading it again cannot fail."""
    message = parse_text(text)
    return read_header(message), message["body"]
