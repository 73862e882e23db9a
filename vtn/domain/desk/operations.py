"""Every operation of the desk by name: what it takes, what carries it out, what it answers.

    ukvtn desk confirm …  ──▶ control socket, command desk.confirm ──┐
    POST /desk/confirm    ──▶ BL API ────────────────────────────────┴─▶ carry_out("confirm", …)

One table for both doors, for the printed API and its schemas.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from ukprofile.openadr import JSON
from vtn.domain.desk.alarms import AlarmsOrder, AlarmsShown
from vtn.domain.desk.book import Standing
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

On = TypeVar("On")
"""Who carries an operation out: the dispatch desk, or the market."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[On]):
    """One operation: its parameters, the method that takes them, how its result is shown.

    `does` says what comes of it: something new, a change, or nothing.
    """

    name: str
    order: type[Order]
    run: Callable[[On, Any], Awaitable[Any]]
    shown: type[Shown]
    show: Callable[[Any], Shown]
    does: Literal["makes", "changes", "reads"]


def _says(
    name: str,
    order: type[Order],
    run: Callable[[Desk, Any], Awaitable[Standing]],
    does: Literal["makes", "changes"] = "changes",
) -> Operation[Desk]:
    """An operation that says something of a dispatch, and answers where it stands then."""
    return Operation(name, order, run, StandingShown, StandingShown.of, does)


_TABLE = (
    _says("schedule", ScheduleOrder, Desk.schedule, "makes"),
    _says("confirm", ConfirmationOrder, Desk.confirm),
    _says("instruct", InstructionOrder, Desk.instruct, "makes"),
    _says("vary", VariationOrder, Desk.vary),
    _says("cease", CeaseOrder, Desk.cease),
    _says("cancel", CancellationOrder, Desk.cancel),
    Operation("show", ThreadOrder, Desk.show, CourseShown, course_shown, "reads"),
    Operation("alarms", AlarmsOrder, Desk.alarms, AlarmsShown, AlarmsShown.of, "reads"),
)

OPERATIONS: Mapping[str, Operation[Desk]] = {operation.name: operation for operation in _TABLE}


async def carry_out(on: On, operation: Operation[On], parameters: JSON) -> JSON:
    """Read the parameters, run the operation, and give its answer as JSON. Raises Refused."""
    found = await operation.run(on, operation.order.read(parameters))
    return operation.show(found).to_json()
