"""Kill the VTN and its agents with SIGKILL, at any moment, while dispatches are given and run.

    rounds of 20 kills, each in a directory of its own: tests.soak.dispatching plays it,
    tests.soak.ledger judges what it left behind; what is found wrong stays there

Seeded: what is ordered, whom a kill meets and when, which faults a connection suffers. What comes
of it depends on the machine as well, as it does anywhere.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.soak.dispatching.round import Plan, play
from tests.soak.ledger import Evidence, ends, judge
from tests.soak.progress import ROOT, Progress, fingerprint

TREES = ("ukprofile", "vtn", "ven", "plugfest", "tests/soak")
PER_ROUND = 20


def campaign(
    folder: Path,
    told: Callable[[str], None] = print,
    kills: int = 1000,
    seed: int = 20261126,
    root: Path = ROOT,
) -> None:
    """Kill `kills` times, as drawn from `seed`. Raises AssertionError at the first fault.

    `root` is the source tree of the programs.
    """
    progress = Progress(folder, f"seed {seed}, {fingerprint(*TREES)}")
    rounds = [min(PER_ROUND, kills - done) for done in range(0, kills, PER_ROUND)]
    done = sum((Counter(found) for found in progress.finished.values()), Counter[str]())
    told(f"seed {seed}: {kills - done['kills']} of {kills} kills during dispatches left")
    for number, count in enumerate(rounds):
        if str(number) in progress.finished:
            continue
        name, place = f"seed {seed}, round {number}", folder / f"round-{number}"
        shutil.rmtree(place, ignore_errors=True)
        plan = Plan(f"{seed} {number}", count, 2 + number % 2, root)
        try:
            found = asyncio.run(play(plan, place))
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"{name}: {error}; see {place}") from error
        evidence = Evidence(place)
        faults = judge(evidence)
        assert not faults, f"{name}: {len(faults)} faults, see {place}: {'; '.join(faults[:5])}"
        progress.finish(str(number), {**found, **ends(evidence)})
        done += Counter(progress.finished[str(number)])
        told(", ".join(f"{n} {what}" for what, n in sorted(done.items())))
        shutil.rmtree(place)
