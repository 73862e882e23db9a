"""`python -m tests.soak [--kills N] [--seed S]`: the long campaigns, with a dated log."""

import argparse
import tempfile
from pathlib import Path

from tests.soak.kills import ROOT, campaign
from ukprofile.clock import SystemClock


def main() -> None:
    words = argparse.ArgumentParser(description="Kill a writing store again and again.")
    words.add_argument("--kills", type=int, default=100)
    words.add_argument("--seed", type=int, default=20261124)
    asked = words.parse_args()
    logs = ROOT / "var" / "soak"
    logs.mkdir(parents=True, exist_ok=True)
    stamp = SystemClock().now().strftime("%Y-%m-%dT%H%M%SZ")
    with (
        tempfile.TemporaryDirectory() as folder,
        (logs / f"kills-{stamp}.log").open("w") as log,
    ):

        def told(line: str) -> None:
            print(line, flush=True)
            log.write(f"{line}\n")
            log.flush()

        told(f"seed {asked.seed}, {asked.kills} kills of the SQLite store under write load")
        campaign(Path(folder) / "vtn.db", asked.kills, asked.seed, told)
        told("nothing acknowledged was lost; objects and outbox always paired")


if __name__ == "__main__":
    main()
