"""Ways to spoil what a demo left behind, and the checks of its checker that must say no to each.

    edit    one thing where it lies: exchanges, a device's lines, a row, a file of JSON
    forge   what a message says, signed anew by its own issuer, and put wherever the old text lay;
            so is every text that names the old one by its digest

A forged text is lawful in itself and the same everywhere: only who knows what it should say sees
it. So most spoilers are for one check alone, and show that none of the others was needed.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ukprofile.signing import protected_header
from ukprofile.trust import from_base64url, to_base64url

JSON = Any
Spoil = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Spoilt:
    """`spoil` changes the evidence in a directory; just these checks must say no."""

    what: str
    spoil: Spoil
    checks: tuple[str, ...]


# -- editing ---------------------------------------------------------------------------------------


def wire(edit: Callable[[list[JSON]], None]) -> Spoil:
    """Edit the exchanges, in place."""

    def do(directory: Path) -> None:
        path = directory / "http.jsonl"
        exchanges = [json.loads(line) for line in path.read_text().splitlines()]
        before = json.dumps(exchanges)
        edit(exchanges)
        assert json.dumps(exchanges) != before
        path.write_text("".join(json.dumps(x) + "\n" for x in exchanges))

    return do


def without(unwanted: Callable[[JSON], bool]) -> Spoil:
    """As if these exchanges had never been."""

    def edit(exchanges: list[JSON]) -> None:
        exchanges[:] = [x for x in exchanges if not unwanted(x)]

    return wire(edit)


def first(wanted: Callable[[JSON], bool], **changes: Any) -> Spoil:
    """Change members of the first exchange of this kind."""

    def edit(exchanges: list[JSON]) -> None:
        next(x for x in exchanges if wanted(x)).update(changes)

    return wire(edit)


def file(name: str, edit: Callable[[JSON], None]) -> Spoil:
    """Edit a file of JSON, in place."""

    def do(directory: Path) -> None:
        value = json.loads((directory / name).read_text())
        edit(value)
        (directory / name).write_text(json.dumps(value))

    return do


def sql(database: str, statement: str) -> Spoil:
    def do(directory: Path) -> None:
        with closing(sqlite3.connect(directory / database)) as db:
            assert db.execute(statement).rowcount > 0
            db.commit()

    return do


def lines_of(name: str, edit: Callable[[list[JSON]], None]) -> Spoil:
    """Edit the lines of a log in JSON, as a device's own, in place."""

    def do(directory: Path) -> None:
        path = directory / name
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        edit(lines)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    return do


# -- forging ---------------------------------------------------------------------------------------


def forge(
    edit: Callable[[JSON], None],
    write: Callable[[JSON], str] = lambda m: json.dumps(m, sort_keys=True, separators=(",", ":")),
    **wanted: str,
) -> Spoil:
    """Edit the first message with these members (those of the body count, too), and forge it."""

    def do(directory: Path) -> None:
        old = next(text for text in _texts(directory) if _is(json.loads(text), wanted))
        message = json.loads(old)
        edit(message)
        evidence = (directory / "http.jsonl").read_text()
        (directory / "http.jsonl").write_text(_forged(directory, evidence, old, write(message)))

    return do


def _is(message: JSON, wanted: dict[str, str]) -> bool:
    of = {"of": message.get("in_reply_to", {}).get("thread")}
    return wanted.items() <= (message["body"] | message | of).items()


def _texts(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / "vtn/vtn.db")) as db:
        return [text for (text,) in db.execute("SELECT text FROM messages ORDER BY number")]


def _forged(directory: Path, evidence: str, old: str, new: str) -> str:
    """The exchanges with `new` in place of `old`, which is replaced in all tables as well."""
    keys = _keys(directory, json.loads(old)["issuer"])
    for before, after in ((old, new), (_signature(old, keys), _signature(new, keys))):
        assert json.dumps(before) in evidence
        evidence = evidence.replace(json.dumps(before), json.dumps(after))
    digests = tuple(hashlib.sha256(text.encode()).hexdigest() for text in (old, new))
    for database, table in (
        ("vtn/vtn.db", "messages"),
        *((path, "entries") for path in directory.glob("*/journal.db")),
    ):
        with closing(sqlite3.connect(directory / database)) as db:
            db.execute(
                f"UPDATE {table} SET text = ?, sha256 = ? WHERE sha256 = ?",
                (new, digests[1], digests[0]),
            )
            db.commit()
    for text in _texts(directory):
        if digests[0] in text:
            evidence = _forged(directory, evidence, text, text.replace(*digests))
    return evidence


def _keys(directory: Path, party: str) -> JSON:
    own = directory / party.lower() / "keys.json"
    return json.loads((own if own.exists() else directory / "vtn/dso_keys.json").read_text())


def _signature(text: str, keys: JSON) -> str:
    """The detached signature, as RFC 8032 has it: the same whenever the same text is signed."""
    header = protected_header("Ed25519", keys["key_set"])
    key = Ed25519PrivateKey.from_private_bytes(from_base64url(keys["Ed25519"]["seed"]))
    signed = key.sign(f"{header}.{to_base64url(text.encode())}".encode())
    return f"{header}..{to_base64url(signed)}"


# -- what is edited --------------------------------------------------------------------------------


def _said(x: JSON) -> JSON:
    """The message that an exchange posts; an empty one where there is none."""
    if (x["method"], x["path"]) != ("POST", "/reports") or not x["token"]:
        return {"kind": "", "body": {}}
    payloads = x["request"]["resources"][0]["intervals"][0]["payloads"]
    texts = [p["values"][0] for p in payloads if p["type"] == "UKFLEX_MESSAGE"]
    return json.loads(texts[0]) if texts else {"kind": "", "body": {}}


def _posts(**wanted: str) -> Callable[[JSON], bool]:
    return lambda x: _is(_said(x), wanted)


def _telemetry(asset_id: str) -> Callable[[JSON], bool]:
    def is_it(x: JSON) -> bool:
        name = (x["request"] or {}).get("reportName", "")
        return name.startswith(f"TELEMETRY-{asset_id}") and x["path"].startswith("/reports")

    return is_it


def _beats(x: JSON) -> bool:
    return x["method"] == "PUT" and x["path"].startswith("/vens/")


def _lists(x: JSON, path: str, client_id: str) -> bool:
    return (x["client_id"], x["path"], x["status"]) == (client_id, path, 200) and x["response"]


def _foreign(path: str) -> Spoil:
    def edit(exchanges: list[JSON]) -> None:
        others = next(x for x in exchanges if _lists(x, path, "bright"))
        mine = next(x for x in exchanges if _lists(x, path, "acme"))
        mine["response"] = [*mine["response"], *others["response"]]

    return wire(edit)


def _payloads(type_: str, edit: Callable[[JSON], None], **wanted: str) -> Spoil:
    """Edit the payloads of a type that stand beside these messages, or beside answers to them."""

    def of_carrier(carrier: JSON) -> None:
        intervals = carrier.get("intervals") or carrier["resources"][0]["intervals"]
        payloads = [p for i in intervals for p in i["payloads"]]
        texts = [p["values"][0] for p in payloads if p["type"] == "UKFLEX_MESSAGE"]
        if texts and _is(json.loads(texts[0]), wanted):
            for payload in payloads:
                if payload["type"] == type_:
                    edit(payload)

    def of_wire(exchanges: list[JSON]) -> None:
        for x in exchanges:
            if x["path"] == "/events" and x["status"] == 200:
                for event in x["response"]:
                    of_carrier(event)
            elif x["path"] == "/reports" and x["method"] == "POST" and x["token"]:
                of_carrier(x["request"])

    return wire(of_wire)


def _in_turn(*spoilers: Spoil) -> Spoil:
    def do(directory: Path) -> None:
        for spoil in spoilers:
            spoil(directory)

    return do


def _to(**changes: Any) -> Callable[[JSON], None]:
    """Change members of a message, or of its body, or of another object."""

    def edit(value: JSON) -> None:
        for name, new in changes.items():
            holder = value if name in value else value.get("body", value)
            assert holder.get(name) != new
            holder[name] = new

    return edit


def _broken_signature(payload: JSON) -> None:
    header, _, raw = payload["values"][0].partition("..")
    payload["values"] = [f"{header}..{'B' if raw[0] == 'A' else 'A'}{raw[1:]}"]


def _kilowatts(payload: JSON) -> None:
    payload["values"] = [payload["values"][0] * 1000]


def _shorter(name: str) -> Callable[[JSON], None]:
    return lambda message: message["body"][name].pop()


def _more(name: str) -> Callable[[JSON], None]:
    def edit(message: JSON) -> None:
        series = message["body"][name]
        series[series.index(max(series))] *= 2

    return edit


def _another_hour(exchanges: list[JSON]) -> None:
    for x in exchanges:
        if _lists(x, "/events", "acme"):
            shown = json.dumps(x["response"])
            x["response"] = json.loads(shown.replace('"duration": "PT2H"', '"duration": "PT3H"'))


def _float(message: JSON) -> None:
    message["body"]["power_w"] = float(message["body"]["power_w"])


def _export(exchanges: list[JSON]) -> None:
    newest = [x for x in exchanges if _telemetry("NORTH-AS-000202")(x)]
    for x in newest:
        for interval in x["request"]["resources"][0]["intervals"]:
            for payload in interval["payloads"]:
                if payload["type"] == "DEMAND":
                    payload["values"] = [-payload["values"][0]]


def _price(message: JSON) -> None:
    message["body"]["price"]["utilisation_minor_per_mwh"] = 20_000


def _dearer(message: JSON) -> None:
    message["body"]["periods"][0]["delta_w"] = 400_000


def _one_of_ids(exchanges: list[JSON]) -> None:
    """An acknowledgement that reads back another asset."""
    for interval in next(x for x in exchanges if _posts(of="DSP-NIGHT")(x))["request"]["resources"][
        0
    ]["intervals"]:
        for payload in interval["payloads"]:
            if payload["type"] == "ASSET_ID":
                payload["values"] = ["NORTH-AS-000102"]


def _told_again(lines: list[JSON]) -> None:
    """The same level once more, in the middle of a run: harmless, and not in time."""
    again = lines[0] | {"at": lines[0]["from"].replace(":30:", ":45:")}
    lines.insert(1, again)


def _told_late(lines: list[JSON]) -> None:
    lines[0]["at"] = lines[0]["from"].replace(":30:", ":33:")


def _one_watt(lines: list[JSON]) -> None:
    lines[0]["delta_w"] += 1


def _longer(lines: list[JSON]) -> None:
    lines[0]["to"] = lines[0]["to"].replace(":30:", ":31:")


def _paid(what: str, edit: Callable[[JSON], None]) -> Spoil:
    """Edit BRIGHT's first line of that kind at both ends."""

    def both(found: JSON) -> None:
        lines = next(one["lines"] for one in found if one["fsp"] == "BRIGHT")
        edit(next(line for line in lines if line["what"] == what))

    return _in_turn(file("bright/statement.json", both), file("statement.json", both))


ACME_DEVICE = "acme/devices/NORTH-AS-000101.jsonl"

FORM = "every text is in the published form"
SIGNED = "every text is signed by its issuer"
REVISIONS = "revisions rise and ids are used once"
PROJECTION = "the projection says the same"
EXPECTED = "everybody said what was expected"
ACKNOWLEDGED = "everything was acknowledged once and in time"
READ_BACK = "acknowledgements read back what was shown"
CHEAPEST = "the cheapest offers were taken"
PARTIAL = "what was accepted in part was confirmed so"
STATES = "the desk knows where each dispatch stands"
ALARMS = "the desk was told what a person should look at"
HELD = "devices held just what was asked"
IN_TIME = "devices were told in time"
REPORTED = "runs were reported as they were"
METERED = "the day was metered whole"
SHOWN = "the readings were shown as they came"
DELIVERED = "delivered energy is what the devices gave"
BOTH_PAY = "both ends say the same of what is paid"
PAID = "what was given is paid at its price"
PRIVATE = "nobody saw what is others"
KEPT = "the vtn kept everything"
LEDGERS = "both ledgers hold the same texts"
DONE = "nothing was left undone"
HEARD_OF = "agents were heard of"
TOKEN = "nobody came in without a token"
TAMPERED = "what was tampered with was noticed"
KILLED = "the killed went on where they were"
BROKE = "nothing broke on the wire"
ENDED = "processes ended well"

_EXECUTING = {"kind": "status", "state": "executing", "of": "DSP-NIGHT"}

# fmt: off
SPOILT: Sequence[Spoilt] = (
    Spoilt("a text with a space in it", forge(lambda m: None, lambda m: json.dumps(m, sort_keys=True), **_EXECUTING), (FORM,)),
    Spoilt("a text with a float in it", forge(_float, **_EXECUTING), (FORM,)),
    Spoilt("a text without its profile", forge(lambda m: m.pop("valid_until"), **_EXECUTING), (FORM,)),
    Spoilt("a text for production", forge(_to(environment="production"), **_EXECUTING), (FORM,)),
    Spoilt("a signature that does not verify", _payloads("UKFLEX_SIGNATURE", _broken_signature, **_EXECUTING), (SIGNED,)),
    Spoilt("a message for another DSO", forge(_to(recipient="SOUTH"), **_EXECUTING), (SIGNED,)),
    Spoilt("a message about another contract", forge(_to(program="NORTH:FLEX-2026-0102"), **_EXECUTING), (SIGNED,)),
    Spoilt("a revision that falls", forge(_to(revision=1), kind="instruction", thread="DSP-ACME-PM"), (REVISIONS,)),
    Spoilt("kilowatts for megawatts", _payloads("DISPATCH_SETPOINT_RELATIVE", _kilowatts, thread="DSP-NIGHT"), (PROJECTION, READ_BACK)),
    Spoilt("an hour longer for whoever reads the projection", wire(_another_hour), (PROJECTION,)),
    Spoilt("a run that was not reported", without(_posts(**_EXECUTING)), (EXPECTED,)),
    Spoilt("another reason of a refusal", forge(_to(reason="OVER_CAPACITY"), kind="acknowledgement", of="DSP-CEDAR-BAD"), (EXPECTED,)),
    Spoilt("an acceptance that was not acknowledged", without(lambda x: _said(x)["kind"] == "acknowledgement" and _said(x)["in_reply_to"]["thread"].startswith("ACC-")), (ACKNOWLEDGED,)),
    Spoilt("an acknowledgement that came late", first(_posts(kind="acknowledgement", of="DSP-NIGHT"), at="2026-11-24T00:29:00.000Z"), (ACKNOWLEDGED,)),
    Spoilt("a dispatch that was not acknowledged", without(_posts(kind="acknowledgement", of="DSP-ACME-EVE")), (EXPECTED, ACKNOWLEDGED)),
    Spoilt("another asset read back", wire(_one_of_ids), (READ_BACK,)),
    Spoilt("a cheaper offer was turned down", forge(_price, kind="availability", issuer="CEDAR"), (CHEAPEST,)),
    Spoilt("less was confirmed than accepted in part", forge(_dearer, kind="response", answer="partial"), (PARTIAL,)),
    Spoilt("another state at the desk", file("status.json", lambda s: s["dispatches"][0].update(state="running")), (STATES,)),
    Spoilt("a dispatch that nobody asked for", file("status.json", lambda s: s["dispatches"].append({"thread": "DSP-MORE"})), (STATES,)),
    Spoilt("an alarm that was not told", file("alarms.json", lambda a: a["alarms"].pop()), (ALARMS,)),
    Spoilt("an alarm told twice", file("alarms.json", lambda a: a["alarms"].append(a["alarms"][0])), (ALARMS,)),
    Spoilt("one watt too many", lines_of(ACME_DEVICE, _one_watt), (HELD,)),
    Spoilt("a minute too long", lines_of(ACME_DEVICE, _longer), (HELD,)),
    Spoilt("told again in the middle of a run", lines_of(ACME_DEVICE, _told_again), (IN_TIME,)),
    Spoilt("told too late", lines_of(ACME_DEVICE, _told_late), (HELD, IN_TIME, DELIVERED)),
    Spoilt("another power reported", forge(_to(power_w=-650000), **_EXECUTING), (REPORTED,)),
    Spoilt("executing at another time", forge(_to(at="2026-11-24T00:36:00Z"), **_EXECUTING), (REPORTED,)),
    Spoilt("a make-up that lacks an asset", forge(_shorter("make_up"), kind="status", state="executing", of="DSP-BRIGHT-PM"), (REPORTED,)),
    Spoilt("a day without its last half hour", forge(_shorter("quality"), kind="post_action", of="DSP-NIGHT"), (METERED,)),
    Spoilt("readings that stop before the day does", without(lambda x: _telemetry("NORTH-AS-000303")(x) and len(x["request"]["resources"][0]["intervals"]) == 288), (SHOWN,)),
    Spoilt("import shown as export", wire(_export), (SHOWN,)),
    Spoilt("more delivered than given", forge(_more("delivered_wh"), kind="post_action", of="DSP-BRIGHT-PM"), (DELIVERED,)),
    Spoilt("an FSP that counts on a penny more", file("bright/statement.json", lambda s: s[0]["lines"][0].update(paid_minor=s[0]["lines"][0]["paid_minor"] + 1)), (BOTH_PAY,)),
    Spoilt("a line that one end lacks", file("bright/statement.json", lambda s: s[0]["lines"].pop()), (BOTH_PAY,)),
    Spoilt("both ends pay a penny more", _paid("availability", lambda line: line.update(paid_minor=line["paid_minor"] + 1)), (PAID,)),
    Spoilt("both ends pay for half of it", _paid("utilisation", lambda line: line.update(counted_wh=line["counted_wh"] // 2)), (PAID,)),
    Spoilt("a contract of others", _foreign("/programs"), (PRIVATE,)),
    Spoilt("a lost report", sql("vtn/vtn.db", "DELETE FROM objects WHERE kind = 'REPORT'"), (KEPT,)),
    Spoilt("a lost outbox row", sql("vtn/vtn.db", "DELETE FROM outbox WHERE kind = 'REPORT'"), (KEPT,)),
    Spoilt("a report of somebody else", sql("vtn/vtn.db", "UPDATE objects SET client_id = 'somebody' WHERE kind = 'REPORT'"), (KEPT,)),
    Spoilt("a message the VTN lost", sql("vtn/vtn.db", "DELETE FROM messages WHERE kind = 'status'"), (LEDGERS,)),
    Spoilt("a message the agent lost", sql("acme/journal.db", "DELETE FROM entries WHERE kind = 'status'"), (LEDGERS,)),
    Spoilt("a report that was not sent", sql("acme/journal.db", "UPDATE outbox SET state = 'QUEUED'"), (DONE,)),
    Spoilt("a command that was not carried out", sql("acme/journal.db", "UPDATE commands SET state = 'FAILED'"), (DONE,)),
    Spoilt("an alarm of an agent", sql("cedar/journal.db", "INSERT INTO alarms (key, alarm, reason, detail, event_id, security, at) VALUES ('k', 'SECURITY', 'BAD_SIGNATURE', '', '', 1, '')"), (DONE,)),
    Spoilt("an agent that was not heard of", without(lambda x: x["client_id"] == "cedar" and _beats(x)), (HEARD_OF,)),
    Spoilt("an open door", first(lambda x: x["path"] == "/events" and not x["token"], status=200), (TOKEN,)),
    Spoilt("a door that nobody tried", without(lambda x: not x["token"] and not x["path"].startswith("/auth/")), (TOKEN,)),
    Spoilt("an agent out of contact for ever", sql("acme/journal.db", "UPDATE alarms SET over_at = NULL WHERE reason = 'OUT_OF_CONTACT'"), (DONE,)),
    Spoilt("an agent that was not started again", lines_of("kills.jsonl", lambda lines: lines.pop()), (KILLED,)),
    Spoilt("a tampering that never was", lines_of("tampering.jsonl", lambda lines: lines.pop()), (TAMPERED,)),
    Spoilt("a tampering that nobody noticed", sql("acme/journal.db", "DELETE FROM alarms WHERE reason = 'SIGNATURE_INVALID'"), (TAMPERED,)),
    Spoilt("an answer of 502 when the VTN was up", first(lambda x: x["path"] == "/events" and x["status"] == 304, status=502), (BROKE,)),
    Spoilt("an answer of 500", first(_beats, status=500), (BROKE,)),
    Spoilt("a process that was killed", file("exit_codes.json", _to(bright=-9)), (ENDED,)),
)
# fmt: on
