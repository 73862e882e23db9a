"""A desk that has only a client of the VTN on which FSP7 is met, and a relay between the two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any

import structlog

from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from ukprofile.clock import ManualClock
from ukprofile.openadr.client import Client, Credentials
from ukprofile.trust import Register
from vtn.domain.admission import Admission
from vtn.domain.desk import InstructionOrder, PeriodOrder
from vtn.domain.record import Kind, Role
from vtn.relay import Relay
from vtn.testing import RunningVtn, running_vtn

MINUTE = timedelta(minutes=1)
START, END = NOON + 60 * MINUTE, NOON + 180 * MINUTE


class Two:
    """The desk's own VTN, another one on which FSP7 is met, and a relay between them."""

    def __init__(self, mine: RunningVtn, other: RunningVtn, url: str, bl: tuple[str, str],
                 fsp: tuple[str, str], clock: ManualClock) -> None:  # fmt: skip
        self.mine, self.other, self.url = mine.vtn, other.vtn, url
        self.bl, self.fsp, self.clock = Credentials(*bl), Credentials(*fsp), clock
        self.client_id, self.secret = fsp
        self.other_host = url.split("//")[1]
        self.timeout_s, self.poll_s, self.first_wait_s = 30.0, 0.01, 0.01

    def relay(self, store: Any = None) -> Relay:
        vtn = self.mine
        return Relay(
            store or vtn.store, Admission("UKPN", "sandbox", timedelta(days=1)),
            self._client(), self.clock, structlog.get_logger(),
            random=Random(1), poll_s=self.poll_s, first_wait_s=self.first_wait_s,
        )  # fmt: skip

    def _client(self) -> Client:
        """The desk's, at the other VTN."""
        hosts = [self.other_host]
        return Client(
            self.url, self.bl, attempts=1, allow_token_hosts=hosts, timeout_s=self.timeout_s
        )

    @asynccontextmanager
    async def relaying(self, store: Any = None):
        relay = self.relay(store)
        task = asyncio.create_task(relay.run())
        try:
            yield relay
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def register(self) -> Register:
        return Register.of("sandbox", [self.mine.keys.public()])

    async def contract(self) -> None:
        await self.mine.office.add_client("FSP7", Role.VEN)
        await self.mine.office.add_key_set(FSP7.public().to_json())
        await self.mine.office.add_contract(terms(), "FSP7")

    async def instruct(self, thread: str = "D1", delta_w: int = 1_000_000) -> None:
        period = PeriodOrder(start=START, end=END, delta_w=delta_w)
        order = InstructionOrder(contract_id=CONTRACT, periods=(period,), thread=thread)
        await self.mine.desk.instruct(order)

    async def standing(self):
        (one,) = await self.mine.desk.dispatches()
        return one

    def there_now(self, thread: str) -> bytes:
        (event,) = [e for e in self.other.store.live.find(Kind.EVENT) if e.name == thread]
        return event.body

    def there(self, kind: Kind) -> list[str]:
        return [record.name for record in self.other.store.live.find(kind)]


@asynccontextmanager
async def two_vtns() -> AsyncIterator[Two]:
    """Both VTNs, at noon; nothing is there yet but the clients and keys."""
    clock = ManualClock(NOON)
    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(running_vtn(clock=clock))
        other = await stack.enter_async_context(running_vtn(clock=clock))
        for keys in (mine.vtn.keys, FSP7):
            await other.vtn.office.add_key_set(keys.public().to_json())
        bl, fsp = await other.client("desk", Role.BL), await other.client("FSP7")
        yield Two(mine, other, other.url, bl, fsp, clock)
