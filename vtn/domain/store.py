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

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from ukprofile.receiving import Ledger
from ukprofile.trust import KeySet
from vtn.domain.live import Live
from vtn.domain.record import Change, Client, Kind, Record

T = TypeVar("T")


class Transaction(Ledger, Protocol):
    """What a command sees: the tables as they are in its turn, its own writes included.

    It is also the `Ledger` of signed messages (ukprofile.receiving), so that an object and what
    its message decided are stored together or not at all.
    """

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
        """The records that match every term given, oldest first."""
        ...

    def put(self, record: Record) -> None:
        """Create or replace, and write the outbox row."""
        ...

    def delete(self, kind: Kind, id: str) -> None: ...

    def client(self, client_id: str) -> Client | None: ...

    def put_client(self, client: Client) -> None: ...

    def put_key_set(self, key_set: KeySet) -> None: ...

    def outbox(self) -> Sequence[Change]:
        """Changes not yet delivered, in commit order."""
        ...


class Store(Protocol):
    """Durable storage behind one writer, with its live view."""

    live: Live

    async def write(self, command: Callable[[Transaction], T]) -> T:
        """Run `command` in the writer's turn and commit; return once it is on disk and live.

        `command` is synchronous and runs in the writer's thread. Whatever it raises is raised
        here, and nothing of it is stored. Raises Refused STORE_DOWN when it cannot be stored.
        """
        ...

    async def close(self) -> None: ...
