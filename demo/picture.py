"""The day as a drawing: `python -m demo.picture DIRECTORY > day.svg`, of what a demo left there.

    MW │      ┌─asked─┐         for each FSP, over the hours of the day: what its devices were told
       │ ╱‾‾‾‾‾metered‾╲        (an area, from their own logs), and what was metered (a line, from
     0 ┼────────────────────    the readings that the VTN was shown); scenes by number

+ is export, as in every message.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from demo.day import Day

_WIDE, _LEFT, _TOP, _HIGH, _GAP = 960, 150, 28, 110, 22
_LINE = 17
"""Pixels: of the day, left of it, above it, of an FSP, between two, of a line of text."""
_SMALL_W = 100_000
"""What is shown at least of an FSP that does nothing."""
_STYLE = (
    "text{font-family:sans-serif;font-size:12px;fill:#222}.dim{fill:#777}.zero{stroke:#bbb}"
    ".scene{stroke:#bbb;stroke-dasharray:2 3}.asked{fill:#9ecae1}"
    ".metered{fill:none;stroke:#b2182b;stroke-width:1.5}"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A set-point as a device's log has it: watts from `start` to `end`, told at `at`."""

    at: datetime
    start: datetime
    end: datetime
    watts: float
    baseline_w: float


Mark = tuple[float, str]
"""A part of the day, 0 to 1, and what stands there."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One FSP: at every reading what was asked, what would be without, what was metered (watts).

    A reading that is missing is None: its agent had been killed.
    """

    party: str
    asked: Sequence[float]
    baseline: Sequence[float]
    metered: Sequence[float | None]


def asked_at(told: Sequence[Told], when: datetime) -> Told | None:
    """What a device holds: the newest set-point that has begun, while it lasts."""
    begun = [one for one in told if one.at <= when and one.start <= when]
    return begun[-1] if begun and when < begun[-1].end else None


def drawing(panels: Sequence[Panel], scenes: Sequence[Mark], hours: Sequence[Mark]) -> str:
    """The day as SVG."""
    below = _TOP + len(panels) * (_HIGH + _GAP)
    high = below + _LINE * (len(scenes) + 3)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDE + 20} {high}">',
            f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
            *_scenes(scenes, below),
            *(line for n, one in enumerate(panels) for line in _panel(one, n)),
            *_hours(hours, below),
            "</svg>\n",
        )
    )


def _scenes(scenes: Sequence[Mark], below: int) -> Iterator[str]:
    """A line through the day for each scene, its number above it, and below what it is."""
    shown_at = -1.0
    for number, (part, title) in enumerate(scenes, 1):
        x = _LEFT + part * _WIDE
        shown_at = max(x, shown_at + 19)  # scenes of one hour stand beside each other
        yield f'<line class="scene" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{below - _GAP}"/>'
        yield f'<text x="{shown_at:.1f}" y="{_TOP - 8}" text-anchor="middle">{number}</text>'
        y = below + _LINE * (number + 2)
        yield f'<text x="{_LEFT}" y="{y}">{number}  {escape(title)}</text>'


def _panel(panel: Panel, number: int) -> Iterator[str]:
    """An FSP, the `number`th from above."""
    top = _TOP + number * (_HIGH + _GAP)
    known = [value for value in panel.metered if value is not None]
    watts = (0.0, *panel.asked, *panel.baseline, *known)
    least, most = min(watts), max(watts) or _SMALL_W
    scale, step = _HIGH / (most - least), _WIDE / len(panel.metered)

    def points(values: Sequence[float], first: int = 0) -> list[str]:
        ys = [round(top + (most - value) * scale) for value in values]
        kept = []
        for n, y in enumerate(ys):  # a mean holds from its start to its end
            kept += [(n, y)] if n == 0 or y != ys[n - 1] else []
            kept += [(n + 1, y)] if n + 1 == len(ys) or y != ys[n + 1] else []
        return [f"{_LEFT + (first + n) * step:.0f},{y}" for n, y in kept]

    zero = top + most * scale
    yield f'<text x="8" y="{top + 14}">{escape(panel.party)}</text>'
    for value in {0.0, least, most}:
        y = top + (most - value) * scale + 4
        yield (
            f'<text class="dim" x="{_LEFT - 6}" y="{y:.0f}" text-anchor="end">'
            f"{value / 1e6:+.2f} MW</text>"
        )
    area = points(panel.asked) + points(panel.baseline)[::-1]
    yield f'<polygon class="asked" points="{" ".join(area)}"/>'
    yield f'<line class="zero" x1="{_LEFT}" x2="{_LEFT + _WIDE}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
    for first, run in _runs(panel.metered):
        yield f'<polyline class="metered" points="{" ".join(points(run, first))}"/>'


def _runs(values: Sequence[float | None]) -> Iterator[tuple[int, list[float]]]:
    """What stands between the gaps, each with the index of its first."""
    for there, numbered in groupby(enumerate(values), lambda one: one[1] is not None):
        run = list(numbered)
        if there:
            yield run[0][0], [value for _, value in run if value is not None]


def _hours(hours: Sequence[Mark], below: int) -> Iterator[str]:
    """The time of day, and what area and line are."""
    y = below - 4
    for part, text in hours:
        x = _LEFT + part * _WIDE
        yield f'<text class="dim" x="{x:.0f}" y="{y}" text-anchor="middle">{text}</text>'
    yield f'<rect class="asked" x="{_LEFT}" y="{y + 12}" width="14" height="10"/>'
    yield f'<text x="{_LEFT + 20}" y="{y + 22}">asked of its devices</text>'
    x = _LEFT + 170
    yield f'<polyline class="metered" points="{x},{y + 17} {x + 20},{y + 17}"/>'
    yield f'<text x="{x + 26}" y="{y + 22}">metered (+ is export)</text>'


def panels_of(day: Day, directory: Path) -> list[Panel]:
    """What was asked and metered, of a demo that is over."""
    metered = _metered(directory / "http.jsonl", day.date.isoformat())
    return [_panel_of(day, directory, agent, metered) for agent in day.agents]


def _panel_of(
    day: Day,
    directory: Path,
    agent: Mapping[str, Any],
    metered: Mapping[str, Sequence[float | None]],
) -> Panel:
    assets = [asset for asset in agent["assets"] if asset in metered]
    count = max((len(metered[asset]) for asset in assets), default=1)
    step = (day.at("24:00") - day.start) / count
    asked, baseline = [0.0] * count, [0.0] * count
    for asset in assets:
        log = _told(directory / agent["party"].lower() / "devices" / f"{asset}.jsonl")
        for n in range(count):
            held = asked_at(log, day.start + (n + 0.5) * step)
            usual = held.baseline_w if held else metered[asset][n] or 0.0
            asked[n] += held.watts if held else usual
            baseline[n] += usual
    means = [_sum([metered[asset][n] for asset in assets]) for n in range(count)]
    return Panel(agent["party"], asked, baseline, means)


def _sum(means: Sequence[float | None]) -> float | None:
    """None where one is missing."""
    known = [mean for mean in means if mean is not None]
    return sum(known) if len(known) == len(means) else None


def _told(path: Path) -> list[Told]:
    lines = map(json.loads, path.read_text().splitlines() if path.exists() else ())
    return [
        Told(
            at=_time(one["at"]),
            start=_time(one["from"]),
            end=_time(one["to"]),
            watts=one["target_w"],
            baseline_w=one["baseline_w"],
        )
        for one in lines
        if one["target_w"] is not None
    ]


def _metered(path: Path, day: str) -> dict[str, list[float | None]]:
    """The readings of each asset on that day, as the VTN was shown them last: mean export."""
    found: dict[str, list[float | None]] = {}
    for line in path.read_text().splitlines():
        exchange = json.loads(line)
        report = exchange["request"] if exchange["status"] in (200, 201) else None
        name = str(report.get("reportName", "")) if isinstance(report, dict) else ""
        if name.startswith("TELEMETRY-") and name.endswith(day):
            (shown,) = report["resources"]
            found[shown["resourceName"]] = [_mean(one["payloads"]) for one in shown["intervals"]]
    return found


def _mean(payloads: Sequence[Mapping[str, Any]]) -> float | None:
    """Mean export in watts, of a reading in kW of demand."""
    said = [one["values"][0] for one in payloads if one["type"] == "DEMAND"]
    return -1000.0 * said[0] if said else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def picture(directory: Path) -> str:
    """The drawing of what a demo left in `directory`."""
    day = Day(json.loads((directory / "scenario.json").read_text()))
    whole = day.at("24:00") - day.start
    scenes = [((one.at - day.start) / whole, one.title) for one in day.scenes if one.title]
    texts = [f"{hour:02}:00" for hour in range(0, 25, 3)]
    hours = [((day.at(text) - day.start) / whole, text) for text in texts]
    return drawing(panels_of(day, directory), [one for one in scenes if 0 <= one[0] < 1], hours)


if __name__ == "__main__":
    print(picture(Path(sys.argv[1])), end="")
