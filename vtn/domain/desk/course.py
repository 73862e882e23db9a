"""The course of a dispatch, line by line, for whoever asks what happened.

    12:00:00Z  UKPN   schedule             proposed    acknowledged, received
    12:00:10Z  FSP7   acknowledgement      proposed
    12:05:00Z  FSP7   partial              countered
    12:20:00Z  UKPN   instruction          confirmed   acknowledged, received
    15:30:00Z  clock  start                running

The lines are the steps of profile 5; between them stand the texts that moved nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ukprofile.flex.course import Step
from ukprofile.flex.delivery import Delivery, acknowledgement_of
from ukprofile.flex.dispatch import Held, Period, read_periods
from ukprofile.flex.states import State
from vtn.domain.desk.book import Dispatch

CLOCK = "clock"
_STATED = frozenset({"schedule", "instruction", "variation", "response"})
"""Kinds whose periods can be read, since they were checked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One text or timer: when, from whom (a party, or the clock), and what followed.

    `what` is the event of profile 5, or the kind of a text that is none. `effect` and `reason`
    are what it did: acts, noop, ignored, refused; "" = it moves nothing. `state` and `flags`
    stand after it. Of the DSO's texts: `delivery`, and what the FSP `decided` of it; of an
    acknowledgement: what it says. `reason` is a code, or the words of who sent it. `sha256` is
    the digest of the text, by which whoever sent it knows that it is here; "" of a timer.
    """

    at: datetime
    who: str
    what: str
    state: State
    flags: tuple[str, ...]
    effect: Literal["acts", "noop", "ignored", "refused", ""] = ""
    reason: str = ""
    revision: int | None = None
    sha256: str = ""
    delivery: Delivery | None = None
    decided: str = ""
    periods: tuple[Period, ...] = ()


def lines(dispatch: Dispatch) -> list[Line]:
    """Every text and timer of a dispatch, oldest first."""
    steps = dispatch.course.steps
    texts = [*dispatch.thread.held, *dispatch.answers]
    moved = {step.held.sha256 for step in steps if step.held is not None}
    quiet = {text.sha256: text for text in texts if text.sha256 not in moved}
    found = [_step(dispatch, step) for step in steps]
    for text in sorted(quiet.values(), key=lambda t: (t.header.issued_at, t.order)):
        at = text.header.issued_at
        index = sum(line.at <= at for line in found)
        before = found[index - 1] if index else None
        found.insert(index, _quiet(dispatch, text, before))
    return found


def _step(dispatch: Dispatch, step: Step) -> Line:
    held, outcome = step.held, step.outcome
    return Line(
        at=step.at,
        who=CLOCK if held is None else held.header.issuer,
        what=step.event.value,
        state=outcome.state,
        flags=step.flags,
        effect=outcome.effect,
        reason=outcome.reason or ("" if held is None else str(held.body.get("reason", ""))),
        revision=None if held is None else held.header.revision,
        sha256="" if held is None else held.sha256,
        periods=() if held is None else _periods(held),
        **_delivery(dispatch, held),
    )


def _quiet(dispatch: Dispatch, text: Held, before: Line | None) -> Line:
    """A text that moved nothing: it stands in the state that it found."""
    return Line(
        at=text.header.issued_at,
        who=text.header.issuer,
        what=text.header.kind,
        state=State.NONE if before is None else before.state,
        flags=() if before is None else before.flags,
        reason=str(text.body.get("reason", "")),
        revision=text.header.revision,
        sha256=text.sha256,
        periods=_periods(text) if text.counts else (),
        **_delivery(dispatch, text),
    )


def _delivery(dispatch: Dispatch, text: Held | None) -> dict[str, Any]:
    """Of a text of the DSO's how far it came; of an acknowledgement what it decided."""
    if text is None:
        return {}
    if text.header.issuer != dispatch.slot.issuer:
        return {"decided": str(text.body.get("decided", ""))}
    said = acknowledgement_of(text, dispatch.answers)
    decided = "" if said is None else str(said.body.get("decided", ""))
    return {"delivery": dispatch.delivery(text), "decided": decided}


def _periods(text: Held) -> tuple[Period, ...]:
    return read_periods(text.body) if text.header.kind in _STATED else ()
