"""What a VTN is told, and what lies in its directory: everything wrong is said, and how to mend it."""

import json
import os
import stat
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from vtn.http.limits import Room
from vtn.http.rate import RATES, Rate
from vtn.settings import Identity, Place, Settings, SettingsError, is_loopback, write_json


def settings(tmp_path, **changes):
    return Settings(**{"data_dir": tmp_path / "vtn", "dso": "UKPN", "sandbox": True, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dso": "UK PN"}, "'UK PN' is no party id"),
        ({"dso": "UKPN:X"}, "is no party id"),
        ({"dso": "x" * 65}, "is no party id"),
        ({"dso": "Ll\u0177n"}, "is no party id"),
        ({"port": -1}, "between 0 and 65535"),
        ({"port": 65_536}, "between 0 and 65535"),
        ({"tls_cert": Path("cert.pem")}, "--tls-cert and --tls-key go together"),
        ({"tls_key": Path("key.pem")}, "--tls-cert and --tls-key go together"),
        ({"host": "0.0.0.0"}, "0.0.0.0 can be reached by others"),
        ({"host": "::"}, ":: can be reached by others"),
        ({"host": "192.0.2.7"}, "or say --behind-proxy"),
        ({"host": "vtn.example"}, "give --tls-cert and --tls-key"),
        ({"host": ""}, "can be reached by others"),
        ({"most_connections": 0}, "--most-connections is at least 1"),
        ({"most_per_client": -1}, "--most-per-... at least 0"),
        ({"rate": ("reads=1/2",)}, "--rate 'reads=1/2' names no lane"),
        ({"rate": ("read=fast",)}, "--rate read: 'fast' is no rate"),
    ],
)
def test_settings_that_cannot_be_served_safely(tmp_path, changes, says):
    with pytest.raises(SettingsError, match=says):
        settings(tmp_path, **changes).check()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dso": ""},
        {"dso": "x" * 64},
        {"port": 0},
        {"port": 65_535},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "127.8.9.10"},
        {"host": "0.0.0.0", "behind_proxy": True},
        {"host": "0.0.0.0", "tls_cert": Path("c"), "tls_key": Path("k")},
    ],
)
def test_settings_that_can(tmp_path, changes):
    asked = settings(tmp_path, **changes)
    assert asked.check() is asked


def test_behind_a_proxy_addresses_and_clients_are_not_told_apart(tmp_path):
    asked = settings(tmp_path, most_connections=7, most_per_address=5, most_per_client=3)
    assert asked.room == Room(7, 5, 3)
    assert replace(asked, behind_proxy=True).room == Room(7, 0, 0)


def test_rates_that_are_given_take_the_place_of_the_usual(tmp_path):
    asked = settings(tmp_path, rate=("read=5/10", "token=off"))
    assert asked.rates == {**RATES, "read": Rate(5, 10), "token": Rate(inf, inf)}


def test_only_this_machine_is_loopback():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.255.0.1", "::1")))
    assert not any(
        map(is_loopback, ("", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.1"))
    )


def test_the_environment_follows_from_the_sandbox(tmp_path):
    assert settings(tmp_path).environment == "sandbox"
    assert settings(tmp_path, sandbox=False).environment == "production"


# -- the data directory ----------------------------------------------------------------------------


def test_a_directory_is_made_for_its_owner_only(tmp_path):
    place = Place(tmp_path / "a" / "b").make()
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o700
    assert place.make() == place


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="file cannot be made: File exists"):
        Place(tmp_path / "file").make()
    with pytest.raises(SettingsError, match="cannot be made: Not a directory"):
        Place(tmp_path / "file" / "vtn").make()


def test_whose_vtn_it_is_is_settled_at_the_first_start(tmp_path):
    place = Place(tmp_path / "vtn").make()
    assert place.identity() is None
    first = place.identify(settings(tmp_path))
    assert (first.dso, first.environment) == ("UKPN", "sandbox")
    assert first.vtn_id.startswith("urn:uuid:")
    assert place.identify(settings(tmp_path)) == first
    assert place.identify(settings(tmp_path, dso="")) == first
    assert place.identity() == first
    assert stat.S_IMODE((place.path / "identity.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dso": "SSEN"}, "belongs to UKPN in sandbox, not to SSEN in sandbox"),
        ({"sandbox": False}, "belongs to UKPN in sandbox, not to UKPN in production"),
        ({"dso": "", "sandbox": False}, "not to UKPN in production: use another directory"),
    ],
)
def test_another_identity_is_refused_and_the_first_stays(tmp_path, changes, says):
    place = Place(tmp_path / "vtn").make()
    first = place.identify(settings(tmp_path))
    with pytest.raises(SettingsError, match=says):
        place.identify(settings(tmp_path, **changes))
    assert place.identity() == first


def test_a_new_vtn_must_be_somebodys(tmp_path):
    place = Place(tmp_path / "vtn").make()
    with pytest.raises(SettingsError, match="say --dso PARTY at the first start"):
        place.identify(settings(tmp_path, dso=""))
    assert list(place.path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "identity.json is not JSON"),
        ("{", "identity.json is not JSON"),
        ("\xff", "identity.json is not JSON"),
        ("null", "identity.json is damaged"),
        ("[]", "identity.json is damaged"),
        ('{"dso": "UKPN"}', "dso, environment, vtn_id are due"),
        ('{"dso": 1, "environment": "sandbox", "vtn_id": "x"}', "are due"),
        ('{"dso": "U", "environment": "sandbox", "vtn_id": "x", "more": "y"}', "are due"),
    ],
)
def test_a_damaged_identity_is_no_new_one(tmp_path, text, says):
    place = Place(tmp_path)
    path = tmp_path / "identity.json"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=says):
        place.identify(settings(tmp_path))
    assert path.read_text(encoding="latin-1") == text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_secret_that_others_can_reach_is_not_used(tmp_path, mode):
    path = tmp_path / "token_key.json"
    path.write_text("{}")
    path.chmod(mode)
    with pytest.raises(SettingsError, match=r"others may read .*token_key.json: chmod 600 it"):
        Place(tmp_path).read_secret(path)


def test_a_secret_that_cannot_be_read_is_not_a_secret_that_is_not_there(tmp_path):
    (tmp_path / "dso_keys.json").mkdir(mode=0o700)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        Place(tmp_path).read_secret(tmp_path / "dso_keys.json")
    assert Place(tmp_path).read_secret(tmp_path / "none.json") is None


def test_json_is_written_in_one_step_for_its_owner_only(tmp_path):
    path = tmp_path / "x.json"
    before = os.umask(0)
    try:
        write_json(path, {"a": 1})
    finally:
        os.umask(before)
    assert json.loads(path.read_text()) == {"a": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_the_names_in_a_directory(tmp_path):
    place = Place(tmp_path)
    names = (place.database, place.dso_keys, place.token_key, place.control, place.log)
    assert [p.name for p in names] == [
        "vtn.db",
        "dso_keys.json",
        "token_key.json",
        "control.sock",
        "vtn.log",
    ]
    assert Identity("UKPN", "sandbox", "x") != Identity("UKPN", "sandbox", "y")
