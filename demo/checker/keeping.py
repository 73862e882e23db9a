"""What was kept, and from whom: privacy, durability, and orderly ends."""

from collections.abc import Iterator

from evidence import Evidence, time

READS = ("/programs", "/events", "/reports", "/vens", "/resources")


def nobody_saw_what_is_others(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        contracts = ["CONTRACT_ID-" + name.replace(":", "-") for name in e.contracts(agent)]
        markets = [
            name.replace("market", "MARKET", 1).replace(":", "-") for name in e.markets(agent)
        ]
        targets = [[target] for target in (*contracts, *markets)]
        for x in e.of(agent):
            if x["method"] != "GET" or x["status"] != 200 or not x["path"].startswith(READS):
                continue
            objects = x["response"] if isinstance(x["response"], list) else [x["response"]]
            for one in objects:
                by_target = one["objectType"] in ("PROGRAM", "EVENT")
                mine = (
                    one.get("targets") in targets
                    if by_target
                    else one["clientID"] == agent["party"].lower()
                )
                if not mine:
                    yield f"{agent['party']} was shown {one['objectType']} {one['id']} of others"


def the_vtn_kept_everything(e: Evidence) -> Iterator[str]:
    """What was answered 201 stands in the tables, and so does its outbox row."""
    objects = {(row["kind"], row["id"]): row for row in e.vtn("SELECT * FROM objects")}
    outbox = {(row["kind"], row["id"]) for row in e.vtn("SELECT kind, id FROM outbox")}
    for x in e.exchanges:
        if x["method"] != "POST" or x["status"] != 201:
            continue
        made = x["response"]
        row = objects.get((made["objectType"], made["id"]))
        if row is None:
            yield f"{made['objectType']} {made['id']} was answered 201 and is not in the database"
        elif row["client_id"] != x["client_id"]:
            yield f"{made['id']} of {x['client_id']} is kept under {row['client_id']}"
    for kind, name in objects.keys() - outbox:
        yield f"{kind} {name} has no outbox row"


def both_ledgers_hold_the_same_texts(e: Evidence) -> Iterator[str]:
    vtn = {row["sha256"]: row for row in e.vtn("SELECT * FROM messages")}
    for agent in e.agents:
        for row in e.journal(agent, "SELECT * FROM entries"):
            there = vtn.get(row["sha256"])
            if there is None or there["text"] != row["text"]:
                yield f"{agent['party']} holds a {row['kind']} that the VTN does not"
        held = {row["sha256"] for row in e.journal(agent, "SELECT sha256 FROM entries")}
        for one in (*e.from_dso(agent), *e.from_ven(agent)):
            if one.sha256 not in held:
                yield f"{agent['party']} keeps no {one.kind} {one.thread}"
            if one.sha256 not in vtn:
                yield f"the VTN keeps no {one.kind} {one.thread}"


def nothing_was_left_undone(e: Evidence) -> Iterator[str]:
    expected = e.scenario.get("agent_alarms", {})
    for agent in e.agents:
        for row in e.journal(agent, "SELECT * FROM outbox WHERE state <> 'SENT'"):
            yield f"{agent['party']}: the report {row['name']} is {row['state']}"
        undone = "SELECT * FROM commands WHERE state NOT IN ('CONFIRMED', 'WITHDRAWN')"
        for row in e.journal(agent, undone):
            yield f"{agent['party']}: a command is {row['state']}"
        for row in e.journal(agent, "SELECT * FROM alarms"):
            if row["reason"] not in expected.get(agent["party"], ()):
                yield f"{agent['party']}: alarm {row['alarm']} {row['reason']}: {row['detail']}"
            elif row["reason"] == "OUT_OF_CONTACT" and row["over_at"] is None:
                yield f"{agent['party']} still says that it is out of contact: {row['detail']}"


def agents_were_heard_of(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        beats = [
            x
            for x in e.of(agent)
            if x["method"] == "PUT" and x["path"].startswith("/vens/") and x["status"] == 200
        ]
        if len(beats) < 3:
            yield f"{agent['party']} sent {len(beats)} heartbeats"


def nobody_came_in_without_a_token(e: Evidence) -> Iterator[str]:
    strangers = [x for x in e.exchanges if not x["path"].startswith("/auth/") and not x["token"]]
    if not strangers:
        yield "no stranger tried the door"
    for x in strangers:
        if x["status"] != 401:
            yield f"exchange {x['n']}: {x['method']} {x['path']} without token: {x['status']}"


def the_killed_went_on_where_they_were(e: Evidence) -> Iterator[str]:
    """Who is killed in the scenario was, once, and served or asked again afterwards."""
    runs = (s["run"].split() for scene in e.scenario["scenes"] for s in scene.get("steps", ()))
    due = [(words[0], words[-1]) for words in runs if words[0] in ("kill", "start")]
    done = [(one["what"], one["process"]) for one in e.kills]
    if done != due:
        yield f"killed and started again: {done} for {due}"
    for one in (one for one in e.kills if one["what"] == "start"):
        ok = [x for x in e.exchanges if x["status"] < 400 and time(x["at"]) > time(one["at"])]
        if not any(one["process"] in ("vtn", x["client_id"]) for x in ok):
            yield f"{one['process']} was not heard of after {one['at']}"


def what_was_tampered_with_was_noticed(e: Evidence) -> Iterator[str]:
    """Each tampering of the scenario struck, and the agent's alarm names what was wrong with it."""
    steps = [s for scene in e.scenario["scenes"] for s in scene.get("steps", ())]
    due = [(s["run"].split()[1:3], s) for s in steps if s["run"].startswith("tamper ")]
    struck = {(one["tampering"], one["thread"]): one for one in e.tampering}
    for words, step in due:
        if words == ["nothing"]:
            continue
        name, thread = words
        one = struck.pop((name, thread), None)
        if one is None:
            yield f"nothing was tampered with: {name} {thread}"
        elif "alarm" in step and not _alarmed(e, thread, step["alarm"]):
            yield f"no alarm {step['alarm']} of {name} {thread}"
    for name, thread in struck:
        yield f"somebody tampered unasked: {name} {thread}"


def _alarmed(e: Evidence, thread: str, reason: str) -> bool:
    """Whether the agent that a dispatch is for has sounded an alarm for that reason."""
    (agent,) = (agent for agent, one, _ in e.dispatches if one == thread)
    return any(row["reason"] == reason for row in e.journal(agent, "SELECT reason FROM alarms"))


def nothing_broke_on_the_wire(e: Evidence) -> Iterator[str]:
    for x in e.exchanges:
        if any(x["path"].startswith(f"/events/{one['id']}-") for one in e.tampering):
            continue  # an event that there never was but for who tampered
        if x["status"] == 502 and e.down("vtn", time(x["at"])):
            continue
        if x["status"] >= 400 and x["token"]:
            yield f"exchange {x['n']}: {x['method']} {x['path']} answered {x['status']}"


def processes_ended_well(e: Evidence) -> Iterator[str]:
    for name in ("vtn", *(a["party"].lower() for a in e.agents)):
        code = e.exit_codes.get(name)
        if code != 0:
            yield f"{name} exited with {code}"
