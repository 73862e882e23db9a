"""From entries of a ledger to the thread they make."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.course import dispatch_state
from ukprofile.flex.dispatch import Held, Stop, Thread
from ukprofile.flex.header import Header, read_header
from ukprofile.flex.states import Event, State
from ukprofile.receiving.ledger import Entry, Ledger, Slot
from ukprofile.receiving.opening import parse_text

__all__ = ["Stop", "Thread", "answers_to", "held_of", "other_threads", "terms_of", "thread_of"]

_EVER = datetime.min.replace(tzinfo=UTC)
"""No time of its own: a thread is what its texts make of it."""


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


def held_of(entry: Entry) -> Held:
    """An entry as its thread sees it."""
    header, body = _read(entry.text)
    return Held(
        entry.sha256,
        header,
        body,
        entry.received_at,
        counts=entry.standing,
        void=entry.verdict == "late",
    )


def terms_of(ledger: Ledger, program: str) -> ContractTerms | None:
    """The newest terms of a contract; None = none are held."""
    held = ledger.terms(program)
    return None if held is None else ContractTerms.read(_read(held.text)[1])


def _thread(ledger: Ledger, entries: Sequence[Entry]) -> Thread:
    """The thread, each of its texts with what a response did to it."""
    dispatch = any(entry.slot.family == "dispatch" for entry in entries)
    answers = [reply for e in entries for reply in ledger.replies(e.sha256)] if dispatch else []
    if not any(answer.kind == "response" and answer.standing for answer in answers):
        return Thread(tuple(held_of(entry) for entry in entries))
    return _responded(tuple(entries), tuple(answers), ledger.terms(entries[0].slot.program))


@lru_cache(maxsize=1024)
def _responded(
    entries: tuple[Entry, ...], replies: tuple[Entry, ...], held: Entry | None
) -> Thread:
    """The thread by what it is made of: an agent asks for each of its dispatches all the time."""
    thread = Thread(tuple(held_of(entry) for entry in entries))
    terms = None if held is None else ContractTerms.read(_read(held.text)[1])
    answers = tuple(held_of(reply) for reply in replies)
    steps = dispatch_state(thread, answers, _EVER, terms, "ven").steps
    done = {
        step.held.header.in_reply_to.sha256: step.event
        for step in steps
        if step.outcome.effect == "acts" and step.outcome.state is not State.REFUSED
        if step.held is not None and step.held.header.in_reply_to is not None
        if step.held.header.kind == "response"
    }
    return Thread(tuple(_answered(held, done.get(held.sha256)) for held in thread.held))


def _answered(held: Held, event: Event | None) -> Held:
    return replace(
        held,
        accepted=event is Event.ACCEPT,
        declined=event is Event.REFUSE,
        countered=event is Event.PARTIAL,
    )


def _key(slot: Slot) -> tuple[str, ...]:
    return (slot.issuer, slot.recipient, slot.environment, slot.program, slot.family, slot.thread)


@lru_cache(maxsize=2048)
def _read(text: str) -> tuple[Header, Mapping[str, Any]]:
    """A text of the ledger passed steps 1 to 3 once: reading it again cannot fail."""
    message = parse_text(text)
    return read_header(message), message["body"]
