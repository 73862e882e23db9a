"""The DSO's business logic by hand: signs each revision of a dispatch, and posts it by HTTP.

For tests that stand between this end and a VTN, or want what the desk would not do.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.unit.ven.dso import ASSET, CONTRACT
from ukprofile.clock import Clock
from ukprofile.flex.common import Asset
from ukprofile.flex.dispatch import Period, cut
from ukprofile.flex.header import Header, uuid7
from ukprofile.flex.instruction import Instruction, Schedule, Variation
from ukprofile.flex.stop import Cancellation, Cease
from ukprofile.flex.times import milliseconds
from ukprofile.mapping.event import event_of
from ukprofile.openadr.client import Client
from ukprofile.signing import SigningKeys, seal

_COMMON = {"contract_id": CONTRACT, "zone": "HENDON-WAY", "assets": (Asset(ASSET),)}


@dataclass
class Poster:
    """UKPN's desk towards FSP7, over any VTN: one event for each thread, by POST and PUT."""

    client: Client
    keys: SigningKeys
    clock: Clock
    events: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)

    async def schedule(self, thread: str, *periods: Period, confirm_by: datetime) -> None:
        body = Schedule(
            **_COMMON,
            periods=periods,
            dispatch_type=_type(periods),
            ack_by=periods[0].start,
            confirm_by=confirm_by,
        )
        await self._say("schedule", thread, body, accept_by=periods[0].start)

    async def instruct(self, thread: str, *periods: Period) -> None:
        now = self.clock.now().replace(microsecond=0)
        body = Instruction(
            **_COMMON, periods=periods, dispatch_type=_type(periods), effective_at=now
        )
        await self._say("instruction", thread, body, accept_by=periods[0].start)

    async def vary(self, thread: str, *periods: Period) -> None:
        body = Variation(**_COMMON, periods=periods, dispatch_type=_type(periods))
        await self._say("variation", thread, body, accept_by=periods[-1].end)

    async def cease(self, thread: str, at: datetime, *periods: Period) -> None:
        """End it at `at`; `periods` as they were."""
        body = Cease(
            **_COMMON,
            cease_at=at,
            periods=cut(periods, at),
            dispatch_type=_type(periods),
            reason="constraint over",
        )
        await self._say("cease", thread, body)

    async def cancel(self, thread: str) -> None:
        await self._say("cancellation", thread, Cancellation(**_COMMON, reason="not needed"))

    async def _say(
        self,
        kind: str,
        thread: str,
        body: Schedule | Instruction | Variation | Cease | Cancellation,
        accept_by: datetime | None = None,
    ) -> None:
        now = self.clock.now()
        ends = [p.end for p in getattr(body, "periods", ())]
        self.ends[thread] = max([*ends, self.ends.get(thread, now.replace(microsecond=0))])
        revision = max(self.revisions.get(thread, 0) + 1, milliseconds(now))
        self.revisions[thread] = revision
        header = Header(
            kind=kind,
            message_id=uuid7(now, secrets.token_bytes),
            issuer=self.keys.party,
            recipient="FSP7",
            environment="sandbox",
            program=CONTRACT,
            thread=thread,
            revision=revision,
            issued_at=now.replace(microsecond=0),
            valid_until=self.ends[thread] + timedelta(hours=1),
            accept_by=accept_by,
            key_set=self.keys.key_set,
        )
        sealed = seal(header.to_json(body.to_json()), self.keys, 1)
        programs = (await self.client.programs.list()).items
        (program,) = [p for p in programs if p.program_name == CONTRACT]
        event = event_of(sealed, header, body, program.id)
        if thread in self.events:
            await self.client.events.update(self.events[thread], event)
        else:
            self.events[thread] = (await self.client.events.create(event)).value.id


def _type(periods: Sequence[Period]) -> str | None:
    return None if periods[0].delta_w is None else "demand_turn_down"
