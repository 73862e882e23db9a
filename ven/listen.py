"""Listening to the VTN: programs and events, polled, each handed to the receiver.

    poll ─▶ 304 ─────────────▶ nothing to do, but for what was refused before it was decided
         ─▶ a complete list ─▶ each event, contract terms first ─▶ Receiver
         │                  └▶ seen before, and missing now: GET it; 404 ─▶ gone, alarm
         └▶ a page failed, no answer, no sense ─▶ an alarm until it is over; nothing counts as gone

Absence changes nothing by itself: a confirmed dispatch whose event is gone runs on, unless its
contract says that it stops (profile 2, Acting). In the draft GB dialect a deleted event is a
cancelled dispatch (draft 7.7).
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from ukprofile.clock import Clock, monotonic
from ukprofile.errors import Refused, Unreachable
from ukprofile.mapping.carrier import MESSAGE, carries_profile
from ukprofile.mapping.contract import PROFILE_ATTRIBUTE, attribute, dso_of
from ukprofile.openadr import Event, Program
from ukprofile.openadr.client import Broken, Client, Listing, PeerNotTrusted, VtnProblem
from ukprofile.receiving import Context, Entry
from ukprofile.trust import Register
from ven.again import say_again
from ven.alarms import Alarms, alarm, alarm_of
from ven.bell import Bell
from ven.draft import entry_when_gone, is_draft
from ven.fleet import Dialect
from ven.journal import Alarm, Book, Journal, Sighting, time_text
from ven.recall import Recall
from ven.receive import Receiver
from ven.replan import gone_since, replan, withdrawal_stops

_VTN = "vtn"
"""The key of every alarm about the VTN as a whole."""
_TERMS = '"kind":"contract_terms"'
_NOTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who listens, and whom it trusts."""

    party: str
    environment: str
    register: Register
    weights: Mapping[str, int]
    dialect: Dialect = "uk"


class Listener:
    """Looks at the VTN, again and again."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        alarms: Alarms,
        receiver: Receiver,
        bell: Bell,
        clock: Clock,
        me: Party,
        *,
        poll_s: float,
        random: Random,
        recall: Recall | None = None,
    ) -> None:
        """`recall` None = the journal is taken to know everything."""
        self._client = client
        self._journal = journal
        self._alarms = alarms
        self._receiver = receiver
        self._bell = bell
        self._clock = clock
        self._me = me
        self._poll_s = poll_s
        self._random = random
        self._recall = recall
        self._programs: Listing[Program] | None = None
        self._events: Listing[Event] | None = None
        self._mine: dict[str, Program] = {}
        self._undecided: set[str] = set()
        self._noted_at: float | None = None
        self.ready = asyncio.Event()
        """Set once a complete list has been taken."""

    async def run(self) -> None:
        while True:
            asked_s = await self.look()
            chance = 0.3 * self._random.random()
            await asyncio.sleep(max(self._poll_s * (0.85 + chance), asked_s * (1 + chance)))

    async def look(self) -> float:
        """Look once; the seconds the VTN asks to stay away. Raises nothing the VTN can cause."""
        asked_s = 0.0
        try:
            await self._take()
        except VtnProblem as problem:
            asked_s = problem.retry_after or 0.0
            if problem.status != 429:
                reason = "TOKEN_INVALID" if problem.status == 401 else "OUT_OF_CONTACT"
                await self._away(alarm(reason, _VTN, self._clock.now(), detail=str(problem)))
        except PeerNotTrusted as error:
            now = self._clock.now()
            await self._away(
                alarm("PEER_TLS", _VTN, now, detail=str(error), security=error.security)
            )
        except Unreachable as error:
            await self._away(alarm("OUT_OF_CONTACT", _VTN, self._clock.now(), detail=str(error)))
        except Refused as refused:
            # Whoever stands between us and the VTN may have answered: security hears of it (N136b).
            nonsense = alarm(
                refused.reason, _VTN, self._clock.now(), detail=refused.detail, security=True
            )
            await self._away(nonsense)
        else:
            await self._back()
        return asked_s

    async def _take(self) -> None:
        programs = await self._client.programs.poll(self._programs)
        events = await self._client.events.poll(self._events)
        if self._recall is not None:
            await self._recall.look(events.items)
        if programs is self._programs and events is self._events:
            await self._receive(e for e in events.items if e.id in self._undecided)
            await self._recalled()
            return
        if programs is not self._programs:
            unsigned = self._me.dialect == "gb-draft"
            find = self._unsigned_programs if unsigned else self._profile_programs
            self._mine = await find(programs)
        await self._receive(sorted(events.items, key=_order))
        await self._tell_broken((*programs.broken, *events.broken))
        await self._compare(events)
        await self._recalled()
        # Only now: whatever was cut short on the way is looked at again.
        self._programs, self._events = programs, events

    async def _recalled(self) -> None:
        if self._recall is not None:
            await self._recall.received()

    # -- what is there ---------------------------------------------------------------------------

    async def _profile_programs(self, programs: Listing[Program]) -> dict[str, Program]:
        """The contracts and markets of the profile among `programs`, by id."""
        found = {}
        for program in programs.items:
            version = attribute(program, PROFILE_ATTRIBUTE)
            if not isinstance(version, str) or version.split(".")[0] != "1":
                continue
            try:
                dso_of(program.program_name)
            except Refused as refused:
                await self._alarms.sound(alarm_of(refused, program.id, "", self._clock.now()))
            else:
                found[program.id] = program
        return found

    async def _unsigned_programs(self, programs: Listing[Program]) -> dict[str, Program]:
        """All that the VTN shows, but for those whose DSO signs: what it signs is never believed
        without its signature.
        """
        found = {}
        for program in programs.items:
            if attribute(program, PROFILE_ATTRIBUTE) is None:
                found[program.id] = program
                continue
            detail = f"{program.program_name} is signed: ukven enrol --dialect uk --dso-keys FILE"
            now = self._clock.now()
            await self._alarms.sound(alarm("WRONG_PROGRAM", program.id, now, detail=detail))
        return found

    def _context(self) -> Context:
        if self._me.dialect == "gb-draft":
            return Context(self._me.party, "ven", self._me.environment, self._me.register, {})
        names = [program.program_name for program in self._mine.values()]
        return Context(
            self._me.party,
            "ven",
            self._me.environment,
            self._me.register,
            {name: frozenset({dso_of(name)}) for name in names},
        )

    async def _receive(self, events: Iterable[Event]) -> None:
        context = self._context()
        for event in events:
            program = self._mine.get(event.program_id)
            if program is None:
                await self._stray(event)
                continue
            received = await self._receiver.receive(event, program, context)
            if received is None or received.owed:
                self._undecided.add(event.id)
            else:
                self._undecided.discard(event.id)
            if received is not None and (received.decision.entry is not None or received.again):
                self._bell.ring()

    async def _stray(self, event: Event) -> None:
        """An event of a program that is none of ours: a person hears of it if it claims to be."""
        if carries_profile(event.intervals or ()):
            detail = f"{event.id} stands in {event.program_id}, no program of the profile"
            now = self._clock.now()
            stray = alarm("WRONG_PROGRAM", event.id, now, detail=detail, event_id=event.id)
            await self._alarms.sound(stray)

    async def _tell_broken(self, broken: tuple[Broken, ...]) -> None:
        now = self._clock.now()
        await self._alarms.sound(
            *(alarm_of(b.refused, f"broken:{b.id}", b.id, now) for b in broken)
        )

    # -- what is not -----------------------------------------------------------------------------

    async def _compare(self, events: Listing[Event]) -> None:
        """Compare a complete list with what was seen before."""
        there = {event.id for event in events.items} | {one.id for one in events.broken}
        if "" in there:
            return  # an object nobody can name: it may be any of those that are missing
        # the contract's first: where it is gone too, nothing can be told on it
        sightings = await self._journal.read(lambda book: book.sightings())
        for seen in sorted(sightings, key=lambda s: s.family != "contract_terms"):
            if seen.event_id in there:
                await self._alarms.over(f"EVENT_WITHDRAWN:{seen.event_id}", self._clock.now())
            elif seen.gone_at is None and await self._is_gone(seen.event_id):
                await self._gone(seen)

    async def _is_gone(self, event_id: str) -> bool:
        """Whether the VTN says by id as well that there is no such event (N121b)."""
        try:
            await self._client.events.get(event_id)
        except VtnProblem as problem:
            if problem.status == 404:
                return True
            raise
        return False

    async def _gone(self, seen: Sighting) -> None:
        self._alarms.tell(await self._journal.write(lambda book: self._miss(book, seen)))
        self._bell.ring()

    def _miss(self, book: Book, seen: Sighting) -> list[Alarm]:
        now = self._clock.now()
        book.miss(seen.event_id, now)
        if gone_since(book.sightings(), seen.program, seen.family, seen.thread) is None:
            return []  # a copy of what stands in an event of its own
        entry = book.entry(seen.sha256)
        if entry is not None and is_draft(entry.slot):
            return self._cancel(book, entry, now)
        if entry is None or entry.stop or entry.valid_until < now:
            return []
        replan(book, self._me.weights, now)
        say_again(book, entry, now)
        if entry.standing and seen.family == "dispatch":
            self._receiver.miss(book, entry, now)
        after = "stops, as its contract says" if withdrawal_stops(book, seen.program) else "runs on"
        detail = f"{seen.thread}: what is confirmed {after}; what is not lapses"
        raised = alarm("EVENT_WITHDRAWN", seen.event_id, now, detail=detail, event_id=seen.event_id)
        return [raised] if book.alarm(raised) else []

    def _cancel(self, book: Book, entry: Entry, now: datetime) -> list[Alarm]:
        """The DSO's way to take back a dispatch that it never signed: no reason for an alarm."""
        cancellation = entry_when_gone(book, entry, now)
        if cancellation is not None:
            book.keep(cancellation)
            replan(book, self._me.weights, now)
        return []

    # -- contact ---------------------------------------------------------------------------------

    async def _away(self, raised: Alarm) -> None:
        self._noted_at = None
        await self._alarms.sound(raised)

    async def _back(self) -> None:
        """Contact: written down every minute, and at once after there was none."""
        self.ready.set()
        if self._noted_at is not None and monotonic() - self._noted_at < _NOTE_S:
            return
        now = self._clock.now()
        standing = await self._journal.read(lambda book: book.alarms())
        for one in standing:
            if one.over_at is None and one.key == f"{one.reason}:{_VTN}":
                await self._alarms.over(one.key, now)
        await self._journal.write(lambda book: book.note("contact", time_text(now)))
        self._noted_at = monotonic()


def _order(event: Event) -> tuple[bool, str]:
    """Contract terms first, since everything else is judged by them; then the older before."""
    texts = [p.values for i in event.intervals or () for p in i.payloads if p.type == MESSAGE]
    terms = any(isinstance(v, str) and _TERMS in v for values in texts for v in values)
    return not terms, event.created_date_time.instant.isoformat()
