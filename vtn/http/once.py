"""The header `Idempotency-Key` on every POST that creates, and the answer given again.

    Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"     a string of RFC 8941, or without
                                                                 its quotes: the same key
    201, Idempotency-Replayed: true                             the first answer, as it was

What is given again has no entity tag: it says what was stored then, not what is there now.
"""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.domain.attempts import Attempt, Attempts, KeyedRequest
from vtn.domain.privacy import Viewer
from vtn.domain.record import Outcome
from vtn.http.problems import path_of

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_PATTERN = r"[!#-\[\]-~]{1,255}"
"""Visible ASCII, without what would have to be escaped within quotes."""

_KEY = re.compile(rf'("?)({KEY_PATTERN})\1', re.ASCII)


def read_key(request: web.BaseRequest) -> str | None:
    """The key of a request; None where it has none. Raises Refused IDEMPOTENCY for no such form."""
    given = request.headers.get(HEADER)
    if given is None:
        return None
    found = _KEY.fullmatch(given)
    if found is None:
        raise Refused(
            "IDEMPOTENCY",
            f"{HEADER} holds 1 to 255 visible ASCII characters, in quotes or not, and among them "
            "neither quote nor backslash",
            clause="draft-ietf-httpapi-idempotency-key-header 2.1",
            security=False,
            status=400,
        )
    return found[2]


class Once:
    """Answers a request once, however often it is sent under one key."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def answer(
        self,
        request: web.BaseRequest,
        viewer: Viewer,
        body: JSON,
        act: Callable[[Attempt | None], Awaitable[web.Response]],
    ) -> web.Response:
        """What `act` answers, or answered first. It keeps its outcome under the attempt it is
        given; None: the request has no key.
        """
        key = read_key(request)
        if key is None:
            return await act(None)
        operation = f"{request.method} {path_of(request)}"
        asked = KeyedRequest.of(viewer.client_id, key, operation, body)
        async with self._attempts.begin(asked) as attempt:
            if attempt.outcome is None:
                return await act(attempt)
            response = answer_of(attempt.outcome)
            response.headers[REPLAYED] = "true"
            return response


def answer_of(outcome: Outcome) -> web.Response:
    """The answer that was kept."""
    return web.Response(
        body=outcome.body,
        status=outcome.status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
