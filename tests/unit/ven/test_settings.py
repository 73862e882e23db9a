"""The agent's directory: modes, round trips, and refusals that say what to do."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ukprofile.flex.common import Price
from ukprofile.signing import SigningKeys
from ven.device.simulated import Battery
from ven.equipment import offer_terms
from ven.fleet import Fleet
from ven.offer import Nature
from ven.settings import Asset, Place, Settings, SettingsError, check_url, key_sets_in

FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
KEYS = SigningKeys.generate("FSP7-1", "FSP7", "ven", FROM, TO, secrets.token_bytes)
DSO = SigningKeys.generate("UKPN-1", "UKPN", "dso", FROM, TO, secrets.token_bytes)
PLAIN = Settings(party="FSP7", environment="sandbox", assets=(Asset("A1"),))


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path / "agent")
    made.make(PLAIN, KEYS)
    return made


def test_what_is_saved_is_read_again(place):
    settings = Settings(
        party="FSP7",
        environment="production",
        assets=(Asset("A1"), Asset("A2", spec="max_w=5,baseline=0:-1/16:-3")),
        vtn="https://vtn.example/openadr3/3.1",
        client_id='odd "name"\\',
        suite=2,
        poll_s=0.25,
        allow_token_hosts=("login.example",),
        dialect="gb-draft",
        asset_groups=("G1=A1,A2", "G2=A2"),
    )
    place.save(settings)
    assert place.load() == settings
    assert place.load().fleet == Fleet(("A1", "A2"), {"G1": ("A1", "A2"), "G2": ("A2",)})
    assert PLAIN.dialect == "uk"
    assert place.load().enrolled
    assert not PLAIN.enrolled


def test_on_what_terms_is_offered():
    settings = Settings(
        party="FSP7",
        environment="sandbox",
        assets=(Asset("A1"), Asset("A2")),
        offer_price="GBP:21000:500",
        asset_class="ACME-B1",
        offered_as=("A2=ACME-EVSE-G2:Demand side:0",),
        confidence_percent=92,
    ).check()
    terms = offer_terms(settings)
    assert terms is not None
    assert terms.price == Price("GBP", 21_000, 500)
    assert terms.nature("A1") == Nature("ACME-B1", "Storage", None)
    assert terms.nature("A2") == Nature("ACME-EVSE-G2", "Demand side", 0)
    assert terms.confidence_percent == 92
    assert offer_terms(PLAIN) is None
    of_contract = offer_terms(replace(PLAIN, offer_price="contract").check())
    assert of_contract is not None
    assert of_contract.price is None


def test_private_halves_are_private_and_stay_in_one_file(place):
    assert place.keys.stat().st_mode & 0o777 == 0o600
    assert "seed" not in place.public.read_text()
    assert place.load_keys() == KEYS
    place.keys.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        place.load_keys()


def test_a_second_agent_in_one_directory_is_refused(place):
    with pytest.raises(SettingsError, match="already holds an agent"):
        place.make(PLAIN, KEYS)


def test_pinned_sets_make_the_register(place):
    place.pin(DSO.public())
    register = place.load_register(place.load())
    assert [k.key_set for k in register] == ["UKPN-1"]
    assert register.environment == "sandbox"
    with pytest.raises(SettingsError, match="not a DSO"):
        place.pin(KEYS.public())


def test_the_floor_is_raised_for_every_pinned_party(place):
    place.pin(DSO.public())
    place.save(Settings(party="FSP7", environment="sandbox", assets=(), suite_floor=2))
    assert place.load_register(place.load()).floor("UKPN") == 2


def test_published_test_keys_are_refused_in_production(place):
    published = SigningKeys.sandbox("UKPN-sandbox-1", "UKPN", "dso", FROM, TO).public()
    place.pin(published)
    place.load_register(place.load())
    place.save(Settings(party="FSP7", environment="production", assets=()))
    with pytest.raises(SettingsError, match="published test key"):
        place.load_register(place.load())


def test_a_file_may_hold_one_set_or_several(tmp_path):
    one, many, none = (tmp_path / name for name in ("one", "many", "none"))
    one.write_text(json.dumps(DSO.public().to_json()))
    many.write_text(json.dumps({"key_sets": [DSO.public().to_json(), KEYS.public().to_json()]}))
    none.write_text(json.dumps(KEYS.public().to_json()))
    assert key_sets_in(one) == key_sets_in(many) == (DSO.public(),)
    with pytest.raises(SettingsError, match="no key set of a DSO"):
        key_sets_in(none)
    none.write_text("{")
    with pytest.raises(SettingsError, match="not JSON"):
        key_sets_in(none)


@pytest.mark.parametrize(
    "url", ["https://vtn.example/x", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"]
)
def test_urls_a_secret_may_travel_to(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://vtn.example",
        "http://127.0.0.1.evil.example",
        "ftp://vtn.example",
        "vtn.example",
        "https://user:pw@vtn.example",
        "https://vtn.example/?a=b",
    ],
)
def test_urls_it_may_not(url):
    with pytest.raises(SettingsError):
        check_url(url)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("colour = 1", "no setting 'colour'"),
        ("poll_s = 0", "poll_s"),
        ('poll_s = "x"', "number"),
        ("party = 5", "text"),
        ('environment = "test"', "sandbox or production"),
        ('assets = ["A1", "A1"]', "twice"),
        ('assets = ["A1=modbus:x"]', "no device 'modbus'"),
        ('assets = ["A1=simulated:x=1"]', "no 'x'"),
        ("suite = 3", "1 or 2"),
        ("suite = 1.5", "whole number"),
        ("reading_s = 7", "divides half an hour"),
        ("reading_s = 3600", "divides half an hour"),
        ("reading_s = 60.0", "whole number"),
        ("post_action_interval_s = 90", "whole readings"),
        ("post_action_after_s = -1", "post_action_after_s"),
        ('telemetry = "yes"', "true or false"),
        ("nominate_baseline = 1", "true or false"),
        ('dialect = "openadr"', "uk or gb-draft"),
        ("dialect = 1", "text"),
        ('asset_groups = ["G1=A9"]', "'G1=A9' is no group of my assets"),
        ('asset_groups = ["G1"]', "GROUP=ASSET,ASSET"),
        ('offered_as = ["A1=EVSE"]', "ASSET=CLASS:SOURCE"),
        ('offered_as = ["A9=EVSE:Demand"]', "none of the assets"),
        ('asset_class = "two words"', "asset_class"),
        ('energy_source = "Wärme"', "energy_source"),
        ("confidence_percent = 101", "between 0 and 100"),
        ('offer_price = "GBP"', "offer_price"),
        ("nonsense", "settings.toml"),
    ],
)
def test_a_wrong_setting_is_named(place, line, why):
    name = line.split(" ")[0]
    kept = [text for text in place.settings.read_text().splitlines() if not text.startswith(name)]
    place.settings.write_text("\n".join([*kept, line]))
    with pytest.raises(SettingsError, match=why):
        place.load()


def test_no_agent_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingsError, match="ukven init"):
        Place(tmp_path).load()


def test_devices_are_described_after_the_asset():
    asset = Asset.read("A1=simulated:max_w=5,min_w=-5")
    assert asset.battery() == Battery(max_w=5, min_w=-5)
    assert Asset.read("A1").battery() == Battery()
    with pytest.raises(SettingsError, match="no asset id"):
        Asset.read("a/../b")
