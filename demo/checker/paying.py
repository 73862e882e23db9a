"""What is paid: the same at both ends, and what was given at the price that was agreed."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from evidence import JSON, Evidence, time

METERED_WH = 0.05
"""Of a dispatch this share may be paid less than was asked: ramps, and readings across an edge."""
_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)


def both_ends_say_the_same_of_what_is_paid(e: Evidence) -> Iterator[str]:
    """Every line and every sum, to the penny; where a dispatch stands each end learns in time."""
    for agent in e.agents:
        party = agent["party"]
        mine, theirs = _own(e, agent), _of_vtn(e, agent)
        for here, there in zip(mine["lines"], theirs["lines"], strict=False):
            differing = [k for k in here.keys() | there.keys() if here.get(k) != there.get(k)]
            for name in sorted({*differing} - {"state"}):
                yield f"{party} {here['thread']}: {name} is {here.get(name)}, not {there.get(name)}"
        if len(mine["lines"]) != len(theirs["lines"]):
            yield f"{party} has {len(mine['lines'])} lines, the VTN {len(theirs['lines'])}"
        if mine["sums"] != theirs["sums"]:
            yield f"{party} sums up to {mine['sums']}, the VTN to {theirs['sums']}"


def what_was_given_is_paid_at_its_price(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        lines = _of_vtn(e, agent)["lines"]
        used = [line for line in lines if line["what"] == "utilisation"]
        held = [line for line in lines if line["what"] == "availability"]
        for contract in e.contracts(agent):
            due = sum(abs(watts) * ((e.at(b) - e.at(a)) / _HOUR)
                      for a, b, watts in e.scenario["levels"][contract])  # fmt: skip
            mine = [line for line in used if line["contract_id"] == contract]
            counted = sum(line["counted_wh"] for line in mine)
            if not due * (1 - METERED_WH) <= counted <= due:
                yield f"{contract}: {counted} Wh are paid for, {due:.0f} Wh were asked and given"
        for line in used:
            worth = Fraction(line["counted_wh"] * (line["price_minor"] or 0), 1_000_000)
            half_a_wh = Fraction(line["price_minor"] or 0, 2_000_000)
            if abs(line["paid_minor"] - worth) > Fraction(1, 2) + half_a_wh:
                yield f"{line['thread']}: {line['paid_minor']} for what is worth {float(worth):.2f}"
        if (paid := {line["thread"]: line["paid_minor"] for line in held}) != _held(e, agent):
            yield f"{agent['party']}: for availability {paid}, due is {_held(e, agent)}"
        total = sum(line["paid_minor"] for line in lines)
        if total != sum(one["paid_minor"] for one in _of_vtn(e, agent)["sums"]):
            yield f"{agent['party']}: its lines come to {total}"


def _held(e: Evidence, agent: JSON) -> dict[str, int]:
    """What each acceptance that takes something is worth: power x time x price, half to even."""
    found = {}
    for one in e.from_dso(agent):
        if one.kind == "acceptance" and one.body["periods"]:
            price = one.body["price"].get("availability_minor_per_mw_h", 0)
            watts = sum(
                Fraction(abs(p["delta_w"]) * ((time(p["end"]) - time(p["start"])) // _SECOND), 3600)
                for p in one.body["periods"]
            )
            found[one.thread] = round(watts * price / 1_000_000)
    return found


def _of_vtn(e: Evidence, agent: JSON) -> JSON:
    return next(one for one in e.read("statement.json") if one["fsp"] == agent["party"])


def _own(e: Evidence, agent: JSON) -> JSON:
    own = e.read(f"{agent['party'].lower()}/statement.json")
    return next(one for one in own if one["dso"] == e.dso)
