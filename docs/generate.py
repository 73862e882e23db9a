"""`python -m docs.generate [--check]`: write the reference pages that are made from the code.

With `--check` nothing is written: exit code 1, and the names of the pages that are out of date.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.reference import states

FOLDER = Path(__file__).parent / "reference"
PAGES: Mapping[str, Callable[[], str]] = {"states.md": states.page}
"""Each generated page, and what makes it."""


def outdated() -> list[str]:
    """The pages that are not what would be written now."""
    return [
        name
        for name, page in PAGES.items()
        if not (path := FOLDER / name).is_file() or path.read_text() != page()
    ]


def main(words: list[str]) -> int:
    names = outdated()
    for name in names:
        print(f"out of date: docs/reference/{name}")
        if "--check" not in words:
            (FOLDER / name).write_text(PAGES[name]())
    return 1 if names and "--check" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
