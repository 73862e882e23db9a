"""The store that forgets: the same `Live`, over a log that is never written down."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import TypeVar

from ukprofile.receiving import Entry, MemoryLedger
from ukprofile.trust import KeySet, Register
from vtn.domain.alarm import Alarm
from vtn.domain.live import Live
from vtn.domain.past import DaySum, Import, Past, Totals
from vtn.domain.record import Change, Client, Committed, Kind, Operation, Outcome, Record
from vtn.domain.store import Transaction

T = TypeVar("T")


class _Ledger(MemoryLedger):
    """A ledger that knows who said what, and can take back what a failed command kept."""

    def said(self, issuer: str, family: str) -> Sequence[Entry]:
        wanted = (issuer, family)
        return [e for e in self._entries.values() if (e.slot.issuer, e.slot.family) == wanted]

    def forget(self, sha256: str) -> None:
        del self._entries[sha256]


class MemoryTransaction:
    """What a command sees: `Live`, with its own writes laid over it."""

    def __init__(self, store: "MemoryStore") -> None:
        self._store = store
        self.register: Register = store.live.register
        self._over: dict[tuple[Kind, str], Record | None] = {}
        self._changes: list[Change] = []
        self._clients: dict[str, Client] = {}
        self._settings: dict[str, str] = {}
        self._kept: list[str] = []
        self._alarms = store.alarms
        self._outcomes = store.outcomes
        self._imports = store.imports
        self._past = store.past
        self._delivered = 0
        ledger = store.ledger
        self.entry, self.thread, self.replies = ledger.entry, ledger.thread, ledger.replies
        self.dispatches, self.terms = ledger.dispatches, ledger.terms
        self.verified_time, self.said = ledger.verified_time, ledger.said

    def get(self, kind: Kind, id: str) -> Record | None:
        if (kind, id) in self._over:
            return self._over[kind, id]
        return self._store.live.get(kind, id)

    def find(
        self,
        kind: Kind,
        *,
        name: str | None = None,
        program_id: str | None = None,
        event_id: str | None = None,
        ven_id: str | None = None,
        client_id: str | None = None,
        target: str | None = None,
    ) -> Sequence[Record]:
        asked = {
            "name": name,
            "program_id": program_id,
            "event_id": event_id,
            "ven_id": ven_id,
            "client_id": client_id,
        }
        terms = {field: value for field, value in asked.items() if value is not None}
        below = [r for r in self._store.live.find(kind) if (kind, r.id) not in self._over]
        above = [r for (k, _), r in self._over.items() if k is kind and r is not None]
        found = [
            r
            for r in (*below, *above)
            if all(getattr(r, field) == value for field, value in terms.items())
            and (target is None or target in r.targets)
        ]
        return sorted(found, key=lambda r: (r.created, r.id))

    def put(self, record: Record) -> Record:
        known = self.get(record.kind, record.id) is not None
        stored = replace(record, version=self._next())
        self._over[record.kind, record.id] = stored
        operation = Operation.UPDATE if known else Operation.CREATE
        self._changes.append(Change(stored.version, operation, stored))
        return stored

    def delete(self, kind: Kind, id: str) -> Record:
        old = self.get(kind, id)
        if old is None:
            raise KeyError(id)
        self._over[kind, id] = None
        self._changes.append(Change(self._next(), Operation.DELETE, old))
        return old

    def _next(self) -> int:
        return self._store.live.sequence + len(self._changes) + 1

    def outbox(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        both = (*self._store.waiting, *self._changes)
        after = max(after, self._delivered)
        return [change for change in both if change.sequence > after][:limit]

    def delivered(self, up_to: int) -> None:
        self._delivered = up_to

    def client(self, client_id: str) -> Client | None:
        return self._clients.get(client_id) or self._store.live.clients.get(client_id)

    def put_client(self, client: Client) -> None:
        self._clients[client.client_id] = client

    def put_key_set(self, key_set: KeySet) -> None:
        self.register = self.register.with_key_set(key_set)

    def raise_floor(self, party: str, suite: int) -> None:
        self.register = self.register.raise_floor(party, suite)

    def setting(self, name: str) -> str | None:
        return self._settings.get(name, self._store.settings.get(name))

    def put_setting(self, name: str, value: str) -> None:
        self._settings[name] = value

    def alarms(self, *, all: bool = False) -> Sequence[Alarm]:
        return [alarm for alarm in self._alarms if all or alarm.over_at is None]

    def raise_alarm(self, alarm: Alarm) -> bool:
        if any(a.concern.key == alarm.concern.key for a in self.alarms()):
            return False
        self._alarms = (*self._alarms, alarm)
        return True

    def end_alarm(self, key: str, at: datetime) -> bool:
        before = self._alarms
        self._alarms = tuple(
            replace(a, over_at=at) if a.over_at is None and a.concern.key == key else a
            for a in before
        )
        return self._alarms != before

    def outcome(self, client_id: str, key: str) -> Outcome | None:
        return self._outcomes.get((client_id, key))

    def keep_outcome(self, outcome: Outcome) -> None:
        self._outcomes = {**self._outcomes, (outcome.client_id, outcome.key): outcome}

    def forget_outcomes(self, before: datetime) -> None:
        self._outcomes = {k: o for k, o in self._outcomes.items() if o.kept_at >= before}

    def imports(self) -> Sequence[Import]:
        return sorted(self._imports.values(), key=lambda one: one.number)

    def put_import(self, one: Import) -> None:
        self._imports = {**self._imports, one.number: one}

    def forget_import(self, number: int) -> None:
        self._imports = {n: one for n, one in self._imports.items() if n != number}

    def keep_past(self, rows: Sequence[Past]) -> None:
        self._past = {**self._past, **{row.identity: row for row in rows}}

    def forget_past(self, number: int, most: int) -> int:
        gone = [name for name, row in self._past.items() if row.number == number][:most]
        self._past = {name: row for name, row in self._past.items() if name not in gone}
        return len(gone)

    def known_past(self, identities: Collection[str]) -> Collection[str]:
        return self._past.keys() & set(identities)

    def ordinals(self, keys: Collection[str]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for row in self._past.values():
            if row.key in keys:
                found[row.key] = max(row.ordinal, found.get(row.key, 0))
        return found

    def past(self, day: date, company: str | None = None) -> Sequence[Past]:
        found = [one for one in self._seen(company) if one.row.day == day]
        return sorted(found, key=_by_start)

    def past_days(self, company: str | None = None) -> Sequence[DaySum]:
        found = []
        rows = sorted(self._seen(company), key=_day_and_company)
        for (day, name), group in groupby(rows, key=_day_and_company):
            totals = Totals()
            for one in group:
                totals = totals.with_row(one.row, again=one.ordinal > 1)
            found.append(DaySum(day, name, totals))
        return found

    def _seen(self, company: str | None) -> list[Past]:
        done = {one.number for one in self._imports.values() if one.finished_at is not None}
        rows = [row for row in self._past.values() if row.number in done]
        return [one for one in rows if company in (None, one.row.company)]

    def keep(self, entry: Entry) -> None:
        if self._store.ledger.entry(entry.sha256) is None:
            self._store.ledger.keep(entry)
            self._kept.append(entry.sha256)

    def roll_back(self) -> None:
        """Take back what was kept; everything else was only laid over."""
        for sha256 in self._kept:
            self._store.ledger.forget(sha256)

    def commit(self) -> Committed:
        """Make it so in the store; returns what `Live` has to hear."""
        store = self._store
        waiting = (*store.waiting, *self._changes)
        store.waiting = [c for c in waiting if c.sequence > self._delivered]
        store.settings.update(self._settings)
        store.alarms = self._alarms
        store.outcomes = self._outcomes
        store.imports, store.past = self._imports, self._past
        register = None if self.register is store.live.register else self.register
        return Committed(tuple(self._changes), tuple(self._clients.values()), register)


def _by_start(one: Past) -> tuple[datetime, str, str, str, int]:
    row = one.row
    return row.start, row.company, row.unit, row.product, one.ordinal


def _day_and_company(one: Past) -> tuple[date, str]:
    return one.row.day, one.row.company


class MemoryStore:
    """A store for tests and for trying things out: fast, and gone with the process."""

    def __init__(self, environment: str, epoch: str) -> None:
        self._live = Live(Register(environment), epoch)
        self.ledger = _Ledger()
        self.waiting: list[Change] = []
        self.settings: dict[str, str] = {}
        self.alarms: tuple[Alarm, ...] = ()
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        self.imports: dict[int, Import] = {}
        self.past: dict[str, Past] = {}

    @property
    def live(self) -> Live:
        return self._live

    async def write(self, command: Callable[[Transaction], T]) -> T:
        transaction = MemoryTransaction(self)
        try:
            result = command(transaction)
        except BaseException:
            transaction.roll_back()
            raise
        self._live.apply(transaction.commit())
        return result

    async def read(self, question: Callable[[Transaction], T]) -> T:
        return question(MemoryTransaction(self))

    async def close(self) -> None:
        """Nothing to finish."""
