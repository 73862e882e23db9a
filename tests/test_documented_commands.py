"""Every command that a page, a unit or the container file gives exists, with every word it has."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.soak.progress import ROOT
from ven.cli import app as ukven
from vtn.cli import app as ukvtn

DEPLOY = ROOT / "deploy"
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("**/*.md")),
    *sorted(path for path in DEPLOY.iterdir() if path.name != "README.md"),
]
APPS = {"ukvtn": ukvtn, "ukven": ukven}
_LINE = re.compile(
    r"(?:^\s*(?:sudo -u \w+ )?|exec |ExecStart=)(?:\S*/)?(uk(?:vtn|ven) [a-z].*)$", re.MULTILINE
)
_CODE = re.compile(r"`(uk(?:vtn|ven) [^`|]+)`")
_ENDS = re.compile(r"   | [|><#&;]|'$")
"""Where a command ends: a gap before a remark, a pipe, a redirection, another quote."""


def commands(text: str) -> Iterator[str]:
    """The commands that stand in lines of their own, or as code in a sentence."""
    whole = re.sub(r"\$\([^)]*\)", "2026-11-24T16:30:00Z", re.sub(r"\\\n\s*", "", text))
    for line in (*_LINE.findall(whole), *_CODE.findall(whole)):
        yield _ENDS.split(line)[0]


def wrong(line: str) -> str:
    """What is wrong with a command, of which nothing is run: --help comes after it.

    Twice, as an option that a sentence names without its value takes the first for that.
    """
    name, *words = shlex.split(line)
    done = CliRunner().invoke(APPS[name], [*words, "--help", "--help"], prog_name=name)
    return "" if done.exit_code == 0 else f"{done.output}{done.exception!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_are_understood(page: Path) -> None:
    for line in commands(page.read_text()):
        assert not wrong(line), line


def test_a_wrong_word_would_be_seen() -> None:
    for line in ("ukvtn serve --sandpit", "ukven stauts fsp", "ukvtn desk caese X"):
        assert wrong(line)


def test_commands_are_found_where_they_stand() -> None:
    for name in ("ukvtn.service", "ukven@.service", "ukvtn-backup.service"):
        (one,) = commands((DEPLOY / name).read_text())
        assert one.startswith(("ukvtn serve", "ukven run", "ukvtn backup"))
    assert len(list(commands((ROOT / "README.md").read_text()))) > 20


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="may skip: systemd is not here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")):
        text = re.sub(r"/opt/ukflex/bin/\w+", shutil.which("true") or "", unit.read_text())
        (tmp_path / unit.name.replace("@", "@acme")).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *tmp_path.iterdir()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
