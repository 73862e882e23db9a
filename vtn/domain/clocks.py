"""The clocks that cannot be believed: the VTN's own, and those of which FSPs' agents tell.

    WatchedClock ────────────────────▶ concern "clock"  ─┐
    a ven with UKFLEX_CLOCK (profile 1, heartbeat) ──────┴─▶ the watch: alarm, one line in the log

What an agent says of its clock nobody signed: it is told to a person, and nothing else follows.
"""

import asyncio
import json
from datetime import datetime, timedelta

from ukprofile.clock import Clock, WatchedClock
from ukprofile.clock_watch import Standing
from ukprofile.errors import Refused
from ukprofile.flex.times import read_time, time_text
from ukprofile.mapping.heartbeat import CLOCK, clock_of
from ukprofile.openadr import Ven
from vtn.domain.alarm import Cause, Concern, Severity
from vtn.domain.live import Live
from vtn.domain.record import Change, Kind, Operation, Record
from vtn.domain.store import Store

LOOKS_S = 1.0
"""Real seconds between two looks."""
STEADY = Standing("steady")
REMEDY = (
    "set the clock right, or if it is right: ukvtn trust-clock. "
    "What cannot wait, a cease above all, tell the FSP by telephone"
)
"""What to do about a clock by which nothing is signed."""
_SAYS = CLOCK.encode()


_VOUCHED = "clock_vouched"
"""The setting that holds the newest stamp there was when a person said that the clock is right."""


def newest_stamp(live: Live) -> datetime | None:
    """The newest time at which anything was stored: a clock that says less was set back."""
    return max((one.modified for kind in Kind for one in live.find(kind)), default=None)


async def unvouched_stamp(store: Store) -> datetime | None:
    """The newest stamp, unless a person has said since that the clock is right in spite of it."""
    newest = newest_stamp(store.live)
    vouched = await store.read(lambda tx: read_time(tx.setting(_VOUCHED)))
    return None if newest is None or (vouched is not None and newest <= vouched) else newest


async def vouch(store: Store, clock: WatchedClock) -> None:
    """A person says that the machine's clock is right; the next start is to know it as well."""
    newest = newest_stamp(store.live)
    if newest is not None:
        # stamps are finer than a second, and the text is not
        text = time_text(newest + timedelta(seconds=1))
        await store.write(lambda tx: tx.put_setting(_VOUCHED, text))
    clock.vouch()


class Clocks:
    """What stands against each clock. Of business clocks that of a rehearsal is not watched."""

    def __init__(self, live: Live, dso: str, clock: Clock) -> None:
        self._live = live
        self._dso = dso
        self._clock = clock if isinstance(clock, WatchedClock) else None
        self._theirs: dict[str, Standing] = {}
        self._told: dict[str, Concern] = {}

    def begin(self) -> None:
        """Read what every agent said last."""
        for record in self._live.find(Kind.VEN):
            self._take(record)

    def hear(self, change: Change) -> None:
        """A ven was changed."""
        if change.operation is Operation.DELETE:
            self._theirs.pop(change.record.name, None)
        else:
            self._take(change.record)

    async def changed(self) -> None:
        """Return once there is something else to say than at the last `concerns`."""
        while set(self._found()) == set(self._told):  # noqa: ASYNC110 - nobody rings for a clock
            await asyncio.sleep(LOOKS_S)

    def concerns(self, now: datetime) -> dict[str, Concern]:
        """What a person must know, by key; each with the time at which it was first found."""
        self._told = {
            key: self._told.get(key) or _concern(key, party, standing, party == self._dso, now)
            for key, (party, standing) in self._found().items()
        }
        return self._told

    def _found(self) -> dict[str, tuple[str, Standing]]:
        own = self._clock.standing() if self._clock is not None else STEADY
        known = {**self._theirs, self._dso: own}
        return {
            f"clock/{party}/{'signs-nothing' if one.refuses else one.kind}": (party, one)
            for party, one in known.items()
            if one.kind != "steady"
        }

    def _take(self, record: Record) -> None:
        self._theirs.pop(record.name, None)
        if _SAYS in record.body and (said := _clock_in(record)).kind != "steady":
            self._theirs[record.name] = said


def _clock_in(record: Record) -> Standing:
    try:
        return clock_of(Ven.read(json.loads(record.body)).attributes or ())
    except Refused:
        return STEADY


def _concern(key: str, party: str, one: Standing, own: bool, now: datetime) -> Concern:
    text = one.text if own else f"{party}'s agent says: {one.text}"
    if one.refuses:
        text += f": nothing is signed. {REMEDY}" if own else ": it signs no answers. Telephone it"
    return Concern(
        key=key,
        code="CLOCK_STEP",
        cause=Cause.CLOCK,
        severity=Severity.ALARM if one.refuses else Severity.NOTICE,
        text=text,
        contract_id="",
        provider="" if own else party,
        thread="",
        since=now,
    )
