"""Signatures: ours verify elsewhere, and nothing that was altered verifies here."""

import base64
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import joserfc.jws
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from jwcrypto import jwk, jws

from ukprofile.errors import Refused
from ukprofile.receiving.opening import parse_text
from ukprofile.signing import (
    Sealed,
    SigningKeys,
    canonical_form,
    canonical_text,
    check_text,
    protected_header,
    seal,
    verify,
)
from ukprofile.trust import KeySet, Register, from_base64url, to_base64url

FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
KEYS = SigningKeys.generate("DSO-1", "DSO", "dso", FROM, TO, secrets.token_bytes)
REGISTER = Register.of("production", [KEYS.public()])
MESSAGE = {"suite": 1, "key_set": "DSO-1", "issuer": "DSO", "body": {"delta_w": 1000000}}
ONE = seal(MESSAGE, KEYS, 1)
TWO = seal({**MESSAGE, "suite": 2}, KEYS, 2)


def reason(text: str, signatures: Any, register: Register = REGISTER, now: datetime = NOW) -> str:
    """The code of the refusal, or "" where it verifies."""
    try:
        check_text(text)
        verify(text, signatures, register, now)
    except Refused as refused:
        return refused.reason
    return ""


def test_both_suites_verify_and_say_which_they_are() -> None:
    assert verify(ONE.text, ONE.signatures, REGISTER, NOW).suite == 1
    assert verify(TWO.text, TWO.signatures, REGISTER, NOW).suite == 2
    assert verify(TWO.text, TWO.signatures[::-1], REGISTER, NOW).suite == 2


def _attached(sealed: Sealed, index: int) -> str:
    header, signature = sealed.signatures[index].split("..")
    return f"{header}.{to_base64url(sealed.text.encode())}.{signature}"


def _public_jwk(algorithm: str) -> dict[str, str]:
    key = KEYS.public().public(algorithm)
    assert key is not None
    if algorithm == "Ed25519":
        return {"kty": "OKP", "crv": "Ed25519", "x": to_base64url(key)}
    return {"kty": "AKP", "alg": "ML-DSA-65", "pub": to_base64url(key)}


def test_joserfc_verifies_what_we_sign() -> None:
    key = OKPKey.import_key(_public_jwk("Ed25519"))
    found = joserfc.jws.deserialize_compact(_attached(ONE, 0), key, algorithms=["Ed25519"])
    assert found.payload == ONE.text.encode()
    assert found.headers() == {"alg": "Ed25519", "kid": "DSO-1", "typ": "ukflex+jws"}


@pytest.mark.parametrize(("index", "algorithm"), [(0, "Ed25519"), (1, "ML-DSA-65")])
def test_jwcrypto_verifies_what_we_sign(index: int, algorithm: str) -> None:
    token = jws.JWS()
    token.allowed_algs = [algorithm]
    token.deserialize(_attached(TWO, index))
    token.verify(jwk.JWK(**_public_jwk(algorithm)))
    assert token.payload == TWO.text.encode()


def test_every_flipped_bit_of_a_suite_1_message_is_refused() -> None:
    text, (signature,) = ONE.text.encode(), ONE.signatures
    for position in range(len(text) * 8):
        flipped = bytearray(text)
        flipped[position // 8] ^= 1 << position % 8
        assert reason(flipped.decode("latin-1"), [signature]) in ("SIGNATURE_INVALID", "NOT_ASCII")
    for position in range(len(signature) * 8):
        raw = bytearray(signature.encode())
        raw[position // 8] ^= 1 << position % 8
        assert reason(ONE.text, [raw.decode("latin-1")]) != "", position


@given(st.integers(0, 1), st.data())
def test_flipped_bits_of_a_suite_2_message_are_refused(which: int, data: st.DataObject) -> None:
    signatures = list(TWO.signatures)
    raw = bytearray(signatures[which].encode())
    position = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[position // 8] ^= 1 << position % 8
    signatures[which] = raw.decode("latin-1")
    assert reason(TWO.text, signatures) != ""


@pytest.mark.parametrize(
    ("signatures", "code"),
    [
        ((), "SIGNATURE_SET"),
        (ONE.signatures * 2, "SIGNATURE_SET"),
        (TWO.signatures[1:], "SIGNATURE_SET"),
        ((*TWO.signatures, TWO.signatures[0]), "SIGNATURE_SET"),
        ((ONE.signatures[0] + "==",), "SIGNATURE_FORM"),
        ((ONE.signatures[0] + "\n",), "SIGNATURE_FORM"),
        ((_attached(ONE, 0),), "SIGNATURE_FORM"),
        ((ONE.signatures[0][:-2],), "SIGNATURE_FORM"),
        (("",), "SIGNATURE_FORM"),
        (
            (
                ONE.signatures[0].replace(
                    protected_header("Ed25519", "DSO-1"), protected_header("EdDSA", "DSO-1")
                ),
            ),
            "SIGNATURE_HEADER",
        ),
        (
            (
                ONE.signatures[0].replace(
                    protected_header("Ed25519", "DSO-1"), protected_header("Ed25519", "DSO-9")
                ),
            ),
            "SIGNATURE_HEADER",
        ),
    ],
)
def test_anything_but_exactly_one_suite_is_refused(signatures: Any, code: str) -> None:
    assert reason(ONE.text, signatures) == code


def test_a_stripped_signature_does_not_lower_the_suite_below_the_floor() -> None:
    raised = REGISTER.raise_floor("DSO", 2)
    assert reason(TWO.text, TWO.signatures, raised) == ""
    assert reason(TWO.text, TWO.signatures[:1], raised) == "SUITE_BELOW_FLOOR"
    assert raised.raise_floor("DSO", 1).floor("DSO") == 2


def test_a_key_set_counts_between_its_times_and_until_it_is_revoked() -> None:
    for when, code in (
        (FROM, ""),
        (FROM - timedelta(seconds=1), "KEY_INACTIVE"),
        (TO, "KEY_INACTIVE"),
    ):
        assert reason(ONE.text, ONE.signatures, now=when) == code
    revoked = REGISTER.with_key_set(replace(KEYS.public(), revoked_at=NOW))
    assert reason(ONE.text, ONE.signatures, revoked) == "KEY_INACTIVE"
    assert reason(ONE.text, ONE.signatures, revoked, NOW - timedelta(seconds=1)) == ""
    assert reason(ONE.text, ONE.signatures, revoked.with_key_set(KEYS.public())) == "KEY_INACTIVE"


def test_signatures_of_two_key_sets_do_not_make_a_suite() -> None:
    other = SigningKeys.generate("DSO-2", "DSO", "dso", FROM, TO, secrets.token_bytes)
    register = REGISTER.with_key_set(other.public())
    theirs = seal({**MESSAGE, "suite": 2, "key_set": "DSO-2"}, other, 2)
    assert reason(TWO.text, (TWO.signatures[0], theirs.signatures[1]), register) == "KEY_SETS_MIXED"


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("suite", 2, "SUITE_MISMATCH"),
        ("key_set", "DSO-2", "KEY_SET_MISMATCH"),
        ("issuer", "FSP7", "ISSUER_MISMATCH"),
        ("x", 1.5, "FLOAT_FORBIDDEN"),
        ("x", None, "NULL_FORBIDDEN"),
        ("x", 2**53, "INTEGER_RANGE"),
        ("x", "Llŷn", "NOT_ASCII"),
        ("x", "a" * 40_000, "TOO_LARGE"),
        ("x", {"y": [1, {"z": b""}]}, "JSON_INVALID"),
        ("x", {1: 2}, "JSON_INVALID"),
    ],
)
def test_what_a_receiver_would_refuse_is_not_signed(member: str, value: Any, code: str) -> None:
    with pytest.raises(Refused, match=code):
        seal({**MESSAGE, member: value}, KEYS, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" " * 32_768, ""),
        (" " * 32_769, "TOO_LARGE"),
        ("\x7f", "NOT_ASCII"),
        ("\x1f", "NOT_ASCII"),
        ("é" * 16_384, "NOT_ASCII"),  # the count that matters is of bytes
        ("é" * 16_385, "TOO_LARGE"),
    ],
)
def test_a_text_has_at_most_32_kib_of_printable_ascii(text: str, code: str) -> None:
    if not code:
        check_text(text)
        return
    with pytest.raises(Refused, match=code):
        check_text(text)


def test_a_value_without_a_canonical_form_is_refused() -> None:
    with pytest.raises(Refused, match="NOT_CANONICAL"):
        canonical_form({"x": "\ud800"})


def test_keys_of_suite_1_come_back_from_their_file_and_a_file_without_a_seed_is_refused() -> None:
    keys = SigningKeys.generate("DSO-5", "DSO", "dso", FROM, TO, secrets.token_bytes, suite=1)
    shown = keys.to_json()
    assert SigningKeys.from_json(shown) == keys
    for seed in (None, 1, "YQ", "YQ=="):
        with pytest.raises(Refused, match="32-byte seed") as refused:
            SigningKeys.from_json({**shown, "Ed25519": {**shown["Ed25519"], "seed": seed}})
        assert refused.value.path == "/Ed25519/seed"


def test_a_key_set_without_a_second_key_signs_suite_1_only() -> None:
    keys = SigningKeys.generate("DSO-3", "DSO", "dso", FROM, TO, secrets.token_bytes, suite=1)
    message = {**MESSAGE, "suite": 2, "key_set": "DSO-3"}
    with pytest.raises(Refused, match="SIGNATURE_SET"):
        seal(message, keys, 2)
    with pytest.raises(Refused, match="SIGNATURE_SET"):
        seal(message, keys, 3)


def test_keys_come_back_from_their_files() -> None:
    shown = json.loads(json.dumps(KEYS.to_json()))
    assert SigningKeys.from_json(shown) == KEYS
    assert KeySet.from_json(KEYS.public().to_json()) == KEYS.public()
    assert "seed" not in json.dumps(KEYS.public().to_json())
    assert KEYS.ed25519_seed.hex() not in repr(KEYS)
    shown["Ed25519"]["seed"] = to_base64url(bytes(32))
    with pytest.raises(Refused, match="BODY_INVALID"):
        SigningKeys.from_json(shown)


@pytest.mark.parametrize("point", ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f"])
def test_a_key_that_fits_any_text_is_never_enrolled(point: str) -> None:
    weak = replace(KEYS.public(), key_set="DSO-4", ed25519=bytes.fromhex(point))
    with pytest.raises(Refused, match="KEY_INACTIVE"):
        REGISTER.with_key_set(weak)


def test_published_test_keys_count_in_the_sandbox_only() -> None:
    published = SigningKeys.sandbox("UKPN-sandbox-1", "UKPN", "dso", FROM, TO).public()
    assert Register.of("sandbox", [published])
    for disguised in (published, replace(published, key_set="UKPN-real-1")):
        with pytest.raises(Refused, match="KEY_INACTIVE"):
            Register.of("production", [disguised])


def test_a_name_belongs_to_one_key_and_a_key_to_one_name() -> None:
    other = SigningKeys.generate("DSO-1", "DSO", "dso", FROM, TO, secrets.token_bytes)
    with pytest.raises(Refused, match="already belongs"):
        REGISTER.with_key_set(other.public())
    with pytest.raises(Refused, match="enrolled as"):
        REGISTER.with_key_set(replace(KEYS.public(), key_set="DSO-7"))


json_values = st.recursive(
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), json_values, max_size=5))
def test_what_is_sealed_is_read_back_and_verifies(values: dict[str, Any]) -> None:
    message = {**values, **MESSAGE}
    sealed = seal(message, KEYS, 1)
    assert parse_text(sealed.text) == message
    assert canonical_text(parse_text(sealed.text)) == sealed.text
    assert verify(sealed.text, sealed.signatures, REGISTER, NOW).key_set == KEYS.public()


@given(st.binary(max_size=70))
def test_base64url_has_one_text_for_each_value(raw: bytes) -> None:
    text = to_base64url(raw)
    assert from_base64url(text) == raw
    assert from_base64url(text + "=") is None
    if len(raw) % 3:
        spare = "AQgw" if len(raw) % 3 == 1 else "AEIMQUYcgkosw048"
        others = set(map(chr, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
        for last in others - set(spare):
            assert from_base64url(text[:-1] + last) is None
    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == raw
