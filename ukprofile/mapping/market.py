"""What goes before a dispatch, as events (profile 1): request, acceptance, and their withdrawal.

    request      in the market's program     REQUEST     for its window; asks for signed offers
    acceptance   in the contract's program   ACCEPTANCE  from the first period taken to the last

A withdrawal is a revision of the same event in the void form. None of them has a projection: the
draft GB API knows no words for them.
"""

from ukprofile.flex.header import Header
from ukprofile.flex.offer import Acceptance
from ukprofile.flex.projection import VOID_START
from ukprofile.flex.request import Request
from ukprofile.flex.stop import Cancellation
from ukprofile.mapping.carrier import payloads_of, span_of
from ukprofile.mapping.contract import ANY_MESSAGE, target_of
from ukprofile.openadr import EventRequest, Interval, IntervalPeriod
from ukprofile.signing import Sealed

REQUEST = "REQUEST"
ACCEPTANCE = "ACCEPTANCE"


def request_event(
    sealed: Sealed, header: Header, body: Request | Cancellation, program_id: str
) -> EventRequest:
    """The event that asks a market, or no longer does; offers are reports on it."""
    span = _VOID if isinstance(body, Cancellation) else span_of(body.start, body.end)
    return EventRequest(
        program_id=program_id,
        event_name=REQUEST,
        targets=(target_of(header.program),),
        interval_period=span,
        report_descriptors=(ANY_MESSAGE,),
        intervals=_intervals(sealed, span),
    )


def acceptance_event(
    sealed: Sealed, header: Header, body: Acceptance | Cancellation, program_id: str
) -> EventRequest:
    """The event that takes an offer, turns it down, or takes the acceptance back."""
    span = _VOID if isinstance(body, Cancellation) else _taken(body, header)
    return EventRequest(
        program_id=program_id,
        event_name=ACCEPTANCE,
        targets=(target_of(header.program),),
        interval_period=span,
        intervals=_intervals(sealed, span),
    )


def _taken(body: Acceptance, header: Header) -> IntervalPeriod:
    """What is taken, from first to last; what takes nothing stands as long as it is valid."""
    if not body.periods:
        return span_of(header.issued_at, max(header.issued_at, header.valid_until))
    return span_of(min(p.start for p in body.periods), max(p.end for p in body.periods))


def _intervals(sealed: Sealed, span: IntervalPeriod) -> tuple[Interval, ...]:
    return (Interval(id=0, interval_period=span, payloads=payloads_of(sealed)),)


_VOID = span_of(VOID_START, VOID_START)
