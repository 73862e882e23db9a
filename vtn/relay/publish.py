"""Making another VTN have the programs, grants and events that this one has.

    survey    what does it have?    programs by name, vens by name, events by the thread they carry
    push      what it lacks, or has in an older state: programs, then grants, then events
    ───────▶  again at every change here; after a failure the survey is made anew

Nothing is remembered of the other VTN: an answer that never came, a restart, or a restored backup
at either end are all mended by looking (T21, OutcomeUnknown). State, not deltas: of several
revisions only the newest is sent, and never one older than what is there: a restored store has
to speak anew first. Nothing is ever deleted there: evidence is kept at both.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from ukprofile.errors import Refused, Unreachable
from ukprofile.mapping.carrier import message_in
from ukprofile.mapping.contract import PROFILE_ATTRIBUTE, attribute
from ukprofile.openadr import BlVenRequest, EventRequest, Program, ProgramRequest, Ven
from ukprofile.openadr.client import Client, VtnProblem
from ukprofile.openadr.event import EventFields
from ukprofile.receiving import parse_text
from vtn.domain.live import Live
from vtn.domain.record import Change, Kind, Operation, Record
from vtn.relay.whole import to_the_end

_LONGEST_S = 60.0
_PASSING = frozenset({401, 408, 412, 425, 429})
"""Refusals that are about now, not about the object."""


_LOOK_AGAIN_S = 60.0
"""Real seconds until a ven that was not there is looked for again."""
_ORDER = (Kind.PROGRAM, Kind.VEN, Kind.EVENT)
"""A grant needs its program, and whoever is told of an event should see it at once."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What the other VTN lacks: how many objects, at least, and why ("" = they are on the way)."""

    objects: int
    why: str = ""


@dataclass(slots=True)
class _Other:
    """What the other VTN has, as much as is compared; `events` by programName and thread."""

    programs: dict[str, Program]
    vens: dict[str, Ven]
    events: dict[tuple[str, str], "_There"]


@dataclass(frozen=True, slots=True)
class _There:
    """An event of the other VTN: its id, and the text it carries."""

    event_id: str
    text: str


class Publisher:
    """Keeps one other VTN as this one is."""

    def __init__(
        self, live: Live, client: Client, log: Any, *, random: Random, first_wait_s: float = 1.0
    ) -> None:
        self._live = live
        self._client = client
        self._log = log
        self._random = random
        self._first_wait_s = first_wait_s
        self._failures = 0
        self._waits_for = ""
        self._news = asyncio.Event()
        self._level = asyncio.Event()
        self._other: _Other | None = None
        self._changed: dict[tuple[Kind, str], Record] = {}
        self._lacking: dict[str, str] = {}

    async def run(self) -> None:
        """Publish for as long as the VTN runs."""
        stop = self._live.listen(self._hear)
        try:
            while True:
                self._news.clear()
                try:
                    await self._push()
                except (Unreachable, VtnProblem, Refused) as error:
                    await self._later(error)
                except Exception as error:  # noqa: BLE001 - a relay that ended would be silence
                    self._log.exception("internal error", part="relay")
                    await self._later(error)
                else:
                    self._failures, self._waits_for = 0, ""
                    await self._rest()
        finally:
            stop()

    async def level(self) -> None:
        """Return once the other VTN has everything, but for what it refused."""
        await self._level.wait()

    @property
    def lag(self) -> Lag:
        """What it does not have now."""
        lacking = {record_id for _, record_id in self._changed} | self._lacking.keys()
        if self._waits_for:
            return Lag(max(1, len(lacking)), self._waits_for)
        return Lag(len(lacking), next(reversed(self._lacking.values()), ""))

    def program_name(self, event_id: str) -> str:
        """The program of an event there; "" for one that is not of ours."""
        events = {} if self._other is None else self._other.events
        return next((name for (name, _), e in events.items() if e.event_id == event_id), "")

    def _hear(self, change: Change) -> None:
        if change.record.kind in _ORDER and change.operation is not Operation.DELETE:
            self._changed[change.record.kind, change.record.id] = change.record
            self._level.clear()
            self._news.set()

    # -- what it lacks -------------------------------------------------------------------------

    async def _push(self) -> None:
        """Send what is lacking. Raises Unreachable, VtnProblem, Refused where it is to wait."""
        if self._other is None:
            self._other = await self._survey()
            for kind in _ORDER:
                self._changed |= {(kind, r.id): r for r in self._live.find(kind)}
        while self._changed:
            key, record = min(self._changed.items(), key=lambda item: _turn(item[1]))
            await to_the_end(self._taken(record, self._other))
            if self._changed.get(key) is record:
                del self._changed[key]
        self._level.set()

    async def _taken(self, record: Record, other: _Other) -> None:
        """Send one object; a refusal for good is told once, and does not hold up the others."""
        send = {Kind.PROGRAM: self._program, Kind.VEN: self._grants, Kind.EVENT: self._event}
        try:
            why = await send[record.kind](other, record)
        except VtnProblem as problem:
            if problem.status >= 500 or problem.status in _PASSING:
                raise
            why = f"{record.kind.value} {record.name}: {problem}"
        if not why:
            self._lacking.pop(record.id, None)
        elif self._lacking.get(record.id) != why:
            self._lacking[record.id] = why
            self._log.error("relay refused", object=record.id, name=record.name, why=why)

    async def _program(self, other: _Other, record: Record) -> str:
        request = ProgramRequest.read(_body(record))
        there = other.programs.get(record.name)
        if not _ours(record) or (there is not None and _same_program(request, there)):
            return ""
        if there is None:
            held = await self._client.programs.create(request)
        else:
            held = await self._client.programs.update(there.id, request)
        other.programs[record.name] = held.value
        return ""

    async def _grants(self, other: _Other, record: Record) -> str:
        """What a ven is granted here is granted to the one of its name there."""
        there = other.vens.get(record.name)
        if there is None:
            return f"{record.name} has no ven there yet" if record.targets else ""
        granted = tuple(there.targets or ())
        wanted = tuple(dict.fromkeys((*granted, *record.targets)))
        if wanted != granted:
            # its heartbeats change it, too: never over a newer one
            now = await self._client.vens.get(there.id)
            asked = now.value.dump() | {"objectType": "BL_VEN_REQUEST", "targets": list(wanted)}
            request = BlVenRequest.read(asked)
            held = await self._client.vens.update(there.id, request, if_match=now.etag)
            other.vens[record.name] = held.value
        return ""

    async def _event(self, other: _Other, record: Record) -> str:
        program = self._live.get(Kind.PROGRAM, record.program_id)
        if program is None or not _ours(program):
            return ""
        there = other.programs.get(program.name)
        if there is None:
            return f"its program {program.name} is not there"
        request = EventRequest.read(_body(record) | {"programID": there.id})
        text, key = _text(request), (program.name, record.name)
        known = other.events.get(key)
        if known is not None and known.text == text:
            return ""
        if known is not None and _revision(known.text) > _revision(text):
            return f"{record.name} is newer there: was this VTN put back to a backup?"
        if known is None:
            held = await self._client.events.create(request)
        else:
            held = await self._client.events.update(known.event_id, request)
        other.events[key] = _There(held.value.id, text)
        return ""

    # -- what it has ---------------------------------------------------------------------------

    async def _survey(self) -> _Other:
        programs = {p.program_name: p for p in (await self._client.programs.list()).items}
        vens = {v.ven_name: v for v in (await self._client.vens.list()).items}
        events: dict[tuple[str, str], _There] = {}
        for program in filter(_ours, self._live.find(Kind.PROGRAM)):
            there = programs.get(program.name)
            if there is None:
                continue
            listing = await self._client.events.list(program_id=there.id)
            for event in listing.items:
                text = _text(event)
                with suppress(Refused, KeyError):
                    events[program.name, parse_text(text)["thread"]] = _There(event.id, text)
        return _Other(programs, vens, events)

    async def _later(self, error: Exception) -> None:
        """Wait, the longer the more failures in a row; then look anew at what is there."""
        self._other, self._waits_for = None, str(error) or type(error).__name__
        if not self._failures:
            self._log.warning("relay waits", why=self._waits_for)
        grown = min(_LONGEST_S, self._first_wait_s * 2.0 ** min(self._failures, 10))
        self._failures += 1
        asked = error.retry_after if isinstance(error, VtnProblem) else None
        await asyncio.sleep(max(grown, asked or 0.0) * (1 + 0.3 * self._random.random()))

    async def _rest(self) -> None:
        """Wait for news; where something is lacking, no longer than a minute."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_S if self._lacking else None):
                await self._news.wait()
                return
        self._other = None


def _ours(program: Record) -> bool:
    """Whether it is a program of the profile."""
    return attribute(Program.read(json.loads(program.body)), PROFILE_ATTRIBUTE) is not None


def _turn(record: Record) -> tuple[int, datetime, int]:
    """In which order records are sent: by kind, and as they were made."""
    return _ORDER.index(record.kind), record.created, record.version


def _body(record: Record) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(record.body)
    return body | {"targets": list(record.targets)}


def _text(event: EventFields) -> str:
    try:
        return message_in(event.intervals or ()).text
    except Refused:
        return ""


def _revision(text: str) -> int:
    """The revision of a text that was signed; 0 where there is none to read."""
    with suppress(Refused, KeyError, ValueError):
        return int(parse_text(text)["revision"])
    return 0


def _same_program(request: ProgramRequest, there: Program) -> bool:
    """Whether it says what we would write, as far as anything hangs on it."""
    return (request.targets, request.attributes) == (there.targets, there.attributes)
