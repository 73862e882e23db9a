"""An agent's receiver over a real journal, holding the contract terms of the golden life."""

import itertools
from typing import Any

import structlog

from tests import golden
from tests.golden import at, life, sealed_in
from ukprofile.clock import ManualClock
from ukprofile.openadr import Event, Program
from ukprofile.receiving import Context
from ukprofile.receiving.opening import sent_entry
from ven.alarms import Alarms
from ven.answer import Voice
from ven.journal import Book, Journal
from ven.receive import Receiver

CONTRACT, MARKET = "UKPN:FLEX-2026-0042", "market:UKPN:OU:HENDON-WAY"
STAMPS = {"createdDateTime": "2026-01-01T00:00:00Z", "modificationDateTime": "2026-01-01T00:00:00Z"}


def program(name: str = CONTRACT, projection: str = "gb-draft") -> Program:
    return Program.read(
        {
            "id": "P",
            "objectType": "PROGRAM",
            "programName": name,
            "attributes": [{"type": "UKFLEX_PROJECTION", "values": [projection]}],
            **STAMPS,
        }
    )


def event(body: dict[str, Any], id: str = "E1") -> Event:
    return Event.read({**body, **STAMPS, "id": id, "objectType": "EVENT", "programID": "P"})


class Agent:
    """A receiver with its journal, holding the contract terms of the golden life."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.clock = ManualClock(at("2026-02-20T10:00:00Z"))
        counter = itertools.count(1)
        voice = Voice(
            golden.signing_keys()["FSP7-sandbox-1"],
            1,
            "sandbox",
            lambda n: next(counter).to_bytes(n, "big"),
        )
        self.voice = voice
        self.alarms = Alarms(journal, structlog.get_logger())
        self.receiver = Receiver(journal, self.alarms, voice, self.clock, {})
        dso = frozenset({"UKPN"})
        self.context = Context(
            "FSP7", "ven", "sandbox", golden.register(), {CONTRACT: dso, MARKET: dso}
        )

    async def hold(self, number: str) -> None:
        entry = sent_entry(sealed_in(life(number)), at("2026-02-20T10:00:00Z"))
        await self.journal.write(lambda book: book.keep(entry))

    async def read(self, one: Event, now: str, name: str = CONTRACT, projection: str = "none"):
        self.clock.set(at(now))
        return await self.receiver.receive(one, program(name, projection), self.context)

    async def snapshot(self) -> Any:
        """Everything that may never change by a refusal: entries, commands, outbox, words said."""

        def ask(book: Book) -> Any:
            return book.entries(), book.commands(), book.posts(), book.sightings()

        return await self.journal.read(ask)
