"""From what a person orders to the body that is signed: deadlines, ids and names filled in.

    now      ack_by    respond_by   confirm_by         start
    ├── ack_s ──┤           │            ├─── notice ────┤
    └──────── respond_s ────┘  never after confirm_by

Pure: the desk signs what comes out, and the rules judge it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.bodies import read_body
from ukprofile.flex.common import Asset
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period, cut, read_periods
from ukprofile.flex.instruction import Instruction, Schedule, Variation
from ukprofile.flex.states import State
from ukprofile.flex.times import time_text
from ukprofile.flex.variation import at_level, first_change, may_change_from, until, varied
from vtn.domain.desk.book import Dispatch
from vtn.domain.desk.orders import (
    ConfirmationOrder,
    InstructionOrder,
    PeriodOrder,
    ProposalOrder,
    ScheduleOrder,
    VariationOrder,
)
from vtn.domain.restored import spare_id

LEAST_TO_ACCEPT = timedelta(seconds=60)
_LEAST_LEAD = timedelta(seconds=1)
"""confirm_by lies before the start (profile 5), also where a contract asks for no notice."""
_TYPES = {True: "demand_turn_down", False: "demand_turn_up"}
"""What a positive and a negative `delta_w` mean, where nobody says (profile 3)."""


def schedule_of(order: ScheduleOrder, terms: ContractTerms, now: datetime) -> Schedule:
    """The body of a schedule. Raises Refused PERIODS_INVALID, POWER_FORM, BODY_VALUE."""
    periods = numbered(order.periods)
    issued, start = now.replace(microsecond=0), periods[0].start
    confirm_by = order.confirm_by or start - max(terms.notice, _LEAST_LEAD)
    usual = terms.respond_by(issued, start).replace(microsecond=0)
    respond_by = order.respond_by or min(usual, confirm_by)
    if not issued < confirm_by < start:
        detail = "lies between now and the start; what is too late to be proposed, instruct"
        raise Refused("BODY_VALUE", detail, path="/confirm_by", clause="profile 5")
    if not issued < respond_by <= confirm_by:
        detail = "lies between now and confirm_by"
        raise Refused("BODY_VALUE", detail, path="/respond_by", clause="profile 5")
    return Schedule(
        **_proposed(order, periods, terms),
        ack_by=terms.ack_by(issued, start),
        respond_by=respond_by,
        confirm_by=confirm_by,
    )


def instruction_of(order: InstructionOrder, terms: ContractTerms, now: datetime) -> Instruction:
    """The body of an instruction. Raises Refused PERIODS_INVALID, POWER_FORM, BODY_VALUE."""
    periods = numbered(order.periods)
    issued = now.replace(microsecond=0)
    return Instruction(
        **_proposed(order, periods, terms),
        ack_by=terms.ack_by(issued, periods[0].start),
        respond_by=order.respond_by,
        channel=order.channel,
        effective_at=_effective(order, issued),
    )


def confirmation_of(order: ConfirmationOrder, held: Dispatch) -> Instruction:
    """The instruction over what was proposed: as scheduled, or exactly as accepted in part."""
    head = held.course.known.head
    assert head is not None
    asked = read_body(head.header.kind, head.body)
    assert isinstance(asked, Schedule | Instruction)
    countered = held.state is State.COUNTERED
    periods = held.course.known.countered if countered else asked.periods
    issued = held.speaks_at.replace(microsecond=0)
    return Instruction(
        contract_id=asked.contract_id,
        zone=asked.zone,
        assets=asked.assets,
        periods=periods,
        dispatch_type=asked.dispatch_type,
        origin=asked.origin,
        origin_reference=asked.origin_reference,
        priority=asked.priority,
        ack_by=None if held.terms is None else held.terms.ack_by(issued, periods[0].start),
        channel=order.channel,
        effective_at=_effective(order, issued),
    )


def variation_of(order: VariationOrder, held: Dispatch) -> Variation:
    """The variation of what is in force: all its periods (profile 3).

    Raises Refused BODY_VALUE naming what of the order is missing, too much or too early.
    """
    issued = held.speaks_at.replace(microsecond=0)
    plan = held.course.known.plan
    wanted = _wanted(order, plan, may_change_from(plan, issued))
    texts = (text for text in held.thread.standing if not text.header.stop)
    newest_id = max(period.id for text in texts for period in read_periods(text.body))
    least_id = spare_id(issued) if held.forgotten else 0
    periods = varied(plan, wanted, issued, max(newest_id + 1, least_id))
    if first_change(plan, periods, issued) is None:
        raise Refused("BODY_VALUE", f"nothing of {held.name} would change", clause="profile 3")
    return Variation(**held.about, periods=periods, dispatch_type=held.said.get("dispatch_type"))


def _wanted(
    order: VariationOrder, plan: tuple[Period, ...], earliest: datetime
) -> tuple[Period, ...]:
    """What is in force as it shall be, by either form of the order."""
    levels = (order.delta_w, order.setpoint_w)
    leveled = levels != (None, None)
    if order.periods:
        if leveled or (order.since, order.end) != (None, None):
            raise _unclear("/periods", "periods stand alone, without from, end and a power")
        later = numbered(order.periods)
        _check_not_past("/periods/0/start", later[0].start, earliest)
        return (*cut(plan, later[0].start), *later)
    if None not in levels:
        raise _unclear("/setpoint_w", "one of delta_w and setpoint_w")
    if order.since is not None and not leveled:
        raise _unclear("/from", "from goes with delta_w or setpoint_w")
    if order.end is None and not leveled:
        raise _unclear("", "one of delta_w, setpoint_w, end and periods is due")
    since = order.since or earliest
    _check_not_past("/from", since, earliest)
    wanted = plan
    if leveled:
        wanted = at_level(plan, since, delta_w=order.delta_w, setpoint_w=order.setpoint_w)
    if order.end is None:
        return wanted
    if order.end <= max(earliest, plan[0].start):
        raise _unclear("/end", "nothing more would run: cease it, or cancel it")
    return until(wanted, order.end)


def _check_not_past(path: str, when: datetime, earliest: datetime) -> None:
    if when < earliest:
        raise _unclear(path, f"what is past cannot be varied: not before {time_text(earliest)}")


def _unclear(path: str, detail: str) -> Refused:
    return Refused("BODY_VALUE", detail, path=path, clause="profile 3 variation")


def numbered(periods: Sequence[PeriodOrder]) -> tuple[Period, ...]:
    """The periods of a new dispatch, in order, with ids from 0.

    Raises Refused PERIODS_INVALID, POWER_FORM: what must hold of periods before any event can be
    made of them, rules or not.
    """
    if not periods:
        raise Refused("PERIODS_INVALID", "at least one period", path="/periods")
    for number, period in enumerate(periods):
        path = f"/periods/{number}"
        if period.start >= period.end:
            raise Refused("PERIODS_INVALID", "must end after it starts", path=path)
        if (period.delta_w is None) == (period.setpoint_w is None):
            raise Refused("POWER_FORM", path=path)
    return tuple(
        Period(number, p.start, p.end, p.delta_w, p.setpoint_w) for number, p in enumerate(periods)
    )


def _proposed(
    order: ProposalOrder, periods: tuple[Period, ...], terms: ContractTerms
) -> dict[str, Any]:
    """What schedule and instruction share."""
    named = order.assets or tuple(asset.asset_id for asset in terms.assets)
    known = {asset.asset_id: asset for asset in terms.assets}
    absolute = periods[0].setpoint_w is not None
    kind = order.dispatch_type or _TYPES[(periods[0].delta_w or 0) >= 0]
    return {
        "contract_id": terms.contract_id,
        "zone": terms.zone,
        "assets": tuple(known.get(name, Asset(name)) for name in named),
        "periods": periods,
        "dispatch_type": None if absolute else kind,
        "origin": order.origin,
        "origin_reference": order.reference,
        "priority": order.priority,
    }


def _effective(order: InstructionOrder | ConfirmationOrder, issued: datetime) -> datetime:
    """When it was given: now by api; by telephone or email before that, at the latest now."""
    given = order.effective_at
    if given is None:
        return issued
    if order.channel == "api":
        detail = "by api it takes effect when it is issued; name the channel: telephone, email"
    elif given > issued:
        detail = "a record is of what was said already: not after now"
    else:
        return given
    raise Refused("BODY_VALUE", detail, path="/effective_at", clause="profile 3 instruction")
