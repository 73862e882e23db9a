"""The dispatch desk of a DSO: what it may be told, what it holds, and where that stands.

orders      the parameters of every operation, strictly read: what a person asks for
desk        the operations: schedule, confirm, instruct, vary, cease, cancel, show
allowed     which of them fits which state
bodies      from what is ordered to what is signed
book        what is held of a dispatch, and where it stands
course      how it came there, line by line
shown       the same as JSON
operations  all of it as one table, for the control socket and the BL API alike
"""

from vtn.domain.desk.book import Standing
from vtn.domain.desk.desk import Desk
from vtn.domain.desk.operations import OPERATIONS, Operation, attempt_out, carry_out
from vtn.domain.desk.orders import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    InstructionOrder,
    Order,
    PeriodOrder,
    ScheduleOrder,
    ThreadOrder,
    VariationOrder,
)

__all__ = [
    "OPERATIONS",
    "CancellationOrder",
    "CeaseOrder",
    "ConfirmationOrder",
    "Desk",
    "InstructionOrder",
    "Operation",
    "Order",
    "PeriodOrder",
    "ScheduleOrder",
    "Standing",
    "ThreadOrder",
    "VariationOrder",
    "attempt_out",
    "carry_out",
]
