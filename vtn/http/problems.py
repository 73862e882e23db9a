"""Errors at the edge: the one place that turns a refusal into an HTTP answer.

    Refused ──▶ Problem (RFC 9457 members, application/json as in openadr3.yaml)
                + `reason`, `path`, `clause` of the profile
                + WWW-Authenticate, Allow, Retry-After where HTTP asks for them
            ──▶ one line in the security log, if it is a matter of security

`instance` is a fresh UUID, and stands in the log line too: whoever gets a Problem can quote it, and
whoever runs the VTN finds it. What is not a refusal is an error of ours: 500, no detail.
"""

import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ukprofile.codes import CODES
from ukprofile.errors import Refused
from vtn.http.limits import BUSY_RETRY_S
from vtn.http.rate import RateLimited
from vtn.http.security_log import Event, Log, SecurityLog, product

__all__ = ["Log", "Problems", "path_of"]

_CHALLENGE = {
    "TOKEN_MISSING": "Bearer",
    "TOKEN_INVALID": 'Bearer error="invalid_token"',
    "SCOPE_MISSING": 'Bearer error="insufficient_scope"',
    "CLIENT_INVALID": 'Basic realm="token"',
}
"""What WWW-Authenticate says (RFC 6750 3; 2617 for the token endpoint)."""

_RETRY_AFTER_S = {
    "STORE_DOWN": "2",
    "CLOCK_STEP": "60",
    "IN_PROGRESS": "1",
    "OVERLOADED": str(BUSY_RETRY_S),
}

_CLOSING = frozenset({"HTTP_INVALID", "TOO_SLOW", "BODY_TOO_LARGE", "OVERLOADED"})
"""After these nobody knows where the next request on the connection would begin; or there is no
room for it.
"""


class Problems:
    """Makes answers of refusals, and tells the log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.security = SecurityLog(log)

    def answer(
        self,
        refused: Refused,
        request: web.BaseRequest,
        client_id: str = "",
        **members: Any,
    ) -> web.Response:
        """The answer to a refused request; `members` stand beside those of a Problem."""
        instance = f"urn:uuid:{uuid.uuid4()}"
        if refused.security:
            self._tell(refused, request, client_id, instance)
        return self._response(refused, instance, members)

    def crash(self, error: BaseException, request: web.BaseRequest) -> web.Response:
        """The answer to what should not have happened; only the log learns what it was."""
        instance = f"urn:uuid:{uuid.uuid4()}"
        self._log.error(
            "internal error",
            instance=instance,
            method=request.method,
            path=path_of(request),
            exc_info=error,
        )
        return self._response(Refused("INTERNAL", CODES["INTERNAL"].meaning), instance, {})

    def note(self, reason: str, detail: str, request: web.BaseRequest, client_id: str) -> None:
        """Tell the security log of what is no refusal: the request was taken all the same."""
        self._tell(Refused(reason, detail), request, client_id, f"urn:uuid:{uuid.uuid4()}")

    def dropped(self, refused: Refused, remote: str) -> None:
        """Tell it of a connection that is ended without an answer."""
        self.security.tell(
            Event(
                reason=refused.reason,
                detail=refused.detail,
                remote=remote,
                instance=f"urn:uuid:{uuid.uuid4()}",
            )
        )

    def _tell(
        self, refused: Refused, request: web.BaseRequest, client_id: str, instance: str
    ) -> None:
        self.security.tell(
            Event(
                reason=refused.reason,
                detail=refused.detail,
                clause=refused.clause,
                pointer=refused.path,
                method=request.method,
                path=path_of(request),
                client_id=client_id,
                remote=request.remote or "",
                user_agent=product(request.headers.get("User-Agent", "")),
                instance=instance,
            )
        )

    def _response(
        self, refused: Refused, instance: str, members: Mapping[str, Any]
    ) -> web.Response:
        status = refused.status or 400
        shown = {
            "type": f"urn:ukflex:problem:{refused.reason}",
            "title": refused.code.meaning,
            "status": status,
            "detail": refused.detail,
            "instance": instance,
            "reason": refused.reason,
            **({"path": refused.path} if refused.path else {}),
            **({"clause": refused.clause} if refused.clause else {}),
            **members,
        }
        response = web.Response(
            body=json.dumps(shown).encode(), status=status, content_type="application/json"
        )
        if challenge := _CHALLENGE.get(refused.reason):
            response.headers["WWW-Authenticate"] = challenge
        if isinstance(refused, RateLimited):
            response.headers["Retry-After"] = str(max(1, math.ceil(refused.wait_s)))
        elif wait := _RETRY_AFTER_S.get(refused.reason):
            response.headers["Retry-After"] = wait
        if refused.reason in _CLOSING:
            response.force_close()
        return response


def path_of(request: web.BaseRequest) -> str:
    """The path as it was sent, without its query: tokens get put there (N78a)."""
    return request.raw_path.partition("?")[0][:500]
