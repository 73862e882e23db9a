"""The page docs/reference/limits.md, from vtn.http.limits and vtn.http.rate."""

from collections.abc import Iterable, Iterator

from vtn.http import limits
from vtn.http.limits import BODY, MOST_BYTES, ROOM, WRITE, Pace
from vtn.http.rate import RATES, Lane

_WHO: dict[Lane, str] = {
    "read": "GET of one client, wherever it comes from",
    "write": "POST, PUT, DELETE of one client",
    "token": "token requests with one client id, from one address, with a secret not known "
    "to be right",
    "stranger": "requests from one address that no token vouches for",
}


_INTRODUCTION = """\
# Limits of a VTN

Made from `vtn/http/limits.py` and `rate.py` by `make docs`; do not edit.
Business logic (the desk) is never limited in how often it asks, and gets a connection when nobody
else does: a cease is never shed. `ukvtn` itself talks over a socket of its own.
"""
_BYTES = """\
## Longest bodies

Longer: 413 `BODY_TOO_LARGE`.
"""
_TIME = """
## Time

Slower: 408 `TOO_SLOW` for a body; else the connection is ended, and the security log told.
"""
_CONNECTIONS = """
## Connections

Where there is no room, the oldest connection on which nobody has shown a token gives way;
where all have, 503 `OVERLOADED` with Retry-After. With `--behind-proxy`, addresses and
clients are not told apart here: the proxy's own limits count.
"""
_OFTEN = """
## How often

More: 429 `RATE_LIMITED` with Retry-After. A body or an answer counts as one request more
for each 64 KiB. `--rate LANE=PER_SECOND/BURST` sets another, `--rate LANE=off` none;
`--limiter module:Class` brings a limiter of one's own (`vtn.http.rate.Limiter`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            _INTRODUCTION,
            *(_BYTES, *_table(("path", "at most"), _bytes())),
            *(_TIME, *_table(("what", "at most"), _seconds())),
            *(_CONNECTIONS, *_table(("how many", "default", "`ukvtn serve`"), _room())),
            *(_OFTEN, *_table(("lane", "what counts", "a second", "at once"), _rates())),
            "",
        ]
    )


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    for row in (columns, ("---",) * len(columns), *rows):
        yield "| " + " | ".join(map(str, row)) + " |"


def _bytes() -> Iterator[tuple[str, str]]:
    for path, most in MOST_BYTES.items():
        yield f"`{path}`", f"{most // 1024:,} KiB"


def _seconds() -> Iterator[tuple[str, str]]:
    yield "TLS handshake", f"{limits.HANDSHAKE_TIMEOUT_S:g} s"
    yield (
        "head of a request, from the connection or its first byte",
        f"{limits.HEAD_TIMEOUT_S:g} s",
    )
    yield "body of a request", _pace(BODY)
    yield "answer, until it is read", _pace(WRITE)
    yield "between two requests", f"{limits.KEEP_ALIVE_S:g} s"


def _pace(pace: Pace) -> str:
    more = f"1 s more for every {pace.per_s:,.0f} bytes"
    return f"{pace.grace_s:g} s, and {more}; {pace.whole_s:g} s"


def _room() -> Iterator[tuple[str, str, str]]:
    yield "all in all", f"{ROOM.most:,}", "`--most-connections`"
    yield (
        "from one address (IPv6: one /64)",
        f"{ROOM.per_address:,}",
        "`--most-per-address`",
    )
    yield "of one client", f"{ROOM.per_client:,}", "`--most-per-client`"
    yield "beside all these, for business logic", f"{ROOM.reserved:,}", ""


def _rates() -> Iterator[tuple[str, str, str, str]]:
    for lane, rate in RATES.items():
        yield f"`{lane}`", _WHO[lane], f"{rate.per_s:g}", f"{rate.burst:g}"
