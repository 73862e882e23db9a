"""Signatures, and the form of what is signed: forged, stripped, bent, or none at all."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.negatives import signed
from tests.contract.negatives.scene import Agent, Given, Scene
from tests.contract.negatives.signed import (
    Message,
    bare,
    carrying,
    cease,
    event_of,
    event_with,
    i2,
    sealed,
    sealed_text,
)
from tests.golden import register
from tests.wire import Reply, Request, post, put
from ukprofile.errors import Refused
from ukprofile.signing import (
    ED25519,
    MAX_TEXT,
    Sealed,
    _private_ed25519,
    _sign,
    canonical_form,
    protected_header,
)
from ukprofile.trust import KeySet, from_base64url, to_base64url

When = Callable[[], Iterable[Request]]

KID = "UKPN-sandbox-1"
RIGHT = {"alg": ED25519, "kid": KID, "typ": "ukflex+jws"}
"""The one header that counts."""
ATTACKER = signed.STRANGER
_ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group of Ed25519 (RFC 8032 5.1)."""


def text() -> str:
    """What is signed of I2."""
    return canonical_form(i2())


def carried(*made: Sealed) -> list[Request]:
    """Events that carry these, and say what I2 says."""
    return [post("/events", event_with(one, shown=i2())) for one in made]


def signatures(*make: Callable[[], str]) -> When:
    """I2 with other signatures."""
    return lambda: carried(*(Sealed(text(), (one(),)) for one in make))


def spelt(change: Callable[[str], str]) -> When:
    """I2 with its text changed, and signed as it is then."""
    return lambda: carried(sealed_text(change(text())))


def said(**header: Any) -> When:
    """I2 with members of its header replaced (None: taken away), and signed as it is then."""

    def when() -> list[Request]:
        one = i2() | header
        made = {name: value for name, value in one.items() if value is not None}
        return [post("/events", carrying(made))]

    return when


# -- signatures ------------------------------------------------------------------------------------


def under(header: Any, key_set: str = KID, *, b64: bool = True) -> When:
    """I2 signed by that key set under another header: JSON, or bytes as they stand here."""
    return signatures(lambda: _jws(header, key_set, b64=b64))


def _jws(header: Any, key_set: str = KID, *, b64: bool = True) -> str:
    first = to_base64url(header if isinstance(header, bytes) else _json(header))
    second = to_base64url(text().encode()) if b64 else text()
    return f"{first}..{to_base64url(_ed25519(key_set, f'{first}.{second}'.encode()))}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _ed25519(key_set: str, data: bytes) -> bytes:
    return _private_ed25519(signed.keys()[key_set].ed25519_seed).sign(data)


def right() -> str:
    """The faultless signature of I2."""
    return sealed(i2()).signatures[0]


def _parts() -> tuple[str, bytes]:
    """Header and raw bytes of the faultless signature."""
    header, _, last = right().partition("..")
    raw = from_base64url(last)
    assert raw is not None
    return header, raw


def _flip(where: str, position: int) -> str:
    """One character with its lowest bit flipped."""
    return where[:position] + chr(ord(where[position]) ^ 1) + where[position + 1 :]


def _flipped_texts() -> list[Request]:
    """The flip of the row, and one in every hundred characters."""
    found = [text().replace('"delta_w":1000000', '"delta_w":1000001')]
    found += [_flip(text(), n) for n in range(0, len(text()), 100) if text()[n] != "~"]
    return carried(*(Sealed(one, (right(),)) for one in found))


def _flipped_headers() -> list[Request]:
    header, _ = _parts()
    return carried(
        *(Sealed(text(), (_flip(header, n) + right()[len(header) :],)) for n in (0, 20, 40, 60))
    )


def _flipped_signatures() -> list[Request]:
    header, raw = _parts()
    found = []
    for n in (0, 31, 32, 63):
        flipped = raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :]
        found.append(Sealed(text(), (f"{header}..{to_base64url(flipped)}",)))
    return carried(*found)


def _by_public_key() -> str:
    """HMAC with what everybody knows as the secret."""
    header = to_base64url(_json({**RIGHT, "alg": "HS256"}))
    known = signed.keys()[KID].public().ed25519
    signing = f"{header}.{to_base64url(text().encode())}".encode()
    return f"{header}..{to_base64url(hmac.digest(known, signing, hashlib.sha256))}"


def _as_rival() -> str:
    """By the private key of FSP8, under UKPN's name."""
    disguised = replace(signed.keys()["FSP8-sandbox-1"], key_set=KID)
    return _sign(ED25519, text(), disguised)


def _flattened() -> str:
    _, raw = _parts()
    members = {"payload": to_base64url(text().encode()), "header": RIGHT}
    return json.dumps({**members, "signature": to_base64url(raw)})


def _access_token() -> str:
    """Signed by the very key that signs dispatches, to make it as hard as can be."""
    head = to_base64url(_json({"alg": ED25519, "kid": KID, "typ": "at+jwt"}))
    claims = to_base64url(_json({"iss": "urn:uuid:vtn", "sub": "bl", "scope": "write_events"}))
    return f"{head}.{claims}.{to_base64url(_ed25519(KID, f'{head}.{claims}'.encode()))}"


def _last_character() -> str:
    """64 bytes leave four spare bits in the last character."""
    return _flip(right(), len(right()) - 1)


def _non_canonical() -> str:
    header, raw = _parts()
    s = int.from_bytes(raw[32:], "little") + _ORDER
    return f"{header}..{to_base64url(raw[:32] + s.to_bytes(32, 'little'))}"


def weak() -> KeySet:
    """A key under which one signature fits any text: the point of order 1."""
    fine = signed.keys()[KID].public()
    return replace(fine, key_set="UKPN-weak-1", ed25519=_POINT, ml_dsa_65=None)


_POINT = b"\x01" + bytes(31)


def _universal() -> list[Request]:
    """Where no register has taken that key (as an agent's, from its settings)."""
    with pytest.raises(Refused, match="KEY_INACTIVE"):
        register().with_key_set(weak())
    header = protected_header(ED25519, "UKPN-weak-1")
    fits_any = f"{header}..{to_base64url(_POINT + bytes(32))}"
    return carried(Sealed(canonical_form({**i2(), "key_set": "UKPN-weak-1"}), (fits_any,)))


async def _offered(scene: Scene) -> None:
    with pytest.raises(Refused, match="KEY_INACTIVE"):
        await scene.running.vtn.office.add_key_set(weak().to_json())


# -- payloads --------------------------------------------------------------------------------------


def _two_messages() -> list[Request]:
    event = event_of(i2())
    other = sealed(i2(periods=[signed.period("18:00", "18:30", delta_w=900_000)]))
    event["intervals"][0]["payloads"][1:1] = [{"type": "UKFLEX_MESSAGE", "values": [other.text]}]
    return [post("/events", event)]


def _second_interval() -> list[Request]:
    event, (second,) = bare(i2()), event_of(i2())["intervals"]
    event["intervals"].append({**second, "id": 1})
    return [post("/events", event)]


def projecting(change: Callable[[Message], None], one: Callable[[], Message] = i2) -> Message:
    """The event of a message with its one interval changed."""
    event = event_of(one())
    change(event["intervals"][0])
    return event


def _half(interval: Message) -> None:
    for payload in interval["payloads"]:
        if payload["type"] == "DISPATCH_SETPOINT_RELATIVE":
            payload["values"] = [0.5]


def _an_hour_later(interval: Message) -> None:
    interval["intervalPeriod"]["start"] = "2026-11-24T19:00:00Z"


def _spelt_otherwise(interval: Message) -> None:
    interval["intervalPeriod"] = {"start": "2026-11-24T18:00:00+00:00", "duration": "PT1800S"}


def _until_the_end(interval: Message) -> None:
    interval["intervalPeriod"]["duration"] = "PT1H30M"


# -- texts -----------------------------------------------------------------------------------------


def sized(length: int) -> Sealed:
    """I2 with a note that makes its text that long."""
    bare_length = len(canonical_form(i2(note="")))
    return sealed(i2(note="x" * (length - bare_length)))


def _unsorted(_: str) -> str:
    return json.dumps(dict(reversed(i2().items())), separators=(",", ":"))


def _with_null() -> list[Request]:
    one = i2()
    one["body"]["price"] = None
    return [post("/events", carrying(one))]


async def one_byte_less_passes(scene: Scene, replies: list[Reply]) -> None:
    (fits,) = carried(sized(MAX_TEXT))
    assert (await scene.send(fits)).status == 201


def names(pointer: str) -> Callable[[Agent], Awaitable[None]]:
    """The answer says which field it was."""

    async def then(agent: Agent) -> None:
        assert (await agent.answers())[-1]["notices"] == [pointer]

    return then


async def points_at_the_field(scene: Scene, replies: list[Reply]) -> None:
    assert "/body/ramp_profile" in replies[0].body.decode()


WHEN: dict[str, When] = {
    "N01a": lambda: carried(Sealed(text(), ())),
    "N01b": lambda: [post("/events", bare(i2()))],
    "N01d": _two_messages,
    "N01f": _second_interval,
    "N02": said(key_set=signed.STRANGER),
    "N03a": said(key_set="FSP8-sandbox-1"),
    "N03b": signatures(_as_rival),
    "N04": _flipped_texts,
    "N05": _flipped_headers,
    "N06": _flipped_signatures,
    "N07": signatures(lambda: sealed(signed.d1()).signatures[0]),
    "N08a": lambda: [post("/events", projecting(_half))],
    "N08b": lambda: [post("/events", projecting(_an_hour_later))],
    "N08c": lambda: [post("/events", projecting(_spelt_otherwise))],
    "N08d": lambda: [put("/events/{E1}", projecting(_until_the_end, _cease))],
    "N12": signatures(
        lambda: f"{to_base64url(_json({**RIGHT, 'alg': 'none'}))}..{right().split('..')[1]}"
    ),
    "N13": signatures(_by_public_key),
    "N14": under({**RIGHT, "alg": "EdDSA"}),
    "N15b": said(suite=3),
    "N17": signatures(_flattened),
    "N18": under(f'{{"alg":"none","alg":"{ED25519}","kid":"{KID}","typ":"ukflex+jws"}}'.encode()),
    "N19a": under({**RIGHT, "jwk": {"kty": "OKP", "crv": ED25519, "x": "eA"}}, ATTACKER),
    "N19b": under({**RIGHT, "jku": "https://evil.example/keys.json"}, ATTACKER),
    "N19d": under({**RIGHT, "x5c": ["MIIB"]}, ATTACKER),
    "N20": under({**RIGHT, "crit": ["x"], "x": 1}),
    "N20a": under({**RIGHT, "crit": []}),
    "N20c": under({**RIGHT, "b64": False, "crit": ["b64"]}, b64=False),
    "N20e": signatures(lambda: right() + "=="),
    "N20f": signatures(_last_character),
    "N20i": signatures(_access_token),
    "N20j": under({**RIGHT, "typ": "JWT"}),
    "N20m": signatures(_non_canonical),
    "N20n": _universal,
    "N20r": lambda: carried(sized(MAX_TEXT + 1)),
    "N20u": spelt(_unsorted),
    "N20x": spelt(lambda one: one.replace('"delta_w":1000000', '"delta_w":1000000.0')),
    "N20z": _with_null,
    "N86h": spelt(lambda one: one.replace('"kind":', '"kind":"schedule","kind":')),
    "N86i": spelt(lambda one: one.replace('"kind":', '"\\u006bind":"schedule","kind":')),
    "N98a": said(route="x"),
    "N98b": lambda: [post("/events", carrying(_profiled("abort")))],
    "N98c": lambda: [post("/events", event_of(_profiled("alert"), shown=i2()))],
    "N98d": lambda: [post("/events", event_of(i2(colour="red")))],
    "N98j": said(kind="dispatch"),
    "N99a": said(profile=None),
    "N99b": said(profile="2.0"),
    "N99c": said(profile="1.7"),
}


def _cease() -> Message:
    return cease("17:10", "2026-11-24T17:00:00Z")


def _profiled(critical: str) -> Message:
    one = i2(ramp_profile="B")
    return {**one, "criticality": {"/body/ramp_profile": critical}}


GIVEN: dict[str, Given] = {
    "N08d": Given("2026-11-24T17:00:00Z"),
    "N20n": Given(also=_offered),
}

AS_GOOD = {"N05": "SIGNATURE_FORM", "N13": "SIGNATURE_FORM", "N20n": "SIGNATURE_HEADER"}
"""Another code of the same step, as `codes.md` admits: the table says so itself of the first two;
a key that was never enrolled is not inactive but unknown.
"""

THEN = {
    "N98b": names("/body/ramp_profile"),
    "N98c": names("/body/ramp_profile"),
    "N98d": names("/body/colour"),
}
"""What else a row demands of the agent that read it."""
MORE = {"N20r": one_byte_less_passes, "N98b": points_at_the_field}
ENDS = {"N08d": {"DSP-0001": "17:10"}}
"""When dispatches end at the agent after it, where it is not as before."""
