"""Processes that may be killed at any moment, and started again on what they left behind.

start ──▶ (starting) ──▶ ready ──▶ kill ──▶ start ──▶ … ──▶ stop: exit code 0

A process that ends in any other way than it was told to is a fault of the campaign.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.waiting import until

_WITHIN_S = 60.0


class Nursery:
    """Starts programs of one source tree; see `tests.soak.dispatching.nursery`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._asking = asyncio.Lock()
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Future[int]] = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, root: Path) -> AsyncIterator["Nursery"]:
        """One for the source tree `root`; whatever it started is killed with it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", Path(__file__).with_name("nursery.py")),
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=PIPE,
            stdout=PIPE,
        )
        nursery = cls(process)
        hearing = asyncio.create_task(nursery._hear())
        try:
            yield nursery
        finally:
            for pid in (pid for pid, ended in nursery._ended.items() if not ended.done()):
                with suppress(ProcessLookupError):  # it has just ended, and was not heard of yet
                    os.kill(pid, signal.SIGKILL)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await hearing

    async def start(self, module: str, words: Sequence[str], output: Path) -> int:
        """Start `python -m module words`; its process id."""
        assert self._process.returncode is None, f"the nursery ended: {self._process.returncode}"
        asked = {"module": module, "words": list(words), "output": str(output)}
        assert self._process.stdin is not None
        async with self._asking:
            self._process.stdin.write(json.dumps(asked).encode())
            await self._process.stdin.drain()
            return await asyncio.wait_for(self._started.get(), _WITHIN_S)

    def ended(self, pid: int) -> "asyncio.Future[int]":
        """Its exit code, once it has ended."""
        return self._ended.setdefault(pid, asyncio.get_running_loop().create_future())

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "code" in said:
                self.ended(said["pid"]).set_result(said["code"])
            else:
                self.ended(said["pid"])
                self._started.put_nowait(said["pid"])


class Mortal:
    """One program and its place."""

    def __init__(
        self, name: str, nursery: Nursery, folder: Path, module: str, *words: str | Path
    ) -> None:
        self.name = name
        self._nursery, self._module, self._words = nursery, module, [str(word) for word in words]
        self._ready_file = folder / f"{name}.ready.json"
        self._output = folder / f"{name}.out"
        self._pid = 0

    async def start(self) -> None:
        """Start it, and do not wait."""
        self._ready_file.unlink(missing_ok=True)
        words = [*self._words, "--ready-file", str(self._ready_file)]
        self._pid = await self._nursery.start(self._module, words, self._output)

    async def ready(self, longest_s: float = _WITHIN_S) -> None:
        """Return once it is ready. Raises AssertionError if it ends instead, and TimeoutError."""

        def is_ready() -> bool:
            self.check_lives()
            return self._ready_file.exists()

        await until(is_ready, why=f"{self.name} is ready", timeout_s=longest_s)

    def said(self) -> dict[str, Any]:
        """What it said of itself when it was ready; {} while it is not."""
        try:
            found: dict[str, Any] = json.loads(self._ready_file.read_text())
        except FileNotFoundError:
            return {}
        return found

    def check_lives(self) -> None:
        assert self._pid, f"{self.name} was never started"
        ended = self._nursery.ended(self._pid)
        code = ended.result() if ended.done() else None
        assert code is None, f"{self.name} ended by itself: {code}, see {self._output}"

    async def kill(self) -> None:
        """End it with SIGKILL. Raises AssertionError if it was ended already."""
        self.check_lives()
        assert await self._end(signal.SIGKILL) == -signal.SIGKILL, f"{self.name} ended by itself"

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> int:
        assert self._pid, f"{self.name} was never started"
        ended = self._nursery.ended(self._pid)
        if not ended.done():
            os.kill(self._pid, number)
        return await asyncio.wait_for(ended, _WITHIN_S)
