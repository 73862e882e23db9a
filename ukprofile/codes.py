"""Every reason a message, an object or a request is refused with, in one table.

One code per refusal: the first check that fails. The profile's own codes stand in the order of
the checks (profile section 2, "Receiving"); the codes of access, bodies and HTTP follow.

`http` is the status a VTN of ours answers with, `step` the step of "Receiving" (None: not about
a signed message), `alarm` what a person is told, and `security` whether a refusal with this code
goes to the security log when the place that refuses does not say otherwise.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One reason code: its name, what it means, and what follows from it."""

    name: str
    meaning: str
    http: int | None
    step: int | None = None
    alarm: str | None = None
    security: bool = False


# fmt: off
_MESSAGE = (
    Code("REPEAT", "text already decided: stored answer stands, nothing new is sent", 200, step=1, alarm=None, security=False),
    Code("TOO_LARGE", "text over 32 KiB (32,768 bytes)", 400, step=1, alarm="FORM", security=True),
    Code("NOT_ASCII", "a byte outside 0x20-0x7E in the text", 400, step=1, alarm="FORM", security=True),
    Code("SIGNATURE_FORM", "not header..signature in unpadded canonical base64url, wrong length, attached payload, stray bytes", 400, step=2, alarm="SIGNATURE", security=True),
    Code("SIGNATURE_HEADER", "header bytes equal none that the receiver rebuilds (extra member, order, other alg, unknown kid): one code, since the header is never parsed", 403, step=2, alarm="SIGNATURE", security=True),
    Code("SIGNATURE_SET", "algorithms present are not exactly those of a suite (none, missing, doubled, extra)", 403, step=2, alarm="SIGNATURE", security=True),
    Code("KEY_SETS_MIXED", "signatures name more than one key set", 403, step=2, alarm="SIGNATURE", security=True),
    Code("KEY_INACTIVE", "key set known, but not active now (retired, revoked, not yet)", 403, step=2, alarm="SIGNATURE", security=True),
    Code("SIGNATURE_INVALID", "a signature does not verify over these bytes", 403, step=2, alarm="SIGNATURE", security=True),
    Code("SUITE_BELOW_FLOOR", "suite lower than the floor held for that party", 403, step=2, alarm="SIGNATURE", security=True),
    Code("JSON_INVALID", "not one JSON object", 400, step=3, alarm="FORM", security=True),
    Code("DUPLICATE_KEY", "a member name twice in one object, compared after unescaping", 400, step=3, alarm="FORM", security=True),
    Code("FLOAT_FORBIDDEN", "a number with fraction or exponent", 400, step=3, alarm="FORM", security=True),
    Code("INTEGER_RANGE", "an integer beyond 2^53-1", 400, step=3, alarm="FORM", security=True),
    Code("NULL_FORBIDDEN", "a null", 400, step=3, alarm="FORM", security=True),
    Code("NOT_CANONICAL", "not the RFC 8785 form of its own value", 400, step=3, alarm="FORM", security=True),
    Code("HEADER_UNKNOWN_FIELD", "a header field this profile does not know (always abort)", 400, step=3, alarm="FORM", security=True),
    Code("HEADER_MISSING_FIELD", "a required header field is absent (for this kind)", 400, step=3, alarm="FORM", security=True),
    Code("HEADER_VALUE", "a header field has the wrong type, form or bound", 400, step=3, alarm="FORM", security=True),
    Code("TIME_FORMAT", "a time, in header or body, is not YYYY-MM-DDThh:mm:ssZ or no real instant", 400, step=3, alarm="FORM", security=True),
    Code("PROFILE_UNSUPPORTED", "other major version", 400, step=3, alarm="FORM", security=False),
    Code("KIND_UNKNOWN", "kind not in section 3", 400, step=3, alarm="FORM", security=True),
    Code("ISSUER_MISMATCH", "issuer is not the party of the key set that verified", 403, step=3, alarm="AUDIENCE", security=True),
    Code("KEY_SET_MISMATCH", "key_set is not the set that verified", 403, step=3, alarm="SIGNATURE", security=True),
    Code("SUITE_MISMATCH", "suite is not the suite that verified (stripped or added signature)", 403, step=3, alarm="SIGNATURE", security=True),
    Code("CLIENT_MISMATCH", "the OAuth client is not bound to the issuer", 403, step=3, alarm="AUDIENCE", security=True),
    Code("ROLE_FORBIDDEN", "this party may not send this kind", 403, step=3, alarm="AUDIENCE", security=True),
    Code("WRONG_ENVIRONMENT", "environment is not mine", 403, step=3, alarm="AUDIENCE", security=True),
    Code("WRONG_RECIPIENT", "recipient is not me (VTN: not the ven of the contract), or a market where none is allowed", 403, step=3, alarm="AUDIENCE", security=True),
    Code("WRONG_PROGRAM", "program is none of mine", 403, step=3, alarm="AUDIENCE", security=True),
    Code("CARRIER_MISMATCH", "the carrying event belongs to another program", 400, step=3, alarm="AUDIENCE", security=True),
    Code("BODY_MISSING_FIELD", "a body field without which the kind cannot be executed is absent", 400, step=3, alarm="FORM", security=True),
    Code("STALE", "older than the head of its slot", 409, step=4, alarm=None, security=False),
    Code("EQUIVOCATION", "same slot and order, other text: both kept", 409, step=4, alarm="EQUIVOCATION", security=True),
    Code("TERMINAL", "a non-stop newer than the stop of its thread: a thread is never revived", 409, step=4, alarm=None, security=False),
    Code("ALREADY_STOPPED", "a further stop that ends nothing earlier: acknowledged, no effect", 200, step=4, alarm=None, security=False),
    Code("ISSUED_IN_FUTURE", "issued_at more than 30 s ahead of now", 400, step=4, alarm=None, security=False),
    Code("REVISION_WINDOW", "revision more than 60 s from issued_at", 400, step=4, alarm=None, security=False),
    Code("EXPIRED", "now is after valid_until", 409, step=4, alarm=None, security=False),
    Code("LATE", "first acceptance after accept_by, or a response after respond_by: nothing runs", 409, step=4, alarm=None, security=False),
    Code("CRITICAL_UNKNOWN", "an unknown body field is marked abort", 400, step=4, alarm=None, security=False),
    Code("VALID_UNTIL_RANGE", "valid_until before the last end of the thread, or more than 24 h after it", 400, step=4, alarm=None, security=False),
    Code("VALID_UNTIL_SHRUNK", "valid_until earlier than the one already held for the thread", 400, step=4, alarm=None, security=False),
    Code("BODY_VALUE", "a body field has the wrong type, vocabulary or bound", 400, step=4, alarm=None, security=False),
    Code("CONTRACT_MISMATCH", "contract_id is not the contract of the program", 400, step=4, alarm=None, security=False),
    Code("ASSET_UNKNOWN", "an asset is not in the contract", 400, step=4, alarm=None, security=False),
    Code("POWER_FORM", "not exactly one of delta_w (with dispatch_type) and setpoint_w (without)", 400, step=4, alarm=None, security=False),
    Code("SIGN_MISMATCH", "sign of delta_w contradicts dispatch_type", 400, step=4, alarm=None, security=False),
    Code("PERIODS_INVALID", "periods empty, reversed, overlapping, out of order, or an id twice", 400, step=4, alarm=None, security=False),
    Code("OUTSIDE_WINDOW", "a period lies outside every contract window (local time, clock changes counted)", 400, step=4, alarm=None, security=False),
    Code("OVER_CAPACITY", "above the contract capacity, alone or summed with another confirmed dispatch", 400, step=4, alarm=None, security=False),
    Code("BELOW_MIN_RUN", "shorter than min_run_s", 400, step=4, alarm=None, security=False),
    Code("BELOW_MIN_POWER", "partial acceptance below min_power_w", 400, step=4, alarm=None, security=False),
    Code("NOTICE_SHORT", "start earlier than issued_at + notice_s", 400, step=4, alarm=None, security=False),
    Code("EFFECTIVE_IN_PAST", "effective_at before issued_at on channel api", 400, step=4, alarm=None, security=False),
    Code("NOT_AS_ACCEPTED", "confirms other periods than the ones accepted in part", 409, step=4, alarm=None, security=False),
    Code("VARIATION_PAST_CHANGED", "a variation rewrites a past period, or the start, id or level of the running one", 400, step=4, alarm=None, security=False),
    Code("INCREASE_NEEDS_ACCEPTANCE", "increase or extension: held until a response accepts; the old level runs on", None, step=4, alarm=None, security=False),
    Code("REPLY_MISMATCH", "in_reply_to names no message held with that revision and digest", 409, step=4, alarm=None, security=False),
    Code("EXCEEDS_REQUEST", "response or offer asks more than was asked for", 400, step=4, alarm=None, security=False),
    Code("START_DELAY", "partial acceptance starts earlier, or more than max_start_delay_s later, or ends later", 400, step=4, alarm=None, security=False),
    Code("UNKNOWN_IGNORED", "an unknown body field was ignored and named in notices", 200, step=4, alarm=None, security=False),
    Code("UNKNOWN_ALERTED", "an unknown body field marked alert: acted on, a person told, named in notices", 200, step=4, alarm="UNKNOWN_FIELD", security=False),
    Code("PROJECTION_MISMATCH", "the projection beside the message says something else", 400, step=6, alarm="PROJECTION", security=True),
)

_STATE = (
    Code("ACCEPTED", "no refusal", 201),
    Code("MESSAGE_MISSING", "no signed message in the first interval", 400, step=2, alarm="SIGNATURE", security=True),
    Code("MESSAGE_TWICE", "more than one signed message", 400, step=2, alarm="SIGNATURE", security=True),
    Code("THREAD_MISPLACED", "the thread stands in another event than its own", 409, step=4, alarm="AUDIENCE", security=True),
    Code("TARGET_INVALID", "not exactly the program's target", 400, step=6, alarm="PROJECTION", security=True),
    Code("CONTRACT_NOT_IN_FORCE", "no contract terms, or not at this time", 409, step=4),
    Code("STATE_INVALID", "the message does not fit the state", 409, step=4),
)

_ACCESS = (
    Code("TOKEN_MISSING", "no access token", 401),
    Code("TOKEN_INVALID", "the token is bad, expired, revoked, or not for this server", 401, security=True),
    Code("TOKEN_REQUEST", "bad grant type or scope", 400),
    Code("CLIENT_INVALID", "client authentication failed", 401, security=True),
    Code("TOKEN_URL", "the token URL is not safe", None, security=True),
    Code("SCOPE_MISSING", "scope or role lacking", 403, security=True),
    Code("OWN_VEN_LOCKED", "a VEN may not rename or delete its own ven", 403, security=True),
    Code("HIDDEN", "not visible: as if absent", 404, security=True),
    Code("NOT_FOUND", "no such route or object", 404),
    Code("REF_UNKNOWN", "a reference is absent or hidden", 409),
    Code("NOT_UNIQUE", "the name or grant is taken", 409),
    Code("IN_USE", "the object has children, or its thread is live", 409),
    Code("BODY_INVALID", "the body is not JSON, or breaks the schema", 400),
    Code("NUMBER_INVALID", "a number is out of grammar or range", 400),
    Code("TIME_INVALID", "a time or duration is not one", 400),
    Code("NAME_INVALID", "a name breaks its form", 400, security=True),
    Code("QUERY_INVALID", "a parameter or id is not one", 400),
    Code("ENCODING", "not clean UTF-8", 400),
    Code("TOO_COMPLEX", "too deep, or too many members", 400, security=True),
    Code("BODY_TOO_LARGE", "the body is over the published limit", 413, security=True),
    Code("MEDIA_TYPE", "content type or encoding not offered", 415),
    Code("HEADER_DUPLICATE", "a single header or a credential given twice", 400, security=True),
    Code("HTTP_INVALID", "the request breaks HTTP framing", 400, security=True),
    Code("TOO_SLOW", "the peer stalls", 408, security=True),
    Code("RATE_LIMITED", "too many requests in too short a time", 429, security=True),
    Code("OVERLOADED", "no room for another connection", 503, security=True),
    Code("METHOD", "method not offered here", 405),
    Code("REDIRECT", "a redirect, which is not followed", None, security=True),
    Code("PRECONDITION", "If-Match failed", 412),
    Code("PEER_TLS", "the peer's certificate or TLS version is not one to trust", None, security=True),
    Code("IDEMPOTENCY", "an idempotency key of no form, or used before for another request", 409, security=True),
    Code("IN_PROGRESS", "a request with this idempotency key has no answer yet", 409),
    Code("LIST_INCOMPLETE", "a page of a list failed: nothing counts as gone", None, alarm="EVENT_WITHDRAWN", security=True),
    Code("EVENT_WITHDRAWN", "a live event disappeared", None, alarm="EVENT_WITHDRAWN", security=True),
    Code("DEVICE_FAILED", "a device refuses a command, or does not answer", None, alarm="DEVICE"),
    Code("NOT_DELIVERED", "a dispatch is not delivered as instructed", None),
    Code("OVERDUE", "what a timer of the profile waits for did not come in time", None, alarm="OVERDUE", security=True),
    Code("REFUSED", "the FSP, or a rule of its agent, refused a dispatch", None),
    Code("DECISION_DUE", "a dispatch waits for the desk", None),
    Code("UNAVAILABLE", "what is dispatched cannot run, as its FSP says", None),
    Code("OVERLAP", "confirmed dispatches overlap on one asset", None),
    Code("POLICY_FAILED", "the FSP's own policy gives no answer that may be signed", None),
    Code("REPORT_REFUSED", "the VTN refuses a report for good", None),
    Code("OUT_OF_CONTACT", "the VTN cannot be reached", None, security=True),
    Code("CLOCK_STEP", "the clock jumped, or is far from the other end's: nothing is signed by it", 503, security=True),
    Code("RESTORED", "the store was put back to how it was at an earlier time", None, security=True),
    Code("TEXT_LOST", "a text of ours that an FSP holds and a restored store does not", 200, security=True),
    Code("ROLLED_BACK", "an event shows an older text than it did before, or none where one was confirmed", None, security=True),
    Code("STORE_DOWN", "cannot be stored, so it is not acknowledged", 503, security=True),
    Code("JOURNAL_OLDER", "the agent's journal was put back, or lost: nothing is told or said until the VTN was asked", None),
    Code("NOT_IMPLEMENTED", "not offered yet", 501),
    Code("INTERNAL", "an error of ours; the instance names it in the log", 500),
)
# fmt: on

CODES: dict[str, Code] = {code.name: code for code in (*_MESSAGE, *_STATE, *_ACCESS)}
"""Every code by name."""
