"""How often somebody may ask: a token bucket for each, kept as one number.

A bucket holds `burst` tokens and is refilled at `per_s`; what is let through takes one, what is
refused takes none. It is kept as the moment at which it will be full again:

        now                    full again            a request moves "full again" on by 1 / per_s;
    ─────┼─────────────────────────┼─────────▶       where that would lie more than burst / per_s
         └── at most burst / per_s ┘                 ahead, there is no token left

Four lanes, and who is counted in each:

    read, write    a client that has shown its token, whatever address it comes from
    token          a client id that asks for a token with a secret not known to be right, by address
    stranger       an address: every request that no token vouches for

A long body, or a long answer, counts as several requests once it is there: whoever asks for
megabytes asks for time in which others wait. Business logic is counted in none: a cease is never
shed (profile 5). The defaults are several times what an agent does that polls every second and
sends a day's reports at once.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal, Protocol, get_args

from ukprofile.errors import ProfileError, Refused

Lane = Literal["read", "write", "token", "stranger"]

_MOST_REMEMBERED = 50_000
"""Buckets that are not full; beyond that the oldest are forgotten, hence full."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, `per_s` a second for ever; inf = as many as they like."""

    per_s: float
    burst: float

    @classmethod
    def read(cls, text: str) -> "Rate":
        """Of `PER_SECOND/BURST`, or `off`. Raises ValueError."""
        if text == "off":
            return cls(inf, inf)
        found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/([0-9]{1,6})", text)
        if found is None or float(found[1]) <= 0 or int(found[2]) < 1:
            raise ValueError(f"{text!r} is no rate: PER_SECOND/BURST as 100/500, or off")
        return cls(float(found[1]), float(found[2]))

    def __str__(self) -> str:
        return "off" if self.burst == inf else f"{self.per_s:g}/{self.burst:g}"


RATES: Mapping[Lane, Rate] = {
    "read": Rate(100, 500),
    "write": Rate(50, 500),
    "token": Rate(1, 30),
    "stranger": Rate(20, 200),
}


def take(full_at: float, rate: Rate, now: float) -> tuple[float, float]:
    """Take a token of the bucket that is full again at `full_at`.

    Gives when it is full again then, and 0; or `full_at` as it was, and the seconds until there
    is a token. Times are seconds of a clock that never steps back.
    """
    if rate.burst == inf:
        return full_at, 0.0
    emptied = max(full_at, now) + 1 / rate.per_s
    ahead = emptied - now - rate.burst / rate.per_s
    return (full_at, ahead) if ahead > _ROUNDING_S else (emptied, 0.0)


_ROUNDING_S = 1e-9


def cost(bytes_moved: int) -> int:
    """As how many more requests a body or an answer of so many bytes counts."""
    return bytes_moved // _BYTES


_BYTES = 65_536


class Limiter(Protocol):
    """Who may ask now. A DSO may bring its own: `ukvtn serve --limiter module:Class`."""

    def wait_s(self, lane: Lane, who: str) -> float:
        """0 = let it through, which counts; else the seconds to stay away, which does not.

        `who` is a client id (read, write), an address (stranger), or both (token). Called in the
        event loop, once for every request that counts: it must neither block nor raise.
        """
        ...

    def charge(self, lane: Lane, who: str, requests: int) -> None:
        """What was let through counts as so many requests more (`cost`)."""
        ...


class Buckets:
    """A bucket for each who asks, by lane. `now` tells seconds that never step back."""

    def __init__(self, rates: Mapping[Lane, Rate], now: Callable[[], float]) -> None:
        self._rates = rates
        self._now = now
        self._full_at: dict[tuple[Lane, str], float] = {}

    def wait_s(self, lane: Lane, who: str) -> float:
        key, now = (lane, who), self._now()
        # taken out and put back: the order is by when each was last let through
        full_at, wait = take(self._full_at.pop(key, now), self._rates[lane], now)
        if full_at > now:
            self._full_at[key] = full_at
        if len(self._full_at) > _MOST_REMEMBERED:
            self._forget(now)
        return wait

    def charge(self, lane: Lane, who: str, requests: int) -> None:
        key, rate = (lane, who), self._rates[lane]
        if rate.burst != inf:
            full_at = max(self._full_at.pop(key, 0.0), self._now())
            self._full_at[key] = full_at + requests / rate.per_s

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full; where none is, a tenth of them, the oldest first."""
        left = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        surplus = len(left) - _MOST_REMEMBERED * 9 // 10
        for key in [*left][: max(0, surplus)]:
            del left[key]
        self._full_at = left


class RateLimited(Refused):
    """Too many requests: come back in `wait_s` seconds."""

    def __init__(self, lane: Lane, wait_s: float) -> None:
        super().__init__(
            "RATE_LIMITED",
            f"too many {_WHAT[lane]}; come back as Retry-After says",
            clause="RFC 6585 4",
        )
        self.wait_s = wait_s


_WHAT: Mapping[Lane, str] = {
    "read": "reads of this client",
    "write": "writes of this client",
    "token": "token requests of this client",
    "stranger": "requests from this address that no token vouches for",
}


class LimiterError(ProfileError):
    """The limiter or a rate that the settings name cannot be used; the text says why."""


def rates_of(given: tuple[str, ...]) -> Mapping[Lane, Rate]:
    """`RATES`, with those that are given as `LANE=RATE` in place. Raises LimiterError."""
    found = dict(RATES)
    for text in given:
        name, _, rate = text.partition("=")
        lane: Lane | None = next((lane for lane in get_args(Lane) if lane == name), None)
        if lane is None:
            raise LimiterError(f"{text!r} names no lane: {', '.join(get_args(Lane))}")
        try:
            found[lane] = Rate.read(rate)
        except ValueError as error:
            raise LimiterError(f"{name}: {error}") from None
    return found


def limiter_named(name: str, rates: Mapping[Lane, Rate], now: Callable[[], float]) -> Limiter:
    """`Buckets` of `rates`; or `module:Class` of the DSO's own, called without arguments.

    Raises LimiterError.
    """
    if not name:
        return Buckets(rates, now)
    module, _, attribute = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), attribute)()
    except Exception as error:
        raise LimiterError(f"the limiter {name} cannot be made: {error!r}") from error
    for method in ("wait_s", "charge"):
        if not callable(getattr(made, method, None)):
            raise LimiterError(f"the limiter {name} has no method {method}")
    limiter: Limiter = made
    return limiter
