"""The desk over HTTP: what a DSO's own system posts and reads, and who may not."""

from datetime import timedelta

import aiohttp
import jsonschema
import pytest

from tests.unit.ven.dso import CONTRACT, FSP7, NOON, terms
from tests.unit.vtn.http.test_openapi import check, token_of, validator
from tests.unit.vtn.scene import BEGIN, END
from tests.waiting import until
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from ukprofile.receiving import Slot
from vtn.domain.desk import OPERATIONS
from vtn.domain.record import Role
from vtn.testing import running_vtn

HALF = BEGIN + timedelta(minutes=30)
PERIOD = {"start": time_text(BEGIN), "end": time_text(END), "delta_w": 1_000_000}
PROPOSAL = {"contract_id": CONTRACT, "periods": [PERIOD], "thread": "D1"}


class Edge:
    """A VTN of UKPN with FSP7's contract, at 16:00Z, and a desk's client of it."""

    def __init__(self, vtn, session, clock, token):
        self.vtn, self.clock, self._session, self._token = vtn, clock, session, token

    async def ask(self, method, path, body=None, token=None):
        token = token or self._token
        headers = {"Authorization": f"Bearer {token}"} if token != "none" else {}
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def post(self, name, body, **more):
        return await self.ask("POST", f"/desk/{name}", body, **more)


@pytest.fixture(params=["memory", "sqlite"])
async def edge(request, tmp_path):
    clock = ManualClock(NOON)
    place = tmp_path if request.param == "sqlite" else None
    async with (
        running_vtn(clock=clock, data_dir=place) as vtn,
        aiohttp.ClientSession(vtn.url) as session,
    ):
        token = await token_of(vtn, session, "desk", Role.BL)
        await vtn.client("FSP7")
        await vtn.vtn.office.add_key_set(FSP7.public().to_json())
        await vtn.vtn.office.add_contract(terms(), "FSP7")
        yield Edge(vtn, session, clock, token)


async def test_a_life_by_http_is_that_of_the_desk(edge):
    seen = []
    for when, name, body, due in (
        (NOON, "schedule", PROPOSAL, 201),
        (NOON + timedelta(minutes=9), "confirm", {"thread": "D1"}, 200),
        (BEGIN, "vary", {"thread": "D1", "delta_w": 700_000, "from": time_text(HALF)}, 200),
        (HALF, "cease", {"thread": "D1", "reason": "NOT_REQUIRED"}, 200),
        (HALF, "instruct", PROPOSAL | {"thread": "D2", "periods": [LATER]}, 201),
        (HALF, "cancel", {"thread": "D2"}, 200),
    ):
        edge.clock.set(when)
        status, shown = await edge.post(name, body)
        assert status == due, shown
        check(shown, "StandingShown")
        seen.append((name, shown["state"]))
    assert seen == [
        ("schedule", "proposed"),
        ("confirm", "confirmed"),
        ("vary", "running"),
        ("cease", "ceased"),
        ("instruct", "confirmed"),
        ("cancel", "cancelled"),
    ]
    status, listed = await edge.ask("GET", f"/desk/dispatches?contract={CONTRACT}")
    assert (status, [s["thread"] for s in listed]) == (200, ["D1", "D2"])
    status, whole = await edge.ask("GET", "/desk/dispatches/D1")
    check(whole, "CourseShown")
    del whole["course"]
    assert (status, whole) == (200, listed[0])
    assert await edge.ask("GET", "/desk/dispatches?contract=UKPN:NONE") == (200, [])


LATER = {
    "start": time_text(END + timedelta(minutes=30)),
    "end": time_text(END + timedelta(minutes=90)),
    "setpoint_w": 5,
}


async def test_the_course_names_every_text_and_timer(edge):
    await edge.post("schedule", PROPOSAL)
    edge.clock.set(NOON + timedelta(minutes=5))
    await edge.post("confirm", {"thread": "D1"})
    edge.clock.set(BEGIN)
    _, shown = await edge.ask("GET", f"/desk/dispatches/D1?contract={CONTRACT}")
    lines = [(c["at"], c["who"], c["what"], c["state"], c["delivery"]) for c in shown["course"]]
    assert lines == [
        ("2026-11-24T16:00:00Z", "UKPN", "schedule", "proposed", "overdue"),
        ("2026-11-24T16:05:00Z", "UKPN", "instruction", "confirmed", "overdue"),
        ("2026-11-24T16:30:00Z", "clock", "start", "running", None),
    ]
    slot = Slot("UKPN", "FSP7", "sandbox", CONTRACT, "dispatch", "D1")
    held = await edge.vtn.vtn.store.read(lambda tx: [entry.sha256 for entry in tx.thread(slot)])
    assert [line["sha256"] for line in shown["course"]] == [*held, ""]


@pytest.mark.parametrize(
    ("name", "body", "reason", "path"),
    [
        ("schedule", PROPOSAL | {"why": 1}, "BODY_INVALID", "/why"),
        ("schedule", {"contract_id": CONTRACT}, "BODY_INVALID", "/periods"),
        ("schedule", PROPOSAL | {"priority": "1"}, "BODY_INVALID", "/priority"),
        ("schedule", PROPOSAL | {"priority": 1000}, "BODY_VALUE", "/priority"),
        ("instruct", PROPOSAL | {"channel": "fax"}, "BODY_VALUE", "/channel"),
        ("instruct", PROPOSAL | {"thread": "D 1"}, "BODY_VALUE", "/thread"),
        ("instruct", PROPOSAL | {"respond_by": "soon"}, "TIME_FORMAT", "/respond_by"),
        (
            "instruct",
            PROPOSAL | {"respond_by": "2026-11-24T16:10:00+00:00"},
            "TIME_FORMAT",
            "/respond_by",
        ),
        (
            "instruct",
            PROPOSAL | {"periods": [PERIOD | {"id": 0}]},
            "BODY_INVALID",
            "/periods/0/id",
        ),
        (
            "instruct",
            PROPOSAL | {"periods": [PERIOD | {"delta_w": 1.5}]},
            "BODY_INVALID",
            "/periods/0/delta_w",
        ),
        ("instruct", PROPOSAL | {"periods": PERIOD}, "BODY_INVALID", "/periods"),
        ("vary", {"thread": "D1", "since": time_text(HALF)}, "BODY_INVALID", "/since"),
        ("confirm", [], "BODY_INVALID", None),
    ],
)
async def test_parameters_of_a_wrong_form_are_refused_where_they_stand(name, body, reason, path):
    """By the desk, and by the schema that it prints."""
    operation = OPERATIONS[name]
    with pytest.raises(Refused) as refused:
        operation.order.read(body)
    assert (refused.value.reason, refused.value.path or None) == (reason, path)
    assert not refused.value.security
    with pytest.raises(jsonschema.ValidationError):
        validator(operation.order.__name__).validate(body)


def test_what_is_asked_in_every_form_fits_the_schema():
    for name, body in (
        ("schedule", PROPOSAL | {"confirm_by": time_text(NOON), "origin": "NESO", "priority": 1}),
        ("instruct", PROPOSAL | {"channel": "email", "effective_at": time_text(NOON)}),
        ("vary", {"thread": "D1", "periods": [PERIOD, LATER], "contract_id": CONTRACT}),
        ("cease", {"thread": "D1", "at": time_text(NOON), "mode": "immediate"}),
    ):
        operation = OPERATIONS[name]
        check(body, operation.order.__name__)
        assert operation.order.read(body)


async def test_a_refusal_is_a_problem_and_changes_nothing(edge):
    status, shown = await edge.post("confirm", {"thread": "D9"})
    assert (status, shown["reason"]) == (404, "NOT_FOUND")
    status, shown = await edge.ask("GET", "/desk/dispatches/D9")
    assert (status, shown["reason"]) == (404, "NOT_FOUND")
    await edge.post("instruct", PROPOSAL)
    status, shown = await edge.post("confirm", {"thread": "D1"})
    check(shown, "Problem")
    assert (status, shown["reason"]) == (409, "STATE_INVALID")
    assert shown["detail"].endswith("vary it, or cancel it")
    status, shown = await edge.post("confirm", {"thread": "D1", "why": "so"})
    assert (status, shown["path"]) == (400, "/why")
    assert shown["detail"] == (
        "there is no such parameter; there are thread, contract_id, channel, effective_at"
    )
    status, shown = await edge.ask("GET", "/desk/dispatches?thread=D1")
    assert (status, shown["path"]) == (400, "?thread")
    status, shown = await edge.ask("GET", "/desk/dispatches/D1?contract=a&contract=b")
    assert (status, shown["detail"]) == (400, "stands twice")
    _, listed = await edge.ask("GET", "/desk/dispatches")
    assert [(s["thread"], s["kind"]) for s in listed] == [("D1", "instruction")]


async def test_alarms_are_read_while_they_stand_and_all_of_them_when_asked(edge):
    status, made = await edge.post("instruct", PROPOSAL)
    assert status == 201, made
    assert await edge.ask("GET", "/desk/alarms") == (200, {"alarms": []})

    async def causes(query=""):
        status, shown = await edge.ask("GET", f"/desk/alarms{query}")
        assert status == 200, shown
        check(shown, "AlarmsShown")
        return [(alarm["cause"], alarm["over_at"]) for alarm in shown["alarms"]]

    edge.clock.set(NOON + timedelta(minutes=2))
    assert await until(causes) == [("unacknowledged", None)]
    status, _ = await edge.post("cancel", {"thread": "D1"})
    assert status == 200

    async def over():
        return not await causes()

    await until(over)
    assert await causes("?all=false") == []
    assert await causes("?all=true") == [("unacknowledged", "2026-11-24T16:02:00Z")]
    for query in ("?all=yes", "?all=true&all=true", "?contract=C"):
        status, shown = await edge.ask("GET", f"/desk/alarms{query}")
        assert (status, shown["reason"]) == (400, "QUERY_INVALID")


async def test_the_desk_is_for_the_business_logic_only(edge):
    session = edge._session
    ven = await token_of(edge.vtn, session, "FSP8", Role.VEN)
    client_id, secret = await edge.vtn.client("reader", Role.BL)
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    async with session.post("/auth/token", data=form | {"scope": "read_all"}) as answer:
        reader = (await answer.json())["access_token"]
    for name in ("schedule", "confirm", "instruct", "vary", "cease", "cancel"):
        for token, due in ((ven, 403), (reader, 403), ("none", 401)):
            status, shown = await edge.post(name, PROPOSAL, token=token)
            assert (name, status) == (name, due)
    for path in ("/desk/dispatches", "/desk/dispatches/D1", "/desk/alarms"):
        for token, due in ((ven, 403), ("none", 401)):
            status, shown = await edge.ask("GET", path, token=token)
            assert (path, status) == (path, due), shown
    assert (await edge.ask("GET", "/desk/dispatches", token=reader)) == (200, [])
