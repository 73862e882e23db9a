"""What the devices did, by their own logs, against what was asked of each FSP at each moment."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence import JSON, Evidence, Text, time

LATEST_REPORT = timedelta(minutes=5)
SHARE = 20
"""A level is reported as held when it is met to a twentieth."""


def devices_held_just_what_was_asked(e: Evidence) -> Iterator[str]:
    """At every edge of every level, and in between, the sum of the commands in force is right."""
    for agent in e.agents:
        for contract, assets in e.contracts(agent).items():
            levels = _levels(e, contract)
            logs = [e.device_lines(agent, asset_id) for asset_id in assets]
            edges = {t for a, b, _ in levels for t in (a, b)}
            edges |= {time(line[edge]) for log in logs for line in log for edge in ("from", "to")}
            for edge in sorted(edges):
                for moment in (edge - timedelta(seconds=1), edge):
                    asked = sum(w for a, b, w in levels if a <= moment < b)
                    held = sum(_held(log, moment) for log in logs)
                    if held != asked:
                        yield f"{contract} at {moment:%H:%M:%S}: {held:+} W, asked {asked:+} W"


def _levels(e: Evidence, contract: str) -> list[tuple[datetime, datetime, int]]:
    return [(e.at(a), e.at(b), watts) for a, b, watts in e.scenario["levels"][contract]]


def _held(log: list[JSON], moment: datetime) -> int:
    """The newest command taken by then that has begun; 0 where it ended, or released the device."""
    begun = [c for c in log if time(c["at"]) <= moment and time(c["from"]) <= moment]
    newest = begun[-1] if begun else None
    return (newest["delta_w"] or 0) if newest and moment < time(newest["to"]) else 0


def devices_were_told_in_time(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for asset_id in agent["assets"]:
            for line in e.device_lines(agent, asset_id):
                # what runs on at the same level is told anew after the edge it began at
                begins = max(time(line["from"]), _revised(e, agent, line))
                if time(line["at"]) > begins + timedelta(seconds=60):
                    yield f"{asset_id} was told at {line['at']}, due at {begins:%H:%M:%S}"


def _revised(e: Evidence, agent: JSON, line: JSON) -> datetime:
    """When the newest text of the threads behind a command was issued, as far as then known."""
    issued = [
        time(text.message["issued_at"])
        for thread in line["threads"]
        for text in e.thread(agent, thread)
        if time(text.message["issued_at"]) <= time(line["at"])
    ]
    return max(issued, default=time(line["from"]))


def runs_were_reported_as_they_were(e: Evidence) -> Iterator[str]:
    for agent, thread, found in e.dispatches:
        statuses = [
            t for t in e.from_ven(agent) if t.kind == "status" and t.answers["thread"] == thread
        ]
        for one in statuses:
            contract = found[0].message["program"]
            yield from (f"{thread}: {fault}" for fault in _status(e, agent, contract, one))


def _status(e: Evidence, agent: JSON, contract: str, one: Text) -> Iterator[str]:
    word, at = one.body["state"], time(one.body["at"])
    assets, levels = e.contracts(agent)[contract], _levels(e, contract)
    starts = {a for a, _, _ in levels} if word == "executing" else {b for _, b, _ in levels}
    if not any(edge <= at <= edge + LATEST_REPORT for edge in starts):
        yield f"says {word} at {at:%H:%M:%S}, where nothing begins or ends"
    if word != "executing":
        return
    asked = sum(w for a, b, w in levels if a <= at < b)
    baseline = sum(_baseline(agent["assets"][asset_id]) for asset_id in assets)
    if abs(one.body["power_w"] - baseline - asked) > abs(asked) // SHARE:
        yield f"executes {one.body['power_w']} W, asked is {asked:+} W over {baseline} W"
    parts = sum(part["delta_w"] for part in one.body.get("make_up", ()))
    if len(assets) > 1 and abs(parts - asked) > abs(asked) // SHARE:
        yield f"its make-up gives {parts} W of {asked} W"


def _baseline(spec: str) -> int:
    """The constant baseline of a device of the scenario."""
    return int(next(part for part in spec.split(",") if part.startswith("baseline="))[11:])
