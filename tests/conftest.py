"""What holds for every test: where skips are allowed, and the profile of the property tests."""

import os

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from tests.shared import SHARED
from vtn.domain import clients

# What goes in first is tried less often: it has to be done within a quarter of an hour.
EXAMPLES = 50 if os.environ.get("CI") else 100
settings.register_profile(
    "default",
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("default")

# Thousands of clients are made here, whose secrets are worth nothing; processes hash as shipped.
COST_AS_SHIPPED = clients.COST
clients.COST = 2**4

MAY_SKIP = "may skip:"
"""A skip whose reason begins so names something this machine lacks, and is let through in CI."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI, with the reference material at hand, a skipped test is a failure."""
    if (measuring := Coverage.current()) is not None and hasattr(session.config, "workerinput"):
        measuring.save()  # a worker that takes more than ten seconds to end is killed
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI") or not SHARED.is_dir():
        return
    unexcused = [r for r in reporter.stats.get("skipped", []) if MAY_SKIP not in str(r.longrepr)]
    if unexcused and exitstatus == 0:
        for report in unexcused:
            reporter.write_line(f"skipped in CI: {report.nodeid}: {report.longrepr}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
