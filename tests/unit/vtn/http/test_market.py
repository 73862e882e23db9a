"""A market over real HTTP: asked, offered by three agents, awarded, and each reads its own answer."""

import json
from contextlib import AsyncExitStack

import pytest

from tests.unit.ven.dso import NOON
from tests.unit.vtn.fsps import RESPOND_BY, Fsp, asked
from ukprofile.clock import ManualClock
from ukprofile.flex.header import Reference
from ukprofile.mapping.carrier import message_in
from ukprofile.openadr.client import Client, Credentials, VtnProblem
from ukprofile.receiving.opening import digest
from ukprofile.signing import verify
from vtn.testing import running_vtn

PRICES = {Fsp(7): 22_000, Fsp(8): 21_000, Fsp(9): 20_000}


def text_in(event):
    return message_in(event.intervals).text


async def request_at(client):
    """The one request that an agent finds: its event, and what an answer refers to."""
    found = await client.events.list(active=True)
    (event,) = [held for held in found.items if held.event_name == "REQUEST"]
    message = json.loads(text_in(event))
    return event, Reference(message["revision"], digest(text_in(event)), message["thread"])


async def acceptances(client):
    found = await client.events.list()
    return [held for held in found.items if held.event_name == "ACCEPTANCE"]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
async def test_each_fsp_offers_and_reads_its_own_answer_only(store, tmp_path):
    clock = ManualClock(NOON)
    folder = tmp_path / "vtn" if store == "sqlite" else None
    async with running_vtn(data_dir=folder, clock=clock) as running, AsyncExitStack() as stack:
        vtn, agents = running.vtn, {}
        for fsp in PRICES:
            secret = await fsp.enrol(vtn.office)
            client = Client(running.url, Credentials(fsp.client_id, secret))
            agents[fsp] = await stack.enter_async_context(client)
        await vtn.market.add_market("OU", "HENDON-WAY", [fsp.party for fsp in PRICES])
        await vtn.market.request(asked(), thread="R1")

        for fsp, price in PRICES.items():
            event, reference = await request_at(agents[fsp])
            body = fsp.offer(price).to_json()
            report = fsp.report("availability", body, (reference, event.id), clock.now())
            await agents[fsp].reports.create(report)

        # what is wrong comes back as a problem, with its code
        event, reference = await request_at(agents[Fsp(7)])
        foreign = Fsp(7).offer(1, contract_id=Fsp(8).contract).to_json()
        lie = Fsp(7).report("availability", foreign, (reference, event.id), clock.now(), "AV-2")
        with pytest.raises(VtnProblem, match="CONTRACT_MISMATCH") as refused:
            await agents[Fsp(7)].reports.create(lie)
        assert refused.value.status == 400

        clock.set(RESPOND_BY)
        done = await vtn.market.award("R1")
        assert done.missing == ()

        taken = {}
        for fsp, client in agents.items():
            (event,) = await acceptances(client)
            carried = message_in(event.intervals)
            verify(carried.text, carried.signatures, vtn.office.register, clock.now())
            said = json.loads(carried.text)
            assert said["recipient"] == fsp.party
            taken[fsp.party] = sum(p["delta_w"] for p in said["body"]["periods"])
            (own,) = (await client.reports.list()).items
            assert (
                digest(message_in(own.resources[0].intervals).text)
                == (said["in_reply_to"]["sha256"])
            )
        assert taken == {"FSP7": 500_000, "FSP8": 1_000_000, "FSP9": 1_000_000}
