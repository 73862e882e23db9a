"""What the desk may be told: the parameters of each operation, strictly read.

    ukvtn desk vary …   ──▶ control socket ──┐
    POST /desk/vary     ────────────────────▶┴─▶ VariationOrder.read(JSON) ─▶ Desk.vary(order)

From these models the JSON Schema of the API follows. They judge form only: member, type, form of
a time. What the contract and the state of a dispatch allow, the desk and the rules say.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from ukprofile.errors import Refused
from ukprofile.flex.stop import Mode
from ukprofile.flex.times import TIME_PATTERN, read_time
from ukprofile.openadr import JSON
from ukprofile.openadr.wire import Many, pointer

_TIMES = "times are YYYY-MM-DDThh:mm:ssZ"


def _moment(value: object) -> object:
    if isinstance(value, datetime):  # our own code's; no JSON value is one
        return value
    found = read_time(value)
    if found is None:
        raise PydanticCustomError("TIME_FORMAT", _TIMES)
    return found


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{TIME_PATTERN}$", "examples": ["2026-11-24T16:30:00Z"]}
    ),
]
"""An instant to the second; in JSON `YYYY-MM-DDThh:mm:ssZ` and nothing else (profile 2)."""

ThreadName = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
Channel = Literal["api", "telephone", "email"]
DispatchType = Literal[
    "demand_turn_down", "generation_turn_up", "demand_turn_up", "generation_turn_down"
]


class Order(BaseModel):
    """Parameters of one operation: no member but these, each of its own type."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )

    @classmethod
    def read(cls, value: JSON) -> Self:
        """The parameters that a JSON value holds.

        Raises Refused with the JSON pointer of the first fault: BODY_INVALID (missing, unknown,
        mistyped), BODY_VALUE (out of range or vocabulary), TIME_FORMAT.
        """
        try:
            found: Self = cls.__pydantic_validator__.validate_python(
                value, by_alias=True, by_name=False
            )
        except ValidationError as error:
            raise cls._refusal(error, value) from None
        return found

    @classmethod
    def _refusal(cls, error: ValidationError, value: JSON) -> Refused:
        """The first fault pydantic found; of a member that is unknown, what there is instead."""
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        kind, detail = first["type"], _IN_JSON_TERMS.get(first["type"], first["msg"])
        if kind == "extra_forbidden" and len(first["loc"]) == 1:
            known = (field.alias or name for name, field in cls.model_fields.items())
            detail = f"there is no such parameter; there are {', '.join(known)}"
        path = pointer(first["loc"], value, missing=kind == "missing")
        return Refused(_CODES.get(kind, "BODY_INVALID"), detail, path=path, security=False)


_CODES = {
    "TIME_FORMAT": "TIME_FORMAT",
    "literal_error": "BODY_VALUE",
    "string_pattern_mismatch": "BODY_VALUE",
    "greater_than_equal": "BODY_VALUE",
    "less_than_equal": "BODY_VALUE",
}
_IN_JSON_TERMS = {
    "missing": "required, and absent",
    "extra_forbidden": "there is no such member here",
    "tuple_type": "an array is due here",
    "model_type": "an object is due here",
}


class PeriodOrder(Order):
    """One stretch of a dispatch: `start <= t < end`, and its power in one of two forms."""

    start: Moment
    end: Moment
    delta_w: int | None = None
    """Change in watts against the baseline; + = more export or less import."""
    setpoint_w: int | None = None
    """Absolute watts; + = export."""


class ProposalOrder(Order):
    """What a schedule and an instruction share: what, of which assets, for whom, until when.

    No assets = all of the contract. Without `dispatch_type`: demand turn-down for a positive
    change, demand turn-up for a negative. Without `thread` a name is made up.
    """

    contract_id: str
    periods: Many[PeriodOrder]
    assets: Many[str] = ()
    dispatch_type: DispatchType | None = None
    respond_by: Moment | None = None
    origin: Literal["DSO", "NESO"] = "DSO"
    """Who needs it."""
    reference: str | None = None
    """That party's own name for it."""
    priority: Annotated[int, Field(ge=0, le=999)] | None = None
    """1 before 2."""
    thread: ThreadName | None = None


class ScheduleOrder(ProposalOrder):
    """Propose a dispatch. `confirm_by`: it lapses then; without it, the start less the notice."""

    confirm_by: Moment | None = None


class InstructionOrder(ProposalOrder):
    """Dispatch for certain.

    `effective_at`: when it was given by telephone or email. `unchecked` leaves out our own rules,
    to see the FSP refuse: sandbox only.
    """

    channel: Channel = "api"
    effective_at: Moment | None = None
    unchecked: bool = False


class ThreadOrder(Order):
    """About a dispatch that there is: its thread, and its contract where two have that name."""

    thread: str
    contract_id: str | None = None


class ConfirmationOrder(ThreadOrder):
    """Instruct what was proposed: as scheduled, or exactly as it was accepted in part."""

    channel: Channel = "api"
    effective_at: Moment | None = None


class VariationOrder(ThreadOrder):
    """Change a confirmed dispatch: a level from a time on, a new end, or all periods to come.

    `from` is now where it is absent. `periods` replace everything from the start of the first.
    """

    since: Annotated[Moment | None, Field(alias="from")] = None
    delta_w: int | None = None
    setpoint_w: int | None = None
    end: Moment | None = None
    periods: Many[PeriodOrder] = ()


class CeaseOrder(ThreadOrder):
    """End a confirmed dispatch at `at`; now where it is absent."""

    at: Moment | None = None
    mode: Mode = "ramp"
    reason: str | None = None


class CancellationOrder(ThreadOrder):
    """Take back a dispatch that has not begun."""

    reason: str | None = None
