"""A VTN that lies to the agent that polls it: at the token server, in lists, by redirects."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.negatives import signed
from tests.contract.negatives.scene import STAMP, Agent, Given, agent_scene
from tests.golden import life, register
from tests.unit.ukprofile.openadr.client.scripted import Reply, Still, Vtn, reply
from ukprofile.openadr.client import Client, Credentials
from ven.bell import Bell
from ven.listen import Listener, Party

_STAMPS = {"createdDateTime": STAMP, "modificationDateTime": STAMP}


@dataclass(frozen=True, slots=True)
class Polling:
    """FSP7's agent, the VTN it polls, and another server that must hear nothing."""

    agent: Agent
    listener: Listener
    vtn: Vtn
    other: Vtn

    async def look(self, *events: Reply) -> None:
        """Look once; GET /events answers these in turn, the last for ever."""
        if events:
            self.vtn.on("GET", "/events", *events)
        await self.listener.look()


@asynccontextmanager
async def polling(path: Path) -> AsyncIterator[Polling]:
    """The scene at the agent; its VTN shows P7 with its terms and D1, and is about to lie."""
    async with agent_scene(Given(), path) as agent, Vtn() as vtn, Vtn() as other:
        vtn.on("GET", "/programs", reply([_stored("PROGRAM", "P7", life("01"))]))
        vtn.on("GET", "/events", reply(_events()))
        credentials = Credentials("fsp7", "hush-hush-0123456789")
        async with Client(vtn.url, credentials, attempts=2, random=Still()) as client:
            listener = Listener(
                client,
                agent.journal,
                agent.alarms,
                agent.receiver,
                Bell(),
                agent.clock,
                Party(party="FSP7", environment="sandbox", register=register(), weights={}),
                poll_s=1.0,
                random=Still(),
            )
            yield Polling(agent, listener, vtn, other)
        assert other.seen == [], "neither secret nor token goes elsewhere"


def _stored(kind: str, name: str, body: Any, program: str = "P7") -> dict[str, Any]:
    of = {"programID": program} if kind == "EVENT" else {}
    return {**body, **_STAMPS, "id": name, "objectType": kind, **of}


def _events() -> list[Any]:
    _, terms = signed.terms(signed.CONTRACT, "FSP7")
    return [_stored("EVENT", "T7", terms), _stored("EVENT", "E1", signed.event_of(signed.d1()))]


async def _insecure_token_url(at: Polling) -> None:
    at.vtn.on("GET", "/auth/server", reply({"tokenURL": "http://vtn.example/auth/token"}))
    await at.look()
    assert at.vtn.calls("POST", "/auth/token") == []


async def _foreign_token_url(at: Polling) -> None:
    at.vtn.on("GET", "/auth/server", reply({"tokenURL": f"{at.other.url}/auth/token"}))
    await at.look()
    assert at.vtn.calls("POST", "/auth/token") == []


async def _always_401(at: Polling) -> None:
    await at.look(reply({"status": 401}, status=401))
    assert at.vtn.tokens == 2, "one new token"
    await at.look()


async def _elsewhere(at: Polling) -> None:
    await at.look(reply(status=302, Location=f"{at.other.url}/events"))


async def _id_twice(at: Polling) -> None:
    whole = json.dumps(_events()).encode()
    await at.look(reply(raw=whole.replace(b'"id": "E1"', b'"id": "E1", "id": "E9"')))


async def _second_page_500(at: Polling) -> None:
    """The first page holds fifty events of somebody else, and D1 is not among them."""
    page = [_stored("EVENT", f"X{n}", {"intervals": []}, "PX") for n in range(50)]
    await at.look(reply(page), reply({"status": 500}, status=500))


async def _html(at: Polling) -> None:
    page = b"<html><body>Sign in to the hotel network</body></html>"
    await at.look(reply(raw=page, Content_Type="text/html"))


async def _cut_json(at: Polling) -> None:
    await at.look(reply(raw=json.dumps(_events()).encode()[:-200]))


LIES: dict[str, Callable[[Polling], Awaitable[None]]] = {
    "N81a": _insecure_token_url,
    "N81b": _foreign_token_url,
    "N81d": _always_401,
    "N81e": _elsewhere,
    "N86d": _id_twice,
    "N136a": _second_page_500,
    "N136b": _html,
    "N136c": _cut_json,
}
"""Row id to a lie, told to an agent that polls."""

FIRST_CONTACT = frozenset({"N81a", "N81b"})
"""Lies that come before anything true was heard."""
