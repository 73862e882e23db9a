"""Kill a writing process with SIGKILL, again and again, and look at what it left behind.

Nothing acknowledged may be lost; every object has its outbox row, and every row its object; no
number is used twice. One database lives through all the kills.
"""

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from vtn.domain.record import Kind, Operation
from vtn.storage.sqlite import SqliteStore

ROOT = Path(__file__).parent.parent.parent


def kill_once(path: Path, run: int, after: int) -> list[str]:
    """Start a writer, kill it once it acknowledged `after` writes; returns all it acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.writer", str(path), str(run)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(after)]
    child.kill()
    lines += child.stdout.readlines()
    child.wait()
    child.stdout.close()
    assert child.returncode == -9, f"the writer ended by itself: {child.returncode}"
    return [line.strip() for line in lines if line.endswith("\n")]


async def examine(path: Path, acknowledged: set[str]) -> str:
    """What is wrong with the database, "" for nothing."""
    store = await SqliteStore.open(path, "sandbox", "check")
    try:
        objects = await store.read(lambda tx: tx.find(Kind.EVENT))
        changes = await store.read(lambda tx: tx.outbox(limit=10**9))
    finally:
        await store.close()
    kept = {record.id: record.version for record in objects}
    created = {c.record.id: c.sequence for c in changes if c.operation is Operation.CREATE}
    if lost := acknowledged - set(kept):
        return f"{len(lost)} acknowledged writes lost, {min(lost)} among them"
    if kept != created:
        return f"objects and outbox differ: {set(kept.items()) ^ set(created.items())}"
    if len({c.sequence for c in changes}) != len(changes):
        return "a number was used twice"
    return ""


def campaign(path: Path, kills: int, seed: int, told: Callable[[str], None] = print) -> None:
    """Kill `kills` times, at places drawn from `seed`. Raises AssertionError at the first fault."""
    draw = random.Random(seed)
    acknowledged: set[str] = set()
    for run in range(kills):
        acknowledged |= set(kill_once(path, run, draw.randint(1, 400)))
        fault = asyncio.run(examine(path, acknowledged))
        assert not fault, f"seed {seed}, kill {run}: {fault}"
        told(f"kill {run + 1} of {kills}: {len(acknowledged)} acknowledged, none lost")
