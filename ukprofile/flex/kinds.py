"""The kinds of message, who sends them, and the fields of their bodies (profile 3).

One table per kind. From it follow: what is unknown (ignored, alerted or aborted, as the header's
`criticality` says), what is missing, and what has the wrong type. Nothing else in the project
lists body fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ukprofile.flex.fields import (
    ANY,
    BOOLEAN,
    CURRENCY,
    IDENTIFIER,
    LENGTH,
    LOCAL_TIME,
    PERIOD_ID,
    POWER,
    SERIES,
    SIZE,
    TEXT,
    TIME,
    Each,
    Field,
    Members,
    OneOf,
    Range,
    due,
    may,
    vital,
)

DISPATCH_TYPES = {
    "demand_turn_down": 1,
    "generation_turn_up": 1,
    "demand_turn_up": -1,
    "generation_turn_down": -1,
}
"""The sign `delta_w` must have: + is more export or less import at the connection point."""

ASSET = Members(due("asset_id", IDENTIFIER), may("asset_group_id", IDENTIFIER))
OFFERED_ASSET = Members(
    due("asset_id", IDENTIFIER),
    may("asset_group_id", IDENTIFIER),
    due("asset_class_id", IDENTIFIER),
    due("energy_source", TEXT),
    may("ghg_g_per_kwh", SIZE),
)
PERIOD = Members(
    due("id", PERIOD_ID),
    due("start", TIME),
    due("end", TIME),
    may("delta_w", POWER),
    may("setpoint_w", POWER),
)
OFFERED_PERIOD = Members(
    due("start", TIME),
    due("end", TIME),
    due("delta_w", POWER),
    may("id", PERIOD_ID),
    may("max_run_s", LENGTH),
    may("notice_s", LENGTH),
)
PRICE = Members(
    due("currency", CURRENCY),
    may("utilisation_minor_per_mwh", SIZE),
    may("availability_minor_per_mw_h", SIZE),
)
WINDOW = Members(
    due("days", Each(OneOf("mon", "tue", "wed", "thu", "fri", "sat", "sun"), least=1, most=7)),
    due("start", LOCAL_TIME),
    due("end", LOCAL_TIME),
    due("time_zone", OneOf("Europe/London")),
    due("fold", Range(0, 1)),
)
SPAN = Members(due("start", TIME), due("end", TIME))
ORIGIN = Members(due("party", OneOf("DSO", "NESO")), may("reference", TEXT))
MAKE_UP = Members(due("asset_id", IDENTIFIER), due("delta_w", POWER))
ROSTER_LINE = Members(
    due("thread", IDENTIFIER),
    due("revision", SIZE),
    due("sha256", TEXT),
    due("end", TIME),
    due("stop", BOOLEAN),
)
DISPATCH_TYPE = OneOf(*DISPATCH_TYPES)
ANSWER = OneOf("accept", "partial", "refuse")

_CONTRACT = (
    due("contract_id", IDENTIFIER),
    due("zone", IDENTIFIER),
    vital("assets", Each(ASSET, least=1, most=2000)),
)
_POWER = (may("dispatch_type", DISPATCH_TYPE), vital("periods", Each(PERIOD, most=500)))
_ANSWER_BY = (
    may("ack_by", TIME),
    may("respond_by", TIME),
    may("confirm_by", TIME),
    may("origin", ORIGIN),
    may("priority", Range(0, 999)),
)
# A stop is executable from the header and `cease_at` alone: nothing else in it is ever due.
_STOP = (
    may("contract_id", ANY),
    may("zone", ANY),
    may("assets", ANY),
    may("periods", ANY),
    may("reason", ANY),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of profile 3: the sender's side, the body, and what the header must add."""

    name: str
    senders: frozenset[str]
    body: Members
    has_accept_by: bool = False
    answers: bool = False
    dispatch: bool = False


def _kind(
    name: str,
    senders: str,
    *fields: Field,
    has_accept_by: bool = False,
    answers: bool = False,
    dispatch: bool = False,
) -> Kind:
    return Kind(
        name,
        frozenset(senders.split()),
        Members(*fields),
        has_accept_by=has_accept_by,
        answers=answers,
        dispatch=dispatch,
    )


_TABLE = (
    _kind(
        "contract_terms",
        "dso",
        *_CONTRACT,
        due("product", IDENTIFIER),
        vital("capacity_w", Range(1, 10**12)),
        vital("windows", Each(WINDOW, least=1, most=100)),
        vital("valid_from", TIME),
        vital("valid_to", TIME),
        may("notice_s", LENGTH),
        may("ramp_s", LENGTH),
        may("min_run_s", LENGTH),
        may("recovery_s", LENGTH),
        may("min_power_w", SIZE),
        may("max_start_delay_s", LENGTH),
        may("ack_s", LENGTH),
        may("respond_s", LENGTH),
        may("silence", OneOf("refuse", "accept")),
        may("on_unsigned_withdrawal", OneOf("continue", "stop")),
        may("on_stale", OneOf("continue", "stop")),
        may("price", PRICE),
        may("performance_curve", IDENTIFIER),
    ),
    _kind(
        "request",
        "dso",
        due("service_product", IDENTIFIER),
        due("zone", IDENTIFIER),
        vital("window", SPAN),
        may("dispatch_type", DISPATCH_TYPE),
        vital("delta_w", POWER),
        may("min_offer_w", SIZE),
        due("respond_by", TIME),
    ),
    _kind(
        "availability",
        "ven",
        due("contract_id", IDENTIFIER),
        due("zone", IDENTIFIER),
        vital("assets", Each(OFFERED_ASSET, least=1, most=2000)),
        may("dispatch_type", DISPATCH_TYPE),
        vital("periods", Each(OFFERED_PERIOD, least=1, most=500)),
        due("price", PRICE),
        may("confidence_percent", Range(0, 100)),
    ),
    _kind(
        "unavailability",
        "ven",
        *_CONTRACT,
        due("unit", IDENTIFIER),
        vital("from", TIME),
        vital("to", TIME),
        due("reason", TEXT),
    ),
    _kind(
        "acceptance",
        "dso",
        *_CONTRACT,
        may("dispatch_type", DISPATCH_TYPE),
        vital("periods", Each(OFFERED_PERIOD, most=500)),
        may("price", PRICE),
        may("reason", TEXT),
    ),
    _kind(
        "schedule",
        "dso",
        *_CONTRACT,
        *_POWER,
        due("firm", BOOLEAN),
        *_ANSWER_BY,
        has_accept_by=True,
        dispatch=True,
    ),
    _kind(
        "instruction",
        "dso",
        *_CONTRACT,
        *_POWER,
        due("firm", BOOLEAN),
        *_ANSWER_BY,
        due("channel", OneOf("api", "telephone", "email")),
        due("effective_at", TIME),
        has_accept_by=True,
        dispatch=True,
    ),
    _kind("variation", "dso", *_CONTRACT, *_POWER, has_accept_by=True, dispatch=True),
    _kind(
        "cease",
        "dso",
        *_STOP,
        may("dispatch_type", ANY),
        vital("cease_at", TIME),
        may("mode", ANY),
        dispatch=True,
    ),
    _kind("cancellation", "dso ven", *_STOP, may("of", ANY), dispatch=True),
    _kind(
        "acknowledgement",
        "ven",
        *_CONTRACT,
        vital("decided", OneOf("received", "late", "expired", "refused")),
        may("reason", TEXT),
        may("notices", Each(TEXT, most=200)),
        answers=True,
    ),
    _kind(
        "response",
        "ven",
        *_CONTRACT,
        may("dispatch_type", DISPATCH_TYPE),
        may("periods", Each(PERIOD, most=500)),
        vital("answer", ANSWER),
        may("reason", TEXT),
        answers=True,
    ),
    _kind(
        "status",
        "ven",
        *_CONTRACT,
        vital(
            "state",
            OneOf("executing", "failed", "suspended", "resumed", "ceased", "completed"),
        ),
        due("at", TIME),
        may("power_w", POWER),
        may("make_up", Each(MAKE_UP, most=2000)),
        may("reason", TEXT),
        answers=True,
    ),
    # The profile names the series and leaves its members to the product: read, not yet checked.
    _kind("baseline", "ven", *_CONTRACT, may("series", ANY)),
    _kind(
        "post_action",
        "ven",
        *_CONTRACT,
        vital("start", TIME),
        vital("interval_s", Range(1, 86_400)),
        may("metered_w", SERIES),
        may("metered_wh", SERIES),
        may("baseline_w", SERIES),
        due("delivered_wh", SERIES),
        may("quality", Each(TEXT, most=4000)),
        due("method", TEXT),
        due("part", Range(1, 1000)),
        due("parts", Range(1, 1000)),
        answers=True,
    ),
    _kind(
        "roster",
        "dso",
        due("contract_id", IDENTIFIER),
        vital("threads", Each(ROSTER_LINE, most=500)),
        may("answers_nonce", TEXT),
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _TABLE}
"""Every kind of profile 3 and 6 by name."""

CANCELLABLE = ("dispatch", "request", "acceptance", "availability")
"""What a cancellation may be `of`."""


def family(kind: str, body: Mapping[str, object]) -> str:
    """The family part of the slot (profile 2, Order)."""
    if kind == "cancellation":
        of = body.get("of", "dispatch")
        return of if isinstance(of, str) else "dispatch"
    return "dispatch" if KINDS[kind].dispatch else kind
