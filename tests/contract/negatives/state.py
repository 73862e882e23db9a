"""State: what does not fit where a dispatch stands, and what changes although no message comes.

a message, or a DELETE ──▶ WHEN
a timer of the VTN ──────▶ TIMERS: what the watch raises in its own time
nothing at all ──────────▶ negatives.passing: an event is gone, the VTN is silent, a start comes
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.contract.negatives.authority import reported
from tests.contract.negatives.order import again, issued
from tests.contract.negatives.scene import Agent, Given, Scene
from tests.contract.negatives.signed import (
    Message,
    answer,
    cancellation,
    cease,
    d1,
    event_of,
    message,
    period,
    varied,
    window,
)
from tests.wire import Reply, Request, delete, post, put
from ukprofile.flex.delivery import Delivery
from vtn.domain.desk import ThreadOrder
from vtn.domain.desk.book import Dispatch

When = Callable[[], Iterable[Request]]

DAY = "2026-11-24"
FIVE = f"{DAY}T17:00:00Z"
_45, _50, _1500 = (f"{DAY}T{time}:00Z" for time in ("14:45", "14:50", "15:00"))


# -- D1 --------------------------------------------------------------------------------------------


def _once_more(when: str) -> Message:
    """D1 issued anew for what is left of the window."""
    one = issued(d1(), when, accept_by=f"{DAY}T18:15:00Z", valid_until=f"{DAY}T18:45:00Z")
    one["body"] = one["body"] | {"periods": [period("18:15", "18:45")]}
    return one


def _more() -> Message:
    periods = (period("16:30", "17:10"), period("17:10", "18:00", 1, delta_w=1_200_000))
    return varied(FIVE, *periods, valid_until=f"{DAY}T18:00:00Z")


def _called_off(*times: str) -> When:
    """Issued before the start and read after it; issued after it too."""
    return lambda: [put("/events/{E1}", event_of(cancellation(time))) for time in times]


def _acknowledged() -> Iterable[Message]:
    yield answer("acknowledgement", "AK-0001", d1(), "2026-11-24T14:55:10Z", decided="received")


def _overdue(one: Dispatch) -> bool:
    assert one.thread.head is not None
    return one.delivery(one.thread.head) is Delivery.OVERDUE


def _not_started(one: Dispatch) -> bool:
    return "not_started" in one.course.flags


# -- DSP-0003, which is proposed -------------------------------------------------------------------


def schedule() -> Message:
    """DSP-0003: what D1 asks, proposed at 14:45; to be answered by 15:30, confirmed by 16:00."""
    one = message(
        "DSP-0003",
        _45,
        [period("16:30", "18:00")],
        kind="schedule",
        accept_by=f"{DAY}T16:00:00Z",
        valid_until=f"{DAY}T18:00:00Z",
    )
    by = {"ack_by": "15:00", "respond_by": "15:30", "confirm_by": "16:00"}
    times = {name: f"{DAY}T{time}:00Z" for name, time in by.items()}
    one["body"] |= {"firm": False, **times}
    return one


def responds(said: str, when: str, *periods: Message) -> Message:
    """What FSP7 responds to it."""
    body = {"answer": said}
    if periods:
        parts: Any = {"periods": list(periods), "dispatch_type": "demand_turn_down"}
        body |= {"reason": "CAPACITY", **parts}
    return answer("response", "RS-0003", schedule(), when, **body)


def confirms(when: str) -> Message:
    """The instruction that confirms all that was proposed."""
    return message(
        "DSP-0003",
        when,
        [period("16:30", "18:00")],
        accept_by=f"{DAY}T16:30:00Z",
        valid_until=f"{DAY}T18:00:00Z",
    )


def partly(*periods: Message) -> Callable[[], Message]:
    return lambda: responds("partial", _50, *periods)


_LESS = period("16:30", "18:00", delta_w=800_000)
_TOO_LATE = period("16:30", "18:00") | {"start": f"{DAY}T17:00:01Z"}
_TOO_LONG = period("16:30", "18:15")


# -- DSP-0009, which nobody knows ------------------------------------------------------------------


def _unknown_ceased() -> list[Request]:
    one = cease("16:45", FIVE) | {"thread": "DSP-0009"}
    return [post("/events", event_of(one))]


async def _stays_ended(agent: Agent) -> None:
    """An instruction of it that is read later, and was issued before the cease."""
    held = await agent.journal.read(lambda book: book.entries())
    (stop,) = [one for one in held if one.slot.thread == "DSP-0009"]
    assert (stop.stop, stop.verdict) == (True, "act")
    before = await agent.snapshot()
    late = await agent.read(event_of(d1() | {"thread": "DSP-0009"}), "E2")
    assert late is not None
    assert late.decision.verdict == "stale"
    assert await agent.snapshot() == before


WHEN: dict[str, When] = {
    "N121a": lambda: [delete("/events/{E1}")],
    "N122a": _unknown_ceased,
    "N122b": again(lambda: _once_more(f"{DAY}T18:01:00Z")),
    "N122d": reported(lambda: responds("accept", f"{DAY}T15:30:01Z"), to="{E3}"),
    "N122e": lambda: [put("/events/{E3}", event_of(confirms(f"{DAY}T16:00:01Z")))],
    "N122g": reported(partly(period("16:30", "18:00", delta_w=1_000_001)), to="{E3}"),
    "N122h": reported(partly(_TOO_LATE), partly(_TOO_LONG), to="{E3}"),
    "N122i": lambda: [put("/events/{E3}", event_of(confirms(_1500)))],
    "N122j": again(_more),
    "N122k": reported(lambda: answer("response", "RS-1", d1(), FIVE, answer="refuse", reason="X")),
    "N122l": _called_off(f"{DAY}T16:20:00Z", FIVE),
}


def proposed(now: str, *said: Message) -> Given:
    """DSP-0003 was proposed, and `said` about it; D1 never was."""
    return Given(now, dispatched=False, before=lambda: [schedule(), *said])


GIVEN: dict[str, Given] = {
    "N121a": Given(FIVE),
    "N122a": Given(FIVE),
    "N122b": Given(f"{DAY}T18:01:00Z", {"windows": [window("16:30", "20:30")]}),
    "N122d": proposed(f"{DAY}T15:30:01Z"),
    "N122e": proposed(f"{DAY}T16:00:01Z", responds("accept", _50)),
    "N122g": proposed(_50),
    "N122h": proposed(_50),
    "N122i": proposed(_1500, responds("partial", _50, _LESS)),
    "N122j": Given(FIVE),
    "N122k": Given(FIVE),
    "N122l": Given(FIVE),
    "N122p": Given(before=_acknowledged),
}


def stays(thread: str, state: str) -> Callable[[Scene, list[Reply]], Awaitable[None]]:
    """The dispatch stands where it stood."""

    async def more(scene: Scene, _replies: list[Reply]) -> None:
        assert (await shown(scene, thread)).state == state

    return more


async def shown(scene: Scene, thread: str) -> Dispatch:
    """Where a dispatch stands, as its desk sees it."""
    return await scene.running.vtn.desk.show(ThreadOrder(thread=thread))


@dataclass(frozen=True, slots=True)
class Timer:
    """What D1 waits for until `due`, and what is said of it when that second has passed."""

    due: str
    cause: str
    stands: Callable[[Dispatch], bool]


TIMERS = {
    "N122o": Timer(f"{DAY}T15:10:00Z", "unacknowledged", _overdue),
    "N122p": Timer(f"{DAY}T16:36:00Z", "not_started", _not_started),
}
"""Row id to a timer: acknowledged within 900 s; started within ramp (300 s) and grace (60 s)."""

MORE = {
    "N121a": stays("DSP-0001", "running"),
    "N122b": stays("DSP-0001", "completed"),
    "N122d": stays("DSP-0003", "expired"),
    "N122e": stays("DSP-0003", "lapsed"),
    "N122g": stays("DSP-0003", "proposed"),
    "N122h": stays("DSP-0003", "proposed"),
    "N122i": stays("DSP-0003", "countered"),
    "N122k": stays("DSP-0001", "running"),
}
THEN = {"N122a": _stays_ended}
"""What else a row demands of the agent that read it."""
ENDS: dict[str, dict[str, str]] = {
    "N122a": {"DSP-0001": "18:00"},
    "N122l": {"DSP-0001": "17:00"},
}
"""When dispatches end at the agent after it, where it is not as before."""
