"""`python -m tests.soak [--only kills] [--fresh]`: the long campaigns, each with a dated log.

What a campaign finished stays in `var/soak/<campaign>/`: after a cut the next run goes on where
it stopped, `--fresh` begins again, and one that came to its end leaves only its log.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tests.soak import (
    agent_writes,
    bit_flips,
    demo_faults,
    dispatch_faults,
    dispatch_kills,
    exchange,
    failing_writes,
    kills,
    mutating,
    replays,
    server_kills,
)
from tests.soak.progress import ROOT
from ukprofile.clock import SystemClock

CAMPAIGNS: dict[str, Callable[[Path, Callable[[str], None]], None]] = {
    "kills": kills.campaign,
    "server-kills": server_kills.campaign,
    "agent-writes": agent_writes.campaign,
    "dispatch-kills": dispatch_kills.campaign,
    "dispatch-faults": dispatch_faults.campaign,
    "states": exchange.campaign,
    "failing-writes": failing_writes.campaign,
    "bit-flips": bit_flips.campaign,
    "mutants": mutating.campaign,
    "replays": replays.campaign,
    "demo-faults": demo_faults.campaign,
}


def run(name: str, folder: Path, now: datetime, *, fresh: bool) -> bool:
    """Run, or take up, one campaign; returns whether it found nothing wrong."""
    if fresh:
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}-{now:%Y-%m-%dT%H%M%SZ}.log").open("w") as log:

        def told(line: str) -> None:
            print(f"{name}: {line}", flush=True)
            log.write(f"{line}\n")
            log.flush()

        try:
            CAMPAIGNS[name](folder / name, told)
        except AssertionError as fault:
            told(f"FAULT: {fault}")
            return False
        told("finished, and nothing wrong")
    shutil.rmtree(folder / name)
    return True


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    words.add_argument("--only", choices=CAMPAIGNS, help="one campaign of them")
    words.add_argument("--fresh", action="store_true", help="begin again")
    asked = words.parse_args()
    found = [
        run(name, ROOT / "var" / "soak", SystemClock().now(), fresh=asked.fresh)
        for name in ([asked.only] if asked.only else CAMPAIGNS)
    ]
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
