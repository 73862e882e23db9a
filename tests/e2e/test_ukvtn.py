"""The VTN as a process: `python -m vtn`, served, told, stopped, killed, misused."""

import asyncio
import json
import os
import signal
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.soak.server_kills import Side, Writers, examine
from tests.ukvtn import Server, ukvtn
from tests.unit.ven.dso import CONTRACT, FSP7, terms
from tests.unit.vtn.fsps import Fsp
from tests.waiting import until
from ukprofile.flex.header import Reference
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.offer import OfferedPeriod
from ukprofile.flex.times import read_time
from ukprofile.mapping.carrier import message_in
from ukprofile.openadr.client import Client, Credentials
from ukprofile.receiving.opening import digest
from vtn.storage.sqlite import migrate_file

pytestmark = pytest.mark.e2e


async def told(*words, stdin=""):
    return await asyncio.to_thread(ukvtn, *words, stdin=stdin)


async def json_of(*words, stdin=""):
    done = await told(*words, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def one_line(done, code=1):
    """The one line with which a command failed."""
    assert (done.returncode, done.stdout) == (code, ""), done
    (line,) = done.stderr.splitlines()
    assert line.startswith("ukvtn: ")
    return line.removeprefix("ukvtn: ")


@pytest.fixture
async def server(tmp_path):
    made = Server(tmp_path)
    try:
        yield made
    finally:
        await made.kill()


async def test_a_backup_is_made_while_it_serves_and_is_put_back_once_it_does_not(server, tmp_path):
    """The commands, as an operator gives them; what they mean, tests/contract/test_restore.py."""
    await server.start()
    file, data = tmp_path / "b.tar", ("--data-dir", server.data)
    await json_of("clients", "add", "FSP7", "--role", "ven", *data)
    made = await json_of("backup", file, *data)
    assert (made["file"], made["keys"], made["identity"]["dso"]) == (str(file), False, "UKPN")
    await json_of("clients", "add", "FSP8", "--role", "ven", *data)
    assert "another process has" in one_line(await told("restore", file, *data))
    assert await server.stop() == 0
    assert "newer than the backup" in one_line(await told("restore", file, *data))
    done = await json_of("restore", file, "--force", *data)
    assert await asyncio.to_thread(Path(done["kept_aside"]).exists)
    assert done["compared"]
    await server.start()
    names = {client["name"] for client in await json_of("clients", "list", *data)}
    assert "FSP7" in names
    assert "FSP8" not in names

    async def told_of_it():
        found = await json_of("desk", "alarms", *data)
        return [alarm["code"] for alarm in found["alarms"]] == ["RESTORED"]

    await until(told_of_it, why="the desk is told")


def tomorrow(hour):
    when = (datetime.now(UTC) + timedelta(days=1)).replace(hour=hour, minute=0, second=0)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def in_force():
    """The terms of a contract that may be dispatched at any hour of tomorrow."""
    window = {**terms()["windows"][0], "start": "00:00", "end": "00:00"}
    lasts = {"valid_from": "2026-01-01T00:00:00Z", "valid_to": "2099-01-01T00:00:00Z"}
    return json.dumps(terms(windows=[window], **lasts))


async def joined(data):
    """FSP7 with its keys and its contract; its credentials."""
    to = ("-d", data)
    client = await json_of("clients", "add", "FSP7", "--role", "ven", "--target", "T1", *to)
    await json_of("keys", "add", "-", *to, stdin=json.dumps(FSP7.public().to_json()))
    await json_of("contracts", "add", "-", "--provider", "FSP7", *to, stdin=in_force())
    return client


def issuing(*more, contract=CONTRACT):
    times = ("--start", tomorrow(16), "--end", tomorrow(18))
    return ("desk", "instruct", contract, *times, "--delta-w", "1000000", *more)


# -- served ----------------------------------------------------------------------------------------


async def test_the_sandbox_says_where_it_is_and_who_may_come_in(server):
    await server.start()
    ready = server.ready
    assert ready["pid"] == server.process.pid
    assert (ready["dso"], ready["environment"]) == ("UKPN", "sandbox")
    assert ready["data_dir"] == str(server.data)
    async with aiohttp.ClientSession(ready["url"]) as session:
        desk = await Side.of(session, ready["bl"])
        assert await desk.write("POST", "/programs", {"programName": "p"})
    assert await server.stop() == 0
    old = ready["bl"]
    await server.start("--sandbox")
    assert server.ready["bl"]["client_id"] == old["client_id"]
    async with aiohttp.ClientSession(server.url) as session:
        with pytest.raises(KeyError):  # the secret that was shown before is no longer one
            await Side.of(session, old)
        assert await Side.of(session, server.ready["bl"])
    assert await server.stop(signal.SIGINT) == 0


async def test_a_production_vtn_shows_nobodys_secret_and_checks_every_dispatch(server):
    await server.start("--dso", "UKPN")
    assert set(server.ready) == {"url", "pid", "dso", "environment", "data_dir"}
    await joined(server.data)
    made = await json_of(*issuing("--thread", "D1"), "-d", server.data)
    assert (made["thread"], made["delivery"]) == ("D1", "issued")
    refused = await told(*issuing("--unchecked"), "-d", server.data)
    assert one_line(refused).startswith("SCOPE_MISSING: only a sandbox")
    found = await json_of("clients", "list", "-d", server.data)
    assert [client["role"] for client in found] == ["ven"]  # and no desk that nobody asked for


async def test_a_stop_under_load_answers_what_is_under_way_and_loses_nothing(server):
    await server.start()
    fsp = await json_of("clients", "add", "FSP7", "--role", "ven", "-d", server.data)
    writers = Writers("load", "load", 150)
    writing = asyncio.create_task(writers.write(server.url, server.ready["bl"], fsp))
    await asyncio.wait_for(writers.enough.wait(), 60)
    assert await server.stop() == 0
    await writing  # no answer but 200, 201, or none at all
    assert len(writers.answered) > 50
    assert examine(server.data / "vtn.db", writers.answered) == ""
    assert not (server.data / "control.sock").exists()
    assert [line["event"] for line in log(server)] == ["serving", "stopping", "stopped"]


async def test_requests_under_way_at_the_stop_are_answered(server):
    """Each takes the server some 50 ms, on purpose, four at a time: they wait for one another."""
    await server.start()
    desk = server.ready["bl"]
    form = {
        "grant_type": "client_credentials",
        "client_id": desk["client_id"],
        "client_secret": desk["client_secret"],
    }
    async with (
        aiohttp.ClientSession(server.url) as session,
        aiohttp.ClientSession(server.url) as other,
    ):
        asked = [asyncio.create_task(session.post("/auth/token", data=form)) for _ in range(12)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        async with other.get("/auth/server"):  # by now it has read all that was sent before
            pass
        stopping = asyncio.create_task(server.stop())
        answers = await asyncio.gather(*asked)
        assert [answer.status for answer in answers] == [200] * 12
    assert await stopping == 0


async def test_killed_and_started_again_it_is_the_same_vtn(server):
    await server.start()
    client = await joined(server.data)
    await json_of(*issuing("--thread", "D1"), "-d", server.data)
    before = [await json_of(*words, "-d", server.data) for words in LISTS]
    await server.kill()
    assert (server.data / "control.sock").exists()
    alone = await json_of(*LISTS[-1], "-d", server.data)
    assert alone == before[-1]  # by the command itself, beside the socket that was left
    await server.start()
    assert [await json_of(*words, "-d", server.data) for words in LISTS] == before
    async with aiohttp.ClientSession(server.url) as session:
        ven = await Side.of(session, client)
        async with session.get("/events", headers=ven._headers) as answer:
            assert len(await answer.json()) == 2
    assert await server.stop() == 0


LISTS = (("clients", "list"), ("keys", "list"), ("contracts", "list"), ("status",))


async def test_json_and_table_show_the_same_rows(server):
    await server.start()
    await joined(server.data)
    await json_of(*issuing("--thread", "D1"), "-d", server.data)
    for words, names in (
        (("clients", "list"), ("client_id", "name", "role")),
        (("keys", "list"), ("key_set", "party", "role", "active_from", "active_to")),
        (("contracts", "list"), ("contract_id", "program_id", "target")),
        (("status",), ("thread", "provider", "delivery")),
    ):
        found = await json_of(*words, "-d", server.data)
        rows = found["dispatches"] if words == ("status",) else found
        table = await told(*words, "-d", server.data)
        lines = table.stdout.splitlines()[2 if words == ("status",) else 1 :]
        assert len(lines) == len(rows) > 0
        for row, line in zip(rows, lines, strict=True):
            assert all(row[name] in line for name in names), (row, line)
    status = await told("status", "-d", server.data)
    assert status.stdout.startswith("UKPN (sandbox): 1 contracts\n")
    assert "+1,000,000" in status.stdout


async def test_no_secret_is_in_the_log_or_in_the_arguments(server):
    await server.start()
    client = await joined(server.data)
    fresh = await json_of("clients", "secret", client["client_id"], "-d", server.data)
    secrets = [client["client_secret"], fresh["client_secret"], server.ready["bl"]["client_secret"]]
    async with aiohttp.ClientSession(server.url) as session:
        ven = await Side.of(session, fresh)
        secrets.append(ven._headers["Authorization"].removeprefix("Bearer "))
        with pytest.raises(KeyError):
            await Side.of(session, client)
        for path in (f"/events?access_token={secrets[-1]}", f"/auth/token?s={secrets[1]}"):
            async with session.get(path, headers=ven._headers) as answer:
                assert answer.status >= 400
    seen = seen_by_others(server.process.pid)
    assert stat.S_IMODE(server._ready_file.stat().st_mode) == 0o600
    assert await server.stop() == 0
    written = (server.data / "vtn.log").read_text()
    assert "CLIENT_INVALID" in written
    assert "HEADER_DUPLICATE" in written
    for key in ("dso_keys.json", "token_key.json"):
        held = json.loads((server.data / key).read_text())
        secrets += [held["d"]] if "d" in held else [held["Ed25519"]["seed"]]
    for secret in secrets:
        assert secret not in written + seen
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in server.data.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def seen_by_others(pid):
    """Arguments and environment of a process, as the system shows them."""
    places = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
    return "".join(place.read_bytes().decode() for place in places)


def log(server):
    return [json.loads(line) for line in (server.data / "vtn.log").read_text().splitlines()]


# -- misused ---------------------------------------------------------------------------------------


async def test_a_command_that_is_refused_says_why_in_one_line(server):
    await server.start()
    to = ("-d", server.data)
    await joined(server.data)
    for words, says in (
        (issuing(contract="UKPN:NONE"), "NOT_FOUND: there is no contract UKPN:NONE"),
        (issuing("--asset", "X"), "ASSET_UNKNOWN at "),
        (issuing("--type", "demand_turn_up"), "SIGN_MISMATCH at "),
        (("clients", "add", "FSP7", "--role", "ven"), "NOT_UNIQUE at /name"),
        (("clients", "add", "D", "--role", "bl", "--target", "T"), "BODY_INVALID at /targets"),
        (("clients", "disable", "nobody"), "NOT_FOUND: there is no client nobody"),
        (("keys", "add", "nowhere.json"), "nowhere.json: No such file or directory"),
        (("keys", "add", "-"), "BODY_INVALID"),
        (("keys", "revoke", "nobody"), "NOT_FOUND: there is no key set nobody"),
        (("contracts", "add", "-", "--provider", "FSP9"), "BODY_INVALID"),
    ):
        assert one_line(await told(*words, *to)).startswith(says)
    missing = await told("contracts", "add", "-", "--provider", "FSP9", *to, stdin=in_force())
    assert "there is no ven FSP9: ukvtn clients add FSP9 --role ven" in one_line(missing)
    await server.stop()
    for words in (issuing(contract="UKPN:NONE"), ("clients", "disable", "nobody")):
        assert one_line(await told(*words, *to)).startswith("NOT_FOUND: there is no ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*issuing()[:4], "2026-11-24T16:00:00", *issuing()[5:]), "lacks its zone"),
        ((*issuing()[:4], "tomorrow", *issuing()[5:]), "is no ISO 8601 time"),
        (issuing("--setpoint-w", "5"), "one of --delta-w and --setpoint-w is due"),
        (issuing()[:-2], "one of --delta-w and --setpoint-w is due"),
        (issuing("--period", "a"), "--period stands alone"),
        (("desk", "schedule", CONTRACT), "--start and --end are due, or --period"),
        (("desk", "schedule", CONTRACT, "--period", "a/b/5"), "'a' is no ISO 8601 time"),
        (
            ("desk", "vary", "D1", "--period", f"{tomorrow(16)}/{tomorrow(18)}"),
            "no START/END/WATTS",
        ),
        (("desk", "confirm", "D1", "--effective-at", "16:40"), "is no ISO 8601 time"),
        (("serve", "--listen", "8080"), "HOST:PORT is due"),
        (("serve", "--listen", "127.0.0.1:http"), "HOST:PORT is due"),
        (("keys", "floor", "FSP7", "3"), "less than or equal to 2"),
        (("clients", "add", "X", "--role", "cook"), "is not one of 'ven', 'bl'"),
        (("contracts", "add", "x", "--provider", "F", "--projection", "y"), "gb-draft or none"),
        (("dance",), "No such command"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_due(tmp_path, words, says):
    data = () if words == ("dance",) else ("-d", tmp_path)
    done = ukvtn(*words, *data)
    assert done.returncode == 2, done
    assert says in done.stderr.replace("\n", " ").replace("│", "")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status",), "no VTN in DIR: ukvtn serve --data-dir DIR makes one"),
        (("migrate",), "no VTN in DIR"),
        (("serve",), "whose VTN is it? say --dso PARTY at the first start"),
        (("serve", "--dso", "UK PN"), "'UK PN' is no party id of a DSO"),
        (("serve", "--dso", "A", "--listen", "0.0.0.0:0"), "0.0.0.0 can be reached by others"),
        (("serve", "--dso", "A", "--clock", "none"), "none is no shared clock"),
        (("serve", "--dso", "A", "--tls-cert", "c"), "--tls-cert and --tls-key go together"),
        (
            ("serve", "--dso", "A", "--tls-cert", "c", "--tls-key", "k", "--listen", "[::]:0"),
            "certificate or key cannot be read",
        ),
        (
            ("serve", "--dso", "A", "--listen", "127.0.0.1:0", "--ready-file", "no/such/place"),
            "no/such/.place.",
        ),
    ],
)
def test_what_cannot_be_served_is_one_line_and_1(tmp_path, words, says):
    data = tmp_path / "vtn"
    line = one_line(ukvtn(*words, "-d", data))
    assert line.startswith(says.replace("DIR", str(data))), line


async def test_two_servers_on_one_directory_and_one_port(server, tmp_path):
    await server.start()
    port = server.url.rpartition(":")[2]
    second = await told("serve", "-d", server.data, "--sandbox", "--listen", "127.0.0.1:0")
    assert "another process has" in one_line(second)
    other = ("-d", tmp_path / "other", "--sandbox", "--listen", f"127.0.0.1:{port}")
    assert f"cannot listen on 127.0.0.1:{port}" in one_line(await told("serve", *other))
    stranger = await told("serve", "-d", server.data, "--dso", "SSEN", "--sandbox")
    assert "belongs to UKPN in sandbox, not to SSEN" in one_line(stranger)
    assert (await json_of("status", "-d", server.data))["dso"] == "UKPN"


@pytest.mark.skipif(os.geteuid() == 0, reason="may skip: root may read everything")
def test_a_directory_of_somebody_elses_is_one_line(tmp_path):
    (tmp_path / "vtn").mkdir(mode=0o000)
    assert "Permission denied" in one_line(ukvtn("status", "-d", tmp_path / "vtn"))


async def test_migrate_is_for_a_stopped_vtn(server):
    await server.start()
    refused = await told("migrate", "-d", server.data)
    assert "another process has" in one_line(refused)
    await server.stop()
    done = await told("migrate", "-d", server.data)
    revision = migrate_file(server.data / "vtn.db")
    assert done.stdout == f"database at revision {revision}\n"
    (server.data / "vtn.db").write_bytes(b"no database at all, but a file" * 100)
    assert one_line(await told("migrate", "-d", server.data)).startswith("STORE_DOWN: nothing was")
    assert one_line(await told("status", "-d", server.data)).startswith("STORE_DOWN: nothing was")


# -- help ------------------------------------------------------------------------------------------

COMMANDS = [
    ("serve",),
    ("backup",),
    ("restore",),
    ("clients", "add"),
    ("clients", "list"),
    ("clients", "secret"),
    ("clients", "disable"),
    ("keys", "own"),
    ("keys", "add"),
    ("keys", "list"),
    ("keys", "revoke"),
    ("keys", "floor"),
    ("contracts", "add"),
    ("contracts", "list"),
    ("desk", "schedule"),
    ("desk", "confirm"),
    ("desk", "instruct"),
    ("desk", "vary"),
    ("desk", "show"),
    ("desk", "cease"),
    ("desk", "batch"),
    ("desk", "cancel"),
    ("desk", "alarms"),
    ("desk", "request"),
    ("desk", "offers"),
    ("desk", "award"),
    ("markets", "add"),
    ("markets", "list"),
    ("status",),
    ("import", "dispatches"),
    ("import", "list"),
    ("history",),
    ("trust-clock",),
    ("migrate",),
    ("openapi",),
    ("schema",),
    ("statement",),
]


def commands(group, before=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


def test_every_command_says_what_it_does_and_every_option_what_it_means():
    from typer.main import get_command

    from vtn.cli import app

    found = dict(commands(get_command(app)))
    assert sorted(found) == sorted(COMMANDS)
    for words, command in found.items():
        assert len(command.help or "") > 20, words
        for parameter in command.params:
            assert getattr(parameter, "help", None), (words, parameter.name)


async def test_a_life_at_the_desk_from_the_command_line(server):
    await server.start()
    await joined(server.data)
    to = ("-d", server.data)
    first = f"{tomorrow(16)}/{tomorrow(17)}/1000000"
    two = ("--period", first, "--period", f"{tomorrow(17)}/{tomorrow(18)}/1500000")
    named = ("--thread", "D1", "--origin", "NESO", "--reference", "BM-7", "--priority", "1")
    made = await json_of("desk", "schedule", CONTRACT, *two, *named, *to)
    assert (made["state"], len(made["periods"])) == ("proposed", 2)
    assert (await json_of("desk", "confirm", "D1", *to))["state"] == "confirmed"
    varied = await told("desk", "vary", "D1", "--end", tomorrow(17), *to)
    assert "changes        shortening\n" in varied.stdout
    refused = await told("desk", "vary", "D1", "--delta-w", "1000000", *to)
    assert one_line(refused).startswith("BODY_VALUE: nothing of D1 would change")
    absolute = ("--period", first, "--absolute", "--thread", "D2")
    made = await json_of("desk", "instruct", CONTRACT, *absolute, *to)
    assert made["periods"][0]["setpoint_w"] == 1_000_000
    ended = await json_of("desk", "cease", "D2", "--at", tomorrow(16)[:14] + "30:00Z", *to)
    assert (ended["kind"], ended["state"]) == ("cease", "ceased")
    assert (await json_of("desk", "cancel", "D1", *to))["state"] == "cancelled"
    shown = await told("desk", "show", "D1", "--contract", CONTRACT, *to)
    rows = [line.split()[1:4] for line in shown.stdout.splitlines()[5:]]
    assert rows == [
        ["UKPN", "schedule", "+1,000,000"],
        ["UKPN", "instruction", "+1,000,000"],
        ["UKPN", "decrease", "+1,000,000"],
        ["UKPN", "cancellation", "cancelled"],
    ]
    assert len((await json_of("desk", "show", "D1", *to))["course"]) == 4


async def test_contracts_and_orders_may_come_in_numbers(server):
    await server.start()
    await joined(server.data)
    to = ("-d", server.data)
    terms = json.loads(in_force())
    two = [terms | {"contract_id": f"UKPN:FLEX-{n}", "capacity_w": 2000} for n in (8, 9)]
    wrong = [*two, terms | {"capacity_w": -1}]
    add = ("contracts", "add", "-", "--provider", "FSP7", *to)
    assert "/2/capacity_w" in one_line(await told(*add, stdin=json.dumps(wrong)))
    made = await json_of(*add, stdin=json.dumps(two))
    assert [one["contract_id"] for one in made] == ["UKPN:FLEX-8", "UKPN:FLEX-9"]

    period = {"start": tomorrow(16), "end": tomorrow(17), "delta_w": 1000}
    orders = [
        {"do": "market", "product": "OU", "zone": "HENDON-WAY", "members": ["FSP7"]},
        {"do": "schedule", "contract_id": "UKPN:FLEX-8", "thread": "D8", "periods": [period]},
        {"do": "dance"},
        {"do": "confirm", "thread": "D8"},
    ]
    twice = '{"do": "cancel", "thread": "D8", "thread": "D9"}'
    lines = "\n".join([*map(json.dumps, orders), "", "{", twice, ""])
    done = await told("desk", "batch", "-", "--json", *to, stdin=lines)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [(a["line"], a["do"], "answer" in a) for a in answers] == [
        (1, "market", True),
        (2, "schedule", True),
        (3, "dance", False),
        (4, "confirm", True),
        (6, "", False),
        (7, "", False),
    ]
    assert "DUPLICATE_KEY" in answers[-1]["refused"]
    shown = await told("desk", "batch", "-", *to, stdin=json.dumps({"do": "show", "thread": "D8"}))
    assert shown.returncode == 0
    assert shown.stdout.split() == ["1", "show", "D8", "confirmed"]


async def test_a_dispatch_is_stopped_from_the_command_line(tmp_path):
    server = await Server(tmp_path).start()
    try:
        for words, says in (
            (("cease", "D9"), "NOT_FOUND: there is no dispatch D9"),
            (("cancel", "D9", "--contract", "UKPN:NONE"), "NOT_FOUND: there is no dispatch D9"),
        ):
            done = ukvtn("desk", *words, "-d", server.data)
            assert (done.returncode, done.stdout) == (1, "")
            assert says in done.stderr
        done = ukvtn("desk", "cease", "D9", "--at", "16:40", "-d", server.data)
        assert done.returncode == 2
    finally:
        await server.kill()


async def test_a_market_is_asked_and_awarded_from_the_command_line(server):
    await server.start()
    to, fsp = ("-d", server.data), Fsp(7)
    client = await json_of("clients", "add", "FSP7", "--role", "ven", *to)
    await json_of("keys", "add", "-", *to, stdin=json.dumps(fsp.keys.public().to_json()))
    own = {"contract_id": fsp.contract, "assets": [{"asset_id": fsp.asset}]}
    contract = json.dumps(json.loads(in_force()) | own)
    await json_of("contracts", "add", "-", "--provider", "FSP7", *to, stdin=contract)

    made = await json_of("markets", "add", "OU", "HENDON-WAY", "--member", "FSP7", *to)
    assert made["members"] == ["FSP7"]
    assert await json_of("markets", "list", *to) == [made]
    assert "nothing is requested" in (await told("desk", "offers", *to)).stdout
    times = ("--start", tomorrow(16), "--end", tomorrow(18), "--respond-by", tomorrow(10))
    words = ("OU", "HENDON-WAY", "--delta-w", "1500000", *times, "--thread", "R1")
    asked = await json_of("desk", "request", *words, *to)
    assert (asked["thread"], asked["start"]) == ("R1", tomorrow(16))

    start, end = (read_time(tomorrow(hour)) for hour in (16, 18))
    period = OfferedPeriod(start=start, end=end, delta_w=1_000_000)
    body = fsp.offer(21_000, periods=(period,)).to_json()
    async with Client(server.url, Credentials(client["client_id"], client["client_secret"])) as ven:
        (event,) = [e for e in (await ven.events.list()).items if e.event_name == "REQUEST"]
        text = message_in(event.intervals).text
        to_request = Reference(json.loads(text)["revision"], digest(text), "R1")
        now = datetime.now(UTC)
        report = fsp.report("availability", body, (to_request, event.id), now, until=end)
        await ven.reports.create(report)

    shown = (await told("desk", "offers", *to)).stdout
    assert "AV-1" in shown
    assert f"missing +500,000 W {tomorrow(16)} to {tomorrow(18)}" in shown
    awarded = await json_of("desk", "award", "R1", *to)
    (offer,) = awarded["offers"]
    assert offer["acceptance"]["accepted"]
    shown = (await told("desk", "award", "R1", *to)).stdout
    assert f"{offer['acceptance']['thread']} accepted" in shown
    taken_back = await json_of("desk", "cancel", offer["acceptance"]["thread"], *to)
    assert (taken_back["of"], taken_back["state"]) == ("acceptance", "withdrawn")
    assert "cancellation" in (await told("desk", "cancel", "R1", *to)).stdout
    assert one_line(await told("desk", "award", "R1", *to)) == ("STATE_INVALID: R1 is withdrawn")


def test_help_shows_an_example_where_there_is_much_to_say():
    assert "Exit codes: 0 done; 1 refused or failed" in ukvtn("--help").stdout
    assert "disable" in ukvtn("clients").stdout
    for words, example in (
        (("serve",), "ukvtn serve --sandbox --dso DSOA --data-dir /tmp/vtn"),
        (
            ("desk", "instruct"),
            "ukvtn desk instruct UKPN:FLEX-2026-0042 --start 2026-11-24T16:30",
        ),
    ):
        shown = ukvtn(*words, "--help")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert example in shown.stdout


def test_openapi_is_printed_as_json():
    done = ukvtn("openapi")
    assert json.loads(done.stdout)["openapi"] == "3.1.0"


def test_the_schema_of_a_kind_is_printed_as_json():
    done = ukvtn("schema", "instruction")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["title"]) == (0, "instruction")
    assert shown["properties"]["effective_at"]["title"]


def test_without_a_kind_the_kinds_are_listed():
    done = ukvtn("schema", "--json")
    listed = json.loads(done.stdout)
    assert [row["kind"] for row in listed] == list(KINDS)
    assert listed[0] == {
        "kind": "contract_terms",
        "from": "DSO",
        "what": KINDS["contract_terms"].title,
    }
    assert "post_action" in ukvtn("schema").stdout


def test_a_kind_that_is_none_is_refused_in_one_line():
    assert "KIND_UNKNOWN: 'reduction' is none of" in one_line(ukvtn("schema", "reduction"))
