"""Who said what to whom: against the scenario, scene by scene."""

from collections import Counter
from collections.abc import Iterator

from evidence import JSON, Evidence, Text, time


def everybody_said_what_was_expected(e: Evidence) -> Iterator[str]:
    """Each FSP said all that the scenes expect, nothing else, and of each thread in that order."""
    due = [line for scene in e.scenario["scenes"] for line in scene.get("then", ())]
    for agent in e.agents:
        party = agent["party"]
        said = [f"{party} {t.spoken}" for t in e.from_ven(agent) if _told_of(e, t)]
        mine = [line for line in due if line.startswith(f"{party} ")]
        for line, count in (Counter(mine) - Counter(said)).items():
            yield f"{count} times not said: {line}"
        for line, count in (Counter(said) - Counter(mine)).items():
            yield f"{count} times said unexpectedly: {line}"
        for thread in e.scenario["states"]:
            expected, found = (
                [line for line in lines if line.split(" ")[2:3] == [thread]]
                for lines in (mine, said)
            )
            if sorted(expected) == sorted(found) and _order(expected) != _order(found):
                yield f"{party} said of {thread}, in this order: {found}"


def _told_of(e: Evidence, one: Text) -> bool:
    """Whether the scenes tell of it: acknowledgements of dispatches only, but all else."""
    return one.kind != "acknowledgement" or one.answers["thread"] in e.scenario["states"]


def _order(lines: list[str]) -> list[list[str]]:
    """The order of each kind of message; an answer may pass its acknowledgement."""
    kinds = sorted({line.split(" ")[1] for line in lines})
    return [[line for line in lines if line.split(" ")[1] == kind] for kind in kinds]


def everything_was_acknowledged_once_and_in_time(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        answered = Counter(
            one.answers["sha256"] for one in e.from_ven(agent) if one.kind == "acknowledgement"
        )
        for one in e.from_dso(agent):
            due = 0 if one.message["program"].startswith("market:") else 1
            if answered.pop(one.sha256, 0) != due:
                yield f"{agent['party']} did not acknowledge {one.kind} {one.thread} once"
        for sha256 in answered:
            yield f"{agent['party']} acknowledged what nobody sent: {sha256[:12]}"
        for ack, one in _acknowledgements(e, agent):
            kept_back = one.thread in e.withheld
            if not kept_back and "ack_by" in one.body and ack.at > time(one.body["ack_by"]):
                yield f"{one.kind} {one.thread} was acknowledged at {ack.at:%H:%M:%S}, too late"


def _acknowledgements(e: Evidence, agent: JSON) -> Iterator[tuple[Text, Text]]:
    by_digest = {one.sha256: one for one in e.from_dso(agent)}
    for one in e.from_ven(agent):
        if one.kind == "acknowledgement" and one.answers["sha256"] in by_digest:
            yield one, by_digest[one.answers["sha256"]]


def acknowledgements_read_back_what_was_shown(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for ack, one in _acknowledgements(e, agent):
            shown = _plain(one.carrier["intervals"])
            read = _plain(ack.carrier["resources"][0]["intervals"])
            if shown != read:
                yield f"{agent['party']} read back {read}, shown was {shown}"


def _plain(intervals: JSON) -> list[JSON]:
    """The projected payloads, by interval id."""
    return [
        (i["id"], [p for p in i["payloads"] if not p["type"].startswith("UKFLEX_")])
        for i in intervals
    ]


def the_cheapest_offers_were_taken(e: Evidence) -> Iterator[str]:
    """Each offer is answered once, by as much as the scenario says; cheap ones go first."""
    scenes = (scene.get("awards", {}) for scene in e.scenario["scenes"])
    awards = {thread: due for scene in scenes for thread, due in scene.items()}
    taken: dict[str, list[tuple[int, int]]] = {}
    for agent in e.agents:
        party = agent["party"]
        offers = {t.sha256: t for t in e.from_ven(agent) if t.kind == "availability"}
        answers = [t for t in e.from_dso(agent) if t.kind == "acceptance"]
        if sorted(a.answers["sha256"] for a in answers) != sorted(offers):
            yield f"{party}: {len(offers)} offers, {len(answers)} acceptances"
            continue
        for answer in answers:
            offer = offers[answer.answers["sha256"]]
            request = offer.answers["thread"]
            levels = {abs(p["delta_w"]) for p in answer.body["periods"]} or {0}
            if levels != {awards[request][party]}:
                yield f"{party} was taken for {levels} W, due is {awards[request][party]}"
            if not answer.body["periods"] and "reason" not in answer.body:
                yield f"{party} was not told why its offer is turned down"
            price = offer.body["price"].get("utilisation_minor_per_mwh", 0)
            taken.setdefault(request, []).append((price, max(levels)))
    for request, offered in taken.items():
        prices = [price for price, watts in offered if watts]
        if any(price < max(prices, default=0) for price, watts in offered if not watts):
            yield f"{request}: a cheaper offer was turned down: {sorted(offered)}"


def what_was_accepted_in_part_was_confirmed_so(e: Evidence) -> Iterator[str]:
    due = [line for scene in e.scenario["scenes"] for line in scene.get("then", ())]
    partial = 0
    for agent, thread, found in e.dispatches:
        for answer in e.from_ven(agent):
            if answer.answers.get("thread") != thread or answer.body.get("answer") != "partial":
                continue
            partial += 1
            later = [t for t in found if t.kind == "instruction"]
            if [t.body["periods"] for t in later] != [answer.body["periods"]]:
                yield f"{thread}: accepted in part, and confirmed as something else"
    if partial != sum(line.endswith(" partial") for line in due):
        yield f"{partial} were accepted in part"


def the_desk_knows_where_each_dispatch_stands(e: Evidence) -> Iterator[str]:
    shown = {d["thread"]: d for d in e.read("status.json")["dispatches"]}
    for thread, state in e.scenario["states"].items():
        if shown.get(thread, {}).get("state") != state:
            yield f"{thread} is {shown.get(thread, {}).get('state')}, due is {state}"
    for thread in shown.keys() - e.scenario["states"].keys():
        yield f"there is a dispatch nobody asked for: {thread}"


def the_desk_was_told_what_a_person_should_look_at(e: Evidence) -> Iterator[str]:
    told = Counter(
        f"{a['severity']} {a['cause']} {a['thread']}" for a in e.read("alarms.json")["alarms"]
    )
    due = Counter(e.scenario["alarms"])
    for line in due - told:
        yield f"not told: {line}"
    for line in told - due:
        yield f"told unexpectedly, or twice: {line}"
