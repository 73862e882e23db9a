"""Pages for people: their shell blocks, typed as they are printed, one after the other.

    ```sh     typed by a shell that keeps its directory and environment from block to block;
              what begins as one of STAYS goes on in a terminal of its own
    ```       what is said then. A line ... stands for any lines, … for anything in a line, a
              time for any time

A block that only looks (LOOKS) is typed again until it says what the page shows: a person does.
"""

import asyncio
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import until

STAYS = ("ukvtn serve", "ukven run", "make sandbox")
LOOKS = re.compile(r"(ukvtn|ukven) (desk )?(status|show|offers|alarms|journal|statement|history)\b")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_TIMES = re.compile(_TIME)
_ENOUGH_S = 90
_GLANCE_S = 0.5
"""Between two looks: each starts a process, and others want to run."""


@dataclass(frozen=True, slots=True)
class Block:
    """Commands, and what the page shows of what they say ("" = nothing)."""

    commands: str
    shown: str = ""

    @property
    def stays(self) -> str:
        """Its line that goes on until it is stopped; "" = it has none."""
        return next((line for line in self.commands.splitlines() if line.startswith(STAYS)), "")

    @property
    def only_looks(self) -> bool:
        return all(LOOKS.match(line) for line in self.commands.splitlines())

    def agrees(self, said: str) -> bool:
        """Whether that is what the page shows."""
        return _agree(_lines(self.shown), _lines(said))


def blocks(page: str) -> list[Block]:
    """The shell blocks of a page, each with the block of output right below it."""
    found: list[Block] = []
    end = 0
    for fenced in _FENCED.finditer(page):
        if fenced[1] == "sh":
            found.append(Block(fenced[2]))
        elif not fenced[1] and found and not page[end : fenced.start()].strip():
            found[-1] = Block(found[-1].commands, fenced[2])
        end = fenced.end()
    return found


def _lines(text: str) -> list[str]:
    """Lines, without what depends on the widths of columns."""
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def _agree(shown: Sequence[str], said: Sequence[str]) -> bool:
    """Line by line; the last ... that was met takes a line more whenever it does not go on."""
    at, heard, gap, taken = 0, 0, -1, 0
    while heard < len(said):
        if at < len(shown) and shown[at] == "...":
            gap, taken, at = at, heard, at + 1
        elif at < len(shown) and re.fullmatch(_line(shown[at]), said[heard]):
            at, heard = at + 1, heard + 1
        elif gap >= 0:
            taken += 1
            at, heard = gap + 1, taken
        else:
            return False
    return all(line == "..." for line in shown[at:])


def _line(line: str) -> str:
    """What matches a line: its times are any times, and … is anything."""
    pieces = _TIMES.split(line)
    return _TIME.join(re.escape(one).replace("…", ".*") for one in pieces)


class Terminal:
    """A shell in `directory`, with `commands` first in its path, and what it left running."""

    def __init__(
        self,
        directory: Path,
        commands: Path,
        *,
        ports: Mapping[int, int] | None = None,
        instead: Mapping[str, Sequence[str | Path]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`ports` are used in place of the printed ones, `instead` in place of a line that stays."""
        self.directory = directory
        self._top = directory.parent
        self._ports = ports or {}
        self._instead = instead or {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._env = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": f"{commands}:{os.environ['PATH']}",
            "COLUMNS": "240",
            **(environment or {}),
        }

    def follow(self, block: Block) -> str:
        """Type a block; what is said, which is what the page shows."""
        block = Block(self._here(block.commands), self._here(block.shown))
        if not (block.shown and block.only_looks):
            said = self.type(block)
            assert block.stays or not block.shown or block.agrees(said), f"{block}\n{said}"
            return said
        return asyncio.run(self._look(block))

    async def _look(self, block: Block) -> str:
        said = ""

        async def shows() -> bool:
            nonlocal said
            said = self.type(block)
            if not block.agrees(said):
                await asyncio.sleep(_GLANCE_S)
            return block.agrees(said)

        try:
            await until(shows, timeout_s=_ENOUGH_S)
        except TimeoutError:
            raise AssertionError(f"{block}\n{said}") from None
        return said

    def type(self, block: Block | str) -> str:
        """Type commands; what they say."""
        block = Block(self._here(block)) if isinstance(block, str) else block
        kept = self._top / "kept"
        commands = block.commands.replace(block.stays, "")
        # what is set is exported, so that the shell of the next block has it
        script = f"set -a\n{commands}\nenv -0 > {shlex.quote(str(kept))}\n"
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.directory,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.commands}\n{done.stdout}"
        self._env = dict(one.split("=", 1) for one in kept.read_text().split("\0") if one)
        self.directory = Path(self._env["PWD"])
        if block.stays:
            self._start(block)
        return done.stdout

    def said(self, stays: str) -> str:
        """What something that stays has said so far."""
        return self._output(stays).read_text()

    def _output(self, stays: str) -> Path:
        return self._top / f"{'-'.join(stays.split()[:3])}.out"

    def _start(self, block: Block) -> None:
        """Start what stays, and wait until it says what the page shows, or anything.

        What runs already is stopped before: a person has but one terminal for it.
        """
        stays = block.stays
        if stays in self._running:
            self._stop(stays)
        with self._output(stays).open("wb") as file:
            process = subprocess.Popen(
                [*map(str, self._instead.get(stays, stays.split()))],
                cwd=self.directory,
                env=self._env,
                stdout=file,
            )
        self._running[stays] = process

        def says() -> bool:
            assert process.poll() is None, self.said(stays)
            said = self.said(stays)
            return block.agrees(said) if block.shown else bool(said)

        try:
            asyncio.run(until(says, timeout_s=_ENOUGH_S))
        except TimeoutError:
            raise AssertionError(f"{block}\n{self.said(stays)}") from None

    def _stop(self, stays: str) -> None:
        """End it; it must end well."""
        process = self._running.pop(stays)
        process.terminate()
        assert process.wait(60) == 0, stays

    def _here(self, text: str) -> str:
        for printed, used in self._ports.items():
            text = text.replace(f"127.0.0.1:{printed}", f"127.0.0.1:{used}")
        return text

    @contextmanager
    def open(self) -> Iterator["Terminal"]:
        """Once this ends, what stays is stopped, and must end well."""
        try:
            yield self
        except BaseException:
            for process in self._running.values():  # the sandbox takes down what it started
                process.terminate()
                process.wait(60)
            raise
        for stays in reversed([*self._running]):
            self._stop(stays)
