"""A transaction over the tables: what a command sees, in SQLAlchemy Core."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, select, update

from ukprofile.receiving import STANDING, Entry, Slot
from ukprofile.trust import KeySet, Register
from vtn.domain.alarm import Alarm, Cause, Concern, Severity
from vtn.domain.past import DaySum, Import, Past
from vtn.domain.record import (
    Change,
    Client,
    Committed,
    Kind,
    Operation,
    Outcome,
    Record,
    Role,
)
from vtn.storage import tables
from vtn.storage.past import PastTables

_RECORD = tuple(f.name for f in fields(Record))
_ENTRY = tuple(f.name for f in fields(Entry) if f.name != "slot")
_SLOT = tuple(f.name for f in fields(Slot))
_OUTCOME = tuple(f.name for f in fields(Outcome))
_CONCERN = tuple(f.name for f in fields(Concern))


class SqlTransaction:
    """The tables as they are in this command's turn, its own writes included."""

    def __init__(self, connection: Connection, register: Register) -> None:
        self._db = connection
        self.register = register
        self._past = PastTables(connection)
        self._changes: list[Change] = []
        self._clients: list[Client] = []
        self._register_changed = False

    def committed(self) -> Committed:
        """What this command changed, for `Live`, once it is committed."""
        register = self.register if self._register_changed else None
        return Committed(tuple(self._changes), tuple(self._clients), register)

    # -- objects -------------------------------------------------------------------------------

    def get(self, kind: Kind, id: str) -> Record | None:
        o = tables.objects.c
        row = self._db.execute(select(tables.objects).where(o.kind == kind, o.id == id)).first()
        return None if row is None else _record(row)

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
        o, t = tables.objects.c, tables.targets.c
        asked = {
            o.name: name,
            o.program_id: program_id,
            o.event_id: event_id,
            o.ven_id: ven_id,
            o.client_id: client_id,
        }
        query = select(tables.objects).where(o.kind == kind)
        query = query.where(*(column == v for column, v in asked.items() if v is not None))
        if target is not None:
            with_target = select(t.id).where(t.kind == kind, t.target == target)
            query = query.where(o.id.in_(with_target))
        return [_record(row) for row in self._db.execute(query.order_by(o.created, o.id))]

    def put(self, record: Record) -> Record:
        old = self.get(record.kind, record.id)
        operation = Operation.CREATE if old is None else Operation.UPDATE
        stored = replace(record, version=self._post(operation, record))
        o = tables.objects
        if old is None:
            self._db.execute(insert(o).values(_columns(stored)))
        else:
            same = and_(o.c.kind == record.kind, o.c.id == record.id)
            self._db.execute(update(o).where(same).values(_columns(stored)))
        if old is None or old.targets != record.targets:
            self._index(record)
        self._changes.append(Change(stored.version, operation, stored))
        return stored

    def delete(self, kind: Kind, id: str) -> Record:
        old = self.get(kind, id)
        if old is None:
            raise KeyError(id)
        sequence = self._post(Operation.DELETE, old)
        o = tables.objects
        self._db.execute(delete(o).where(o.c.kind == kind, o.c.id == id))
        self._index(replace(old, targets=()))
        self._changes.append(Change(sequence, Operation.DELETE, old))
        return old

    def _post(self, operation: Operation, record: Record) -> int:
        """The outbox row of a change: its number is the change's."""
        values = {k: v for k, v in _columns(record).items() if k != "version"}
        done = self._db.execute(insert(tables.outbox).values(operation=operation, **values))
        assert done.inserted_primary_key is not None
        return int(done.inserted_primary_key[0])

    def _index(self, record: Record) -> None:
        t = tables.targets
        self._db.execute(delete(t).where(t.c.kind == record.kind, t.c.id == record.id))
        rows = [
            {"kind": record.kind, "id": record.id, "target": target}
            for target in dict.fromkeys(record.targets)
        ]
        if rows:
            self._db.execute(insert(t), rows)

    def outbox(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        b = tables.outbox
        query = select(b).where(b.c.sequence > after).order_by(b.c.sequence).limit(limit)
        return [
            Change(row.sequence, Operation(row.operation), _record(row, row.sequence))
            for row in self._db.execute(query)
        ]

    def delivered(self, up_to: int) -> None:
        self._db.execute(delete(tables.outbox).where(tables.outbox.c.sequence <= up_to))

    # -- clients, keys, settings ---------------------------------------------------------------

    def client(self, client_id: str) -> Client | None:
        c = tables.clients
        row = self._db.execute(select(c).where(c.c.client_id == client_id)).first()
        return None if row is None else _client(row)

    def put_client(self, client: Client) -> None:
        c = tables.clients
        values = asdict(client) | {"scopes": " ".join(sorted(client.scopes))}
        self._db.execute(delete(c).where(c.c.client_id == client.client_id))
        self._db.execute(insert(c).values(values))
        self._clients.append(client)

    def put_key_set(self, key_set: KeySet) -> None:
        register = self.register.with_key_set(key_set)
        value = json.dumps(register.key_sets[key_set.key_set].to_json())
        self._replace(tables.key_sets, "key_set", key_set.key_set, "value", value)
        self._take(register)

    def raise_floor(self, party: str, suite: int) -> None:
        register = self.register.raise_floor(party, suite)
        self._replace(tables.floors, "party", party, "suite", register.floor(party))
        self._take(register)

    def _take(self, register: Register) -> None:
        self.register, self._register_changed = register, True

    def setting(self, name: str) -> str | None:
        s = tables.settings.c
        return self._db.execute(select(s.value).where(s.name == name)).scalar()

    def put_setting(self, name: str, value: str) -> None:
        self._replace(tables.settings, "name", name, "value", value)

    def _replace(self, table: Any, key: str, name: str, column: str, value: object) -> None:
        self._db.execute(delete(table).where(table.c[key] == name))
        self._db.execute(insert(table).values({key: name, column: value}))

    # -- requests with a key -------------------------------------------------------------------

    def outcome(self, client_id: str, key: str) -> Outcome | None:
        o = tables.outcomes
        asked = select(o).where(o.c.client_id == client_id, o.c.key == key)
        row = self._db.execute(asked).first()
        return None if row is None else Outcome(*(getattr(row, name) for name in _OUTCOME))

    def keep_outcome(self, outcome: Outcome) -> None:
        values = {name: getattr(outcome, name) for name in _OUTCOME}
        self._db.execute(insert(tables.outcomes).values(values))

    def forget_outcomes(self, before: datetime) -> None:
        o = tables.outcomes
        self._db.execute(delete(o).where(o.c.kept_at < before))

    # -- the ledger of signed messages ---------------------------------------------------------

    def entry(self, sha256: str) -> Entry | None:
        m = tables.messages.c
        return self._one(select(tables.messages).where(m.sha256 == sha256))

    def thread(self, slot: Slot) -> Sequence[Entry]:
        m = tables.messages.c
        return self._all(
            select(tables.messages).where(*(m[name] == getattr(slot, name) for name in _SLOT))
        )

    def replies(self, sha256: str) -> Sequence[Entry]:
        return self._all(select(tables.messages).where(tables.messages.c.in_reply_to == sha256))

    def dispatches(self, program: str, since: datetime) -> Sequence[Entry]:
        m = tables.messages.c
        mine = (m.program == program, m.family == "dispatch")
        alive = select(*(m[name] for name in _SLOT)).where(*mine, m.valid_until >= since)
        slots = {tuple(row) for row in self._db.execute(alive)}
        return [e for e in self._all(select(tables.messages).where(*mine)) if _slot_of(e) in slots]

    def terms(self, program: str) -> Entry | None:
        m = tables.messages.c
        return self._one(
            select(tables.messages)
            .where(m.program == program, m.kind == "contract_terms", m.verdict.in_(STANDING))
            .order_by(m.revision.desc())
            .limit(1)
        )

    def said(self, issuer: str, family: str) -> Sequence[Entry]:
        m = tables.messages.c
        mine = (m.issuer == issuer, m.family == family)
        return self._all(select(tables.messages).where(*mine))

    def verified_time(self, issuer: str) -> datetime | None:
        m = tables.messages.c
        newest = select(func.max(m.verified_at)).where(m.issuer == issuer)
        return self._db.execute(newest).scalar()

    def keep(self, entry: Entry) -> None:
        if self.entry(entry.sha256) is None:
            values = {name: getattr(entry, name) for name in _ENTRY}
            values |= {name: getattr(entry.slot, name) for name in _SLOT}
            values["signatures"] = json.dumps(entry.signatures)
            self._db.execute(insert(tables.messages).values(values))

    def _one(self, query: Select[Any]) -> Entry | None:
        row = self._db.execute(query).first()
        return None if row is None else _entry(row)

    def _all(self, query: Select[Any]) -> list[Entry]:
        return [_entry(row) for row in self._db.execute(query.order_by(tables.messages.c.number))]

    # -- alarms --------------------------------------------------------------------------------

    def alarms(self, *, all: bool = False) -> Sequence[Alarm]:
        a = tables.alarms
        query = select(a) if all else select(a).where(a.c.over_at.is_(None))
        return [_alarm(row) for row in self._db.execute(query.order_by(a.c.number))]

    def raise_alarm(self, alarm: Alarm) -> bool:
        a, concern = tables.alarms, alarm.concern
        standing = select(a.c.number).where(a.c.key == concern.key, a.c.over_at.is_(None))
        if self._db.execute(standing).first() is not None:
            return False
        values = {name: getattr(concern, name) for name in _CONCERN}
        values |= {"raised_at": alarm.raised_at, "over_at": alarm.over_at}
        self._db.execute(insert(a).values(values))
        return True

    def end_alarm(self, key: str, at: datetime) -> bool:
        a = tables.alarms
        standing = update(a).where(a.c.key == key, a.c.over_at.is_(None))
        return self._db.execute(standing.values(over_at=at)).rowcount > 0

    # -- imported history ----------------------------------------------------------------------

    def imports(self) -> Sequence[Import]:
        return self._past.imports()

    def put_import(self, one: Import) -> None:
        self._past.put_import(one)

    def forget_import(self, number: int) -> None:
        self._past.forget_import(number)

    def keep_past(self, rows: Sequence[Past]) -> None:
        self._past.keep(rows)

    def forget_past(self, number: int, most: int) -> int:
        return self._past.forget(number, most)

    def known_past(self, identities: Collection[str]) -> Collection[str]:
        return self._past.known(identities)

    def ordinals(self, keys: Collection[str]) -> Mapping[str, int]:
        return self._past.ordinals(keys)

    def past(self, day: date, company: str | None = None) -> Sequence[Past]:
        return self._past.rows(day, company)

    def past_days(self, company: str | None = None) -> Sequence[DaySum]:
        return self._past.days(company)


def all_records(connection: Connection) -> list[Record]:
    """Every object, in declared order."""
    o = tables.objects.c
    return [
        _record(r) for r in connection.execute(select(tables.objects).order_by(o.created, o.id))
    ]


def all_clients(connection: Connection) -> list[Client]:
    """Every client."""
    return [_client(row) for row in connection.execute(select(tables.clients))]


def stored_register(connection: Connection, environment: str) -> Register:
    """The register of keys as it was stored."""
    values = connection.execute(select(tables.key_sets.c.value)).scalars()
    sets = [KeySet.from_json(json.loads(value)) for value in values]
    floors = {row.party: row.suite for row in connection.execute(select(tables.floors))}
    return Register.of(environment, sets, floors)


def newest_sequence(connection: Connection) -> int:
    """The number of the newest change ever made: of an undelivered one, or of an object."""
    numbers = (
        connection.execute(select(func.max(column))).scalar()
        for column in (tables.outbox.c.sequence, tables.objects.c.version)
    )
    return max(number or 0 for number in numbers)


def _columns(record: Record) -> Mapping[str, Any]:
    values = {name: getattr(record, name) for name in _RECORD}
    return values | {"targets": json.dumps(record.targets)}


def _record(row: Row[Any], version: int | None = None) -> Record:
    values = {name: getattr(row, name) for name in _RECORD if name != "version"}
    return Record(
        **values
        | {
            "kind": Kind(row.kind),
            "targets": tuple(json.loads(row.targets)),
            "version": row.version if version is None else version,
        }
    )


def _client(row: Row[Any]) -> Client:
    return Client(
        row.client_id,
        row.name,
        Role(row.role),
        frozenset(row.scopes.split()),
        row.secret_hash,
        row.created,
        row.disabled,
    )


def _entry(row: Row[Any]) -> Entry:
    values = {name: getattr(row, name) for name in _ENTRY}
    values["signatures"] = tuple(json.loads(row.signatures))
    return Entry(slot=Slot(*(getattr(row, name) for name in _SLOT)), **values)


def _alarm(row: Row[Any]) -> Alarm:
    values = {name: getattr(row, name) for name in _CONCERN}
    values |= {"cause": Cause(row.cause), "severity": Severity(row.severity)}
    return Alarm(Concern(**values), row.raised_at, row.over_at)


def _slot_of(entry: Entry) -> tuple[str, ...]:
    return tuple(getattr(entry.slot, name) for name in _SLOT)
