"""Contract and market as programs, contract terms as the contract event (profile 1).

UKPN:FLEX-2026-0042           program, target CONTRACT_ID-UKPN-FLEX-2026-0042
market:UKPN:OU:HENDON-WAY     program, target MARKET-UKPN-OU-HENDON-WAY
contract_terms                one long event in the contract program
"""

import re
from datetime import datetime

from ukprofile.errors import Refused
from ukprofile.flex.contract import ContractTerms
from ukprofile.mapping.carrier import MESSAGE, SIGNATURE, payloads_of, span_of
from ukprofile.openadr import (
    EventPayloadDescriptor,
    EventRequest,
    Interval,
    ProgramRequest,
    ReportDescriptor,
    ReportPayloadDescriptor,
    ValuesMap,
)
from ukprofile.openadr.program import ProgramFields
from ukprofile.signing import Sealed

CONTRACT_TERMS = "CONTRACT_TERMS"
"""The `eventName` of contract events."""
PROFILE_ATTRIBUTE = "UKFLEX_PROFILE"
PROJECTION_ATTRIBUTE = "UKFLEX_PROJECTION"
CONTRACT_ATTRIBUTE = "CONTRACT_ID"

_PART = r"[A-Za-z0-9_-]+"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_CONTRACT = re.compile(rf"({_PART}):({_PART})", re.ASCII)
_MARKET = re.compile(rf"market:({_PART}):({_PART}):({_PART})", re.ASCII)

_MESSAGE_DESCRIPTORS = (
    EventPayloadDescriptor(payload_type=MESSAGE),
    EventPayloadDescriptor(payload_type=SIGNATURE),
)
_CONTRACT_DESCRIPTORS = (
    *_MESSAGE_DESCRIPTORS,
    EventPayloadDescriptor(payload_type="ASSET_ID"),
    EventPayloadDescriptor(payload_type="ASSET_GRP"),
    EventPayloadDescriptor(payload_type="SELF_DISPATCHED"),
    EventPayloadDescriptor(payload_type="DISPATCH_SETPOINT", units="MW"),
    EventPayloadDescriptor(payload_type="DISPATCH_SETPOINT_RELATIVE", units="MW"),
    ReportPayloadDescriptor(payload_type="READ_BACK"),
    ReportPayloadDescriptor(payload_type="DISPATCH_STATUS"),
)
ANY_MESSAGE = ReportDescriptor(
    payload_type=MESSAGE, report_intervals="OPEN_INTERVALS", frequency=0, repeat=-1
)
"""Asks for signed answers, whenever the VEN has one."""


def target_of(program_name: str) -> str:
    """The one target of a program of the profile. Raises Refused NAME_INVALID."""
    if found := _CONTRACT.fullmatch(program_name):
        return "CONTRACT_ID-" + "-".join(found.groups())
    if found := _MARKET.fullmatch(program_name):
        return "MARKET-" + "-".join(found.groups())
    raise Refused(
        "NAME_INVALID",
        "a program of the profile is named <DSO>:<contract> or market:<DSO>:<product>:<zone>, "
        "in A-Z a-z 0-9 _ -",
        path="/programName",
        clause="profile 1",
        security=not program_name.isascii(),
    )


def dso_of(program_name: str) -> str:
    """The party that a program of the profile names as its DSO. Raises Refused NAME_INVALID."""
    target_of(program_name)
    first, second, *_ = program_name.split(":")
    return second if is_market(program_name) else first


def is_market(program_name: str) -> bool:
    """Whether this is the name of a market, not of a contract."""
    return program_name.startswith("market:")


def market_name(dso: str, product: str, zone: str) -> str:
    """The name of the market for a product in a zone; what a name may not hold becomes -.

    Products too: SA+OU is bought in market:<DSO>:SA-OU:<zone>.
    """
    product, zone = (_NOT_IN_A_NAME.sub("-", word) for word in (product, zone))
    return f"market:{dso}:{product}:{zone}"


def contract_program(terms: ContractTerms, projection: str = "gb-draft") -> ProgramRequest:
    """The program of a contract. `projection`: gb-draft, or none. Raises Refused NAME_INVALID."""
    return ProgramRequest(
        program_name=terms.contract_id,
        interval_period=span_of(terms.valid_from, terms.valid_to),
        targets=(target_of(terms.contract_id),),
        attributes=(
            ValuesMap(type=PROFILE_ATTRIBUTE, values=("1.0",)),
            ValuesMap(type=PROJECTION_ATTRIBUTE, values=(projection,)),
            ValuesMap(type=CONTRACT_ATTRIBUTE, values=(terms.contract_id,)),
        ),
        payload_descriptors=_CONTRACT_DESCRIPTORS,
    )


def market_program(
    dso: str, product: str, zone: str, valid_from: datetime, valid_to: datetime
) -> ProgramRequest:
    """The program of a market for a product in a zone. Raises Refused NAME_INVALID."""
    name = market_name(dso, product, zone)
    return ProgramRequest(
        program_name=name,
        interval_period=span_of(valid_from, valid_to),
        targets=(target_of(name),),
        attributes=(
            ValuesMap(type=PROFILE_ATTRIBUTE, values=("1.0",)),
            ValuesMap(type=PROJECTION_ATTRIBUTE, values=("none",)),
        ),
        payload_descriptors=_MESSAGE_DESCRIPTORS,
    )


def attribute(program: ProgramFields, name: str) -> str | None:
    """The one string value of an attribute of a program; None where there is none such."""
    values = [a.values for a in program.attributes or () if a.type == name]
    if len(values) == 1 and len(values[0]) == 1 and isinstance(values[0][0], str):
        return values[0][0]
    return None


def contract_event(sealed: Sealed, terms: ContractTerms, program_id: str) -> EventRequest:
    """The long-lived event that carries the terms, and on which unsolicited reports hang."""
    span = span_of(terms.valid_from, terms.valid_to)
    return EventRequest(
        program_id=program_id,
        event_name=CONTRACT_TERMS,
        targets=(target_of(terms.contract_id),),
        interval_period=span,
        report_descriptors=(ANY_MESSAGE,),
        intervals=(Interval(id=0, interval_period=span, payloads=payloads_of(sealed)),),
    )
