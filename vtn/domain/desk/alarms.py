"""The desk's alarms: what may be asked, and how they are shown. `vtn.domain.watch` raises them."""

from collections.abc import Iterable
from typing import Self

from vtn.domain.alarm import Alarm, Cause, Severity
from vtn.domain.desk.orders import Order
from vtn.domain.desk.shown import Shown, Time


class AlarmsOrder(Order):
    """What a person should look at; with `all` what is over, too."""

    all: bool = False


class AlarmShown(Shown):
    """One alarm or notice; see `Concern`. `over_at` is null while it stands."""

    key: str
    code: str
    cause: Cause
    severity: Severity
    text: str
    contract_id: str
    provider: str
    thread: str
    since: Time
    raised_at: Time
    over_at: Time | None

    @classmethod
    def of(cls, alarm: Alarm) -> Self:
        told = alarm.concern
        return cls(
            key=told.key,
            code=told.code,
            cause=told.cause,
            severity=told.severity,
            text=told.text,
            contract_id=told.contract_id,
            provider=told.provider,
            thread=told.thread,
            since=told.since,
            raised_at=alarm.raised_at,
            over_at=alarm.over_at,
        )


class AlarmsShown(Shown):
    """Alarms, in the order they were raised."""

    alarms: tuple[AlarmShown, ...]

    @classmethod
    def of(cls, alarms: Iterable[Alarm]) -> Self:
        return cls(alarms=tuple(map(AlarmShown.of, alarms)))
