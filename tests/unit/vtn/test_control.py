"""Local commands: the same over the socket of a running server and on the database of none."""

import asyncio
import contextlib
import http.client
import json
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.test_store import past
from tests.unit.ven.dso import CONTRACT, FSP7, terms
from ukprofile.clock import SharedClock
from ukprofile.errors import ProfileError, Refused
from vtn.app import open_vtn
from vtn.commands import COMMANDS, run
from vtn.control import controlled, run_alone
from vtn.domain.past import row_json
from vtn.settings import Place, Settings, SettingsError, socket_address
from vtn.tell import CommandFailed, tell


def settings(path):
    return Settings(data_dir=path, dso="UKPN", sandbox=True)


POOL = ThreadPoolExecutor(8)
"""Threads for those who ask: the VTN beside them needs the loop's own."""


def teller(path):
    async def telling(name, /, **given):
        return await asyncio.get_running_loop().run_in_executor(POOL, tell, path, name, given)

    return telling


@asynccontextmanager
async def served(path):
    """The control socket of a VTN in `path`, and a way to tell it something."""
    async with open_vtn(settings(path)) as vtn, controlled(vtn, Place(path).control):
        yield teller(path)


@asynccontextmanager
async def alone(path):
    """The same without a server: each command opens the database for itself."""
    async with open_vtn(settings(path)):
        pass
    yield teller(path)


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=17, minute=0, second=0)
WHEN = {
    "start": TOMORROW.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "end": (TOMORROW + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
}
WINDOWS = [{**terms()["windows"][0], "start": "00:00", "end": "00:00"}]
IN_FORCE = {
    "windows": WINDOWS,
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_to": "2099-01-01T00:00:00Z",
}
ASKED = {
    **WHEN,
    "product": "OU",
    "zone": "HENDON-WAY",
    "delta_w": 2_500_000,
    "respond_by": WHEN["start"],
}
PAST = row_json(past().row) | {"occurrence": 1}
STEPS = [
    ("clients.add", {"name": "FSP7", "role": "ven", "targets": ["T1"]}),
    ("clients.add", {"name": "FSP7", "role": "ven"}),  # refused
    ("clients.add", {"name": "desk", "role": "bl"}),
    ("clients.secret", {"client_id": "fsp7"}),
    ("clients.disable", {"client_id": "desk"}),
    ("clients.disable", {"client_id": "nobody"}),  # refused
    ("clients.list", {}),
    ("clock.trust", {}),
    ("keys.add", {"key_set": json.dumps(FSP7.public().to_json())}),
    ("keys.add", {"key_set": "{"}),  # refused
    ("keys.floor", {"party": "FSP7", "suite": 2}),
    ("keys.floor", {"party": "FSP7", "suite": 1}),
    ("keys.list", {}),
    ("keys.own", {}),
    ("contracts.add", {"terms": json.dumps(terms(**IN_FORCE)), "provider": "FSP7"}),
    ("contracts.add", {"terms": json.dumps(terms(capacity_w=0)), "provider": "FSP7"}),  # refused
    ("contracts.list", {}),
    (
        "desk.instruct",
        {"contract_id": CONTRACT, "periods": [{**WHEN, "delta_w": 1000}], "thread": "D1"},
    ),
    (
        "desk.instruct",
        {"contract_id": CONTRACT, "periods": [{**WHEN, "delta_w": -1}], "dispatch_type": "x"},
    ),  # refused
    ("desk.instruct", {"contract_id": CONTRACT, "periods": [{"start": "now", "end": "later"}]}),
    ("desk.instruct", {"contract_id": CONTRACT}),  # refused: no periods
    ("desk.instruct", {"contract_id": "UKPN:NONE", "periods": [{**WHEN, "delta_w": 1}]}),
    (
        "desk.schedule",
        {"contract_id": CONTRACT, "periods": [{**WHEN, "delta_w": 500}], "thread": "D2"},
    ),
    ("desk.confirm", {"thread": "D9"}),  # refused: there is none
    ("desk.confirm", {"thread": "D2", "why": "so"}),  # refused: no such parameter
    ("desk.confirm", {"thread": "D2"}),
    ("desk.vary", {"thread": "D2"}),  # refused: vary what?
    ("desk.vary", {"thread": "D2", "delta_w": 400, "from": WHEN["start"]}),
    ("desk.show", {"thread": "D9"}),  # refused: there is none
    ("desk.show", {"thread": "D1", "contract_id": CONTRACT}),
    ("desk.alarms", {"all": True}),
    ("desk.cease", {"thread": "D1", "at": "then"}),  # refused
    ("desk.cease", {"thread": "D1", "mode": "slowly"}),  # refused
    ("desk.cease", {"thread": "D1"}),  # refused: it has not begun
    ("desk.cancel", {"thread": "D1", "reason": "NOT_REQUIRED"}),
    ("markets.add", {"product": "OU", "zone": "HENDON-WAY", "members": ["FSP7"]}),
    ("markets.add", {"product": "OU", "zone": "HENDON-WAY", "member": "FSP7"}),  # refused
    ("markets.list", {}),
    ("desk.request", {**ASKED, "thread": "R1"}),
    ("desk.request", {**ASKED, "respond_by": "soon"}),  # refused
    ("desk.request", {**ASKED, "zone": "ELSEWHERE"}),  # refused
    ("desk.offers", {}),
    ("desk.offers", {"thread": "R9"}),  # refused
    ("desk.award", {"thread": "R1"}),
    ("desk.cancel", {"thread": "R1"}),
    ("desk.award", {"thread": "R1"}),  # refused
    ("history.begin", {"name": "h.csv"}),
    ("history.stage", {"import": 1, "rows": [PAST]}),
    ("history.stage", {"import": 1, "rows": [{**PAST, "end": "later"}]}),  # refused
    ("history.stage", {"import": 7, "rows": [PAST]}),  # refused: no such import
    ("history.stage", {"import": 1, "rows": 1}),  # refused
    ("history.finish", {"import": 1, "rows": "all"}),  # refused
    ("history.finish", {"import": 1, "rows": 1}),
    ("history.abandon", {"import": 1}),
    ("history.imports", {}),
    ("history.days", {}),
    ("history.rows", {"day": "2026-11-24"}),
    ("history.rows", {"day": "today"}),  # refused
    ("keys.revoke", {"key_set": "FSP7-1"}),
    ("statement", {"party": "FSP7", "day": "", "from": "", "to": ""}),
    ("status", {}),
    ("dance", {}),  # refused
]
CHANCE = {
    "client_secret",
    "program_id",
    "revoked_at",
    "revision",
    "sha256",
    "issued_at",
    "ack_by",
    "key_set",
    "Ed25519",
    "ML-DSA-65",
    "active_from",
    "active_to",
    "newest_change",
    "now",
    "timer",
    "at",
}
"""Members that differ from one VTN to another."""


def plain(value):
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: "" if k in CHANCE else plain(v) for k, v in value.items()}
    return value


async def story(way, path):
    """What each step gave, or why it was refused."""
    told = []
    async with way(path) as telling:
        for name, given in STEPS:
            try:
                told.append((name, plain(await telling(name, **given))))
            except ProfileError as refused:
                told.append((name, f"refused: {refused}"))
    return told


async def test_a_server_and_no_server_give_the_same(tmp_path):
    over_the_socket = await story(served, tmp_path / "served")
    assert over_the_socket == await story(alone, tmp_path / "alone")
    refused = [name for name, told in over_the_socket if str(told).startswith("refused")]
    assert refused == [
        "clients.add",
        "clients.disable",
        "keys.add",
        "contracts.add",
        *["desk.instruct"] * 4,
        *["desk.confirm"] * 2,
        "desk.vary",
        "desk.show",
        *["desk.cease"] * 3,
        "markets.add",
        *["desk.request"] * 2,
        "desk.offers",
        "desk.award",
        *["history.stage"] * 3,
        "history.finish",
        "history.rows",
        "dance",
    ]
    assert {name for name, _ in STEPS} == {*COMMANDS, "dance"}


async def test_a_refusal_names_code_place_and_mend(tmp_path):
    async with served(tmp_path / "vtn") as telling:
        for name, given, says in (
            ("clients.add", {"name": "FSP\x07", "role": "ven"}, "^NAME_INVALID at /name: "),
            ("clients.add", {"role": "ven"}, "^BODY_INVALID: the parameter 'name' is missing$"),
            ("clients.add", {"name": "a", "role": "cook"}, "^INTERNAL: .*'cook' is not a valid"),
            ("dance", {}, "^NOT_FOUND: this server knows no command dance: is it older"),
        ):
            with pytest.raises(CommandFailed, match=says):
                await telling(name, **given)


async def test_parameters_that_are_no_object_are_refused(tmp_path):
    async with open_vtn(settings(tmp_path)) as vtn:
        for parameters in ([], "x", None, 1):
            with pytest.raises(Refused, match="BODY_INVALID: the parameters, a JSON object"):
                await run(vtn, "status", parameters)


async def test_the_socket_is_its_owners_only_and_goes_with_the_server(tmp_path):
    path = tmp_path / "vtn"
    async with served(path) as telling:
        mode = (path / "control.sock").stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
        assert (await telling("status"))["dso"] == "UKPN"
    assert not (path / "control.sock").exists()


async def test_the_stale_socket_of_a_killed_server_stands_in_nobodys_way(tmp_path):
    path = tmp_path / "vtn"
    async with alone(path) as telling:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as stale:
            stale.bind(str(path / "control.sock"))
        assert (await telling("status"))["dso"] == "UKPN"
        assert (path / "control.sock").exists()
    async with served(path) as telling:
        assert (await telling("status"))["dso"] == "UKPN"


async def test_a_very_long_path_works_too(tmp_path):
    path = tmp_path.joinpath(*["a-rather-long-name-of-a-directory"] * 8)
    assert len(str(path)) > 250
    async with served(path) as telling:
        made = await telling("clients.add", name="FSP7", role="ven")
        mode = (path / "control.sock").stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
    async with alone(path) as telling:
        assert [c["client_id"] for c in await telling("clients.list")] == [made["client_id"]]


def test_a_short_path_is_the_address_itself(tmp_path):
    with socket_address(tmp_path / "control.sock") as address:
        assert address == str(tmp_path / "control.sock")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nOops",
        b"220 smtp.example\r\n",
    ],
)
async def test_of_a_server_that_dies_while_it_answers_the_outcome_is_unknown(tmp_path, answer):
    """Nothing but the truth: the command may have been carried out, so it is not done again."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()

        def die_while_answering():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        dying = threading.Thread(target=die_while_answering)
        dying.start()
        try:
            with pytest.raises(CommandFailed, match="may or may not have been carried out"):
                await asyncio.to_thread(tell, tmp_path, "status", {})
        finally:
            dying.join(10)


async def test_a_server_that_is_slow_to_answer_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("vtn.tell._TIMEOUT_S", 0.05)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        with pytest.raises(CommandFailed, match="may or may not"):
            await asyncio.to_thread(tell, tmp_path, "status", {})


def test_what_is_no_socket_or_no_directory_is_said(tmp_path):
    with pytest.raises(SettingsError, match=r"no VTN in .*nowhere: ukvtn serve"):
        tell(tmp_path / "nowhere", "status", {})
    (tmp_path / "file").touch()
    with pytest.raises(CommandFailed, match=r"cannot be asked: .*Not a directory"):
        tell(tmp_path / "file", "status", {})


async def test_without_a_server_nobody_else_may_have_it_open(tmp_path):
    async with open_vtn(settings(tmp_path)):  # open, and without a socket: a server that starts
        with pytest.raises(Refused, match="STORE_DOWN: another process has"):
            await run_alone(tmp_path, "status", {})


async def test_many_at_once_are_all_answered(tmp_path):
    async with served(tmp_path / "vtn") as telling:
        adding = (telling("clients.add", name=f"FSP{n}", role="ven") for n in range(8))
        made = await asyncio.gather(*adding)
        assert len({m["client_secret"] for m in made}) == 8
        assert len(await telling("clients.list")) == 8


async def test_the_socket_takes_posts_only(tmp_path):
    path = tmp_path / "vtn"
    async with served(path):

        def get():
            connection = http.client.HTTPConnection("control")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(path / "control.sock"))
            with contextlib.closing(connection):
                connection.request("GET", "/status")
                return connection.getresponse().status

        assert await asyncio.to_thread(get) == 405


async def test_a_command_without_a_server_goes_by_the_clock_of_the_rehearsal(tmp_path):
    """What is dispatched in a rehearsal of last March stands in that March."""
    begins = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    SharedClock.create(tmp_path / "clock", begins)
    place = Place(tmp_path / "vtn").make()
    async with open_vtn(settings(place.path)):
        pass
    place.remember_clock(tmp_path / "clock")
    shown = await run_alone(place.path, "status", {})
    assert shown["clock"] == "the clock is a rehearsal's, at 2026-03-29T00:30:00Z"
    (tmp_path / "clock").unlink()
    with pytest.raises(SettingsError, match="ukvtn serve with another --clock, or none"):
        await run_alone(place.path, "status", {})
    place.remember_clock(None)
    shown = await run_alone(place.path, "status", {})
    assert shown["clock"] == ""
