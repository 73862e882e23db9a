"""Creates with an Idempotency-Key: done once, answered as often as it is asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.listening import Heard
from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from tests.unit.vtn.http.test_openapi import token_of
from tests.unit.vtn.scene import BEGIN, END
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from vtn.domain.attempts import KEPT, Attempts, KeyedRequest
from vtn.domain.record import Kind, Role
from vtn.storage.memory import MemoryStore
from vtn.testing import RunningVtn, running_vtn

PERIOD = {"start": time_text(BEGIN), "end": time_text(END), "delta_w": 1_000_000}
PROPOSAL = {"contract_id": CONTRACT, "periods": [PERIOD]}
PROGRAM = {"programName": "p"}
DUTY = {"product": "OU", "zone": "HENDON-WAY", "members": ["FSP7"]}
WANTED = {
    "product": "OU",
    "zone": "HENDON-WAY",
    "start": time_text(BEGIN),
    "end": time_text(END),
    "delta_w": 1_000_000,
    "respond_by": time_text(BEGIN),
}


@dataclass
class Asked:
    """A VTN with FSP7's contract, on a store that outlives it, and clients of it."""

    data_dir: Path | None
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    heard: Heard = field(default_factory=Heard)
    running: RunningVtn = None  # type: ignore[assignment]
    session: aiohttp.ClientSession = None  # type: ignore[assignment]
    tokens: dict[str, str] = field(default_factory=dict)

    async def post(self, path: str, body: Any, key: str | None = "k1", who: str = "bl") -> Any:
        """Status, body and headers of the answer."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        headers |= {} if key is None else {"Idempotency-Key": key}
        async with self.session.post(path, json=body, headers=headers) as answer:
            return answer.status, await answer.read(), answer.headers

    def stored(self) -> int:
        live = self.running.vtn.store.live
        return live.sequence + len(live.clients)


@pytest.fixture(params=["memory", "sqlite"])
async def vtn(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Asked]:
    asked = Asked(tmp_path if request.param == "sqlite" else None)
    async with (
        running_vtn(data_dir=asked.data_dir, clock=asked.clock, log=asked.heard.log) as running,
        aiohttp.ClientSession(running.url) as session,
    ):
        asked.running, asked.session = running, session
        asked.tokens = {
            name: await token_of(running, session, client, role)
            for name, client, role in (
                ("bl", "desk", Role.BL),
                ("other", "desk2", Role.BL),
                ("fsp7", "FSP7", Role.VEN),
            )
        }
        await running.vtn.office.add_key_set(FSP7.public().to_json())
        await running.vtn.office.add_contract(terms(), "FSP7")
        yield asked


def problem(answer: Any) -> Any:
    status, body, _ = answer
    return status, json.loads(body)["reason"]


async def event_of(vtn: Asked) -> dict[str, Any]:
    _, body, _ = await vtn.post("/programs", {"programName": "plain"}, None)
    return {"programID": json.loads(body)["id"], "eventName": "e"}


async def report_of(vtn: Asked) -> dict[str, Any]:
    _, body, _ = await vtn.post("/events", await event_of(vtn), None)
    return {"eventID": json.loads(body)["id"], "clientName": "FSP7", "resources": []}


async def resource_of(vtn: Asked) -> dict[str, Any]:
    ven = vtn.running.vtn.store.live.find(Kind.VEN)[0]
    return {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "r", "venID": ven.id}


async def ven_of(_vtn: Asked) -> dict[str, Any]:
    return {"objectType": "BL_VEN_REQUEST", "venName": "FSP9", "clientID": "fsp9"}


async def program_of(_vtn: Asked) -> dict[str, Any]:
    return PROGRAM


CREATES: list[tuple[str, str, Callable[[Asked], Awaitable[dict[str, Any]]]]] = [
    ("/programs", "bl", program_of),
    ("/events", "bl", event_of),
    ("/reports", "fsp7", report_of),
    ("/vens", "bl", ven_of),
    ("/resources", "fsp7", resource_of),
]


@pytest.mark.parametrize(("path", "who", "body_of"), CREATES, ids=[c[0] for c in CREATES])
async def test_an_object_is_made_once_however_often_it_is_asked_for(
    vtn: Asked, path: str, who: str, body_of: Any
) -> None:
    body = await body_of(vtn)
    status, first, headers = await vtn.post(path, body, who=who)
    assert status == 201
    assert "Idempotency-Replayed" not in headers
    before = vtn.stored()
    for key in ("k1", '"k1"'):
        again, same, headers = await vtn.post(path, body, key, who=who)
        assert (again, same) == (201, first)
        assert headers["Idempotency-Replayed"] == "true"
        assert "ETag" not in headers
    assert vtn.stored() == before


async def test_the_answer_is_that_of_then_whatever_became_of_the_object(vtn: Asked) -> None:
    _, first, _ = await vtn.post("/programs", PROGRAM)
    headers = {"Authorization": f"Bearer {vtn.tokens['bl']}"}
    made = f"/programs/{json.loads(first)['id']}"
    async with vtn.session.put(made, json={"programName": "q"}, headers=headers) as answer:
        assert answer.status == 200
    assert (await vtn.post("/programs", PROGRAM))[:2] == (201, first)
    async with vtn.session.delete(made, headers=headers) as answer:
        assert answer.status == 200
    assert (await vtn.post("/programs", PROGRAM))[:2] == (201, first)
    assert (await vtn.post("/programs", PROGRAM, "k2"))[0] == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/desk/instruct", PROPOSAL),
        ("/desk/schedule", PROPOSAL),
        ("/desk/market", DUTY),
    ],
)
async def test_what_the_desk_makes_is_made_once(vtn: Asked, path: str, body: Any) -> None:
    status, first, _ = await vtn.post(path, body)
    assert status == 201, first
    before = vtn.stored()
    vtn.clock.set(NOON + timedelta(minutes=1))  # what it would say by now is something else
    again, same, headers = await vtn.post(path, body)
    assert (again, same, headers["Idempotency-Replayed"]) == (201, first, "true")
    assert vtn.stored() == before


async def test_every_word_of_a_dispatch_is_said_once(vtn: Asked) -> None:
    named = PROPOSAL | {"thread": "D1"}
    half = time_text(BEGIN + (END - BEGIN) / 2)
    for key, when, name, body in (
        ("a", NOON, "schedule", named),
        ("b", NOON + timedelta(minutes=9), "confirm", {"thread": "D1"}),
        ("c", BEGIN, "vary", {"thread": "D1", "delta_w": 700_000, "from": half}),
        ("d", BEGIN + timedelta(minutes=1), "cease", {"thread": "D1"}),
    ):
        vtn.clock.set(when)
        status, first, _ = await vtn.post(f"/desk/{name}", body, key)
        assert status in (200, 201), first
        before = vtn.stored()
        vtn.clock.set(when + timedelta(seconds=30))
        assert (await vtn.post(f"/desk/{name}", body, key))[:2] == (status, first)
        assert vtn.stored() == before


async def test_a_market_is_asked_awarded_and_withdrawn_once(vtn: Asked) -> None:
    await vtn.post("/desk/market", DUTY, "m")
    status, made, _ = await vtn.post("/desk/request", WANTED, "r")
    assert status == 201, made
    thread = {"thread": json.loads(made)["thread"]}
    for name in ("award", "withdraw"):
        status, first, _ = await vtn.post(f"/desk/{name}", thread, name)
        assert status == 200, first
        before = vtn.stored()
        assert (await vtn.post(f"/desk/{name}", thread, name))[:2] == (status, first)
        assert vtn.stored() == before
    assert (await vtn.post("/desk/request", WANTED, "r"))[:2] == (201, made)


async def test_a_key_of_another_request_is_refused_and_security_hears_of_it(vtn: Asked) -> None:
    """N119."""
    await vtn.post("/programs", PROGRAM)
    before = vtn.stored()
    for path, body, says in (
        ("/programs", {"programName": "other"}, "another body"),
        ("/desk/instruct", PROPOSAL, "used for POST /programs"),
    ):
        answer = await vtn.post(path, body)
        assert problem(answer) == (409, "IDEMPOTENCY")
        assert says in json.loads(answer[1])["detail"]
    assert [line["reason"] for line in vtn.heard.lines] == ["IDEMPOTENCY"] * 2
    assert vtn.stored() == before


async def test_the_same_value_in_another_spelling_is_the_same_body(vtn: Asked) -> None:
    body = {"programName": "p", "x-a": [1, {"b": None}]}
    _, first, _ = await vtn.post("/programs", body)
    assert (await vtn.post("/programs", dict(reversed(body.items()))))[:2] == (201, first)
    assert problem(await vtn.post("/programs", body | {"x-a": [1.5]})) == (409, "IDEMPOTENCY")


async def test_two_clients_may_use_one_key(vtn: Asked) -> None:
    _, first, _ = await vtn.post("/programs", PROGRAM)
    status, other, headers = await vtn.post("/programs", {"programName": "q"}, who="other")
    assert (status, json.loads(other)["programName"]) == (201, "q")
    assert "Idempotency-Replayed" not in headers
    assert (await vtn.post("/programs", PROGRAM))[:2] == (201, first)


async def test_what_was_refused_keeps_no_key(vtn: Asked) -> None:
    named = PROPOSAL | {"thread": "D1"}
    for key, path, wrong, right in (
        ("a", "/programs", {"programName": 1}, PROGRAM),
        ("b", "/programs", {"programName": CONTRACT}, {"programName": "q"}),
        ("c", "/desk/instruct", named | {"contract_id": "UKPN:NONE"}, named),
    ):
        refused = await vtn.post(path, wrong, key)
        assert 400 <= refused[0] < 500
        made = await vtn.post(path, right, key)
        assert made[0] == 201, made[1]


@pytest.mark.parametrize(
    "key", ["", '""', "a b", "a\\b", 'a"b', '"a', 'a"', '"a"; b=1', "x" * 256, "\xe9", ":YWI=:\t."]
)
async def test_a_key_of_no_form_is_refused_with_what_is_due(vtn: Asked, key: str) -> None:
    before = vtn.stored()
    status, body, _ = await vtn.post("/programs", PROGRAM, key)
    shown = json.loads(body)
    assert (status, shown["reason"]) == (400, "IDEMPOTENCY")
    assert "1 to 255 visible ASCII" in shown["detail"]
    assert not vtn.heard.lines
    assert vtn.stored() == before
    assert (await vtn.post("/programs", PROGRAM, "~" * 255))[0] == 201


async def test_two_keys_are_one_too_many(vtn: Asked) -> None:
    headers = [
        ("Authorization", f"Bearer {vtn.tokens['bl']}"),
        ("Idempotency-Key", "a"),
        ("Idempotency-Key", "b"),
    ]
    async with vtn.session.post("/programs", json=PROGRAM, headers=headers) as answer:
        assert (answer.status, (await answer.json())["reason"]) == (400, "HEADER_DUPLICATE")


async def test_whoever_may_not_write_learns_nothing_of_keys(vtn: Asked) -> None:
    await vtn.post("/programs", PROGRAM)
    assert problem(await vtn.post("/programs", PROGRAM, who="fsp7")) == (403, "SCOPE_MISSING")


async def test_of_a_crowd_with_one_key_one_is_carried_out(vtn: Asked) -> None:
    """The others are told to come again, or get its answer."""
    crowd = [vtn.post("/desk/instruct", PROPOSAL) for _ in range(12)]
    answers = await asyncio.gather(*crowd)
    made = {body for status, body, _ in answers if status == 201}
    waiting = [answer for answer in answers if answer[0] != 201]
    assert len(made) == 1
    assert all(problem(answer) == (409, "IN_PROGRESS") for answer in waiting)
    assert all(headers["Retry-After"] == "1" for _, _, headers in waiting)
    assert (await vtn.post("/desk/instruct", PROPOSAL))[:2] == (201, *made)


async def test_a_key_outlives_the_process(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    seen = []
    for _ in range(2):
        async with (
            running_vtn(data_dir=tmp_path) as running,
            aiohttp.ClientSession(running.url) as session,
        ):
            asked.running, asked.session = running, session
            if not asked.tokens:
                asked.tokens = {"bl": await token_of(running, session, "desk", Role.BL)}
            seen.append((await asked.post("/programs", PROGRAM))[:2])
    assert seen[0] == seen[1]
    assert seen[0][0] == 201


# -- the keys of a store ---------------------------------------------------------------------------


ASKED = KeyedRequest.of("c1", "k1", "POST /events", {})


async def test_a_key_is_kept_for_thirty_days_and_the_next_clears_it_away() -> None:
    store, clock = MemoryStore("sandbox", "e1"), ManualClock(NOON)
    attempts = Attempts(store, clock)

    async def kept(key: str) -> bool:
        async with attempts.begin(KeyedRequest.of("c1", key, "POST /events", {})) as attempt:
            if attempt.outcome is not None:
                return True
            await attempt.keep_alone(201, b"{}")
            return False

    assert not await kept("k1")
    clock.set(NOON + KEPT)
    assert not await kept("k2")
    assert await kept("k1")
    clock.set(NOON + KEPT + timedelta(microseconds=1))
    assert not await kept("k3")
    assert set(store.outcomes) == {("c1", "k2"), ("c1", "k3")}
    assert timedelta(days=30) <= KEPT


async def test_a_key_is_free_again_after_whatever_ended_its_request() -> None:
    attempts = Attempts(MemoryStore("sandbox", "e1"), ManualClock(NOON))
    async with attempts.begin(ASKED):
        with pytest.raises(Refused, match="IN_PROGRESS"):
            async with attempts.begin(ASKED):
                pass
    with pytest.raises(RuntimeError):
        async with attempts.begin(ASKED):
            raise RuntimeError
    async with attempts.begin(ASKED) as attempt:
        assert attempt.outcome is None
