"""The gate: whether a request may go on, by who sent it, how often, on how many connections.

    no token yet       stranger ─▶ one of its address's requests
    asks for a token   token ────▶ a stranger's, and one of those with this client id
    showed a token     known ────▶ room for the connection; one of the client's reads or writes
                        └─ business logic: always (profile 5: a cease is never shed)

Somebody whose token is genuine is never refused for what others at the address do: a stranger's
request is counted only once it turned out to be one.
"""

from aiohttp import web

from vtn.domain.privacy import Viewer
from vtn.domain.record import Role
from vtn.http.connection import Connection
from vtn.http.limits import Room
from vtn.http.rate import Lane, Limiter, RateLimited, cost
from vtn.http.room import Crowd, network_of

_COUNTED = web.RequestKey("counted", bool)
"""On a request that was counted as a stranger's."""
_LONGEST_ID = 64
"""What is kept of a client id that nobody has checked."""


class Gate:
    """The limits on those who ask; `room` holds those on connections."""

    def __init__(self, limiter: Limiter, room: Room) -> None:
        self._limiter = limiter
        self._by_address = room.per_address > 0
        self.crowd = Crowd(room)

    def stranger(self, request: web.BaseRequest) -> None:
        """Count a request that no token vouches for, once. Raises Refused RATE_LIMITED."""
        if self._by_address and _COUNTED not in request:
            request[_COUNTED] = True
            self._count("stranger", network_of(request.remote or ""))

    def token(self, request: web.BaseRequest, client_id: str) -> None:
        """Count a secret that is not known to be right. Raises Refused RATE_LIMITED."""
        self.stranger(request)
        where = network_of(request.remote or "") if self._by_address else ""
        self._count("token", f"{where} {client_id[:_LONGEST_ID]}")

    def known(self, request: web.BaseRequest, viewer: Viewer) -> None:
        """Count a request of a client. Raises Refused OVERLOADED, RATE_LIMITED."""
        if isinstance(request.protocol, Connection):
            self.crowd.meet(request.protocol, viewer)
        if viewer.role is not Role.BL:
            self._count(_lane(request), viewer.client_id)

    def answered(
        self, request: web.BaseRequest, viewer: Viewer, response: web.StreamResponse
    ) -> None:
        """Count what moved: the body that came, or the answer that goes."""
        more = cost(request.content.total_bytes + (response.content_length or 0))
        if more and viewer.role is not Role.BL:
            self._limiter.charge(_lane(request), viewer.client_id, more)

    def has_room(self, request: web.BaseRequest) -> bool:
        """Whether the connection may stay after this answer."""
        at = request.protocol
        return not (isinstance(at, Connection) and self.crowd.is_beyond(at))

    def _count(self, lane: Lane, who: str) -> None:
        if wait_s := self._limiter.wait_s(lane, who):
            raise RateLimited(lane, wait_s)


def _lane(request: web.BaseRequest) -> Lane:
    return "read" if request.method == "GET" else "write"
