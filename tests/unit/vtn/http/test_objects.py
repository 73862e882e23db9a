"""Objects over HTTP: entity tags, preconditions, and that what was created is what is read."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.listening import Heard
from tests.unit.vtn.http.edge import NOW
from tests.wire import Reply, Request, delete, exchange, get, head_of, post, put
from vtn.domain.clients import SCOPES
from vtn.domain.record import Client, Role
from vtn.testing import RunningVtn, running_vtn


class Asking:
    """A VTN that runs, and clients of it."""

    def __init__(self, running: RunningVtn, heard: Heard) -> None:
        self.running, self.heard = running, heard
        self.tokens: dict[str, str] = {}

    async def enrol(self, name: str, role: Role) -> None:
        client = Client(name, name.upper(), role, SCOPES[role], b"", NOW)
        await self.running.vtn.store.write(lambda tx: tx.put_client(client))
        self.tokens[name] = self.running.vtn.tokens.mint(client, client.scopes)

    async def send(self, request: Request) -> Reply:
        head = head_of(request, urlsplit(self.running.url).netloc, self.tokens[request.token])
        return await exchange(self.running.url, head, request.body)


@pytest.fixture(params=["memory", "sqlite"])
async def vtn(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Asking]:
    heard = Heard()
    data_dir = tmp_path if request.param == "sqlite" else None
    async with running_vtn(data_dir=data_dir, log=heard.log) as running:
        asking = Asking(running, heard)
        await asking.enrol("bl", Role.BL)
        await asking.enrol("fsp7", Role.VEN)
        yield asking


def tagged(name: str, tag: str) -> Any:
    return ((name, tag),)


async def test_what_was_created_is_what_is_read(vtn: Asking) -> None:
    made = await vtn.send(post("/programs", {"programName": "p", "x-extra": [1, {"a": None}]}))
    assert made.status == 201
    one = f"/programs/{made.json['id']}"
    read = await vtn.send(get(one, "bl"))
    assert (read.status, read.body) == (200, made.body)
    assert read.headers["etag"] == made.headers["etag"]
    assert read.headers["cache-control"] == "private, no-cache"
    assert read.headers["content-type"] == "application/json"
    assert json.loads((await vtn.send(get("/programs", "bl"))).body) == [made.json]
    gone = await vtn.send(delete(one))
    assert (gone.status, gone.json) == (200, made.json)
    assert (await vtn.send(get(one, "bl"))).status == 404


async def test_nothing_is_sent_again_while_nothing_changes(vtn: Asking) -> None:
    made = await vtn.send(post("/programs", {"programName": "p"}))
    one = f"/programs/{made.json['id']}"
    for path in (one, "/programs"):
        first = await vtn.send(get(path, "bl"))
        tag = first.headers["etag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}'):
            again = await vtn.send(get(path, "bl", headers=tagged("If-None-Match", given)))
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        other = await vtn.send(get(path, "bl", headers=tagged("If-None-Match", '"x"')))
        assert other.status == 200
        await vtn.send(put(one, {"programName": f"p of {path}"}))
        changed = await vtn.send(get(path, "bl", headers=tagged("If-None-Match", tag)))
        assert changed.status == 200
        assert changed.headers["etag"] != tag


async def test_a_writer_that_read_an_older_state_is_told(vtn: Asking) -> None:
    made = await vtn.send(post("/programs", {"programName": "p"}))
    one, stale = f"/programs/{made.json['id']}", made.headers["etag"]
    renamed = await vtn.send(put(one, {"programName": "q"}, headers=tagged("If-Match", stale)))
    assert renamed.status == 200
    for request in (
        put(one, {"programName": "r"}, headers=tagged("If-Match", stale)),
        delete(one, headers=tagged("If-Match", stale)),
    ):
        reply = await vtn.send(request)
        assert (reply.status, reply.json["reason"]) == (412, "PRECONDITION")
    assert (await vtn.send(get(one, "bl"))).body == renamed.body
    fresh = renamed.headers["etag"]
    for request in (
        put(one, {"programName": "r"}, headers=tagged("If-Match", "*")),
        put(one, {"programName": "s"}),
    ):
        assert (await vtn.send(request)).status == 200
    assert (await vtn.send(delete(one, headers=tagged("If-Match", fresh)))).status == 412


async def test_the_order_of_checks(vtn: Asking) -> None:
    """Role, then body, then id, then existence (decision 3)."""
    for request, reason in (
        (put("/programs/a.b", b"{", "fsp7"), "SCOPE_MISSING"),
        (put("/programs/a.b", b"{", media="text/plain"), "MEDIA_TYPE"),
        (put("/programs/a.b", b"{"), "BODY_INVALID"),
        (put("/programs/a.b", {"programName": "p"}), "QUERY_INVALID"),
        (put("/programs/absent", {"programName": ""}), "BODY_INVALID"),
        (put("/programs/absent", {"programName": "p"}), "HIDDEN"),
        (delete("/programs/a.b"), "QUERY_INVALID"),
        (delete("/programs/absent"), "HIDDEN"),
    ):
        reply = await vtn.send(request)
        assert reply.json["reason"] == reason, request


async def test_what_a_ven_says_in_vain_is_noted(vtn: Asking) -> None:
    own = {"objectType": "VEN_VEN_REQUEST", "venName": "FSP7"}
    made = await vtn.send(post("/vens", {**own, "targets": ["X"], "clientID": "bl"}, "fsp7"))
    assert (made.status, made.json["clientID"]) == (201, "fsp7")
    assert "targets" not in made.json
    (line,) = vtn.heard.lines
    assert line["reason"] == "UNKNOWN_IGNORED"
    assert "clientID and targets" in line["detail"]
    again = await vtn.send(put(f"/vens/{made.json['id']}", {**own, "clientID": "fsp7"}, "fsp7"))
    assert again.status == 200
    assert len(vtn.heard.lines) == 1, "its own clientID is no news"


async def test_what_is_not_offered_yet_is_said(vtn: Asking) -> None:
    assert (await vtn.send(get("/notifiers"))).json == {"WEBHOOK": False}
    for path in ("events", "reports", "subscriptions", "vens", "resources"):
        topic = f"/notifiers/mqtt/topics/{path}"
        assert (await vtn.send(get(topic))).status == 403
        assert (await vtn.send(get(topic, "bl"))).status == 501
    for path in ("programs", "programs/p", "programs/p/events", "vens/v/resources"):
        reply = await vtn.send(get(f"/notifiers/mqtt/topics/{path}"))
        assert (reply.status, reply.json["reason"]) == (501, "NOT_IMPLEMENTED")
