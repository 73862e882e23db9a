"""Asking devices what they do: all at once, each with a time-out, whatever becomes of it."""

import asyncio
from collections.abc import Iterable, Mapping

from ven.device import Device, Measurement


async def measure(
    devices: Mapping[str, Device], assets: Iterable[str], timeout_s: float
) -> dict[str, Measurement | str]:
    """What the device of each asset does, or why it does not answer."""

    async def one(asset_id: str) -> Measurement | str:
        device = devices.get(asset_id)
        if device is None:
            return "there is no such device"
        try:
            async with asyncio.timeout(timeout_s):
                return await device.measure()
        except Exception as error:  # noqa: BLE001 - a device may fail in any way
            return str(error) or type(error).__name__

    ordered = sorted(assets)
    found = await asyncio.gather(*(one(asset_id) for asset_id in ordered))
    return dict(zip(ordered, found, strict=True))
