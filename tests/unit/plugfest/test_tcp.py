"""The network that misbehaves: each fault is real on a socket, and follows from the seed."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugfest.faults.tcp import Odds, fate, misbehaving

SENT = bytes(range(256)) * 32


@asynccontextmanager
async def echo():
    """A server that sends back what it is sent, and then ends."""

    async def serve(reader, writer):
        try:
            while piece := await reader.read(1000):
                writer.write(piece)
                await writer.drain()
            writer.close()
        except ConnectionError:
            pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def asked(port: int) -> bytes:
    """Everything the far end answers to `SENT`. Raises ConnectionError, TimeoutError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(2):
            writer.write(SENT)
            writer.write_eof()
            return await reader.read()
    finally:
        writer.close()


async def through(odds: Odds, seed: int = 1, log=None):
    async with (
        echo() as port,
        misbehaving("127.0.0.1", port, seed=seed, odds=odds, log=log) as (
            url,
            faults,
        ),
    ):
        try:
            return await asked(int(url.rpartition(":")[2])), faults
        except (ConnectionError, TimeoutError) as error:
            return type(error), faults


async def test_without_faults_everything_passes_as_it_is():
    assert (await through(Odds()))[0] == SENT
    assert (await through(Odds(latency_s=0.01, bytes_per_s=1_000_000)))[0] == SENT


async def test_a_reset_is_one(tmp_path):
    answer, faults = await through(Odds(reset=1.0), log=tmp_path / "faults.jsonl")
    assert answer is ConnectionResetError
    assert [one["fault"] for one in faults.struck] == ["reset"]
    assert json.loads((tmp_path / "faults.jsonl").read_text()) == faults.struck[0]


async def test_corruption_changes_one_bit_where_it_says():
    answer, faults = await through(Odds(corrupt=1.0))
    wrong = [n for n, (a, b) in enumerate(zip(answer, SENT, strict=True)) if a != b]
    assert wrong == [faults.struck[0]["after"]]
    assert (answer[wrong[0]] ^ SENT[wrong[0]]).bit_count() == 1


async def test_after_a_half_close_what_was_sent_before_still_arrives():
    answer, faults = await through(Odds(half_close=1.0))
    assert answer == SENT[: faults.struck[0]["after"]]


async def test_a_blackhole_says_nothing():
    answer, faults = await through(Odds(blackhole=1.0))
    assert answer is TimeoutError
    assert [one["fault"] for one in faults.struck] == ["blackhole"]


@given(st.integers(0, 2**32), st.integers(1, 1000))
def test_the_same_seed_has_the_same_fate(seed, number):
    odds = Odds(reset=0.2, half_close=0.2, blackhole=0.2, corrupt=0.2)
    assert fate(seed, number, odds) == fate(seed, number, odds)


def test_faults_come_as_often_as_the_odds_say():
    odds = Odds(reset=0.3, corrupt=0.1)
    found = Counter(fate(7, number, odds).kind for number in range(10_000))
    assert found.keys() == {"none", "reset", "corrupt"}
    assert abs(found["reset"] - 3000) < 200
    assert abs(found["corrupt"] - 1000) < 150


def test_odds_that_are_none_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Odds(reset=0.7, corrupt=0.7)
