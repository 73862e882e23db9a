"""Whose keys count: pinned key sets, their parties, their times, and the suite floor.

    Register ── key set ──▶ party, role (dso | ven), active from .. to, revoked?
        │
        └────── party ────▶ floor: the lowest signature suite taken from that party; only rises

Nothing here is negotiated and nothing is fetched: a register is a value that somebody filled by
hand, by enrolment or from a trust list, and that is passed to whoever verifies (profile 2).
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

from ukprofile.errors import Refused

Role = Literal["dso", "ven"]
"""The two sides of a contract: the operator, and the flexibility provider's agent."""

ED25519 = "Ed25519"
ML_DSA_65 = "ML-DSA-65"
SUITES: Mapping[int, tuple[str, ...]] = {1: (ED25519,), 2: (ED25519, ML_DSA_65)}
"""Suite number to the algorithms that must all be present and all verify (profile 2)."""

_PUBLIC_BYTES = {ED25519: 32, ML_DSA_65: 1952}
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

SANDBOX_KEY_SETS = (
    "UKPN-sandbox-0",
    "UKPN-sandbox-1",
    "UKPN-sandbox-2",
    "FSP7-sandbox-1",
    "FSP8-sandbox-1",
)
"""Key sets whose private halves are published with the profile, so that anybody can test."""

# The encodings of the points of order 1, 2, 4 and 8, sign bit cleared, the non-canonical
# encodings of 0 and 1 (as p and p+1) included: under such a key some signatures fit any text.
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The public half of one key set, and what it may be used for.

    `key_set` is its name and the `kid` of its signatures. Active while
    `active_from <= now < active_to` and not (`revoked_at` set and `revoked_at <= now`).
    `ml_dsa_65` is None where the party signs suite 1 only.
    """

    key_set: str
    party: str
    role: Role
    active_from: datetime
    active_to: datetime
    ed25519: bytes
    ml_dsa_65: bytes | None = None
    revoked_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Whether signatures of this set count at `now`, by the receiver's time."""
        revoked = self.revoked_at is not None and self.revoked_at <= now
        return self.active_from <= now < self.active_to and not revoked

    def public(self, algorithm: str) -> bytes | None:
        """The raw public key of `algorithm`, or None where the set has none."""
        return self.ed25519 if algorithm == ED25519 else self.ml_dsa_65

    def to_json(self) -> dict[str, Any]:
        """The set as published: names, times, and base64url keys under the algorithm names."""
        shown: dict[str, Any] = {
            "key_set": self.key_set,
            "party": self.party,
            "role": self.role,
            "active_from": _time_text(self.active_from),
            "active_to": _time_text(self.active_to),
            ED25519: {"public": to_base64url(self.ed25519)},
        }
        if self.ml_dsa_65 is not None:
            shown[ML_DSA_65] = {"public": to_base64url(self.ml_dsa_65)}
        if self.revoked_at is not None:
            shown["revoked_at"] = _time_text(self.revoked_at)
        return shown

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "KeySet":
        """Read what `to_json` wrote; seeds and notes beside the public keys are left alone.

        Raises Refused BODY_INVALID, with the path of the member that is wrong.
        """
        if not isinstance(value, Mapping):
            raise Refused("BODY_INVALID", "a key set is a JSON object")
        role = _member(value, "role")
        if role not in ("dso", "ven"):
            raise Refused("BODY_INVALID", "role must be dso or ven", path="/role")
        return cls(
            key_set=_member(value, "key_set"),
            party=_member(value, "party"),
            role="dso" if role == "dso" else "ven",
            active_from=_time(value, "active_from"),
            active_to=_time(value, "active_to"),
            ed25519=_key(value, ED25519),
            ml_dsa_65=_key(value, ML_DSA_65) if ML_DSA_65 in value else None,
            revoked_at=_time(value, "revoked_at") if "revoked_at" in value else None,
        )


@dataclass(frozen=True, slots=True)
class Register:
    """The key sets a receiver trusts, and the floor it holds for each party. A value.

    Every change makes a new register, so one that is in use in another thread never changes
    under it. `environment` is "production" or "sandbox".
    """

    environment: str
    key_sets: Mapping[str, KeySet] = field(default_factory=dict)
    floors: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, environment: str, key_sets: Iterable[KeySet], floors: Mapping[str, int] | None = None
    ) -> "Register":
        """A register of these sets. Raises Refused KEY_INACTIVE as `with_key_set` does."""
        register = cls(environment, {}, dict(floors or {}))
        for key_set in key_sets:
            register = register.with_key_set(key_set)
        return register

    def __iter__(self) -> Iterator[KeySet]:
        return iter(self.key_sets.values())

    def get(self, name: str) -> KeySet | None:
        """The set of that name, active or not; None where nobody enrolled it."""
        return self.key_sets.get(name)

    def counts(self, key_set: KeySet, now: datetime) -> bool:
        """Whether signatures of `key_set` count at `now`; of a published test key outside the
        sandbox never, however it came to be held (security 7).
        """
        real = self.environment == "sandbox" or not _is_published(key_set)
        return real and key_set.active(now)

    def floor(self, party: str) -> int:
        """The lowest suite taken from `party`; 1 where nothing is held."""
        return self.floors.get(party, 1)

    def with_key_set(self, key_set: KeySet) -> "Register":
        """The register with `key_set`; the same set again may move its times or be revoked.

        Raises Refused KEY_INACTIVE for keys that must never count: of the wrong length or of
        small order, published sandbox keys outside the sandbox (by name and by the key itself),
        a name that already belongs to another key or party, and the key of another name.
        """
        _check_keys(key_set)
        if self.environment != "sandbox" and _is_published(key_set):
            raise Refused(
                "KEY_INACTIVE",
                f"{key_set.key_set} is a published test key: its private half is known to "
                "everybody. Use a fresh key set outside the sandbox",
            )
        held = self.key_sets.get(key_set.key_set)
        if held is not None and _identity(held) != _identity(key_set):
            raise Refused(
                "KEY_INACTIVE",
                f"the name {key_set.key_set} already belongs to another key: choose a new name",
            )
        for other in self.key_sets.values():
            if other.key_set != key_set.key_set and other.ed25519 == key_set.ed25519:
                raise Refused(
                    "KEY_INACTIVE", f"this key is enrolled as {other.key_set}: make a fresh one"
                )
        if held is not None and held.revoked_at is not None and key_set.revoked_at is None:
            key_set = replace(key_set, revoked_at=held.revoked_at)
        return replace(self, key_sets={**self.key_sets, key_set.key_set: key_set})

    def raise_floor(self, party: str, suite: int) -> "Register":
        """The register with at least `suite` asked of `party`; a floor never falls."""
        if suite not in SUITES:
            raise Refused("SUITE_BELOW_FLOOR", f"there is no suite {suite}")
        return replace(self, floors={**self.floors, party: max(suite, self.floor(party))})


def sandbox_seed(key_set: str, algorithm: str) -> bytes:
    """The published seed of a sandbox key set: 32 bytes anybody can compute."""
    text = f"ukflex sandbox test key, never for production: {key_set} {algorithm}"
    return hashlib.sha256(text.encode()).digest()


def to_base64url(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes | None:
    """The bytes of an unpadded, canonical base64url text; None for anything else.

    Padding, other alphabets, an impossible length and non-zero spare bits are anything else:
    two texts must never stand for the same bytes (RFC 4648 3.5).
    """
    if re.fullmatch(r"[A-Za-z0-9_-]*", text) is None or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if to_base64url(raw) == text else None


def _check_keys(key_set: KeySet) -> None:
    if _NAME.fullmatch(key_set.key_set) is None or _NAME.fullmatch(key_set.party) is None:
        raise Refused("KEY_INACTIVE", "key set and party are named in letters, digits, . _ -")
    for algorithm, size in _PUBLIC_BYTES.items():
        raw = key_set.public(algorithm)
        if raw is not None and len(raw) != size:
            raise Refused("KEY_INACTIVE", f"a public {algorithm} key has {size} bytes")
    if key_set.ed25519[:31] + bytes([key_set.ed25519[31] & 0x7F]) in _SMALL_ORDER:
        raise Refused(
            "KEY_INACTIVE", "this Ed25519 key is a point of small order", clause="RFC 8032 5.1"
        )


def _identity(key_set: KeySet) -> tuple[str, str, bytes, bytes | None]:
    return key_set.party, key_set.role, key_set.ed25519, key_set.ml_dsa_65


def _is_published(key_set: KeySet) -> bool:
    published = _published_keys()
    return (
        "-sandbox-" in key_set.key_set
        or key_set.ed25519 in published
        or key_set.ml_dsa_65 in published
    )


@cache
def _published_keys() -> frozenset[bytes | None]:
    """The public keys that follow from the published seeds, whatever name they come under."""
    found: set[bytes | None] = set()
    for name in SANDBOX_KEY_SETS:
        found.add(
            Ed25519PrivateKey.from_private_bytes(sandbox_seed(name, ED25519))
            .public_key()
            .public_bytes_raw()
        )
        found.add(
            MLDSA65PrivateKey.from_seed_bytes(sandbox_seed(name, ML_DSA_65))
            .public_key()
            .public_bytes_raw()
        )
    return frozenset(found)


def _member(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise Refused("BODY_INVALID", f"{name} must be a string", path=f"/{name}")
    return text


def _time(value: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.strptime(_member(value, name), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused("BODY_INVALID", f"{name} must be a UTC time", path=f"/{name}") from error


def _time_text(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(value: Mapping[str, Any], algorithm: str) -> bytes:
    part = value.get(algorithm)
    text = part.get("public") if isinstance(part, Mapping) else None
    raw = from_base64url(text) if isinstance(text, str) else None
    if raw is None:
        raise Refused(
            "BODY_INVALID", "a public key in unpadded base64url", path=f"/{algorithm}/public"
        )
    return raw
