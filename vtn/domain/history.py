"""Published dispatches of the past, taken into the store: whole files, or nothing of them.

    begin ─▶ stage, 100 rows a time ─▶ … ─▶ finish      one small write: now they are seen
      │           other writes go between            └─▶ or abandon: they are forgotten
      └─ forgets what an import left behind that never came to its end

What is imported is a record for people and reckoning. It is not signed, no FSP is told of it, and
it never becomes an event: rows with utilisation are kept as dispatches, rows with availability
alone as accepted availability.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from vtn.domain.past import DaySum, Import, Past
from vtn.domain.store import Store, Transaction

BATCH = 100
"""Rows of one write. It takes some 10 ms of the writer's time; a cease that comes meanwhile waits
no longer than that.
"""

_COUNTER = "imports"


class History:
    """What was imported, and importing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """`clock` is the operational clock."""
        self._store = store
        self._clock = clock

    async def begin(self, name: str) -> int:
        """Begin an import of the file called `name`; its number. An unfinished one is forgotten."""
        now = self._clock.now()

        def new(tx: Transaction) -> int:
            number = int(tx.setting(_COUNTER) or 0) + 1
            tx.put_setting(_COUNTER, str(number))
            tx.put_import(Import(number, name, now))
            return number

        number = await self._store.write(new)
        for one in await self._store.read(_unfinished):
            if one.number < number:
                await self._forget(one.number)
        return number

    async def stage(self, number: int, rows: Sequence[Past]) -> int:
        """Take rows that are not held yet, at most `BATCH`; how many. Nobody sees them so far.

        Raises Refused REF_UNKNOWN unless that import is under way.
        """
        if len(rows) > BATCH:
            raise Refused("BODY_VALUE", f"rows: {len(rows)}; at most {BATCH} at a time")

        def take(tx: Transaction) -> int:
            under_way = _under_way(tx, number)
            new = _numbered(tx, rows, number)
            tx.keep_past(new)
            tx.put_import(replace(under_way, new=under_way.new + len(new)))
            return len(new)

        return await self._store.write(take)

    async def finish(self, number: int, rows: int) -> Import:
        """Let it be seen: the file had so many `rows`. Where none was new, nothing is left of it.

        Raises Refused REF_UNKNOWN unless that import is under way.
        """
        now = self._clock.now()

        def end(tx: Transaction) -> Import:
            done = replace(_under_way(tx, number), rows=rows, finished_at=now)
            if done.new:
                tx.put_import(done)
            else:
                tx.forget_import(number)
            return done

        return await self._store.write(end)

    async def abandon(self, number: int) -> None:
        """Forget an import that is under way. Safe to repeat."""
        if any(one.number == number for one in await self._store.read(_unfinished)):
            await self._forget(number)

    async def _forget(self, number: int) -> None:
        while await self._store.write(lambda tx: tx.forget_past(number, BATCH)):
            pass
        await self._store.write(lambda tx: tx.forget_import(number))

    async def imports(self) -> Sequence[Import]:
        """Every import that came to its end, in order."""
        return [one for one in await self._store.read(lambda tx: tx.imports()) if one.finished_at]

    async def days(self, company: str | None = None) -> Sequence[DaySum]:
        """What was imported, summed up by day and company, in that order."""
        return await self._store.read(lambda tx: tx.past_days(company))

    async def rows(self, day: date, company: str | None = None) -> Sequence[Past]:
        """The rows of one London day, by start and key."""
        return await self._store.read(lambda tx: tx.past(day, company))


def _unfinished(tx: Transaction) -> list[Import]:
    return [one for one in tx.imports() if one.finished_at is None]


def _under_way(tx: Transaction, number: int) -> Import:
    """The import of that number, if it is the newest that is not finished."""
    newest = max(_unfinished(tx), key=lambda one: one.number, default=None)
    if newest is None or newest.number != number:
        raise Refused(
            "REF_UNKNOWN",
            f"import {number} is not under way: it ended, or another began since; run it again",
        )
    return newest


def _numbered(tx: Transaction, rows: Sequence[Past], number: int) -> list[Past]:
    """Those that are not held, each with the next ordinal of its key."""
    held = tx.known_past([row.identity for row in rows])
    new = [row for row in rows if row.identity not in held]
    last = dict(tx.ordinals([row.key for row in new]))
    found = []
    for row in new:
        last[row.key] = last.get(row.key, 0) + 1
        found.append(replace(row, ordinal=last[row.key], number=number))
    return found
