"""The inbox: where commands leave errands for the agent, which holds the journal alone.

    ukven unavailable ──one file, whole──▶ DIR/inbox/ ──one transaction──▶ said, queued ─▶ gone
                                              └─ what cannot be said: DIR/inbox/refused/, alarm

A file is cleared away only after the journal has it. After a crash in between it is read again,
and what already stands as the newest text of its thread is not said twice.
"""

import asyncio
import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.flex.bodies import kind_of
from ukprofile.receiving import Slot, parse_text
from ven.alarms import Alarms, alarm_of
from ven.anchor import contract_event, held_terms
from ven.answer import InDoubt, Voice, declare
from ven.bell import Bell
from ven.equipment import business_clock
from ven.errand import Errand, Saying, read_errand
from ven.journal import Book, Journal, in_use, look
from ven.settings import Place, write_whole

LOOKS_S = 0.5
"""Real seconds between two looks into the inbox."""
_MOST_BYTES = 1_048_576


def leave(place: Place, errand: Errand) -> str:
    """Leave an errand for the agent, once it is sure to be carried out; who does so, and when.

    Raises Refused, SettingsError, JournalError: then nothing was left.
    """
    now = business_clock(place.load()).now()
    with look(place.journal) as book:
        sayings = errand.sayings(held_terms(book), now)
    drop(place.inbox, errand)
    told = ", ".join(sorted({saying.program for saying in sayings}))
    if in_use(place.journal):
        return f"the running agent declares it now, to {told}"
    return f"no agent is running; it is declared at the next start, to {told}"


def drop(folder: Path, errand: Errand) -> None:
    """Put `errand` into the inbox, as one whole file."""
    folder.mkdir(mode=0o700, exist_ok=True)
    waiting = folder / f"{secrets.token_hex(8)}.json"
    write_whole(waiting, json.dumps(errand.to_json()) + "\n", mode=0o600)


def say(book: Book, voice: Voice, errand: Errand, now: datetime) -> None:
    """Sign and queue what the errand wants said, but for what was said just so. Raises Refused."""
    for saying in errand.sayings(held_terms(book), now):
        held, event_id = book.terms(saying.program), contract_event(book, saying.program)
        if held is None or not event_id:
            raise Refused("CONTRACT_NOT_IN_FORCE", f"the event of {saying.program} is gone")
        slot = Slot(
            voice.keys.party,
            held.slot.issuer,
            voice.environment,
            saying.program,
            kind_of(saying.body),
            saying.thread,
        )
        if not _stands(book, slot, saying):
            declare(book, voice, slot, saying.body, event_id, saying.valid_until, now)


def _stands(book: Book, slot: Slot, saying: Saying) -> bool:
    """Whether it is what I said last in its thread."""
    last = max(book.thread(slot), key=lambda entry: entry.revision, default=None)
    return last is not None and bool(parse_text(last.text)["body"] == saying.body.to_json())


class Inbox:
    """Carries out what lies in the inbox."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        clock: Clock,
        bell: Bell,
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._clock = clock
        self._bell = bell

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOKS_S)

    async def look(self) -> None:
        """Carry out every errand that waits, in any order."""
        for path in await asyncio.to_thread(_waiting, self._folder):
            now = self._clock.now()
            try:
                errand = read_errand(await asyncio.to_thread(_read, path))
                await self._journal.write(partial(say, voice=self._voice, errand=errand, now=now))
            except InDoubt:
                return  # nothing is wrong with the errand: it waits until something can be signed
            except Refused as refused:
                await self._alarms.sound(alarm_of(refused, f"inbox:{path.name}", "", now))
                await asyncio.to_thread(_set_aside, path)
            else:
                await asyncio.to_thread(path.unlink)
                self._bell.ring()


def _waiting(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _read(path: Path) -> str:
    """Raises Refused for what is no text, or too long to be an errand."""
    if path.stat().st_size > _MOST_BYTES:
        raise Refused("BODY_TOO_LARGE", f"{path.name}: at most {_MOST_BYTES:,} bytes")
    try:
        return path.read_text()
    except UnicodeDecodeError as error:
        raise Refused("ENCODING", f"{path.name}: {error}") from error


def _set_aside(path: Path) -> None:
    aside = path.parent / "refused"
    aside.mkdir(mode=0o700, exist_ok=True)
    path.replace(aside / path.name)
