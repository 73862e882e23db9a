"""The scene on both stores, for every test that asks for it."""

import pytest

from tests.unit.vtn.scene import scene_on


@pytest.fixture(params=["memory", "sqlite"])
async def scene(request):
    async with scene_on(request.param) as made:
        yield made
