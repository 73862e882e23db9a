"""Objects: what is hidden, locked, taken, referred to in vain, or breaks its schema."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.json_http import program
from tests.contract.negatives.scene import FSP7, Given, Scene, plain_report
from tests.contract.negatives.signed import CONTRACT, RIVAL, event_of, i2
from tests.contract.negatives.time_units import event
from tests.wire import Request, delete, get, post, put
from vtn.domain.record import Kind

When = Callable[[], Iterable[Request]]
OURS, THEIRS = signed.target(CONTRACT), signed.target(RIVAL)


def own_ven(**more: Any) -> When:
    """FSP7 updates its ven."""
    attributes = [{"type": "VEN_STATUS", "values": ["ONLINE"]}]
    body = {"objectType": "VEN_VEN_REQUEST", "venName": "FSP7", "attributes": attributes}
    return lambda: [put("/vens/{V7}", body | more, "fsp7")]


def both(path: str, name: str) -> When:
    """By id: the rival's, and one that nobody has."""
    return lambda: [get(f"/{path}/{{{name}}}"), get(f"/{path}/absent-1")]


def listed(query: str) -> When:
    return lambda: [get(f"/events?{query}")]


def posted(path: str, body: Any, token: str = "bl") -> When:
    return lambda: [post(path, body, token)]


def targeted(*choices: Any) -> When:
    """I2 with these targets (None: no such member)."""

    def when() -> Iterable[Request]:
        for targets in choices:
            body = {**event_of(i2()), "targets": targets}
            yield post("/events", {k: v for k, v in body.items() if v is not None})

    return when


def subscription(**operation: Any) -> dict[str, Any]:
    return {"clientName": "FSP7", "objectOperations": [operation]}


def _moved() -> Iterable[Request]:
    """D1 as it is, with another target; and in the rival's program."""
    standing = event_of(signed.d1())
    return [
        put("/events/{E1}", {**standing, "targets": [THEIRS]}),
        put("/events/{E1}", {**standing, "programID": "{P8}"}),
        put("/events/{E1}", {**standing, "programID": "{P8}", "targets": [THEIRS]}),
        put("/events/{E1}", {**standing, "programID": "{PX}"}),
    ]


async def _shared_program(scene: Scene) -> None:
    await scene.make(Kind.PROGRAM, program("shared", targets=[OURS, THEIRS]), name="PS")


async def _many_events(scene: Scene) -> None:
    """FSP7 sees three events, FSP8 a hundred."""
    await scene.make(Kind.EVENT, {**event(), "targets": [OURS]})
    for _ in range(98):
        await scene.make(Kind.EVENT, {**event(), "targets": [THEIRS]})


async def _reported(scene: Scene) -> None:
    await scene.make(Kind.REPORT, plain_report("{E1}", "FSP7"), FSP7)


_OPERATION = {"objects": ["EVENT"], "operations": ["CREATE"]}

WHEN: dict[str, When] = {
    "N82a": own_ven(clientID="fsp8"),
    "N82b": own_ven(targets=[THEIRS]),
    "N82c": own_ven(objectType="BL_VEN_REQUEST", clientID="fsp7", targets=[THEIRS]),
    "N82d": posted(
        "/resources",
        {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "r", "venID": "{V8}"},
        "fsp7",
    ),
    "N82e": own_ven(venName="FSP8"),
    "N82f": lambda: [delete("/vens/{V7}", "fsp7")],
    "N82g": posted("/vens", {"objectType": "VEN_VEN_REQUEST", "venName": "FSP7b"}, "fsp7"),
    "N82h": posted("/programs", program("own", id="x1", createdDateTime="1999-01-01T00:00:00Z")),
    "N83a": listed(f"targets={THEIRS}"),
    "N83b": lambda: [get("/programs/{PS}")],
    "N83c": lambda: [get("/programs", "nobody")],
    "N84a": listed("skip=3&limit=50"),
    "N84b": lambda: [get("/events?programID={P8}"), get("/events?programID=absent-1")],
    "N85a": both("programs", "P8"),
    "N85b": both("events", "E8"),
    "N85c": both("reports", "R8"),
    "N85e": both("vens", "V8"),
    "N85f": both("resources", "A8"),
    "N132a": posted("/events", {"programID": "absent-1"}),
    "N132b": posted("/programs", program(CONTRACT)),
    "N132d": posted(
        "/vens", {"objectType": "BL_VEN_REQUEST", "clientID": "other", "venName": "FSP7"}
    ),
    "N132f": posted("/reports", plain_report("absent-1", "FSP7"), "fsp7"),
    "N132h": lambda: [delete("/programs/{P7}")],
    "N132i": lambda: [delete("/events/{E1}")],
    "N133a": posted("/programs", {}),
    "N133b": posted("/events", {"eventName": "x"}),
    "N133c": posted("/reports", {"eventID": "{E1}", "clientName": "FSP7"}, "fsp7"),
    "N133d": posted("/subscriptions", subscription(**_OPERATION), "fsp7"),
    "N133e": posted("/vens", {"venName": "x"}),
    "N133g": posted("/programs", program("")),
    "N133h": posted("/programs", program("x" * 129)),
    "N133i": lambda: [
        post("/events", {**event(), "targets": [target]}) for target in ("", "x" * 129)
    ],
    "N133j": posted("/events", {**event(), "priority": -1}),
    "N133k": posted("/events", event(payloads=[{"type": "PRICE"}])),
    "N133m": posted(
        "/subscriptions",
        subscription(objects=["EVENT"], operations=["PATCH"], callbackUrl="https://a.example"),
        "fsp7",
    ),
    "N134a": listed("limit=51"),
    "N134b": listed("limit=-1"),
    "N134d": listed("skip=-1"),
    "N134f": listed("active=maybe"),
    "N134g": listed("targets="),
    "N134h": listed("programID=a%20b"),
    "N134i": listed("limit=0"),
    "N134k": lambda: [get("/events/a.b")],
    "N135a": targeted([], None),
    "N135b": targeted([OURS, "X"]),
    "N135c": targeted([THEIRS]),
    "N135d": lambda: [
        put(
            "/vens/{V8}",
            {
                "objectType": "BL_VEN_REQUEST",
                "clientID": "fsp8",
                "venName": "FSP8",
                "targets": [THEIRS, OURS],
            },
        )
    ],
    "N135e": posted(
        "/programs",
        program(
            "FLEX-2026-0042",
            targets=["CONTRACT_ID-FLEX-2026-0042"],
            attributes=[{"type": "UKFLEX_PROFILE", "values": ["1.0"]}],
        ),
    ),
    "N135f": _moved,
    "N135h": lambda: [put("/events/{E1}", event_of(i2()))],
}

GIVEN: dict[str, Given] = {
    "N83b": Given(also=_shared_program),
    "N84a": Given(also=_many_events),
    "N132i": Given("2026-11-24T18:30:00Z", also=_reported),
    "N135f": Given("2026-11-24T17:00:00Z"),
}
