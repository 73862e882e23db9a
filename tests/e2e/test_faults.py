"""`python -m plugfest.faults` as a process: a proxy before a VTN, told what to do, and stopped."""

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.soak.progress import ROOT
from tests.waiting import until
from vtn.testing import running_vtn

pytestmark = pytest.mark.e2e


@asynccontextmanager
async def process(folder, *words):
    """The proxy while it runs; what its ready file says."""
    ready = folder / f"{words[0]}.ready.json"
    command = (sys.executable, "-m", "plugfest.faults", *words, "--ready-file", ready)
    running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        await until(lambda: ready.exists() or running.returncode is not None, why="it is ready")
        yield json.loads(ready.read_text())
        running.terminate()
        assert await asyncio.wait_for(running.wait(), 20) == 0
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def status(url: str, path: str = "/auth/server") -> int:
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        return answer.status


async def test_each_kind_of_proxy_runs_and_stops(tmp_path):
    async with running_vtn() as vtn:
        at = ("--upstream", vtn.url)
        async with process(tmp_path, "tcp", *at, "--odds", "latency_s=0.01") as ready:
            assert await status(ready["url"]) == 200
        log = tmp_path / "faults.jsonl"
        words = ("--odds", "busy=1", "retry_after_s=3", "--log", log, "--seed", "4")
        async with process(tmp_path, "http", *at, *words) as ready:
            assert await status(ready["url"]) in (429, 503)
            assert json.loads(log.read_text())["fault"] == "busy"
        async with process(tmp_path, "meddle", *at) as ready:
            assert await status(ready["url"]) == 200
            async with aiohttp.ClientSession(ready["control"]) as control:
                order = {"tampering": "own_key"}
                async with control.post("/orders", json=order) as answer:
                    assert [one["tampering"] for one in await answer.json()] == ["own_key"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http", "--odds", "later=0.1"), "later is none of busy, duplicate"),
        (("http", "--odds", "late=soon"), "could not convert"),
        (("tcp", "--odds", "reset=2"), "between 0 and 1"),
        (("meddle", "--odds", "late=1"), "takes orders, no odds"),
    ],
)
def test_what_is_no_odds_is_refused(words, said):
    command = [sys.executable, "-m", "plugfest.faults", *words, "--upstream", "http://127.0.0.1:9"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
