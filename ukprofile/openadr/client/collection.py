"""The objects of one kind at a VTN: listed whole, polled, read, created, replaced, deleted.

A list comes in pages of 50 (openadr3.yaml `limit`), and the specification orders nothing (T17):
while it is read, objects may come, go, and move from one page to another. So each page begins
with the last object of the page before; where it does not, the list has moved, and is read anew.

    skip=0    a b c ... x          50 objects: there is more
    skip=49             x y z      begins with x: nothing was missed; a short page is the last
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeAlias, TypedDict, TypeVar, Unpack

from yarl import URL

from ukprofile.errors import ProfileError, Refused
from ukprofile.openadr import ANSWER, JSON, Metadata, ObjectType, Wire
from ukprofile.openadr.client.exchange import OBJECT_ID, Answer, Call, path_below
from ukprofile.openadr.wire import spelling

Request = TypeVar("Request", bound=Wire)
Stored = TypeVar("Stored", bound=Metadata)
Ask: TypeAlias = Callable[[Call], Awaitable[Answer]]
"""Sends a call with the client's token; raises where the answer is no success."""

LIMIT: Final = 50
_MAX_PAGES = 1_000
_MAX_LIST_BYTES = 16 * ANSWER.max_bytes
_READINGS = 3
"""How often a list that moves is begun again before it counts as incomplete."""


class Filters(TypedDict, total=False):
    """What a list can be narrowed by; which of them a kind knows, the specification says.

    Every one given must match (D:612); an empty `targets` or `objects` is none given.
    """

    program_id: str
    event_id: str
    ven_id: str
    client_name: str
    ven_name: str
    resource_name: str
    targets: Sequence[str]
    objects: Sequence[ObjectType]
    active: bool


@dataclass(frozen=True, slots=True)
class Held(Generic[Stored]):
    """One object as the VTN holds it, and its strong entity tag for `if_match`, "" if none."""

    value: Stored
    etag: str


@dataclass(frozen=True, slots=True)
class Broken:
    """One object of a list that cannot be read; the others of that list still count.

    `id` is "" where not even that can be read.
    """

    id: str
    refused: Refused


@dataclass(frozen=True, slots=True)
class Listing(Generic[Stored]):
    """A whole list. `etags` are those of its pages, `date` is what the VTN's clock said last."""

    items: tuple[Stored, ...]
    broken: tuple[Broken, ...]
    etags: tuple[str, ...]
    date: datetime | None


@dataclass(frozen=True, slots=True)
class _Page:
    """The JSON values of one answer to a list, not yet read as objects."""

    values: Sequence[JSON]
    etag: str
    date: datetime | None
    size: int

    def follows(self, before: "_Page") -> bool:
        return bool(self.values) and _id(self.values[0]) == _id(before.values[-1])


_Query: TypeAlias = tuple[tuple[str, str], ...]
_Pages: TypeAlias = Sequence[_Page]


class Collection(Generic[Request, Stored]):
    """One kind at `url`, its objects of the class `stored`, with the `filters` it knows."""

    def __init__(self, ask: Ask, url: URL, stored: type[Stored], filters: Sequence[str]) -> None:
        self._ask = ask
        self._url = url
        self._stored = stored
        self._filters = frozenset(filters)

    async def list(self, **filters: Unpack[Filters]) -> Listing[Stored]:
        """Every object that matches, on however many pages: all of them, or an error.

        Raises VtnProblem, Unreachable, Refused; LIST_INCOMPLETE once a page after the first is
        concerned: nothing may then count as gone.
        """
        query = self._query(filters)
        return await self._whole(query, await self._page(query, 0))

    async def poll(
        self, last: Listing[Stored] | None, **filters: Unpack[Filters]
    ) -> Listing[Stored]:
        """As `list` with the same filters; `last` itself where the VTN says nothing has changed."""
        if last is None:
            return await self.list(**filters)
        query = self._query(filters)
        first = await self._page_unless(query, 0, last.etags[0])
        if first is not None:
            return await self._whole(query, first)
        for number, etag in enumerate(last.etags[1:], start=1):
            if await self._page_unless(query, number * (LIMIT - 1), etag) is not None:
                return await self._whole(query, await self._page(query, 0))
        return last

    async def get(self, id: str) -> Held[Stored]:
        """The object `id`. Raises VtnProblem (404: none, or hidden), Unreachable, Refused."""
        return self._held(await self._ask(self._call("GET", id)), id)

    async def create(self, request: Request, *, key: str = "") -> Held[Stored]:
        """A new object. Raises VtnProblem, Unreachable (OutcomeUnknown), Refused.

        `key` names this request for a VTN that knows Idempotency-Key (1 to 255 of visible ASCII,
        no quote or backslash): asked again with it, such a VTN makes nothing more. "" = one of
        its own for this call and its attempts.
        """
        call = Call("POST", self._url, request.dump_json(), key=key or secrets.token_hex(16))
        return self._held(await self._ask(call))

    async def update(
        self, id: str, request: Request, *, if_match: str | None = None
    ) -> Held[Stored]:
        """Replace the object `id`, if it still has the tag `if_match`; None or "" = whatever it is.

        Raises VtnProblem (412: it has changed), Unreachable (OutcomeUnknown), Refused.
        """
        call = self._call("PUT", id, request.dump_json(), if_match or "")
        return self._held(await self._ask(call), id)

    async def delete(self, id: str, *, if_match: str | None = None) -> Stored:
        """Delete the object `id`, and what it was. `if_match` and errors as of `update`."""
        call = self._call("DELETE", id, if_match=if_match or "")
        return self._held(await self._ask(call), id).value

    # -- one object ------------------------------------------------------------------------------

    def _call(self, method: str, id: str, body: bytes | None = None, if_match: str = "") -> Call:
        url = path_below(self._url, [id])
        return Call(method, url, body, if_match=if_match, harmless=method == "GET")

    def _held(self, answer: Answer, id: str | None = None) -> Held[Stored]:
        value = self._stored.read(answer.json())
        if id is not None and value.id != id:
            raise Refused("BODY_INVALID", f"{answer.call}: another object, {value.id}", path="/id")
        # a weak tag never matches in If-Match (RFC 9110 13.1.1)
        return Held(value, "" if answer.etag.startswith("W/") else answer.etag)

    # -- lists -----------------------------------------------------------------------------------

    def _query(self, filters: Filters) -> _Query:
        if foreign := filters.keys() - self._filters:
            raise TypeError(f"{self._url.name} cannot be filtered by {', '.join(sorted(foreign))}")
        return tuple(
            (spelling(name), text) for name, given in filters.items() for text in _texts(given)
        )

    async def _whole(self, query: _Query, first: _Page) -> Listing[Stored]:
        """The list that begins with `first`; begun again while it moves."""
        pages = await self._pages(query, first)
        for _ in range(_READINGS - 1):
            if pages is not None:
                break
            pages = await self._pages(query, await self._page(query, 0))
        if pages is None:
            raise _incomplete("objects keep moving from page to page")
        return self._listing(pages)

    async def _pages(self, query: _Query, first: _Page) -> _Pages | None:
        """All pages, or None if objects have moved from one to another meanwhile."""
        pages, skip, size = [first], 0, first.size
        while len(pages[-1].values) >= LIMIT:
            skip += len(pages[-1].values) - 1
            page = await self._page(query, skip)
            if not page.follows(pages[-1]):
                return None
            pages.append(page)
            size += page.size
            if len(pages) > _MAX_PAGES or size > _MAX_LIST_BYTES:
                raise _incomplete(f"no end after {len(pages):,} pages of {size:,} bytes")
        return pages

    async def _page(self, query: _Query, skip: int) -> _Page:
        page = await self._page_unless(query, skip, "")
        assert page is not None
        return page

    async def _page_unless(self, query: _Query, skip: int, etag: str) -> _Page | None:
        """The page after `skip` objects; None if it still has the tag `etag`."""
        window = (("skip", str(skip)), ("limit", str(LIMIT)))
        call = Call(
            "GET", self._url.with_query((*query, *window)), if_none_match=etag, harmless=True
        )
        try:
            answer = await self._ask(call)
            return None if answer.status == 304 else _page_of(answer)
        except ProfileError as error:
            if skip == 0:
                raise
            raise _incomplete(f"after {skip} objects: {error}") from error

    def _listing(self, pages: _Pages) -> Listing[Stored]:
        """The objects of all pages, each once: what a later page says of it counts."""
        found: dict[object, Stored | Broken] = {}
        for number, page in enumerate(pages):
            for value in page.values[1 if number else 0 :]:
                found[_id(value) or object()] = self._read(value)
        return Listing(
            tuple(v for v in found.values() if not isinstance(v, Broken)),
            tuple(v for v in found.values() if isinstance(v, Broken)),
            tuple(page.etag for page in pages),
            pages[-1].date,
        )

    def _read(self, value: JSON) -> Stored | Broken:
        try:
            return self._stored.read(value)
        except Refused as refused:
            return Broken(_id(value), refused)


def _page_of(answer: Answer) -> _Page:
    values = answer.json()
    if not isinstance(values, list):
        raise Refused("BODY_INVALID", f"{answer.call}: an array is due")
    return _Page(values, answer.etag, answer.date, len(answer.body))


def _texts(given: object) -> Iterable[str]:
    """The values of a parameter: of an array one parameter each (form, explode)."""
    if isinstance(given, bool):
        return ("true",) if given else ("false",)
    if isinstance(given, str):
        return (given,)
    assert isinstance(given, Iterable)
    return given


def _id(value: JSON) -> str:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and OBJECT_ID.fullmatch(found) else ""


def _incomplete(why: str) -> Refused:
    return Refused("LIST_INCOMPLETE", why, clause="profile 2 Acting; T17", security=True)
