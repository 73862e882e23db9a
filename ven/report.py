"""Telling the DSO how each dispatch is getting on: DISPATCH_STATUS, each change once.

    journal ─▶ dispatches ─┐
                           ├─ progress ─▶ word ─▶ said, alarm, signed report: one transaction
    devices ─▶ measured ───┘

It looks when something begins or ends, when the journal has news, and every few seconds of
business time while something runs.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ukprofile.clock import Clock
from ukprofile.flex.answer import Status
from ukprofile.flex.common import read_assets
from ukprofile.flex.contract import RAMP_S
from ven.alarms import Alarms, alarm
from ven.anchor import answered, event_of, terms_of
from ven.answer import InDoubt, Voice, reply
from ven.bell import Bell, either
from ven.device import Device, Measurement
from ven.journal import Alarm, Book, Journal, time_text
from ven.measure import measure
from ven.plan import Dispatch
from ven.progress import Seen, Word, holds, over, progress, running_period
from ven.replan import in_force

STEP = timedelta(seconds=5)
"""Business time between two looks at what runs."""
REST_S = 0.1
"""Real seconds between two looks at least, however fast the business clock runs."""
_FAR = timedelta(hours=1)
_AFTER = timedelta(hours=24)
"""How long after a dispatch is not valid any more its end may still be reported."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A dispatch of which something is still to be said."""

    dispatch: Dispatch
    said: tuple[str, ...]
    ramp: timedelta

    @property
    def key(self) -> tuple[str, str]:
        return self.dispatch.slot.program, self.dispatch.slot.thread

    def next_look(self, now: datetime) -> datetime:
        if now < self.dispatch.start:
            return self.dispatch.start
        return now + STEP


class Reporter:
    """Watches devices and says what becomes of dispatches."""

    def __init__(
        self,
        journal: Journal,
        alarms: Alarms,
        voice: Voice,
        devices: Mapping[str, Device],
        clock: Clock,
        bell: Bell,
        *,
        timeout_s: float,
        rest_s: float = REST_S,
    ) -> None:
        self._journal = journal
        self._alarms = alarms
        self._voice = voice
        self._devices = devices
        self._clock = clock
        self._bell = bell
        self._timeout_s = timeout_s
        self._rest_s = rest_s
        self._lacking: dict[tuple[str, str], datetime] = {}

    async def run(self) -> None:
        ear = self._bell.ear()
        while True:
            until = await self.look()
            await either(ear, self._clock, until)
            await asyncio.sleep(self._rest_s)

    async def look(self) -> datetime:
        """Say what is to be said now; when to look again."""
        now = self._clock.now()
        watched = await self._journal.read(lambda book: _watched(book, now))
        begun = [w for w in watched if w.dispatch.start <= now]
        assets = {a for w in begun for a in w.dispatch.assets}
        measured = await measure(self._devices, assets, self._timeout_s)

        def looked(book: Book) -> list[tuple[Watched, tuple[Seen, ...]]]:
            return [
                (w, tuple(_seen(book, w.dispatch, a, measured) for a in w.dispatch.assets))
                for w in _watched(book, now)
            ]

        seen_now = await self._journal.read(looked)
        lacking = self._still_lacking(seen_now, now)

        def words(
            found: Sequence[tuple[Watched, tuple[Seen, ...]]],
        ) -> Iterator[tuple[Watched, Word, tuple[Seen, ...]]]:
            for one, seen in found:
                since = lacking.get(one.key)
                word = progress(one.dispatch, one.said, seen, one.ramp, now, since)
                if word is not None:
                    yield one, word, seen

        def say(book: Book) -> list[Alarm]:
            return [a for w in words(looked(book)) for a in self._say(book, *w, now)]

        if any(words(seen_now)):
            with suppress(InDoubt):
                self._alarms.tell(await self._journal.write(say))
                self._bell.ring()
        return min((w.next_look(now) for w in watched), default=now + _FAR)

    def _still_lacking(
        self, looked: Sequence[tuple[Watched, Sequence[Seen]]], now: datetime
    ) -> Mapping[tuple[str, str], datetime]:
        """Since when each dispatch has not held its level, as far as it was looked at."""
        self._lacking = {
            one.key: self._lacking.get(one.key, now)
            for one, seen in looked
            if running_period(one.dispatch, now) is not None and not holds(one.dispatch, seen)
        }
        return self._lacking

    def _say(
        self, book: Book, watched: Watched, word: Word, seen: Sequence[Seen], now: datetime
    ) -> list[Alarm]:
        """One word: remembered as said, alarmed of if it is bad, signed and queued."""
        one = watched.dispatch
        book.say(one.slot.program, one.slot.thread, word.state, now)
        event_id = event_of(book, one)
        reply(book, self._voice, answered(book, one), _status(one, word, seen), event_id, now)
        key = ":".join(watched.key)
        if word.state in ("executing", "resumed"):
            book.alarm_over(f"NOT_DELIVERED:{key}", now)
        if word.state not in ("failed", "suspended"):
            return []
        detail = f"{one.slot.thread}: {word.reason}"
        raised = alarm("NOT_DELIVERED", key, now, detail=detail, event_id=event_id)
        return [raised] if book.alarm(raised) else []


def _watched(book: Book, now: datetime) -> list[Watched]:
    found = []
    for one in in_force(book, now - _AFTER):
        said = book.said(one.slot.program, one.slot.thread)
        if not over(one, said, now):
            found.append(Watched(one, said, _ramp(book, one.slot.program)))
    return found


def _ramp(book: Book, program: str) -> timedelta:
    terms = terms_of(book, program)
    return timedelta(seconds=RAMP_S) if terms is None else terms.ramp


def _seen(
    book: Book, one: Dispatch, asset_id: str, measured: Mapping[str, Measurement | str]
) -> Seen:
    """What journal and device together say of one asset of a dispatch."""
    told = [
        p
        for p in book.commands("asset_id = ? AND valid_to >= ?", asset_id, time_text(one.start))
        if one.slot.thread in p.command.threads and p.state != "WITHDRAWN"
    ]
    refused = (p.error for p in told if p.state == "FAILED" and p.command.valid_from < one.end)
    shown = measured.get(asset_id, "not measured")
    bare = Seen(
        asset_id,
        measured=None,
        refused=next((f"{asset_id}: {why}" for why in refused), ""),
        confirmed=bool(told) and all(p.state == "CONFIRMED" for p in told),
    )
    if isinstance(shown, str):
        return replace(bare, error=shown)
    running = book.commands("id = ?", shown.command_id)
    return replace(bare, measured=shown, command=running[0] if running else None)


def _status(one: Dispatch, word: Word, seen: Sequence[Seen]) -> Status:
    """What is said: watts where every device answered, and of several assets what each one gives,
    as far as its device answers (requirement A6).
    """
    body = one.confirmed.body
    measured = [(s.asset_id, s.measured) for s in seen if s.measured is not None]
    whole = len(measured) == len(seen)
    parts = ((asset_id, m.power_w - m.baseline_w) for asset_id, m in measured)
    return Status(
        contract_id=body["contract_id"],
        zone=body["zone"],
        assets=read_assets(body),
        state=word.state,
        at=word.at,
        power_w=sum(m.power_w for _, m in measured) if whole else None,
        make_up=tuple(parts) if len(seen) > 1 else (),
        reason=word.reason or None,
    )
