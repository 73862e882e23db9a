"""The form of a request, before anybody looks at what it says (decision 3: the first check).

    headers   at most 64, each below 8 KiB; what may stand once stands once
    query     no access token in it
    body      length known or chunked, not over the limit of its path, never compressed, arriving
              at a fair rate (`limits`)

Everything is refused by name, and nothing is unpacked, guessed or normalised.
"""

import asyncio
import re

from aiohttp import web

from ukprofile.errors import Refused
from ukprofile.openadr import JSON, read_json
from vtn.http import limits
from vtn.http.limits import MOST_HEADER_BYTES, MOST_HEADERS, most_bytes
from vtn.http.problems import path_of

ONCE = (
    "Authorization",
    "Content-Encoding",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "From",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Origin",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "User-Agent",
    "X-HTTP-Method-Override",
)
"""What may stand once: whoever is in front of us may have read the other one. Host is seen to by
itself. What each proxy on the way adds a line to (Via, Forwarded, X-Forwarded-*) and what is a
list (Accept) may stand twice: nothing here is read from it.
"""
_JSON_TYPE = re.compile(r'application/json(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*', re.IGNORECASE)
_FORM_TYPE = re.compile(
    r'application/x-www-form-urlencoded(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*', re.IGNORECASE
)


def check_headers(request: web.BaseRequest) -> None:
    """Raises Refused HTTP_INVALID (too many, no Host or two), HEADER_DUPLICATE."""
    raw = request.raw_headers
    if len(raw) > MOST_HEADERS:
        raise Refused("HTTP_INVALID", f"{len(raw)} headers; at most {MOST_HEADERS}")
    if any(len(name) + len(value) > MOST_HEADER_BYTES for name, value in raw):
        raise Refused("HTTP_INVALID", f"a header of over {MOST_HEADER_BYTES:,} bytes")
    headers = request.headers
    if len(headers.getall("Host", ())) != 1:
        raise Refused("HTTP_INVALID", "exactly one Host header is due", clause="RFC 9112 3.2")
    if "Content-Length" in headers and "Transfer-Encoding" in headers:
        raise Refused("HTTP_INVALID", "a length and chunks at once", clause="RFC 9112 6.1")
    for name in ONCE:
        if len(headers.getall(name, ())) > 1:
            raise Refused("HEADER_DUPLICATE", f"{name} stands twice", clause="RFC 9110 5.3")


async def read_body(request: web.BaseRequest) -> JSON:
    """The JSON value in the body. Raises Refused MEDIA_TYPE, BODY_TOO_LARGE, TOO_SLOW, and as
    `read_json`.
    """
    _check_media(request, _JSON_TYPE, "application/json")
    return read_json(await _read(request))


async def read_form(request: web.BaseRequest) -> bytes:
    """The body of a form; b"" where there is none. Raises Refused as `read_body`."""
    raw = await _read(request)
    if raw:
        _check_media(request, _FORM_TYPE, "application/x-www-form-urlencoded")
    return raw


def _check_media(request: web.BaseRequest, allowed: re.Pattern[str], due: str) -> None:
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding != "identity":
        raise Refused("MEDIA_TYPE", "send the body uncompressed", security=True)
    given = request.headers.get("Content-Type", "")
    if allowed.fullmatch(given.strip()) is None:
        odd_charset = "charset" in given.lower()
        raise Refused("MEDIA_TYPE", f"{due} in UTF-8 is due", security=odd_charset)


async def _read(request: web.BaseRequest) -> bytes:
    most, announced = most_bytes(path_of(request)), request.content_length
    if announced is not None and announced > most:
        raise Refused("BODY_TOO_LARGE", f"{announced:,} bytes; at most {most:,} here")
    raw, pace = bytearray(), limits.BODY
    try:
        async with asyncio.timeout(pace.due_s(0)) as patience:
            start = (patience.when() or 0.0) - pace.due_s(0)
            async for chunk in request.content.iter_any():
                raw += chunk
                if len(raw) > most:
                    raise Refused("BODY_TOO_LARGE", f"more than {most:,} bytes")
                patience.reschedule(start + pace.due_s(len(raw)))
    except TimeoutError:
        raise Refused("TOO_SLOW", f"no more than {len(raw):,} bytes of the body came") from None
    except web.RequestPayloadError as error:
        raise Refused("HTTP_INVALID", "the body breaks its own framing") from error
    return bytes(raw)
