"""Canonical text and its signatures (profile 2).

    message ──RFC 8785──▶ text ──┬─ Ed25519 ────▶ header..signature      suite 1: the first
                                 └─ ML-DSA-65 ──▶ header..signature      suite 2: both

A signature is a detached compact JWS over base64url(header) "." base64url(text), RFC 7515
appendix F. The header holds nothing that is not known beforehand, so a verifier *rebuilds* the
header of every key it trusts and compares bytes: no header of a stranger is ever parsed.

All of it is pure and may run in any thread; ML-DSA-65 takes about a millisecond.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

from ukprofile.errors import Refused
from ukprofile.trust import (
    ED25519,
    ML_DSA_65,
    SUITES,
    KeySet,
    Register,
    Role,
    from_base64url,
    sandbox_seed,
    to_base64url,
)

MAX_TEXT = 32_768
"""Bytes of a signed text at most (profile 2)."""
MAX_INTEGER = 2**53 - 1
"""The largest magnitude of an integer (RFC 7493 2.2)."""
_SIGNATURE_BYTES = {ED25519: 64, ML_DSA_65: 3309}
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed message as it travels: the text, and one detached JWS per algorithm."""

    text: str
    signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What verified: the one key set, and the suite its signatures make."""

    key_set: KeySet
    suite: int


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """A key set with its private halves, as 32-byte seeds. Never printed, never sent."""

    key_set: str
    party: str
    role: Role
    active_from: datetime
    active_to: datetime
    ed25519_seed: bytes
    ml_dsa_65_seed: bytes | None = None

    def __repr__(self) -> str:
        return f"SigningKeys({self.key_set!r}, {self.party!r}, {self.role!r})"

    @classmethod
    def generate(
        cls,
        key_set: str,
        party: str,
        role: Role,
        active_from: datetime,
        active_to: datetime,
        random_bytes: Callable[[int], bytes],
        *,
        suite: int = 2,
    ) -> "SigningKeys":
        """Fresh keys; `random_bytes(32)` must be cryptographically strong (`secrets`)."""
        second = random_bytes(32) if suite > 1 else None
        return cls(key_set, party, role, active_from, active_to, random_bytes(32), second)

    @classmethod
    def sandbox(
        cls, key_set: str, party: str, role: Role, active_from: datetime, active_to: datetime
    ) -> "SigningKeys":
        """The published test keys of that name: for the sandbox, where anybody may sign."""
        seeds = (sandbox_seed(key_set, ED25519), sandbox_seed(key_set, ML_DSA_65))
        return cls(key_set, party, role, active_from, active_to, *seeds)

    def public(self) -> KeySet:
        """The public half, to be enrolled with the other side."""
        second = self.ml_dsa_65_seed
        return KeySet(
            self.key_set,
            self.party,
            self.role,
            self.active_from,
            self.active_to,
            _private_ed25519(self.ed25519_seed).public_key().public_bytes_raw(),
            None if second is None else _private_ml_dsa(second).public_key().public_bytes_raw(),
        )

    def to_json(self) -> dict[str, Any]:
        """The public half of `KeySet.to_json` with a `seed` beside each `public`: a secret."""
        shown = self.public().to_json()
        shown[ED25519]["seed"] = to_base64url(self.ed25519_seed)
        if self.ml_dsa_65_seed is not None:
            shown[ML_DSA_65]["seed"] = to_base64url(self.ml_dsa_65_seed)
        return shown

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SigningKeys":
        """Read what `to_json` wrote. Raises Refused BODY_INVALID.

        A seed that does not make the public key beside it is refused: a file that was mixed up
        would otherwise sign what nobody can verify.
        """
        known = KeySet.from_json(value)
        keys = cls(
            known.key_set,
            known.party,
            known.role,
            known.active_from,
            known.active_to,
            _seed(value, ED25519),
            None if known.ml_dsa_65 is None else _seed(value, ML_DSA_65),
        )
        if keys.public() != replace(known, revoked_at=None):
            raise Refused("BODY_INVALID", f"the seeds of {known.key_set} make other public keys")
        return keys


def canonical_text(value: Any) -> str:
    """The RFC 8785 text of a message, after checking that every value may be signed.

    Raises Refused: FLOAT_FORBIDDEN, NULL_FORBIDDEN, INTEGER_RANGE, NOT_ASCII, TOO_LARGE, or
    JSON_INVALID for what JSON has no word for.
    """
    check_values(value)
    text = canonical_form(value)
    check_text(text)
    return text


def canonical_form(value: Any) -> str:
    """The RFC 8785 text alone. Raises Refused NOT_CANONICAL where there is none."""
    try:
        return rfc8785.dumps(value).decode()
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise Refused("NOT_CANONICAL", "this value has no RFC 8785 form") from error


def check_text(text: str) -> None:
    """Step 1 of receiving: size and alphabet. Raises Refused TOO_LARGE, NOT_ASCII."""
    # A character outside ASCII may be several bytes: the count that matters is of bytes.
    if len(text) > MAX_TEXT or len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise Refused("TOO_LARGE", clause="profile 2 Receiving 1")
    if not (text.isascii() and text.isprintable()):
        raise Refused("NOT_ASCII", clause="profile 2 Receiving 1")


def check_values(value: Any, path: str = "") -> None:
    """Refuse values a signed text may not hold, with the pointer of the first one."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            if not isinstance(key, str):
                raise Refused("JSON_INVALID", "member names are strings", path=path)
            escaped = key.replace("~", "~0").replace("/", "~1")
            check_values(member, f"{path}/{escaped}")
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            check_values(member, f"{path}/{index}")
    elif value is None:
        raise Refused("NULL_FORBIDDEN", path=path, clause="profile 2")
    elif isinstance(value, float):
        raise Refused("FLOAT_FORBIDDEN", path=path, clause="profile 2")
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise Refused("INTEGER_RANGE", path=path, clause="profile 2")
    elif not isinstance(value, str):
        raise Refused("JSON_INVALID", f"{type(value).__name__} is no JSON value", path=path)


def seal(message: Mapping[str, Any], keys: SigningKeys, suite: int) -> Sealed:
    """Make the text of `message` and sign it with every algorithm of `suite`.

    The message must name this suite and key set itself, or a receiver would refuse it: raises
    Refused SUITE_MISMATCH, KEY_SET_MISMATCH, ISSUER_MISMATCH, and as `canonical_text`.
    """
    if suite not in SUITES:
        raise Refused("SIGNATURE_SET", f"there is no suite {suite}")
    for member, ours, reason in (
        ("suite", suite, "SUITE_MISMATCH"),
        ("key_set", keys.key_set, "KEY_SET_MISMATCH"),
        ("issuer", keys.party, "ISSUER_MISMATCH"),
    ):
        if message.get(member) != ours:
            raise Refused(reason, f"the message must say {member} {ours!r}", path=f"/{member}")
    text = canonical_text(message)
    return Sealed(text, tuple(_sign(algorithm, text, keys) for algorithm in SUITES[suite]))


def verify(text: str, signatures: Sequence[str], register: Register, now: datetime) -> Verified:
    """Step 2 of receiving: exactly one suite, one key set, active at `now`, not below the floor.

    Raises Refused: SIGNATURE_FORM, SIGNATURE_HEADER, SIGNATURE_SET, KEY_SETS_MIXED,
    KEY_INACTIVE, SIGNATURE_INVALID, SUITE_BELOW_FLOOR (codes.md, in that order).
    """
    found = [_split(signature) for signature in signatures]
    known = _headers(register)
    keys: list[tuple[str, KeySet]] = []
    for header, _ in found:
        if header not in known:
            raise _refuse("SIGNATURE_HEADER")
        keys.append(known[header])
    algorithms = tuple(sorted(algorithm for algorithm, _ in keys))
    suite = next((n for n, wanted in SUITES.items() if tuple(sorted(wanted)) == algorithms), None)
    if suite is None:
        raise _refuse("SIGNATURE_SET")
    key_set = keys[0][1]
    if any(other.key_set != key_set.key_set for _, other in keys):
        raise _refuse("KEY_SETS_MIXED")
    if not register.counts(key_set, now):
        raise _refuse("KEY_INACTIVE", f"{key_set.key_set} is not active at this time")
    for (header, raw), (algorithm, _) in zip(found, keys, strict=True):
        _check_signature(algorithm, key_set, header, raw, text)
    if suite < register.floor(key_set.party):
        raise _refuse("SUITE_BELOW_FLOOR")
    return Verified(key_set, suite)


def protected_header(algorithm: str, key_set: str) -> str:
    """The one header a signature may have, as it stands before the two dots."""
    return to_base64url(
        f'{{"alg":"{algorithm}","kid":"{key_set}","typ":"ukflex+jws"}}'.encode("ascii")
    )


def _refuse(reason: str, detail: str = "") -> Refused:
    return Refused(reason, detail, clause="profile 2 Receiving 2")


def _split(signature: str) -> tuple[str, bytes]:
    match = _COMPACT.fullmatch(signature)
    raw = from_base64url(match[2]) if match else None
    if match is None or raw is None:
        raise _refuse("SIGNATURE_FORM")
    return match[1], raw


def _headers(register: Register) -> dict[str, tuple[str, KeySet]]:
    return {
        _cached_header(algorithm, key_set.key_set): (algorithm, key_set)
        for key_set in register
        for algorithm in (ED25519, ML_DSA_65)
        if key_set.public(algorithm) is not None
    }


def _check_signature(algorithm: str, key_set: KeySet, header: str, raw: bytes, text: str) -> None:
    if len(raw) != _SIGNATURE_BYTES[algorithm]:
        raise _refuse("SIGNATURE_FORM", f"an {algorithm} signature has another length")
    signed = _signing_input(header, text)
    try:
        if algorithm == ED25519:
            _public_ed25519(key_set.ed25519).verify(raw, signed)
        else:
            _public_ml_dsa(key_set.ml_dsa_65 or b"").verify(raw, signed)
    except InvalidSignature:
        raise _refuse("SIGNATURE_INVALID", f"the {algorithm} signature does not verify") from None


def _sign(algorithm: str, text: str, keys: SigningKeys) -> str:
    header = _cached_header(algorithm, keys.key_set)
    signed = _signing_input(header, text)
    if algorithm == ED25519:
        raw = _private_ed25519(keys.ed25519_seed).sign(signed)
    elif keys.ml_dsa_65_seed is None:
        raise Refused("SIGNATURE_SET", f"{keys.key_set} has no {ML_DSA_65} key: suite 1 only")
    else:
        raw = _private_ml_dsa(keys.ml_dsa_65_seed).sign(signed)
    return f"{header}..{to_base64url(raw)}"


def _signing_input(header: str, text: str) -> bytes:
    return f"{header}.{to_base64url(text.encode('ascii'))}".encode("ascii")


def _seed(value: Mapping[str, Any], algorithm: str) -> bytes:
    text = value[algorithm].get("seed")
    raw = from_base64url(text) if isinstance(text, str) else None
    if raw is None or len(raw) != 32:
        raise Refused("BODY_INVALID", "a 32-byte seed in base64url", path=f"/{algorithm}/seed")
    return raw


# Making a key object from bytes costs as much as verifying with it: each is made once.
_cached_header = lru_cache(maxsize=4096)(protected_header)
_private_ed25519 = lru_cache(maxsize=64)(Ed25519PrivateKey.from_private_bytes)
_private_ml_dsa = lru_cache(maxsize=64)(MLDSA65PrivateKey.from_seed_bytes)
_public_ed25519 = lru_cache(maxsize=4096)(Ed25519PublicKey.from_public_bytes)
_public_ml_dsa = lru_cache(maxsize=4096)(MLDSA65PublicKey.from_public_bytes)
