"""Every refusal has one shape, and the status of its code."""

import re

import pytest
from aiohttp import web

from tests.unit.vtn.http.edge import edge
from tests.wire import Reply, get
from ukprofile.codes import CODES
from ukprofile.errors import Refused
from vtn.domain.privacy import Viewer

WITH_STATUS = [code for code in CODES.values() if code.http and code.http >= 400]
CLOSING = ("HTTP_INVALID", "TOO_SLOW", "BODY_TOO_LARGE", "OVERLOADED")
MEMBERS = {"type", "title", "status", "detail", "instance", "reason"}


async def refusing(_request: web.BaseRequest, _viewer: Viewer, reason: str) -> web.Response:
    raise Refused(reason, "because", path="/x", clause="profile 1")


async def test_every_code_with_a_status_is_answered_with_it() -> None:
    async with edge({"/refuse/{id}": {"GET": refusing}}) as server:
        for code in WITH_STATUS:
            reply = await server.send(get(f"/refuse/{code.name}"))
            assert reply.status == code.http, code.name
            assert reply.headers["content-type"] == "application/json"
            problem = reply.json
            assert set(problem) == MEMBERS | {"path", "clause"}
            assert (problem["reason"], problem["status"]) == (code.name, code.http)
            assert problem["title"] == code.meaning
            assert problem["type"] == f"urn:ukflex:problem:{code.name}"
            check_log(server.heard.lines, reply, security=code.security)
            check_headers(reply, code.name)
            server.heard.lines.clear()


def check_log(lines: list[dict[str, str]], reply: Reply, *, security: bool) -> None:
    """One line that the Problem's instance leads to, if it is a matter of security."""
    assert len(lines) == (1 if security else 0)
    for line in lines:
        assert line["instance"] == reply.json["instance"]
        assert line["client_id"] == "fsp7"
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", line["instance"])


def check_headers(reply: Reply, reason: str) -> None:
    assert ("www-authenticate" in reply.headers) == (
        reply.status == 401 or reason == "SCOPE_MISSING"
    )
    assert ("retry-after" in reply.headers) == (reply.status == 503 or reason == "IN_PROGRESS")
    assert reply.closed == (reason in CLOSING)


async def test_a_status_of_its_own_wins_and_empty_members_are_left_out() -> None:
    async def moved(_request: web.BaseRequest, _viewer: Viewer, _id: str) -> web.Response:
        raise Refused("TARGET_INVALID", status=409)

    async with edge({"/x": {"GET": moved}}) as server:
        reply = await server.send(get("/x"))
        assert reply.status == reply.json["status"] == 409
        assert set(reply.json) == MEMBERS


async def test_the_log_gets_no_query_and_no_header_but_a_short_user_agent() -> None:
    async with edge({"/x/{id}": {"GET": refusing}}) as server:
        agent = (("User-Agent", "ukven/1.2 (hush)"), ("X-Secret", "hush"))
        await server.send(get("/x/HIDDEN?key=hush", headers=agent))
        (line,) = server.heard.lines
        assert line["path"] == "/x/HIDDEN"
        assert line["user_agent"] == "ukven/1.2"
        assert "hush" not in server.heard.everything


@pytest.mark.parametrize("reason", ["HIDDEN", "SCOPE_MISSING"])
async def test_two_refusals_have_two_instances(reason: str) -> None:
    async with edge({"/x/{id}": {"GET": refusing}}) as server:
        first, second = [await server.send(get(f"/x/{reason}")) for _ in range(2)]
        assert first.json["instance"] != second.json["instance"]
        assert first.without_id() == second.without_id()
