"""What the agent says, signed and queued: answers, and what nobody asked for.

Minted in the transaction that decides (profile 2, revision): the text is an entry of the journal
and its report a row of the outbox, or neither is. One thread for each kind of answer to a
dispatch: AK-DSP-0001, RS-DSP-0001, ST-DSP-0001. What nobody signed is answered unsigned, in the
words of the draft GB API (`ven.draft`).
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.answer import Acknowledgement, Decided, Status
from ukprofile.flex.bodies import Body, kind_of
from ukprofile.flex.common import Asset, read_assets
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.header import Header, Reference, uuid7
from ukprofile.flex.times import milliseconds
from ukprofile.mapping.answer import DRAFT_STATUS, answer_report, read_back
from ukprofile.mapping.draft import draft_read_back, draft_status
from ukprofile.openadr import Event, ReportRequest
from ukprofile.openadr.event import EventFields
from ukprofile.receiving import Entry, Ledger, Slot, parse_text, sent_entry
from ukprofile.signing import Sealed, SigningKeys, seal
from ven.anchor import contract_event
from ven.draft import is_draft
from ven.journal import Book

_VALID = timedelta(hours=24)
_THREAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PREFIXES = {
    "acknowledgement": "AK",
    "availability": "AV",
    "post_action": "PA",
    "response": "RS",
    "status": "ST",
}
"""What my thread beside one of the DSO's begins with."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who signs: my keys, the suite, my environment, and randomness for message ids.

    `doubt` says why my clock cannot be believed, "" = it can: nothing is signed by one that
    cannot (research security 4).
    """

    keys: SigningKeys
    suite: int
    environment: str
    random_bytes: Callable[[int], bytes]
    doubt: Callable[[], str] = lambda: ""


class InDoubt(Refused):
    """My clock cannot be believed, so nothing is signed. What was due is due again later."""

    def __init__(self, doubt: str) -> None:
        super().__init__("CLOCK_STEP", f"{doubt}: nothing is signed until it can be believed")


def acknowledge(
    book: Book,
    voice: Voice,
    entry: Entry,
    decided: Decided,
    notices: tuple[str, ...],
    event_id: str,
    event: EventFields,
    now: datetime,
) -> str:
    """Answer `entry` by READ_BACK of what `event` was read to say; the message id, "" for none.

    There is no answer to a text of which nobody can say what assets it is about: a stop of a
    thread and a contract that were never read. Raises InDoubt, as all that signs.
    """
    about = _about(book, entry)
    if about is None:
        return ""
    contract_id, zone, assets = about
    body = Acknowledgement(
        contract_id=contract_id,
        zone=zone,
        assets=assets,
        decided=decided,
        reason=entry.reason if decided == "refused" else None,
        notices=notices,
    ).to_json()
    header = _header(book, voice, entry, "acknowledgement", now)
    sealed = _keep(book, voice, header, body, now)
    _post(book, header, event_id, read_back(sealed, header, event_id, event), now)
    return header.message_id


def reply(
    book: Book,
    voice: Voice,
    entry: Entry,
    body: Body,
    event_id: str,
    now: datetime,
    *,
    about: str = "",
) -> str:
    """Answer the message of `entry` by any kind but the acknowledgement; the message id.

    "" where nothing is said: the draft has words for two states only.
    Of a kind that answers one message several times, each has a thread of its own: `about` what.
    """
    if is_draft(entry.slot):
        return _reply_unsigned(book, voice, entry, body, event_id, now)
    header = _header(book, voice, entry, kind_of(body), now, about)
    return _send(book, voice, header, body, event_id, now)


def tell_gone(book: Book, voice: Voice, entry: Entry, now: datetime) -> str:
    """Tell the DSO that the event of `entry` is gone, and its text held (profile 2, Acting).

    By another acknowledgement, on the contract's event; "" where that is gone too, or where nobody
    can say what the text is about.
    """
    event_id, about = contract_event(book, entry.slot.program), _about(book, entry)
    if not event_id or about is None:
        return ""
    contract_id, zone, assets = about
    body = Acknowledgement(
        contract_id=contract_id,
        zone=zone,
        assets=assets,
        decided="received",
        reason="EVENT_WITHDRAWN",
    )
    return reply(book, voice, entry, body, event_id, now)


def acknowledged(book: Book, voice: Voice, slot: Slot, sha256: str) -> Entry | None:
    """My first acknowledgement of that text, if it is the newest of `slot` that I acknowledged.

    A text that was not decided yet has one where another journal decided it (`ven.recall`).
    """
    said = sorted(book.thread(_own_slot(voice, slot, "acknowledgement")), key=lambda e: e.revision)
    newest = [one for one in said if one.in_reply_to == said[-1].in_reply_to]
    return newest[0] if newest and newest[0].in_reply_to == sha256 else None


def last_reply(book: Book, voice: Voice, entry: Entry, kind: str, about: str = "") -> Entry | None:
    """The newest thing I replied in the thread that `reply` uses; None where I have not yet."""
    said = book.thread(_own_slot(voice, entry.slot, kind, about))
    return max(said, key=lambda one: one.revision, default=None)


def read_back_unsigned(book: Book, voice: Voice, event: Event, now: datetime) -> None:
    """Read back what was understood of an event of the draft (5.5)."""
    name = uuid7(now, voice.random_bytes)
    report = draft_read_back(event, voice.keys.party, name)
    book.post(name, "read_back", event.id, report.dump_json(), now)


def _reply_unsigned(
    book: Book, voice: Voice, entry: Entry, body: Body, event_id: str, now: datetime
) -> str:
    word = DRAFT_STATUS.get(body.state) if isinstance(body, Status) else None
    if word is None:
        return ""
    name = uuid7(now, voice.random_bytes)
    program_id = parse_text(entry.text)["body"]["program_id"]
    report = draft_status(word, program_id, event_id, voice.keys.party, name)
    book.post(name, "status", event_id, report.dump_json(), now)
    return name


def declare(
    book: Book,
    voice: Voice,
    to: Slot,
    body: Body,
    event_id: str,
    valid_until: datetime,
    now: datetime,
) -> str:
    """Say what nobody asked for, or another revision of it, in the thread of `to`; its message id.

    `to` is a slot of mine: `issuer` me, `recipient` the DSO.
    """
    header = _bare_header(book, voice, to, kind_of(body), valid_until, now)
    return _send(book, voice, header, body, event_id, now)


def own_thread(prefix: str, thread: str) -> str:
    """My thread beside the DSO's: what a thread may be called (profile 2), and always the same."""
    name = f"{prefix}-{thread}"
    if _THREAD.fullmatch(name) is not None:
        return name
    return f"{prefix}-{hashlib.sha256(thread.encode()).hexdigest()[:40]}"


def _own_slot(voice: Voice, slot: Slot, kind: str, about: str = "") -> Slot:
    """Where my answers of that kind to what stands in `slot` do: in my thread beside the DSO's."""
    thread = f"{slot.thread}-{about}" if about else slot.thread
    return Slot(
        voice.keys.party,
        slot.issuer,
        voice.environment,
        slot.program,
        kind,
        own_thread(_PREFIXES[kind], thread),
    )


def _header(
    ledger: Ledger, voice: Voice, entry: Entry, kind: str, now: datetime, about: str = ""
) -> Header:
    """The header of an answer to `entry`."""
    slot = _own_slot(voice, entry.slot, kind, about)
    # What is said of an expired message must itself be taken.
    valid_until = max(entry.valid_until, now.replace(microsecond=0) + _VALID)
    header = _bare_header(ledger, voice, slot, kind, valid_until, now)
    return replace(header, in_reply_to=Reference(entry.revision, entry.sha256, entry.slot.thread))


def _bare_header(
    ledger: Ledger, voice: Voice, slot: Slot, kind: str, valid_until: datetime, now: datetime
) -> Header:
    last = max((e.revision for e in ledger.thread(slot)), default=0)
    return Header(
        kind=kind,
        message_id=uuid7(now, voice.random_bytes),
        issuer=slot.issuer,
        recipient=slot.recipient,
        environment=slot.environment,
        program=slot.program,
        thread=slot.thread,
        revision=max(last + 1, milliseconds(now)),
        issued_at=now.replace(microsecond=0),
        valid_until=valid_until,
        key_set=voice.keys.key_set,
        suite=voice.suite,
    )


def _send(
    book: Book, voice: Voice, header: Header, body: Body, event_id: str, now: datetime
) -> str:
    said = body.to_json()
    sealed = _keep(book, voice, header, said, now)
    _post(book, header, event_id, answer_report(sealed, header, said, event_id), now)
    return header.message_id


def _keep(
    book: Book, voice: Voice, header: Header, body: Mapping[str, Any], now: datetime
) -> Sealed:
    if doubt := voice.doubt():
        raise InDoubt(doubt)
    sealed = seal(header.to_json(body), voice.keys, voice.suite)
    book.keep(sent_entry(sealed, now))
    return sealed


def _post(book: Book, header: Header, event_id: str, report: ReportRequest, now: datetime) -> None:
    book.post(header.message_id, header.kind, event_id, report.dump_json(), now)


def _about(ledger: Ledger, entry: Entry) -> tuple[str, str, tuple[Asset, ...]] | None:
    """Contract, zone and assets of what is answered.

    A stop is executable from its header and `cease_at` alone, so the rest of its body may be
    anything: then the thread it stops says what it is about, else the contract terms.
    """
    for text in (entry.text, *_earlier(ledger, entry)):
        try:
            body = parse_text(text)["body"]
            assets = read_assets(body)
            contract_id, zone = body["contract_id"], body["zone"]
        except (Refused, KeyError, TypeError, AttributeError):
            continue
        if assets and isinstance(contract_id, str) and isinstance(zone, str):
            return contract_id, zone, assets
    held = ledger.terms(entry.slot.program)
    if held is None:
        return None
    terms = ContractTerms.read(parse_text(held.text)["body"])
    return terms.contract_id, terms.zone, terms.assets


def _earlier(ledger: Ledger, entry: Entry) -> tuple[str, ...]:
    return tuple(e.text for e in ledger.thread(entry.slot) if e.standing and not e.stop)
