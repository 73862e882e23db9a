"""The table of tamperings: what can be done to a message, and what our receivers make of it.

None of them changes what a device is told; an edited projection lets the message act, since it is
no authority. How each is done, `rewrites` says.
"""

from dataclasses import dataclass

from plugfest.faults import rewrites as do
from ukprofile.codes import CODES, Code


@dataclass(frozen=True, slots=True)
class Due:
    """What the receiver makes of it: its verdict (codes.md), and why, "" = nobody is told.

    Verdict "": there is no message to decide. What was known already is silent, wherever it stands.
    """

    verdict: str
    reason: str = ""

    @property
    def code(self) -> Code | None:
        """Alarm, status and security event of the reason."""
        return CODES.get(self.reason)


@dataclass(frozen=True, slots=True)
class Tampering:
    """One row. `agent` and `vtn` None: it cannot be done to what they receive."""

    name: str
    what: str
    rewrite: do.Rewrite
    agent: Due | None
    vtn: Due | None = None


def _refused(reason: str) -> Due:
    return Due("refused", reason)


_INVALID = _refused("SIGNATURE_INVALID")
_UNKNOWN = _refused("SIGNATURE_HEADER")
_NO_SUITE = _refused("SIGNATURE_SET")
_FORM = _refused("SIGNATURE_FORM")
_SHOWN = Due("alarm+act", "PROJECTION_MISMATCH")

_ROWS = (
    Tampering("own_key", "signed again by a key that no register knows", do.signed_by(do.STRANGER, do.STRANGER), _UNKNOWN, _UNKNOWN),
    Tampering("own_key_as_theirs", "signed again by that key, under the name of the issuer's", do.signed_by(do.STRANGER), _INVALID, _INVALID),
    Tampering("published_key", "signed again by another party's published sandbox key", do.signed_by(do.PUBLISHED, do.PUBLISHED), _UNKNOWN, _refused("ISSUER_MISMATCH")),
    Tampering("published_key_as_theirs", "signed again by that key, under the name of the issuer's", do.signed_by(do.PUBLISHED), _INVALID, _INVALID),
    Tampering("body", "the signed text asks for twice the power, or decides otherwise", do.change_text(do.another_body), _INVALID, _INVALID),
    Tampering("respaced", "the signed text with a space: the same value", do.change_text(lambda t: t.replace(":", ": ", 1)), _INVALID, _INVALID),
    Tampering("escaped", "the signed text with one letter escaped: the same value", do.change_text(do.escape), _INVALID, _INVALID),
    Tampering("header_added", "the signed text with a header field more", do.change_text(do.add_route), _INVALID, _INVALID),
    *(
        Tampering(
            f"header_{name}",
            f"the signed text says another {name}",
            do.other_header(name),
            None if name == "in_reply_to" else _INVALID,
            None if name == "accept_by" else _INVALID,
        )
        for name in (*do.OTHERWISE, "revision")
    ),
    Tampering("jws_alg", "a signature header that names another algorithm", do.change_signatures(do.jws_header('"alg":"Ed25519"', '"alg":"none"')), _UNKNOWN, _UNKNOWN),
    Tampering("jws_kid", "a signature header that names another key", do.change_signatures(do.jws_header('"kid":"', '"kid":"X')), _UNKNOWN, _UNKNOWN),
    Tampering("jws_typ", "a signature header of another type", do.change_signatures(do.jws_header("ukflex+jws", "JWT")), _UNKNOWN, _UNKNOWN),
    Tampering("jws_attached", "the text inside the signature", do.attach_payload, _FORM, _FORM),
    Tampering("jws_padded", "the signature with padding", do.change_signatures(lambda s: [f"{one}==" for one in s]), _FORM, _FORM),
    Tampering("stripped", "no signature", do.change_signatures(lambda _: ()), _NO_SUITE, _NO_SUITE),
    Tampering("stripped_first", "of two signatures the first is gone", do.change_signatures(do.without(0)), _NO_SUITE, _NO_SUITE),
    Tampering("stripped_second", "of two signatures the second is gone", do.change_signatures(do.without(1)), _refused("SUITE_MISMATCH"), _refused("SUITE_MISMATCH")),
    Tampering("doubled", "a signature twice", do.change_signatures(lambda s: (*s, s[-1]) if s else None), _NO_SUITE, _NO_SUITE),
    Tampering("signature_of_another", "genuine signatures, of another text", do.sign_by_another, _INVALID, _INVALID),
    Tampering("shown_level", "the projection asks for twice the power", do.change_projection(do.double), _SHOWN),
    Tampering("shown_time", "the projection lies on another day", do.change_projection(do.a_day_later), _SHOWN),
    Tampering("shown_asset", "the projection has lost its assets", do.drop("ASSET_ID"), _SHOWN),
    Tampering("shown_nothing", "no projection", do.drop(""), _SHOWN),
    Tampering("moved_text", "the text of another event, or report, of the same contract", do.from_other(do.same_way), Due("silent", "THREAD_MISPLACED"), Due("silent")),
    Tampering("moved_program", "the event in another program, the report on an event of one", do.into_other_program, _refused("CARRIER_MISMATCH"), _refused("CARRIER_MISMATCH")),
    Tampering("moved_report", "the report on another event of its contract", do.onto_other_event, None, Due("act")),
    Tampering("moved_recipient", "the text of somebody else's event", do.from_other(do.to_somebody_else), _refused("WRONG_RECIPIENT")),
    Tampering("replayed", "the oldest state again", do.show_oldest, Due("silent")),
    Tampering("replayed_elsewhere", "an older text once more, on a new event", do.show_again_elsewhere, Due("silent", "THREAD_MISPLACED")),
    Tampering("rolled_back", "the state before, in place of the newest", do.show_previous, Due("silent")),
    Tampering("withheld", "nothing: it runs on as it was; what is shown at last, after valid_until, is expired", do.withhold, Due("", "EVENT_WITHDRAWN")),
    Tampering("unsigned", "neither text nor signature", do.strip_all, _refused("MESSAGE_MISSING"), Due("")),
    Tampering("forged", "a new dispatch that nobody signed", do.forge, _refused("MESSAGE_MISSING")),
)  # fmt: skip

TAMPERINGS: dict[str, Tampering] = {row.name: row for row in _ROWS}
