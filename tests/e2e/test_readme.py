"""The README's commands, run as they are printed, by a shell in an empty directory."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server

import pytest

from tests.soak.progress import ROOT
from tests.waiting import until

pytestmark = pytest.mark.e2e

README = (ROOT / "README.md").read_text()
STAYS = ("ukvtn serve", "ukven run")
"""What goes on until it is stopped: a person gives it a terminal of its own."""


def soon(condition: Callable[[], bool], why: str) -> None:
    asyncio.run(until(condition, timeout_s=60, why=why))


def blocks() -> list[str]:
    """The shell blocks of "By hand", in order."""
    by_hand = README.split("\n## By hand\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", by_hand, re.DOTALL)


class Terminal:
    """A directory, and a shell in it for which `ukvtn` and `ukven` are this checkout's."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self._port = port
        self._running: list[subprocess.Popen[bytes]] = []
        commands = directory.parent / "bin"
        commands.mkdir()
        for name, module in (("ukvtn", "vtn"), ("ukven", "ven")):
            script = commands / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
            script.chmod(0o755)
        self._env = {
            **os.environ,
            "PATH": f"{commands}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
        }

    def type(self, block: str) -> str:
        """Run a block; what it prints."""
        block = block.replace("127.0.0.1:8080", f"127.0.0.1:{self._port}")
        stays = next((line for line in block.splitlines() if line.startswith(STAYS)), "")
        done = subprocess.run(
            ["bash", "-e", "-c", block.replace(stays, "")],
            cwd=self.directory,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if stays:
            self._running.append(
                subprocess.Popen(
                    stays.split(), cwd=self.directory, env=self._env, stdout=subprocess.DEVNULL
                )
            )
            ready = self.directory / stays.split("--ready-file ")[1]
            soon(ready.exists, f"{stays} is ready")
        return done.stdout

    @contextmanager
    def open(self) -> Iterator["Terminal"]:
        try:
            yield self
        finally:
            codes = []
            for process in reversed(self._running):
                process.terminate()
                codes.append(process.wait(30))
            assert codes == [0] * len(codes)


def test_by_hand_works_as_printed(tmp_path: Path) -> None:
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (tmp_path / "empty").mkdir()
    serve, contract, agent, instruct = blocks()
    with Terminal(tmp_path / "empty", port).open() as terminal:
        terminal.type(serve)
        assert "DSOA:FLEX-1" in terminal.type(contract)
        assert (terminal.directory / "fsp7.secret").stat().st_mode & 0o077 == 0
        assert "enrolled" in terminal.type(agent)
        shown = terminal.type(instruct)
        thread = re.search(r"^thread +(\S+)", shown, re.MULTILINE)
        assert thread is not None
        acknowledged = re.compile(rf"{thread[1]}.*\+1,000,000 +received")
        soon(
            lambda: acknowledged.search(terminal.type("ukvtn status -d dso")) is not None,
            "the instruction is acknowledged",
        )
        terminal.type(f"ukvtn desk cancel {thread[1]} -d dso --reason NOT_REQUIRED")
        cancelled = re.compile(rf"{thread[1]}.*cancelled")
        soon(
            lambda: cancelled.search(terminal.type("ukvtn status -d dso")) is not None,
            "the cancellation is shown",
        )
        soon(
            lambda: "cancellation" in terminal.type("ukven journal fsp"),
            "the cancellation has reached the agent",
        )
        told = terminal.type("ukven journal fsp")
        assert thread[1] in told
        assert "confirmed" in told.lower()


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    (block,) = re.findall(r"```sh\n(git clone.*?)```", README, re.DOTALL)
    targets = re.findall(r"^make (\w+)$", block, re.MULTILINE)
    assert targets == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text()
    for target in [*targets, "sandbox", "soak", "check"]:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
