"""The DSO's business logic: a stream of orders, and what to do when nobody says what became of one.

    draw ─▶ POST /desk/… ─┬─ answered, or refused: known
      ▲                   └─ no answer ─┬─ one desk says it again under the same Idempotency-Key
      │                                 └─ one looks for the thread, until somebody answers
      │                                      ├─ there, and newer than what it knew: it was done
      └──────────────────────────────────────┴─ not there: says it again

It keeps no state of its own but the revision it knew last of each thread: everything else the
desk says when it is asked.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from ukprofile.clock import Clock

JSON = Any
_ANSWERED_WITHIN_S = 1.5
_AGAIN_AFTER_S = 0.2
_ASKED, _FIRM = ("proposed", "agreed", "countered"), ("confirmed", "running", "suspended")
_OVER = (*("lapsed", "expired", "refused", "cancelled"), *("completed", "ceased", "failed"))


class NoAnswer(Exception):
    """What was asked may have been done or not."""


@dataclass(frozen=True, slots=True)
class Order:
    """One operation of the desk and its parameters."""

    operation: str
    body: Mapping[str, Any]

    @property
    def thread(self) -> str:
        return str(self.body["thread"])


@dataclass
class BusinessLogic:
    """Orders dispatches at the desk reached at `url`, of these contracts.

    It minds its own dispatches only: those whose threads begin with `name`.
    """

    name: str
    keyed: bool
    url: str
    client: Mapping[str, str]
    contracts: Sequence[str]
    clock: Clock
    chance: random.Random
    capacity_w: int
    _token: str = ""
    _number: int = 0
    _known: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    """How many orders were answered, refused, and in doubt for a while."""

    async def run(self, session: aiohttp.ClientSession, pause_s: float) -> None:
        """Order one thing after another until cancelled."""
        while True:
            standings = await self._surely(session, "GET", "/desk/dispatches")
            order = self._draw([s for s in standings if s["thread"].startswith(self.name)])
            if order is not None:
                await self.give(session, order)
            await asyncio.sleep(pause_s * 2 * self.chance.random())

    async def over(self, session: aiohttp.ClientSession) -> bool:
        """Whether every dispatch is over."""
        standings = await self._surely(session, "GET", "/desk/dispatches")
        return all(one["state"] in _OVER for one in standings)

    async def give(self, session: aiohttp.ClientSession, order: Order) -> None:
        """Give an order until it is known that it was carried out, or refused."""
        path, key = f"/desk/{order.operation}", f"{self.chance.getrandbits(128):x}"
        while True:
            try:
                said = await self._ask(session, "POST", path, order.body, key if self.keyed else "")
            except NoAnswer:
                self._count("in doubt")
                if self.keyed:
                    await asyncio.sleep(_AGAIN_AFTER_S)
                    continue
                said = await self._find(session, order.thread)
                if said[0] != 200 or said[1]["revision"] <= self._known.get(order.thread, 0):
                    continue  # it was not done
            self._count("answered" if said[0] < 400 else "refused")
            if said[0] < 400:
                self._known[order.thread] = said[1]["revision"]
            return

    async def _find(self, session: aiohttp.ClientSession, thread: str) -> tuple[int, JSON]:
        while True:
            try:
                return await self._ask(session, "GET", f"/desk/dispatches/{thread}")
            except NoAnswer:
                await asyncio.sleep(_AGAIN_AFTER_S)

    async def _surely(self, session: aiohttp.ClientSession, method: str, path: str) -> JSON:
        while True:
            try:
                status, said = await self._ask(session, method, path)
            except NoAnswer:
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            assert status == 200, f"{method} {path}: {status} {said}"
            return said

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: JSON = None,
        key: str = "",
    ) -> tuple[int, JSON]:
        """Status and body of what was answered. Raises NoAnswer."""
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                if not self._token:
                    self._token = await self._new_token(session)
                headers = {"Authorization": f"Bearer {self._token}"}
                headers |= {"Idempotency-Key": key} if key else {}
                async with session.request(
                    method, self.url + path, json=body, headers=headers
                ) as answer:
                    status, said = answer.status, await answer.json()
        except (aiohttp.ClientError, ConnectionError, TimeoutError, ValueError) as error:
            raise NoAnswer(repr(error)) from error
        if status == 401:
            self._token = ""
        under_way = status == 409 and said.get("reason") == "IN_PROGRESS"
        if status in (401, 429) or status >= 500 or under_way:
            raise NoAnswer(f"{status} {said}")
        return status, said

    async def _new_token(self, session: aiohttp.ClientSession) -> str:
        form = {**self.client, "grant_type": "client_credentials"}
        async with session.post(f"{self.url}/auth/token", data=form) as answer:
            return str((await answer.json())["access_token"])

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    # -- what to order ---------------------------------------------------------------------------

    def _draw(self, standings: Sequence[JSON]) -> Order | None:
        """The next order, of what can be ordered as things stand."""
        asked = [s for s in standings if s["state"] in _ASKED]
        firm = [s for s in standings if s["state"] in _FIRM]
        drawn = self.chance.random()
        if drawn < 0.30 and asked:
            one = self.chance.choice(asked)
            operation = "confirm" if self.chance.random() < 0.85 else "cancel"
            return Order(operation, {"thread": one["thread"]})
        if drawn < 0.65 and firm:
            return self._change(self.chance.choice(firm))
        return self._new() if len(asked) + len(firm) < 2 * len(self.contracts) else None

    def _new(self) -> Order:
        self._number += 1
        start = self._from_now(45, 120)
        periods = []
        for _ in range(self.chance.choice((1, 1, 2))):
            end = start + timedelta(seconds=self.chance.randint(150, 360))
            periods.append({"start": _text(start), "end": _text(end), "delta_w": self._watts()})
            start = end
        body = {
            "contract_id": self.chance.choice(self.contracts),
            "thread": f"{self.name}-{self._number}",
            "periods": periods,
        }
        return Order(self.chance.choice(("instruct", "instruct", "schedule")), body)

    def _change(self, one: JSON) -> Order:
        """Another level, another end, or none any more, of what is confirmed."""
        thread = {"thread": one["thread"]}
        drawn = self.chance.random()
        if drawn < 0.25:
            return Order("vary", thread | {"delta_w": self._watts()})
        if drawn < 0.4:
            return Order("vary", thread | {"end": _text(self._from_now(60, 240))})
        if one["state"] != "confirmed":
            return Order("cease", thread)
        if drawn < 0.55:
            return Order("cancel", thread)
        return Order("vary", thread | {"delta_w": self._watts()})

    def _watts(self) -> int:
        """Mostly what the devices can do, beside one another; now and then what none of them can."""
        if self.chance.random() < 0.1:
            return self.capacity_w * 95 // 100
        return self.chance.randrange(50_000, self.capacity_w * 3 // 10, 10_000)

    def _from_now(self, least_s: int, most_s: int) -> datetime:
        now = self.clock.now().replace(microsecond=0)
        return now + timedelta(seconds=self.chance.randint(least_s, most_s))


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
