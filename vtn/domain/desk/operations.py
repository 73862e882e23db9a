"""Every operation of the desk by name: what it takes, what carries it out, what it answers.

    ukvtn desk confirm …  ──▶ control socket, command desk.confirm ──┐
    POST /desk/confirm    ──▶ BL API ────────────────────────────────┴─▶ carry_out("confirm", …)

One table for both doors, for the printed API and its schemas.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from ukprofile.openadr import JSON
from vtn.domain.alarm import Alarm
from vtn.domain.attempts import Attempt, Keep, forget
from vtn.domain.desk.alarms import AlarmsOrder, AlarmsShown
from vtn.domain.desk.book import Dispatch, Standing
from vtn.domain.desk.desk import Desk
from vtn.domain.desk.orders import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    InstructionOrder,
    Order,
    ScheduleOrder,
    ThreadOrder,
    VariationOrder,
)
from vtn.domain.desk.shown import CourseShown, Shown, StandingShown, course_shown
from vtn.domain.record import Outcome
from vtn.domain.store import Transaction

On = TypeVar("On")
"""Who carries an operation out: the dispatch desk, or the market."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[On]):
    """One operation: its parameters, the method that takes them, how its result is shown.

    The method writes its answer by the `Keep` that it is given, in the transaction that does what
    it does; one that takes several, or none, writes nothing. `does` says what comes of it:
    something new, a change, or nothing.
    """

    name: str
    order: type[Order]
    run: Callable[[On, Any, Keep], Awaitable[Any]]
    shown: type[Shown]
    show: Callable[[Any], Shown]
    does: Literal["makes", "changes", "reads"]

    @property
    def status(self) -> int:
        """What HTTP calls its success."""
        return 201 if self.does == "makes" else 200

    def answer(self, found: Any) -> bytes:
        """What it answers over HTTP."""
        return json.dumps(self.show(found).to_json()).encode()


def _says(
    name: str,
    order: type[Order],
    run: Callable[[Desk, Any, Keep], Awaitable[Standing]],
    does: Literal["makes", "changes"] = "changes",
) -> Operation[Desk]:
    """An operation that says something of a dispatch, and answers where it stands then."""
    return Operation(name, order, run, StandingShown, StandingShown.of, does)


async def _show(desk: Desk, order: ThreadOrder, _keep: Keep) -> Dispatch:
    return await desk.show(order)


async def _alarms(desk: Desk, order: AlarmsOrder, _keep: Keep) -> Sequence[Alarm]:
    return await desk.alarms(order)


_TABLE = (
    _says("schedule", ScheduleOrder, Desk.schedule, "makes"),
    _says("confirm", ConfirmationOrder, Desk.confirm),
    _says("instruct", InstructionOrder, Desk.instruct, "makes"),
    _says("vary", VariationOrder, Desk.vary),
    _says("cease", CeaseOrder, Desk.cease),
    _says("cancel", CancellationOrder, Desk.cancel),
    Operation("show", ThreadOrder, _show, CourseShown, course_shown, "reads"),
    Operation("alarms", AlarmsOrder, _alarms, AlarmsShown, AlarmsShown.of, "reads"),
)

OPERATIONS: Mapping[str, Operation[Desk]] = {operation.name: operation for operation in _TABLE}


async def carry_out(on: On, operation: Operation[On], parameters: JSON) -> JSON:
    """Read the parameters, run the operation, and give its answer as JSON. Raises Refused."""
    found = await operation.run(on, operation.order.read(parameters), forget)
    return operation.show(found).to_json()


async def attempt_out(
    on: On, operation: Operation[On], parameters: JSON, attempt: Attempt
) -> Outcome:
    """The same under a key, under which its answer is kept. Raises Refused."""

    def keep(tx: Transaction, found: Any) -> None:
        attempt.keep(tx, operation.status, operation.answer(found))

    found = await operation.run(on, operation.order.read(parameters), keep)
    return attempt.outcome or await attempt.keep_alone(operation.status, operation.answer(found))
