"""The market desk as a table of operations: strict parameters in, JSON with stable keys out."""

import jsonschema
import pytest

from tests.unit.vtn.fsps import END, HOUR, MARKET, RESPOND_BY, START
from tests.unit.vtn.scene import scene_on
from tests.unit.vtn.test_market import F7, F8, Scene
from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from vtn.domain.desk import carry_out
from vtn.domain.market import OPERATIONS, MarketOrder

ASKED = {
    "product": "OU",
    "zone": "HENDON-WAY",
    "start": time_text(START),
    "end": time_text(END),
    "delta_w": 1_500_000,
    "respond_by": time_text(RESPOND_BY),
    "thread": "R1",
}


async def run(market, name, **given):
    """The answer of an operation, which keeps its own schema."""
    operation = OPERATIONS[name]
    answer = await carry_out(market.market, operation, given)
    jsonschema.validate(answer, operation.shown.model_json_schema(mode="serialization"))
    return answer


async def test_a_life_of_a_request_in_json():
    async with scene_on("memory") as base:
        market = await Scene(base).open(F7, F8)
        asked = await run(market, "request", **ASKED)
        same = {name: asked[name] for name in ASKED}
        assert (same, asked["market"], asked["withdrawn"]) == (ASKED, MARKET, False)
        assert (asked["dispatch_type"], asked["min_offer_w"]) == (None, None)
        market.request = (await market.market.offers("R1")).asked
        await market.offers(F7, 22_000)
        await market.offers(F8, 21_000)
        (one,) = (await run(market, "offers"))["requests"]
        assert [one] == (await run(market, "offers", thread="R1"))["requests"]
        assert [o["acceptance"] for o in one["offers"]] == [None, None]
        awarded = await run(market, "award", thread="R1")
        assert (awarded["request"], awarded["currency"], awarded["missing"]) == (asked, "GBP", [])
        first, second = awarded["offers"]
        assert (first["provider"], first["thread"]) == ("FSP8", "AV-1")
        assert (first["utilisation_minor_per_mwh"], first["assets"]) == (21_000, [F8.asset])
        whole = {"start": ASKED["start"], "end": ASKED["end"]}
        silent = {"id": None, "max_run_s": None, "notice_s": None}
        assert first["taken"] == first["periods"] == [{**whole, **silent, "delta_w": 1_000_000}]
        assert second["taken"] == [{**whole, **silent, "delta_w": 500_000}]
        answer = second["acceptance"]
        assert (answer["accepted"], answer["reason"], answer["withdrawn"]) == (True, "", False)
        gone = await run(market, "withdraw", thread=answer["thread"], contract_id=F7.contract)
        assert (gone["of"], gone["program"], gone["kind"]) == (
            "acceptance",
            F7.contract,
            "cancellation",
        )
        again = await run(market, "award", thread="R1")
        assert again["missing"] == [{**whole, "delta_w": 500_000}]
        assert (await run(market, "withdraw", thread="R1", reason="DONE"))["of"] == "request"
        market.clock.set(END + 24 * HOUR)
        assert await run(market, "offers") == {"requests": []}


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("request", {**ASKED, "watts": 1}, "BODY_INVALID at /watts.*respond_by"),
        ("request", {**ASKED, "delta_w": 1.5}, "BODY_INVALID at /delta_w"),
        ("request", {**ASKED, "start": "2026-11-24T17:00:00+00:00"}, "TIME_FORMAT at /start"),
        ("request", {**ASKED, "min_offer_w": -1}, "BODY_VALUE at /min_offer_w"),
        ("request", {**ASKED, "dispatch_type": "less"}, "BODY_VALUE at /dispatch_type"),
        ("request", {**ASKED, "thread": "R 1"}, "BODY_VALUE at /thread"),
        ("award", {}, "BODY_INVALID at /thread"),
        ("offers", {"thread": 7}, "BODY_INVALID at /thread"),
        ("withdraw", {"thread": "R1", "why": ""}, "BODY_INVALID at /why"),
    ],
)
def test_parameters_are_read_strictly(name, given, says):
    with pytest.raises(Refused, match=says):
        OPERATIONS[name].order.read(given)


def test_members_are_a_list():
    with pytest.raises(Refused, match="BODY_INVALID at /members"):
        MarketOrder.read({"product": "OU", "zone": "Z", "members": "FSP7"})
