"""The tutorials, and what the sandbox says to try: typed as printed."""

import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server

import pytest

from tests.e2e.pages import Block, Terminal, blocks
from tests.soak.progress import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PORT = 8410


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A shell where a clone would be, and `make sandbox` in it is this checkout's.

    Of each reader's own: nobody has been there before.
    """
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / ".venv").symlink_to(sys.prefix)
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    sandbox = (
        *(sys.executable, "-m", "demo", "sandbox", "--port", str(port)),
        *("--directory", clone / "var/sandbox"),
    )
    with Terminal(
        clone,
        clone / ".venv/bin",
        ports={PORT: port},
        instead={"make sandbox": sandbox},
        environment={"PYTHONPATH": str(ROOT)},
    ).open() as opened:
        yield opened


@pytest.mark.parametrize("page", ["dso", "fsp"])
def test_a_tutorial_works_as_printed(page: str, terminal: Terminal) -> None:
    for block in blocks((ROOT / f"docs/tutorial/{page}.md").read_text()):
        terminal.follow(block)


def test_what_the_sandbox_says_to_try_works(terminal: Terminal) -> None:
    terminal.follow(Block("make sandbox\n", "...\nCtrl-C stops it all; …\n"))
    said = terminal.said("make sandbox").replace("\\\n", "")
    told = re.findall(r"^  (\. .+|export .+|uk(?:vtn|ven) .+)$", said, re.MULTILINE)
    words = [re.search(r"(?:\.|export|uk\w+ (?:desk )?\w+)", one)[0] for one in told]
    assert words == [
        ".", "export",
        "ukvtn desk instruct", "ukvtn status", "ukven status", "ukvtn desk vary",
        "ukvtn desk cancel", "ukvtn desk show",
        "ukvtn desk request", "ukvtn desk offers", "ukvtn desk award",
        "ukvtn desk alarms", "ukven journal",
    ]  # fmt: skip
    for one in told:
        if "desk offers" in one:
            terminal.follow(Block(one, "...\n… ACME …\n… BRIGHT …\n..."))
        else:
            terminal.type(one)
