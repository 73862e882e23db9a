"""What the UK profile demands when an object carries or claims it.

    program with UKFLEX_PROFILE   name of the form, exactly its one target
    event in such a program       that target; a signed message, verified before the writer's
                                  turn and decided in it; a projection that agrees; its own thread
    report that carries a text    the same, and posted by the party that signed it
    ven                           a contract's target is granted to one ven only

A restored store (`vtn.domain.restored`) takes answers to texts that it has forgotten, and reports
on events that it has: the FSP was asked, and what it signed is the only trace of that.

Everything else is plain OpenADR and passes.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.mapping.answer import message_of
from ukprofile.mapping.carrier import Carried, message_in, projection_in
from ukprofile.mapping.contract import (
    PROFILE_ATTRIBUTE,
    PROJECTION_ATTRIBUTE,
    attribute,
    target_of,
)
from ukprofile.openadr import EventRequest, Program, ProgramRequest, ReportRequest
from ukprofile.receiving import (
    Carrier,
    Context,
    Decision,
    Entry,
    Opened,
    Slot,
    decide,
    open_message,
)
from ukprofile.receiving.thread import thread_of
from ukprofile.rules import PROFILE_1_0
from vtn.domain.draft import Draft
from vtn.domain.live import Field, Live
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind, Record
from vtn.domain.restored import Lost, Restored, learn_lost
from vtn.domain.store import Transaction

_CONTRACT_TARGET = "CONTRACT_ID-"
_TAKEN = frozenset({"act", "hold", "alarm+act", "alarm+noop"})


class Equivocal(Refused):
    """Another text of the same order as one that stands: not taken, and kept as evidence."""

    def __init__(self, decision: Decision, entry: Entry) -> None:
        super().__init__(
            decision.reason, decision.detail, path=decision.path, clause=decision.clause
        )
        self.entry = entry


@dataclass(frozen=True, slots=True)
class Admitted:
    """An object whose signed message is genuine; what it decides is for the writer's turn."""

    opened: Opened
    now: datetime
    unchecked: bool
    adrift: bool = False
    """It is a report on an event that a restored store has forgotten."""


class Admission:
    """The profile's admission rules, with what they need to know of this VTN."""

    def __init__(
        self,
        dso: str,
        environment: str,
        retention: timedelta,
        restored: Restored = Restored(),  # noqa: B008 - a frozen value
    ) -> None:
        """`dso` is the party id of this VTN's operator; nothing is deleted before `retention`
        has passed since its end (profile 1). `restored`: the gaps in the store's memory.
        """
        self._restored = restored
        self.dso = dso
        self.environment = environment
        self.retention = retention

    async def open(
        self,
        draft: Draft,
        viewer: Viewer,
        live: Live,
        now: datetime,
        *,
        unchecked: bool,
        old: Record | None = None,
    ) -> Admitted | None:
        """Check form, target and signatures, before the writer's turn; None: plain OpenADR.

        `old` is what the draft replaces. Raises Refused with the codes of steps 1 to 3,
        TARGET_INVALID, NAME_INVALID, MESSAGE_MISSING, MESSAGE_TWICE.
        """
        request, adrift = draft.request, False
        if old is not None and old.kind is Kind.EVENT:
            _check_stays(_program(live.get(Kind.PROGRAM, old.program_id)), draft, old)
        if isinstance(request, ProgramRequest):
            _check_program(request, draft)
            return None
        if isinstance(request, EventRequest):
            program = _program(live.get(Kind.PROGRAM, request.program_id))
            if program is None:
                return None
            _check_target(program, draft)
            carried = message_in(request.intervals or ())
            projected = attribute(program, PROJECTION_ATTRIBUTE) == "gb-draft"
            carrier = Carrier(
                program.program_name, self.dso, projection_in(request) if projected else None
            )
        elif isinstance(request, ReportRequest):
            found = message_of(request)
            event = live.get(Kind.EVENT, request.event_id)
            adrift = event is None and self._restored.forgot_event(request.event_id)
            program = _program(live.get(Kind.PROGRAM, event.program_id)) if event else None
            if found is None or (program is None and not adrift):
                return None
            client = live.clients.get(viewer.client_id)
            carried = found
            name = "" if program is None else program.program_name
            carrier = Carrier(name, client.name if client else viewer.client_id)
        else:
            return None
        opened = await asyncio.to_thread(self._open, carried, carrier, live, now)
        return Admitted(opened, now, unchecked and self.environment == "sandbox", adrift)

    async def open_carried(
        self, carried: Carried, program: str, live: Live, now: datetime
    ) -> Admitted:
        """The same for a text that a report at another VTN carried, on an event of `program`.

        Who posted it there proves nothing: its signature does. Raises Refused, steps 1 to 3.
        """
        opened = await asyncio.to_thread(self._open, carried, Carrier(program), live, now)
        return Admitted(opened, now, unchecked=False)

    def _open(self, carried: Carried, carrier: Carrier, live: Live, now: datetime) -> Opened:
        context = Context(self.dso, "dso", self.environment, live.register, _Programs(live))
        return open_message(carried.text, carried.signatures, context, now, carrier)

    def decide(self, tx: Transaction, admitted: Admitted) -> Decision:
        """Decide a message in the writer's turn, and keep it.

        Raises Refused for everything but act, hold, noop and a repeated text; Equivocal, whose
        entry the caller keeps, since what this transaction wrote goes back.
        """
        rules = () if admitted.unchecked else PROFILE_1_0
        decision = decide(admitted.opened, tx, admitted.now, rules)
        if decision.reason == "REPLY_MISMATCH":
            decision = self._of_a_gap(tx, admitted, decision)
        if decision.verdict == "silent":
            earlier = decision.earlier
            if earlier is not None and earlier.verdict not in _TAKEN | {"noop", "sent"}:
                raise Refused(earlier.reason)
            return decision
        if decision.verdict not in _TAKEN | {"noop"}:
            if decision.reason == "EQUIVOCATION" and decision.entry is not None:
                raise Equivocal(decision, decision.entry)
            raise Refused(
                decision.reason, decision.detail, path=decision.path, clause=decision.clause
            )
        if decision.entry is not None:
            tx.keep(decision.entry)
        return decision

    def _of_a_gap(self, tx: Transaction, admitted: Admitted, decision: Decision) -> Decision:
        """Take an answer to a text that was forgotten: nothing follows but that we know of it."""
        header, entry = admitted.opened.header, decision.entry
        reply = header.in_reply_to
        if reply is None or entry is None or tx.entry(reply.sha256) is not None:
            return decision
        if not self._restored.forgot(reply.revision):
            return decision
        slot = Slot(
            self.dso, header.issuer, self.environment, header.program, "dispatch", reply.thread
        )
        learn_lost(tx, [Lost(slot, reply.revision, reply.sha256, admitted.now)])
        return Decision("act", "TEXT_LOST", entry=replace(entry, verdict="act", reason="TEXT_LOST"))

    def check_thread(self, tx: Transaction, admitted: Admitted, event: Record | None) -> None:
        """One dispatch, one event: its thread stands in no other (profile 1).

        `event` is the event that is replaced, None for a new one. Raises THREAD_MISPLACED.
        """
        slot = admitted.opened.slot
        program = tx.find(Kind.PROGRAM, name=slot.program)
        theirs = [
            e for p in program for e in tx.find(Kind.EVENT, program_id=p.id, name=slot.thread)
        ]
        mine = event.name if event else slot.thread
        if mine != slot.thread or any(event is None or e.id != event.id for e in theirs):
            raise Refused(
                "THREAD_MISPLACED",
                "a dispatch keeps its event for life, and an event its dispatch",
                path="/intervals/0/payloads",
                clause="profile 1",
            )

    def check_grants(self, tx: Transaction, draft: Draft, old: Record | None) -> None:
        """A contract's target is granted to one ven, or to resources of the same client (T4).

        `old` is the ven or resource that is replaced. Raises NOT_UNIQUE.
        """
        for target in draft.targets or ():
            if not target.startswith(_CONTRACT_TARGET):
                continue
            vens, resources = (tx.find(kind, target=target) for kind in (Kind.VEN, Kind.RESOURCE))
            others = (o for o in (*vens, *resources) if old is None or o.id != old.id)
            if any(other.client_id != draft.columns["client_id"] for other in others):
                raise Refused(
                    "NOT_UNIQUE",
                    f"{target} is granted to another ven; a contract has one",
                    path="/targets",
                    clause="profile 1",
                    security=True,
                )

    def check_delete(self, tx: Transaction, event: Record, now: datetime) -> None:
        """No live thread disappears, and nothing before its retention ends. Raises IN_USE."""
        program = _program(tx.get(Kind.PROGRAM, event.program_id))
        if program is None:
            return
        entries = [
            e for e in tx.dispatches(program.program_name, now) if e.slot.thread == event.name
        ]
        threads = [thread_of(tx, entries[0].slot)] if entries else []
        if any(t.first_stop is None and not t.completed(now) for t in threads):
            raise Refused(
                "IN_USE",
                "the dispatch is live: cease or cancel it; its event is never deleted before",
                clause="profile 2 Acting",
                security=True,
            )
        if event.ends is not None and now < event.ends + self.retention:
            raise Refused("IN_USE", "evidence is kept until its retention ends", clause="profile 1")


def may_pass_unchanged(decision: Decision) -> bool:
    """Whether the message changes nothing, so that the stored object stands."""
    return decision.verdict in ("silent", "noop", "alarm+noop")


def _check_program(request: ProgramRequest, draft: Draft) -> None:
    if attribute(request, PROFILE_ATTRIBUTE) is None:
        return
    target = target_of(request.program_name)
    if draft.targets != (target,):
        raise _target(target)


def _check_target(program: Program, draft: Draft) -> None:
    target = target_of(program.program_name)
    if draft.targets != (target,):
        raise _target(target)


def _check_stays(program: Program | None, draft: Draft, old: Record) -> None:
    """An event of the profile never moves: others would see it, or its own FSP no longer."""
    elsewhere = draft.columns["program_id"] != old.program_id
    if program is not None and (elsewhere or draft.targets != old.targets):
        raise Refused(
            "TARGET_INVALID",
            "an event keeps its program and its target for life",
            path="/programID" if elsewhere else "/targets",
            clause="profile 1; digest 3.3",
            status=409,
        )


def _target(target: str) -> Refused:
    return Refused(
        "TARGET_INVALID",
        f"exactly one target is due here: {target}",
        path="/targets",
        clause="profile 1",
        security=CODES["TARGET_INVALID"].security,
    )


def _program(record: Record | None) -> Program | None:
    """The program, if it is one of the profile."""
    if record is None:
        return None
    program = Program.read(json.loads(record.body))
    return None if attribute(program, PROFILE_ATTRIBUTE) is None else program


class _Programs(Mapping[str, frozenset[str]]):
    """Each program of this VTN by name, with the parties at its other end: its granted vens."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def __getitem__(self, name: str) -> frozenset[str]:
        programs = self._live.find(Kind.PROGRAM, Field.NAME, name)
        if not programs:
            raise KeyError(name)
        return frozenset(ven.name for ven in self._live.under(Kind.VEN, programs[0].targets))

    def __iter__(self) -> Iterator[str]:
        return (record.name for record in self._live.find(Kind.PROGRAM))

    def __len__(self) -> int:
        return self._live.count(Kind.PROGRAM)
