"""Whose keys count: times, revocation, floors, and the keys that must never be enrolled."""

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ukprofile.errors import Refused
from ukprofile.signing import SigningKeys
from ukprofile.trust import (
    ML_DSA_65,
    KeySet,
    Register,
    from_base64url,
    sandbox_seed,
    to_base64url,
)

FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
KEYS = SigningKeys.generate("DSO-1", "DSO", "dso", FROM, TO, secrets.token_bytes)
PUBLIC = KEYS.public()
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("when", "active"), [(FROM - SECOND, False), (FROM, True), (TO - SECOND, True), (TO, False)]
)
def test_a_key_set_is_active_from_its_first_instant_until_its_last(
    when: datetime, active: bool
) -> None:
    assert PUBLIC.active(when) is active
    revoked = replace(PUBLIC, revoked_at=FROM + SECOND)
    assert revoked.active(when) is (when == FROM)


@pytest.mark.parametrize("name", ["UKPN-sandbox-1", "UKPN-real-1"])
def test_a_published_key_counts_in_the_sandbox_only_whoever_put_it_there(name: str) -> None:
    """N59b: by its name, or under another one."""
    published = SigningKeys.sandbox("UKPN-sandbox-1", "UKPN", "dso", FROM, TO).public()
    held = replace(published, key_set=name)
    assert Register("sandbox", {name: held}).counts(held, FROM)
    assert not Register("sandbox", {name: held}).counts(held, TO)
    assert not Register("production", {name: held}).counts(held, FROM)
    assert Register("production", {PUBLIC.key_set: PUBLIC}).counts(PUBLIC, FROM)


def test_a_register_is_a_value_and_gives_what_was_enrolled() -> None:
    empty = Register("production")
    register = empty.with_key_set(PUBLIC)
    assert list(empty) == []
    assert list(register) == [PUBLIC]
    assert register.get("DSO-1") == PUBLIC
    assert register.get("DSO-2") is None


def test_a_revocation_is_never_undone() -> None:
    revoked = replace(PUBLIC, revoked_at=FROM)
    register = Register.of("production", [PUBLIC, revoked])
    assert register.with_key_set(PUBLIC).get("DSO-1") == revoked
    again = replace(PUBLIC, active_to=TO + SECOND)
    assert register.with_key_set(again).get("DSO-1") == replace(again, revoked_at=FROM)


def test_a_floor_only_rises_and_only_to_a_suite_there_is() -> None:
    register = Register.of("production", [PUBLIC], {"DSO": 1})
    assert (register.floor("DSO"), register.floor("FSP7")) == (1, 1)
    raised = register.raise_floor("DSO", 2)
    assert (raised.floor("DSO"), register.floor("DSO"), raised.floor("FSP7")) == (2, 1, 1)
    assert raised.raise_floor("DSO", 1).floor("DSO") == 2
    for suite in (0, 3):
        with pytest.raises(Refused, match="no suite"):
            raised.raise_floor("DSO", suite)


@pytest.mark.parametrize("sign_bit", [0, 0x80])
@pytest.mark.parametrize(
    "point",
    [
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    ],
)
def test_a_point_of_small_order_is_no_key_whatever_its_sign(point: str, sign_bit: int) -> None:
    raw = bytearray(bytes.fromhex(point))
    raw[31] |= sign_bit
    with pytest.raises(Refused, match="small order"):
        Register("production").with_key_set(replace(PUBLIC, ed25519=bytes(raw)))


@pytest.mark.parametrize(
    "change",
    [
        {"key_set": ""},
        {"key_set": "a b"},
        {"party": "x" * 65},
        {"party": 'a"b'},
        {"ed25519": bytes(31)},
        {"ml_dsa_65": bytes(1951)},
    ],
)
def test_a_name_or_key_of_another_form_is_not_enrolled(change: Any) -> None:
    with pytest.raises(Refused, match="KEY_INACTIVE"):
        Register("sandbox").with_key_set(replace(PUBLIC, **change))


@pytest.mark.parametrize("change", [{"party": "FSP7"}, {"role": "ven"}, {"ml_dsa_65": None}])
def test_a_name_that_is_taken_stays_with_its_party_role_and_keys(change: Any) -> None:
    with pytest.raises(Refused, match="already belongs"):
        Register.of("production", [PUBLIC, replace(PUBLIC, **change)])


def test_a_published_key_of_either_algorithm_is_a_test_key_under_any_name() -> None:
    published = SigningKeys.sandbox("FSP7-sandbox-1", "FSP7", "ven", FROM, TO).public()
    half = replace(PUBLIC, ml_dsa_65=published.ml_dsa_65)
    for one in (replace(PUBLIC, ed25519=published.ed25519), half):
        assert Register.of("sandbox", [one])
        with pytest.raises(Refused, match="published test key"):
            Register.of("production", [one])
    named = replace(PUBLIC, key_set="DSO-sandbox-9")
    with pytest.raises(Refused, match="published test key"):
        Register.of("production", [named])


def test_the_published_seeds_are_those_of_the_profile() -> None:
    text = "ukflex sandbox test key, never for production: FSP7-sandbox-1 ML-DSA-65"
    assert sandbox_seed("FSP7-sandbox-1", ML_DSA_65) == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize("revoked_at", [None, FROM + SECOND])
@pytest.mark.parametrize("second", [None, PUBLIC.ml_dsa_65])
def test_a_key_set_comes_back_from_its_file(
    revoked_at: datetime | None, second: bytes | None
) -> None:
    one = replace(PUBLIC, revoked_at=revoked_at, ml_dsa_65=second)
    assert KeySet.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"role": "bl"}, "/role"),
        ({"role": None}, "/role"),
        ({"party": 7}, "/party"),
        ({"key_set": None}, "/key_set"),
        ({"active_from": "2026-01-01"}, "/active_from"),
        ({"active_to": 0}, "/active_to"),
        ({"revoked_at": "soon"}, "/revoked_at"),
        ({"Ed25519": None}, "/Ed25519/public"),
        ({"Ed25519": {"public": 1}}, "/Ed25519/public"),
        ({"Ed25519": {"public": "a="}}, "/Ed25519/public"),
        ({"ML-DSA-65": {}}, "/ML-DSA-65/public"),
    ],
)
def test_a_file_that_holds_no_key_set_is_refused_where_it_is_wrong(change: Any, path: str) -> None:
    with pytest.raises(Refused, match="BODY_INVALID") as refused:
        KeySet.from_json({**PUBLIC.to_json(), **change})
    assert refused.value.path == path


def test_a_file_that_is_no_object_is_refused() -> None:
    with pytest.raises(Refused, match="JSON object"):
        KeySet.from_json([])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["a", "YQ==", "Y+", "Y/", "YR", "YWJ", "Y Q", "é"])
def test_what_is_no_canonical_base64url_stands_for_nothing(text: str) -> None:
    assert from_base64url(text) is None


def test_base64url_is_written_without_padding() -> None:
    assert (to_base64url(b"a"), from_base64url("YQ"), from_base64url("")) == ("YQ", b"a", b"")
