"""Whole processes first, the longest of them before all: they wait a lot, and meanwhile the other
workers go on; one that begins last is waited for while cores are idle.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONGEST = (
    "test_ukvtn.py",
    "test_clock_changes.py",
    "test_demo.py",
    "test_agent.py",
    "test_relay.py",
    "test_bare_draft_ven.py",
    "test_tutorial.py",
    "test_readme.py",
    "test_benchmarks.py",
    "test_dispatch_kills.py",
    "test_kills.py",
    "test_drain.py",
    "test_gb_draft.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    others, elsewhere = len(ranks), len(ranks) + 1
    items.sort(
        key=lambda item: (
            ranks.get(item.path.name, others) if item.path.parent == HERE else elsewhere
        )
    )
