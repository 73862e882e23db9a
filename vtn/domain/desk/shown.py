"""What the desk answers, as JSON: one model for each answer, and its schema for the API.

Keys are stable: programs read them. Times are `YYYY-MM-DDThh:mm:ssZ`, watts whole numbers.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from ukprofile.flex.delivery import Delivery
from ukprofile.flex.dispatch import Period
from ukprofile.flex.states import State
from ukprofile.flex.times import TIME_PATTERN, time_text
from ukprofile.openadr import JSON
from vtn.domain.desk.book import Standing

_TIME = {"type": "string", "pattern": f"^{TIME_PATTERN}$"}
Time = Annotated[datetime, PlainSerializer(time_text, return_type=str), WithJsonSchema(_TIME)]


PeriodShown = Annotated[
    Period,
    PlainSerializer(Period.to_json, return_type=dict[str, JSON]),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "start": _TIME,
                "end": _TIME,
                "delta_w": {"type": "integer"},
                "setpoint_w": {"type": "integer"},
            },
            "required": ["id", "start", "end"],
            "additionalProperties": False,
        }
    ),
]
"""A period as in signed texts: of the two forms of power, the one it has."""


class Shown(BaseModel):
    """An answer of the desk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> JSON:
        return self.model_dump(mode="json")


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
            periods=standing.periods,
            delivery=standing.delivery,
            decided=standing.decided,
            reason=standing.reason,
            states=tuple(WordShown(state=state, at=at) for state, at in standing.states),
            state=standing.state,
            flags=standing.flags,
            timer=None if timer is None else TimerShown(name=timer.event.value, at=timer.at),
            changes=standing.changes,
        )
