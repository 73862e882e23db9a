"""A battery that is not there: it charges, discharges, ramps and runs empty by the clock.

    power        target ┌──────────────┐
    (+ export)        ／                ＼ ramp_w_per_s
    baseline ───────┘                    └────────
                 valid_from         valid_to

Its state is a function of its log: a file of JSON lines, one per command, appended and synced
before the command counts. After a crash the battery is rebuilt from the log and runs on to the
present, so a command sent twice is still taken once. Whoever checks a dispatch afterwards reads
the same file.

    {"at": "...Z", "id": "...", "asset_id": "...", "from": "...Z", "to": "...Z", "setpoint_w": null,
     "delta_w": 1000000, "baseline_w": -250000, "target_w": 750000, "threads": ["DSP-0001"],
     "energy_wh": 3200000, "power_w": -250000}

`at` is when it was applied, `energy_wh` and `power_w` what the battery held and did just then.
"""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ukprofile.clock import Clock
from ven.device import Command, DeviceError, Measurement, in_force
from ven.device.ability import Ability

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Battery:
    """What kind of battery: watts, watt-hours, watts per second; powers + = export.

    `baseline` is what it does unasked, as (hour of the UTC day, watts) steps in order, the first
    at hour 0. `min_w` is its greatest import, a negative number.
    """

    capacity_wh: int = 4_000_000
    energy_wh: int = 3_200_000
    max_w: int = 2_000_000
    min_w: int = -2_000_000
    ramp_w_per_s: int = 50_000
    baseline: tuple[tuple[int, int], ...] = ((0, 0),)

    def __post_init__(self) -> None:
        if not (0 <= self.energy_wh <= self.capacity_wh and self.capacity_wh > 0):
            raise ValueError("energy_wh lies between 0 and capacity_wh")
        if not (self.min_w <= 0 <= self.max_w and self.ramp_w_per_s > 0):
            raise ValueError("min_w <= 0 <= max_w, and ramp_w_per_s above 0")
        hours = [hour for hour, _ in self.baseline]
        if hours != sorted(set(hours)) or hours[:1] != [0] or hours[-1] > 23:
            raise ValueError("baseline steps begin at hour 0 and rise, up to hour 23")

    @classmethod
    def read(cls, spec: str) -> "Battery":
        """`capacity_wh=4000000,max_w=2000000,baseline=0:-100000/16:-300000`; "" = the usual one.

        Raises ValueError, saying what is wrong.
        """
        found: dict[str, Any] = {}
        for part in filter(None, spec.split(",")):
            name, _, value = part.partition("=")
            if name == "baseline":
                found[name] = tuple(_step(step) for step in value.split("/"))
            elif name in cls.__slots__:
                found[name] = int(value)
            else:
                known = ", ".join(cls.__slots__)
                raise ValueError(f"a simulated battery has no {name!r}; it has {known}")
        if "capacity_wh" in found and "energy_wh" not in found:
            found["energy_wh"] = found["capacity_wh"] * 4 // 5
        return cls(**found)

    def baseline_w(self, at: datetime) -> int:
        """What it does unasked at `at`."""
        return [watts for hour, watts in self.baseline if hour <= at.hour][-1]

    def target_w(self, command: Command | None, at: datetime) -> int:
        """What it should do at `at` under `command`, within its limits."""
        wanted = self.wanted_w(command, at)
        return max(self.min_w, min(self.max_w, wanted))

    def wanted_w(self, command: Command | None, at: datetime) -> int:
        """What it is asked to do at `at`, whether it can or not."""
        if command is None or not command.valid_from <= at < command.valid_to:
            return self.baseline_w(at)
        if command.setpoint_w is not None:
            return command.setpoint_w
        return self.baseline_w(at) + (command.delta_w or 0)


@dataclass(frozen=True, slots=True)
class State:
    """The battery at one moment."""

    at: datetime
    energy_wh: float
    power_w: float


def advance(battery: Battery, state: State, commands: Sequence[Command], until: datetime) -> State:
    """Where `state` has got to at `until`, under `commands` in the order they were applied.

    Exact between the instants at which the target changes: power moves to its target in a
    straight line and stays there until the battery is full or empty. A clock that stepped back
    changes nothing.
    """
    edges = {edge for c in commands for edge in (c.valid_from, c.valid_to)}
    hour = state.at.replace(minute=0, second=0, microsecond=0)
    while hour < until and len(battery.baseline) > 1:
        hour += timedelta(hours=1)
        edges.add(hour)
    for edge in sorted(e for e in {*edges, until} if state.at < e <= until):
        target = battery.target_w(in_force(commands, state.at), state.at)
        state = _glide(battery, state, target, edge)
    return state


def _glide(battery: Battery, state: State, target: float, until: datetime) -> State:
    seconds = (until - state.at).total_seconds()
    gap = target - state.power_w
    ramp_s = min(seconds, abs(gap) / battery.ramp_w_per_s)
    reached = state.power_w + (battery.ramp_w_per_s * ramp_s if gap > 0 else 0)
    reached -= battery.ramp_w_per_s * ramp_s if gap < 0 else 0
    drawn = (state.power_w + reached) / 2 * ramp_s + reached * (seconds - ramp_s)
    energy = state.energy_wh - drawn / _HOUR_S
    held = max(0.0, min(float(battery.capacity_wh), energy))
    return State(until, held, 0.0 if _drives_out(battery, energy, reached) else reached)


def _drives_out(battery: Battery, energy: float, power: float) -> bool:
    """Whether it would discharge what it has not got, or charge past its capacity."""
    return (energy <= 0 and power > 0) or (energy >= battery.capacity_wh and power < 0)


def foreseen(battery: Battery, now: State, until: datetime) -> tuple[Ability, ...]:
    """What a battery in that state could do until `until`, left to its baseline meanwhile."""
    found, state = [], now
    while state.at < until:
        half_hour = state.at.replace(minute=state.at.minute // 30 * 30, second=0, microsecond=0)
        after = advance(battery, state, (), min(half_hour + timedelta(minutes=30), until))
        baseline = battery.baseline_w(state.at)
        found.append(
            Ability(
                state.at,
                after.at,
                battery.min_w - baseline,
                battery.max_w - baseline,
                baseline,
                (state.energy_wh, after.energy_wh),
                (battery.capacity_wh - state.energy_wh, battery.capacity_wh - after.energy_wh),
                battery.ramp_w_per_s,
            )
        )
        state = after
    return tuple(found)


class SimulatedBattery:
    """A `Device` of one asset over `battery`, living in `log` by the business `clock`."""

    def __init__(self, asset_id: str, battery: Battery, clock: Clock, log: Path) -> None:
        self._asset_id = asset_id
        self._battery = battery
        self._clock = clock
        self._log = log
        self._commands: list[Command] = []
        self._state: State | None = None
        lines, self._whole = _complete_lines(log)
        for line in lines:
            self._take(json.loads(line))

    async def apply(self, command: Command) -> None:
        """As `Device.apply`. Raises DeviceError for a power beyond the limits of the battery."""
        if any(known.id == command.id for known in self._commands):
            return
        if command.asset_id != self._asset_id:
            raise DeviceError(f"this is {self._asset_id}, not {command.asset_id}")
        state = self._now()
        begins = max(state.at, command.valid_from)
        wanted = self._battery.wanted_w(command, begins)
        if not command.releases and self._battery.target_w(command, begins) != wanted:
            raise DeviceError(
                f"{wanted} W is beyond {self._battery.min_w} .. {self._battery.max_w} W"
            )
        self._append(_line(command, self._battery, state, begins))
        self._commands.append(command)

    async def measure(self) -> Measurement:
        state = self._now()
        command = in_force(self._commands, state.at)
        wanted = self._battery.wanted_w(command, state.at)
        return Measurement(
            at=state.at,
            power_w=round(state.power_w),
            baseline_w=self._battery.baseline_w(state.at),
            command_id=command.id if command else "",
            short=self._short(state, wanted) if command else "",
            # before the first line of the log a restart would begin it anew
            exported_ws=-round(state.energy_wh * _HOUR_S) if self._commands else None,
        )

    async def forecast(self, until: datetime) -> tuple[Ability, ...]:
        """As `Foreseeing.forecast`, from the energy it holds now, in steps of half an hour."""
        return foreseen(self._battery, self._now(), until)

    async def baseline(self, start: datetime, interval_s: int, count: int) -> tuple[int, ...]:
        """As `Baselined.baseline`; its steps lie on whole hours."""
        step = timedelta(seconds=interval_s)
        return tuple(self._battery.baseline_w(start + n * step) for n in range(count))

    def _short(self, state: State, wanted: int) -> str:
        if state.energy_wh <= 0 and wanted > 0:
            return "the battery is empty"
        if state.energy_wh >= self._battery.capacity_wh and wanted < 0:
            return "the battery is full"
        return ""

    def _now(self) -> State:
        now = self._clock.now()
        if self._state is None:
            baseline = float(self._battery.baseline_w(now))
            self._state = State(now, float(self._battery.energy_wh), baseline)
        self._state = advance(self._battery, self._state, self._commands, now)
        return self._state

    def _append(self, line: Mapping[str, Any]) -> None:
        """Write one line and wait until it is on the disk: only then does the command count."""
        raw = (json.dumps(line) + "\n").encode()
        fd = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.truncate(fd, self._whole)
            if os.write(fd, raw) < len(raw):  # the rest did not fit: the next append takes it off
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._log))
            os.fsync(fd)
            self._whole += len(raw)
        finally:
            os.close(fd)

    def _take(self, line: Mapping[str, Any]) -> None:
        """Rebuild what one line of the log left behind."""
        self._state = State(_time(line["at"]), float(line["energy_wh"]), float(line["power_w"]))
        self._commands.append(
            Command(
                line["id"],
                line["asset_id"],
                _time(line["from"]),
                _time(line["to"]),
                line["setpoint_w"],
                line["delta_w"],
                tuple(line["threads"]),
            )
        )


def _line(command: Command, battery: Battery, state: State, begins: datetime) -> dict[str, Any]:
    return {
        "at": _text(state.at),
        "id": command.id,
        "asset_id": command.asset_id,
        "from": _text(command.valid_from),
        "to": _text(command.valid_to),
        "setpoint_w": command.setpoint_w,
        "delta_w": command.delta_w,
        "baseline_w": battery.baseline_w(begins),
        "target_w": battery.target_w(command, begins),
        "threads": list(command.threads),
        "energy_wh": round(state.energy_wh, 3),
        "power_w": round(state.power_w, 3),
    }


def _complete_lines(log: Path) -> tuple[list[str], int]:
    """The lines of the log, and its length without a last one cut short by a crash.

    Such a line never counted; the next append takes it off, so that reading changes nothing.
    """
    if not log.exists():
        return [], 0
    raw = log.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    return whole.decode().splitlines(), len(whole)


def _step(text: str) -> tuple[int, int]:
    hour, colon, watts = text.partition(":")
    return (int(hour), int(watts)) if colon else (0, int(text))


def _text(when: datetime) -> str:
    return when.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
