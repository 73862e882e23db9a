"""A VTN put together: what it makes at its first start, keeps at the next, and refuses to serve."""

import asyncio
import contextlib
import json
import socket
import ssl
import stat
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.tls import identity, spoken
from tests.unit.ven.dso import NOON, terms
from ukprofile.clock import ManualClock, SharedClock
from ukprofile.errors import Refused
from ukprofile.signing import SigningKeys
from vtn.app import listening, open_vtn
from vtn.domain.record import Role
from vtn.http import server
from vtn.settings import Settings, SettingsError
from vtn.testing import running_vtn


def settings(tmp_path, **changes):
    made = {"data_dir": tmp_path / "vtn", "dso": "UKPN", "sandbox": True, "port": 0}
    return Settings(**{**made, **changes})


async def opens(asked):
    async with open_vtn(asked) as vtn:
        return vtn


# -- first and later starts ------------------------------------------------------------------------


async def test_what_the_first_start_made_is_kept_by_the_next(tmp_path):
    async with open_vtn(settings(tmp_path)) as vtn:
        client, _ = await vtn.office.add_client("FSP7", Role.VEN)
        await vtn.office.add_contract(terms(), "FSP7")
        token = vtn.tokens.mint(client, client.scopes)
        first = vtn
    async with open_vtn(settings(tmp_path, dso="")) as vtn:
        assert (vtn.dso, vtn.keys, vtn.office.clients()) == ("UKPN", first.keys, [client])
        assert vtn.tokens.viewer_of(token, vtn.store.live).client_id == "fsp7"
        assert [c.name for c in vtn.office.contracts()] == ["UKPN:FLEX-1"]
        assert vtn.store.live.epoch != first.store.live.epoch
        assert [k.key_set for k in vtn.office.register] == [first.keys.key_set]


async def test_every_file_is_its_owners_only(tmp_path):
    await opens(settings(tmp_path))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "vtn").iterdir()}
    assert set(modes) >= {"identity.json", "vtn.db", "dso_keys.json", "token_key.json"}
    assert set(modes.values()) == {0o600}


async def test_fresh_keys_are_of_this_dso_and_this_environment(tmp_path):
    for sandbox in (True, False):
        asked = settings(tmp_path, data_dir=tmp_path / str(sandbox), sandbox=sandbox, dso="x" * 64)
        async with open_vtn(asked, clock=ManualClock(NOON)) as vtn:
            keys = vtn.keys
            assert (keys.party, keys.role) == ("x" * 64, "dso")
            assert f"-{asked.environment}-20261124-" in keys.key_set
            assert keys.public().active(NOON)
            assert keys.active_to == NOON + timedelta(days=3 * 365)
            assert keys.ml_dsa_65_seed is not None


async def test_a_second_vtn_on_the_same_directory_is_refused_and_the_first_works_on(tmp_path):
    async with open_vtn(settings(tmp_path)) as vtn:
        with pytest.raises(Refused, match=r"STORE_DOWN: another process has .*vtn.db open"):
            await opens(settings(tmp_path))
        await vtn.office.add_client("FSP7", Role.VEN)
    await opens(settings(tmp_path))


async def test_another_identity_is_refused_before_anything_is_opened(tmp_path):
    await opens(settings(tmp_path))
    (tmp_path / "vtn" / "vtn.db").unlink()
    with pytest.raises(SettingsError, match="belongs to UKPN"):
        await opens(settings(tmp_path, dso="SSEN"))
    assert not (tmp_path / "vtn" / "vtn.db").exists()


def other_keys(party, role):
    keys = SigningKeys.sandbox("K-1", party, role, NOON, NOON + timedelta(days=1))
    return keys.to_json()


def swapped():
    return {**other_keys("UKPN", "dso"), "Ed25519": other_keys("SSEN", "dso")["ML-DSA-65"]}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("dso_keys.json", {}, "dso_keys.json: role must be a string"),
        ("dso_keys.json", [], "dso_keys.json is damaged"),
        ("dso_keys.json", None, "dso_keys.json is damaged"),
        ("dso_keys.json", other_keys("SSEN", "dso"), "are keys of the dso SSEN"),
        ("dso_keys.json", other_keys("UKPN", "ven"), "are keys of the ven UKPN"),
        ("dso_keys.json", swapped(), "make other public keys"),
        ("token_key.json", {}, "token_key.json holds no key"),
        ("token_key.json", [], "token_key.json is damaged"),
        ("token_key.json", {"kty": "oct", "k": "AAAA"}, "token_key.json holds no key"),
        ("token_key.json", {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "holds no key"),
    ],
)
async def test_a_damaged_key_file_is_named_and_left_as_it_is(tmp_path, name, value, says):
    await opens(settings(tmp_path))
    path = tmp_path / "vtn" / name
    path.write_text(json.dumps(value))
    with pytest.raises(SettingsError, match=says):
        await opens(settings(tmp_path))
    assert json.loads(path.read_text()) == value
    for text in ("", '{"kty": '):
        path.write_text(text)
        with pytest.raises(SettingsError, match=f"{name} is not JSON"):
            await opens(settings(tmp_path))


async def test_a_token_key_without_its_private_half_signs_nothing(tmp_path):
    await opens(settings(tmp_path))
    path = tmp_path / "vtn" / "token_key.json"
    public = {k: v for k, v in json.loads(path.read_text()).items() if k != "d"}
    path.write_text(json.dumps(public))
    with pytest.raises(SettingsError, match=r"token_key.json holds no key"):
        await opens(settings(tmp_path))


async def test_published_test_keys_are_no_keys_of_a_production_vtn(tmp_path):
    asked = settings(tmp_path, sandbox=False)
    await opens(asked)
    path = tmp_path / "vtn" / "dso_keys.json"
    published = SigningKeys.sandbox("UKPN-sandbox-1", "UKPN", "dso", NOON, NOON + timedelta(days=1))
    path.write_text(json.dumps(published.to_json()))
    with pytest.raises(Refused, match="published test key"):
        await opens(asked)
    await opens(settings(tmp_path, data_dir=tmp_path / "other"))


# -- clocks ----------------------------------------------------------------------------------------


async def test_the_shared_clock_is_the_business_clock(tmp_path):
    SharedClock.create(tmp_path / "clock", NOON)
    async with open_vtn(settings(tmp_path, clock=tmp_path / "clock")) as vtn:
        client, _ = await vtn.office.add_client("FSP7", Role.VEN)
        assert client.created == NOON


@pytest.mark.parametrize("content", [None, b"", b"short"])
async def test_a_clock_that_is_none_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "clock").write_bytes(content)
    with pytest.raises(SettingsError, match="clock is no shared clock"):
        await opens(settings(tmp_path, clock=tmp_path / "clock"))
    await opens(settings(tmp_path))  # and the directory is not left locked


# -- sockets ---------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    made = identity(tmp_path)
    return {"tls_cert": made.chain, "tls_key": made.key}


async def test_tls_is_served_from_1_3_on(tmp_path, certificate):
    async with open_vtn(settings(tmp_path, **certificate)) as vtn, listening(vtn) as url:
        assert url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=certificate["tls_cert"])
        assert await spoken(url, context) == "TLSv1.3"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/auth/server", ssl=context) as answer:
                assert await answer.json() == {"tokenURL": f"{url}/auth/token"}
            with pytest.raises(aiohttp.ClientError):
                await session.get(url.replace("https", "http") + "/auth/server")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await spoken(url, context)


@pytest.mark.parametrize("spoilt", ["tls_cert", "tls_key"])
async def test_a_certificate_or_key_that_cannot_be_read_is_said(tmp_path, certificate, spoilt):
    for change in (lambda p: p.write_text("no PEM"), lambda p: p.unlink()):
        change(certificate[spoilt])
        async with open_vtn(settings(tmp_path, **certificate)) as vtn:
            with pytest.raises(SettingsError, match="certificate or key cannot be read"):
                async with listening(vtn):
                    pass


async def test_plain_http_is_not_offered_to_others(tmp_path):
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0 can be reached by others"):
        await opens(settings(tmp_path, host="0.0.0.0"))
    assert not (tmp_path / "vtn").exists()
    asked = settings(tmp_path, host="0.0.0.0", behind_proxy=True, public_url="https://vtn.example/")
    async with (
        open_vtn(asked) as vtn,
        listening(vtn) as url,
        aiohttp.ClientSession() as session,
        session.get(url.replace("0.0.0.0", "127.0.0.1") + "/auth/server") as answer,
    ):
        assert await answer.json() == {"tokenURL": "https://vtn.example/auth/token"}


async def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with open_vtn(settings(tmp_path, port=port)) as vtn:
            with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}: Address"):
                async with listening(vtn):
                    pass


async def test_an_address_that_is_not_ours_is_said(tmp_path):
    for host in ("192.0.2.7", "no.such.host.invalid"):
        async with open_vtn(settings(tmp_path, host=host, behind_proxy=True)) as vtn:
            with pytest.raises(SettingsError, match=f"cannot listen on {host}"):
                async with listening(vtn):
                    pass


async def test_ipv6_has_its_brackets(tmp_path):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("may skip: this machine has no IPv6")
    async with open_vtn(settings(tmp_path, host="::1")) as vtn, listening(vtn) as url:
        assert url.startswith("http://[::1]:")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/auth/server") as answer:
            assert (await answer.json())["tokenURL"] == f"{url}/auth/token"


async def test_a_tls_handshake_that_does_not_come_is_not_waited_for(
    tmp_path, certificate, monkeypatch
):
    monkeypatch.setattr(server, "HANDSHAKE_TIMEOUT_S", 0.2)
    async with open_vtn(settings(tmp_path, **certificate)) as vtn, listening(vtn) as url:
        at = urlsplit(url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


class Closed:
    """A limiter that lets nobody in."""

    def wait_s(self, _lane, _who):
        return 9.0

    def charge(self, lane, who, requests):
        raise AssertionError


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({}, [200, 200]),
        ({"rate": ("stranger=0.1/1",)}, [200, 429]),
        ({"rate": ("stranger=0.1/1",), "most_per_address": 0}, [200, 200]),
        ({"limiter": f"{__name__}:Closed"}, [429, 429]),
    ],
)
async def test_the_limits_are_those_of_the_settings(tmp_path, changes, statuses):
    asked = settings(tmp_path, **changes)
    async with open_vtn(asked) as vtn, listening(vtn) as url, aiohttp.ClientSession(url) as session:
        for status in statuses:
            async with session.get("/auth/server") as answer:
                assert answer.status == status


# -- the VTN for tests -----------------------------------------------------------------------------


async def test_a_running_vtn_forgets_unless_it_is_given_a_directory(tmp_path):
    for data_dir in (None, tmp_path / "kept"):
        for known in ([], [] if data_dir is None else ["fsp7"]):
            async with running_vtn(data_dir=data_dir) as running:
                assert [c.client_id for c in running.vtn.office.clients()] == known
                if not known:
                    client_id, secret = await running.client("FSP7", Role.VEN, ("T1",))
                    form = {
                        "grant_type": "client_credentials",
                        "client_id": client_id,
                        "client_secret": secret,
                    }
                    async with (
                        aiohttp.ClientSession() as session,
                        session.post(f"{running.url}/auth/token", data=form) as answer,
                    ):
                        assert answer.status == 200


async def test_two_running_vtns_do_not_know_each_other():
    async with running_vtn() as one, running_vtn(dso="SSEN") as other:
        assert one.url != other.url
        await one.client("FSP7")
        assert other.vtn.office.clients() == []
        assert (one.vtn.dso, other.vtn.dso) == ("UKPN", "SSEN")
