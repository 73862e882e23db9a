"""The market desk: who is asked, what is taken in merit order, and what each FSP is told."""

import json
from datetime import timedelta

import pytest

from tests.unit.ven.dso import NOON, terms
from tests.unit.vtn.fsps import END, HOUR, MARKET, RESPOND_BY, START, Fsp, asked, reference_to
from tests.unit.vtn.scene import scene_on
from ukprofile.errors import Refused
from ukprofile.flex.common import Price
from ukprofile.flex.offer import Acceptance, OfferedPeriod
from ukprofile.flex.stop import Cancellation
from ukprofile.flex.times import time_text
from ukprofile.mapping.carrier import message_in
from ukprofile.mapping.event import event_of
from ukprofile.openadr import Event
from vtn.domain.desk import InstructionOrder, PeriodOrder
from vtn.domain.grants import OFFICE
from vtn.domain.objects import Query
from vtn.domain.record import Kind

MINUTE = timedelta(minutes=1)
F7, F8, F9 = FSPS = (Fsp(7), Fsp(8), Fsp(9))


class Scene:
    """The market of Hendon Way with three FSPs in it, on a store."""

    def __init__(self, base) -> None:
        self.base, self.market, self.clock = base, base.vtn.market, base.clock

    async def open(self, *fsps: Fsp) -> "Scene":
        for fsp in fsps or FSPS:
            await fsp.enrol(self.base.office)
        await self.market.add_market("OU", "HENDON-WAY", [f.party for f in fsps or FSPS])
        return self

    async def ask(self, thread="R1", **changes):
        self.request = await self.market.request(asked(**changes), thread=thread)
        return self.request

    async def posts(self, fsp, kind, body, thread="AV-1"):
        """An FSP posts a message about the newest request, a second after the one before."""
        self.clock.advance(timedelta(seconds=1))
        (event,) = self.base.store.live.find(Kind.EVENT, "name", self.request.thread)
        to = (await reference_to(self.base.store, self.request), event.id)
        where = {"program": self.request.market}
        report = fsp.report(kind, body, to, self.clock.now(), thread, **where)
        return await self.base.vtn.objects.create(Kind.REPORT, report.dump(), fsp.viewer)

    async def offers(self, fsp, price, watts=1_000_000, thread="AV-1", **changes):
        body = fsp.offer(price, watts, **changes).to_json()
        return await self.posts(fsp, "availability", body, thread)

    async def withdraws(self, fsp, thread="AV-1"):
        body = Cancellation(of="availability", contract_id=fsp.contract).to_json()
        await self.posts(fsp, "cancellation", body, thread)

    async def instructs(self, fsp, thread, start, end, asset=""):
        """The DSO dispatches half a megawatt of one asset."""
        period = PeriodOrder(start=start, end=end, delta_w=500_000)
        order = InstructionOrder(
            contract_id=fsp.contract,
            periods=(period,),
            assets=(asset or fsp.asset,),
            thread=thread,
        )
        await self.base.desk.instruct(order)

    def seen_by(self, fsp):
        """The acceptances that an FSP reads, as signed: (header and body)."""
        page = self.base.vtn.objects.list(Kind.EVENT, Query(), fsp.viewer)
        events = [Event.read(value) for value in json.loads(page.body)]
        texts = [json.loads(message_in(e.intervals).text) for e in events]
        return [t for t, e in zip(texts, events, strict=True) if e.event_name == "ACCEPTANCE"]

    async def lines(self, thread="R1"):
        """(FSP, watts taken, reason or answer's reason) in merit order."""
        found = await self.market.offers(thread)
        return [
            (
                line.offered.offer.provider,
                [p.delta_w for p in line.ranked.taken],
                line.ranked.reason or (line.offered.answer.body.reason or "accepted")
                if line.offered.answer
                else line.ranked.reason or "open",
            )
            for line in found.lines
        ]


@pytest.fixture
async def market(scene):
    return await Scene(scene).open()


# -- markets ---------------------------------------------------------------------------------------


async def test_a_market_is_a_program_whose_target_every_member_has(scene):
    for fsp in (F7, F8):
        await fsp.enrol(scene.office)
    made = await scene.vtn.market.add_market("OU", "HENDON-WAY", ["FSP7"])
    assert (made.name, made.members) == (MARKET, ("FSP7",))
    (program,) = [p for p in scene.objects(Kind.PROGRAM) if p["programName"] == MARKET]
    assert program["targets"] == ["MARKET-UKPN-OU-HENDON-WAY"]
    assert program["intervalPeriod"] == {"start": "2026-11-24T00:00:00Z", "duration": "P365D"}
    grants = {v["venName"]: v["targets"] for v in scene.objects(Kind.VEN)}
    assert grants["FSP7"] == ["CONTRACT_ID-UKPN-FLEX-7", "MARKET-UKPN-OU-HENDON-WAY"]
    assert grants["FSP8"] == ["CONTRACT_ID-UKPN-FLEX-8"]


async def test_members_join_later_and_nothing_is_done_twice(scene):
    for fsp in (F7, F8):
        await fsp.enrol(scene.office)
    await scene.vtn.market.add_market("OU", "HENDON-WAY", ["FSP7"])
    scene.clock.advance(timedelta(days=40))
    made = await scene.vtn.market.add_market("OU", "HENDON-WAY", ["FSP8"])
    assert made.members == ("FSP7", "FSP8")
    before = await scene.counts()
    await scene.vtn.market.add_market("OU", "HENDON-WAY", ["FSP8", "FSP7"])
    assert await scene.counts() == before
    assert scene.vtn.market.markets() == [made]
    assert {c.name for c in scene.office.contracts()} == {F7.contract, F8.contract}


async def test_a_product_with_a_sign_in_its_name_is_bought_too():
    async with scene_on("memory") as base:
        market = Scene(base)
        await F7.enrol(base.office)
        own = {"contract_id": F7.contract, "assets": [{"asset_id": F7.asset}]}
        await base.office.add_contract(terms(**own, product="SA+OU"), "FSP7")
        made = await market.market.add_market("SA+OU", "HENDON-WAY", ["FSP7"])
        assert made.name == "market:UKPN:SA-OU:HENDON-WAY"
        await market.ask(service_product="SA+OU")
        await market.offers(F7, 20_000)
        await market.market.award("R1")
        assert await market.lines() == [("FSP7", [1_000_000], "accepted")]


async def test_an_unknown_member_stores_nothing(scene):
    await F7.enrol(scene.office)
    before = await scene.counts()
    with pytest.raises(Refused, match=r"NOT_FOUND.*no ven FSP9"):
        await scene.vtn.market.add_market("OU", "HENDON-WAY", ["FSP7", "FSP9"])
    assert await scene.counts() == before


# -- request ---------------------------------------------------------------------------------------


async def test_a_request_goes_to_the_market_signed(market):
    request = await market.ask("")
    assert request.thread.startswith("REQ-")
    assert (request.market, request.withdrawn, request.request) == (MARKET, False, asked())
    (event,) = [e for e in market.base.objects(Kind.EVENT) if e["eventName"] == "REQUEST"]
    assert event["targets"] == ["MARKET-UKPN-OU-HENDON-WAY"]
    text = json.loads(event["intervals"][0]["payloads"][0]["values"][0])
    assert (text["kind"], text["recipient"], text["program"]) == ("request", MARKET, MARKET)
    assert text["valid_until"] == time_text(END)
    assert text["body"] == asked().to_json()


BAD_REQUESTS = (
    ({"zone": "ELSEWHERE"}, r"NOT_FOUND.*market:UKPN:OU:ELSEWHERE: ukvtn markets list"),
    ({"respond_by": NOON}, r"BODY_VALUE at /respond_by"),
    ({"respond_by": START + MINUTE}, r"BODY_VALUE at /respond_by.*2026-11-24T17:00:00Z"),
    ({"end": START}, r"PERIODS_INVALID at /window"),
    ({"delta_w": 0}, r"BODY_VALUE at /body/delta_w"),
    ({"delta_w": -1}, r"SIGN_MISMATCH at /body/delta_w"),
    ({"min_offer_w": -1}, r"BODY_VALUE at /body/min_offer_w"),
    ({"dispatch_type": "less"}, r"BODY_VALUE at /body/dispatch_type"),
)


async def test_a_bad_request_is_refused_and_stores_nothing(market):
    before = await market.base.counts()
    for changes, says in BAD_REQUESTS:
        with pytest.raises(Refused, match=says):
            await market.ask(**changes)
        assert await market.base.counts() == before


async def test_a_thread_is_one_request_for_life(market):
    await market.ask("R1")
    market.clock.advance(MINUTE)
    with pytest.raises(Refused, match="THREAD_MISPLACED"):
        await market.ask("R1", delta_w=1)
    assert (await market.market.offers("R1")).asked.request == asked()
    await market.ask("R2")
    assert [r.thread for r in await market.market.requests()] == ["R1", "R2"]
    market.clock.set(END + timedelta(days=1))
    assert await market.market.requests() == []


async def test_an_unknown_request_has_no_offers(market):
    for asks in (market.market.offers, market.market.award, market.market.cancel):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await asks("R9")


# -- offers at the VTN -----------------------------------------------------------------------------


async def test_an_fsp_sees_neither_the_offers_nor_the_grants_of_another(market):
    await market.ask()
    await market.offers(F7, 20_000)
    await market.offers(F8, 19_000)
    for fsp, rival in ((F7, F8), (F8, F7)):
        for kind in Kind:
            if kind is not Kind.SUBSCRIPTION:
                page = market.base.vtn.objects.list(kind, Query(), fsp.viewer).body.decode()
                assert rival.party not in page
                assert rival.contract.replace(":", "-") not in page
        (report,) = market.base.store.live.find(Kind.REPORT, "client_id", rival.client_id)
        with pytest.raises(Refused, match="HIDDEN"):
            market.base.vtn.objects.get(Kind.REPORT, report.id, fsp.viewer)


async def test_who_is_not_in_the_market_cannot_offer(scene):
    market = await Scene(scene).open(F7)
    await F8.enrol(scene.office)
    await market.ask()
    with pytest.raises(Refused, match=r"WRONG_PROGRAM|REF_UNKNOWN"):
        await market.offers(F8, 1)


BAD_OFFERS = (
    ({"contract_id": F8.contract}, "CONTRACT_MISMATCH at /body/contract_id: FSP7 has no"),
    ({"contract_id": "UKPN:NONE"}, "CONTRACT_MISMATCH at /body/contract_id: FSP7 has no"),
    ({"asset": F8.asset}, "ASSET_UNKNOWN at /body/assets/0"),
    ({"watts": 1_500_001}, "OVER_CAPACITY"),
    ({"price": Price("gbp")}, "BODY_VALUE at /body/price/currency"),
    (
        {"periods": (OfferedPeriod(start=START - MINUTE, end=END, delta_w=1),)},
        "EXCEEDS_REQUEST at /body/periods/0",
    ),
)


async def test_an_offer_that_breaks_a_rule_is_refused_by_its_clause(market):
    await market.ask()
    before = await market.base.counts()
    for changes, says in BAD_OFFERS:
        with pytest.raises(Refused, match=says) as refused:
            await market.offers(F7, **{"price": 20_000, **changes})
        assert refused.value.clause.startswith("profile")
        assert await market.base.counts() == before


async def test_the_newest_revision_of_each_offer_is_listed(market):
    await market.ask()
    await market.offers(F7, 22_000)
    await market.offers(F8, 21_000)
    await market.offers(F9, 1)
    await market.offers(F9, 1, thread="AV-2", watts=200_000)
    await market.offers(F7, 20_000, watts=900_000)
    await market.withdraws(F9)
    assert await market.lines() == [
        ("FSP9", [], "WITHDRAWN"),
        ("FSP9", [200_000], "open"),
        ("FSP7", [900_000], "open"),
        ("FSP8", [1_000_000], "open"),
    ]
    found = await market.market.offers("R1")
    assert [(m.start, m.end, m.delta_w) for m in found.missing] == [(START, END, 400_000)]


# -- award -----------------------------------------------------------------------------------------


async def three_offers(market):
    await market.ask()
    await market.offers(F7, 22_000)
    await market.offers(F8, 21_000)
    await market.offers(F9, 20_000)


async def test_an_award_takes_the_cheapest_and_tells_each_its_own(market):
    await three_offers(market)
    market.clock.set(RESPOND_BY + MINUTE)
    done = await market.market.award("R1")
    assert done.missing == ()
    taken = {}
    for fsp in FSPS:
        (text,) = market.seen_by(fsp)
        assert (text["kind"], text["recipient"]) == ("acceptance", fsp.party)
        assert text["program"] == text["body"]["contract_id"] == fsp.contract
        assert text["in_reply_to"]["thread"] == "AV-1"
        assert text["body"]["assets"] == [{"asset_id": fsp.asset}]
        assert text["valid_until"] == time_text(END)
        taken[fsp.party] = [p["delta_w"] for p in text["body"]["periods"]]
        assert text["body"]["price"]["currency"] == "GBP"
        assert "reason" not in text["body"]
    assert taken == {"FSP7": [500_000], "FSP8": [1_000_000], "FSP9": [1_000_000]}


async def test_the_rest_is_turned_down_with_a_reason(market):
    await market.ask(delta_w=1_000_000)
    await market.offers(F7, 22_000)
    await market.offers(F9, 20_000)
    market.clock.set(RESPOND_BY)
    await market.offers(F8, 1)
    await market.market.award("R1")
    assert await market.lines() == [
        ("FSP8", [], "LATE: it came after respond_by"),
        ("FSP9", [1_000_000], "accepted"),
        ("FSP7", [], "NOT_NEEDED: cheaper offers meet the request"),
    ]
    (text,) = market.seen_by(F7)
    assert (text["body"]["periods"], "price" in text["body"]) == ([], False)
    assert text["body"]["reason"].startswith("NOT_NEEDED")


async def test_an_award_said_twice_changes_nothing(market):
    await three_offers(market)
    first = await market.market.award("R1")
    before = await market.base.counts()
    market.clock.advance(MINUTE)
    assert await market.market.award("R1") == first
    assert await market.base.counts() == before


async def writes_of_an_award():
    async with scene_on("memory") as base:
        market = await Scene(base).open()
        await three_offers(market)
        base.store.writes = 0
        await market.market.award("R1")
        return base.store.writes


async def test_an_award_that_was_cut_short_anywhere_is_said_again_to_the_same_end():
    steps = await writes_of_an_award()
    assert steps == 3
    for kind in ("memory", "sqlite"):
        for n in range(1, steps + 1):
            async with scene_on(kind) as base:
                market = await Scene(base).open()
                await three_offers(market)
                base.store.cut_at(n)
                with pytest.raises(Refused, match="STORE_DOWN"):
                    await market.market.award("R1")
                market.clock.advance(MINUTE)
                await market.market.award("R1")
                assert [f"{name} {watts}" for name, watts, _ in await market.lines()] == [
                    "FSP9 [1000000]",
                    "FSP8 [1000000]",
                    "FSP7 [500000]",
                ]
                assert [len(market.seen_by(fsp)) for fsp in FSPS] == [1, 1, 1]


async def test_offers_that_come_after_an_award_are_taken_for_what_is_missing(market):
    await market.ask()
    await market.offers(F7, 22_000)
    await market.market.award("R1")
    await market.offers(F9, 1, watts=1_500_000)
    await market.offers(F8, 2)
    done = await market.market.award("R1")
    assert done.missing == ()
    assert await market.lines() == [
        ("FSP9", [1_500_000], "accepted"),
        ("FSP8", [], "NOT_NEEDED: cheaper offers meet the request"),
        ("FSP7", [1_000_000], "accepted"),
    ]


async def test_what_was_turned_down_and_is_offered_better_is_answered_in_the_same_thread(market):
    await market.ask(delta_w=1_500_000)
    await market.offers(F7, 22_000, watts=1_000_000)
    await market.offers(F8, 23_000, watts=50_000)
    await market.market.award("R1")
    (down,) = market.seen_by(F8)
    assert down["body"]["reason"].startswith("BELOW_MIN_OFFER")
    await market.offers(F8, 23_000, watts=700_000)
    await market.market.award("R1")
    (taken,) = market.seen_by(F8)
    assert taken["thread"] == down["thread"]
    assert taken["revision"] > down["revision"]
    assert [p["delta_w"] for p in taken["body"]["periods"]] == [500_000]
    assert taken["in_reply_to"]["revision"] > down["in_reply_to"]["revision"]
    # what is taken keeps its answer, whatever its FSP would like afterwards
    await market.offers(F7, 99_000, watts=1)
    before = await market.base.counts()
    await market.market.award("R1")
    assert await market.base.counts() == before


async def test_an_offer_that_its_fsp_withdraws_gives_nothing_and_another_takes_its_place(market):
    await three_offers(market)
    await market.withdraws(F9)
    await market.market.award("R1")
    assert market.seen_by(F9) == []
    await market.withdraws(F8)
    found = await market.market.offers("R1")
    assert [m.delta_w for m in found.missing] == [1_500_000]
    assert ("FSP8", [], "WITHDRAWN") in await market.lines()


async def test_prices_are_compared_in_the_currency_of_the_contracts(market):
    await market.ask()
    await market.offers(F7, Price("EUR", 1))
    await market.offers(F8, 30_000)
    assert [name for name, *_ in await market.lines()] == ["FSP8", "FSP7"]
    assert (await market.market.offers("R1")).currency == "GBP"
    price = {"currency": "EUR", "utilisation_minor_per_mwh": 1}
    for fsp in (F7, F8):
        own = {"contract_id": fsp.contract, "assets": [{"asset_id": fsp.asset}], "price": price}
        await market.base.office.add_contract(terms(**own), fsp.party)
    assert (await market.market.offers("R1")).currency == "EUR"
    assert [(n, r) for n, _, r in await market.lines()] == [("FSP7", "open"), ("FSP8", "CURRENCY")]


async def test_nothing_is_awarded_of_a_request_that_is_withdrawn_or_over(market):
    await three_offers(market)
    market.clock.set(END)
    with pytest.raises(Refused, match=r"STATE_INVALID.*the window of R1 is over"):
        await market.market.award("R1")
    market.clock.set(END - MINUTE)
    await market.market.cancel("R1", reason="NOT_REQUIRED")
    with pytest.raises(Refused, match=r"STATE_INVALID.*R1 is withdrawn"):
        await market.market.award("R1")
    assert [market.seen_by(fsp) for fsp in FSPS] == [[], [], []]


# -- withdrawal ------------------------------------------------------------------------------------


async def test_a_request_is_withdrawn_in_its_own_event(market):
    await market.ask()
    await market.market.cancel("R1", reason="NOT_REQUIRED")
    assert (await market.market.offers("R1")).asked.withdrawn
    (event,) = [e for e in market.base.objects(Kind.EVENT) if e["eventName"] == "REQUEST"]
    assert event["intervalPeriod"] == {"start": "0001-01-01T00:00:00Z", "duration": "PT0S"}
    text = json.loads(event["intervals"][0]["payloads"][0]["values"][0])
    assert (text["kind"], text["body"]["of"]) == ("cancellation", "request")
    assert text["body"]["reason"] == "NOT_REQUIRED"
    with pytest.raises(Refused, match=r"STATE_INVALID.*withdrawn already"):
        await market.market.cancel("R1")


async def test_a_request_whose_window_is_over_is_not_withdrawn(market):
    await market.ask()
    market.clock.set(END)
    with pytest.raises(Refused, match=r"STATE_INVALID.*the window of R1 is over"):
        await market.market.cancel("R1")


async def test_an_acceptance_is_withdrawn_before_it_begins_and_stays_so(market):
    await market.ask()
    await market.offers(F7, 22_000)
    await market.market.award("R1")
    thread = market.seen_by(F7)[0]["thread"]
    assert await market.market.owns(thread)
    assert not await market.market.owns(thread, "UKPN:FLEX-8")
    await market.market.cancel(thread, reason="NETWORK_CHANGED")
    (text,) = market.seen_by(F7)
    assert (text["kind"], text["body"]["of"]) == ("cancellation", "acceptance")
    done = await market.market.award("R1")
    assert [m.delta_w for m in done.missing] == [2_500_000]
    assert done.lines[0].offered.answer.withdrawn
    assert len(market.seen_by(F7)) == 1


async def test_what_has_begun_and_what_takes_nothing_is_not_withdrawn(market):
    await market.ask(delta_w=1_000_000)
    await market.offers(F7, 22_000)
    await market.offers(F8, 23_000)
    await market.market.award("R1")
    (taken,), (down,) = market.seen_by(F7), market.seen_by(F8)
    with pytest.raises(Refused, match=r"STATE_INVALID.*turned an offer down"):
        await market.market.cancel(down["thread"])
    market.clock.set(START)
    with pytest.raises(Refused, match=r"STATE_INVALID.*has begun"):
        await market.market.cancel(taken["thread"])


async def test_a_dispatch_is_neither_a_request_nor_an_acceptance(market):
    await market.instructs(F7, "D1", START, END)
    assert not await market.market.owns("D1")
    with pytest.raises(Refused, match="NOT_FOUND"):
        await market.market.cancel("D1")


# -- what is dispatched under an acceptance --------------------------------------------------------


async def test_the_listing_shows_the_dispatches_that_draw_on_an_acceptance(market):
    await three_offers(market)
    await market.market.award("R1")
    other = {
        "contract_id": F7.contract,
        "assets": [{"asset_id": a} for a in (F7.asset, "AS-OTHER")],
    }
    await market.base.office.add_contract(terms(**other), "FSP7")
    market.clock.set(RESPOND_BY)
    half = START + HOUR
    for fsp, thread, start in ((F7, "D1", START), (F7, "D2", half), (F8, "D3", START)):
        await market.instructs(fsp, thread, start, start + HOUR)
    await market.instructs(F7, "D4", END, END + HOUR)
    await market.instructs(F7, "D5", START, END, "AS-OTHER")
    found = await market.market.offers("R1")
    under = {line.offered.offer.provider: line.offered.dispatches for line in found.lines}
    assert under == {"FSP7": ("D1", "D2"), "FSP8": ("D3",), "FSP9": ()}


# -- a BL by itself --------------------------------------------------------------------------------


async def test_the_vtn_takes_no_acceptance_of_more_than_was_offered(market):
    """Also from a desk that is not ours: the rules are the VTN's."""
    await market.ask()
    await market.offers(F7, 22_000)
    await market.market.award("R1")
    (line,) = (await market.market.offers("R1")).lines
    answer = line.offered.answer
    slot = answer.slot
    more = answer.body.to_json()
    more["periods"][0]["delta_w"] = 1_000_001
    market.clock.advance(MINUTE)
    signer = market.market._signer
    sealed, header = await signer.sign(
        "acceptance",
        slot.program,
        slot.recipient,
        slot.thread,
        more,
        market.clock.now(),
        valid_until=END,
        in_reply_to=line.offered.newest,
    )
    (event,) = market.base.store.live.find(Kind.EVENT, "name", slot.thread)
    body = event_of(sealed, header, Acceptance.read(more), event.program_id).dump()
    with pytest.raises(Refused, match=r"BODY_VALUE at /body/periods/0: more than was offered"):
        await market.base.vtn.objects.update(Kind.EVENT, event.id, body, OFFICE)
