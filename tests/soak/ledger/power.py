"""What devices held, by their own logs, against what the agent had acknowledged by then.

    acknowledged   instruction        variation            cease
                   ├── 400 kW ────────┤── 300 kW ──────────┤
    held               ├─ 400 kW ───────┤── 300 kW ─────────┤ 0
                   └ ─ ┘              └ ┘                  └┘   differences: allowed while the
                                                                agent had no time to act

An agent that was seen at the VTN more than `CHANCES` times while a difference lasted was alive,
and had time. While it is dead nobody sees it, and nothing is held against it; nor while it cannot
reach the VTN, which is more than it may claim.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from tests.soak.ledger.evidence import STOPS, Agent, Evidence, Line, Text, time

CHANCES = 5
"""How often an agent may be seen before it has done what it acknowledged: a second of its life."""
Level = tuple[datetime, datetime, int]


def devices_took_what_was_planned_and_nothing_else(e: Evidence) -> Iterator[str]:
    """Nothing reaches a device that the journal does not know, and what it calls confirmed did."""
    for agent in e.agents:
        known = {command["id"]: command for command in agent.commands}
        lines = {line.id: line for lines in agent.devices.values() for line in lines}
        for line in lines.values():
            command = known.get(line.id)
            if command is None or command["sent_order"] is None:
                yield f"{agent.party}: the device took {line.id}, which was never sent"
            elif (time(command["valid_from"]), time(command["valid_to"]), command["delta_w"]) != (
                *(line.start, line.end),
                line.watts,
            ):
                yield f"{agent.party}: the device took {line.id} otherwise than it was planned"
        for command in agent.commands:
            if command["state"] == "CONFIRMED" and command["id"] not in lines:
                yield f"{agent.party}: {command['id']} is confirmed, and no device took it"


def no_command_was_executed_twice(e: Evidence) -> Iterator[str]:
    """Of each id one line; and no line that asks for what the device is to do anyway."""
    for agent in e.agents:
        for asset_id, lines in agent.devices.items():
            ids = [line.id for line in lines]
            for twice in sorted({name for name in ids if ids.count(name) > 1}):
                yield f"{asset_id} took {twice} twice"
            for number, line in enumerate(lines):
                if _changes_nothing(line, lines[:number]):
                    yield f"{asset_id} was told again what it did already: {line.id}"


def _changes_nothing(line: Line, before: Sequence[Line]) -> bool:
    first = max(line.at, line.start)
    edges = {edge for other in before for edge in (other.start, other.end)}
    moments = [first, *(edge for edge in edges if first < edge < line.end)]
    held = [in_force(before, moment) for moment in moments]
    return all(other is not None and other.content == line.content for other in held)


def in_force(lines: Sequence[Line], at: datetime) -> Line | None:
    """The newest line that has begun, of those taken; none where it has ended."""
    begun = [line for line in lines if line.at <= at and line.start <= at]
    return begun[-1] if begun and at < begun[-1].end else None


def devices_held_what_was_acknowledged(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        since, worst = None, ""
        for moment in _edges(agent):
            fault = _difference(agent, moment)
            if since is not None and e.seen(since, moment, agent.party.lower()) > CHANCES:
                yield f"{agent.party}: {worst}; no better at {moment:%H:%M:%S}"
                since = None
            if not fault:
                since = None
            elif since is None:
                since, worst = moment, fault


def _difference(agent: Agent, moment: datetime) -> str:
    """What is wrong with the power held; "" for nothing.

    Less than was asked is no fault of a dispatch that was told to have failed, or to be suspended.
    """
    plans = asked_of(agent, moment)
    running = {
        thread: watts
        for thread, levels in plans.items()
        for start, end, watts in levels
        if start <= moment < end
    }
    asked = sum(running.values())
    lines = (in_force(log, moment) for log in agent.devices.values())
    held = sum(line.watts or 0 for line in lines if line is not None)
    told = any(_told_of(agent, thread) for thread in running)
    if held == asked or (told and abs(held) < abs(asked)):
        return ""
    return (
        f"{held:+,} W at {moment:%H:%M:%S}, asked {asked:+,} W by {', '.join(running) or 'nobody'}"
    )


def _told_of(agent: Agent, thread: str) -> bool:
    """Whether the agent ever said of a dispatch that it fails."""
    about = {t.sha256 for t in agent.texts if t.thread == thread}
    words = (t.body["state"] for t in agent.texts if t.kind == "status" and t.answers in about)
    return not {"failed", "suspended"}.isdisjoint(words)


def _edges(agent: Agent) -> list[datetime]:
    """Every instant at which something asked or held may be another than before."""
    texts = [text for text in agent.texts if text.thread]
    edges = {text.at for text in texts}
    for text in texts:
        for start, end, _ in _levels(text):
            edges |= {start, end}
        if text.kind == "cease":
            edges.add(time(text.body["cease_at"]))
    for lines in agent.devices.values():
        edges |= {edge for line in lines for edge in (line.at, line.start, line.end)}
    edges |= {time(post["settled_at"]) for post in agent.posts if post["settled_at"]}
    return sorted(edges)


# -- what was asked ----------------------------------------------------------------------------------


def asked_of(agent: Agent, at: datetime) -> dict[str, list[Level]]:
    """The levels of each dispatch, by what the agent had received and acknowledged at `at`."""
    accepted = {t.answers for t in agent.texts if _accepts(agent, t, at)}
    received: dict[str, list[Text]] = {}
    for text in agent.texts:
        if (text.firm or text.stop) and text.at <= at and _acknowledged(agent, text):
            received.setdefault(text.thread, []).append(text)
    return {thread: _plan(texts, accepted) for thread, texts in received.items()}


def _acknowledged(agent: Agent, text: Text) -> bool:
    """As the agent itself says, signed: nothing of what was late or refused counts."""
    return any(
        t.kind == "acknowledgement" and t.answers == text.sha256 and t.body["decided"] == "received"
        for t in agent.texts
    )


def _accepts(agent: Agent, text: Text, at: datetime) -> bool:
    """Whether `text` accepts something, and stands at `at`: the VTN may have refused it since."""
    if text.kind != "response" or text.body["answer"] != "accept" or text.at > at:
        return False
    post = next(p for p in agent.posts if p["name"] == text.message["message_id"])
    return post["state"] != "REFUSED" or time(post["settled_at"]) > at


def _plan(texts: Sequence[Text], accepted: set[str]) -> list[Level]:
    """What one dispatch asks, by its texts: the newest but for increases that nobody accepted."""
    plan: list[Level] = []
    for text in sorted((t for t in texts if not t.stop), key=lambda t: t.revision):
        new = _levels(text)
        waits = text.kind == "variation" and plan and _asks_more(plan, new, text.issued_at)
        if not waits or text.sha256 in accepted:
            plan = new
    for stop in (t for t in texts if t.stop):
        end = time(stop.body["cease_at"]) if stop.kind == "cease" else stop.at
        plan = [(a, min(b, end), watts) for a, b, watts in plan if a < end]
    return plan


def _levels(text: Text) -> list[Level]:
    if text.kind in STOPS:
        return []
    periods = text.body.get("periods", ())
    return [(time(p["start"]), time(p["end"]), p["delta_w"]) for p in periods]


def _asks_more(old: Sequence[Level], new: Sequence[Level], since: datetime) -> bool:
    edges = {edge for start, end, _ in (*old, *new) for edge in (start, end) if edge > since}
    return any(abs(_at(new, moment)) > abs(_at(old, moment)) for moment in (since, *edges))


def _at(levels: Sequence[Level], moment: datetime) -> int:
    return sum(watts for start, end, watts in levels if start <= moment < end)


def nothing_ran_after_a_stop(e: Evidence) -> Iterator[str]:
    """Once a stop was read and its time has come, no command in force serves that dispatch."""
    for agent in e.agents:
        for stop in (t for t in agent.texts if t.stop and t.issuer == e.dso):
            over = stop.at
            if stop.kind == "cease":
                over = max(over, time(stop.body["cease_at"]))
            for asset_id, lines in agent.devices.items():
                ran = [
                    (start, end) for start, end in _serving(lines, stop.thread, over) if end > start
                ]
                if sum(e.seen(start, end, agent.party.lower()) for start, end in ran) > CHANCES:
                    yield f"{asset_id} ran on for {stop.name} after {over:%H:%M:%S}"


def _serving(
    lines: Sequence[Line], thread: str, since: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """When, from `since` on, the command in force asked for something for `thread`."""
    edges = sorted({since, *(x for n in lines for x in (n.at, n.start, n.end) if x > since)})
    for start, end in pairwise(edges):
        held = in_force(lines, start)
        if held is not None and held.watts is not None and thread in held.threads:
            yield start, end
