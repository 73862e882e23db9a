"""An agent that ends, by itself or by `kill -9`, and starts again with the journal it left.

parent   journal with D1 ──closed──▶            ──opened──▶ reads again
child                        opened, reads, killed
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.scene import NOW, Agent, Given, agent_scene
from tests.golden import at
from tests.soak.progress import ROOT
from ukprofile.receiving import Decision
from ven.journal import Journal


@dataclass(frozen=True, slots=True)
class Again:
    """What the agent that started again made of the text, and what it left as it was."""

    decision: Decision
    changed: bool
    ends: dict[str, str]
    answers: int


async def read_again(path: Path, event: Any, event_id: str) -> Again:
    """Open the journal, and read an event."""
    journal = await Journal.open(path)
    try:
        agent = Agent(journal, Given())
        agent.clock.set(at(NOW))
        before = await agent.snapshot()
        received = await agent.read(event, event_id)
        assert received is not None
        assert not agent.security.lines
        changed = await agent.snapshot() != before
        return Again(received.decision, changed, await agent.ends(), len(await agent.answers()))
    finally:
        await journal.close()


async def d1_after_a_restart(path: Path) -> None:
    async with agent_scene(Given(), path):
        pass
    again = await read_again(path, signed.event_of(signed.d1()), "E1")
    assert (again.decision.verdict, again.decision.reason) == ("silent", "REPEAT")
    assert not again.changed


async def killed_while_storing(path: Path) -> None:
    """Before the commit: as if it had never come. After it: the stored answer stands."""
    for when, verdict in (("before", "act"), ("after", "silent")):
        journal = path.with_suffix(f".{when}")
        async with agent_scene(Given(), journal) as agent:
            answered = len(await agent.answers())
        died = await asyncio.to_thread(_dying, journal, when)
        assert died == -signal.SIGKILL
        again = await read_again(journal, signed.event_of(signed.i2()), "E2")
        assert again.decision.verdict == verdict
        assert again.changed == (when == "before")
        assert again.ends == {"DSP-0001": "18:00", "DSP-0002": "18:30"}
        assert again.answers == answered + 1


RESTARTS: dict[str, Callable[[Path], Awaitable[None]]] = {
    "N22": d1_after_a_restart,
    "N23": killed_while_storing,
}
"""Row id to what is done, and found afterwards."""


# -- the child -------------------------------------------------------------------------------------


class Deadly:
    """A journal that kills its process at a write: `before` the commit, or `after` it."""

    def __init__(self, journal: Journal, when: str) -> None:
        self._journal, self._when = journal, when

    async def read(self, question: Any) -> Any:
        return await self._journal.read(question)

    async def write(self, command: Any) -> Any:
        def and_die(book: Any) -> Any:
            done = command(book)
            if self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        await self._journal.write(and_die)
        os.kill(os.getpid(), signal.SIGKILL)


async def _read_and_die(path: Path, when: str) -> None:
    deadly: Any = Deadly(await Journal.open(path), when)
    agent = Agent(deadly, Given())
    agent.clock.set(at(NOW))
    await agent.read(signed.event_of(signed.i2()), "E2")


def _dying(path: Path, when: str) -> int:
    words = ["-m", "tests.contract.negatives.restarts", str(path), when]
    return subprocess.run([sys.executable, *words], cwd=ROOT, timeout=60, check=False).returncode


if __name__ == "__main__":
    asyncio.run(_read_and_die(Path(sys.argv[1]), sys.argv[2]))
