"""Bodies and HTTP: what is no JSON, too much of it, wrongly labelled, or no HTTP at all."""

import gzip
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from tests.contract.negatives.scene import Given, Scene
from tests.contract.negatives.time_units import event
from tests.wire import Request, get, post
from ukprofile.openadr import REQUEST
from vtn.domain.record import Kind

When = Callable[[], Iterable[Request]]


def program(name: str, **more: Any) -> dict[str, Any]:
    return {"programName": name, **more}


def programs(*bodies: Any, **more: Any) -> When:
    """POST each as a program."""
    return lambda: [post("/programs", body, **more) for body in bodies]


def named(*names: str) -> When:
    return programs(*(program(name) for name in names))


def events(*bodies: Any) -> When:
    return lambda: [post("/events", body) for body in bodies]


def valued(*values: bytes) -> When:
    """Events with these payload values, as they are spelt here."""
    return events(*(_event(b'{"type":"PRICE","values":[%s]}' % value) for value in values))


def _event(payload: bytes) -> bytes:
    return b'{"programID":"{PX}","intervals":[{"id":0,"payloads":[%s]}]}' % payload


def prioritised(*priorities: bytes) -> When:
    return events(*(b'{"programID":"{PX}","priority":%s}' % priority for priority in priorities))


def raw(*heads: bytes, body: bytes = b'{"programName":"x"}') -> When:
    """Requests whose heads stand here as they are sent."""
    return lambda: [Request("POST", "/programs", body, head=head) for head in heads]


_HEAD = (
    b"POST /programs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    b"Content-Type: application/json\r\n%sContent-Length: 19\r\n\r\n"
)
_HOSTS = b"POST /programs HTTP/1.1\r\n%sAuthorization: Bearer {token}\r\n\r\n"


def _many_headers() -> bytes:
    """65 of them."""
    return _HEAD % b"".join(b"X-%d: y\r\n" % n for n in range(61))


def compressed(coding: str, body: bytes) -> Request:
    return post("/programs", body, headers=(("Content-Encoding", coding),))


def _bombs() -> Iterable[Request]:
    zeros = bytes(10_000_000)
    five = zeros
    for _ in range(5):
        five = gzip.compress(five)
    return [
        compressed("gzip", gzip.compress(zeros)),
        compressed("deflate", zlib.compress(zeros)),
        compressed("br", b"\x0b"),
        compressed("gzip, gzip, gzip, gzip, gzip", five),
    ]


def _chunked() -> Iterable[Request]:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    return [
        post("/programs", chunk * 17 + b"0\r\n\r\n", headers=(("Transfer-Encoding", "chunked"),))
    ]


def _too_long() -> Iterable[Request]:
    length = (("Content-Length", str(REQUEST.max_bytes + 1)),)
    return [Request("POST", "/programs", b"", "bl", length)]


async def _in_nfc(scene: Scene) -> None:
    await scene.make(Kind.PROGRAM, program("Ll\u0177n"))


WHEN: dict[str, When] = {
    "N86a": programs(b'{"programName":"A","programName":"B"}'),
    "N86b": events(_event(b'{"type":"PRICE","type":"PRICE","values":[1]}')),
    "N86c": programs(rb'{"programName":"A","program\u004eame":"B"}'),
    "N87a": valued(b"NaN"),
    "N87b": valued(b"Infinity", b"-Infinity"),
    "N88a": valued(b"1e400"),
    "N89a": prioritised(b"9" * 400),
    "N89b": prioritised(b"99999999999999999999999"),
    "N89c": prioritised(b"1.0"),
    "N89d": prioritised(b'"1"', b"true"),
    "N89e": programs({"programName": None}),
    "N90a": programs(b"[" * 100_000 + b"]" * 100_000),
    "N90b": programs(b"[" + b"[]," * 999_999 + b"[]]"),
    "N90c": programs(b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}"),
    "N91a": programs(b'\xef\xbb\xbf{"programName":"A"}', '{"programName":"A"}'.encode("utf-16")),
    "N91c": programs(b'{"programName":"\xff"}', b'{"programName":"\xc0\x80"}'),
    "N91d": programs(rb'{"programName":"\ud800"}'),
    "N91e": programs(rb'{"programName":"a\u0000b"}'),
    "N92a": programs(
        *(
            program(name, attributes=[{"type": "UKFLEX_PROFILE", "values": ["1.0"]}])
            for name in ("UKPN:FLEX-2026-004\uff12", "UKPN:FLEX-\u0410-0044")
        )
    ),
    "N92b": lambda: [
        post("/events", {**event(), "eventName": "a\u202eb"}),
        post("/programs", program("a\u200bb")),
    ],
    "N92c": named("Lly\u0302n"),
    "N92d": named("Ll\u0177n"),
    "N93a": programs(b'{"programName":"A"}x', b'{"programName":"A"}{"programName":"B"}'),
    "N93b": programs(
        b'{"programName":"A" // c\n}', b'{"programName":"A",}', b'{"programName":"A","x":007}'
    ),
    "N94a": _too_long,
    "N94b": _chunked,
    "N94c": _bombs,
    "N95a": lambda: [post("/programs", program("x"), media=m) for m in ("text/plain", None)],
    "N95b": programs(program("x"), media="application/json; charset=utf-7"),
    "N95c": programs(program("x"), headers=(("Content-Type", "application/json"),)),
    "N96a": raw(_HEAD % b"Transfer-Encoding: chunked\r\n"),
    "N96b": raw(_HEAD % b"Content-Length: 18\r\n"),
    "N96c": raw(
        (_HEAD % b"").replace(b"\r\n", b"\n"),
        _HEAD % b"X-Folded: a\r\n b\r\n",
    ),
    "N96d": raw(_many_headers(), _HEAD % (b"X-Long: " + b"y" * 8191 + b"\r\n")),
    "N96e": raw(_HOSTS % b"", _HOSTS % (b"Host: {host}\r\n" * 2), body=b""),
    "N98": programs(program("coloured", **{"x-colour": "red"})),
    "N99": lambda: [get("/openadr3/9.9.9/programs", "bl")],
    "N100a": lambda: [
        post("/events/{E1}", b"", media=None, headers=(("X-HTTP-Method-Override", "DELETE"),))
    ],
    "N100b": lambda: [Request("PATCH", "/programs/{P7}", b"{}")],
    "N100c": lambda: [get("//events", "bl"), get("/events/;a=b/", "bl")],
    "N100d": lambda: [get("/events/%2e%2e%2fprograms", "bl"), get("/events/%00", "bl")],
}
WHEN["N100e"] = lambda: [
    request
    for one in ("N86a", "N89e", "N95a", "N99", "N100b", "N90a", "N87a")
    for request in WHEN[one]()
]

GIVEN: dict[str, Given] = {"N92c": Given(also=_in_nfc)}
