"""The dispatch desk of a DSO: what it may be told, what it holds, and where that stands.

orders      the parameters of every operation, strictly read: what a person asks for
desk        the operations: schedule, confirm, instruct, vary, cease, cancel, show
book        what is held of a dispatch, and where it stands
shown       the same as JSON
operations  all of it as one table, for the control socket and the BL API alike
"""

from vtn.domain.desk.book import Standing
from vtn.domain.desk.desk import Desk
from vtn.domain.desk.operations import OPERATIONS, Operation, carry_out
from vtn.domain.desk.orders import (
    CancellationOrder,
    CeaseOrder,
    ConfirmationOrder,
    InstructionOrder,
    Order,
    PeriodOrder,
    ScheduleOrder,
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
    "VariationOrder",
    "carry_out",
]
