"""What the domain asks of storage.

One truth, the tables. A change is decided in the writer's turn, against the tables; it is
committed; then `Live`, the one in-memory model, hears of it; then the caller gets its answer:

    await store.write(command)
        │                         the writer's thread                     the event loop
        └──▶ queue ──▶ command(tx) decides, tx.put/tx.delete ──▶ COMMIT ──▶ live.apply(changes)
                       a refusal rolls back its own savepoint only               │
        ◀──────────────────────────── result, or the refusal ◀───────────────────┘

Every put and delete writes its outbox row in the same transaction as the object.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol, TypeVar

from ukprofile.receiving import Entry, Ledger
from ukprofile.trust import KeySet, Register
from vtn.domain.alarm import Alarm
from vtn.domain.live import Live
from vtn.domain.past import DaySum, Import, Past
from vtn.domain.record import Change, Client, Kind, Outcome, Record

T = TypeVar("T")


class Transaction(Ledger, Protocol):
    """What a command sees: the tables as they are in its turn, its own writes included.

    It is also the `Ledger` of signed messages (ukprofile.receiving), so that an object and what
    its message decided are stored together or not at all.
    """

    @property
    def register(self) -> Register:
        """The register of keys, the command's own changes included."""
        ...

    def get(self, kind: Kind, id: str) -> Record | None: ...

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
        """The records that match every term given, in declared order (created, id)."""
        ...

    def put(self, record: Record) -> Record:
        """Create or replace, and write the outbox row; returns it with its new version."""
        ...

    def delete(self, kind: Kind, id: str) -> Record:
        """Delete, and write the outbox row; returns what was there. KeyError if nothing was."""
        ...

    def client(self, client_id: str) -> Client | None: ...

    def put_client(self, client: Client) -> None: ...

    def put_key_set(self, key_set: KeySet) -> None:
        """Add or replace a key set. Raises Refused as `Register.with_key_set` does."""
        ...

    def raise_floor(self, party: str, suite: int) -> None:
        """Demand at least `suite` of `party` from now on; floors only rise (profile 2)."""
        ...

    def setting(self, name: str) -> str | None:
        """A value that outlives the process (meta), or None."""
        ...

    def put_setting(self, name: str, value: str) -> None: ...

    def said(self, issuer: str, family: str) -> Sequence[Entry]:
        """Every entry of one family that `issuer` sent, in any program, in the order kept."""
        ...

    def alarms(self, *, all: bool = False) -> Sequence[Alarm]:
        """The alarms that stand, in the order they were raised; with `all` those that are over."""
        ...

    def raise_alarm(self, alarm: Alarm) -> bool:
        """Keep an alarm; False where one of its key stands already: then nothing changes."""
        ...

    def end_alarm(self, key: str, at: datetime) -> bool:
        """The alarm of that key is over; False where none stands."""
        ...

    def outcome(self, client_id: str, key: str) -> Outcome | None:
        """What came of a client's request with that idempotency key, or None."""
        ...

    def keep_outcome(self, outcome: Outcome) -> None:
        """Keep what comes of a request; its client has not used the key before."""
        ...

    def forget_outcomes(self, before: datetime) -> None:
        """Forget the outcomes that were kept before that time."""
        ...

    def imports(self) -> Sequence[Import]:
        """Every import of a published history, the unfinished ones too, by number."""
        ...

    def put_import(self, one: Import) -> None:
        """Keep an import, or what is new of the one of that number."""
        ...

    def forget_import(self, number: int) -> None:
        """Forget an import of which no row is held."""
        ...

    def keep_past(self, rows: Sequence[Past]) -> None:
        """Keep rows of an import; none of their identities is held, nor their ordinals."""
        ...

    def forget_past(self, number: int, most: int) -> int:
        """Forget at most so many rows of an import; how many it were."""
        ...

    def known_past(self, identities: Collection[str]) -> Collection[str]:
        """Which of these identities are held, those of unfinished imports too."""
        ...

    def ordinals(self, keys: Collection[str]) -> Mapping[str, int]:
        """The highest ordinal of each of these keys that is held, in unfinished imports too."""
        ...

    def past(self, day: date, company: str | None = None) -> Sequence[Past]:
        """The rows of a London day and of finished imports, by start, company, unit, product and
        ordinal.
        """
        ...

    def past_days(self, company: str | None = None) -> Sequence[DaySum]:
        """The rows of finished imports, summed up by day and company, in that order."""
        ...

    def outbox(self, after: int = 0, limit: int = 1000) -> Sequence[Change]:
        """Changes with a sequence number above `after` that are not yet delivered, in order."""
        ...

    def delivered(self, up_to: int) -> None:
        """Forget the outbox rows up to and including sequence number `up_to`."""
        ...


class Store(Protocol):
    """Durable storage behind one writer, with its live view."""

    @property
    def live(self) -> Live: ...

    async def write(self, command: Callable[[Transaction], T]) -> T:
        """Run `command` in the writer's turn and commit; return once it is on disk and live.

        `command` is synchronous, runs in the writer's thread, and reads nothing but `tx` and
        values. Whatever it raises is raised here, and nothing of it is stored. Raises Refused
        STORE_DOWN when it cannot be stored; then nothing was acknowledged and nothing kept.
        """
        ...

    async def read(self, question: Callable[[Transaction], T]) -> T:
        """Ask the tables as last committed, outside the writer's turn; for cold reads.

        `question` must not write. Raises Refused STORE_DOWN when the tables cannot be read.
        """
        ...

    async def close(self) -> None:
        """Finish what is queued, then close. Twice is once."""
        ...
