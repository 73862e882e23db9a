"""A disk that is full under the running server: nothing is acknowledged, the rest goes on.

The system itself refuses: no file of the server's may grow, or be written to (RLIMIT_FSIZE 0); its
log stands on the same disk.
"""

import asyncio
import json
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.soak.server_kills import Side
from tests.ukvtn import Server
from tests.unit.ven.dso import CONTRACT, FSP7, terms
from ukprofile.errors import ProfileError
from ukprofile.flex.times import time_text
from vtn.tell import tell

pytestmark = pytest.mark.e2e

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
FULL = (0, resource.RLIM_INFINITY)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALWAYS = {"days": DAYS, "start": "00:00", "end": "00:00", "time_zone": "Europe/London", "fold": 0}
Reply = tuple[int, Any, Any]


class Dso:
    """A server with FSP7's contract, and both clients of it."""

    def __init__(self, server: Server, session: aiohttp.ClientSession, bl: Side, ven: Side) -> None:
        self.server, self.session, self.bl, self.ven = server, session, bl, ven
        self.start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)

    def tell(self, command: str, **parameters: Any) -> Any:
        return tell(self.server.data, command, parameters)

    def disk(self, limit: tuple[int, int]) -> None:
        assert self.server.process is not None
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, limit)

    async def ask(self, side: Side, method: str, path: str, body: Any = None) -> Reply:
        asked = self.session.request(method, path, json=body, headers=side._headers)
        async with asked as answer:
            return answer.status, await answer.json(), answer.headers

    def times(self, hours: int) -> dict[str, Any]:
        start = self.start + timedelta(hours=hours)
        return {"start": time_text(start), "end": time_text(start + timedelta(hours=1))}

    def proposal(self, thread: str, hours: int) -> dict[str, Any]:
        period = self.times(hours) | {"delta_w": 500_000}
        return {"contract_id": CONTRACT, "thread": thread, "periods": [period]}


async def enrolled(server: Server, session: aiohttp.ClientSession) -> Dso:
    bl = await Side.of(session, server.ready["bl"])
    add = {"name": "FSP7", "role": "ven"}
    ven = await Side.of(session, await asyncio.to_thread(tell, server.data, "clients.add", add))
    dso = Dso(server, session, bl, ven)
    keys = json.dumps(FSP7.public().to_json())
    agreed = terms(
        windows=[ALWAYS], valid_from="2026-01-01T00:00:00Z", valid_to="2099-01-01T00:00:00Z"
    )
    await asyncio.to_thread(dso.tell, "keys.add", key_set=keys)
    await asyncio.to_thread(
        dso.tell, "contracts.add", terms=json.dumps(agreed), provider="FSP7", projection="none"
    )
    return dso


Writes = list[tuple[Side, str, str, Any]]


async def writes_of(dso: Dso) -> Writes:
    """Every way to write something, each of which would be taken on another day."""
    bl, ven = dso.bl, dso.ven

    async def made(side: Side, path: str, body: Any) -> str:
        status, said, _ = await dso.ask(side, "POST", path, body)
        assert status == 201, said
        return str(said.get("id", ""))

    def ven_named(name: str) -> dict[str, Any]:
        return {"objectType": "BL_VEN_REQUEST", "venName": name, "clientID": name.lower()}

    program = await made(bl, "/programs", {"programName": "p"})
    event = {"programID": program, "eventName": "e"}
    event_id = await made(bl, "/events", event)
    report = {"eventID": event_id, "clientName": "FSP7", "resources": []}
    one_ven = await made(bl, "/vens", ven_named("FSP9"))
    resource_ = {
        "objectType": "BL_RESOURCE_REQUEST",
        "resourceName": "r",
        "venID": one_ven,
        "clientID": "fsp9",
    }
    objects = [
        (ven, "/reports", await made(ven, "/reports", report), report, report),
        (bl, "/resources", await made(bl, "/resources", resource_), resource_, {}),
        (bl, "/events", await made(bl, "/events", event), event, event),
        (bl, "/vens", await made(bl, "/vens", ven_named("FSP8")), ven_named("FSP8"), {}),
        (bl, "/programs", await made(bl, "/programs", {"programName": "q"}),
         {"programName": "q"}, {"programName": "r"}),
    ]  # fmt: skip
    for name, thread, hours in (
        ("schedule", "D1", 0), ("instruct", "D2", 2), ("instruct", "D3", 4), ("instruct", "D4", 6)
    ):  # fmt: skip
        await made(bl, f"/desk/{name}", dso.proposal(thread, hours))
    market = {"product": "OU", "zone": "HENDON-WAY", "members": ["FSP7"]}
    await made(bl, "/desk/market", market)
    wanted = {"product": "OU", "zone": "HENDON-WAY", "delta_w": 500_000, **dso.times(0)}
    wanted["respond_by"] = time_text(dso.start)
    await made(bl, "/desk/request", wanted | {"thread": "R1"})
    later = {"from": dso.times(4)["start"], "delta_w": 400_000}
    desk = [
        ("schedule", dso.proposal("D5", 8)),
        ("confirm", {"thread": "D1"}),
        ("instruct", dso.proposal("D6", 10)),
        ("vary", {"thread": "D3"} | later),
        ("cease", {"thread": "D2", "at": time_text(dso.start + timedelta(hours=2.5))}),
        ("cancel", {"thread": "D4"}),
        ("market", market | {"zone": "ELSEWHERE"}),
        ("request", wanted | {"thread": "R2"}),
        ("withdraw", {"thread": "R1"}),
    ]
    writes: Writes = [(bl, "POST", f"/desk/{name}", body) for name, body in desk]
    for side, path, object_id, body, new in objects:
        if new:
            writes.append((side, "POST", path, new))
        writes.append((side, "PUT", f"{path}/{object_id}", body))
        writes.append((side, "DELETE", f"{path}/{object_id}", None))
    writes.append((bl, "POST", "/resources", resource_ | {"resourceName": "s"}))
    writes.append((bl, "POST", "/vens", ven_named("FSP10")))
    return writes


async def served(dso: Dso) -> list[Any]:
    """What there is to read, at both ends."""
    lists = ("/programs", "/events", "/reports", "/vens", "/resources")
    return [
        (await dso.ask(side, "GET", path))[:2]
        for side in (dso.bl, dso.ven)
        for path in lists
    ] + [
        (await dso.ask(dso.bl, "GET", path))[:2]
        for path in ("/desk/dispatches", "/desk/dispatches/D1", "/desk/offers", "/desk/markets")
    ]  # fmt: skip


async def test_a_full_disk_stops_what_would_be_stored_and_nothing_else(tmp_path: Path) -> None:
    server = await Server(tmp_path).start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            dso = await enrolled(server, session)
            writes = await writes_of(dso)
            before = await served(dso)
            assert {status for status, _ in before} == {200}
            dso.disk(FULL)
            for side, method, path, body in writes:
                status, said, headers = await dso.ask(side, method, path, body)
                assert (status, said["reason"]) == (503, "STORE_DOWN"), (method, path, said)
                assert headers["Retry-After"] == "2"
                assert "Traceback" not in json.dumps(said)
            assert await served(dso) == before
            await Side.of(session, server.ready["bl"])  # tokens are given out
            with pytest.raises(ProfileError, match="STORE_DOWN"):
                await asyncio.to_thread(dso.tell, "clients.add", name="FSP11", role="ven")
            status = await asyncio.to_thread(dso.tell, "status")
            assert len(status["dispatches"]) == 4
            dso.disk(NO_LIMIT)
            for side, method, path, body in writes:
                answered, said, _ = await dso.ask(side, method, path, body)
                assert answered in (200, 201), (method, path, said)
            after = await served(dso)
            assert after != before
        assert await server.stop() == 0
    finally:
        await server.kill()
    log = [json.loads(line) for line in (server.data / "vtn.log").read_text().splitlines()]
    assert [line["event"] for line in log if line["event"] == "internal error"] == []
    (lost,) = [line for line in log if line["event"] == "log lines lost"]
    assert lost["lines"] >= len(writes)
    await check_next_start(server, after)


async def check_next_start(server: Server, due: list[Any]) -> None:
    """The next start has it all."""
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            bl = await Side.of(session, server.ready["bl"])
            dso = Dso(server, session, bl, bl)
            found = await served(dso)
            assert [len(f[1]) for f in found[:5]] == [len(f[1]) for f in due[:5]]
        assert await server.stop() == 0
    finally:
        await server.kill()
