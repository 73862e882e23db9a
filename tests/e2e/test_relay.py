"""`ukvtn serve --relay-to`: a DSO whose FSPs are met on another VTN, killed in between."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.soak.server_kills import Side
from tests.ukvtn import Server, ukvtn
from tests.unit.ven.dso import CONTRACT, FSP7, terms
from tests.waiting import until
from ukprofile.flex.times import time_text
from vtn.domain.record import Kind, Operation, Role
from vtn.tell import tell
from vtn.testing import running_vtn

pytestmark = pytest.mark.e2e


def says(*words, stdin: str = "") -> str:
    done = ukvtn(*words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_what_the_desk_says_is_there_after_a_kill_too(tmp_path):
    always = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00",
              "end": "00:00", "time_zone": "Europe/London", "fold": 0}  # fmt: skip
    server = Server(tmp_path)
    to = ("-d", server.data)
    async with running_vtn() as other:
        secret = tmp_path / "there.secret"
        client_id, text = await other.client("desk", Role.BL)
        secret.write_text(text)
        await other.client("FSP7")
        await other.vtn.office.add_key_set(FSP7.public().to_json())
        options = ("--sandbox", "--dso", "UKPN", "--relay-to", other.url,
                   "--relay-client-id", client_id, "--relay-secret-file", secret)  # fmt: skip
        await server.start(*options)
        try:
            own = json.loads(await asyncio.to_thread(says, "keys", "own", *to))
            await other.vtn.office.add_key_set(own)
            (tmp_path / "fsp7.json").write_text(json.dumps(FSP7.public().to_json()))
            await asyncio.to_thread(says, "keys", "add", tmp_path / "fsp7.json", *to)
            await asyncio.to_thread(says, "clients", "add", "FSP7", "--role", "ven", *to)
            contract = terms(windows=[always], valid_from="2026-01-01T00:00:00Z",
                             valid_to="2099-01-01T00:00:00Z")  # fmt: skip
            await asyncio.to_thread(
                says, "contracts", "add", "-", "--provider", "FSP7", *to,
                stdin=json.dumps(contract),
            )  # fmt: skip
            start = datetime.now(UTC) + timedelta(hours=1)
            times = ("--start", time_text(start), "--end", time_text(start + timedelta(hours=1)))
            words = ("desk", "instruct", CONTRACT, "--delta-w", "700000", *times)
            await asyncio.to_thread(says, *words, "--thread", "D1", *to)
            await server.kill()
            await server.start(*options)
            await asyncio.to_thread(says, *words, "--thread", "D2", *to)

            def there() -> list[str]:
                return sorted(e.name for e in other.vtn.store.live.find(Kind.EVENT))[1:]

            await until(lambda: there() == ["D1", "D2"], why="both are there, once")

            async def level() -> bool:
                status = json.loads(await asyncio.to_thread(says, "status", "--json", *to))
                return status["relay"] == {"lacking": 0, "why": ""}

            await until(level, why="ukvtn status says that nothing is lacking")
        finally:
            await server.kill()


async def test_a_relay_that_is_stopped_goes_on_where_it_was(tmp_path):
    """It stops between two objects: each is there once, and the next start sends the others."""
    always = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00",
              "end": "00:00", "time_zone": "Europe/London", "fold": 0}  # fmt: skip
    contract = terms(windows=[always], valid_from="2026-01-01T00:00:00Z",
                     valid_to="2099-01-01T00:00:00Z")  # fmt: skip
    server = Server(tmp_path)

    async def told(command: str, **parameters: Any) -> Any:
        return await asyncio.to_thread(tell, server.data, command, parameters)

    async with running_vtn() as other:
        client_id, text = await other.client("desk", Role.BL)
        (tmp_path / "there.secret").write_text(text)
        await other.client("FSP7")
        options = ("--sandbox", "--dso", "UKPN", "--relay-to", other.url,
                   "--relay-client-id", client_id,
                   "--relay-secret-file", tmp_path / "there.secret")  # fmt: skip
        await server.start(*options)
        try:
            await other.vtn.office.add_key_set(await told("keys.own"))
            await other.vtn.office.add_key_set(FSP7.public().to_json())
            await told("keys.add", key_set=json.dumps(FSP7.public().to_json()))
            await told("clients.add", name="FSP7", role="ven")
            await told("contracts.add", terms=json.dumps(contract), provider="FSP7")
            due = await said_at_once(server, datetime.now(UTC) + timedelta(hours=1))
            assert await server.stop() == 0

            def there() -> list[str]:
                return sorted(e.name for e in other.vtn.store.live.find(Kind.EVENT))[1:]

            held = there()
            assert len(set(held)) == len(held)
            await server.start(*options)
            await until(lambda: there() == due, why="all are there")
            changes = await other.vtn.store.read(lambda tx: tx.outbox(limit=10_000))
            made = [(c.operation, c.record.name) for c in changes if c.record.name in due]
            assert sorted(made) == [(Operation.CREATE, name) for name in due]
            assert await server.stop() == 0
        finally:
            await server.kill()


async def said_at_once(server: Server, start: datetime) -> list[str]:
    """A dozen dispatches, an hour after the other; their threads, once all are answered."""
    names = [f"T{n:02}" for n in range(12)]

    def order(n: int) -> dict[str, Any]:
        begins = start + timedelta(hours=2 * n)
        times = {"start": time_text(begins), "end": time_text(begins + timedelta(hours=1))}
        return {
            "contract_id": CONTRACT,
            "thread": names[n],
            "periods": [times | {"delta_w": 700_000}],
        }

    async with aiohttp.ClientSession(server.url) as session:
        side = await Side.of(session, server.ready["bl"])

        async def say(n: int) -> None:
            headers = side._headers
            async with session.post("/desk/instruct", json=order(n), headers=headers) as answer:
                assert answer.status == 201, await answer.text()

        await asyncio.gather(*(say(n) for n in range(12)))
    return names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--relay-to", "https://vtn.example"), "go together"),
        (("--relay-to", "http://vtn.example", "--relay-client-id", "d"), "https only"),
    ],
)
def test_a_relay_that_cannot_be_is_named(tmp_path, words, said):
    secret = tmp_path / "secret"
    secret.write_text("s")
    more = ("--relay-secret-file", secret) if len(words) == 4 else ()
    done = ukvtn("serve", "-d", tmp_path / "vtn", "--sandbox", "--dso", "UKPN",
                 "--listen", "127.0.0.1:0", *words, *more)  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
