"""Did it really happen? An independent check of a demo, from what it left behind.

    checker.py SCENARIO DIRECTORY

Reads the scenario, and against it: every HTTP exchange as a proxy recorded it, the agents'
journals, the devices' own logs, the VTN's database, the exit codes. Imports nothing of this
project, so that it shares no mistake with what it checks; signatures are verified from the
published format alone.

Exit codes: 0 everything agrees; 1 something does not, and each disagreement is named.
"""

import base64
import hashlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

JSON = Any
READS = ("/programs", "/events", "/reports", "/vens", "/resources")
LATEST_REPORT = timedelta(minutes=5)
TOLERANCE_W = 1


class Evidence:
    """What a demo left behind."""

    def __init__(self, scenario: Path, directory: Path) -> None:
        self.scenario: JSON = json.loads(scenario.read_text())
        self.directory = directory
        self.dso: str = self.scenario["dso"]
        self.agents: list[JSON] = self.scenario["agents"]
        lines = (directory / "http.jsonl").read_text().splitlines()
        self.exchanges: list[JSON] = [json.loads(line) for line in lines]
        self.exit_codes: JSON = json.loads((directory / "exit_codes.json").read_text())
        self.dso_key: JSON = json.loads((directory / "dso_public.json").read_text())

    def of(self, agent: JSON) -> list[JSON]:
        return [e for e in self.exchanges if e["client_id"] == agent["party"].lower()]

    def home(self, agent: JSON) -> Path:
        return self.directory / agent["party"].lower()

    def key(self, agent: JSON) -> JSON:
        return json.loads((self.home(agent) / "public.json").read_text())

    def events(self, agent: JSON) -> dict[str, JSON]:
        """The events the agent was shown, by id, as it saw them last."""
        return {
            one["id"]: one
            for exchange in self.of(agent)
            if exchange["path"] == "/events" and exchange["status"] == 200
            for one in exchange["response"]
        }

    def dispatch(self, agent: JSON) -> JSON:
        """The event of the agent's order, or None."""
        wanted = agent["order"]["thread"]
        found = [e for e in self.events(agent).values() if message(e)["thread"] == wanted]
        return found[0] if len(found) == 1 else None

    def answers(self, agent: JSON, kind: str) -> list[JSON]:
        """The exchanges in which the agent posted a message of that kind about its order."""
        wanted = agent["order"]["thread"]
        posts = [
            e
            for e in self.of(agent)
            if (e["method"], e["path"]) == ("POST", "/reports") and e["status"] in (200, 201)
        ]
        return [
            e
            for e in posts
            if message(e["request"])["kind"] == kind
            and message(e["request"])["in_reply_to"]["thread"] == wanted
        ]

    def device_lines(self, agent: JSON) -> list[JSON]:
        log = self.home(agent) / "devices" / f"{agent['asset_id']}.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def rows(self, database: Path, sql: str) -> list[JSON]:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]

    def vtn(self, sql: str) -> list[JSON]:
        return self.rows(self.directory / "vtn/vtn.db", sql)

    def journal(self, agent: JSON, sql: str) -> list[JSON]:
        return self.rows(self.home(agent) / "journal.db", sql)


# -- the published format --------------------------------------------------------------------------


def payloads(carrier: JSON) -> Iterator[JSON]:
    """The payloads of the first interval of an event or report."""
    intervals = carrier.get("intervals") or carrier["resources"][0]["intervals"]
    yield from intervals[0]["payloads"]


def text_of(carrier: JSON) -> str:
    return next(p["values"][0] for p in payloads(carrier) if p["type"] == "UKFLEX_MESSAGE")


def message(carrier: JSON) -> JSON:
    return json.loads(text_of(carrier))


def digest(carrier: JSON) -> str:
    return hashlib.sha256(text_of(carrier).encode()).hexdigest()


def signature_fault(carrier: JSON, key: JSON) -> str:
    """What is wrong with the Ed25519 signature beside a message; "" for nothing."""
    found = [p["values"][0] for p in payloads(carrier) if p["type"] == "UKFLEX_SIGNATURE"]
    if len(found) != 1:
        return f"{len(found)} signatures"
    header = json.dumps(
        {"alg": "Ed25519", "kid": key["key_set"], "typ": "ukflex+jws"}, separators=(",", ":")
    )
    protected, _, raw = found[0].partition("..")
    if protected != b64(header.encode()):
        return f"its header is not that of {key['key_set']}"
    signed = f"{protected}.{b64(text_of(carrier).encode())}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(unb64(key["Ed25519"]["public"])).verify(
            unb64(raw), signed
        )
    except InvalidSignature:
        return "it does not verify"
    return ""


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# -- the checks: each yields what is wrong ---------------------------------------------------------


def processes_ended_well(e: Evidence) -> Iterator[str]:
    for name in ("vtn", *(a["party"].lower() for a in e.agents)):
        code = e.exit_codes.get(name)
        if code != 0:
            yield f"{name} exited with {code}"


def nobody_came_in_without_a_token(e: Evidence) -> Iterator[str]:
    strangers = [x for x in e.exchanges if not x["path"].startswith("/auth/") and not x["token"]]
    if not strangers:
        yield "no stranger tried the door"
    for x in strangers:
        if x["status"] != 401:
            yield f"exchange {x['n']}: {x['method']} {x['path']} without token: {x['status']}"


def nothing_broke_on_the_wire(e: Evidence) -> Iterator[str]:
    for x in e.exchanges:
        if x["status"] >= 400 and x["token"]:
            yield f"exchange {x['n']}: {x['method']} {x['path']} answered {x['status']}"


def each_order_reached_its_fsp(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        event, order = e.dispatch(agent), agent["order"]
        if event is None:
            yield f"{agent['party']} never saw {order['thread']}, or saw it twice"
            continue
        said, body = message(event), message(event)["body"]
        asset = order.get("asset_id", agent["asset_id"])
        wanted = {
            "kind": "instruction",
            "issuer": e.dso,
            "recipient": agent["party"],
            "program": agent["contract_id"],
        }
        for name, value in wanted.items():
            if said[name] != value:
                yield f"{order['thread']} says {name} {said[name]}, ordered was {value}"
        periods = [(p["start"], p["end"], p["delta_w"]) for p in body["periods"]]
        if periods != [(order["start"], order["end"], order["delta_w"])]:
            yield f"{order['thread']} says {periods}"
        if [a["asset_id"] for a in body["assets"]] != [asset]:
            yield f"{order['thread']} is for {body['assets']}"
        if fault := signature_fault(event, e.dso_key):
            yield f"{order['thread']}: the DSO's signature: {fault}"


def the_projection_says_the_same(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        event, order = e.dispatch(agent), agent["order"]
        if event is None:
            continue
        first = event["intervals"][0]
        shown = {p["type"]: p["values"][0] for p in first["payloads"]}
        megawatts = shown.get("DISPATCH_SETPOINT_RELATIVE")
        if megawatts != order["delta_w"] / 1_000_000:
            yield f"{order['thread']}: the projection says {megawatts} MW"
        if time(first["intervalPeriod"]["start"]) != time(order["start"]):
            yield f"{order['thread']}: the projection starts at {first['intervalPeriod']}"
        if shown.get("SELF_DISPATCHED") is not True:
            yield f"{order['thread']}: the projection is not firm"


def nobody_saw_what_is_others(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        own = "CONTRACT_ID-" + agent["contract_id"].replace(":", "-")
        for x in e.of(agent):
            if x["method"] != "GET" or x["status"] != 200 or not x["path"].startswith(READS):
                continue
            objects = x["response"] if isinstance(x["response"], list) else [x["response"]]
            for one in objects:
                by_target = one["objectType"] in ("PROGRAM", "EVENT")
                mine = (
                    one.get("targets") == [own]
                    if by_target
                    else one["clientID"] == agent["party"].lower()
                )
                if not mine:
                    yield f"{agent['party']} was shown {one['objectType']} {one['id']} of others"


def each_order_was_acknowledged_once(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        event, order, expect = e.dispatch(agent), agent["order"], agent["expect"]
        answers = e.answers(agent, "acknowledgement")
        if event is None or len(answers) != 1:
            yield f"{order['thread']} was acknowledged {len(answers)} times"
            continue
        report, at = answers[0]["request"], time(answers[0]["at"])
        said, body = message(report), message(report)["body"]
        if said["in_reply_to"]["sha256"] != digest(event):
            yield f"{order['thread']}: the acknowledgement is of another text"
        if (body["decided"], body.get("reason", "")) != (expect["decided"], expect["reason"]):
            yield f"{order['thread']}: answered {body['decided']} {body.get('reason', '')}"
        if fault := signature_fault(report, e.key(agent)):
            yield f"{order['thread']}: the FSP's signature: {fault}"
        if at > time(message(event)["body"]["ack_by"]):
            yield f"{order['thread']}: acknowledged at {answers[0]['at']}, after ack_by"


def acknowledgements_read_back_what_was_shown(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        event = e.dispatch(agent)
        for x in e.answers(agent, "acknowledgement"):
            shown = plain(event["intervals"]) if event else []
            read = plain(x["request"]["resources"][0]["intervals"])
            if shown != read:
                yield f"{agent['party']} read back {read}, shown was {shown}"


def plain(intervals: JSON) -> list[JSON]:
    """The projected payloads, by interval id."""
    return [
        (i["id"], [p for p in i["payloads"] if not p["type"].startswith("UKFLEX_")])
        for i in intervals
    ]


def devices_did_just_what_was_accepted(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        wanted = [
            (time(c["from"]), time(c["to"]), c["delta_w"], c["target_w"])
            for c in agent["expect"]["commands"]
        ]
        done = [
            (time(line["from"]), time(line["to"]), line["delta_w"], line["target_w"])
            for line in e.device_lines(agent)
        ]
        if done != wanted:
            shown = "; ".join(
                f"{w:+} W (to {t} W) {a:%H:%M:%S}-{b:%H:%M:%S}" for a, b, w, t in done
            )
            yield f"the device of {agent['party']} was told: {shown or 'nothing'}"


def devices_were_told_before_the_start(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for line in e.device_lines(agent):
            if time(line["at"]) > time(line["from"]):
                yield f"{agent['party']}: told at {line['at']}, due at {line['from']}"


def the_run_was_reported(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        bodies = [message(x["request"])["body"] for x in e.answers(agent, "status")]
        states = [body["state"] for body in bodies]
        if states != agent["expect"]["states"]:
            yield f"{agent['party']} reported {states}, expected was {agent['expect']['states']}"
            continue
        for x in e.answers(agent, "status"):
            if fault := signature_fault(x["request"], e.key(agent)):
                yield f"{agent['party']}: a status: {fault}"
            yield from _status_faults(agent, message(x["request"])["body"])


def _status_faults(agent: JSON, body: JSON) -> Iterator[str]:
    order, party = agent["order"], agent["party"]
    edge = time(order["start"] if body["state"] == "executing" else order["end"])
    if not edge <= time(body["at"]) <= edge + LATEST_REPORT:
        yield f"{party} says {body['state']} at {body['at']}, due about {edge:%H:%M:%S}"
    if body["state"] == "executing":
        target = agent["expect"]["commands"][0]["target_w"]
        if abs(body.get("power_w", 0) - target) > TOLERANCE_W:
            yield f"{party} executes {body.get('power_w')} W, due are {target} W"


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
        entries = e.journal(agent, "SELECT * FROM entries")
        for row in entries:
            there = vtn.get(row["sha256"])
            if there is None or there["text"] != row["text"]:
                yield f"{agent['party']} holds a {row['kind']} that the VTN does not"
        order = agent["order"]["thread"]
        mine = [r for r in entries if r["thread"] == order and r["kind"] == "instruction"]
        verdict = "act" if agent["expect"]["decided"] == "received" else "refused"
        if [(r["verdict"], r["reason"]) for r in mine] != [(verdict, agent["expect"]["reason"])]:
            yield f"{agent['party']} decided {[(r['verdict'], r['reason']) for r in mine]}"


def nothing_was_left_undone(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for row in e.journal(agent, "SELECT * FROM outbox WHERE state <> 'SENT'"):
            yield f"{agent['party']}: the report {row['name']} is {row['state']}"
        for row in e.journal(agent, "SELECT * FROM commands WHERE state <> 'CONFIRMED'"):
            yield f"{agent['party']}: a command is {row['state']}"
        for row in e.journal(agent, "SELECT * FROM alarms"):
            yield f"{agent['party']}: alarm {row['alarm']} {row['reason']}: {row['detail']}"


def agents_were_heard_of(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        beats = [
            x
            for x in e.of(agent)
            if x["method"] == "PUT" and x["path"].startswith("/vens/") and x["status"] == 200
        ]
        if len(beats) < 3:
            yield f"{agent['party']} sent {len(beats)} heartbeats"


CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    each_order_reached_its_fsp,
    the_projection_says_the_same,
    nobody_saw_what_is_others,
    each_order_was_acknowledged_once,
    acknowledgements_read_back_what_was_shown,
    devices_did_just_what_was_accepted,
    devices_were_told_before_the_start,
    the_run_was_reported,
    the_vtn_kept_everything,
    both_ledgers_hold_the_same_texts,
    nothing_was_left_undone,
    agents_were_heard_of,
    nobody_came_in_without_a_token,
    nothing_broke_on_the_wire,
    processes_ended_well,
)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__)
        return 2
    evidence = Evidence(Path(arguments[0]), Path(arguments[1]))
    wrong = 0
    for check in CHECKS:
        faults = _faults(check, evidence)
        print(f"  {'no ' if faults else 'yes'}  {check.__name__.replace('_', ' ')}")
        for fault in faults[:5]:
            print(f"         {fault}")
        if len(faults) > 5:
            print(f"         ... and {len(faults) - 5} more")
        wrong += bool(faults)
    total = len(CHECKS)
    print(f"{total - wrong} of {total} checks agree, over {len(evidence.exchanges)} HTTP exchanges")
    return 1 if wrong else 0


def _faults(check: Callable[[Evidence], Iterator[str]], evidence: Evidence) -> list[str]:
    """What a check finds; evidence it cannot even read is a fault, too."""
    try:
        return list(check(evidence))
    except (KeyError, IndexError, TypeError, ValueError, StopIteration, sqlite3.Error) as error:
        return [f"the evidence cannot be read: {error!r}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
