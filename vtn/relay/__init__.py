"""The desk over somebody else's VTN (requirement C8): what it publishes goes there, what FSPs
answer there comes back.

    desk, office ─▶ store (rules, ledger, on disk) ─▶ Publisher ─▶ other VTN ─▶ FSPs
                      ▲                                               │
                      └────── admission ◀── Collector ◀── reports ────┘

The desk works on this VTN's own tables, so that nothing depends on how long the other one is
away, or on what it makes of an object: only the signed text counts, at either end.
"""

import asyncio
from random import Random
from typing import Any

from ukprofile.clock import Clock
from ukprofile.openadr.client import Client
from vtn.domain.admission import Admission
from vtn.domain.store import Store
from vtn.relay.collect import Collector
from vtn.relay.publish import Lag, Publisher

__all__ = ["Lag", "Relay"]


class Relay:
    """Both ways between this VTN and another one, as long as it runs."""

    def __init__(
        self,
        store: Store,
        admission: Admission,
        client: Client,
        clock: Clock,
        log: Any,
        *,
        random: Random,
        poll_s: float = 2.0,
        first_wait_s: float = 1.0,
    ) -> None:
        """`client` is business logic at the other VTN; `poll_s` real seconds between two looks at
        its reports, `first_wait_s` until the first attempt after a failure.
        """
        self._client = client
        self.publisher = Publisher(
            store.live, client, log, random=random, first_wait_s=first_wait_s
        )
        self.collector = Collector(
            store, admission, client, self.publisher, clock, log, poll_s=poll_s
        )

    async def run(self) -> None:
        """Publish and collect until cancelled; then close the connections."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.publisher.run())
                group.create_task(self.collector.run())
        finally:
            await self._client.close()

    @property
    def lag(self) -> Lag:
        """What the other VTN does not have now."""
        return self.publisher.lag
