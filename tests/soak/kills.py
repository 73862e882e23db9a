"""Kill a writing process with SIGKILL, again and again, and look at what it left behind.

Nothing acknowledged may be lost; every object has its outbox row, and every row its object; no
number is used twice. One database lives through all the kills, and through a campaign that is cut
and taken up again.
"""

import asyncio
import random
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.soak.progress import ROOT, Progress, fingerprint
from vtn.domain.record import Kind, Operation
from vtn.storage.sqlite import SqliteStore


def kill_once(path: Path, run: str, after: int) -> list[str]:
    """Start a writer, kill it once it acknowledged `after` writes; returns all it acknowledged.

    `run` names its objects, and has never been used on this database.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.writer", str(path), run],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        lines = [child.stdout.readline() for _ in range(after)]
    finally:
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


def campaign(
    folder: Path, told: Callable[[str], None] = print, kills: int = 100, seed: int = 20261124
) -> None:
    """Kill `kills` times, at places drawn from `seed`. Raises AssertionError at the first fault."""
    path = folder / "vtn.db"
    progress = Progress(folder, f"seed {seed}, {fingerprint('ukprofile', 'vtn', 'tests/soak')}")
    acknowledged = {id for ids in progress.finished.values() for id in ids}  # noqa: A001
    told(f"seed {seed}: {kills - len(progress.finished)} of {kills} kills under write load left")
    for run in range(len(progress.finished), kills):
        after = random.Random(f"{seed} {run}").randint(1, 400)
        # a campaign that was cut may have written in this run already, under another name
        ids = kill_once(path, f"{run}-{secrets.token_hex(4)}", after)
        acknowledged.update(ids)
        fault = asyncio.run(examine(path, acknowledged))
        assert not fault, f"seed {seed}, kill {run}: {fault}"
        told(f"kill {run + 1} of {kills}: {len(acknowledged)} acknowledged, none lost")
        progress.finish(str(run), ids)
