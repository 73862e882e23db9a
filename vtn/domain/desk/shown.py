"""What the desk answers, as JSON: one model for each answer, and its schema for the API.

Keys are stable: programs read them. Times are `YYYY-MM-DDThh:mm:ssZ`, watts whole numbers.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
)

from ukprofile.flex.delivery import Delivery
from ukprofile.flex.dispatch import Period
from ukprofile.flex.states import State
from ukprofile.flex.times import TIME_PATTERN, time_text
from ukprofile.openadr import JSON
from vtn.domain.desk.book import Dispatch, Standing
from vtn.domain.desk.course import Line, lines

Time = Annotated[
    datetime,
    PlainSerializer(time_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{TIME_PATTERN}$"}),
]


class Shown(BaseModel):
    """An answer of the desk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> JSON:
        return self.model_dump(mode="json")


class PeriodShown(Shown):
    """A period as in signed texts: of the two forms of power, the one it has."""

    id: int
    start: Time
    end: Time
    delta_w: int | None = None
    setpoint_w: int | None = None

    @classmethod
    def of(cls, period: Period) -> Self:
        return cls(**{name: getattr(period, name) for name in cls.model_fields})

    @model_serializer(mode="wrap")
    def _given(self, every: SerializerFunctionWrapHandler) -> dict[str, JSON]:
        return {name: value for name, value in every(self).items() if value is not None}


class WordShown(Shown):
    """What the FSP said of the run, and since when."""

    state: str
    at: Time


class TimerShown(Shown):
    """What passes next, and when."""

    name: str
    at: Time


class StandingShown(Shown):
    """Where one dispatch stands, by its newest message; see `Standing`."""

    contract_id: str
    provider: str
    thread: str
    revision: int
    kind: str
    issued_at: Time
    ack_by: Time
    periods: tuple[PeriodShown, ...]
    delivery: Delivery
    decided: str
    reason: str
    states: tuple[WordShown, ...]
    state: State
    flags: tuple[str, ...]
    timer: TimerShown | None
    changes: tuple[str, ...]

    @classmethod
    def of(cls, standing: Standing) -> Self:
        timer = standing.timer
        return cls(
            contract_id=standing.contract_id,
            provider=standing.provider,
            thread=standing.thread,
            revision=standing.revision,
            kind=standing.kind,
            issued_at=standing.issued_at,
            ack_by=standing.ack_by,
            periods=tuple(map(PeriodShown.of, standing.periods)),
            delivery=standing.delivery,
            decided=standing.decided,
            reason=standing.reason,
            states=tuple(WordShown(state=state, at=at) for state, at in standing.states),
            state=standing.state,
            flags=standing.flags,
            timer=None if timer is None else TimerShown(name=timer.event.value, at=timer.at),
            changes=standing.changes,
        )


class LineShown(Shown):
    """One text or timer of a course; see `Line`."""

    at: Time
    who: str
    what: str
    effect: Literal["acts", "noop", "ignored", "refused", ""]
    reason: str
    state: State
    flags: tuple[str, ...]
    revision: int | None
    sha256: str
    delivery: Delivery | None
    decided: str
    periods: tuple[PeriodShown, ...]

    @classmethod
    def of(cls, line: Line) -> Self:
        plain = {name: getattr(line, name) for name in cls.model_fields if name != "periods"}
        return cls(**plain, periods=tuple(map(PeriodShown.of, line.periods)))


class CourseShown(StandingShown):
    """Where a dispatch stands, and its whole course: every text and timer, oldest first."""

    course: tuple[LineShown, ...]


def course_shown(dispatch: Dispatch) -> CourseShown:
    """A dispatch with its whole course."""
    standing = StandingShown.of(dispatch.standing)
    return CourseShown(**dict(standing), course=tuple(map(LineShown.of, lines(dispatch))))
