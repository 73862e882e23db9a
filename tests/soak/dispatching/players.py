"""The VTN and its agents, made once for a round: keys, clients, contracts, batteries.

What people do with commands is done here in one process: a round is to kill, not to enrol.
"""

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.soak.dispatching.mortal import Mortal, Nursery
from ukprofile.signing import SigningKeys
from ven.settings import Asset, Place, Settings, key_sets_in, write_whole
from vtn.tell import tell

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
"""The business time at which a round begins: the London day does not end in it."""
DSO = "NORTH"
POLL_S = 0.2
"""Real seconds between two looks of an agent: what the judge counts outages in."""
CAPACITY_W = 1_000_000
_LIVES = timedelta(days=3650)
_BATTERY = "capacity_wh=40000000,energy_wh=20000000,ramp_w_per_s=50000"
_PARTIES = {
    "ACME": (("NORTH-AS-1", "max_w=600000,min_w=-900000,baseline=0:-250000"),),
    "BRIGHT": (
        ("NORTH-AS-2", "max_w=400000,min_w=-500000,baseline=0:0"),
        ("NORTH-AS-3", "max_w=300000,min_w=-400000,baseline=0:-100000"),
    ),
    "CEDAR": (("NORTH-AS-4", "max_w=700000,min_w=-700000,baseline=0:0"),),
}
"""Together they can do less than their contracts allow: some is accepted in part only, and an
instruction beyond it fails at the device."""


def clock_in(folder: Path) -> Path:
    """The file of the business clock of all of them."""
    return folder / "clock"


def contract_of(party: str) -> str:
    return f"{DSO}:FLEX-{party}"


def terms_of(party: str) -> dict[str, Any]:
    """The contract: short notice and short runs, at any time of any day."""
    window = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "start": "00:00",
        "end": "00:00",
        "time_zone": "Europe/London",
        "fold": 0,
    }
    return {
        "contract_id": contract_of(party),
        "zone": "HENDON-WAY",
        "product": "OU",
        "assets": [{"asset_id": asset_id} for asset_id, _ in _PARTIES[party]],
        "capacity_w": CAPACITY_W,
        "windows": [window],
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_to": "2027-12-31T00:00:00Z",
        "notice_s": 30,
        "ramp_s": 60,
        "min_run_s": 60,
        "min_power_w": 10_000,
    }


class Cast:
    """Everybody who may be killed, in the directory of one round."""

    def __init__(self, folder: Path, nursery: Nursery, agents: int, url: str) -> None:
        """`nursery` starts them; agents reach the VTN at `url`."""
        self.folder, self._url = folder, url
        self.parties = tuple(_PARTIES)[:agents]
        self._data = folder / "vtn"
        self.vtn = Mortal(
            "vtn", nursery, folder, "vtn", "serve", "--data-dir", self._data, "--sandbox",
            "--listen", "127.0.0.1:0", "--dso", DSO, "--public-url", url,
            "--clock", clock_in(folder),
        )  # fmt: skip
        self.agents = [
            Mortal(party.lower(), nursery, folder, "ven", "run", self.home(party))
            for party in self.parties
        ]
        self.desk: dict[str, str] = {}
        """Client id and secret of the business logic."""

    @property
    def everybody(self) -> list[Mortal]:
        return [self.vtn, *self.agents]

    def home(self, party: str) -> Path:
        return self.folder / party.lower()

    def where(self) -> str:
        """At which URL the VTN itself listens now; "" while it does not."""
        return str(self.vtn.said().get("url", ""))

    async def set_up(self) -> None:
        """Start the VTN, let everybody get to know everybody, start the agents."""
        await self.vtn.start()
        await self.vtn.ready()
        await asyncio.to_thread(self._enrol)
        for agent in self.agents:
            await agent.start()

    def _enrol(self) -> None:
        client = tell(self._data, "clients.add", {"name": "desk", "role": "bl"})
        self.desk = {name: client[name] for name in ("client_id", "client_secret")}
        published = self.folder / "dso_public.json"
        published.write_text(json.dumps(tell(self._data, "keys.own", {})))
        for party in self.parties:
            place = Place(self.home(party))
            keys = SigningKeys.generate(
                f"{party}-1", party, "ven", START - _LIVES, START + _LIVES, secrets.token_bytes,
                suite=1,
            )  # fmt: skip
            tell(self._data, "keys.add", {"key_set": json.dumps(keys.public().to_json())})
            client = tell(self._data, "clients.add", {"name": party, "role": "ven"})
            given = {"terms": json.dumps(terms_of(party)), "provider": party}
            tell(self._data, "contracts.add", given)
            place.make(self._settings(party, client["client_id"]), keys)
            write_whole(place.secret, client["client_secret"] + "\n", mode=0o600)
            for key_set in key_sets_in(published):
                place.pin(key_set)

    def _settings(self, party: str, client_id: str) -> Settings:
        return Settings(
            party=party,
            environment="sandbox",
            assets=tuple(Asset(a, "simulated", f"{_BATTERY},{b}") for a, b in _PARTIES[party]),
            vtn=self._url,
            client_id=client_id,
            clock=str(clock_in(self.folder)),
            poll_s=POLL_S,
            heartbeat_s=1.0,
            timeout_s=2.0,
            reading_s=300,
        )
