"""What the FSP's assets could do in time to come: by its file, by its devices, less what it
declared unavailable.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from ukprofile.flex.answer import Unavailability
from ukprofile.receiving import parse_text
from ven.device import Device, Foreseeing
from ven.device.ability import Ability, ForecastError, without
from ven.journal import Book

Forecast = Mapping[str, tuple[Ability, ...]]


@dataclass(frozen=True, slots=True)
class Foresight:
    """What each asset could do until `until`, and which devices did not say.

    Of what ends later nothing can be said by it: that came while the devices were asked.
    """

    able: Forecast
    silent: frozenset[str]
    until: datetime


class Forecaster:
    """Asks file and devices; they may fail in any way, and are asked again another time."""

    def __init__(
        self,
        devices: Mapping[str, Device],
        told: Callable[[], Forecast],
        log: structlog.stdlib.BoundLogger,
        *,
        timeout_s: float,
    ) -> None:
        """`told` is asked each time; what it says stands before what devices say themselves."""
        self._devices = devices
        self._told = told
        self._log = log
        self._timeout_s = timeout_s

    async def look(self, until: datetime) -> Foresight:
        """What each asset could do until then."""
        try:
            told = await asyncio.to_thread(self._told)
        except ForecastError as error:
            self._log.warning("no forecast", why=str(error))
            return Foresight({}, frozenset(self._devices), until)
        found = await asyncio.gather(
            *(
                self._one(asset_id, device, told, until)
                for asset_id, device in self._devices.items()
            )
        )
        able = {asset: steps for asset, steps in found if steps is not None}
        silent = frozenset(asset for asset, steps in found if steps is None)
        return Foresight(able, silent, until)

    async def _one(
        self, asset_id: str, device: Device, told: Forecast, until: datetime
    ) -> tuple[str, tuple[Ability, ...] | None]:
        if asset_id in told or not isinstance(device, Foreseeing):
            return asset_id, told.get(asset_id, ())
        try:
            async with asyncio.timeout(self._timeout_s):
                return asset_id, await device.forecast(until)
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            why = str(error) or type(error).__name__
            self._log.warning("no forecast", asset=asset_id, why=why)
            return asset_id, None


def available(book: Book, forecasts: Mapping[str, Sequence[Ability]]) -> Forecast:
    """The forecasts, without what was declared unavailable: the newest revision of each text."""
    found = {asset: tuple(steps) for asset, steps in forecasts.items()}
    newest = {
        entry.slot: entry
        for entry in sorted(book.of_family("unavailability"), key=lambda entry: entry.revision)
    }
    for entry in newest.values():
        said = Unavailability.read(parse_text(entry.text)["body"])
        named = [a for a in said.assets if said.unit in (a.asset_id, a.asset_group_id)]
        for asset in named or said.assets:  # a flexible unit has a name of its own
            steps = found.get(asset.asset_id, ())
            found[asset.asset_id] = without(steps, said.start, said.end)
    return found
