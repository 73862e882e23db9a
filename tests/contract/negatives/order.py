"""Order and time: repeated, older, equivocal, terminal, too late, too early, and stops."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.scene import FSP7, Given, Scene
from tests.contract.negatives.signed import (
    Message,
    answer,
    bare,
    cancellation,
    cease,
    d1,
    event_of,
    event_with,
    i2,
    message,
    period,
    sealed_text,
    varied,
)
from tests.golden import at
from tests.wire import Reply, Request, post, put
from ukprofile.flex.times import milliseconds
from ukprofile.signing import canonical_form
from vtn.domain.record import Kind

When = Callable[[], Iterable[Request]]

DAY = "2026-11-24"
_55, _56, _1500 = (f"{DAY}T{time}:00Z" for time in ("14:55", "14:56", "15:00"))


def issued(one: Message, when: str, **header: Any) -> Message:
    """The same message, issued then."""
    found = {**one, "issued_at": when, "revision": milliseconds(at(when)), **header}
    if "effective_at" in found["body"]:
        found["body"] = found["body"] | {"effective_at": when}
    return found


def new(**header: Any) -> When:
    """I2 with members of its header replaced, in an event of its own."""
    return lambda: [post("/events", event_of(i2() | header, shown=i2()))]


def _beyond_integers() -> list[Request]:
    """RFC 8785 has no such number, so it is put into the text."""
    text = canonical_form(i2()).replace('"revision":1795532400000', f'"revision":{2**53}')
    return [post("/events", event_with(sealed_text(text), shown=i2()))]


def again(make: Callable[[], Message]) -> When:
    """D1's event with what comes now."""
    return lambda: [put("/events/{E1}", event_of(make()))]


def shorter(when: str, end: str = "17:30", **over: Any) -> Message:
    """D1 shortened before it starts: the change needs an id of its own."""
    return varied(when, period("16:30", end, 1), **{"valid_until": _END, **over})


_END = f"{DAY}T18:00:00Z"


def _acknowledgement() -> Message:
    return answer("acknowledgement", "AK-1", d1(), _1500, decided="received")


async def _acknowledged(scene: Scene) -> None:
    await scene.make(Kind.REPORT, signed.report(_acknowledgement(), "{E1}"), FSP7, name="R1")


async def the_same_report(scene: Scene, replies: list[Reply]) -> None:
    assert replies[0].json["id"] == scene.ids["R1"]


def _other_level() -> Message:
    one = d1()
    one["body"]["periods"] = [period("16:30", "18:00", delta_w=1_200_000)]
    return one


def _another_instruction() -> Message:
    """Not the text that was held before the variation: that would be a repetition."""
    one = d1()
    one["body"]["periods"] = [period("16:30", "17:45")]
    return one


def _shrunk_cease() -> Message:
    return cease("17:10", f"{DAY}T17:00:00Z") | {"valid_until": f"{DAY}T17:10:00Z"}


def _critical_cease() -> Message:
    return cease("17:10", f"{DAY}T17:00:00Z", x=1) | {"criticality": {"/body/x": "abort"}}


def _by_old_key() -> Message:
    return cease("17:10", f"{DAY}T17:00:00Z") | {"key_set": signed.OLD}


def _unsigned_cease() -> list[Request]:
    return [put("/events/{E1}", bare(cease("17:10", f"{DAY}T17:00:00Z")))]


def _four_hours_old() -> Message:
    return message(
        "DSP-0002",
        f"{DAY}T11:30:00Z",
        [period("16:30", "17:30")],
        accept_by=f"{DAY}T16:00:00Z",
        valid_until=f"{DAY}T17:30:00Z",
    )


def _running(number: str) -> Message:
    """An instruction of 16:00 for 16:30 to 18:00."""
    return message(
        number,
        f"{DAY}T16:00:00Z",
        [period("16:30", "18:00")],
        accept_by=f"{DAY}T17:00:00Z",
        valid_until=_END,
    )


def _ended() -> Message:
    return d1() | {"accept_by": f"{DAY}T16:00:00Z", "valid_until": f"{DAY}T18:30:00Z"}


WHEN: dict[str, When] = {
    "N21": again(d1),
    "N21a": lambda: [post("/reports", signed.report(_acknowledgement(), "{E1}"), "fsp7")],
    "N26a": again(_another_instruction),
    "N26b": again(_another_instruction),
    "N26c": lambda: [post("/events", event_of(issued(i2(), _55)))],
    "N27a": again(_other_level),
    "N27b": again(lambda: cease("17:00", f"{DAY}T16:40:00Z")),
    "N27c": again(lambda: cease("17:30", f"{DAY}T16:50:00Z")),
    "N29a": new(revision=0),
    "N29c": _beyond_integers,
    "N29e": new(revision="1795532400000"),
    "N29g": new(revision=1795532461000),
    "N31a": lambda: [post("/events", event_of(_four_hours_old()))],
    "N32a": lambda: [post("/events", event_of(issued(i2(), f"{DAY}T15:00:31Z")))],
    "N33": new(),
    "N33a": new(),
    "N34": new(valid_until=f"{DAY}T14:59:59Z"),
    "N35a": new(valid_until="2026-11-25T18:30:01Z"),
    "N35c": again(lambda: shorter(_1500, valid_until=f"{DAY}T17:30:00Z")),
    "N35d": again(_shrunk_cease),
    "N37": again(d1),
    "N38a": again(lambda: shorter(_1500)),
    "N38b": again(lambda: cease("16:30", _1500)),
    "N39a": again(_ended),
    "N39b": lambda: [post("/events", event_of(_running("DSP-0002")))],
    "N40c": again(lambda: cease("16:45", f"{DAY}T16:40:00Z")),
    "N40d": again(lambda: cease("17:10", f"{DAY}T17:00:00Z")),
    "N40e": again(_critical_cease),
    "N40f": again(_by_old_key),
    "N40h": _unsigned_cease,
    "N130": lambda: [post("/events", event_of(shorter(_1500)))],
}


def _old_key() -> Any:
    return replace(signed.own_keys()[signed.OLD].public(), revoked_at=at("2026-11-23T12:00:00Z"))


def _before(*make: Callable[[], Message]) -> Callable[[], list[Message]]:
    return lambda: [one() for one in make]


_VARIED = _before(lambda: shorter(_56))
_CANCELLED = _before(lambda: cancellation(_56))
_FIVE = f"{DAY}T17:00:00Z"

GIVEN: dict[str, Given] = {
    "N21a": Given(also=_acknowledged),
    "N26a": Given(before=_VARIED),
    "N26b": Given(before=_VARIED),
    "N26c": Given(before=_VARIED),
    "N27b": Given(f"{DAY}T16:40:00Z", before=_before(lambda: cease("17:20", f"{DAY}T16:40:00Z"))),
    "N27c": Given(f"{DAY}T16:50:00Z", before=_before(lambda: cease("17:00", f"{DAY}T16:40:00Z"))),
    "N31a": Given(f"{DAY}T15:30:00Z", dispatched=False),
    "N33": Given(f"{DAY}T18:30:01Z"),
    "N33a": Given(f"{DAY}T17:30:01Z"),
    "N35d": Given(_FIVE),
    "N37": Given(dispatched=False, before=_before(lambda: cease("16:40", _56))),
    "N38a": Given(before=_CANCELLED),
    "N38b": Given(before=_CANCELLED),
    "N39a": Given(f"{DAY}T18:10:00Z", dispatched=False),
    "N39b": Given(f"{DAY}T16:50:00Z", dispatched=False),
    "N40c": Given(f"{DAY}T14:56:00Z"),
    "N40d": Given("2026-11-25T17:00:00Z"),
    "N40e": Given(_FIVE),
    "N40f": Given(_FIVE, key_sets=(_old_key(),)),
    "N40h": Given(_FIVE),
}

MORE = {"N21a": the_same_report}
ENDS = {
    "N27b": {"DSP-0001": "17:00"},
    "N35d": {"DSP-0001": "17:10"},
    "N39b": {"DSP-0002": "18:00"},
    "N40c": {"DSP-0001": "16:45"},
    "N40d": {"DSP-0001": "18:00"},  # by that clock it is long over: nothing is left to end
    "N40e": {"DSP-0001": "17:10"},
    "N31a": {"DSP-0002": "17:30"},
    "N130": {"DSP-0001": "17:30"},
}
"""When dispatches end at the agent after it, where it is not as before."""
