"""The README's commands, typed as they are printed; the wheel, away from the repository."""

import asyncio
import re
import subprocess
import sys
import sysconfig
from contextlib import closing
from pathlib import Path
from socket import create_server

import pytest

from tests.e2e.pages import Terminal, blocks
from tests.soak.progress import ROOT
from tests.waiting import until

pytestmark = pytest.mark.e2e

README = (ROOT / "README.md").read_text()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The commands of a fresh environment with the wheel in it.

    What the wheel depends on is found where these tests find it: of this project there is nothing
    there, as the checkout is installed by a link, which only the first environment follows.
    """
    pip = (sys.executable, "-m", "pip")
    wheels, fresh = tmp_path / "wheels", tmp_path / "fresh"
    for words in (
        (*pip, "wheel", ROOT, "--quiet", "--no-deps", "--wheel-dir", wheels),
        (sys.executable, "-m", "venv", "--without-pip", fresh),
    ):
        subprocess.run(words, check=True, cwd=tmp_path)
    (wheel,) = wheels.iterdir()
    subprocess.run(
        (*pip, "--python", fresh / "bin/python", "install", "--quiet", "--no-deps", wheel),
        check=True,
        cwd=tmp_path,
    )
    python = fresh / "bin/python"
    inside = subprocess.run(
        (python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"),
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    (Path(inside) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = subprocess.run(
        (python, "-c", "import ukprofile, vtn, ven; print(ukprofile.__file__)"),
        check=True, capture_output=True, text=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    assert where.startswith(inside)
    return fresh / "bin"


def test_by_hand_works_as_printed_with_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    empty = tmp_path / "empty"
    empty.mkdir()
    by_hand = README.split("\n## By hand\n")[1].split("\n## ")[0]
    serve, contract, agent, instruct = blocks(by_hand)
    with Terminal(empty, installed, ports={8080: port}).open() as terminal:

        def soon(command: str, said: str) -> None:
            found = re.compile(said, re.IGNORECASE)
            asyncio.run(until(lambda: found.search(terminal.type(command)), timeout_s=60, why=said))

        terminal.follow(serve)
        assert "DSOA:FLEX-1" in terminal.follow(contract)
        assert (empty / "fsp7.secret").stat().st_mode & 0o077 == 0
        assert "enrolled" in terminal.follow(agent)
        thread = re.search(r"^thread +(\S+)", terminal.follow(instruct), re.MULTILINE)
        assert thread is not None
        soon("ukvtn status -d dso", rf"{thread[1]}.*\+1,000,000 +received")
        terminal.type(f"ukvtn desk cancel {thread[1]} -d dso --reason NOT_REQUIRED")
        soon("ukvtn status -d dso", rf"{thread[1]}.*cancelled")
        soon("ukven journal fsp", "decided +cancellation")
        assert "confirmed" in terminal.type("ukven journal fsp").lower()


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    (block,) = re.findall(r"```sh\n(git clone.*?)```", README, re.DOTALL)
    targets = re.findall(r"^make (\w+)$", block, re.MULTILINE)
    assert targets == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text()
    for target in [*targets, "sandbox", "soak", "check"]:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
