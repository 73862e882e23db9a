"""What the settings name beside the VTN: the business clock, and the devices."""

from collections.abc import Mapping
from pathlib import Path

from ukprofile.clock import Clock, SharedClock, WatchedClock
from ven.device.ability import Ability, read_forecast
from ven.device.simulated import SimulatedBattery
from ven.offer import Nature, Terms
from ven.settings import Place, Settings, SettingsError


def business_clock(settings: Settings) -> Clock:
    """The clock dispatches go by. Raises SettingsError."""
    if not settings.clock:
        return WatchedClock()
    try:
        return SharedClock(Path(settings.clock))
    except (OSError, ValueError) as error:
        raise SettingsError(f"the business clock {settings.clock}: {error}") from error


def batteries(place: Place, settings: Settings, clock: Clock) -> dict[str, SimulatedBattery]:
    """The device behind each asset. Only their own logs are read."""
    return {
        asset.id: SimulatedBattery(
            asset.id, asset.battery(), clock, place.devices / f"{asset.id}.jsonl"
        )
        for asset in settings.assets
    }


def forecast_of(settings: Settings) -> Mapping[str, tuple[Ability, ...]]:
    """What the forecast file says, by asset; nothing without one. Raises ForecastError."""
    return read_forecast(Path(settings.forecast)) if settings.forecast else {}


def offer_terms(settings: Settings) -> Terms | None:
    """On what terms offers are made; None = none are."""
    if not settings.offer_price:
        return None
    return Terms(
        settings.price(),
        settings.asset_class,
        settings.energy_source,
        {asset_id: Nature(*said) for asset_id, said in settings.natures().items()},
        settings.confidence_percent or None,
    )


def weights_of(settings: Settings) -> Mapping[str, int]:
    """How the assets share a dispatch: by the power they have."""
    return {asset.id: max(1, asset.battery().max_w) for asset in settings.assets}
