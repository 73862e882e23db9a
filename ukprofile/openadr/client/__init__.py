"""The typed client for OpenADR 3.1, for both roles: every operation, one method.

    async with Client("https://vtn.example/openadr3/3.1.0", Credentials("fsp7", secret)) as vtn:
        seen = await vtn.events.list(active=True)
        seen = await vtn.events.poll(seen, active=True)  # `seen` itself while nothing changes
        await vtn.reports.create(ReportRequest(event_id=seen.items[0].id, ...))

    collection ──▶ Client: token, 401 ──▶ Exchanges: time, size, retries ──▶ aiohttp
                        │
                     Tokens

What can go wrong, whatever the method: VtnProblem (the VTN says no), Unreachable (no answer; for
a write OutcomeUnknown, if it may have happened; PeerNotTrusted, if TLS does not trust who answers),
Refused (an answer that cannot be taken; of a write, it has happened). Which calls are repeated,
`exchange` says in a table.
"""

import ssl
from collections.abc import Callable
from collections.abc import Collection as Strings
from dataclasses import replace
from datetime import datetime
from random import Random, SystemRandom
from types import TracebackType
from typing import Self

from yarl import URL

from ukprofile.clock import steady_seconds
from ukprofile.openadr import (
    AuthServerInfo,
    BlResourceRequest,
    BlVenRequest,
    Event,
    EventRequest,
    NotifiersResponse,
    NotifierTopicsResponse,
    Program,
    ProgramRequest,
    Report,
    ReportRequest,
    Resource,
    Subscription,
    SubscriptionRequest,
    Ven,
    VenResourceRequest,
    VenVenRequest,
)
from ukprofile.openadr.client.collection import Broken, Collection, Filters, Held, Listing
from ukprofile.openadr.client.exchange import (
    Answer,
    Call,
    Exchanges,
    OutcomeUnknown,
    PeerNotTrusted,
    path_below,
)
from ukprofile.openadr.client.problem import VtnProblem, problem_of
from ukprofile.openadr.client.token import Credentials, Tokens, goes_safely, token_server

__all__ = [
    "Broken",
    "Client",
    "Collection",
    "Credentials",
    "Filters",
    "Held",
    "Listing",
    "OutcomeUnknown",
    "PeerNotTrusted",
    "VtnProblem",
]


class Client:
    """One VTN, as one OAuth client sees it. An async context manager."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None,
        *,
        timeout_s: float = 30.0,
        attempts: int = 4,
        backoff_s: float = 0.5,
        ssl: ssl.SSLContext | None = None,
        allow_token_hosts: Strings[str] = (),
        user_agent: str = "openadr-ukprofile",
        random: Random | None = None,
        program: type[Program] = Program,
        event: type[Event] = Event,
        on_date: Callable[[datetime, float], None] | None = None,
    ) -> None:
        """`url` is the base, with a path if the VTN has one; https, or http to this machine only.

        Without `credentials` no token is sent. `timeout_s` is for one attempt, answer included;
        `allow_token_hosts` may give out tokens besides the VTN's own host; `random` spreads the
        waits between attempts; `program` and `event` read what a dialect writes otherwise.
        `on_date` hears what the VTN's clock says in each answer, and how many seconds old that is
        at most. Raises ValueError.
        """
        self._base = _base(url)
        self._exchanges = Exchanges(
            timeout_s=timeout_s,
            attempts=attempts,
            backoff_s=backoff_s,
            ssl=ssl,
            user_agent=user_agent,
            random=random or SystemRandom(),
        )
        self._tokens = (
            Tokens(self._exchanges, self._base, credentials, allow_token_hosts)
            if credentials
            else None
        )
        self._date: datetime | None = None
        self._on_date = on_date
        self.programs: Collection[ProgramRequest, Program] = Collection(
            self._ask, self._base / "programs", program, ("targets",)
        )
        self.events: Collection[EventRequest, Event] = Collection(
            self._ask, self._base / "events", event, ("program_id", "targets", "active")
        )
        self.reports: Collection[ReportRequest, Report] = Collection(
            self._ask, self._base / "reports", Report, ("program_id", "event_id", "client_name")
        )
        self.vens: Collection[VenVenRequest | BlVenRequest, Ven] = Collection(
            self._ask, self._base / "vens", Ven, ("ven_name", "targets")
        )
        self.resources: Collection[VenResourceRequest | BlResourceRequest, Resource] = Collection(
            self._ask, self._base / "resources", Resource, ("resource_name", "ven_id", "targets")
        )
        self.subscriptions: Collection[SubscriptionRequest, Subscription] = Collection(
            self._ask,
            self._base / "subscriptions",
            Subscription,
            ("program_id", "client_name", "objects"),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Calls under way fail."""
        if self._tokens is not None:
            await self._tokens.close()
        await self._exchanges.close()

    @property
    def date(self) -> datetime | None:
        """What the VTN's clock said in its newest answer, 304s included; None if nothing."""
        return self._date

    async def token_server(self) -> AuthServerInfo:
        """Where the VTN says that tokens are to be had (GET /auth/server)."""
        return await token_server(self._exchanges, self._base)

    async def notifiers(self) -> NotifiersResponse:
        """How the VTN offers to push (GET /notifiers)."""
        answer = await self._ask(Call("GET", self._base / "notifiers", harmless=True))
        return NotifiersResponse.read(answer.json())

    async def topics(self, path: str) -> NotifierTopicsResponse:
        """The MQTT topics of `path`: "events", "programs/{id}", "vens/{id}/events" and so on."""
        url = path_below(self._base / "notifiers" / "mqtt" / "topics", path.split("/"))
        answer = await self._ask(Call("GET", url, harmless=True))
        return NotifierTopicsResponse.read(answer.json())

    async def _ask(self, call: Call) -> Answer:
        """The answer to `call` with our token, and once more with a new one if it was refused."""
        token = await self._tokens.current() if self._tokens else ""
        asked_at = steady_seconds()
        answer = await self._exchanges.answer(replace(call, token=token))
        if answer.status == 401 and self._tokens:
            token = await self._tokens.instead_of(token)
            answer = await self._exchanges.answer(replace(call, token=token))
        self._date = answer.date
        if self._on_date is not None and answer.date is not None and not answer.stored:
            self._on_date(answer.date, steady_seconds() - asked_at)
        if answer.status >= 400:
            raise problem_of(answer, token)
        return answer


def _base(text: str) -> URL:
    url = URL(text)
    if not url.host or url.user is not None or url.query_string or url.fragment:
        raise ValueError("the VTN's URL has a host, and no user, query or fragment")
    if not goes_safely(url):
        raise ValueError(f"https only, or http to this machine: {url.scheme}://{url.host}")
    return url
