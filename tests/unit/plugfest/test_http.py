"""Exchanges that go wrong: what the client sees of each fault, and what the server did."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from plugfest.faults.http import Odds, fate, misbehaving
from plugfest.faults.passing import listening
from tests.waiting import until

KINDS = ("busy", "duplicate", "reorder", "late", "lost", "stale", "truncated")
SEEDS = range(100)


class Counter:
    """A server that counts what is posted, and shows the count with an ETag."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            self.posted.append(await request.read())
        tag = f'"{len(self.posted)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.json_response({"count": len(self.posted)}, headers={"ETag": tag})


class Side:
    """A client that waits for a second."""

    def __init__(self, session: aiohttp.ClientSession, faults) -> None:
        self.session, self.faults = session, faults

    async def ask(self, method="GET", body=b"", **headers):
        async with self.session.request(method, "/x", data=body, headers=headers) as answer:
            return answer.status, answer.headers, await answer.read()

    async def count(self, method="GET", body=b"", **headers) -> int:
        return json.loads((await self.ask(method, body, **headers))[2])["count"]


@asynccontextmanager
async def through(odds: Odds, seed: int = 1, log=None):
    """A server, and a client that reaches it through these faults."""
    server = Counter()
    async with (
        listening(server.handle) as upstream,
        misbehaving(upstream, seed=seed, odds=odds, log=log) as (url, faults),
        aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=1)) as session,
    ):
        yield server, Side(session, faults)


def seed_for(number: int, odds: Odds, *, low: bool) -> int:
    """A seed by which the exchange of that number has a small, or a large, share."""
    return next(s for s in SEEDS if (fate(s, number, odds).share < 0.5) == low)


def strikes_at(number: int, kind: str, *, low: bool) -> tuple[int, Odds]:
    """A seed, and odds, by which `kind` strikes there, and at no exchange before it."""
    odds = Odds(**{kind: 0.4}, patience_s=0.05)
    return next(
        s
        for s in range(10_000)
        if all(fate(s, n, odds).kind == "none" for n in range(1, number))
        and fate(s, number, odds).kind == kind
        and (fate(s, number, odds).share < 0.5) == low
    ), odds


async def test_without_faults_everything_passes_as_it_is():
    async with through(Odds()) as (server, side):
        assert await side.count("POST", b"a") == 1
        status, headers, _ = await side.ask(**{"If-None-Match": '"1"'})
        assert (status, headers["ETag"]) == (304, '"1"')
        assert server.posted == [b"a"]
        assert side.faults.struck == []


async def test_a_server_that_is_not_there_is_a_502():
    async with (
        misbehaving("http://127.0.0.1:9", seed=1, odds=Odds()) as (url, _),
        aiohttp.ClientSession(url) as session,
        session.get("/") as answer,
    ):
        assert answer.status == 502


@pytest.mark.parametrize(("low", "status"), [(True, 429), (False, 503)])
async def test_a_busy_server_never_hears_of_it(low, status, tmp_path):
    odds, log = Odds(busy=1.0, retry_after_s=7), tmp_path / "faults.jsonl"
    async with through(odds, seed_for(1, odds, low=low), log) as (server, side):
        found, headers, _ = await side.ask("POST", b"a")
        assert (found, headers["Retry-After"]) == (status, "7")
        assert server.posted == []
        assert [json.loads(line) for line in log.read_text().splitlines()] == side.faults.struck
        assert side.faults.struck == [
            {"exchange": 1, "fault": "busy", "call": "POST /x", "how": str(status)}
        ]


async def test_a_duplicate_reaches_the_server_twice():
    async with through(Odds(duplicate=1.0)) as (server, side):
        assert await side.count("POST", b"a") == 2
        assert server.posted == [b"a", b"a"]


async def test_a_lost_answer_is_to_what_was_done():
    async with through(Odds(lost=1.0)) as (server, side):
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await side.ask("POST", b"a")
        assert server.posted == [b"a"]


async def test_a_late_answer_is_to_what_was_done_while_the_client_still_waited():
    async with through(Odds(late=1.0, patience_s=1.2)) as (server, side):
        with pytest.raises(TimeoutError):
            await side.ask("POST", b"a")
        assert server.posted == [b"a"]


@pytest.mark.parametrize(("low", "order"), [(True, [b"b", b"a"]), (False, [b"a", b"b"])])
async def test_what_is_held_back_is_overtaken_by_the_next_of_its_client(low, order):
    odds = Odds(reorder=0.4, patience_s=5)
    seed = next(s for s in SEEDS if _only_first(s, odds, low))
    async with through(odds, seed) as (server, side):
        first = asyncio.create_task(side.ask("POST", b"a"))
        await until(lambda: side.faults.struck and (low or server.posted))
        await side.ask("POST", b"b")
        await first
        assert server.posted == order


def _only_first(seed: int, odds: Odds, low: bool) -> bool:
    first, second = fate(seed, 1, odds), fate(seed, 2, odds)
    return first.kind == "reorder" and second.kind == "none" and (first.share < 0.5) == low


async def test_what_nothing_overtakes_is_held_no_longer_than_patience():
    async with through(Odds(reorder=1.0, patience_s=0.05)) as (server, side):
        await side.ask("POST", b"a", Authorization="Bearer somebody else's")
        assert await side.count("POST", b"b") == 2
        assert server.posted == [b"a", b"b"]


async def test_a_stale_answer_is_an_older_one_with_its_tag():
    seed, odds = strikes_at(3, "stale", low=False)
    async with through(odds, seed) as (_, side):
        assert await side.count() == 0
        await side.ask("POST", b"a")
        _, headers, body = await side.ask()
        assert (headers["ETag"], body) == ('"0"', b'{"count": 0}')
        assert [one["how"] for one in side.faults.struck] == ["200"]


async def test_a_stale_304_says_that_nothing_changed_though_it_did():
    seed, odds = strikes_at(3, "stale", low=True)
    async with through(odds, seed) as (_, side):
        assert await side.count() == 0
        await side.ask("POST", b"a")
        status, headers, _ = await side.ask(**{"If-None-Match": '"0"'})
        assert (status, headers["ETag"]) == (304, '"0"')
        assert [one["how"] for one in side.faults.struck] == ["304"]


async def test_of_what_never_changed_nothing_is_stale():
    async with through(Odds(stale=1.0)) as (_, side):
        for _ in range(3):
            assert await side.count() == 0
        assert (await side.ask(**{"If-None-Match": '"0"'}))[0] == 304
        assert side.faults.struck == []


async def test_a_truncated_answer_is_whole_http_and_no_json():
    async with through(Odds(truncated=1.0)) as (_, side):
        status, _, body = await side.ask()
        assert status == 200
        assert b'{"count": 0}'.startswith(body)
        with pytest.raises(ValueError):
            json.loads(body)


@given(st.integers(0, 2**32), st.integers(1, 1000))
def test_the_same_seed_has_the_same_fate(seed, number):
    odds = Odds(**dict.fromkeys(KINDS, 0.14))
    found = fate(seed, number, odds)
    assert found == fate(seed, number, odds)
    assert found.kind in (*KINDS, "none")
    assert 0 <= found.share < 1


def test_odds_that_are_none_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Odds(late=0.7, lost=0.7)
