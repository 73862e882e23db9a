"""The objects of OpenADR 3.1, all six kinds under one policy: read, create, update, delete.

    read      Live ─▶ privacy ─▶ filters ─▶ page ─▶ bytes, targets spliced in per reader
    write     scope ─▶ wire model ─▶ admission (signatures, in a thread)
                    ─▶ writer's turn: references, names, children, admission decides ─▶ put

What an error says never depends on an object that is hidden (digest T15; decisions 1 and 2).
"""

from collections.abc import Callable
from dataclasses import dataclass

from ukprofile.clock import Clock
from ukprofile.openadr import JSON
from vtn.domain.admission import Admission, Notice
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind
from vtn.domain.store import Store

PAGE = 50
"""The largest, and the usual, number of objects in one answer (openadr3.yaml `limit`)."""


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of a list, parsed; every one given must match (D:612), of `targets` any."""

    targets: tuple[str, ...] = ()
    program_id: str | None = None
    event_id: str | None = None
    ven_id: str | None = None
    client_name: str | None = None
    name: str | None = None
    """venName or resourceName."""
    objects: tuple[str, ...] = ()
    """Of subscriptions: the object kinds they watch."""
    active: bool | None = None
    """Of events: True leaves out those that have ended (T20)."""
    skip: int = 0
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer: the JSON bytes of an object or a list, its strong ETag (quotes included), and
    what was noticed on the way though the request was taken (for the logs).
    """

    body: bytes
    etag: str
    notices: tuple[Notice, ...] = ()


class Objects:
    """Every read and write of objects. Raises Refused only."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: Callable[[], str],
        admission: Admission,
    ) -> None:
        """`clock` is the business clock; `new_id` gives `<DSO>-<uuid7>`."""
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._admission = admission

    def get(self, kind: Kind, id: str, viewer: Viewer) -> Rendered:
        """One object. Refused SCOPE_MISSING, HIDDEN (also when there is none)."""
        raise NotImplementedError

    def list(self, kind: Kind, query: Query, viewer: Viewer) -> Rendered:
        """A page of a list, counted after privacy, by createdDateTime, then id."""
        raise NotImplementedError

    async def create(
        self, kind: Kind, body: JSON, viewer: Viewer, *, unchecked: bool = False
    ) -> Rendered:
        """Store a new object. `body` is what the strict door gave."""
        raise NotImplementedError

    async def update(
        self,
        kind: Kind,
        id: str,
        body: JSON,
        viewer: Viewer,
        *,
        if_match: str | None = None,
        unchecked: bool = False,
    ) -> Rendered:
        """Replace what the client may write (T18). `if_match`: only if the ETag is still this."""
        raise NotImplementedError

    async def delete(
        self, kind: Kind, id: str, viewer: Viewer, *, if_match: str | None = None
    ) -> Rendered:
        """Delete, and give the object as it was. IN_USE while something hangs on it (T19)."""
        raise NotImplementedError
