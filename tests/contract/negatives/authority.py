"""Authority: whose message it is, whom it is for, and what the contract lets it ask."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.json_http import program
from tests.contract.negatives.scene import Given, Scene, plain_report
from tests.contract.negatives.signed import (
    SECOND,
    Message,
    about,
    answer,
    carrying,
    d1,
    d8,
    event_of,
    i2,
    message,
    period,
)
from tests.wire import Reply, Request, post
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind

When = Callable[[], Iterable[Request]]

NOW = "2026-11-24T15:00:00Z"


def said(**header: Any) -> When:
    """I2 with members of its header replaced."""
    return lambda: [post("/events", carrying(i2() | header))]


def asking(**body: Any) -> When:
    """I2 with members of its body replaced, projected as it is."""
    return lambda: [post("/events", event_of(i2(**body)))]


def reported(*make: Callable[[], Message], to: str = "{E1}") -> When:
    """Reports of FSP7's client that carry these."""
    return lambda: [post("/reports", signed.report(one(), to), "fsp7") for one in make]


# -- who speaks to whom ----------------------------------------------------------------------------


def _acknowledgement(**header: Any) -> Message:
    return answer("acknowledgement", "AK-1", d1(), NOW, decided="received") | header


def _in_second_program() -> list[Request]:
    event = {**event_of(i2(), "{P9}"), "targets": [signed.target(SECOND)]}
    return [post("/events", event)]


async def _second_contract(scene: Scene) -> None:
    """Of FSP7 too, and nothing dispatched in it."""
    target = signed.target(SECOND)
    profile = [{"type": "UKFLEX_PROFILE", "values": ["1.0"]}]
    await scene.make(Kind.PROGRAM, program(SECOND, targets=[target], attributes=profile), name="P9")
    ven = {"objectType": "BL_VEN_REQUEST", "clientID": "fsp7", "venName": "FSP7"}
    targets = [signed.target(signed.CONTRACT), target]
    await scene.running.vtn.objects.update(
        Kind.VEN, scene.ids["V7"], {**ven, "targets": targets}, OFFICE
    )


def _by_ssen() -> Message:
    return i2() | {"issuer": "SSEN", "key_set": signed.SSEN}


def _own_instruction() -> Message:
    return i2() | {"issuer": "FSP7", "key_set": "FSP7-sandbox-1", "recipient": "UKPN"}


def _acknowledged_by_dso() -> list[Request]:
    one = _acknowledgement(issuer="UKPN", key_set="UKPN-sandbox-1", recipient="FSP7")
    return [post("/events", carrying(one))]


def _leaked() -> Message:
    """What FSP8 says of its own dispatch."""
    return answer("acknowledgement", "AK-8", d8(), NOW, decided="received") | {
        "issuer": "FSP8",
        "key_set": "FSP8-sandbox-1",
        "program": signed.RIVAL,
        "body": {**about(signed.RIVAL), "decided": "received"},
    }


# -- what is answered ------------------------------------------------------------------------------


def _post_action(to: Message) -> Message:
    series = {"metered_w": [0], "delivered_wh": [0], "quality": ["actual"]}
    when = {"start": "2026-11-24T14:00:00Z", "interval_s": 1800, "part": 1, "parts": 2}
    return answer("post_action", "PA-1", to, NOW, method="UKPN-BASELINE-2", **series, **when)


def _to_another_text() -> Message:
    one = answer("response", "RS-1", d1(), NOW, answer="accept")
    one["in_reply_to"]["sha256"] = "0" * 64
    return one


# -- what is asked ---------------------------------------------------------------------------------


def _on_top() -> list[Request]:
    """600 kW beside the million of D1."""
    one = message("DSP-0002", "2026-11-24T17:00:00Z", [period("17:30", "18:30", delta_w=600_000)])
    return [post("/events", event_of(one))]


WHEN: dict[str, When] = {
    "N41": said(recipient="FSP8"),
    "N41a": reported(lambda: _acknowledgement(recipient="SSEN")),
    "N42a": said(recipient=["FSP7", "FSP8"]),
    "N42b": said(recipient="market:UKPN:SU:HENDON"),
    "N43": lambda: [post("/events", carrying(_by_ssen()))],
    "N44a": said(program="SSEN:FLEX-2026-0042"),
    "N44b": _in_second_program,
    "N45a": asking(),
    "N45b": asking(),
    "N45c": asking(),
    "N46a": asking(periods=[period("18:00", "18:30", delta_w=1_500_001)]),
    "N46b": _on_top,
    "N47a": lambda: [post("/events", event_of(_late_evening()))],
    "N48a": asking(zone="ILFORD"),
    "N48b": asking(assets=[{"asset_id": "UKPN-AS-000999"}]),
    "N49a": reported(_own_instruction),
    "N49b": _acknowledged_by_dso,
    "N50b": lambda: [post("/events", carrying(i2() | {"key_set": signed.REAL}))],
    "N50c": said(environment="production"),
    "N51a": lambda: [post("/reports", plain_report("{E8}", "FSP7"), "fsp7")],
    "N51c": reported(_leaked),
    "N52a": reported(lambda: _post_action(d1() | {"thread": "DSP-7777"})),
    "N52b": reported(
        lambda: _post_action(d8()), lambda: _post_action(d1() | {"thread": "DSP-7777"})
    ),
    "N52d": reported(_to_another_text),
}


def _late_evening() -> Message:
    return i2(periods=[period("18:15", "18:45")]) | {"valid_until": "2026-11-24T18:45:00Z"}


GIVEN: dict[str, Given] = {
    "N43": Given(key_sets=(signed.own_keys()[signed.SSEN].public(),)),
    "N44b": Given(also=_second_contract),
    "N45a": Given(terms={"valid_to": "2026-11-23T00:00:00Z"}, dispatched=False),
    "N45b": Given(terms={"valid_from": "2026-12-01T00:00:00Z"}, dispatched=False),
    "N45c": Given(terms=None, dispatched=False),
    "N46b": Given("2026-11-24T17:00:00Z"),
    "N50b": Given(
        environment="production",
        key_sets=(signed.own_keys()[signed.REAL].public(),),
        terms=None,
        dispatched=False,
    ),
}


async def as_an_absent_event(scene: Scene, replies: list[Reply]) -> None:
    absent = await scene.send(post("/reports", plain_report("absent-1", "FSP7"), "fsp7"))
    assert absent.without_id("absent-1") == replies[0].without_id(scene.ids["E8"])


MORE = {"N51a": as_an_absent_event}
AS_GOOD = {"N43": "WRONG_PROGRAM"}
"""Another code of the same step: the table says so itself."""
