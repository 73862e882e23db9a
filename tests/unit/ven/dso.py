"""A DSO with a real VTN on loopback, one contract, and FSP7 enrolled: what agents are tested on."""

import itertools
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ukprofile.clock import Clock
from ukprofile.flex.times import time_text
from ukprofile.mapping.dispatch import dispatch_event
from ukprofile.openadr import Event, Report
from ukprofile.signing import SigningKeys
from ukprofile.trust import Register
from vtn.domain.desk import InstructionOrder, PeriodOrder
from vtn.domain.live import Field
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind, Role
from vtn.domain.signer import Signer
from vtn.http.problems import Log
from vtn.testing import RunningVtn, running_vtn

NOON = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
"""The business time at which scenes begin; the window of the contract opens at 16:30."""
CONTRACT, ASSET = "UKPN:FLEX-1", "UKPN-AS-000731"
FSP7 = SigningKeys.generate(
    "FSP7-1", "FSP7", "ven", NOON - timedelta(days=1), NOON + timedelta(days=9), bytes, suite=1
)


def terms(**changes: Any) -> dict[str, Any]:
    window = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "start": "16:30",
        "end": "20:30",
        "time_zone": "Europe/London",
        "fold": 0,
    }
    return {
        "contract_id": CONTRACT,
        "zone": "HENDON-WAY",
        "assets": [{"asset_id": ASSET}],
        "product": "OU",
        "capacity_w": 1_500_000,
        "windows": [window],
        "valid_from": "2026-11-01T00:00:00Z",
        "valid_to": "2027-11-01T00:00:00Z",
        "notice_s": 120,
        "ramp_s": 300,
        "min_run_s": 1800,
        **changes,
    }


@dataclass
class Dso:
    """The VTN, and what its operator does."""

    running: RunningVtn
    clock: Clock
    client_id: str
    secret: str
    counter: Any

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def register(self) -> Register:
        return Register.of("sandbox", [self.running.vtn.keys.public()])

    async def instruct(self, begins: timedelta, lasts: timedelta, delta_w: int = 1_000_000) -> str:
        """A dispatch that begins `begins` after 16:00; its thread."""
        start = NOON + begins
        period = PeriodOrder(start=start, end=start + lasts, delta_w=delta_w)
        name = f"DSP-{next(self.counter)}"
        order = InstructionOrder(contract_id=CONTRACT, periods=(period,), thread=name)
        return (await self.running.vtn.desk.instruct(order)).thread

    async def cease(self, thread: str, at: datetime) -> None:
        vtn = self.running.vtn
        (record,) = [e for e in vtn.store.live.find(Kind.EVENT) if e.name == thread]
        shown = Event.read({**json.loads(record.body)})
        signer = Signer(vtn.store, vtn.keys, 1, "sandbox", secrets.token_bytes)
        body = {
            "contract_id": CONTRACT,
            "zone": "HENDON-WAY",
            "assets": [{"asset_id": ASSET}],
            "cease_at": time_text(at),
            "mode": "ramp",
            "reason": "test",
            "periods": [],
        }
        now = self.clock.now()
        sealed, header = await signer.sign(
            "cease", CONTRACT, "FSP7", thread, body, now, valid_until=now + timedelta(hours=5)
        )
        request = dispatch_event(sealed, header, body, shown.program_id)
        await vtn.objects.update(Kind.EVENT, record.id, request.dump(), OFFICE)

    def event_ids(self) -> list[str]:
        return [e.id for e in self.running.vtn.store.live.find(Kind.EVENT)]

    def dispatch_ids(self) -> list[str]:
        events = self.running.vtn.store.live.find(Kind.EVENT)
        return [e.id for e in events if str(e.name).startswith("DSP")]

    async def revoke(self) -> None:
        """Take the grant of the contract from FSP7's ven: one line at the VTN."""
        vtn = self.running.vtn
        (ven,) = vtn.store.live.find(Kind.VEN, Field.NAME, "FSP7")
        body = {"objectType": "BL_VEN_REQUEST", "venName": "FSP7", "clientID": self.client_id}
        await vtn.objects.update(Kind.VEN, ven.id, {**body, "targets": []}, OFFICE)

    async def standings(self) -> list[Any]:
        return await self.running.vtn.desk.dispatches()

    def ven(self) -> dict[str, Any]:
        (ven,) = self.running.vtn.store.live.find(Kind.VEN, Field.NAME, "FSP7")
        return {**json.loads(ven.body), "targets": list(ven.targets)}

    def reports(self) -> list[Report]:
        found = self.running.vtn.store.live.find(Kind.REPORT)
        return [Report.read(json.loads(r.body)) for r in found]


@asynccontextmanager
async def dso_with_fsp7(
    clock: Clock, keys: SigningKeys = FSP7, log: Log | None = None, **changes: Any
) -> AsyncIterator[Dso]:
    """A DSO whose contract with FSP7 has these terms."""
    async with running_vtn(clock=clock, log=log) as running:
        office = running.vtn.office
        client_id, secret = await running.client("FSP7", Role.VEN)
        await office.add_key_set(keys.public().to_json())
        await office.add_contract(terms(**changes), "FSP7")
        yield Dso(running, clock, client_id, secret, itertools.count(1))
