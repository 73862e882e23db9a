"""What the commands load before they do anything: people wait for that each time."""

import subprocess
import sys

import pytest

from tests.soak.progress import ROOT

SLOW = {"aiohttp", "alembic", "cryptography", "joserfc", "pydantic", "rich", "sqlalchemy"}
SLOW |= {"structlog", "uvloop"}


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("vtn.cli, vtn.tell", set()),
        ("ven.cli", set()),
        ("ven.cli, ven.settings", {"cryptography"}),
    ],
    ids=["ukvtn to a server", "ukven --help", "ukven init, enrol, set"],
)
def test_a_command_loads_nothing_slow_that_it_does_not_need(modules, needed):
    code = f"import sys, {modules}; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert SLOW & set(done.stdout.split()) == needed
