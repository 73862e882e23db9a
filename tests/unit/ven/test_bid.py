"""Offers at a real market: made once, revised, withdrawn; and what an acceptance reserves."""

import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from tests.agent import agent_at
from tests.unit.ven.dso import ASSET, CONTRACT, NOON, dso_with_fsp7, terms
from tests.unit.ven.test_respond import MINUTE, SMALL, Mute, Table
from ukprofile.clock import ManualClock
from ukprofile.flex.common import Asset, Price
from ukprofile.flex.header import Reference
from ukprofile.flex.offer import Acceptance
from ukprofile.flex.request import Request
from ukprofile.mapping.carrier import message_in
from ukprofile.mapping.market import acceptance_event, request_event
from ukprofile.openadr import Event
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving import parse_text
from ven.cli import _told
from ven.journal import look
from ven.offer import Nature, Terms
from ven.offering import chances, offered, reservations, shown
from ven.settings import Settings
from ven.show import status
from vtn.domain.desk import CancellationOrder, InstructionOrder, PeriodOrder
from vtn.domain.grants import OFFICE
from vtn.domain.record import Kind
from vtn.domain.signer import Signer

MARKET = "market:UKPN:OU:HENDON-WAY"
START, END = NOON + 60 * MINUTE, NOON + 120 * MINUTE
TERMS = Terms(
    Price("GBP", 21_000, 500),
    "ACME-B1",
    "Storage",
    natures={ASSET: Nature("ACME-EVSE-G2", "Demand", 0)},
    confidence_percent=92,
)


class MarketTable(Table):
    """A desk, its market, and an agent that offers in it."""

    @property
    def market(self):
        return self.dso.running.vtn.market

    async def ask(self, thread="R1", **changes) -> None:
        made = {
            "service_product": "OU",
            "zone": "HENDON-WAY",
            "start": START,
            "end": END,
            "delta_w": 2_500_000,
            "respond_by": NOON + 30 * MINUTE,
            "dispatch_type": "demand_turn_down",
            "min_offer_w": 100_000,
        }
        await self.market.request(Request(**{**made, **changes}), thread=thread)

    async def revise(self, thread: str, **changes) -> None:
        """The DSO changes its request: the next revision, in the same event."""
        vtn = self.dso.running.vtn
        (record,) = [e for e in vtn.store.live.find(Kind.EVENT) if thread_in(e.body) == thread]
        texts = await self.agent.ask(lambda b: b.of_family("request"))
        body = replace(Request.read(parse_text(texts[-1].text)["body"]), **changes)
        await self._publish("request", MARKET, MARKET, thread, body, record, request_event)

    async def turn_down(self, request: str) -> None:
        """The DSO has no need of our offer: an acceptance without periods."""
        (offer,) = await self.agent.ask(lambda b: b.of_family("availability"))
        said = parse_text(offer.text)["body"]
        body = Acceptance(
            contract_id=CONTRACT,
            zone=said["zone"],
            assets=(Asset(ASSET),),
            periods=(),
            reason="NOT_NEEDED",
        )
        to = Reference(offer.revision, offer.sha256, offer.slot.thread)
        await self._publish("acceptance", CONTRACT, "FSP7", f"ACC-{request}", body, None,
                            acceptance_event, to)  # fmt: skip

    async def _publish(self, kind, program, recipient, thread, body, record, event_of, to=None):
        vtn = self.dso.running.vtn
        self.clock.advance(timedelta(seconds=1))
        signer = Signer(vtn.store, vtn.keys, 1, "sandbox", secrets.token_bytes)
        now = self.clock.now()
        sealed, header = await signer.sign(
            kind, program, recipient, thread, body.to_json(), now,
            valid_until=END, in_reply_to=to,
        )  # fmt: skip
        (home,) = [p for p in vtn.store.live.find(Kind.PROGRAM) if p.name == program]
        request = event_of(sealed, header, body, home.id).dump()
        if record is None:
            await vtn.objects.create(Kind.EVENT, request, OFFICE)
        else:
            await vtn.objects.update(Kind.EVENT, record.id, request, OFFICE)

    async def offers(self) -> list[tuple[str, str, list[int]]]:
        """As the agent shows them: request, state, watts."""
        found = await self.agent.ask(lambda book: [shown(one) for one in offered(book)])
        return [(o["request"], o["state"], [p["w"] for p in o["periods"]]) for o in found]

    async def ranked(self, thread="R1") -> list[tuple[str, str]]:
        """As the DSO sees them: the thread of each offer, and why nothing is taken."""
        listing = await self.market.offers(thread)
        return [(line.ranked.offer.thread, line.ranked.reason) for line in listing.lines]

    async def refused(self) -> list[str]:
        return [p.error for p in await self.agent.ask(lambda b: b.posts("REFUSED"))]


def thread_in(body) -> str:
    """The thread of what an event carries."""
    return parse_text(message_in(Event.read(json.loads(body)).intervals).text)["thread"]


@asynccontextmanager
async def market_at(folder, battery=SMALL, offers: Terms | None = TERMS, **changes):
    clock = ManualClock(NOON)
    folder.mkdir(exist_ok=True)
    async with (
        dso_with_fsp7(clock, min_power_w=100_000, **changes) as dso,
        Client(dso.url, Credentials(dso.client_id, dso.secret)) as client,
        agent_at(client, folder, clock, dso.register, battery, offers) as agent,
    ):
        await dso.running.vtn.market.add_market("OU", "HENDON-WAY", ["FSP7"])
        yield MarketTable(dso, agent, clock)


async def test_an_offer_says_all_that_is_due_and_is_made_once(tmp_path):
    """Golden life 07 is the model."""
    async with market_at(tmp_path) as table:
        await table.ask()
        for _ in range(3):
            await table.turn()
        (body,) = await table.said("availability")
        assert body == {
            "assets": [
                {
                    "asset_id": ASSET,
                    "asset_class_id": "ACME-EVSE-G2",
                    "energy_source": "Demand",
                    "ghg_g_per_kwh": 0,
                }
            ],
            "confidence_percent": 92,
            "contract_id": CONTRACT,
            "dispatch_type": "demand_turn_down",
            "periods": [
                {
                    "delta_w": 600_000,
                    "start": "2026-11-24T17:00:00Z",
                    "end": "2026-11-24T18:00:00Z",
                    "max_run_s": 3600,
                    "notice_s": 120,
                }
            ],
            "price": {
                "currency": "GBP",
                "utilisation_minor_per_mwh": 21_000,
                "availability_minor_per_mw_h": 500,
            },
            "zone": "HENDON-WAY",
        }
        (entry,) = await table.agent.ask(lambda b: b.of_family("availability"))
        assert (entry.slot.program, entry.slot.recipient) == (MARKET, "UKPN")
        assert await table.ranked() == [("AV-R1", "")]
        assert await table.refused() == []


async def test_an_accepted_offer_is_reserved_and_acknowledged_and_shown(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask()
        await table.turn()
        await table.market.award("R1")
        await table.turn()
        assert await table.offers() == [("R1", "accepted", [600_000])]
        (kept,) = await table.agent.ask(lambda b: reservations(b, table.clock.now()))
        assert (kept.contract, kept.assets) == (CONTRACT, (ASSET,))
        answers = [e for e in await table.agent.ask(lambda b: b.entries()) if e.answer]
        assert ("acceptance", "received") in [(e.kind, e.answer) for e in answers]


async def test_what_is_offered_once_is_offered_to_nobody_else(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask("R1", delta_w=400_000)
        table.clock.advance(MINUTE)  # the older one is read first
        await table.ask("R2", delta_w=400_000)
        await table.turn()
        assert await table.offers() == [("R1", "open", [400_000]), ("R2", "open", [200_000])]


async def test_a_dispatch_uses_up_what_was_reserved_for_it(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask("R1", delta_w=400_000)
        await table.turn()
        await table.market.award("R1")
        await table.turn()
        period = PeriodOrder(start=START, end=END, delta_w=400_000)
        await table.desk.instruct(
            InstructionOrder(contract_id=CONTRACT, periods=(period,), thread="D1")
        )
        await table.turn()
        await table.ask("R2", delta_w=400_000)
        await table.turn()
        assert (await table.offers())[1] == ("R2", "open", [200_000])


async def test_what_another_contract_has_reserved_is_kept_and_what_is_only_open_is_not(tmp_path):
    async with market_at(tmp_path) as table:
        office = table.dso.running.vtn.office
        other = terms(contract_id="UKPN:FLEX-2", product="SU", min_power_w=100_000)
        await office.add_contract(other, "FSP7")
        await table.ask("R1", delta_w=400_000)
        await table.turn()
        assert await table.offers() == [("R1", "open", [400_000])]
        await table.schedule("D1", 600_000, contract="UKPN:FLEX-2")
        await table.desk.cancel(CancellationOrder(thread="D1"))
        await table.market.award("R1")
        await table.turn()
        await table.schedule("D2", 600_000, contract="UKPN:FLEX-2")
        answers = [(r["answer"], [p["delta_w"] for p in r.get("periods", ())])
                   for r in await table.said()]  # fmt: skip
        assert answers == [("accept", []), ("partial", [200_000])]


async def test_status_shows_offers_and_for_whom_a_dispatch_is(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask("R1", delta_w=200_000)
        await table.turn()
        await table.market.award("R1")
        period = PeriodOrder(start=START, end=END, delta_w=200_000)
        await table.desk.instruct(
            InstructionOrder(contract_id=CONTRACT, periods=(period,), thread="D1",
                             origin="NESO", reference="BOA-9", priority=2)
        )  # fmt: skip
        await table.turn()
        settings = Settings(party="FSP7", environment="sandbox", assets=())
        with look(tmp_path / "journal.db") as book:
            found = await status(book, settings, {}, table.clock)
        (dispatch,), (offer,) = found["dispatches"], found["offers"]
        assert (dispatch["origin"], dispatch["reference"], dispatch["priority"]) == (
            "NESO", "BOA-9", 2
        )  # fmt: skip
        assert (offer["request"], offer["state"], offer["assets"]) == ("R1", "accepted", [ASSET])
        assert offer["price"] == TERMS.price.to_json()
        lines = "\n".join(_told(found))
        assert "R1  accepted  +200,000 W 2026-11-24T17:00:00Z - 2026-11-24T18:00:00Z" in lines
        assert "for NESO BOA-9, priority 2" in lines


async def test_an_offer_goes_with_its_request(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask()
        await table.turn()
        await table.market.cancel("R1")
        for _ in range(2):
            await table.turn()
        assert await table.offers() == [("R1", "withdrawn", [])]
        (said,) = await table.said("cancellation")
        assert (said["of"], said["reason"]) == ("availability", "REQUEST_WITHDRAWN")
        assert await table.refused() == []
        listing = await table.market.offers("R1")
        assert [line.ranked.offer.withdrawn for line in listing.lines] == [True]


async def test_an_offer_is_revised_with_its_request_and_withdrawn_where_nothing_is_left(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask()
        await table.turn()
        await table.revise("R1", delta_w=300_000)
        await table.turn()
        assert await table.offers() == [("R1", "open", [300_000])]
        assert len(await table.said("availability")) == 2
        await table.revise("R1", delta_w=2_000_000, min_offer_w=1_000_000)
        for _ in range(2):
            await table.turn()
        assert await table.offers() == [("R1", "withdrawn", [])]
        # a withdrawal is final: that thread never offers again
        await table.revise("R1", delta_w=300_000, min_offer_w=0)
        await table.turn()
        assert len(await table.said("availability")) == 2
        assert await table.refused() == []


async def test_what_another_was_preferred_to_is_turned_down_and_free_again(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask("R1", min_offer_w=600_000)
        await table.turn()
        await table.turn_down("R1")
        await table.turn()
        assert await table.offers() == [("R1", "turned_down", [])]
        (told,) = await table.agent.ask(lambda b: [shown(one) for one in offered(b)])
        assert told["reason"] == "NOT_NEEDED"
        await table.ask("R2")
        await table.turn()
        assert (await table.offers())[1] == ("R2", "open", [600_000])


async def test_an_acceptance_that_is_taken_back_reserves_nothing(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask()
        await table.turn()
        await table.market.award("R1")
        await table.turn()
        (thread,) = [
            e.slot.thread for e in await table.agent.ask(lambda b: b.of_family("acceptance"))
        ]
        await table.market.cancel(thread)
        await table.turn()
        assert await table.offers() == [("R1", "released", [])]
        assert await table.agent.ask(lambda b: reservations(b, table.clock.now())) == []


async def test_after_respond_by_and_without_a_price_nothing_is_offered(tmp_path):
    async with market_at(tmp_path) as table:
        await table.ask()
        table.clock.set(NOON + 31 * MINUTE)
        await table.turn()
        assert await table.offers() == []
    async with market_at(tmp_path / "none", offers=None) as table:
        await table.ask()
        await table.turn()
        assert await table.offers() == []


async def test_a_restart_offers_nothing_twice(tmp_path):
    clock = ManualClock(NOON)
    async with (
        dso_with_fsp7(clock, min_power_w=100_000) as dso,
        Client(dso.url, Credentials(dso.client_id, dso.secret)) as client,
    ):
        await dso.running.vtn.market.add_market("OU", "HENDON-WAY", ["FSP7"])
        for n in range(2):
            async with agent_at(client, tmp_path, clock, dso.register, SMALL, TERMS) as agent:
                table = MarketTable(dso, agent, clock)
                if n == 0:
                    await table.ask()
                await table.turn()
                assert len(await table.said("availability")) == 1


async def test_another_dsos_contract_of_the_same_name_is_no_ground_for_an_offer(tmp_path):
    """Two DSOs may each have a product OU in a zone of that name."""
    async with market_at(tmp_path) as table:
        await table.ask()
        await table.agent.listener.look()
        now = table.clock.now()
        (chance,) = await table.agent.ask(lambda b: chances(b, now))
        stranger = replace(
            chance.entry,
            sha256="0" * 64,
            slot=replace(chance.entry.slot, issuer="SSEN", thread="R9"),
        )
        await table.agent.journal.write(lambda b: b.keep(stranger))
        assert await table.agent.ask(lambda b: chances(b, now)) == [chance]


async def test_a_silent_device_is_waited_for_until_the_last_minute(tmp_path):
    assets = [{"asset_id": ASSET}, {"asset_id": "MUTE"}]
    async with market_at(tmp_path, assets=assets) as table:
        forecaster = table.agent.responder._forecaster
        mute = Mute("MUTE", SMALL, table.clock, tmp_path / "mute.jsonl")
        forecaster._devices = {**forecaster._devices, "MUTE": mute}
        await table.ask()
        await table.agent.listener.look()
        assert not await table.agent.responder.look()
        assert await table.offers() == []
        table.clock.set(NOON + 29.5 * MINUTE)
        assert await table.agent.responder.look()
        (body,) = await table.said("availability")
        assert [a["asset_id"] for a in body["assets"]] == [ASSET]
