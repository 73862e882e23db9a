"""Access tokens: what is taken, for how long, and from whom."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from tests.unit.vtn.http.edge import FSP7, NOW, live_with
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from vtn.domain.record import Committed
from vtn.http import tokens as module
from vtn.http.tokens import LIFETIME, SKEW, Tokens

VTN = "urn:uuid:vtn"
KEY = OKPKey.generate_key("Ed25519")


def at_the_door() -> tuple[Tokens, ManualClock]:
    clock = ManualClock(NOW)
    return Tokens(KEY, VTN, clock), clock


def claims(**over: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    whole = {
        "iss": VTN,
        "aud": VTN,
        "sub": "fsp7",
        "scope": "read_targets write_reports",
        "exp": now + 600,
    }
    return {k: v for k, v in (whole | over).items() if v is not None}


def test_a_token_says_who_asks_with_which_scopes() -> None:
    tokens, _ = at_the_door()
    minted = tokens.mint(FSP7, frozenset({"read_targets"}))
    viewer = tokens.viewer_of(minted, live_with(FSP7))
    assert (viewer.client_id, viewer.role) == ("fsp7", FSP7.role)
    assert viewer.scopes == {"read_targets"}
    found = jws.deserialize_compact(minted, KEY, algorithms=["Ed25519"])
    assert found.headers() == {"alg": "Ed25519", "typ": "at+jwt"}
    said = json.loads(found.payload or b"")
    assert (said["iss"], said["aud"], said["client_id"]) == (VTN, VTN, "fsp7")
    assert said["exp"] - said["iat"] == LIFETIME.total_seconds()
    assert tokens.mint(FSP7, FSP7.scopes) != tokens.mint(FSP7, FSP7.scopes)


def test_scopes_that_the_client_does_not_have_are_not_believed() -> None:
    tokens, _ = at_the_door()
    token = tokens.sign(claims(scope="read_all read_targets"))
    assert tokens.viewer_of(token, live_with(FSP7)).scopes == {"read_targets"}


NOW_S = int(NOW.timestamp())


@pytest.mark.parametrize(
    "over",
    [
        {"exp": NOW_S - 31},
        {"exp": None},
        {"exp": True},
        {"exp": "soon"},
        {"exp": 1.5},
        {"exp": -1},
        {"exp": 2**60},
        {"nbf": NOW_S + 31},
        {"nbf": None, "iss": "https://issuer.example"},
        {"iss": None},
        {"aud": "urn:uuid:other"},
        {"aud": [VTN, "urn:uuid:other"]},
        {"aud": None},
        {"sub": "ghost"},
        {"sub": None},
    ],
    ids=str,
)
def test_claims_that_do_not_hold(over: dict[str, Any]) -> None:
    tokens, _ = at_the_door()
    with pytest.raises(Refused, match="TOKEN_INVALID") as refused:
        tokens.viewer_of(tokens.sign(claims(**over)), live_with(FSP7))
    assert refused.value.security


@pytest.mark.parametrize("over", [{"exp": NOW_S - 30}, {"nbf": NOW_S + 30}, {"nbf": NOW_S}])
def test_clocks_may_be_apart_by_thirty_seconds(over: dict[str, Any]) -> None:
    tokens, _ = at_the_door()
    assert tokens.viewer_of(tokens.sign(claims(**over)), live_with(FSP7)).client_id == "fsp7"


def forged() -> list[str]:
    """Tokens that another key signed, no key, or a key for something else."""
    good = Tokens(KEY, VTN, ManualClock(NOW)).sign(claims())
    head, body, signature = good.split(".")
    stranger = Tokens(OKPKey.generate_key("Ed25519"), VTN, ManualClock(NOW)).sign(claims())
    return [
        stranger,
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.{signature}",
        f"{head}.{body[:-2]}AA.{signature}",
        "",
        "no token",
        "é" * 40,
        "\udcff" * 40,
        "x" * 5000,
        jws.serialize_compact(
            {"alg": "Ed25519", "typ": "at+jwt"}, b"[]", KEY, algorithms=["Ed25519"]
        ),
        jws.serialize_compact(
            {"alg": "Ed25519", "typ": "at+jwt"}, b"{", KEY, algorithms=["Ed25519"]
        ),
    ]


@pytest.mark.parametrize("token", forged(), ids=range(12))
def test_what_is_no_token_of_ours(token: str) -> None:
    tokens, _ = at_the_door()
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        tokens.viewer_of(token, live_with(FSP7))


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "AT+JWT"}, {"typ": None}])
def test_a_jwt_of_another_type_is_no_access_token(header: dict[str, Any]) -> None:
    tokens, _ = at_the_door()
    token = tokens.sign(claims(), **{k: v for k, v in header.items() if v} or {"typ": "id"})
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        tokens.viewer_of(token, live_with(FSP7))


def test_a_token_ends_however_often_it_was_shown() -> None:
    tokens, clock = at_the_door()
    live, token = live_with(FSP7), tokens.mint(FSP7, FSP7.scopes)
    clock.advance(LIFETIME + SKEW)
    assert tokens.viewer_of(token, live).client_id == "fsp7"
    clock.advance(timedelta(seconds=1))
    for _ in range(2):
        with pytest.raises(Refused, match="expired"):
            tokens.viewer_of(token, live)


def test_a_disabled_client_is_refused_at_its_next_request() -> None:
    tokens, _ = at_the_door()
    live, token = live_with(FSP7), tokens.mint(FSP7, FSP7.scopes)
    tokens.viewer_of(token, live)
    live.apply(Committed(clients=(replace(FSP7, disabled=NOW),)))
    with pytest.raises(Refused, match="revoked"):
        tokens.viewer_of(token, live)


def test_a_token_that_was_seen_is_not_verified_again() -> None:
    tokens, _ = at_the_door()
    live, token = live_with(FSP7), tokens.mint(FSP7, FSP7.scopes)
    first = tokens.viewer_of(token, live)
    assert tokens.viewer_of(token, live) is first


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 3)
    tokens, _ = at_the_door()
    live = live_with(FSP7)
    minted = [tokens.mint(FSP7, FSP7.scopes) for _ in range(5)]
    seen = [tokens.viewer_of(token, live) for token in minted]
    assert len(tokens._known) == 3
    assert tokens.viewer_of(minted[4], live) is seen[4]
    again = tokens.viewer_of(minted[0], live)
    assert again == seen[0]
    assert again is not seen[0]
