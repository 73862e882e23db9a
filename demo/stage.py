"""The processes of a demo: started as anybody would start them, waited for, and ended."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
READY_WITHIN_S = 30.0


class StageError(Exception):
    """A command or process did not do what it must; the text says which, and what it printed."""


class Stage:
    """Everything started for one demo. `python -m vtn` is `ukvtn`, `python -m ven` is `ukven`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: dict[str, Process] = {}
        self._started: dict[str, tuple[str, tuple[str | Path, ...]]] = {}

    async def command(self, module: str, *arguments: str | Path, stdin: str = "") -> str:
        """Run a command to its end; its stdout. Raises StageError unless it exits with 0."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *map(str, arguments),
            cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        out, err = await process.communicate(stdin.encode())
        if process.returncode:
            said = err.decode().strip() or out.decode().strip()
            words = " ".join(map(str, arguments))
            raise StageError(f"uk{module} {words}\n  exited with {process.returncode}: {said}")
        return out.decode()

    async def start(self, name: str, module: str, *arguments: str | Path) -> dict[str, Any]:
        """Start a process that goes on, and wait for its ready file; what stands in it."""
        self._started[name] = (module, arguments)
        ready = self.directory / f"{name}.ready.json"
        ready.unlink(missing_ok=True)
        output = self.directory / f"{name}.out"
        with output.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *map(str, arguments), "--ready-file", str(ready),
                cwd=ROOT, stdin=DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self._running[name] = process
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not ready.exists():
                    if process.returncode is not None:
                        raise StageError(f"{name} ended at once: {output.read_text().strip()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise StageError(f"{name} was not ready within {READY_WITHIN_S:.0f} s") from None
        found: dict[str, Any] = json.loads(ready.read_text())
        return found

    async def kill(self, name: str) -> None:
        """SIGKILL: it ends where it is, and nobody is told."""
        process = self._running.pop(name)
        process.kill()
        await process.wait()

    async def start_again(self, name: str) -> dict[str, Any]:
        """Start what was killed as it was started before; what stands in its ready file."""
        module, arguments = self._started[name]
        return await self.start(name, module, *arguments)

    async def stop(self, name: str) -> int:
        """Ask a process to end, and wait; its exit code."""
        process = self._running.pop(name)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(process.wait(), READY_WITHIN_S)

    async def clear(self) -> None:
        """Whatever still runs is killed: a demo leaves nothing behind."""
        for process in self._running.values():
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        self._running.clear()
