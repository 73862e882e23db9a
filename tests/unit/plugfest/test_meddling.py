"""Somebody in between: when orders strike, what is remembered, and what passes as it is."""

import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from plugfest.faults.control import controlled, tamperings
from plugfest.faults.meddling import Order, meddling
from plugfest.faults.passing import listening
from plugfest.faults.rewrites import Seen, said, signed_by
from plugfest.faults.tampering import TAMPERINGS
from tests.made import KEYS, RUN, VEN, header, minute
from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.receiving import open_message
from ukprofile.signing import seal


def event(thread: str = "D1", number: int = 1) -> dict:
    """An event with a signed instruction, and a little projection."""
    sealed = seal(header(thread=thread).to_json(RUN), KEYS["UKPN"], 1)
    payloads = [
        {"type": "UKFLEX_MESSAGE", "values": [sealed.text]},
        {"type": "UKFLEX_SIGNATURE", "values": [sealed.signatures[0]]},
        {"type": "DISPATCH_SETPOINT_RELATIVE", "values": [1.0]},
    ]
    return {"id": f"E{number}", "programID": "P", "intervals": [{"id": 0, "payloads": payloads}]}


class Vtn:
    """Shows two events, with a tag; keeps what is posted."""

    def __init__(self) -> None:
        self.events = [event("D1", 1), event("D2", 2)]
        self.posted: list[dict] = []
        self.asked = lambda: None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            self.posted.append(await request.json())
            return web.json_response({}, status=201)
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304, headers={"ETag": '"1"'})
        self.asked()
        one = request.path.removeprefix("/events/")
        shown = next((e for e in self.events if e["id"] == one), self.events)
        return web.json_response(shown, headers={"ETag": '"1"'})


@asynccontextmanager
async def between(seed: int = 0, log=None):
    vtn = Vtn()
    async with (
        listening(vtn.handle) as upstream,
        meddling(upstream, seed=seed, log=log) as (url, meddler),
        aiohttp.ClientSession(url) as session,
    ):
        yield vtn, meddler, session


async def shown(session, path="/events", **headers):
    async with session.get(path, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def events(session) -> list[dict]:
    return json.loads((await shown(session))[2])


async def test_without_orders_everything_passes_and_is_remembered():
    async with between() as (vtn, meddler, session):
        assert await events(session) == vtn.events
        status, headers, _ = await shown(session, **{"If-None-Match": '"1"'})
        assert (status, headers["ETag"]) == (304, '"1"')
        assert meddler.seen.objects == vtn.events
        assert meddler.struck == []


async def test_an_order_strikes_the_next_of_its_thread_once(tmp_path):
    log = tmp_path / "struck.jsonl"
    async with between(log=log) as (vtn, meddler, session):
        meddler.orders.append(Order(tampering="stripped", thread="D2"))
        status, headers, text = await shown(session, **{"If-None-Match": '"1"'})
        first, second = json.loads(text)
        assert (status, "ETag" in headers) == (200, False)
        assert first == vtn.events[0]
        assert [p["type"] for p in second["intervals"][0]["payloads"]] == [
            "UKFLEX_MESSAGE",
            "DISPATCH_SETPOINT_RELATIVE",
        ]
        assert await events(session) == vtn.events
        (line,) = [json.loads(one) for one in log.read_text().splitlines()]
        assert line == meddler.struck[0]
        assert (line["tampering"], line["id"], line["thread"]) == ("stripped", "E2", "D2")


async def test_an_order_given_while_an_answer_is_under_way_strikes_the_next_one():
    async with between() as (vtn, meddler, session):
        vtn.asked = lambda: meddler.orders.append(Order(tampering="stripped", thread="D2"))
        assert await events(session) == vtn.events
        assert meddler.struck == []
        vtn.asked = lambda: None
        assert await events(session) != vtn.events
        assert len(meddler.struck) == 1


async def test_an_order_of_another_kind_or_that_cannot_be_done_waits():
    async with between() as (vtn, meddler, session):
        orders = [Order(tampering="stripped", kind="cease"), Order(tampering="rolled_back")]
        meddler.orders += orders
        assert await events(session) == vtn.events
        assert meddler.orders == orders


async def test_what_is_withheld_is_not_there_by_its_id_either():
    async with between() as (vtn, meddler, session):
        meddler.orders.append(Order(tampering="withheld", thread="D1", when="always"))
        for _ in range(2):
            assert await events(session) == vtn.events[1:]
            assert (await shown(session, "/events/E1"))[0] == 404
        meddler.orders.clear()
        assert await events(session) == vtn.events


async def test_chance_follows_from_the_seed():
    async def drawn(seed: int) -> list[int]:
        async with between(seed) as (_, meddler, session):
            meddler.orders.append(Order(tampering="withheld", when="chance", chance=0.5))
            return [len(await events(session)) for _ in range(12)]

    assert await drawn(1) == await drawn(1)
    assert await drawn(1) != await drawn(2)
    assert set(await drawn(1)) > {1}


async def test_reports_are_tampered_with_on_their_way_up():
    report = {"eventID": "E1", "reportName": "R", "resources": [event()]}
    async with between() as (vtn, meddler, session):
        meddler.orders.append(Order(tampering="unsigned", towards="vtn"))
        for _ in range(2):
            async with session.post("/reports", json=report) as answer:
                assert answer.status == 201
        first, second = vtn.posted
        types = [p["type"] for p in first["resources"][0]["intervals"][0]["payloads"]]
        assert types == ["DISPATCH_SETPOINT_RELATIVE"]
        assert second == report


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({}, "tampering is one of own_key"),
        ({"tampering": "nonsense"}, "tampering is one of own_key"),
        ({"tampering": "stripped", "colour": "red"}, "no such member of an order: colour"),
        ({"tampering": "stripped", "when": "now"}, "when is next or always or chance"),
        ({"tampering": "stripped", "chance": 2}, "chance lies between 0 and 1"),
        ({"tampering": "stripped", "chance": "x"}, "chance lies between 0 and 1"),
        ({"tampering": "rolled_back", "towards": "vtn"}, "cannot be done"),
    ],
)
async def test_orders_are_given_while_it_runs_and_those_that_are_none_are_refused(value, why):
    order = {"tampering": "stripped", "thread": "D1", "when": "always"}
    async with (
        between() as (vtn, meddler, session),
        controlled(meddler) as url,
        aiohttp.ClientSession(url) as control,
    ):
        async with control.post("/orders", json=value) as answer:
            assert answer.status == 400
            assert why in (await answer.json())["detail"]
        async with control.post("/orders", json=order) as answer:
            (taken,) = await answer.json()
            assert taken == {**order, "towards": "agent", "kind": "", "chance": 1.0}
        assert await events(session) != vtn.events
        async with control.get("/struck") as answer:
            assert await answer.json() == meddler.struck != []
        async with control.delete("/orders") as answer:
            assert await answer.json() == []
        assert await events(session) == vtn.events


async def test_somebody_elses_event_can_be_told_of():
    async with (
        between() as (_, meddler, _session),
        controlled(meddler) as url,
        aiohttp.ClientSession(url) as control,
    ):
        async with control.post("/seen", json=event("D8", 8)) as answer:
            assert await answer.json() == {"seen": 1}
        for method, path, status in (("POST", "/seen", 400), ("GET", "/other", 404)):
            async with control.request(method, path, data=b"[]") as answer:
                assert answer.status == status
        async with control.get("/tamperings") as answer:
            assert await answer.json() == tamperings()


def test_the_table_names_codes_and_every_row_has_a_receiver():
    for row in TAMPERINGS.values():
        assert row.agent or row.vtn
        for due in (row.agent, row.vtn):
            assert due is None or not due.reason or due.reason in CODES


def test_what_is_rewritten_is_not_what_was_seen():
    seen, mine = Seen(), event()
    before = json.dumps(mine)
    seen.add(event("D2", 2))
    for row in TAMPERINGS.values():
        row.rewrite(mine, seen)
    assert json.dumps(mine) == before


def test_a_text_signed_again_by_the_key_it_had_is_the_same():
    """So what the rows of keys change is the key alone."""
    (same,) = signed_by("UKPN-1")(event(), Seen())
    assert same == event()
    (strange,) = signed_by("STRANGER-1")(event(), Seen())
    assert said(strange) == said(event())
    payloads = strange["intervals"][0]["payloads"]
    with pytest.raises(Refused, match="SIGNATURE_INVALID"):
        open_message(payloads[0]["values"][0], [payloads[1]["values"][0]], VEN, minute(0))
