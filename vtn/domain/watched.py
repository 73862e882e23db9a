"""From the ledger to what is watched: which dispatches a text touches, and how they stand.

    event, report ─▶ its text ─▶ entry ─┬─ of a dispatch, or an answer to one ─▶ that dispatch
                                        ├─ an answer to a lost text ─▶ its dispatch
                                        ├─ contract terms ─▶ every dispatch of the contract
                                        └─ unavailability, offer ─▶ what its FSP cannot run

Everything here runs in a transaction that only reads, and in no particular thread.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Thread
from ukprofile.mapping.answer import message_of
from ukprofile.mapping.carrier import message_in
from ukprofile.openadr import Event, Report
from ukprofile.receiving import Entry, Slot
from ukprofile.receiving.opening import digest
from ukprofile.receiving.thread import held_of
from vtn.domain.alarm import Cause, concern
from vtn.domain.board import Absences
from vtn.domain.clashes import absences
from vtn.domain.concerns import WATCHED_FOR, Found, look
from vtn.domain.desk.book import Dispatch, read_dispatch
from vtn.domain.losses import STORE, forgotten, losses, losses_of
from vtn.domain.record import Kind, Record
from vtn.domain.restored import read_restored
from vtn.domain.store import Transaction

_UNPUBLISHED = frozenset({"noop", "alarm+noop"})
"""Verdicts of stops that changed nothing: they are in no event, and nobody can acknowledge them."""
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What only our own mistakes raise; a store that cannot be read raises none of them."""
_CANNOT_RUN = ("unavailability", "availability")


@dataclass(slots=True)
class Touched:
    """What texts touch: dispatches, contracts, and FSPs that cannot run something."""

    slots: set[Slot] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    providers: set[str] = field(default_factory=set)


def touched_by(tx: Transaction, records: Iterable[Record]) -> Touched:
    """What the texts of these events and reports touch."""
    touched = Touched()
    for record in records:
        text = _text_of(record)
        entry = None if text is None else tx.entry(digest(text))
        if entry is None:
            continue
        asked = tx.entry(entry.in_reply_to) if entry.in_reply_to else None
        about = entry if asked is None else asked
        if asked is None and entry.in_reply_to:
            touched.slots |= _lost_slots(tx, entry)
        elif about.slot.family == "dispatch":
            touched.slots.add(about.slot)
        elif entry.slot.family in _CANNOT_RUN:
            touched.providers.add(entry.slot.issuer)
        elif entry.kind == "contract_terms":
            touched.programs.add(entry.slot.program)
    return touched


def _text_of(record: Record) -> str | None:
    """The signed text of an event or report; None where it carries none that can be read."""
    shown = json.loads(record.body)
    try:
        if record.kind is Kind.EVENT:
            return message_in(Event.read(shown).intervals or ()).text
        carried = message_of(Report.read(shown))
    except Refused:
        return None  # a plain event may carry anything
    return None if carried is None else carried.text


def _lost_slots(tx: Transaction, answer: Entry) -> set[Slot]:
    """The slot of the lost text that is answered."""
    return {one.slot for one in read_restored(tx).lost if one.sha256 == answer.in_reply_to}


def remembered(tx: Transaction, programs: Iterable[str], now: datetime) -> set[Slot]:
    """Every dispatch that may still be of concern at `now`, lost ones too, and the store itself."""
    since = now - WATCHED_FOR
    held = {entry.slot for name in programs for entry in tx.dispatches(name, since)}
    return held | losses(read_restored(tx), now)


def find(tx: Transaction, slots: Iterable[Slot], now: datetime) -> dict[Slot, Found]:
    """What there is to say of these dispatches at `now`.

    One that cannot be judged, which would be a fault of ours, is of concern itself: it must not
    keep the others from being watched.
    """
    restored = read_restored(tx)
    found: dict[Slot, Found] = {}
    for slot in slots:
        if slot == STORE:
            found[slot] = forgotten(restored, now)
            continue
        try:
            found[slot] = look(_published(tx, slot, now)).beside(losses_of(tx, restored, slot, now))
        except _FAULTS as error:
            text = f"{slot.thread} ({slot.program}) cannot be judged ({error!r}): look at it"
            found[slot] = Found((concern(slot, Cause.UNREADABLE, 0, now, text),))
    return found


def _published(tx: Transaction, slot: Slot, now: datetime) -> Dispatch:
    """A dispatch by the texts that its FSP can have seen."""
    dispatch = read_dispatch(tx, slot, now)
    if len(dispatch.thread.stops) < 2:  # only of several stops can one have changed nothing
        return dispatch
    unpublished = {e.sha256 for e in tx.thread(slot) if e.verdict in _UNPUBLISHED}
    kept = tuple(held for held in dispatch.thread.held if held.sha256 not in unpublished)
    return replace(dispatch, thread=Thread(kept))


def absences_of(tx: Transaction, provider: str) -> Absences:
    """What an FSP said it cannot or will not run, so far as it ever said."""
    entries = [e for family in _CANNOT_RUN for e in tx.said(provider, family)]
    return absences((entry.slot, held_of(entry)) for entry in entries)
