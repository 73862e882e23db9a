"""The objects of OpenADR 3.1, all six kinds under one policy: read, create, update, delete.

    read      Live ─▶ privacy ─▶ filters ─▶ page ─▶ bytes, targets spliced in per reader
    write     scope ─▶ wire model ─▶ admission (signatures, in a thread)
                    ─▶ writer's turn: references, names, children, admission decides ─▶ put

What an error says never depends on an object that is hidden (digest T15; decisions 1 and 2).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any

from ukprofile.clock import Clock
from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from ukprofile.receiving import Decision
from vtn.domain.admission import Admission, Admitted, Equivocal, may_pass_unchanged
from vtn.domain.draft import Draft, Notice, nfc, read_draft
from vtn.domain.privacy import (
    Action,
    Viewer,
    candidates,
    demand,
    scope_of_view,
    shown_targets,
    visible,
)
from vtn.domain.record import Kind, Record, Role
from vtn.domain.relations import check_relations, children, granted
from vtn.domain.store import Store, Transaction

PAGE = 50
"""The largest, and the usual, number of objects in one answer (openadr3.yaml `limit`)."""


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of a list, parsed; every one given must match (D:612), of `targets` any."""

    targets: tuple[str, ...] = ()
    program_id: str | None = None
    event_id: str | None = None
    ven_id: str | None = None
    client_name: str | None = None
    name: str | None = None
    """venName or resourceName."""
    objects: tuple[str, ...] = ()
    """Of subscriptions: the object kinds they watch."""
    active: bool | None = None
    """Of events: True leaves out those that have ended (T20)."""
    skip: int = 0
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer: the JSON bytes of an object or a list, its strong ETag (quotes included), and
    what was noticed on the way though the request was taken (for the security log).
    """

    body: bytes
    etag: str
    notices: tuple[Notice, ...] = ()


_Made = tuple[Record, Decision | None]
"""What a write left in the store, and what was decided of the message in it."""

Then = Callable[[Transaction, Record], None]
"""What else is done in the transaction of a write, once its object stands there."""


def nothing_else(_tx: Transaction, _record: Record) -> None:
    """The usual `Then`."""


class Objects:
    """Every read and write of objects. Raises Refused only."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: Callable[[], str],
        admission: Admission,
    ) -> None:
        """`clock` is the business clock; `new_id` gives `<DSO>-<uuid7>`."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._admission = admission

    # -- reading -------------------------------------------------------------------------------

    def get(self, kind: Kind, id: str, viewer: Viewer) -> Rendered:
        """One object. Refused SCOPE_MISSING, HIDDEN (also when there is none)."""
        demand(viewer, kind, Action.READ)
        record = self._store.live.get(kind, id)
        if record is None or not visible(record, viewer, self._grants(viewer)):
            raise _hidden()
        return self._rendered(record, viewer)

    def list(self, kind: Kind, query: Query, viewer: Viewer) -> Rendered:
        """A page of a list, counted after privacy, by createdDateTime, then id."""
        demand(viewer, kind, Action.READ)
        live, now = self._store.live, self._clock.now()
        found, _ = candidates(live, kind, viewer, query.targets)
        kept = [record for record in found if self._matches(record, query, now)]
        page = kept[query.skip : query.skip + query.limit]
        grants = self._grants(viewer)
        parts = [render(r, shown_targets(r, viewer, grants, query.targets)) for r in page]
        tag = f"{live.epoch}|{scope_of_view(live, kind, viewer)}|{query}|" + ",".join(
            f"{r.id}:{r.version}" for r in page
        )
        return Rendered(b"[" + b",".join(parts) + b"]", _etag(tag))

    def _matches(self, record: Record, query: Query, now: datetime) -> bool:
        return (
            (query.program_id is None or self._program_of(record) == query.program_id)
            and (query.event_id is None or record.event_id == query.event_id)
            and (query.ven_id is None or record.ven_id == query.ven_id)
            and (query.client_name is None or record.client_name == query.client_name)
            and (query.name is None or record.name == nfc(query.name))
            and (not query.active or record.ends is None or record.ends > now)
        )

    def _program_of(self, record: Record) -> str:
        if record.kind is not Kind.REPORT:
            return record.program_id
        event = self._store.live.get(Kind.EVENT, record.event_id)
        return event.program_id if event else ""

    def _grants(self, viewer: Viewer) -> frozenset[str] | None:
        return None if viewer.sees_all else self._store.live.granted(viewer.client_id)

    def _rendered(self, record: Record, viewer: Viewer) -> Rendered:
        scope = scope_of_view(self._store.live, record.kind, viewer)
        shown = shown_targets(record, viewer, self._grants(viewer))
        return Rendered(render(record, shown), _etag(f"{record.id}|{record.version}|{scope}"))

    # -- writing -------------------------------------------------------------------------------

    async def create(
        self,
        kind: Kind,
        body: JSON,
        viewer: Viewer,
        *,
        unchecked: bool = False,
        then: Then = nothing_else,
    ) -> Rendered:
        """Store a new object, and what `then` writes. `body` is what the strict door gave.

        A signed text that was taken before gives the object that was stored then (decision 7).
        """
        demand(viewer, kind, Action.CREATE)
        draft = read_draft(kind, body, viewer)
        now, new_id = self._clock.now(), self._new_id()
        admitted = await self._admission.open(
            draft, viewer, self._store.live, now, unchecked=unchecked
        )

        def command(tx: Transaction) -> _Made:
            if admitted is None or not admitted.adrift:
                check_relations(tx, draft, viewer, None, self._admission)
            record = draft.record(new_id, now, now, **_thread_name(draft, admitted))
            if admitted is None:
                return tx.put(record), None
            known, decision = self._known(tx, draft, admitted)
            return known or tx.put(record), decision

        return await self._written(command, draft, viewer, then)

    def _known(
        self, tx: Transaction, draft: Draft, admitted: Admitted
    ) -> tuple[Record | None, Decision]:
        """The object that an earlier delivery of this very text made; decides a new text."""
        decision = self._admission.decide(tx, admitted)
        thread = admitted.opened.slot.thread
        if draft.kind is Kind.EVENT:
            program_id = draft.columns["program_id"]
            same = tx.find(Kind.EVENT, program_id=program_id, name=thread)
        else:
            # on whichever event it was posted first: a text is taken once
            name, client_id = draft.columns["name"], draft.columns["client_id"]
            same = tx.find(Kind.REPORT, name=name, client_id=client_id)
        if may_pass_unchanged(decision) and same:
            return same[0], decision
        if draft.kind is Kind.EVENT:
            self._admission.check_thread(tx, admitted, None)
        return None, decision

    async def update(
        self,
        kind: Kind,
        id: str,
        body: JSON,
        viewer: Viewer,
        *,
        if_match: str | None = None,
        unchecked: bool = False,
        then: Then = nothing_else,
    ) -> Rendered:
        """Replace what the client may write (T18). `if_match`: only if the ETag is still this."""
        demand(viewer, kind, Action.UPDATE)
        draft = read_draft(kind, body, viewer)
        now = self._clock.now()
        seen = self._store.live.get(kind, id)
        if seen is None or not visible(seen, viewer, self._grants(viewer)):
            raise _hidden()
        admitted = await self._admission.open(
            draft, viewer, self._store.live, now, unchecked=unchecked, old=seen
        )

        def command(tx: Transaction) -> _Made:
            old = self._held(tx, kind, id, viewer, if_match)
            check_relations(tx, draft, viewer, old, self._admission)
            decision = None
            if admitted is not None:
                if kind is Kind.EVENT:
                    self._admission.check_thread(tx, admitted, old)
                decision = self._admission.decide(tx, admitted)
                if may_pass_unchanged(decision):
                    return old, decision
            over = _thread_name(draft, admitted)
            if viewer.role is Role.VEN and kind in (Kind.VEN, Kind.RESOURCE):
                over["targets"] = old.targets if old.has_targets else None
            return tx.put(draft.record(id, old.created, now, **over)), decision

        return await self._written(command, draft, viewer, then)

    async def _written(
        self, command: Callable[[Transaction], _Made], draft: Draft, viewer: Viewer, then: Then
    ) -> Rendered:
        """Write it. Of an equivocal text the object goes back, and the text is kept (decision 6:
        both are, profile 2 Order).
        """

        def command_and_then(tx: Transaction) -> _Made:
            made = command(tx)
            then(tx, made[0])
            return made

        try:
            record, decision = await self._store.write(command_and_then)
        except Equivocal as refused:
            entry = refused.entry
            await self._store.write(lambda tx: tx.keep(entry))
            raise
        notices = (*draft.notices, *_alarmed(decision))
        return replace(self._rendered(record, viewer), notices=notices)

    async def delete(
        self, kind: Kind, id: str, viewer: Viewer, *, if_match: str | None = None
    ) -> Rendered:
        """Delete, and give the object as it was. IN_USE while something hangs on it (T19)."""
        demand(viewer, kind, Action.DELETE)
        now = self._clock.now()

        def command(tx: Transaction) -> Record:
            old = self._held(tx, kind, id, viewer, if_match)
            if kind is Kind.VEN and viewer.role is Role.VEN:
                raise Refused("OWN_VEN_LOCKED", clause="profile 1")
            if kind is Kind.EVENT:
                self._admission.check_delete(tx, old, now)
            if children(tx, old):
                raise Refused("IN_USE", "delete first what hangs on it", clause="digest T19")
            return tx.delete(kind, id)

        return self._rendered(await self._store.write(command), viewer)

    def _held(
        self, tx: Transaction, kind: Kind, id: str, viewer: Viewer, if_match: str | None
    ) -> Record:
        """The object that is written to. Raises HIDDEN, PRECONDITION."""
        old = tx.get(kind, id)
        if old is None or not visible(old, viewer, granted(tx, viewer)):
            raise _hidden()
        if if_match not in (None, "*", self._rendered(old, viewer).etag):
            raise Refused("PRECONDITION", "it was changed since; read it again")
        return old


def shown_in(tx: Transaction, record: Record, viewer: Viewer) -> bytes:
    """The bytes of an object for `viewer`, as the transaction has it."""
    return render(record, shown_targets(record, viewer, granted(tx, viewer)))


def render(record: Record, targets: tuple[str, ...] | None) -> bytes:
    """The bytes of an object for a reader who is shown `targets` (None: no such member)."""
    if targets is None:
        return record.body
    spliced = json.dumps(targets, ensure_ascii=False, separators=(",", ":")).encode()
    return record.body[:-1] + b',"targets":' + spliced + b"}"


def _etag(seen: str) -> str:
    return f'"{blake2b(seen.encode(), digest_size=12).hexdigest()}"'


def _hidden() -> Refused:
    return Refused("HIDDEN", "no such object, or not for you to see", clause="digest T15")


def _alarmed(decision: Decision | None) -> tuple[Notice, ...]:
    """What security hears of a message that was taken: a second, different stop (profile 2)."""
    if decision is None or not decision.alarm or not CODES[decision.reason].security:
        return ()
    return (Notice(decision.reason, decision.detail or CODES[decision.reason].meaning),)


def _thread_name(draft: Draft, admitted: Admitted | None) -> dict[str, Any]:
    """Of a profile event, its thread is the name by which it is found again."""
    if admitted is None or draft.kind is not Kind.EVENT:
        return {}
    return {"name": admitted.opened.slot.thread}
