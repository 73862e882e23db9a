"""The agent's directory: what lies in it, how it is made, how it is read.

    DIR/settings.toml     who I am, where the VTN is, my assets; a person may edit it
    DIR/keys.json         my signing keys, private halves too                        0600
    DIR/public.json       my public key set: what the DSO enrols
    DIR/dso/NAME.json     the DSO's public key sets, pinned; nothing else is trusted
    DIR/client_secret     the OAuth client's secret                                  0600
    DIR/inbox/            what a person wants said: the agent takes it and clears it away
    DIR/clock-vouched     a person says that the clock is right: the agent clears it away
    DIR/journal.db        what was received, decided, planned, sent (`ukven journal`)
    DIR/devices/ASSET.jsonl    what a simulated device was told, and when it took it
    DIR/agent.log         structured log, one JSON object a line

Nothing is read from the environment and nothing is fetched: what is not in the directory does
not count.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal
from urllib.parse import urlsplit

from ukprofile.errors import ProfileError, Refused
from ukprofile.flex.common import Price
from ukprofile.flex.currency import CURRENCIES
from ukprofile.loopback import is_loopback
from ukprofile.signing import SigningKeys
from ukprofile.trust import KeySet, Register
from ven.device.simulated import Battery
from ven.fleet import Dialect, Fleet

Environment = Literal["sandbox", "production"]

HALF_HOUR_S = 1800
OF_CONTRACT = "contract"
"""As the price of offers: each contract's own."""
_OFFERED_AS = re.compile(
    r"(?P<id>[A-Za-z0-9_.:-]{1,64})=(?P<made>[A-Za-z0-9_.-]{1,64}):(?P<source>[ -9;-~]{1,64})"
    r"(:(?P<ghg>[0-9]{1,9}))?"
)
_PARTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ASSET = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class SettingsError(ProfileError):
    """The directory or a setting is wrong; the text says which, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset by the DSO's id, and the device behind it: `kind` "simulated", `spec` its own."""

    id: str
    kind: Literal["simulated"] = "simulated"
    spec: str = ""

    @classmethod
    def read(cls, text: str) -> "Asset":
        """`ID` or `ID=simulated:capacity_wh=4000000,...`. Raises SettingsError."""
        id_, _, device = text.partition("=")
        kind, _, spec = device.partition(":")
        if _ASSET.fullmatch(id_) is None:
            raise SettingsError(f"{id_!r} is no asset id: letters, digits, . _ -")
        if kind not in ("", "simulated"):
            raise SettingsError(f"there is no device {kind!r}: only simulated, so far")
        asset = cls(id_, "simulated", spec)
        asset.battery()
        return asset

    def battery(self) -> Battery:
        """What the specification describes. Raises SettingsError."""
        try:
            return Battery.read(self.spec)
        except ValueError as error:
            raise SettingsError(f"asset {self.id}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the agent is told. Lengths are real seconds, whatever the business clock does."""

    party: str
    environment: Environment
    assets: tuple[Asset, ...]
    vtn: str = ""
    client_id: str = ""
    suite: int = 1
    """The suite our own messages are signed with; 2 needs the ML-DSA-65 half of the key set."""
    suite_floor: int = 1
    """The lowest suite taken from the DSO."""
    clock: str = ""
    """The file of a shared business clock ("" = the machine's)."""
    poll_s: float = 5.0
    """Between two looks at the events; the VTN may ask for more (Retry-After)."""
    heartbeat_s: float = 60.0
    """Between two heartbeats; told to the DSO as UPDATE_INTERVAL_SECONDS."""
    timeout_s: float = 30.0
    """For one request to the VTN, all in all."""
    device_timeout_s: float = 10.0
    """For one call to a device."""
    policy: str = "able"
    """Who answers schedules and increases: able, accept, or module:Class of the FSP's own."""
    offer_price: str = ""
    """Price of our offers, GBP:21000:500 = pence per MWh : pence per MW and hour; "contract" = each
    contract's own; "" = we make none."""
    asset_class: str = "unknown"
    """Make and model of our assets, as offers name them (requirement A7)."""
    energy_source: str = "Storage"
    """A word of the list of licence condition 31E, as offers name it."""
    offered_as: tuple[str, ...] = ()
    """Assets that differ: ASSET=CLASS:SOURCE[:GHG], GHG in grams of CO2 equivalent per kWh."""
    confidence_percent: int = 0
    """How sure we are of what we offer; 0 = not said."""
    forecast: str = ""
    """A file that says what our assets can do, in place of what their devices say themselves."""
    reading_s: int = 60
    """The length of a reading, in business seconds; half an hour holds a whole number of them."""
    telemetry: bool = False
    """Whether the VTN is shown the readings of the day as they come: unsigned, no evidence."""
    post_action_after_s: float = 0.0
    """Business seconds after the half hour in which a dispatch ended until its post-action is
    sent; 0 = once the London day is over."""
    post_action_interval_s: int = HALF_HOUR_S
    """The length of its intervals; a settlement period, or shorter where the contract wants it."""
    nominate_baseline: bool = False
    """Whether each day's baseline is nominated from what the devices would do by themselves."""
    allow_token_hosts: tuple[str, ...] = ()
    """Hosts other than the VTN's that may be asked for a token."""
    dialect: Dialect = "uk"
    """What the DSO sends; gb-draft is unsigned, and trusts the transport alone."""
    asset_groups: tuple[str, ...] = ()
    """`GROUP=ASSET,ASSET`: what a DSO of the gb-draft dialect means by the name of a group."""
    ca_file: str = ""
    """A certificate authority to trust beside the system's; never a way to trust everybody."""

    @property
    def enrolled(self) -> bool:
        """Whether the agent knows where to go and who it is there."""
        return bool(self.vtn and self.client_id)

    @property
    def fleet(self) -> Fleet:
        """My assets and their groups. Raises SettingsError."""
        assets = tuple(asset.id for asset in self.assets)
        groups: dict[str, tuple[str, ...]] = {}
        for text in self.asset_groups:
            group, _, named = text.partition("=")
            members = tuple(named.split(","))
            if _ASSET.fullmatch(group) is None or not set(members) <= set(assets):
                raise SettingsError(f"{text!r} is no group of my assets: GROUP=ASSET,ASSET")
            groups[group] = members
        return Fleet(assets, groups)

    def check(self) -> "Settings":
        """Itself, if every value can be used. Raises SettingsError."""
        if _PARTY.fullmatch(self.party) is None:
            raise SettingsError(f"{self.party!r} is no party id: letters, digits, . _ -")
        if self.environment not in ("sandbox", "production"):
            raise SettingsError("environment is sandbox or production")
        if self.suite not in (1, 2) or self.suite_floor not in (1, 2):
            raise SettingsError("suite and suite_floor are 1 or 2")
        ids = [asset.id for asset in self.assets]
        if len(set(ids)) != len(ids):
            raise SettingsError("an asset stands twice")
        if self.dialect not in ("uk", "gb-draft"):
            raise SettingsError("dialect is uk or gb-draft")
        _ = self.fleet  # every group can be read
        for name in ("poll_s", "heartbeat_s", "timeout_s", "device_timeout_s"):
            if not 0 < getattr(self, name) <= 3600:
                raise SettingsError(f"{name} lies between 0 and 3600 seconds")
        if not 0 < self.reading_s <= HALF_HOUR_S or HALF_HOUR_S % self.reading_s:
            raise SettingsError("reading_s divides half an hour: 60, 300, 1800 ...")
        longer = self.post_action_interval_s
        if not 0 < longer <= HALF_HOUR_S or HALF_HOUR_S % longer or longer % self.reading_s:
            raise SettingsError("post_action_interval_s divides half an hour into whole readings")
        if not 0 <= self.post_action_after_s <= 86_400:
            raise SettingsError("post_action_after_s lies between 0 and 86400 seconds")
        if self.vtn:
            check_url(self.vtn)
        self.price()
        if _OFFERED_AS.fullmatch(f"usual={self.asset_class}:{self.energy_source}") is None:
            raise SettingsError("asset_class is one word, energy_source a few, without a colon")
        if not 0 <= self.confidence_percent <= 100:
            raise SettingsError("confidence_percent lies between 0 and 100")
        for asset_id in self.natures().keys() - set(ids):
            raise SettingsError(f"offered_as: {asset_id!r} is none of the assets")
        return self

    def natures(self) -> Mapping[str, tuple[str, str, int | None]]:
        """Class, energy source and greenhouse gas of assets that differ. Raises SettingsError."""
        found = {}
        for text in self.offered_as:
            read = _OFFERED_AS.fullmatch(text)
            if read is None:
                raise SettingsError(f"offered_as: {text!r} is not ASSET=CLASS:SOURCE[:GHG]")
            ghg = read["ghg"]
            found[read["id"]] = (read["made"], read["source"], None if ghg is None else int(ghg))
        return found

    def price(self) -> Price | None:
        """The price of our offers; None = none of our own. Raises SettingsError."""
        if self.offer_price in ("", OF_CONTRACT):
            return None
        currency, *numbers = self.offer_price.split(":")
        if currency not in CURRENCIES or len(numbers) not in (1, 2):
            raise SettingsError(
                "offer_price is CURRENCY:PENCE_PER_MWH[:PENCE_PER_MW_AND_HOUR], or contract"
            )
        if not all(number.isascii() and number.isdigit() for number in numbers):
            raise SettingsError(f"offer_price {self.offer_price!r}: whole smallest units are due")
        return Price(currency, *map(int, numbers))


def check_url(url: str) -> str:
    """`url`, if a secret may travel to it: https, or http to this very machine.

    Raises SettingsError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{url!r} is no http(s) URL of a VTN")
    if parts.username or parts.query or parts.fragment:
        raise SettingsError("the VTN's URL holds no user, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingsError(f"plain http only to this machine: use https for {parts.hostname}")
    return url


@dataclass(frozen=True, slots=True)
class Place:
    """The agent's directory, and the names in it."""

    path: Path

    @property
    def settings(self) -> Path:
        return self.path / "settings.toml"

    @property
    def keys(self) -> Path:
        return self.path / "keys.json"

    @property
    def public(self) -> Path:
        return self.path / "public.json"

    @property
    def dso(self) -> Path:
        return self.path / "dso"

    @property
    def secret(self) -> Path:
        return self.path / "client_secret"

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def inbox(self) -> Path:
        return self.path / "inbox"

    @property
    def clock_vouched(self) -> Path:
        return self.path / "clock-vouched"

    @property
    def devices(self) -> Path:
        return self.path / "devices"

    @property
    def log(self) -> Path:
        return self.path / "agent.log"

    def make(self, settings: Settings, keys: SigningKeys) -> None:
        """Lay the directory out for a new agent. Raises SettingsError where one is already."""
        if self.settings.exists() or self.keys.exists():
            raise SettingsError(f"{self.path} already holds an agent: choose another directory")
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.dso.mkdir(exist_ok=True)
        self.devices.mkdir(exist_ok=True)
        write_whole(self.keys, _pretty(keys.to_json()), mode=0o600)
        write_whole(self.public, _pretty(keys.public().to_json()))
        self.save(settings)

    def save(self, settings: Settings) -> None:
        """Write the settings, checked. Raises SettingsError."""
        write_whole(self.settings, _toml(settings.check()))

    def load(self) -> Settings:
        """Read the settings. Raises SettingsError, naming the setting that is wrong."""
        try:
            found = tomllib.loads(self.settings.read_text())
        except FileNotFoundError:
            raise SettingsError(f"no agent in {self.path}: make one with ukven init") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.settings}: {error}") from error
        return _read(found).check()

    def load_keys(self) -> SigningKeys:
        """My signing keys. Raises SettingsError, also when others may read them."""
        if self.keys.stat().st_mode & 0o077:
            raise SettingsError(f"others may read {self.keys}: chmod 600 it, or make new keys")
        return SigningKeys.from_json(_json(self.keys))

    def pin(self, key_set: KeySet) -> None:
        """Trust `key_set` from now on. Raises SettingsError for one that is not a DSO's."""
        if key_set.role != "dso":
            raise SettingsError(f"{key_set.key_set} is not a DSO's key set")
        self.dso.mkdir(exist_ok=True)
        write_whole(self.dso / f"{key_set.key_set}.json", _pretty(key_set.to_json()))

    def load_register(self, settings: Settings) -> Register:
        """Every pinned key set of the DSO. Raises SettingsError."""
        register = Register(settings.environment)
        for path in sorted(self.dso.glob("*.json")):
            try:
                key_set = KeySet.from_json(_json(path))
                register = register.with_key_set(key_set)
            except Refused as refused:
                raise SettingsError(f"{path}: {refused}") from refused
            register = register.raise_floor(key_set.party, settings.suite_floor)
        return register

    def load_secret(self) -> str:
        """The OAuth client's secret. Raises SettingsError."""
        try:
            return self.secret.read_text().strip()
        except FileNotFoundError:
            raise SettingsError("not enrolled yet: ukven enrol --secret-file ...") from None


def key_sets_in(path: Path) -> tuple[KeySet, ...]:
    """The public key set in a file, or every DSO's of a file with several (`key_sets`).

    Raises SettingsError.
    """
    try:
        value = _json(path)
        found: Iterable[Any] = value.get("key_sets", [value])
        sets = [KeySet.from_json(one) for one in found]
    except (OSError, Refused, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    mine = tuple(one for one in sets if one.role == "dso")
    if not mine:
        raise SettingsError(f"{path} holds no key set of a DSO")
    return mine


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace `path` by `text` in one step; a reader sees the old or the new, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(found: Mapping[str, Any]) -> Settings:
    known = {field.name for field in fields(Settings)}
    for name in found.keys() - known:
        raise SettingsError(f"there is no setting {name!r}: {', '.join(sorted(known))}")
    for name in ("party", "environment"):
        if name not in found:
            raise SettingsError(f"the setting {name!r} is missing")
    values = dict(found)
    values["assets"] = tuple(Asset.read(text) for text in _texts(found, "assets"))
    for name in ("allow_token_hosts", "asset_groups", "offered_as"):
        values[name] = _texts(found, name)
    for field in fields(Settings):
        value = values.get(field.name)
        if field.type in (str, Environment, Dialect) and not isinstance(value, str | None):
            raise SettingsError(f"{field.name} must be text")
        if field.type is bool and not isinstance(value, bool | None):
            raise SettingsError(f"{field.name} must be true or false")
        if field.type is int and type(value) not in (int, NoneType):
            raise SettingsError(f"{field.name} must be a whole number")
        if field.type is float and type(value) not in (int, float, NoneType):
            raise SettingsError(f"{field.name} must be a number")
    return Settings(**values)


def _texts(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = found.get(name, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise SettingsError(f"{name} must be a list of texts")
    return tuple(value)


def _toml(settings: Settings) -> str:
    """The settings with a word on each; a JSON string is a TOML string, a list too."""
    assets = [f"{a.id}={a.kind}:{a.spec}" if a.spec else a.id for a in settings.assets]
    values: dict[str, Any] = {f.name: getattr(settings, f.name) for f in fields(settings)}
    lists = {
        name: list(getattr(settings, name))
        for name in ("allow_token_hosts", "asset_groups", "offered_as")
    }
    values |= {"assets": assets, **lists}
    lines = ["# Settings of a ukven agent. `ukven run` reads them once, when it starts.", ""]
    for name, value in values.items():
        lines += [f"# {_HELP[name]}", f"{name} = {json.dumps(value)}", ""]
    return "\n".join(lines)


_HELP = {
    "party": "My party id, as the DSO enrolled it; also the name of my ven.",
    "environment": "sandbox or production; messages of the other one are refused.",
    "assets": "Asset ids as the DSO names them, each with its device after =.",
    "vtn": "The base URL of the VTN; https, or http to this machine only.",
    "client_id": "My OAuth client at the VTN; its secret is in client_secret.",
    "suite": "Signature suite of my own messages: 1 = Ed25519, 2 = Ed25519 and ML-DSA-65.",
    "suite_floor": "Lowest suite taken from the DSO; it should only ever rise.",
    "clock": 'File of a shared business clock, for rehearsals; "" is the time of day.',
    "poll_s": "Seconds between two looks at the events.",
    "heartbeat_s": "Seconds between two heartbeats.",
    "timeout_s": "Seconds one request to the VTN may take.",
    "device_timeout_s": "Seconds one call to a device may take.",
    "policy": "Who answers schedules and increases: able, accept, or module:Class of your own.",
    "offer_price": "Of offers, GBP:21000:500: pence per MWh/MW h; contract = its; empty: none.",
    "asset_class": "Make and model of the assets, as offers name them.",
    "energy_source": "A word of the list of licence condition 31E, as offers name it.",
    "offered_as": "Assets that differ from that: ASSET=CLASS:SOURCE[:GHG], GHG in g CO2e/kWh.",
    "confidence_percent": "How sure offers are, 1 to 100; 0 = not said.",
    "forecast": "A CSV file of what the assets can do, read each time; empty = the devices say it.",
    "reading_s": "Seconds one reading of a device is long: 60, 300, 1800 ...",
    "telemetry": "Whether the VTN is shown the readings of the day as they come.",
    "post_action_after_s": "Seconds from the end of a run to its post-action; 0 = after the day.",
    "post_action_interval_s": "Seconds one interval of a post-action is long: 1800, 60 ...",
    "nominate_baseline": "Whether each day's baseline is nominated from what the devices say.",
    "allow_token_hosts": "Hosts other than the VTN's that may give out tokens.",
    "dialect": "uk: signed messages; gb-draft: the draft GB API alone, unsigned.",
    "asset_groups": "With gb-draft: GROUP=ASSET,ASSET for each asset group of the DSO.",
    "ca_file": "A certificate authority (PEM) to trust beside the system's.",
}


def with_texts(settings: Settings, texts: Iterable[str]) -> Settings:
    """`settings` with changes written as in the file, `poll_s=2` or `offer_price=GBP:21000`.

    Raises SettingsError, naming what is wrong.
    """
    types = {field.name: field.type for field in fields(settings)}
    changes: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or types.get(name) not in (str, int, float, bool):
            known = ", ".join(n for n, t in types.items() if t in (str, int, float, bool))
            raise SettingsError(f"{text!r} sets nothing: NAME=VALUE, with one of {known}")
        changes[name] = _typed(name, types[name], value)
    return replace(settings, **changes).check()


def _typed(name: str, kind: Any, text: str) -> Any:
    if kind is bool:
        if text not in ("true", "false"):
            raise SettingsError(f"{name} is true or false")
        return text == "true"
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {text!r}") from None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def with_enrolment(settings: Settings, **changes: Any) -> Settings:
    """`settings` with those changes that were given (not None), checked. Raises SettingsError."""
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(settings, **given).check()
