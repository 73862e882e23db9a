"""Three FSPs in one market: each has a contract, an asset and a price, and posts signed offers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.ven.dso import NOON, terms
from ukprofile.flex.common import Price
from ukprofile.flex.header import Header, Reference, uuid7
from ukprofile.flex.offer import Availability, OfferedAsset, OfferedPeriod
from ukprofile.flex.request import Request
from ukprofile.flex.times import milliseconds
from ukprofile.mapping.answer import answer_report
from ukprofile.openadr import ReportRequest
from ukprofile.signing import SigningKeys, seal
from vtn.domain.clients import SCOPES
from vtn.domain.market.offers import Asked
from vtn.domain.privacy import Viewer
from vtn.domain.record import Role
from vtn.domain.store import Store

MARKET = "market:UKPN:OU:HENDON-WAY"
HOUR = timedelta(hours=1)
START, END = NOON + HOUR, NOON + 3 * HOUR
RESPOND_BY = NOON + timedelta(minutes=30)


def asked(**changes: Any) -> Request:
    """2.5 MW less demand from 17:00 to 19:00; who offers until 16:30?"""
    made = {
        "service_product": "OU",
        "zone": "HENDON-WAY",
        "start": START,
        "end": END,
        "delta_w": 2_500_000,
        "respond_by": RESPOND_BY,
        "dispatch_type": "demand_turn_down",
        "min_offer_w": 100_000,
    }
    return Request(**{**made, **changes})


@dataclass(frozen=True)
class Fsp:
    """One FSP, by its number: 7 is FSP7, client fsp7, contract UKPN:FLEX-7, asset AS-7."""

    number: int

    @property
    def party(self) -> str:
        return f"FSP{self.number}"

    @property
    def client_id(self) -> str:
        return f"fsp{self.number}"

    @property
    def contract(self) -> str:
        return f"UKPN:FLEX-{self.number}"

    @property
    def asset(self) -> str:
        return f"AS-{self.number}"

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.client_id, Role.VEN, SCOPES[Role.VEN])

    @property
    def keys(self) -> SigningKeys:
        always = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
        return SigningKeys.sandbox(f"{self.party}-sandbox-1", self.party, "ven", *always)

    async def enrol(self, office: Any) -> str:
        """Its client, keys and contract; the client's secret."""
        _, secret = await office.add_client(self.party, Role.VEN)
        await office.add_key_set(self.keys.public().to_json())
        own = {"contract_id": self.contract, "assets": [{"asset_id": self.asset}]}
        await office.add_contract(terms(**own), self.party)
        return str(secret)

    def offer(self, price: int | Price, watts: int = 1_000_000, **changes: Any) -> Availability:
        period = OfferedPeriod(start=START, end=END, delta_w=watts)
        asset = changes.pop("asset", self.asset)
        made = {
            "contract_id": self.contract,
            "zone": "HENDON-WAY",
            "assets": (OfferedAsset(asset_id=asset, asset_class_id="C-1", energy_source="Demand"),),
            "periods": (period,),
            "price": price if isinstance(price, Price) else Price("GBP", price),
            "dispatch_type": "demand_turn_down",
        }
        return Availability(**{**made, **changes})

    def report(
        self,
        kind: str,
        body: dict[str, Any],
        to: tuple[Reference, str],
        now: datetime,
        thread: str = "AV-1",
        until: datetime = END,
        program: str = MARKET,
    ) -> ReportRequest:
        """A signed report on the event of a request; `to`: what it answers, and that event."""
        reference, event_id = to
        header = Header(
            kind=kind,
            message_id=uuid7(now, lambda n: bytes([self.number]) * n),
            issuer=self.party,
            recipient="UKPN",
            environment="sandbox",
            program=program,
            thread=thread,
            revision=milliseconds(now),
            issued_at=now.replace(microsecond=0),
            valid_until=until,
            in_reply_to=reference,
            key_set=self.keys.key_set,
        )
        return answer_report(seal(header.to_json(body), self.keys, 1), header, body, event_id)


async def reference_to(store: Store, request: Asked) -> Reference:
    """What an answer to the request refers to."""
    (entry,) = [e for e in await store.read(lambda tx: tx.thread(request.slot)) if not e.stop]
    return Reference(entry.revision, entry.sha256, entry.slot.thread)
