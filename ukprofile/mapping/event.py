"""The event that carries a message, whichever kind of the DSO's it is (profile 1).

contract_terms           contract program   CONTRACT_TERMS
request                  market program     REQUEST
acceptance               contract program   ACCEPTANCE
schedule ... cease       contract program   SCHEDULED_DISPATCH or REAL_TIME_DISPATCH
cancellation             the event of what it cancels
"""

from typing import TypeAlias

from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.header import Header
from ukprofile.flex.instruction import Instruction, Schedule, Variation
from ukprofile.flex.offer import Acceptance
from ukprofile.flex.request import Request
from ukprofile.flex.stop import Cancellation, Cease
from ukprofile.mapping.contract import contract_event
from ukprofile.mapping.dispatch import EventName, dispatch_event
from ukprofile.mapping.market import acceptance_event, request_event
from ukprofile.openadr import EventRequest
from ukprofile.signing import Sealed

FromDso: TypeAlias = (
    ContractTerms | Request | Acceptance | Schedule | Instruction | Variation | Cease | Cancellation
)
"""The bodies that travel in events; every other body is a VEN's, and travels in a report."""


def event_of(
    sealed: Sealed,
    header: Header,
    body: FromDso,
    program_id: str,
    event_name: EventName = "SCHEDULED_DISPATCH",
) -> EventRequest:
    """The whole event around `sealed`, whose header and body these are.

    `program_id` is what the VTN calls the program; `event_name` is of dispatches only, and stays
    what it was for their life. Raises ValueError for the withdrawal of an offer: a VEN's report.
    """
    match body:
        case ContractTerms():
            return contract_event(sealed, body, program_id)
        case Request() | Cancellation(of="request"):
            return request_event(sealed, header, body, program_id)
        case Acceptance() | Cancellation(of="acceptance"):
            return acceptance_event(sealed, header, body, program_id)
        case Cancellation(of="availability"):
            raise ValueError("an offer is withdrawn by the VEN that made it, in a report")
    return dispatch_event(sealed, header, body.to_json(), program_id, event_name)
