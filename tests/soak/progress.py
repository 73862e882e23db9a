"""Which cases of a campaign are finished, so that the next run continues where one was cut.

    var/soak/kills/finished.jsonl     "3f9a..."            what is tested: sources and parameters
                                      ["0", [...]]         a case, and what came of it
                                      ["1", [...]]
                                      ["2", [              cut here: case 2 is done again

A folder that was made for other sources or parameters says nothing about these: it is emptied.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def fingerprint(*trees: str) -> str:
    """What the Python sources beneath these folders of the project are, in a few characters."""
    digest = hashlib.sha256()
    for path in sorted(p for tree in trees for p in (ROOT / tree).rglob("*.py")):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class Progress:
    """The finished cases of the campaign in `folder`, by name."""

    def __init__(self, folder: Path, subject: str) -> None:
        self._path = folder / "finished.jsonl"
        self.finished: dict[str, Any] = {}
        lines = self._whole_lines()
        if not lines or json.loads(lines[0]) != subject:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            lines = [json.dumps(subject)]
        self._path.write_text("".join(f"{line}\n" for line in lines))
        self.finished.update(json.loads(line) for line in lines[1:])

    def finish(self, case: str, result: Any = None) -> None:
        """Remember `result` of `case`."""
        self.finished[case] = result
        with self._path.open("a") as file:
            file.write(json.dumps([case, result]) + "\n")

    def _whole_lines(self) -> list[str]:
        """All lines but one that was cut while it was written."""
        text = self._path.read_text() if self._path.is_file() else ""
        return text.split("\n")[:-1]
