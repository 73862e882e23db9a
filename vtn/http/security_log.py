"""The security log: one line for each refusal that is a matter of security, always of one form.

    refusal ─▶ of (client, address, reason): the first few ─▶ a line each
                                        └─▶ further ones ──▶ counted; a line for all, each minute

A flood of refused requests fills no disk, and no refusal is lost: the `times` of all lines add up
to how many there were. Never a header, a query or a body: they hold secrets.
"""

import asyncio
import re
from dataclasses import asdict, dataclass, field, fields, replace

import structlog

Log = structlog.stdlib.BoundLogger

EACH = 50
"""So many lines a minute with one client, address and reason."""
MOST_LINES = 1_000
"""So many lines a minute; whoever has had none yet gets one beyond them."""
MOST_KEYS = 1_000
"""So many clients, addresses and reasons are told apart in a minute; the rest by reason alone."""
WINDOW_S = 60.0

_PRODUCT = re.compile(r"[A-Za-z][A-Za-z-]{0,30}/[0-9][0-9.]{0,15}(?= |$)")


def _says(text: str, default: str = "") -> str:
    """A field, and what the reference page says of it."""
    made: str = field(default=default, metadata={"says": text})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A refusal, as the security log tells it. Every line has every field; "" = there is none."""

    reason: str = field(metadata={"says": "the reason code, as in the Problem that was answered"})
    detail: str = _says("what was wrong, in words")
    clause: str = _says("the clause that is broken")
    pointer: str = _says("where in what was sent: a JSON pointer, or the name of a parameter")
    method: str = _says("the method of the request")
    path: str = _says("its path as it was sent, without the query, at most 500 bytes")
    client_id: str = _says("the OAuth client that showed a token of its own; nobody did = empty")
    remote: str = _says("the address it came from: the proxy's, where one ends TLS")
    user_agent: str = _says("the program that sent it, as name/version")
    instance: str = _says("the request id, which the Problem that was answered has too")
    times: int = field(
        default=1,
        metadata={
            "says": "for how many refusals of this client, address and reason the line stands; "
            "all else in it is of the newest"
        },
    )


FIELDS = {one.name: str(one.metadata["says"]) for one in fields(Event)}
"""Every field, and what it says: docs/reference/security-log.md is made from it."""


def product(user_agent: str) -> str:
    """The program and its version at the head of a User-Agent; "" for anything else: what clients
    put there by mistake may be a secret.
    """
    found = _PRODUCT.match(user_agent)
    return found[0] if found else ""


class SecurityLog:
    """Tells the log, one line for each refusal or one for many."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._told: dict[tuple[str, ...], int] = {}
        self._untold: dict[tuple[str, ...], Event] = {}
        self._lines = 0
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, event: Event) -> None:
        """Write it, or count it."""
        key: tuple[str, ...] = (event.client_id, event.remote, event.reason)
        if key not in self._told and len(self._told) >= MOST_KEYS:
            key, event = (event.reason,), replace(event, client_id="", remote="", instance="")
        told = self._told.get(key, 0)
        if told == 0 or (told < EACH and self._lines < MOST_LINES):
            self._told[key] = told + 1
            self._lines += 1
            self._write(event)
        else:
            before = self._untold.get(key)
            times = before.times + event.times if before else event.times
            self._untold[key] = replace(event, times=times)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self.sum_up)

    def sum_up(self) -> None:
        """Write what was only counted, and begin anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        untold, self._untold = self._untold, {}
        self._told.clear()
        self._lines = 0
        for event in untold.values():
            self._write(event)

    def _write(self, event: Event) -> None:
        self._log.warning("refused", log="security", **asdict(event))
