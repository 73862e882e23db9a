"""An object in hand goes whole, whoever is cancelled."""

import asyncio

import pytest

from vtn.relay import whole
from vtn.relay.whole import to_the_end


class Step:
    """Something that takes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.done = asyncio.Event(), asyncio.Event(), False

    async def take(self) -> str:
        self.begun.set()
        await self.go.wait()
        self.done = True
        return "taken"


async def test_what_is_cancelled_ends_after_the_step_it_is_in() -> None:
    step = Step()
    task = asyncio.create_task(to_the_end(step.take()))
    await step.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    step.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert step.done


async def test_a_step_that_takes_too_long_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whole, "LONGEST_S", 0.01)
    step = Step()
    task = asyncio.create_task(to_the_end(step.take()))
    await step.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not step.done


async def test_otherwise_it_is_the_step_itself() -> None:
    step = Step()
    step.go.set()
    assert await to_the_end(step.take()) == "taken"

    async def fails() -> None:
        raise ValueError("so")

    with pytest.raises(ValueError, match="so"):
        await to_the_end(fails())
