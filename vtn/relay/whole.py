"""Stopping between two objects: one that is in hand goes, or comes, whole."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST_S = 10.0
"""How long an object in hand is waited for by whoever was cancelled."""


async def to_the_end(step: Coroutine[Any, Any, T]) -> T:
    """Take a step; who is cancelled meanwhile ends after it, or after `LONGEST_S`."""
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LONGEST_S)
        if not task.cancel() and not task.cancelled():
            task.exception()  # looked at: the other VTN is surveyed anew at the next start
        raise
