"""One event in, everything that follows from it: decided, planned and answered in one step.

    event ──message_in──▶ text ──known?──▶ silent
                            │ no
                            ├──open_message (a thread)──▶ Opened
                            │                              │  one transaction of the journal
                            │                              ▼
                            │            decide ─▶ keep ─▶ plan ─▶ answer to the outbox, alarms
                            ▼
             refused in steps 1-3: an alarm, the security log, no answer, nothing remembered

An event without a signed message never starts anything, whatever its intervals say (profile 2):
only an agent enrolled with the draft GB dialect has a `DraftReceiver`.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.flex.answer import Decided
from ukprofile.flex.projection import Projected
from ukprofile.mapping.carrier import message_in, projection_in
from ukprofile.mapping.contract import PROJECTION_ATTRIBUTE, attribute, target_of
from ukprofile.openadr import Event, Program
from ukprofile.receiving import (
    Carrier,
    Context,
    Decision,
    Entry,
    Opened,
    Slot,
    Verdict,
    decide,
    open_message,
    parse_text,
    receiving_time,
    repeat,
    unknown_fields,
)
from ven.again import say_again, went_back
from ven.alarms import Alarms, alarm, alarm_of
from ven.answer import (
    InDoubt,
    Voice,
    acknowledge,
    acknowledged,
    read_back_unsigned,
    tell_gone,
)
from ven.draft import Reader, entries_for
from ven.fleet import Fleet
from ven.journal import Alarm, Book, Journal
from ven.replan import replan

_DECIDED = ("received", "late", "expired", "refused")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an event: the decision, and whether the plan may have changed.

    `owed`: the answer has to wait until the clock can be believed; read again, it is given.
    `again`: the VTN went back, and what was answered since is queued again.
    """

    decision: Decision
    replanned: bool
    owed: bool = False
    again: bool = False


class Receiver:
    """Takes events, whoever listened for them. One for each journal."""

    def __init__(
        self,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        clock: Clock,
        weights: Mapping[str, int],
    ) -> None:
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._clock = clock
        self._weights = weights

    async def receive(self, event: Event, program: Program, context: Context) -> Received | None:
        """Take one event of `program`; None where it was refused before it could be decided."""
        try:
            carried = message_in(event.intervals or ())
            now = await self._now(context, program)
            known = await self._journal.read(lambda book: repeat(carried.text, book))
            if known is not None and known.earlier is not None:
                again = await self._seen(event, program, known.earlier, now)
                owed = await self._give_owed(event, known.earlier, now)
                return Received(known, replanned=False, owed=owed, again=again)
            carrier = Carrier(program.program_name, "", _compared(event, program))
            opened = await asyncio.to_thread(
                open_message, carried.text, carried.signatures, context, now, carrier
            )
        except Refused as refused:
            at = self._clock.now()
            await self._alarms.sound(alarm_of(refused, _key(event), event.id, at))
            return None
        received, raised = await self._journal.write(
            lambda book: self._take(book, opened, event, now)
        )
        self._alarms.tell(raised)
        return received

    def _take(
        self, book: Book, opened: Opened, event: Event, now: datetime
    ) -> tuple[Received, list[Alarm]]:
        """Steps 4 to 6, in one transaction with plan, answer and alarms.

        What was acknowledged already is judged by the time at which it was, and not again.
        """
        before = acknowledged(book, self._voice, opened.slot, opened.sha256)
        decision = decide(opened, book, now if before is None else before.issued_at)
        raised = [one for one in _alarms(book, decision, opened, event, now) if book.alarm(one)]
        entry = decision.entry
        if entry is None:
            return Received(decision, replanned=False), raised
        book.keep(entry)
        book.see(event.id, entry, now)
        if decision.acts or decision.verdict == "late":
            replan(book, self._weights, now)
        given = entry.answer == _decided(before) or self._answer(
            book, entry, _pointers(decision), event, now
        )
        replanned = decision.acts or decision.verdict == "late"
        return Received(decision, replanned, owed=not given), raised

    def _answer(
        self, book: Book, entry: Entry, pointers: tuple[str, ...], event: Event, now: datetime
    ) -> bool:
        """Acknowledge a message as it was decided; False where nothing can be signed now.

        What it asks for is done all the same: a stop waits for no clock (N40c, N40d).
        """
        if entry.answer not in _DECIDED:
            return True
        decided: Decided = entry.answer  # type: ignore[assignment]  # one of _DECIDED
        try:
            acknowledge(book, self._voice, entry, decided, pointers, event.id, event, now)
        except InDoubt:
            return False
        return True

    async def _give_owed(self, event: Event, entry: Entry, now: datetime) -> bool:
        """Answer now what could not be signed when it was decided; whether it still cannot."""
        if not await self._journal.read(lambda book: _owed(book, entry)):
            return False
        notices = unknown_fields(entry.text) if entry.answer == "received" else ()
        return not await self._journal.write(
            lambda book: self._answer(book, entry, notices, event, now)
        )

    async def _now(self, context: Context, program: Program) -> datetime:
        """The clock, or the newest time that DSO proved (profile 2 Receiving 1)."""
        clock = self._clock.now()
        parties = context.programs.get(program.program_name, frozenset())
        return await self._journal.read(
            lambda book: max([clock, *(receiving_time(clock, book, p) for p in parties)])
        )

    def miss(self, book: Book, entry: Entry, now: datetime) -> None:
        """The event of `entry`, a text in force, is gone: the DSO is told, if we may sign."""
        with suppress(InDoubt):
            tell_gone(book, self._voice, entry, now)

    async def _seen(self, event: Event, program: Program, entry: Entry, now: datetime) -> bool:
        """A known text: remembered where it stands; written only if that is news. Whether it is
        older than what stood there.

        What was missed is acknowledged again: it is there as it was.
        Wherever else it stands nothing follows from it, and a person hears of it.
        """

        def news(book: Book) -> bool:
            return not any(
                s.event_id == event.id and s.sha256 == entry.sha256 and s.gone_at is None
                for s in book.sightings()
            )

        def see(book: Book) -> tuple[bool, list[Alarm]]:
            before = [s for s in book.sightings() if s.event_id == event.id]
            back = went_back(book, event.id, entry)
            if back:
                say_again(book, entry, now, after=entry.revision)
            book.see(event.id, entry, now)
            gone = any(s.gone_at is not None for s in before)
            live = entry.standing and entry.valid_until >= now
            if gone and live and entry.slot.family == "dispatch":
                with suppress(InDoubt):
                    acknowledge(book, self._voice, entry, "received", (), event.id, event, now)
            at_home = any(s.thread == entry.slot.thread for s in before)
            moved = [] if at_home else _misplaced(book, event, entry.slot, now)
            return back, [one for one in moved if book.alarm(one)]

        if program.program_name != entry.slot.program:
            detail = f"{entry.slot.thread} of {entry.slot.program} stands in {program.program_name}"
            key = _key(event)
            strange = alarm("CARRIER_MISMATCH", key, now, detail=detail, event_id=event.id)
            await self._alarms.sound(strange)
            return False
        if not await self._journal.read(news):
            return False
        back, raised = await self._journal.write(see)
        self._alarms.tell(raised)
        return back


class DraftReceiver(Receiver):
    """Takes unsigned events, for an agent that was enrolled so: whoever reaches it over the
    transport is believed (draft GB API; `ven.draft`).
    """

    def __init__(
        self,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        clock: Clock,
        weights: Mapping[str, int],
        fleet: Fleet,
    ) -> None:
        super().__init__(journal, alarms, voice, clock, weights)
        self._reader = Reader(voice.keys.party, voice.environment, fleet)

    async def receive(self, event: Event, program: Program, _context: Context) -> Received | None:
        """As `Receiver.receive`; the context says who signs, and here nobody does."""
        now = self._clock.now()
        try:
            if not await self._journal.read(lambda b: self._new(b, event, program, now)):
                return Received(Decision("silent", "REPEAT"), replanned=False)
            return await self._journal.write(lambda b: self._keep(b, event, program, now))
        except Refused as refused:
            await self._alarms.sound(alarm_of(refused, _key(event), event.id, now))
            return None

    def _new(self, book: Book, event: Event, program: Program, now: datetime) -> tuple[Entry, ...]:
        return entries_for(book, event, program, self._reader, now)

    def _keep(self, book: Book, event: Event, program: Program, now: datetime) -> Received:
        """Entries, plan and read-back in one transaction."""
        entries = self._new(book, event, program, now)
        for entry in entries:
            book.keep(entry)
        newest = entries[-1]
        book.see(event.id, newest, now)
        replan(book, self._weights, now)
        if newest.verdict != "expired":
            read_back_unsigned(book, self._voice, event, now)
        verdict: Verdict = newest.verdict  # type: ignore[assignment]  # as entries_for made it
        return Received(Decision(verdict, newest.reason, entry=newest), replanned=True)


def _owed(book: Book, entry: Entry) -> bool:
    """Whether a message was to be acknowledged, and was not."""
    return entry.answer in _DECIDED and not any(
        reply.kind == "acknowledgement" for reply in book.replies(entry.sha256)
    )


def _decided(acknowledgement: Entry | None) -> str:
    """What it says; "" for none."""
    if acknowledgement is None:
        return ""
    return str(parse_text(acknowledgement.text)["body"]["decided"])


def _compared(event: Event, program: Program) -> tuple[Projected, ...] | None:
    """What is compared with the signed body: nothing where the program has no projection."""
    if attribute(program, PROJECTION_ATTRIBUTE) == "none":
        return None
    return projection_in(event)


def _alarms(
    book: Book, decision: Decision, opened: Opened, event: Event, now: datetime
) -> list[Alarm]:
    """What a person must know of a decided message; none of it changed the decision."""
    found = []
    # Without any terms somebody dispatches whom nobody here signed up with (N45c).
    stranger = decision.reason == "CONTRACT_NOT_IN_FORCE" and not book.terms(opened.slot.program)
    if decision.alarm or stranger:
        found.append(
            alarm(
                decision.reason,
                opened.sha256,
                now,
                detail=decision.detail,
                event_id=event.id,
                security=True if stranger else None,
            )
        )
    if tuple(event.targets or ()) != (target_of(opened.header.program),):
        shown = ", ".join(event.targets or ()) or "none"
        detail = f"targets: {shown}; due: {target_of(opened.header.program)}"
        found.append(alarm("TARGET_INVALID", event.id, now, detail=detail, event_id=event.id))
    return found + _misplaced(book, event, opened.slot, now)


def _misplaced(book: Book, event: Event, slot: Slot, now: datetime) -> list[Alarm]:
    """A thread that stands in more than one event (profile 1, one dispatch, one event)."""
    found = []
    for other in book.sightings():
        same = (other.program, other.family, other.thread) == (
            slot.program,
            slot.family,
            slot.thread,
        )
        if same and other.event_id != event.id and other.gone_at is None:
            detail = f"thread {slot.thread} stands in {other.event_id} too"
            key = f"{slot.thread}:{event.id}"
            found.append(alarm("THREAD_MISPLACED", key, now, detail=detail, event_id=event.id))
    return found


def _pointers(decision: Decision) -> tuple[str, ...]:
    """What of the message the answer names: what was ignored or alerted, or why it is refused."""
    if decision.answer == "refused" and decision.path:
        return (decision.path,)
    return decision.notices


def _key(event: Event) -> str:
    """One alarm for one state of an event, however often it is read."""
    return f"{event.id}:{hashlib.sha256(event.dump_json()).hexdigest()[:16]}"
