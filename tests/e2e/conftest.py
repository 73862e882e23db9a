"""The longest files first: one that begins last is waited for while the other cores are idle."""

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
    items.sort(
        key=lambda item: ranks.get(item.path.name, len(ranks)) if item.path.parent == HERE else -1
    )
