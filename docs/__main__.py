"""`python -m docs`: writes the generated pages, each from the table it shows."""

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.reference import clauses, limits, security_log, states
from ukprofile.flex.schema import reference

DOCS = Path(__file__).parent
PAGES: Mapping[str, Callable[[], str]] = {
    "reference/kinds.md": reference,
    "reference/limits.md": limits.page,
    "reference/security-log.md": security_log.page,
    "reference/states.md": states.page,
    "profile/index.md": clauses.page,
}
"""Path below docs/ to what makes it."""


def main(folder: Path = DOCS) -> None:
    """Write every page anew, below `folder`."""
    for path, make in PAGES.items():
        page = folder / path
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(make())


if __name__ == "__main__":
    main()
