"""Waiting for what another process does: a condition with a deadline, never a guess."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], *, timeout_s: float = 20.0, why: str = ""
) -> T:
    """What `condition` says, once that is true. Raises TimeoutError, naming `why`."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                found = condition()
                said = await found if isawaitable(found) else found
                if said:
                    return said
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise TimeoutError(f"not within {timeout_s} s: {why or condition}") from None
