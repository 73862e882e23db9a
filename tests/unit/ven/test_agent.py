"""What an agent checks before it starts."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.ven.dso import FSP7, NOON
from ukprofile.signing import SigningKeys
from ven.agent import run
from ven.equipment import weights_of
from ven.settings import Asset, Place, Settings, SettingsError, write_whole

DSO = SigningKeys.generate(
    "UKPN-1", "UKPN", "dso", NOON, NOON + timedelta(days=1), lambda n: b"d" * n
)
SETTINGS = Settings(
    party="FSP7",
    environment="sandbox",
    assets=(Asset("A"),),
    vtn="http://127.0.0.1:9",
    client_id="fsp7",
)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "agent")
    made.make(SETTINGS, FSP7)
    made.pin(DSO.public())
    write_whole(made.secret, "secret\n", mode=0o600)
    return made


async def test_it_must_be_enrolled(place):
    place.save(replace(SETTINGS, vtn=""))
    with pytest.raises(SettingsError, match="ukven enrol"):
        await run(place)


async def test_it_must_trust_a_dso(place):
    for pinned in place.dso.iterdir():
        pinned.unlink()
    with pytest.raises(SettingsError, match="no DSO is trusted"):
        await run(place)


async def test_its_keys_must_be_its_own_and_fit_the_suite(place):
    place.save(replace(SETTINGS, suite=2))
    with pytest.raises(SettingsError, match="ML-DSA-65"):
        await run(place)
    place.save(SETTINGS)
    other = replace(FSP7, party="FSP8")
    write_whole(place.keys, json.dumps(other.to_json()), mode=0o600)
    with pytest.raises(SettingsError, match="FSP8's"):
        await run(place)


async def test_a_clock_that_is_not_there_is_named(place):
    place.save(replace(SETTINGS, clock="/nowhere/clock"))
    with pytest.raises(SettingsError, match="/nowhere/clock"):
        await run(place)


async def test_a_certificate_authority_that_is_not_there_is_named(place):
    place.save(replace(SETTINGS, ca_file="/nowhere/ca.pem"))
    with pytest.raises(SettingsError, match=r"/nowhere/ca\.pem"):
        await run(place)


def test_assets_share_by_their_power():
    assets = (Asset("A", spec="max_w=3000,min_w=-1"), Asset("B", spec="max_w=0,min_w=-5"))
    assert weights_of(replace(SETTINGS, assets=assets)) == {"A": 3000, "B": 1}
