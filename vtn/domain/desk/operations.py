"""Every operation of the desk by name: what it takes, what carries it out, what it answers.

    ukvtn desk confirm …  ──▶ control socket, command desk.confirm ──┐
    POST /desk/confirm    ──▶ BL API ────────────────────────────────┴─▶ carry_out("confirm", …)

One table for both doors, for the printed API and its schemas.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
)
from vtn.domain.desk.shown import Shown, StandingShown


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its parameters, the method of `Desk` that takes them, how it is shown.

    `makes` says whether something new comes of it (HTTP 201), not a change (200).
    """

    name: str
    order: type[Order]
    run: Callable[[Desk, Any], Awaitable[Any]]
    shown: type[Shown]
    show: Callable[[Any], Shown]
    makes: bool = False


def _changes(
    name: str,
    order: type[Order],
    run: Callable[[Desk, Any], Awaitable[Standing]],
    *,
    makes: bool = False,
) -> Operation:
    """An operation that says something of a dispatch, and answers where it stands then."""
    return Operation(name, order, run, StandingShown, StandingShown.of, makes)


_TABLE = (
    _changes("schedule", ScheduleOrder, Desk.schedule, makes=True),
    _changes("confirm", ConfirmationOrder, Desk.confirm),
    _changes("instruct", InstructionOrder, Desk.instruct, makes=True),
    _changes("cease", CeaseOrder, Desk.cease),
    _changes("cancel", CancellationOrder, Desk.cancel),
    Operation("alarms", AlarmsOrder, Desk.alarms, AlarmsShown, AlarmsShown.of),
)

OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _TABLE}


async def carry_out(desk: Desk, operation: Operation, parameters: JSON) -> JSON:
    """Read the parameters, run the operation, and give its answer as JSON. Raises Refused."""
    found = await operation.run(desk, operation.order.read(parameters))
    return operation.show(found).to_json()
