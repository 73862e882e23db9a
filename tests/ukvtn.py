"""`python -m vtn` as a process: its commands, and a server that is started, stopped and killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.soak.progress import ROOT
from tests.waiting import until

UKVTN = (sys.executable, "-m", "vtn")


def ukvtn(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """One command, run to its end."""
    return subprocess.run(
        [*UKVTN, *map(str, words)],
        cwd=ROOT,
        # as wide as help may be, whatever terminal the tests run in
        env={**os.environ, "COLUMNS": "200", "TERMINAL_WIDTH": "200", "NO_COLOR": "1"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Server:
    """One data directory in `folder`, and the server on it while it runs."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "vtn"
        self._ready_file = folder / "ready.json"
        self.ready: dict[str, Any] = {}
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *words: str | Path) -> "Server":
        """Start it, of UKPN in the sandbox unless `words` say otherwise; return once it answers."""
        self._ready_file.unlink(missing_ok=True)
        options = words or ("--sandbox", "--dso", "UKPN")
        self.process = await asyncio.create_subprocess_exec(
            *(*UKVTN, "serve", "--data-dir", self.data, "--listen", "127.0.0.1:0"),
            *("--ready-file", self._ready_file, *options),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        await until(self._answers, why="the server is ready", timeout_s=60)
        self.ready = json.loads(self._ready_file.read_text())
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, f"ended by itself: {self.process.returncode}"
        return self._ready_file.exists()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal, and wait for its end; its exit code."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), 60)

    async def kill(self) -> None:
        """Kill it, if it still runs."""
        if self.process is not None:
            assert await self.stop(signal.SIGKILL) == -signal.SIGKILL

    @property
    def url(self) -> str:
        return str(self.ready["url"])
