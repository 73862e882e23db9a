"""The one in-memory model of what is stored: objects, target index, clients, register of keys.

Loaded at start and fed by committed changes in commit order; it decides nothing. Everything that
is read from it is in declared order: createdDateTime, then id (digest T17).

    COMMIT ──▶ Live.apply(Committed) ──▶ objects by kind and id
                        │                index (kind, field, value) ─▶ ids in order
                        │                stamps (kind, field, value) ─▶ last change there
                        └──────────────▶ listeners (the desk, the notifiers)

A *stamp* is the sequence number of the newest change that can alter a view: a reader whose view
hangs on some index entries has seen nothing new while their stamps stand still, so its bytes and
their ETag stand too, whatever happens to objects that are hidden from it (profile 2, N84a).
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ukprofile.trust import Register
from vtn.domain.record import Change, Client, Committed, Kind, Operation, Record


class Field(StrEnum):
    """What objects can be looked up by, beside their id."""

    ALL = "all"
    TARGET = "target"
    NAME = "name"
    PROGRAM = "program_id"
    EVENT = "event_id"
    VEN = "ven_id"
    CLIENT = "client_id"


UNTARGETED = ""
"""The entry of `Field.TARGET` under which objects without targets stand."""

Key = tuple[datetime, str]
Entry = tuple[Kind, Field, str]
Listener = Callable[[Change], None]


def entries(record: Record) -> Iterator[Entry]:
    """The index entries under which `record` stands."""
    kind = record.kind
    yield kind, Field.ALL, ""
    for target in record.targets or (UNTARGETED,):
        yield kind, Field.TARGET, target
    if record.name:
        yield kind, Field.NAME, record.name
    if record.program_id:
        yield kind, Field.PROGRAM, record.program_id
    if record.event_id:
        yield kind, Field.EVENT, record.event_id
    if record.ven_id:
        yield kind, Field.VEN, record.ven_id
    if record.client_id:
        yield kind, Field.CLIENT, record.client_id


class Live:
    """What is stored, as it was after the newest commit that has been applied."""

    def __init__(self, register: Register, epoch: str) -> None:
        """An empty model. `epoch` differs at every start: it makes the ETags of lists unlike
        those of an earlier life of the same, or of a restored, database.
        """
        self.register = register
        self.epoch = epoch
        self.sequence = 0
        self._objects: dict[Kind, dict[str, Record]] = {kind: {} for kind in Kind}
        self._index: dict[Entry, list[Key]] = defaultdict(list)
        self._stamps: dict[Entry, int] = {}
        self._floor = 0
        self._clients: dict[str, Client] = {}
        self._grants: dict[str, frozenset[str] | None] = {}
        self._listeners: list[Listener] = []

    # -- reading ---------------------------------------------------------------------------

    def get(self, kind: Kind, id: str) -> Record | None:
        """The object, or None."""
        return self._objects[kind].get(id)

    def find(self, kind: Kind, field: Field = Field.ALL, value: str = "") -> list[Record]:
        """The objects that stand under one index entry, in declared order."""
        objects = self._objects[kind]
        return [objects[key] for _, key in self._index.get((kind, field, value), ())]

    def under(self, kind: Kind, targets: Iterable[str]) -> list[Record]:
        """The objects with any of `targets`, each once, in declared order."""
        objects = self._objects[kind]
        lists = [keys for t in targets if (keys := self._index.get((kind, Field.TARGET, t)))]
        if len(lists) == 1:
            return [objects[key] for _, key in lists[0]]
        return [objects[key] for _, key in sorted({k for keys in lists for k in keys})]

    def count(self, kind: Kind) -> int:
        """How many objects of a kind there are."""
        return len(self._objects[kind])

    def stamp(self, kind: Kind, field: Field = Field.ALL, values: Iterable[str] = ("",)) -> int:
        """The newest change under any of these index entries; of any change, after a start."""
        stamps = (self._stamps.get((kind, field, value), self._floor) for value in values)
        return max(stamps, default=self._floor)

    def granted(self, client_id: str) -> frozenset[str] | None:
        """The targets the BL granted to a client: those of its ven and of its resources (T4).

        None when the client has no ven object; then it sees no program and no event (D:665).
        """
        try:
            return self._grants[client_id]
        except KeyError:
            vens = self.find(Kind.VEN, Field.CLIENT, client_id)
            resources = self.find(Kind.RESOURCE, Field.CLIENT, client_id)
            grants = self._grants[client_id] = grants_of(vens, resources)
            return grants

    @property
    def clients(self) -> Mapping[str, Client]:
        """The clients that may ask for tokens, by client id; disabled ones too."""
        return MappingProxyType(self._clients)

    # -- being told ------------------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change after it is applied; returns how to stop that.

        A listener runs on the event loop and must neither block nor raise.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def load(self, records: Iterable[Record], clients: Iterable[Client], sequence: int) -> None:
        """Take what was stored before this start; `sequence` is the newest change's number."""
        for record in records:
            self._add(record)
        self._clients.update((client.client_id, client) for client in clients)
        self.sequence = self._floor = sequence

    def apply(self, committed: Committed) -> None:
        """Take one commit. Called on the event loop, in commit order, by the store only."""
        for client in committed.clients:
            self._clients[client.client_id] = client
        if committed.register is not None:
            self.register = committed.register
        for change in committed.changes:
            self._change(change)
        for change in committed.changes:
            for listener in tuple(self._listeners):
                listener(change)

    def _change(self, change: Change) -> None:
        record = change.record
        old = self._objects[record.kind].get(record.id)
        touched = set(entries(record))
        if old is not None:
            touched |= set(entries(old))
            self._remove(old)
        if change.operation is not Operation.DELETE:
            self._add(record)
        for entry in touched:
            self._stamps[entry] = change.sequence
        if record.kind in (Kind.VEN, Kind.RESOURCE):
            self._forget_grants(old, record, gone=change.operation is Operation.DELETE)
        self.sequence = change.sequence

    def _forget_grants(self, old: Record | None, new: Record, *, gone: bool) -> None:
        """Heartbeats change vens every minute: only a change of grants may cost anything."""
        if old is not None and not gone:
            if (old.targets, old.client_id) == (new.targets, new.client_id):
                return
            self._grants.pop(old.client_id, None)
        self._grants.pop(new.client_id, None)

    def _add(self, record: Record) -> None:
        self._objects[record.kind][record.id] = record
        for entry in set(entries(record)):
            insort(self._index[entry], (record.created, record.id))

    def _remove(self, record: Record) -> None:
        del self._objects[record.kind][record.id]
        for entry in set(entries(record)):
            keys = self._index[entry]
            del keys[bisect_left(keys, (record.created, record.id))]
            if not keys:
                del self._index[entry]


def grants_of(vens: Iterable[Record], resources: Iterable[Record]) -> frozenset[str] | None:
    """The union of what one client's vens and resources are granted; None without a ven (T4)."""
    vens = tuple(vens)
    if not vens:
        return None
    return frozenset(target for record in (*vens, *resources) for target in record.targets)
