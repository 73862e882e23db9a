"""Every single bit of a signed message as it travels, flipped: each flip is refused, by name.

    payloads   UKFLEX_MESSAGE     text                        type, text: every bit
               UKFLEX_SIGNATURE   header..Ed25519 signature   type, header, dots, signature: every bit
               UKFLEX_SIGNATURE   header..ML-DSA-65 signature the same, in suite 2

No flip is one that cannot matter: the four spare bits of the last character of an Ed25519
signature are refused by strict decoding, and an ML-DSA-65 signature has none.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.made import KEYS, RUN, VEN, header, minute
from tests.soak.progress import Progress, fingerprint
from ukprofile.errors import Refused
from ukprofile.flex.header import Reference
from ukprofile.mapping.carrier import MESSAGE, SIGNATURE, message_in
from ukprofile.openadr import Interval, ValuesMap
from ukprofile.receiving import open_message
from ukprofile.signing import Sealed, seal

_AT_ONCE = 2_000
"""Flips that are one case of the campaign."""

DUE = {
    "message type": {"MESSAGE_MISSING"},
    "text": {"SIGNATURE_INVALID", "NOT_ASCII"},
    "signature type": {"SIGNATURE_SET", "SUITE_MISMATCH"},
    "signature header": {"SIGNATURE_HEADER", "SIGNATURE_FORM"},
    "signature dots": {"SIGNATURE_FORM"},
    "signature value": {"SIGNATURE_INVALID", "SIGNATURE_FORM"},
}
"""The codes with which a flip is refused, by the part it is in."""

Payload = tuple[str, str]
"""The type of a payload, and its one value."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One bit: of which payload, of its type (0) or value (1), at which place."""

    payload: int
    member: int
    place: int
    bit: int

    def of(self, payloads: Sequence[Payload]) -> tuple[Payload, ...]:
        """The payloads with this bit flipped."""
        pair = list(payloads[self.payload])
        whole = pair[self.member]
        flipped = chr(ord(whole[self.place]) ^ 1 << self.bit)
        pair[self.member] = whole[: self.place] + flipped + whole[self.place + 1 :]
        made = list(payloads)
        made[self.payload] = (pair[0], pair[1])
        return tuple(made)

    def part(self, payloads: Sequence[Payload]) -> str:
        """Which part of the message it is in."""
        kind, value = payloads[self.payload]
        name = "message" if kind == MESSAGE else "signature"
        if self.member == 0:
            return f"{name} type"
        if name == "message":
            return "text"
        dots = value.index("..")
        if self.place < dots:
            return "signature header"
        return "signature dots" if self.place < dots + 2 else "signature value"


def message(suite: int) -> tuple[Payload, ...]:
    """An instruction with every header field that a DSO may write, as it travels."""
    made = replace(
        header("instruction", suite=suite),
        accept_by=minute(30),
        supersedes=Reference(1, "0" * 64),
        criticality={"/body/x": "ignore"},
    )
    sealed: Sealed = seal(made.to_json({**RUN, "x": 1}), KEYS["UKPN"], suite)
    return ((MESSAGE, sealed.text), *((SIGNATURE, one) for one in sealed.signatures))


def flips(payloads: Sequence[Payload]) -> Iterator[Flip]:
    """Every flip there is."""
    for number, pair in enumerate(payloads):
        for member, whole in enumerate(pair):
            for place in range(len(whole)):
                yield from (Flip(number, member, place, bit) for bit in range(8))


def opened(payloads: Sequence[Payload]) -> str:
    """The code with which an agent refuses it in steps 1 to 3; "" where it does not."""
    made = tuple(ValuesMap(type=kind, values=(value,)) for kind, value in payloads)
    try:
        carried = message_in([Interval(id=0, payloads=made)])
        open_message(carried.text, carried.signatures, VEN, minute(0))
    except Refused as refused:
        return refused.reason
    return ""


def refusals(payloads: Sequence[Payload], chosen: Sequence[Flip]) -> Counter[str]:
    """How often each part was refused with each code. Raises AssertionError at one that was not
    refused, or with a code that is not due.
    """
    found: Counter[str] = Counter()
    for flip in chosen:
        part, code = flip.part(payloads), opened(flip.of(payloads))
        assert code in DUE[part], f"{flip} in the {part}: {code or 'taken'}"
        found[f"{part}: {code}"] += 1
    return found


def campaign(folder: Path, told: Callable[[str], None] = print, at_most: int | None = None) -> None:
    """Flip every bit of a message of either suite, `at_most` so many of each. Raises
    AssertionError at the first that is not refused as is due.
    """
    progress = Progress(folder, fingerprint("ukprofile", "tests/soak"))
    for suite in (1, 2):
        payloads = message(suite)
        assert opened(payloads) == "", "the message itself is taken"
        every = list(flips(payloads))[:at_most]
        found: Counter[str] = Counter()
        for first in range(0, len(every), _AT_ONCE):
            case = f"{suite}/{first}"
            if case not in progress.finished:
                counted = refusals(payloads, every[first : first + _AT_ONCE])
                progress.finish(case, dict(counted))
            found.update(progress.finished[case])
            done = min(first + _AT_ONCE, len(every))
            told(f"suite {suite}: {done} of {len(every)} flips, all refused")
        told(f"suite {suite}: " + ", ".join(f"{n} {what}" for what, n in sorted(found.items())))
