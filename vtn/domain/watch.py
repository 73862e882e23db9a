"""The watch: raises what the desk must know, once, and says when it is over again.

    a text was stored ─┐                                ┌─▶ alarms: raised, over; in one write
    a timer is due ────┴─▶ read what it touches ─▶ Board ─▶ one line in the log for each
    (business clock)       (vtn.domain.watched)      ▲
    a clock that cannot be believed ─────────────────┘

What stands is in the store; what should stand follows from the ledger and the time. The watch only
makes the first agree with the second: killed at any moment, its next start finds the same keys,
raises what is missing and nothing again. It reads beside the writer, and writes alarms only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog

from ukprofile.clock import Clock
from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from ukprofile.mapping.carrier import MESSAGE
from ukprofile.receiving import Slot
from vtn.domain.alarm import Alarm, Concern, Severity
from vtn.domain.board import Absences, Board
from vtn.domain.clocks import Clocks
from vtn.domain.concerns import Found
from vtn.domain.record import Change, Kind, Record
from vtn.domain.store import Store, Transaction
from vtn.domain.watched import absences_of, find, remembered, touched_by

_PAUSE_S = 0.1
"""Real seconds between two looks: a burst of texts is one look."""
_RETRY_S = 2.0
"""Real seconds until it looks again, where something failed."""
_CARRIES = MESSAGE.encode()

Log = structlog.stdlib.BoundLogger
Seen = tuple[dict[Slot, Found], dict[str, Absences]]


class Watch:
    """Keeps the alarms of one VTN as they should be, for as long as it runs."""

    def __init__(self, store: Store, clock: Clock, log: Log, dso: str = "") -> None:
        """`clock` is the business clock; `dso` whose it is."""
        self._store = store
        self._clock = clock
        self._log = log
        self._board = Board()
        self._clocks = Clocks(store.live, dso, clock)
        self._news: list[Record] = []
        self._rung = asyncio.Event()
        self._standing: dict[str, Concern] = {}

    async def run(self) -> None:
        """Watch until cancelled. Whatever fails is logged, and tried again."""
        deaf = self._store.live.listen(self._hear)
        try:
            await self._surely(self._start)
            while True:
                await asyncio.sleep(_PAUSE_S)
                await self._wait()
                await self._surely(self._look)
        finally:
            deaf()

    # -- waiting ---------------------------------------------------------------------------

    def _hear(self, change: Change) -> None:
        """Every change of an event or report that carries a text; telemetry carries none."""
        record = change.record
        if record.kind is Kind.VEN:
            self._clocks.hear(change)
        if record.kind in (Kind.EVENT, Kind.REPORT) and _CARRIES in record.body:
            self._news.append(record)
            self._rung.set()

    async def _wait(self) -> None:
        """For a text, a timer, or a clock that cannot be believed, whichever comes first."""
        waits: set[asyncio.Future[Any]] = {
            asyncio.ensure_future(self._rung.wait()),
            asyncio.ensure_future(self._clocks.changed()),
        }
        if (due := self._board.next()) is not None:
            waits.add(asyncio.ensure_future(self._clock.until(due)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _surely(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step, again and again until it is done: a watch that ends would be silence."""
        while True:
            try:
                return await step()
            except Refused as refused:
                self._log.error("the watch cannot look", reason=refused.reason, detail=str(refused))
            except Exception:  # noqa: BLE001 - whoever runs the VTN must hear of it, whatever it is
                self._log.exception("internal error", part="watch")
            await asyncio.sleep(_RETRY_S)

    # -- looking ---------------------------------------------------------------------------

    async def _start(self) -> None:
        """Look at everything, and say what stands: a line may have been lost with the process."""
        now = self._clock.now()
        self._clocks.begin()
        programs = [record.name for record in self._store.live.find(Kind.PROGRAM)]

        def question(tx: Transaction) -> tuple[Seen, list[Alarm]]:
            return self._seen(tx, remembered(tx, programs, now), set(), now), list(tx.alarms())

        seen, alarms = await self._store.read(question)
        self._board.put(*seen, now)
        self._standing = {alarm.concern.key: alarm.concern for alarm in alarms}
        for alarm in alarms:
            self._tell("alarm stands", alarm.concern)
        await self._settle(now)

    async def _look(self) -> None:
        """Look at what news there is, and at what is due."""
        self._rung.clear()
        news, now = tuple(self._news), self._clock.now()
        due = self._board.due(now)

        def question(tx: Transaction) -> Seen:
            touched = touched_by(tx, news)
            of_contracts = {s for name in touched.programs for s in self._board.of(name)}
            return self._seen(tx, due | touched.slots | of_contracts, touched.providers, now)

        seen = await self._store.read(question)
        del self._news[: len(news)]
        self._board.put(*seen, now)
        await self._settle(now)

    def _seen(self, tx: Transaction, slots: set[Slot], changed: set[str], now: datetime) -> Seen:
        """These dispatches, and what the FSPs cannot run who changed that or were never asked."""
        found = find(tx, slots, now)
        asked = {slot.recipient for slot, one in found.items() if one.claim is not None}
        new = {provider for provider in asked if not self._board.knows(provider)}
        return found, {provider: absences_of(tx, provider) for provider in changed | new}

    # -- telling ---------------------------------------------------------------------------

    async def _settle(self, now: datetime) -> None:
        """Raise what does not stand yet, end what holds no longer; then tell the log."""
        concerns = self._board.concerns() | self._clocks.concerns(now)
        standing = self._standing
        begun = [c for key, c in concerns.items() if key not in standing]
        ended = [c for key, c in standing.items() if key not in concerns]
        if not begun and not ended:
            return

        def command(tx: Transaction) -> None:
            for one in ended:
                tx.end_alarm(one.key, now)
            for one in begun:
                tx.raise_alarm(Alarm(one, now))

        await self._store.write(command)
        self._standing = concerns
        for one in begun:
            self._tell("alarm", one)
        for one in ended:
            self._log.info("alarm over", alarm=CODES[one.code].alarm or one.code, key=one.key)

    def _tell(self, event: str, one: Concern) -> None:
        say = self._log.warning if one.severity is Severity.ALARM else self._log.info
        say(
            event,
            alarm=CODES[one.code].alarm or one.code,
            severity=one.severity.value,
            cause=one.cause.value,
            key=one.key,
            contract_id=one.contract_id,
            provider=one.provider,
            thread=one.thread,
            since=time_text(one.since),
            detail=one.text,
            **({"log": "security"} if CODES[one.code].security else {}),
        )
