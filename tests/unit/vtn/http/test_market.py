"""A market over real HTTP: asked, offered by three agents, awarded, and each reads its own answer."""

import json
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.unit.ven.dso import NOON
from tests.unit.vtn.fsps import END, RESPOND_BY, START, Fsp, asked
from tests.unit.vtn.http.test_desk import edge
from tests.unit.vtn.http.test_openapi import check, token_of
from ukprofile.clock import ManualClock
from ukprofile.flex.header import Reference
from ukprofile.flex.times import time_text
from ukprofile.mapping.carrier import message_in
from ukprofile.openadr.client import Client, Credentials, VtnProblem
from ukprofile.receiving.opening import digest
from ukprofile.signing import verify
from vtn.domain.record import Role
from vtn.testing import running_vtn

__all__ = ["edge"]  # the fixture of the desk's own tests
ASKED = {
    "product": "OU",
    "zone": "HENDON-WAY",
    "start": time_text(START),
    "end": time_text(END),
    "delta_w": 1_500_000,
    "respond_by": time_text(RESPOND_BY),
    "thread": "R1",
}
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


async def test_the_dsos_own_systems_run_a_market_over_http(edge):
    made = {"product": "OU", "zone": "HENDON-WAY", "members": ["FSP7"]}
    status, market = await edge.post("market", made)
    check(market, "MarketShown")
    assert (status, market["members"]) == (201, ["FSP7"])
    assert await edge.ask("GET", "/desk/markets") == (200, [market])
    status, request = await edge.post("request", ASKED)
    check(request, "RequestShown")
    assert (status, request["thread"]) == (201, "R1")
    status, listed = await edge.ask("GET", "/desk/offers")
    check(listed, "RequestsShown")
    status, one = await edge.ask("GET", "/desk/offers/R1")
    check(one, "OffersShown")
    assert (status, listed) == (200, {"requests": [one]})
    assert await edge.post("award", {"thread": "R1"}) == (200, one)
    status, gone = await edge.post("withdraw", {"thread": "R1", "reason": "NOT_REQUIRED"})
    check(gone, "WithdrawnShown")
    assert (status, gone["of"]) == (200, "request")


async def test_what_is_wrong_with_it_is_a_problem(edge):
    for (method, path, body), status, reason in (
        (("POST", "/desk/request", {**ASKED, "why": 1}), 400, "BODY_INVALID"),
        (("POST", "/desk/request", {**ASKED, "respond_by": "soon"}), 400, "TIME_FORMAT"),
        (("POST", "/desk/request", ASKED), 404, "NOT_FOUND"),
        (("POST", "/desk/award", {"thread": "R9"}), 404, "NOT_FOUND"),
        (("GET", "/desk/offers/R9", None), 404, "NOT_FOUND"),
        (("GET", "/desk/offers?all=1", None), 400, "QUERY_INVALID"),
        (("GET", "/desk/markets?all=1", None), 400, "QUERY_INVALID"),
        (("GET", "/desk/award", None), 405, "METHOD"),
    ):
        answered, problem = await edge.ask(method, path, body)
        assert answered == status
        assert reason in str(problem)


async def test_a_market_is_the_business_logics_only(edge):
    async with aiohttp.ClientSession(edge.vtn.url) as session:
        ven = await token_of(edge.vtn, session, "FSP8", Role.VEN)
    for token, due in ((ven, 403), ("none", 401)):
        for name in ("market", "request", "award", "withdraw"):
            status, _ = await edge.post(name, {}, token=token)
            assert status == due
        for path in ("/desk/markets", "/desk/offers", "/desk/offers/R1"):
            status, _ = await edge.ask("GET", path, token=token)
            assert status == due
