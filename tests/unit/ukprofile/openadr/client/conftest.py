"""A scripted server for each test, and clients of it that never wait."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.ukprofile.openadr.client.scripted import SECRET, Clients, Still, Vtn
from ukprofile.openadr.client import Client, Credentials


@pytest.fixture
async def vtn() -> AsyncIterator[Vtn]:
    async with Vtn() as server:
        yield server


@pytest.fixture
async def client_of() -> AsyncIterator[Clients]:
    """Makes clients that never wait, and closes them."""
    made = contextlib.AsyncExitStack()

    def make(url: str, credentials: Any = None, **more: Any) -> Client:
        client = Client(url, credentials, **{"random": Still(), "timeout_s": 10.0} | more)
        made.push_async_callback(client.close)
        return client

    async with made:
        yield make


@pytest.fixture
def client(vtn: Vtn, client_of: Clients) -> Client:
    """Without credentials: for what has nothing to do with tokens."""
    return client_of(vtn.url)


@pytest.fixture
def known(vtn: Vtn, client_of: Clients) -> Client:
    """With credentials."""
    return client_of(vtn.url, Credentials("fsp7", SECRET))
