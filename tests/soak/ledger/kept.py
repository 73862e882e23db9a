"""Nothing acknowledged was lost: what was answered, shown, acknowledged and said is kept."""

import base64
import json
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.soak.ledger.evidence import JSON, Evidence, Text, counts, texts_in, time

_WRITES = ("POST", "PUT")
_OBJECTS = ("/programs", "/events", "/reports", "/vens", "/resources", "/subscriptions")


def what_was_answered_is_stored(e: Evidence) -> Iterator[str]:
    """Whoever was answered 2xx finds it: the object, as written then or later; and its text."""
    for x in e.exchanges:
        if x["method"] not in _WRITES or x["status"] not in (200, 201):
            continue
        if x["path"].startswith("/desk/"):
            yield from _order(e, x)
        elif x["path"].startswith(_OBJECTS):
            yield from _object(e, x)


def _order(e: Evidence, x: JSON) -> Iterator[str]:
    said = x["response"]
    found = e.dispatches.get((said["provider"], said["thread"]), ())
    if not any((t.revision, t.kind) == (said["revision"], said["kind"]) for t in found):
        yield f"{x['path']} {said['thread']} was answered {x['status']} and is no text of the ledger"


def _object(e: Evidence, x: JSON) -> Iterator[str]:
    made = x["response"]
    held = e.objects.get(made["id"])
    what = f"{made['objectType']} {made['id']}, answered {x['status']} in exchange {x['n']},"
    if held is None:
        yield f"{what} is not stored"
        return
    then, last = (time(one["modificationDateTime"]) for one in (made, held))
    if last < then or (last == then and _plain(held) != _plain(made)):
        yield f"{what} is stored as it was before"
    for text in texts_in(x["request"]):
        if not any(t.text == text and counts(t) for t in e.texts):
            yield f"{what} carried a text that the ledger does not hold"


def _plain(shown: JSON) -> JSON:
    """An object but for its targets, which stand beside it in the store."""
    return {name: value for name, value in shown.items() if name != "targets"}


def what_was_shown_is_stored(e: Evidence) -> Iterator[str]:
    """An agent acts on what it is shown: nothing may be seen that a kill can take back."""
    held = {text.text for text in e.texts}
    for x in e.exchanges:
        if x["method"] == "GET" and x["status"] == 200 and x["path"].startswith("/events"):
            shown = x["response"] if isinstance(x["response"], list) else [x["response"]]
            for event in shown:
                for text in texts_in(event):
                    if text not in held:
                        yield f"exchange {x['n']} shows a text that the ledger does not hold"


def what_an_agent_acknowledged_is_in_its_journal(e: Evidence) -> Iterator[str]:
    for agent in e.agents:
        for text in e.texts:
            if text.issuer != agent.party or text.kind != "acknowledgement":
                continue
            held = agent.by_digest.get(text.answers)
            if held is None:
                yield f"{agent.party} acknowledged {text.thread}, and does not hold it"
            elif (text.body["decided"] == "received") is not counts(held):
                yield f"{agent.party} acknowledged {held.name} otherwise than it holds it"


def what_an_agent_said_is_in_its_journal(e: Evidence) -> Iterator[str]:
    """Both ledgers hold the same: whatever one has of the other is there, too."""
    for agent in e.agents:
        for text in e.texts:
            if text.issuer == agent.party and text.sha256 not in agent.by_digest:
                yield f"{agent.party} said {text.name}, and does not hold it"
        for text in agent.texts:
            if text.issuer == e.dso and text.sha256 not in e.by_digest:
                yield f"{agent.party} holds {text.name}, which the VTN does not"
        for post in agent.posts:
            taken = [t for t in texts_in(json.loads(post["body"])) if post["state"] == "SENT"]
            if taken and taken[0] not in {t.text for t in e.texts}:
                yield f"{agent.party} knows that its {post['kind']} was taken; the VTN has it not"


def every_text_is_signed_by_its_issuer(e: Evidence) -> Iterator[str]:
    keys = {agent.party: agent.key for agent in e.agents} | {e.dso: e.dso_key}
    ledgers = {"the VTN": e.texts} | {agent.party: agent.texts for agent in e.agents}
    for owner, texts in ledgers.items():
        for text in texts:
            if fault := _signature_fault(text, keys.get(text.issuer, {})):
                yield f"{owner} holds {text.name} of {text.issuer}: {fault}"


def _signature_fault(text: Text, key: JSON) -> str:
    """What is wrong with the one Ed25519 signature beside a text; "" for nothing."""
    if "Ed25519" not in key or len(text.signatures) != 1:
        return f"{len(text.signatures)} signatures"
    header = {"alg": "Ed25519", "kid": key["key_set"], "typ": "ukflex+jws"}
    protected, _, raw = text.signatures[0].partition("..")
    if protected != _b64(json.dumps(header, separators=(",", ":")).encode()):
        return "another header"
    public = Ed25519PublicKey.from_public_bytes(_unb64(key["Ed25519"]["public"]))
    try:
        public.verify(_unb64(raw), f"{protected}.{_b64(text.text.encode())}".encode())
    except InvalidSignature:
        return "it does not verify"
    return ""


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def no_number_is_used_twice(e: Evidence) -> Iterator[str]:
    """Two texts of one thread differ in revision, and any two in message id."""
    for owner, texts in (("the VTN", e.texts), *((a.party, a.texts) for a in e.agents)):
        numbers: dict[tuple[str, ...], Text] = {}
        for text in texts:
            said = text.message
            slot = (said["issuer"], said["program"], text.thread, str(text.revision))
            for number in (slot, (said["message_id"],)):
                if numbers.setdefault(number, text).text != text.text:
                    yield f"{owner} holds two texts of {' '.join(number)}"
