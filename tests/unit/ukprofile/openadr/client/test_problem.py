"""A VTN's no comes through whole, and no secret shows."""

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tests.unit.ukprofile.openadr.client.scripted import (
    PROGRAM,
    SECRET,
    Clients,
    Reply,
    Vtn,
    answer,
    cut,
    reply,
)
from ukprofile.errors import Refused, Unreachable
from ukprofile.openadr import Problem
from ukprofile.openadr.client import Client, Credentials, VtnProblem
from ukprofile.openadr.client.exchange import Call
from ukprofile.openadr.client.problem import problem_of


async def test_a_problem_tells_all_that_the_server_said(vtn: Vtn, client: Client) -> None:
    said = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "it is taken"}
    said |= {"instance": "/logs/7", "reason": "NOT_UNIQUE"}
    vtn.on("POST", "/programs", reply(said, status=409, Content_Type="application/problem+json"))
    with pytest.raises(VtnProblem) as caught:
        await client.programs.create(PROGRAM)
    assert caught.value.problem.dump() == said
    assert (caught.value.reason, caught.value.retry_after) == ("NOT_UNIQUE", None)
    assert str(caught.value) == (
        "POST /openadr3/3.1.0/programs: 409, NOT_UNIQUE: Conflict: it is taken"
    )


@pytest.mark.parametrize(
    "broken",
    [
        reply(raw=b"<html>", status=404, Content_Type="text/html"),
        reply(raw=b"{", status=404),
        reply({"title": 7}, status=404),
        reply([], status=404),
        reply(raw=b"", status=404),
    ],
)
async def test_a_problem_that_cannot_be_read_is_an_empty_one(
    vtn: Vtn, client: Client, broken: Reply
) -> None:
    vtn.on("GET", "/programs/p-1", broken)
    with pytest.raises(VtnProblem) as caught:
        await client.programs.get("p-1")
    assert caught.value.problem.dump() == {"status": 404}
    assert (caught.value.status, caught.value.reason) == (404, "")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
problems = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("about:blank"),
        "title": texts,
        "status": st.integers(100, 599),
        "detail": texts,
        "instance": st.just("/logs/7"),
        "reason": texts,
        "violations": st.lists(texts, max_size=2),
    },
)


@given(problems, st.integers(400, 599), st.none() | st.integers(0, 10**9 - 1))
def test_any_problem_comes_through(
    said: dict[str, Any], status: int, retry_after: int | None
) -> None:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = problem_of(answer(status, Problem.read(said).dump_json(), **headers))
    assert error.problem == Problem.read(said)
    assert error.problem.dump() == said
    assert (error.status, error.retry_after) == (status, retry_after)
    assert error.reason == said.get("reason", "")


# -- secrets -----------------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


async def test_no_secret_shows_in_any_error_repr_or_log(
    vtn: Vtn, client_of: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    told = {"detail": SECRET, SECRET: [SECRET, {"title": SECRET}]}
    failures = [
        ("POST", "/auth/token", reply(told, status=400)),
        ("POST", "/auth/token", reply([SECRET])),
        ("POST", "/auth/token", reply(raw=b"", status=302)),
        ("POST", "/auth/token", cut),
        ("GET", "/programs", reply({"detail": "not token-2"}, status=401)),
        ("GET", "/programs", reply(raw=b"", status=302)),
        ("GET", "/programs", reply(raw=b"[", status=200)),
        ("GET", "/programs", cut),
    ]
    for method, path, failure in failures:
        vtn.on("POST", "/auth/token", vtn.grant)
        vtn.tokens = 0
        vtn.on(method, path, failure)
        credentials = Credentials("fsp7", SECRET)
        client = client_of(vtn.url, credentials, attempts=2)
        with pytest.raises((VtnProblem, Refused, Unreachable)) as caught:
            await client.programs.list()
        text = shown(caught.value) + repr(credentials) + repr(vars(client))
        text += repr(vars(client._tokens)) + caplog.text
        assert SECRET not in text
        assert "token-2" not in text


def test_a_call_shows_neither_token_nor_body() -> None:
    call = Call("POST", URL("https://vtn.example/t?q=1"), b"secret-body", token="secret-token")
    assert "secret" not in repr(call) + str(call)
    assert "secret" not in repr(answer(200, b"secret-body"))
