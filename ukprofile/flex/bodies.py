"""Kind to class: the body of every message of profile 3 by its Python type.

signed text ─▶ read_header, field table ─▶ read_body(kind, body) ─▶ Instruction(...)
signed text ◀─ Header.to_json(body)     ◀─ Instruction(...).to_json()

The roster is not here yet: it comes with provenance (profile 6).
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from ukprofile.flex.answer import Acknowledgement, Response, Status, Unavailability
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.instruction import Instruction, Schedule, Variation
from ukprofile.flex.metering import Baseline, PostAction
from ukprofile.flex.offer import Acceptance, Availability
from ukprofile.flex.request import Request
from ukprofile.flex.stop import Cancellation, Cease

Body: TypeAlias = (
    ContractTerms
    | Request
    | Availability
    | Unavailability
    | Acceptance
    | Schedule
    | Instruction
    | Variation
    | Cease
    | Cancellation
    | Acknowledgement
    | Response
    | Status
    | Baseline
    | PostAction
)
BODIES: Mapping[str, type[Body]] = {
    "contract_terms": ContractTerms,
    "request": Request,
    "availability": Availability,
    "unavailability": Unavailability,
    "acceptance": Acceptance,
    "schedule": Schedule,
    "instruction": Instruction,
    "variation": Variation,
    "cease": Cease,
    "cancellation": Cancellation,
    "acknowledgement": Acknowledgement,
    "response": Response,
    "status": Status,
    "baseline": Baseline,
    "post_action": PostAction,
}


def read_body(kind: str, body: Mapping[str, Any]) -> Body:
    """Read a body that has been checked against the field table of its kind.

    Members nobody knows are left out, as are members of a stop that cannot be read; an empty
    list says what an absent one says. Raises KeyError for a kind that has no class.
    """
    return BODIES[kind].read(body)


def kind_of(body: Body) -> str:
    """The kind of message that has such a body."""
    return _KINDS[type(body)]


_KINDS = {body: kind for kind, body in BODIES.items()}
