"""Idempotent creates: what a client asks again under one key is done once.

    Idempotency-Key ─▶ begin ─┬─ done, the same request ─▶ its outcome, as it was
                              ├─ another request        ─▶ IDEMPOTENCY
                              ├─ not answered yet       ─▶ IN_PROGRESS
                              └─ new ─▶ Attempt ─▶ the operation; what comes of it is written
                                                   in the transaction that does it

What is refused keeps no key: it may be mended and sent again. What was cut short has kept none
either, or is done: a crash lies before the transaction or after it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.domain.record import Outcome, Record
from vtn.domain.store import Store, Transaction

KEPT = timedelta(days=30)
"""How long a key is remembered, at least; by the operational clock."""

T = TypeVar("T")
Keep = Callable[[Transaction, Any], None]
"""Keeps what an operation answers, in the transaction that does it."""


def forget(_tx: Transaction, _answer: Any) -> None:
    """The `Keep` of a request without a key."""


class Said(Generic[T]):
    """What an operation answers: read and kept in the transaction that does it (`objects.Then`)."""

    def __init__(self, read: Callable[[Transaction], T], keep: Keep) -> None:
        self._read, self._keep = read, keep
        self.answer: T

    def __call__(self, tx: Transaction, _record: Record) -> None:
        self.answer = self._read(tx)
        self._keep(tx, self.answer)


class Attempt:
    """One request under its key; `outcome` is what came of it, None until it is kept."""

    def __init__(self, store: Store, clock: Clock, request: "KeyedRequest") -> None:
        self._store = store
        self._clock = clock
        self._request = request
        self.outcome: Outcome | None = None

    def keep(self, tx: Transaction, status: int, body: bytes) -> Outcome:
        """Keep what comes of it, in the transaction that does it; forget what is long past."""
        now, asked = self._clock.now(), self._request
        outcome = Outcome(
            asked.client_id, asked.key, asked.operation, asked.sha256, status, body, now
        )
        tx.forget_outcomes(now - KEPT)
        tx.keep_outcome(outcome)
        self.outcome = outcome
        return outcome

    async def keep_alone(self, status: int, body: bytes) -> Outcome:
        """Keep what came of an operation that takes several writes, and may be said again."""
        return await self._store.write(lambda tx: self.keep(tx, status, body))


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with a key: who asks what, and the digest of its body.

    `operation` is method and path; `sha256` that of the JSON value, however it was spelt.
    """

    client_id: str
    key: str
    operation: str
    sha256: str

    @classmethod
    def of(cls, client_id: str, key: str, operation: str, body: JSON) -> "KeyedRequest":
        spelt = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        return cls(client_id, key, operation, hashlib.sha256(spelt).hexdigest())


class Attempts:
    """The keys of all clients at one VTN."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """`clock` is the operational clock."""
        self._store = store
        self._clock = clock
        self._under_way: set[tuple[str, str]] = set()

    @asynccontextmanager
    async def begin(self, asked: KeyedRequest) -> AsyncIterator[Attempt]:
        """The attempt; it has its outcome already where this request was done before.

        Raises Refused IDEMPOTENCY where the key was used for another request, IN_PROGRESS where
        this client's request with it has no answer yet.
        """
        name = (asked.client_id, asked.key)
        if name in self._under_way:
            raise Refused("IN_PROGRESS", "the request with this key has no answer yet: ask again")
        self._under_way.add(name)
        try:
            attempt = Attempt(self._store, self._clock, asked)
            attempt.outcome = await self._store.read(lambda tx: tx.outcome(*name))
            if attempt.outcome is not None:
                _check_same(attempt.outcome, asked)
            yield attempt
        finally:
            self._under_way.discard(name)


def _check_same(done: Outcome, asked: KeyedRequest) -> None:
    if done.operation != asked.operation:
        detail = f"this key was used for {done.operation}"
    elif done.sha256 != asked.sha256:
        detail = "this key was used with another body"
    else:
        return
    raise Refused(
        "IDEMPOTENCY",
        f"{detail}: a further request takes a key of its own",
        clause="draft-ietf-httpapi-idempotency-key-header 2.7",
    )
