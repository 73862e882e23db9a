"""What was metered: whole local days, and the energy that the devices' own logs account for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from evidence import JSON, Evidence, Text, time

READINGS_WH = 0.1
"""Of a day's energy this share may be in readings that are known in part, or not at all."""
RAMPS_WH = 0.02
"""Energy may differ by this share: ramps, and readings rounded to whole watts."""


def the_day_was_metered_whole(e: Evidence) -> Iterator[str]:
    """Each post-action has a value for every half hour of its local day: 46, 48 or 50."""
    for agent in e.agents:
        for one in _post_actions(e, agent):
            body, about = one.body, f"{agent['party']} {one.answers['thread']}"
            if time(body["start"]) != e.midnight or body["interval_s"] != 1800:
                yield f"{about}: starts at {body['start']}, {body['interval_s']} s"
            for name in ("metered_w", "baseline_w", "delivered_wh", "quality"):
                if len(body[name]) != e.half_hours:
                    yield f"{about}: {len(body[name])} {name}, the day has {e.half_hours}"
            if [a["asset_id"] for a in body["assets"]][1:]:
                yield f"{about}: one resource at a time"


def the_readings_were_shown_as_they_came(e: Evidence) -> Iterator[str]:
    """One unsigned report for each asset and day: at its end it holds all of it, as was metered."""
    for agent in e.agents:
        if agent["settings"].get("telemetry") != "true":
            continue
        reading_s = int(agent["settings"].get("reading_s", 60))
        whole = e.half_hours * 1800 // reading_s
        for asset_id in agent["assets"]:
            name = f"TELEMETRY-{asset_id}-{e.scenario['date']}"
            shown = [
                x["request"]["resources"][0]["intervals"]
                for x in e.of(agent)
                if x["path"].startswith("/reports")
                and (x["request"] or {}).get("reportName") == name
            ]
            counts = [len(intervals) for intervals in shown]
            if len(counts) < 10 or counts != sorted(counts) or counts[-1] != whole:
                yield f"{asset_id}: {len(counts)} times, {counts[-1:]} readings of {whole}"
                continue
            drawn = sum(_demand_kw(interval) for interval in shown[-1]) * 1000 * reading_s / 3600
            metered = {
                sum(one.body["metered_w"]) / 2
                for _, of_asset, one in _by_asset(e, agent)
                if of_asset == asset_id
            }
            if any(abs(wh + drawn) > max(2000, abs(wh) * READINGS_WH) for wh in metered):
                yield f"{asset_id}: its readings draw {drawn:.0f} Wh, metered were {metered}"


def _demand_kw(interval: JSON) -> float:
    """As OpenADR means it, + = import; 0 where nothing was read."""
    return sum(p["values"][0] for p in interval["payloads"] if p["type"] == "DEMAND")


def delivered_energy_is_what_the_devices_gave(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for thread, asset_id, one in _by_asset(e, agent):
            log = e.device_lines(agent, asset_id)
            given = _given_wh(log, thread)
            said = sum(one.body["delivered_wh"])
            if abs(said - given) > max(20, abs(given) * RAMPS_WH):
                yield f"{thread}, {asset_id}: says {said} Wh, its commands give {given:.0f} Wh"
            pairs = zip(one.body["metered_w"], one.body["baseline_w"], strict=True)
            metered = sum((m - b) / 2 for m, b in pairs)
            total = _given_wh(log, "", signed=True)
            if abs(metered - total) > max(50, abs(total) * RAMPS_WH + 2000):
                yield f"{asset_id}: metered {metered:.0f} Wh over its baseline, not {total:.0f}"


def _post_actions(e: Evidence, agent: JSON) -> list[Text]:
    return [one for one in e.from_ven(agent) if one.kind == "post_action"]


def _by_asset(e: Evidence, agent: JSON) -> Iterator[tuple[str, str, Text]]:
    """The newest post-action of each dispatch and asset."""
    newest = {
        (one.answers["thread"], one.body["assets"][0]["asset_id"]): one
        for one in _post_actions(e, agent)
    }
    for (thread, asset_id), one in newest.items():
        yield thread, asset_id, one


def _given_wh(log: list[JSON], thread: str, *, signed: bool = False) -> float:
    """Energy by the commands in force of one dispatch ("" = of all), in the direction asked.

    A device keeps what it was told until it is told otherwise; ramps take half their time.
    """
    total = 0.0
    edges = sorted({time(line[name]) for line in log for name in ("from", "to", "at")})
    for begin, end in pairwise(edges):
        line = _in_force(log, begin)
        if line is None or (thread and thread not in line["threads"]):
            continue
        watts = line["delta_w"] or 0
        total += (watts if signed else abs(watts)) * (end - begin) / timedelta(hours=1)
    return total


def _in_force(log: list[JSON], moment: datetime) -> JSON:
    begun = [c for c in log if time(c["at"]) <= moment and time(c["from"]) <= moment]
    newest = begun[-1] if begun else None
    return newest if newest and moment < time(newest["to"]) else None
