"""What the agent asks of a device, and nothing more: take a command, say what you do.

    Command   "from 16:30 until 18:00 hold +1,000,000 W against your baseline"
              absolute   it states the whole desired state, never a change of the last command
              expiring   after `valid_to` the device goes back to its baseline by itself, so an
                         agent that died leaves nothing running
              idempotent the same id again changes nothing, so an agent that is not sure sends
                         it again

A newer command replaces whatever an older one says from its own `valid_from` on. A command
without power lets the device go back to its baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from ukprofile.errors import ProfileError
from ven.device.ability import Ability


class DeviceError(ProfileError):
    """The device cannot do, or did not confirm, what was asked; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """Hold a power for `valid_from <= t < valid_to` (aware, UTC; business time).

    Watts at the connection point, + = export. Exactly one of `setpoint_w` (absolute) and
    `delta_w` (against the device's baseline, as it goes), or neither: back to the baseline.
    `id` is made from all the rest (`ven.plan.command_key`), and a number where the same thing is
    said again after something else was.
    `threads` are the dispatches it serves.
    """

    id: str
    asset_id: str
    valid_from: datetime
    valid_to: datetime
    setpoint_w: int | None = None
    delta_w: int | None = None
    threads: tuple[str, ...] = ()

    @property
    def releases(self) -> bool:
        """Whether it only ends what an earlier command asked for."""
        return self.setpoint_w is None and self.delta_w is None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a device does at `at`: watts (+ = export), and what it would do by itself.

    `command_id` is the command in force ("" = none). `short` says why it does not hold what was
    asked ("" = it does): empty, full, beyond its limits. `exported_ws` is its energy counter in
    watt-seconds, which rises as it exports and falls as it imports; None = it has none.
    """

    at: datetime
    power_w: int
    baseline_w: int
    command_id: str = ""
    short: str = ""
    exported_ws: int | None = None


class Device(Protocol):
    """One asset. Every call may take time and may fail; the agent sets the time-outs."""

    async def apply(self, command: Command) -> None:
        """Take `command` and return once it is in force or safely kept until `valid_from`.

        The same id again returns at once. Raises DeviceError when it cannot be done at all.
        """
        ...

    async def measure(self) -> Measurement:
        """What the device does now. Raises DeviceError when it does not answer."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """A device that knows what it could be asked for in time to come."""

    async def forecast(self, until: datetime) -> tuple[Ability, ...]:
        """What it could do from now until `until`, if nothing were asked of it before."""
        ...


@runtime_checkable
class Baselined(Protocol):
    """A device that also knows what it would do by itself in time to come."""

    async def baseline(self, start: datetime, interval_s: int, count: int) -> tuple[int, ...]:
        """Mean watts (+ = export) of each of `count` intervals from `start` on."""
        ...


def in_force(commands: Sequence[Command], at: datetime) -> Command | None:
    """The command that counts at `at`, of `commands` in the order the device took them.

    The newest one that has begun, unless it has ended: what it replaced does not come back.
    """
    newest = next((c for c in reversed(commands) if c.valid_from <= at), None)
    return newest if newest is not None and at < newest.valid_to else None
