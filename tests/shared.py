"""Where the reference material lies beside a checkout; tests that need it skip without it."""

from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
SHARED = next(
    (p for p in (_ROOT.parent / "shared", _ROOT.parent.parent / "shared") if p.is_dir()),
    _ROOT.parent / "shared",
)

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the reference material is not beside this checkout"
)
