"""One call and its answer over HTTP: bounded in time and bytes, repeated only where that is safe.

    what came of it                          GET, token   PUT, DELETE, POST
    ───────────────────────────────────────  ───────────  ───────────────────────────────
    no connection: nothing was sent          again        again
    429, 503: the VTN did nothing            again        again
    408, 500, 502, 504                       again        the answer: it may have happened
    connection lost, or no answer in time    again        OutcomeUnknown, at once
    a certificate, or a TLS, not to trust    PeerNotTrusted, at once: nothing was sent
    a redirect, too large, no HTTP           Refused, at once
    any other status                         the answer

A PUT repeated after a lost answer could undo what somebody else wrote in between, so it is treated
like a POST. A creating POST has the same Idempotency-Key at every attempt, but is not repeated
either where it may have happened: a VTN need not know that header. Between attempts lies a random
part of `backoff_s`, doubled each time, after whatever Retry-After asks for. A longer wait than
`LONGEST_WAIT_S` is not waited for: the answer goes to the caller, who then knows when to come back.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Final, Literal

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
)
from multidict import CIMultiDictProxy
from yarl import URL

from ukprofile.errors import Refused, Unreachable
from ukprofile.openadr import ANSWER, JSON, read_json

LONGEST_WAIT_S: Final = 30.0
_CONNECTIONS = 16
_KEPT_IDLE_S = 15.0
"""How long a connection is kept for the next call: less than most servers keep theirs."""
_NOTHING_DONE = frozenset({429, 503})
_PASSING = _NOTHING_DONE | {408, 500, 502, 504}
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)
_NO_TLS_OF_OURS = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)
"""What OpenSSL calls it where the peer speaks no TLS from 1.2 on, or none at all (D:3211)."""
OBJECT_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}", re.ASCII)
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,256}"', re.ASCII)


class OutcomeUnknown(Unreachable):
    """The request was sent and no answer came: it may have happened, or not. Read, then decide."""


class PeerNotTrusted(Unreachable):
    """Whoever answers there is not to be trusted (PEER_TLS): nothing was sent, no token either.

    `security`: its certificate is not the peer's, so that somebody may stand in between; else it
    offers no TLS that is taken.
    """

    def __init__(self, why: str, *, security: bool) -> None:
        super().__init__(why)
        self.security = security


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of a server. No secret of it shows."""

    method: str
    url: URL
    body: bytes | None = field(default=None, repr=False)
    media_type: str = "application/json"
    if_match: str = ""
    if_none_match: str = ""
    key: str = ""
    """What a VTN that knows Idempotency-Key tells a repetition by."""
    token: str = field(default="", repr=False)
    harmless: bool = False
    """Done twice it does no more than done once, whatever others do in between."""

    def __str__(self) -> str:
        return f"{self.method} {self.url.path}"

    @property
    def headers(self) -> dict[str, str]:
        given = {
            "Content-Type": self.media_type if self.body is not None else "",
            "If-Match": self.if_match,
            "If-None-Match": self.if_none_match,
            "Idempotency-Key": f'"{self.key}"' if self.key else "",
            "Authorization": f"Bearer {self.token}" if self.token else "",
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole, not yet looked into."""

    call: Call
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)

    def json(self) -> JSON:
        """The JSON value of the body, through the strict door.

        Raises Refused MEDIA_TYPE, and whatever `read_json` raises.
        """
        media_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type not in ("application/json", "application/problem+json"):
            raise Refused(
                "MEDIA_TYPE",
                f"{self.call}: {self.status} with {media_type[:60]!a}; application/json is due",
            )
        return read_json(self.body, ANSWER)

    @property
    def etag(self) -> str:
        """The entity tag, quotes and all; "" where there is none, or none that can be sent back."""
        tag = self.headers.get("ETag", "")
        return tag if _ETAG.fullmatch(tag) else ""

    @property
    def date(self) -> datetime | None:
        """What the server's clock said."""
        return _http_date(self.headers.get("Date", ""))

    @property
    def stored(self) -> bool:
        """Whether a cache on the way answered, with a date of its own past (RFC 9111 5.1)."""
        return "Age" in self.headers

    @property
    def retry_after(self) -> float | None:
        """How many seconds to stay away, where the server says so; a date counts from its own."""
        text = self.headers.get("Retry-After", "")
        if text.isascii() and text.isdigit() and len(text) < 10:
            return float(text)
        until, date = _http_date(text), self.date
        return max(0.0, (until - date).total_seconds()) if until and date else None


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if _HTTP_DATE.fullmatch(text) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Failure:
    """No answer: why, whether anything was sent, and what of the peer is not to be trusted: then
    trying again is no use.
    """

    why: str
    sent: bool
    mistrust: Literal["", "certificate", "version"] = ""


class Exchanges:
    """Calls over one pool of connections. Make it anywhere, use it in one event loop, close it."""

    def __init__(
        self,
        *,
        timeout_s: float,
        attempts: int,
        backoff_s: float,
        ssl: ssl.SSLContext | None,
        user_agent: str,
        random: Random,
    ) -> None:
        if attempts < 1 or timeout_s <= 0:
            raise ValueError("at least one attempt, and some time for it")
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._ssl = ssl
        self._user_agent = user_agent
        self._random = random
        self._opened: ClientSession | None = None

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def answer(self, call: Call) -> Answer:
        """The answer to `call`, of any status but a redirect, after the attempts that are due.

        Raises Unreachable, PeerNotTrusted, OutcomeUnknown, and Refused BODY_TOO_LARGE, REDIRECT or
        HTTP_INVALID.
        """
        attempt = 1
        while True:
            last = attempt >= self._attempts
            outcome = await self._attempt(call)
            asked_s = 0.0
            if isinstance(outcome, Answer):
                asked_s = outcome.retry_after or 0.0
                passing = _PASSING if call.harmless else _NOTHING_DONE
                if last or outcome.status not in passing or asked_s > LONGEST_WAIT_S:
                    return outcome
            elif outcome.sent and not call.harmless:
                raise OutcomeUnknown(f"{call}: {outcome.why}; it may or may not have been done")
            elif outcome.mistrust:
                why = f"{call}: not trusted: {outcome.why} (attempts: {attempt})"
                raise PeerNotTrusted(why, security=outcome.mistrust == "certificate")
            elif last:
                raise Unreachable(f"{call}: {outcome.why} (attempts: {attempt})")
            await asyncio.sleep(asked_s + self._pause_s(attempt))
            attempt += 1

    def _pause_s(self, attempt: int) -> float:
        longest: float = min(LONGEST_WAIT_S, self._backoff_s * 2.0 ** min(attempt - 1, 16))
        return self._random.random() * longest

    async def _attempt(self, call: Call) -> Answer | _Failure:
        try:
            async with self._session().request(
                call.method, call.url, data=call.body, headers=call.headers, allow_redirects=False
            ) as response:
                _check_head(call, response)
                return Answer(call, response.status, response.headers, await _body(response))
        except ClientConnectorCertificateError as error:
            return _Failure(f"{error}", sent=False, mistrust="certificate")
        except ClientConnectorSSLError as error:
            version = getattr(error.os_error, "reason", "") in _NO_TLS_OF_OURS
            return _Failure(f"{error}", sent=False, mistrust="version" if version else "")
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            return _Failure(f"{error}", sent=False)
        except ClientResponseError as error:
            # `from None`: the original carries the request's headers, hence the token
            raise Refused("HTTP_INVALID", f"{call}: no HTTP answer: {error.message}") from None
        except TimeoutError:
            return _Failure(f"no answer within {self._timeout_s:g} s", sent=True)
        except (ClientError, OSError) as error:
            return _Failure(f"the answer was lost: {str(error) or type(error).__name__}", sent=True)

    def _session(self) -> ClientSession:
        if self._opened is None:
            self._opened = ClientSession(
                connector=TCPConnector(
                    limit=_CONNECTIONS, keepalive_timeout=_KEPT_IDLE_S, ssl=self._ssl or True
                ),
                timeout=ClientTimeout(total=self._timeout_s, connect=self._timeout_s / 2),
                headers={
                    "Accept": "application/json, application/problem+json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": self._user_agent,
                },
                cookie_jar=DummyCookieJar(),
                middlewares=(_once,),
            )
        return self._opened


class _Lost(ClientError):
    """The connection broke after something was sent."""


async def _once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """Send once: aiohttp itself repeats PUT and DELETE on a broken connection; the table rules."""
    try:
        return await send(request)
    except (ClientConnectorError, ConnectionTimeoutError):
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _Lost(str(error)) from None


def _check_head(call: Call, response: ClientResponse) -> None:
    """Refuse by status line and headers, before the body is read."""
    status = response.status
    if 300 <= status < 400 and status != 304:
        raise Refused(
            "REDIRECT",
            f"{call}: {status}; redirects are not followed, so that no token goes elsewhere",
            clause="RFC 9110 15.4; RFC 9700",
        )
    unasked = status == 304 and not call.if_none_match
    if unasked or not 200 <= status < 600:
        raise Refused("HTTP_INVALID", f"{call}: {status} is no answer to it")
    if (response.content_length or 0) > ANSWER.max_bytes:
        raise _too_large()


async def _body(response: ClientResponse) -> bytes:
    """The body, unpacked as it comes, and no more of it than an answer may hold."""
    read = bytearray()
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > ANSWER.max_bytes:
            raise _too_large()
    return bytes(read)


def _too_large() -> Refused:
    return Refused("BODY_TOO_LARGE", f"an answer of more than {ANSWER.max_bytes:,} bytes")


def path_below(base: URL, steps: Sequence[str]) -> URL:
    """`base` with `steps` below it, each of the form of an object id.

    Raises Refused QUERY_INVALID: nothing else can lead out of where it belongs.
    """
    for step in steps:
        if not OBJECT_ID.fullmatch(step):
            raise Refused("QUERY_INVALID", f"{step[:60]!a} is no object id", clause="Y objectID")
    return base.joinpath(*steps)
