"""The page docs/reference/states.md, from ukprofile.flex.states, timers and delivery."""

from collections.abc import Iterable, Iterator
from itertools import combinations

from ukprofile.flex.delivery import DELIVERY, Delivery
from ukprofile.flex.states import (
    CLOCK,
    OTHERWISE,
    STOPS,
    TABLE,
    TERMINAL,
    WORDS,
    Event,
    Row,
    State,
    step,
)
from ukprofile.flex.timers import TIMERS

_SIGN = {"acts": "stays", "noop": "no-op", "ignored": "·"}
_VEN = (Event.ACCEPT, Event.PARTIAL, Event.REFUSE, Event.LATE, Event.RULE_REFUSAL, *WORDS)
_BY_VEN = (*_VEN, Event.POST_ACTION, Event.DISPUTE)


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *_sections()]) + "\n"


_INTRODUCTION = """\
# States of a dispatch

Made from `ukprofile/flex/states.py`, `timers.py` and `delivery.py` by `make docs`; do not edit.
Both ends derive the state from the signed texts they hold and the clock, with the same table."""


def _sections() -> Iterator[str]:
    yield from ("\n## Drawing\n", "```mermaid", *_drawing(), "```")
    yield from ("\n## The table\n", "Read from above: the first row that fits decides.\n")
    yield from _table(("from", "to", "by", "guard", "flag", "clause"), map(_row, TABLE))
    yield from ("\n## Pairs that are not in the table\n", "Likewise from above.\n")
    yield from _table(
        ("in", "by", "outcome", "because"),
        (
            (_states(o.origins), _events(o.events), f"{o.effect} {o.reason}".strip(), o.why)
            for o in OTHERWISE
        ),
    )
    yield from ("\n## Every pair\n", _EVERY)
    columns = ("", *(f"`{state}`" for state in State))
    yield from _table(columns, ((f"`{e}`", *(_pair(s, e) for s in State)) for e in Event))
    yield from ("\n## Timers\n", _TIMERS)
    yield from _table(
        ("timer", "set in", "at", "field", "without it", "what passes with it"),
        (
            (
                f"`{t.event}`",
                _states(t.states),
                " and ".join(side.upper() for side in t.sides),
                t.stated,
                t.default,
                t.then,
            )
            for t in TIMERS
        ),
    )
    yield from ("\n## Delivery of a revision\n", _DELIVERY)
    yield from _table(
        ("from", "to", "by"),
        ((f"`{before}`", f"`{after}`", f"`{sign}`") for (before, sign), after in DELIVERY.items()),
    )
    left = ", ".join(f"`{flag}`" for flag in Delivery)
    yield f"\nOf {left}; a sign that is not in the table leaves the flag as it is."


_EVERY = """\
What becomes of the dispatch; where guards decide, every outcome there is. `·` is ignored; a word
in capitals is the code of a refusal, or of a no-op.
"""
_TIMERS = """\
`start` and `end` pass at their second; the others are deadlines, and what is signed in that very
second is in time.
"""
_DELIVERY = """\
The DSO's view of each single revision. `ack_by` is as the revision states; else 60 s for a stop
and for starts within the hour, and ack_s (15 min) otherwise. Overdue: alarm, then telephone.
"""


def _row(row: Row) -> tuple[str, ...]:
    to = "stays" if row.to is None else f"`{row.to}`"
    return (
        _states(row.origins),
        f"refused {row.refuses}" if row.refuses else to,
        _events(row.events),
        "; ".join(row.guards),
        f"`{row.flag}`" if row.flag else "",
        row.clause,
    )


def _pair(state: State, event: Event) -> str:
    """Every outcome there is, the one where most guards hold first."""
    guards = sorted({guard for row in TABLE if event in row.events for guard in row.guards})
    found = []
    for count in range(len(guards), -1, -1):
        for holding in combinations(guards, count):
            outcome = step(state, event, holding)
            moved = str(outcome.state) if outcome.state is not state else ""
            found.append(moved or outcome.reason or _SIGN[outcome.effect])
    return " / ".join(dict.fromkeys(found))


def _drawing() -> Iterator[str]:
    """Each row that moves, as one arrow of a Mermaid state diagram."""
    yield "stateDiagram-v2"
    arrows: dict[tuple[State, State], list[str]] = {}
    for row in TABLE:
        for origin in row.origins:
            if row.to is not None and row.to is not origin:
                arrows.setdefault((origin, row.to), []).extend(map(_by, row.events))
    for (origin, to), events in arrows.items():
        start = "[*]" if origin is State.NONE else origin
        yield f"    {start} --> {to}: {', '.join(dict.fromkeys(events))}"
    for state in TERMINAL:
        if not any(origin is state for origin, _ in arrows):
            yield f"    {state} --> [*]"


def _by(event: Event) -> str:
    return f"({event})" if event in CLOCK else str(event)


def _states(states: Iterable[State]) -> str:
    states = tuple(states)
    return "any" if len(states) == len(State) else ", ".join(f"`{state}`" for state in states)


def _events(events: Iterable[Event]) -> str:
    events = tuple(events)
    if len(events) == len(Event):
        return "anything else"
    if events == CLOCK:
        return "any timer"
    who = "clock" if events[0] in CLOCK else "VEN" if events[0] in _BY_VEN else "DSO"
    word = "stop " if events == STOPS else ""
    return f"{who} {word}" + ", ".join(f"`{event}`" for event in events)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    columns = tuple(columns)
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(row)} |"
