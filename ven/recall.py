"""What I said and did before, asked of the VTN by an agent whose journal may not know it.

    journal   NEW       nothing known: a first start, or a journal that was lost
              OLDER     put back from a backup: devices may hold what it never told them
              ASKED     the VTN was asked; whatever it shows has still to be received
              ""        it knows everything

    first list ─▶ reports of mine on its events ─▶ all known ───────────────────────▶ go on
                                                └─ not all: kept as said ─▶ OLDER ──▶ ASKED ─▶ ""
                                                   devices: whatever they hold is replaced

Until a list has been received after that, nothing is told to a device and nothing is signed
(profile 2: a lost journal starts nothing until the DSO's state has been verified afresh). So no
revision is used twice and nothing is said twice; and what I acknowledged before is judged by the
time at which I did (`ven.answer.acknowledged`): a running dispatch runs on. An agent that takes
its journal for its own asks as well, of what it does not know and of what still runs: a disk that
lost its newest writes looks just so.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from ukprofile.clock import Clock
from ukprofile.errors import Refused, Unreachable
from ukprofile.flex.header import read_header
from ukprofile.flex.kinds import family
from ukprofile.mapping.answer import message_of
from ukprofile.mapping.carrier import message_in
from ukprofile.openadr import Event, Report
from ukprofile.openadr.client import Client, VtnProblem
from ukprofile.receiving import Entry, parse_text, sent_entry
from ukprofile.receiving.opening import digest
from ukprofile.signing import Sealed, verify
from ukprofile.trust import Register
from ven.alarms import Alarms, alarm
from ven.answer import Voice
from ven.bell import Bell
from ven.device import Command
from ven.endure import Part
from ven.journal import ASKED, OLDER, RECALL, Alarm, Book, Journal
from ven.replan import ERA, replan

_KEY = "journal"
UNKNOWN = "unknown-"
"""What the id of a command begins with that stands for whatever a device may hold."""
_REMEMBERED = timedelta(days=3)
"""How long after a dispatch something may still be said of it (`ven.post_action`)."""
_REPLACED = timedelta(days=7)
"""How long a device is told to let go of what it may hold: a release hides all before it."""
_NOT_TO_BE_ASKED = frozenset({403, 404, 405, 501})
"""A VTN that does not show a VEN its own reports."""


@dataclass(frozen=True, slots=True)
class _Said:
    """A report of mine, as the VTN shows it."""

    report: Report
    entry: Entry


class Recall:
    """Asks once after each start, before anything that the VTN shows is received."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        weights: Mapping[str, int],
        assets: Iterable[str],
        clock: Clock,
        bell: Bell,
    ) -> None:
        """`assets` are those behind which there is a device."""
        self._client = client
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._weights = weights
        self._assets = tuple(assets)
        self._clock = clock
        self._bell = bell
        self._mine = Register.of(voice.environment, [voice.keys.public()])
        self._asked = self._over = False

    async def due(self) -> bool:
        """Whether nothing may be told and nothing signed before a list has been received."""
        state = await self._journal.read(lambda book: book.noted(RECALL))
        if state in (OLDER, ASKED):
            await self._alarms.sound(_older(self._clock.now()))
        return bool(state)

    async def look(self, events: Sequence[Event]) -> None:
        """Learn from the VTN what of mine on these events the journal does not know.

        Raises Unreachable, VtnProblem, Refused, where the journal is not known to be whole.
        """
        if self._asked:
            return
        state = await self._journal.read(lambda book: book.noted(RECALL))
        try:
            about = await self._about(events, state)
            said = [one for event_id in about for one in await self._on(event_id)]
        except (Unreachable, VtnProblem, Refused):
            if state:
                raise
            return  # what runs is not kept waiting; asked again with the next list
        await self._take(said)
        self._asked = True

    async def received(self) -> None:
        """A list has been received after `look`: the journal knows all there is to know."""
        if not self._asked or self._over:
            return
        if await self._journal.read(lambda book: book.noted(RECALL)):
            await self._journal.write(self._end)
            await self._alarms.over(f"JOURNAL_OLDER:{_KEY}", self._clock.now())
            self._bell.ring()
        self._over = True

    def _end(self, book: Book) -> None:
        book.note(RECALL, "")
        replan(book, self._weights, self._clock.now())

    # -- which events, and what is on them -------------------------------------------------------

    async def _about(self, events: Sequence[Event], state: str) -> list[str]:
        """The events to ask about, contract terms as well where the journal is not whole."""
        now, found = self._clock.now(), list[str]()
        for event in events:
            try:
                text = message_in(event.intervals or ()).text
                said = parse_text(text)  # not verified: it only says what to ask
                header = read_header(said)
            except Refused:
                continue
            if header.valid_until + _REMEMBERED < now:
                continue
            known = await self._journal.read(partial(Book.entry, sha256=digest(text)))
            runs = family(header.kind, said["body"]) == "dispatch" and header.valid_until >= now
            if state or known is None or runs:
                found.append(event.id)
        return found

    async def _on(self, event_id: str) -> list[_Said]:
        """What I said on one event, as far as it bears my signature."""
        try:
            listing = await self._client.reports.list(event_id=event_id)
        except VtnProblem as problem:
            if problem.status in _NOT_TO_BE_ASKED:
                return []
            raise
        return [_Said(r, entry) for r in listing.items if (entry := self._signed(r)) is not None]

    def _signed(self, report: Report) -> Entry | None:
        try:
            carried = message_of(report)
            if carried is None:
                return None
            verify(carried.text, carried.signatures, self._mine, self._clock.now())
            entry = sent_entry(Sealed(carried.text, tuple(carried.signatures)), self._clock.now())
        except Refused:
            return None  # nothing I said
        return replace(entry, received_at=entry.issued_at)

    # -- what follows ----------------------------------------------------------------------------

    async def _take(self, said: Sequence[_Said]) -> None:
        raised = await self._journal.write(lambda book: self._keep(book, said))
        self._alarms.tell(raised)
        self._bell.ring()

    def _keep(self, book: Book, said: Sequence[_Said]) -> list[Alarm]:
        now, state = self._clock.now(), book.noted(RECALL)
        unknown = [one for one in said if book.entry(one.entry.sha256) is None]
        for one in sorted(unknown, key=lambda one: (one.entry.issued_at, one.entry.revision)):
            _adopt(book, one)
        if state == ASKED or not (unknown or state == OLDER):
            return []
        for asset_id in self._assets:
            _forget(book, asset_id, now)
        book.note(ERA, secrets.token_hex(4))
        book.note(RECALL, ASKED)
        raised = _older(now)
        return [raised] if book.alarm(raised) else []


def _adopt(book: Book, one: _Said) -> None:
    """Keep as said and posted what a journal before this one said and posted."""
    entry, report = one.entry, one.report
    book.keep(entry)
    name, event_id = str(report.report_name), str(report.event_id)
    book.was_posted(name, entry.kind, event_id, report.dump_json(), entry.issued_at, report.id)
    if entry.kind == "status":
        said = parse_text(entry.text)
        thread, state = said["in_reply_to"]["thread"], said["body"]["state"]
        book.say(entry.slot.program, thread, state, entry.issued_at)


def _forget(book: Book, asset_id: str, now: datetime) -> None:
    """Nobody knows what the device of `asset_id` holds: as if told something that nobody asks for,
    so that it is told anew all that is due, and to let go of everything else.
    """
    unknown = Command(
        f"{UNKNOWN}{secrets.token_hex(8)}", asset_id, now, now + _REPLACED, setpoint_w=0
    )
    book.plan(unknown.id, unknown, now)
    book.send(unknown.id, now)
    book.settle(unknown.id, "WITHDRAWN", now, "told before this journal was put back")


def _older(now: datetime) -> Alarm:
    return alarm("JOURNAL_OLDER", _KEY, now)


class After:
    """A part of the agent that has to wait until there is nothing more to recall."""

    def __init__(self, known: asyncio.Event, part: Part) -> None:
        self._known = known
        self._part = part

    async def run(self) -> None:
        await self._known.wait()
        await self._part.run()
