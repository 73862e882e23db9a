"""The heartbeat: the agent keeps some attributes of its own ven fresh (profile 1).

It is unsigned and only raises alarms at the DSO: nothing ever starts or stops by it.
"""

from collections.abc import Callable

import structlog

from ukprofile.clock_watch import Standing
from ukprofile.errors import ProfileError
from ukprofile.mapping.heartbeat import beating
from ukprofile.openadr import Ven, VenVenRequest
from ukprofile.openadr.client import Client, Held, VtnProblem
from ven.bell import Ear


class Heartbeat:
    """Says "I am here" in the agent's own ven, which it makes if the DSO has not."""

    def __init__(
        self,
        client: Client,
        party: str,
        log: structlog.stdlib.BoundLogger,
        *,
        every_s: float,
        clock: Callable[[], Standing] = lambda: Standing("steady"),
    ) -> None:
        """`clock` says how far the agent's clock can be believed."""
        self._client = client
        self._party = party
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._hurried = Ear()
        self._held: Held[Ven] | None = None

    def hurry(self) -> None:
        """There is something new to say: the next beat is now."""
        self._hurried.hear()

    async def run(self) -> None:
        while True:
            try:
                await self.beat()
            except ProfileError as error:
                # Whether the VTN can be reached at all, the listener tells.
                self._log.warning("no heartbeat", why=str(error))
            await self._hurried.wait(self._every_s)

    async def beat(self) -> Held[Ven]:
        """One heartbeat. Raises VtnProblem, Unreachable, Refused."""
        if self._held is not None:
            try:
                return await self._put(self._held)
            except VtnProblem as problem:
                if problem.status not in (404, 412):
                    raise
        return await self._put(await self._own())

    async def _own(self) -> Held[Ven]:
        """The ven of that name, as it stands now."""
        found = await self._client.vens.list(ven_name=self._party)
        if not found.items:
            return await self._client.vens.create(VenVenRequest(ven_name=self._party))
        return await self._client.vens.get(found.items[0].id)

    async def _put(self, held: Held[Ven]) -> Held[Ven]:
        """Replace the heartbeat's attributes and keep the others, unless somebody was quicker."""
        request = VenVenRequest(
            ven_name=held.value.ven_name,
            attributes=beating(held.value.attributes or (), self._every_s, self._clock()),
        )
        self._held = None
        self._held = await self._client.vens.update(held.value.id, request, if_match=held.etag)
        return self._held
