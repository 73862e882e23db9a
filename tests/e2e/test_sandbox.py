"""The sandbox: a VTN and two agents that stay up, and hints that work as they are printed."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import pytest

from tests.soak.progress import ROOT
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

JSON = Any
ENDS = "Ctrl-C stops it all"


@contextmanager
def sandbox(directory: Path, port: int) -> Iterator[list[str]]:
    """The commands it says to try, while it is up; it must end well."""
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "sandbox", "--directory", directory, "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            while ENDS not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            assert "ACME runs in" in said
            assert "BRIGHT runs in" in said
            yield re.findall(
                r"^  (\. .+|export .+|uk(?:vtn|ven) .+)$", said.replace("\\\n", ""), re.MULTILINE
            )
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def run(command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def offers(said: str) -> list[JSON]:
    (listing,) = json.loads(said)["requests"]
    return listing["offers"]


async def test_what_the_sandbox_says_to_try_works(tmp_path: Path) -> None:
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    directory = tmp_path / "sandbox"
    with sandbox(directory, port) as commands:
        words = [re.search(r"uk\w+ (?:desk )?\w+", one)[0] for one in commands]
        assert words == [
            "ukvtn desk instruct", "ukvtn status", "ukvtn desk vary", "ukvtn desk cancel",
            "ukvtn desk show", "ukvtn desk request", "ukvtn desk offers", "ukvtn desk award",
            "ukvtn desk alarms", "ukven status", "ukven journal",
        ]  # fmt: skip
        told = dict(zip(words, commands, strict=True))
        for one in ("ukvtn desk instruct", "ukvtn status", "ukvtn desk vary"):
            run(told[one])
        for one in ("ukvtn desk cancel", "ukvtn desk show", "ukvtn desk request"):
            run(told[one])
        await until(
            lambda: len(offers(run(told["ukvtn desk offers"] + " --json"))) == 2,
            timeout_s=60,
            why="both have offered",
        )
        run(told["ukvtn desk award"])
        awarded = offers(run(told["ukvtn desk offers"] + " --json"))
        assert [one["acceptance"]["accepted"] for one in awarded] == [True, False], awarded
        run(told["ukvtn desk alarms"])
        await until(
            lambda: "cancellation" in run(told["ukven journal"]),
            timeout_s=60,
            why="the cancellation is there",
        )
        assert "MY-1" in run(told["ukven status"]) + run(told["ukven journal"])
    with sandbox(directory, port) as commands:  # takes it up again
        assert "MY-1" in run(commands[1])
