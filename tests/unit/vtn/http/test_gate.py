"""Who is counted, and as whom: clients by themselves, strangers by address, the desk never."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.unit.vtn.http.edge import FSP7, NOW, SECRET, Edge, edge, said
from tests.unit.vtn.http.test_auth import form
from tests.wire import Reply, Request, get, post, put
from vtn.domain import clients
from vtn.domain.privacy import Viewer
from vtn.http import auth
from vtn.http.form import read_body
from vtn.http.limits import Room
from vtn.http.rate import RATES, Buckets, Rate

ALL = {
    "/x": {"GET": said(), "POST": said()},
    "/y": {"GET": said()},
}
NOBODY = "nobody"


def buckets(**rates: Rate) -> Buckets:
    """Whose clock stands still: a bucket that is empty stays so."""
    return Buckets({**RATES, **rates}, lambda: 1_000.0)


async def reasons(server: Edge, *requests: Request) -> list[str]:
    """What each is answered: a reason, or "" if it is done."""
    replies = [await server.send(one) for one in requests]
    return ["" if reply.status < 300 else reply.json["reason"] for reply in replies]


def limited(reply: Reply) -> None:
    assert (reply.status, reply.json["reason"]) == (429, "RATE_LIMITED")
    assert int(reply.headers["retry-after"]) >= 1


async def test_a_client_that_asks_too_often_is_told_when_to_come_back() -> None:
    async with edge(ALL, limiter=buckets(read=Rate(0.25, 2), write=Rate(1, 1))) as server:
        assert await reasons(server, get("/x"), get("/y")) == ["", ""]
        reply = await server.send(get("/x"))
        limited(reply)
        assert reply.headers["retry-after"] == "4"
        assert not reply.closed
        limited(await server.send(get("/nowhere")))
        assert await reasons(server, post("/x", {}, "fsp7")) == [""]
        limited(await server.send(post("/x", {}, "fsp7")))
        assert {line["client_id"] for line in server.heard.lines} == {"fsp7"}
        assert [line["reason"] for line in server.heard.lines] == ["RATE_LIMITED"] * 3


async def test_the_desk_is_never_limited() -> None:
    none = {lane: Rate(0.001, 1) for lane in RATES}
    async with edge({"/desk/cease": {"POST": said()}}, limiter=Buckets(none, lambda: 0.0)) as server:  # fmt: skip
        asked = [post("/desk/cease", {}, "bl") for _ in range(20)]
        assert await reasons(server, *asked) == [""] * 20
        assert await reasons(server, *[get("/nowhere", "bl")] * 3) == ["NOT_FOUND"] * 3


async def test_a_stranger_is_counted_by_address_whatever_it_says_of_itself() -> None:
    async with edge(ALL, limiter=buckets(stranger=Rate(1, 4))) as server:
        for n in range(4):
            headers = (("X-Forwarded-For", f"192.0.2.{n}"), ("Forwarded", f"for=192.0.2.{n}"))
            reply = await server.send(get("/x", NOBODY, headers=headers))
            assert reply.status == 401
        headers = (("X-Forwarded-For", "192.0.2.99"), ("Authorization", "Bearer x"))
        limited(await server.send(get("/x", NOBODY, headers=headers)))
        limited(await server.send(get("/auth/server", NOBODY)))
        assert await reasons(server, get("/x"), get("/nowhere", "fsp7")) == ["", "NOT_FOUND"]


async def test_each_refused_request_of_a_stranger_counts_once() -> None:
    async with edge(ALL, limiter=buckets(stranger=Rate(1, 3), token=Rate(1, 99))) as server:
        asked = [form(client_secret="wrong"), get("/auth/server", NOBODY), form(grant_type="x")]
        assert await reasons(server, *asked) == ["CLIENT_INVALID", "", "TOKEN_REQUEST"]
        reply = await server.send(form(client_secret="wrong"))
        limited(reply)
        assert reply.json["error"] == "invalid_request"


async def test_wrong_secrets_are_limited_before_they_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """N79h: and the right secret from elsewhere still works."""
    counted: list[str] = []
    scrypt = clients.hash_secret

    def counting(secret: str, salt: bytes) -> bytes:
        counted.append(secret)
        return scrypt(secret, salt)

    monkeypatch.setattr(clients, "hash_secret", counting)
    async with edge(limiter=buckets(token=Rate(1, 3))) as server:
        wrong = [form(client_secret=f"wrong-{n}") for n in range(6)]
        due = ["CLIENT_INVALID"] * 3 + ["RATE_LIMITED"] * 3
        assert await reasons(server, *wrong) == due
        assert counted == ["wrong-0", "wrong-1", "wrong-2"]
        limited(await server.send(form()))
        assert await reasons(server, form(client_id="bl")) == [""]


async def test_a_secret_that_was_right_is_taken_however_many_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with edge(limiter=buckets(token=Rate(1, 2), stranger=Rate(1, 2))) as server:
        assert await reasons(server, form()) == [""]
        assert await reasons(server, form(client_secret="wrong")) == ["CLIENT_INVALID"]
        limited(await server.send(form(client_secret="wrong")))
        limited(await server.send(form(client_id="bl", client_secret=SECRET)))
        monkeypatch.setattr(clients, "hash_secret", None)
        assert await reasons(server, form()) == [""]


async def test_a_secret_that_was_changed_or_a_client_that_was_disabled_is_known_no_more() -> None:
    async with edge() as server:
        assert await reasons(server, form()) == [""]
        for changed in (
            replace(FSP7, secret_hash=clients.hash_secret("another", b"salt" * 4)),
            replace(FSP7, disabled=NOW),
        ):
            server.live._clients["fsp7"] = changed
            assert await reasons(server, form()) == ["CLIENT_INVALID"]


async def test_long_answers_and_long_bodies_count_as_several_requests() -> None:
    async def long(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
        return web.Response(body=b"x" * 65_536 * 3)

    async def reading(request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
        return web.json_response(len(await read_body(request)))

    table: Any = {"/x": {"GET": long, "PUT": reading}}
    async with edge(table, limiter=buckets(read=Rate(1, 3), write=Rate(1, 3))) as server:
        assert (await server.send(get("/x"))).status == 200
        reply = await server.send(get("/x"))
        limited(reply)
        assert reply.headers["retry-after"] == "2"
        assert (await server.send(get("/x", "bl"))).status == 200
        body = "y" * 65_536 * 3
        assert (await server.send(put("/x", body, "fsp7"))).status == 200
        limited(await server.send(put("/x", "y", "fsp7")))


async def test_behind_a_proxy_addresses_tell_nothing() -> None:
    none = Room(per_address=0)
    async with edge(ALL, limiter=buckets(stranger=Rate(1, 1)), room=none) as server:
        assert await reasons(server, *[get("/x", NOBODY)] * 5) == ["TOKEN_MISSING"] * 5


async def test_who_waits_too_long_for_a_look_at_its_secret_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_MOST_WAITING", 4)
    async with edge(limiter=buckets(token=Rate(1, 99))) as server:
        wrong = [server.send(form(client_secret="wrong")) for _ in range(20)]
        found = [reply.json["reason"] for reply in await asyncio.gather(*wrong)]
        assert set(found) == {"CLIENT_INVALID", "RATE_LIMITED"}
        assert await reasons(server, form()) == [""]
