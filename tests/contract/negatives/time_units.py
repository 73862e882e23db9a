"""Times, lengths, signs and units: plain ones, and those under a signature."""

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.scene import Given, Scene
from tests.contract.negatives.signed import carrying, event_of, i2, message, period, window
from tests.golden import at, life, sealed_in
from tests.wire import Request, post, put
from vtn.domain.record import Kind

When = Callable[[], Iterable[Request]]


def event(**interval: Any) -> dict[str, Any]:
    """An event outside the profile, with one interval."""
    payloads = [{"type": "PRICE", "values": [1]}]
    return {"programID": "{PX}", "intervals": [{"id": 0, "payloads": payloads, **interval}]}


def starts(*starts: Any) -> When:
    """Events whose interval starts so."""
    return lambda: [
        post("/events", event(intervalPeriod={"start": s, "duration": "PT1H"})) for s in starts
    ]


def lasts(duration: str) -> When:
    period = {"start": "2026-11-24T16:30:00Z", "duration": duration}
    return lambda: [post("/events", event(intervalPeriod=period))]


def spoilt(**body: Any) -> When:
    """I2 with other members in its body."""
    return lambda: [post("/events", carrying(i2(**body)))]


def alarming(change: Callable[[dict[str, Any]], None], *periods: Any) -> dict[str, Any]:
    """An event that carries a faultless I2, with intervals that were changed."""
    found = event_of(i2(periods=list(periods)) if periods else i2())
    change(found)
    return found


def _lasting(duration: str) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        found["intervals"][0]["intervalPeriod"]["duration"] = duration

    return change


def _randomised(found: dict[str, Any]) -> None:
    found["intervals"][0]["intervalPeriod"]["randomizeStart"] = "PT2H"


def _in_kilowatts(found: dict[str, Any]) -> None:
    for payload in found["intervals"][0]["payloads"]:
        if payload["type"] == "DISPATCH_SETPOINT_RELATIVE":
            payload["values"] = [1000.0]


def _half_firm(found: dict[str, Any]) -> None:
    second = found["intervals"][1]
    second["payloads"] = [p for p in second["payloads"] if p["type"] != "SELF_DISPATCHED"]


def _with_fraction() -> dict[str, Any]:
    one = i2()
    one["issued_at"] = "2026-11-24T15:00:00.000Z"
    return one


def variation(issued: str, *watts: int, ids: tuple[int, ...] = (0, 1, 2)) -> dict[str, Any]:
    """A variation of D1 into three periods: past, running and to come at 17:10."""
    bounds = (("16:30", "17:00"), ("17:00", "17:30"), ("17:30", "18:00"))
    periods = [
        period(start, end, one, delta_w=delta_w)
        for (start, end), one, delta_w in zip(bounds, ids, watts, strict=True)
    ]
    return signed.varied(issued, *periods)


def varied(*watts: int) -> When:
    """D1, varied already, is varied again; the ids stay as they are."""
    again = "2026-11-24T17:10:00Z"
    return lambda: [put("/events/{E1}", event_of(variation(again, *watts)))]


def _varied_once() -> Iterable[dict[str, Any]]:
    return [variation("2026-11-24T16:50:00Z", 1_000_000, 800_000, 500_000)]


def on_clock_change(start: str, end: str, day: str, issued: str) -> When:
    def when() -> Iterable[Request]:
        one = message(
            "DSP-0002",
            issued,
            [period(start, end, day=day)],
            accept_by=f"{day}T{start}:00Z",
            valid_until=f"{day}T{end}:00Z",
        )
        return [post("/events", event_of(one))]

    return when


def _during(start: str, end: str) -> dict[str, Any]:
    return {"windows": [window(start, end)]}


def _post_action() -> Iterable[Request]:
    """48 half-hour values for a day of 46."""
    one = json.loads(sealed_in(life("20")).text)
    for name in ("metered_w", "baseline_w", "delivered_wh", "quality"):
        one["body"][name] = [*one["body"][name], *one["body"][name][-2:]]
    return [post("/reports", signed.report(one, "{E1}"), "fsp7")]


async def _life_to_cease(scene: Scene) -> None:
    """The golden dispatch of that day, ceased."""
    event = {**life("12"), "programID": "{P7}"}
    scene.clock.set(at("2026-03-29T12:20:00Z"))
    await scene.make(Kind.EVENT, event, name="E1")
    for number, now in (("15", "2026-03-29T16:10:00Z"), ("17", "2026-03-29T16:38:00Z")):
        scene.clock.set(at(now))
        await scene.revise("E1", {**life(number), "programID": "{P7}"})
    scene.clock.set(at("2026-03-30T09:00:00Z"))


def priced(price: Any) -> Request:
    """An offer of FSP7 at this price."""
    one = json.loads(sealed_in(life("07")).text)
    one |= {
        "program": signed.CONTRACT,
        "issued_at": "2026-11-24T15:00:00Z",
        "revision": i2()["revision"],
        "valid_until": "2026-11-24T18:30:00Z",
    }
    one["body"] |= {"price": price}
    return post("/reports", signed.report(one, "{T7}"), "fsp7")


def _acceptance() -> Iterable[Request]:
    one = json.loads(sealed_in(life("08")).text)
    one |= {"issued_at": "2026-11-24T15:00:00Z", "revision": i2()["revision"]}
    one["body"] = copy.deepcopy(one["body"])
    one["body"]["price"]["utilisation_minor_per_mwh"] = 210.5
    return [post("/events", event_of(one, shown=i2()))]


_1M = {"delta_w": 1_000_000}
_TWO_HALVES = (
    period("18:00", "18:15", 0, delta_w=1_000_000),
    period("18:15", "18:30", 1, delta_w=1_000_000),
)

WHEN: dict[str, When] = {
    "N101": starts("2026-11-24T16:30:00"),
    "N102a": starts("2026-11-24T17:30:00+01:00"),
    "N102b": spoilt(
        periods=[
            {**_1M, "id": 0, "start": "2026-11-24T19:00:00+01:00", "end": "2026-11-24T18:30:00Z"}
        ]
    ),
    "N103a": starts("2026-11-24"),
    "N103b": starts(1795532400, "1795532400"),
    "N103d": starts("2026-11-24T24:00:00Z"),
    "N103e": starts("2026-12-31T23:59:60Z"),
    "N103f": starts("2026-11-24 16:30:00Z"),
    "N103g": starts("10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    "N103h": starts("2026-02-30T00:00:00Z"),
    "N103i": starts("2026-11-24t16:30:00z"),
    "N103j": lambda: [post("/events", carrying(_with_fraction()))],
    "N104a": on_clock_change("01:15", "01:45", "2026-03-29", "2026-03-28T15:00:00Z"),
    "N104b": on_clock_change("01:30", "02:00", "2026-10-25", "2026-10-24T15:00:00Z"),
    "N104c": _post_action,
    "N105a": lasts("P0S"),
    "N105b": lasts("PT0.5H"),
    "N105c": lasts("-PT5M"),
    "N105d": lasts("PT999999999999S"),
    "N105f": lambda: [post("/events", alarming(_lasting(d))) for d in ("P1M", "PT0S")],
    "N106": lambda: [post("/events", alarming(_randomised))],
    "N107a": spoilt(periods=[period("18:00", "18:20"), period("18:15", "18:30", 1)]),
    "N107b": spoilt(periods=[period("18:00", "18:15"), period("18:15", "18:30")]),
    "N107d": lambda: [
        post("/events", carrying(i2(periods=[period("18:00", end)]))) for end in ("18:00", "17:30")
    ],
    "N107f": varied(900_000, 800_000, 500_000),
    "N107g": varied(1_000_000, 800_000, 400_000),
    "N108a": lambda: [post("/events", alarming(_in_kilowatts))],
    "N108b": spoilt(periods=[period("18:00", "18:30", delta_w=-1_000_000)]),
    "N108c": spoilt(dispatch_type="demand_turn_up"),
    "N108d": spoilt(periods=[period("18:00", "18:30", delta_w=1_000_000, setpoint_w=1_000_000)]),
    "N108e": spoilt(
        periods=[{"id": 0, "start": "2026-11-24T18:00:00Z", "end": "2026-11-24T18:30:00Z"}]
    ),
    "N108f": spoilt(periods=[period("18:00", "18:30", setpoint_w=1_000_000)]),
    "N108i": lambda: [post("/events", alarming(_half_firm, *_TWO_HALVES))],
    "N109a": lambda: [priced({"utilisation_minor_per_mwh": 21000})],
    "N109b": lambda: [
        priced({"currency": c, "utilisation_minor_per_mwh": 21000}) for c in ("GBX", "gbp")
    ],
    "N109c": _acceptance,
}

GIVEN: dict[str, Given] = {
    "N104a": Given("2026-03-28T15:00:00Z", _during("01:15", "01:45"), dispatched=False),
    "N104b": Given("2026-10-24T15:00:00Z", _during("01:30", "02:00"), dispatched=False),
    "N104c": Given("2026-03-29T12:20:00Z", dispatched=False, also=_life_to_cease),
    "N107f": Given("2026-11-24T17:10:00Z", before=_varied_once),
    "N107g": Given("2026-11-24T17:10:00Z", before=_varied_once),
}
