"""An agent's receiver over a real journal, holding the contract terms of the golden life."""

import itertools
from typing import Any

import structlog

from tests import golden
from tests.golden import at, life, sealed_in
from ukprofile.clock import ManualClock
from ukprofile.flex.answer import Response
from ukprofile.flex.common import read_assets
from ukprofile.flex.dispatch import Period
from ukprofile.openadr import Event, Program
from ukprofile.receiving import Context, parse_text
from ukprofile.receiving.opening import sent_entry
from ven.alarms import Alarms
from ven.answer import Voice, reply
from ven.journal import Book, Journal
from ven.receive import Receiver
from ven.replan import replan

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

    async def responds(self, thread: str, answer: Any, *periods: Period) -> None:
        """Answer the newest text held of a dispatch, as the agent does: signed, and planned anew."""
        now = self.clock.now()

        def write(book: Book) -> None:
            entry = [e for e in book.entries() if e.slot.thread == thread and e.standing][-1]
            body = parse_text(entry.text)["body"]
            said = Response(
                contract_id=body["contract_id"],
                zone=body["zone"],
                assets=read_assets(body),
                answer=answer,
                periods=periods,
                dispatch_type=body["dispatch_type"] if periods else None,
            )
            reply(book, self.voice, entry, said, "E1", now)
            replan(book, {}, now)

        await self.journal.write(write)

    async def snapshot(self) -> Any:
        """Everything that may never change by a refusal: entries, commands, outbox, words said."""

        def ask(book: Book) -> Any:
            return book.entries(), book.commands(), book.posts(), book.sightings()

        return await self.journal.read(ask)
