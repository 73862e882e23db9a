"""The kinds of message, who sends them, and the fields of their bodies (profile 3).

One table per kind. From it follow: what is unknown (ignored, alerted or aborted, as the header's
`criticality` says), what is missing, and what has the wrong type; the JSON Schema of each kind,
and its page of the reference. The classes of `bodies` hold what has passed these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ukprofile.flex.fields import (
    BOOLEAN,
    IDENTIFIER,
    LENGTH,
    POWER,
    PRODUCT,
    SERIES,
    SIZE,
    TEXT,
    TIME,
    Advised,
    Each,
    Field,
    Members,
    OneOf,
    Range,
    due,
    may,
    vital,
)
from ukprofile.flex.shapes import (
    ASSET,
    MAKE_UP,
    NOMINATED,
    OFFERED_ASSET,
    OFFERED_PERIOD,
    ORIGIN,
    PERIOD,
    PRICE,
    ROSTER_LINE,
    SPAN,
    WINDOW,
)

DISPATCH_TYPES = {
    "demand_turn_down": 1,
    "generation_turn_up": 1,
    "demand_turn_up": -1,
    "generation_turn_down": -1,
}
"""The sign `delta_w` must have: + is more export or less import at the connection point."""

CANCELLABLE = ("dispatch", "request", "acceptance", "availability")
"""What a cancellation may be `of`."""

DISPATCH_TYPE = OneOf(*DISPATCH_TYPES)
STATES = OneOf("executing", "failed", "suspended", "resumed", "ceased", "completed")

_ID = due("contract_id", IDENTIFIER, "the contract; that of the program (redundant on purpose)")
_ZONE = due("zone", IDENTIFIER, "where in the network")
_ASSETS = vital("assets", Each(ASSET, least=1, most=2000), "what it is about")
_CONTRACT = (_ID, _ZONE, _ASSETS)
_TYPE = may("dispatch_type", DISPATCH_TYPE, "what delta_w does; absent with setpoint_w")
_PERIODS = vital("periods", Each(PERIOD, most=500), "the whole desired state, in order")
_FIRM = due("firm", BOOLEAN, "false in a schedule, true in an instruction")
_PRICE = may("price", PRICE, "what it pays")
_REASON = may("reason", TEXT, "why: a code or a few words")
_ANSWER_BY = (
    may("ack_by", TIME, "a missing acknowledgement raises an alarm then"),
    may("respond_by", TIME, "silence counts as the contract says then"),
    may("confirm_by", TIME, "lapses then unless confirmed"),
    may("origin", ORIGIN, "who needs it"),
    may("priority", Range(0, 999), "1 before 2"),
)
# A stop is executable from the header and `cease_at` alone: nothing else in it is ever due.
_STOP = (
    may("contract_id", Advised(IDENTIFIER), _ID.title),
    may("zone", Advised(IDENTIFIER), _ZONE.title),
    may("assets", Advised(Each(ASSET, least=1, most=2000)), _ASSETS.title),
    may("reason", Advised(TEXT), _REASON.title),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of profile 3: the sender's side, the body, and what the header must add.

    `title` says what the sender means by it.
    """

    name: str
    senders: frozenset[str]
    title: str
    body: Members
    has_accept_by: bool = False
    answers: bool = False
    dispatch: bool = False


def _kind(name: str, senders: str, title: str, *fields: Field, **asks: bool) -> Kind:
    """`asks`: has_accept_by, answers, dispatch, as in Kind."""
    return Kind(name, frozenset(senders.split()), title, Members(*fields), **asks)


_TABLE = (
    _kind(
        "contract_terms",
        "dso",
        "The terms under which dispatches of a contract are given.",
        *_CONTRACT,
        due("product", PRODUCT, "service product: PR, SU, OU, SA+OU, VA+OU or the DSO's own"),
        vital("capacity_w", Range(1, 10**12), "most that may be asked at any instant"),
        vital("windows", Each(WINDOW, least=1, most=100), "when it may be dispatched"),
        vital("valid_from", TIME, "first instant in force"),
        vital("valid_to", TIME, "first instant no longer in force"),
        may("notice_s", LENGTH, "least time from instruction to start"),
        may("ramp_s", LENGTH, "time to reach a level"),
        may("min_run_s", LENGTH, "shortest whole run"),
        may("recovery_s", LENGTH, "rest between two runs"),
        may("min_power_w", SIZE, "least power of a partial acceptance"),
        may("max_start_delay_s", LENGTH, "how much later a partial acceptance may start a period"),
        may("ack_s", LENGTH, "time to acknowledge, where the start is over an hour away"),
        may("respond_s", LENGTH, "time to respond, at most half the time to the start"),
        may("silence", OneOf("refuse", "accept"), "what silence at respond_by means"),
        may("on_unsigned_withdrawal", OneOf("continue", "stop"), "when an event disappears"),
        may("on_stale", OneOf("continue", "stop"), "when the DSO was out of reach too long"),
        _PRICE,
        may("performance_curve", IDENTIFIER, "how delivery becomes payment, by name"),
        may("baseline_method", IDENTIFIER, "how the baseline is made: nominated, or by name"),
    ),
    _kind(
        "request",
        "dso",
        "Asks a market for flexibility.",
        due("service_product", PRODUCT, "what is bought: PR, SU, OU, SA+OU, VA+OU"),
        _ZONE,
        vital("window", SPAN, "when it is needed"),
        _TYPE,
        vital("delta_w", POWER, "how much is needed; + = more export or less import"),
        may("min_offer_w", SIZE, "smallest offer that is considered"),
        due("respond_by", TIME, "last instant for an offer"),
    ),
    _kind(
        "availability",
        "ven",
        "Offers flexibility, to a request or by itself (declaration of availability).",
        _ID,
        _ZONE,
        vital("assets", Each(OFFERED_ASSET, least=1, most=2000), "what would run"),
        _TYPE,
        vital("periods", Each(OFFERED_PERIOD, least=1, most=500), "when, and how much"),
        due("price", PRICE, "what is asked for it"),
        may("confidence_percent", Range(0, 100), "how sure it is"),
    ),
    _kind(
        "unavailability",
        "ven",
        "Says that something cannot be dispatched for a while (form of the standard agreement).",
        *_CONTRACT,
        due("unit", IDENTIFIER, "what is unavailable: an asset, asset group or flexible unit"),
        vital("from", TIME, "first instant"),
        vital("to", TIME, "first instant after it"),
        due("reason", TEXT, _REASON.title),
    ),
    _kind(
        "acceptance",
        "dso",
        "Takes an offer, wholly or in part; without periods, turns it down.",
        *_CONTRACT,
        _TYPE,
        vital("periods", Each(OFFERED_PERIOD, most=500), "what is taken; empty = nothing"),
        _PRICE,
        _REASON,
    ),
    _kind(
        "schedule",
        "dso",
        "Proposes a dispatch; it runs only once an instruction confirms it.",
        *_CONTRACT,
        _TYPE,
        _PERIODS,
        _FIRM,
        *_ANSWER_BY,
        has_accept_by=True,
        dispatch=True,
    ),
    _kind(
        "instruction",
        "dso",
        "Dispatches for certain: confirms a schedule, or stands alone.",
        *_CONTRACT,
        _TYPE,
        _PERIODS,
        _FIRM,
        *_ANSWER_BY,
        due("channel", OneOf("api", "telephone", "email"), "how it was given"),
        due("effective_at", TIME, "when it was given; past only for telephone and email"),
        has_accept_by=True,
        dispatch=True,
    ),
    _kind(
        "variation",
        "dso",
        "Changes a confirmed dispatch: all its periods, past ones unchanged.",
        *_CONTRACT,
        _TYPE,
        _PERIODS,
        has_accept_by=True,
        dispatch=True,
    ),
    _kind(
        "cease",
        "dso",
        "Ends a dispatch that runs. Final; never expires, never refused.",
        *_STOP,
        may("periods", Advised(Each(PERIOD, most=500)), "the periods, shortened"),
        may("dispatch_type", Advised(DISPATCH_TYPE), _TYPE.title),
        vital("cease_at", TIME, "when it ends"),
        may("mode", Advised(OneOf("ramp", "immediate")), "how it ends"),
        dispatch=True,
    ),
    _kind(
        "cancellation",
        "dso ven",
        "Withdraws what has not begun; read after the start it is a cease at once. Final.",
        *_STOP,
        may("periods", Advised(Each(PERIOD, most=0)), "nothing is left"),
        may("of", OneOf(*CANCELLABLE, reason="BODY_MISSING_FIELD"), "absent = dispatch"),
        dispatch=True,
    ),
    _kind(
        "acknowledgement",
        "ven",
        "Says that a message arrived, and what was decided of it.",
        *_CONTRACT,
        vital("decided", OneOf("received", "late", "expired", "refused"), "what was decided"),
        may("reason", TEXT, "the code of a refusal"),
        may(
            "notices",
            Each(TEXT, most=200),
            "pointers of fields that were ignored, alerted or refused",
        ),
        answers=True,
    ),
    _kind(
        "response",
        "ven",
        "Accepts a dispatch, accepts less, or refuses it.",
        *_CONTRACT,
        _TYPE,
        may("periods", Each(PERIOD, most=500), "what a partial acceptance would run"),
        vital("answer", OneOf("accept", "partial", "refuse"), "the answer"),
        _REASON,
        answers=True,
    ),
    _kind(
        "status",
        "ven",
        "Says what a dispatch is doing.",
        *_CONTRACT,
        vital("state", STATES, "what it does"),
        due("at", TIME, "since when"),
        may("power_w", POWER, "power at the connection point; + = export"),
        may("make_up", Each(MAKE_UP, most=2000), "which assets really run"),
        _REASON,
        answers=True,
    ),
    _kind(
        "baseline",
        "ven",
        "Nominates what would flow without any dispatch.",
        *_CONTRACT,
        vital("series", NOMINATED, "the nominated series"),
    ),
    _kind(
        "post_action",
        "ven",
        "What was metered and delivered, by resource and day.",
        *_CONTRACT,
        vital("start", TIME, "first instant of the first interval"),
        vital("interval_s", Range(1, 86_400), "length of every interval"),
        may("metered_w", SERIES, "mean power of each interval; + = export"),
        may("metered_wh", SERIES, "energy of each interval instead; + = export"),
        may("baseline_w", SERIES, "the baseline it is measured against; + = export"),
        due("delivered_wh", SERIES, "energy delivered in each interval, as asked"),
        may("quality", Each(TEXT, most=4000), "of each reading: actual, estimated, ..."),
        due("method", TEXT, "the baseline method, by name"),
        due("part", Range(1, 1000), "which part this is, from 1"),
        due("parts", Range(1, 1000), "how many there are"),
        answers=True,
    ),
    _kind(
        "roster",
        "dso",
        "Every thread of a contract that may still be live, with its newest revision.",
        _ID,
        vital("threads", Each(ROSTER_LINE, most=500), "a line each"),
        may("answers_nonce", TEXT, "the nonce of a cold agent"),
    ),
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _TABLE}
"""Every kind of profile 3 and 6 by name."""


def family(kind: str, body: Mapping[str, object]) -> str:
    """The family part of the slot (profile 2, Order)."""
    if kind == "cancellation":
        of = body.get("of", "dispatch")
        return of if isinstance(of, str) else "dispatch"
    return "dispatch" if KINDS[kind].dispatch else kind
