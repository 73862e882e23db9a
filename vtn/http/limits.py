"""What a request may cost: bytes, seconds and connections, each limit in this one place.

    connection   ─▶ head      ─▶ body               ─▶ answer
    how many        HEAD_TIMEOUT_S  `most_bytes`, BODY    WRITE

How often somebody may ask stands in `rate`. All seconds are real ones, never the business clock's.
The page docs/reference/limits.md and the request bodies of `ukvtn openapi` are made from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HANDSHAKE_TIMEOUT_S = 5.0
"""For the TLS handshake."""
HEAD_TIMEOUT_S = 10.0
"""For the head of a request: from the connection, or from the first byte on a kept one."""
KEEP_ALIVE_S = 75.0
"""Between two requests on a connection; aiohttp's own default is an hour."""
LINGER_S = 1.0
"""How long a refused body is read and thrown away, so that its sender can read the answer."""
BUSY_RETRY_S = 2
"""What Retry-After says where there is no room for a connection."""

MOST_HEADERS = 64
MOST_HEADER_BYTES = 8_190

_KIB = 1024

MOST_BYTES: Mapping[str, int] = {
    "/auth": 16 * _KIB,
    "/programs": 1024 * _KIB,
    "/events": 512 * _KIB,
    "/reports": 1024 * _KIB,
    "/subscriptions": 64 * _KIB,
    "/vens": 64 * _KIB,
    "/resources": 64 * _KIB,
    "/desk": 64 * _KIB,
}
"""The longest body, by the first step of the path. A message is at most 32 KiB (profile 2), twice
that as a JSON string, beside its projection; a day of minutely readings is some 300 kB; row N90c
of the refusals asks that a program of 100,000 members, 966 KiB, is read.
"""


def most_bytes(path: str) -> int:
    """The longest body that is read at `path`."""
    first = path.find("/", 1)
    return MOST_BYTES.get(path if first < 0 else path[:first], max(MOST_BYTES.values()))


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast bytes must move: none for `grace_s`, then `per_s` bytes a second on the whole;
    and all of them within `whole_s`.
    """

    grace_s: float
    per_s: float
    whole_s: float

    def due_s(self, moved: int) -> float:
        """The second, counted from the start, by which more than `moved` bytes are due."""
        return min(self.whole_s, self.grace_s + moved / self.per_s)


BODY = Pace(grace_s=5.0, per_s=_KIB, whole_s=30.0)
"""For the body of a request."""
WRITE = Pace(grace_s=10.0, per_s=_KIB, whole_s=600.0)
"""For an answer that its reader does not take."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections: all in all, from one address, of one client, and kept free for the
    business logic. `per_address` 0 = not counted: behind a proxy all come from one.
    """

    most: int = 5_000
    per_address: int = 1_000
    per_client: int = 100
    reserved: int = 64


ROOM = Room()
"""What there is unless the settings say otherwise."""
