"""What an agent checks before it starts."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.ven.dso import FSP7, NOON
from tests.waiting import until
from ukprofile.clock import SystemClock
from ukprofile.flex.times import time_text
from ukprofile.receiving import Entry, Slot
from ukprofile.signing import SigningKeys
from ven.agent import run
from ven.equipment import weights_of
from ven.journal import Journal, look
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


async def test_a_clock_set_back_while_it_did_not_run_is_told_of_at_its_start(place):
    """Two hours: the DSO signed something, so it cannot be so early (N40a)."""
    proved = SystemClock().now() + timedelta(hours=2)
    journal = await Journal.open(place.journal)
    await journal.write(lambda book: book.keep(_proof(proved)))
    await journal.close()
    task = asyncio.create_task(run(place))

    def noted() -> str:
        with look(place.journal) as book:
            return book.noted("clock")

    try:
        await until(noted, why="the clock was looked at")
        assert re.match(r"the clock jumped 7,[12]\d\d\.\d s back; ", noted())
        with look(place.journal) as book:
            (told,) = [one for one in book.alarms() if one.reason == "CLOCK_STEP"]
        assert told.at >= proved.replace(microsecond=0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _proof(proved):
    """Something of the DSO's, issued then."""
    body = {"profile": "1.0", "issued_at": time_text(proved), "issuer": "UKPN", "kind": "request"}
    slot = Slot("UKPN", "FSP7", "sandbox", "market:UKPN:OU:Z", "request", "RQ-1")
    return Entry(
        sha256="0" * 64,
        slot=slot,
        kind="request",
        stop=False,
        revision=1,
        text=json.dumps(body),
        signatures=(),
        verdict="refused",
        reason="",
        alarm="",
        answer="",
        issued_at=proved,
        valid_until=proved,
        received_at=proved,
        verified_at=proved,
    )


def test_assets_share_by_their_power():
    assets = (Asset("A", spec="max_w=3000,min_w=-1"), Asset("B", spec="max_w=0,min_w=-5"))
    assert weights_of(replace(SETTINGS, assets=assets)) == {"A": 3000, "B": 1}
