"""Who sees what, and who may do what: object privacy as pure functions (digest 1.2).

    kind                     a VEN sees                                          a BL sees
    program, event           those with a granted target, shown with no other    all
                             target; those without any target; nothing at all
                             if the client has no ven object (D:662-666, T1-T4)
    report, subscription,    those that carry its own clientID (D:639-648)       all
    ven, resource

Scope and role are judged before existence and before the body (decision 3, N72d, N72i).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from ukprofile.errors import Refused
from vtn.domain.live import UNTARGETED, Field, Live
from vtn.domain.record import Kind, Record, Role

TARGETED = frozenset({Kind.PROGRAM, Kind.EVENT})
"""The kinds whose privacy goes by targets; that of all others goes by clientID."""


class Action(StrEnum):
    """What somebody wants to do with objects of a kind."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody with a verified token: who, on which side, with which scopes."""

    client_id: str
    role: Role
    scopes: frozenset[str]

    @property
    def sees_all(self) -> bool:
        """Whether object privacy does not apply: a BL that may read everything."""
        return self.role is Role.BL and "read_all" in self.scopes


_WRITE = {
    Kind.PROGRAM: ("write_programs", (Role.BL,)),
    Kind.EVENT: ("write_events", (Role.BL,)),
    Kind.REPORT: ("write_reports", (Role.VEN,)),
    Kind.SUBSCRIPTION: ("write_subscriptions", (Role.BL, Role.VEN)),
    Kind.VEN: ("write_vens", (Role.BL, Role.VEN)),
    Kind.RESOURCE: ("write_vens", (Role.BL, Role.VEN)),
}


def demand(viewer: Viewer, kind: Kind, action: Action) -> None:
    """Pass if scope and role allow `action` on `kind` at all.

    `read_all` is a superset of the two VEN scopes (T9). Raises Refused SCOPE_MISSING.
    """
    if action is Action.READ:
        scope = read_scope(kind)
        if not viewer.scopes & {scope, "read_all"}:
            raise _lacking(scope)
        return
    scope, roles = _WRITE[kind]
    if scope not in viewer.scopes or viewer.role not in roles:
        raise _lacking(scope)


def read_scope(kind: Kind) -> str:
    """The scope with which a VEN reads objects of `kind`."""
    return "read_targets" if kind in TARGETED else "read_ven_objects"


def write_scope(kind: Kind) -> str:
    """The scope with which objects of `kind` are written."""
    return _WRITE[kind][0]


def _lacking(scope: str) -> Refused:
    return Refused(
        "SCOPE_MISSING",
        f"this needs the scope {scope}, in the role that it belongs to",
        clause="digest 1.1; openadr3.yaml:2769",
    )


def visible(record: Record, viewer: Viewer, grants: frozenset[str] | None) -> bool:
    """Whether `viewer`, granted `grants`, may know that `record` exists."""
    if viewer.sees_all:
        return True
    if record.kind not in TARGETED:
        return record.client_id == viewer.client_id
    if grants is None:
        return False
    return not record.targets or not grants.isdisjoint(record.targets)


def shown_targets(
    record: Record,
    viewer: Viewer,
    grants: frozenset[str] | None,
    asked: Iterable[str] = (),
) -> tuple[str, ...] | None:
    """The targets that `viewer` is shown, in the object's order; None = no such member.

    Target hiding (D:676): of a program or event a VEN learns only the targets it was granted
    and, when it asked for some, only those.
    """
    if not record.has_targets:
        return None
    if viewer.sees_all or record.kind not in TARGETED:
        return record.targets
    allowed = grants or frozenset()
    if wanted := frozenset(asked):
        allowed &= wanted
    return tuple(t for t in record.targets if t in allowed)


def candidates(
    live: Live, kind: Kind, viewer: Viewer, asked: tuple[str, ...]
) -> tuple[list[Record], int]:
    """What `viewer` may see of `kind` with any of the targets `asked`, and that view's stamp.

    Comes out of the index: neither the records nor the time taken depend on what is hidden
    from the viewer (N84a). With no target asked for, everything granted is meant (T1).
    """
    if viewer.sees_all:
        if asked:
            return live.under(kind, asked), live.stamp(kind, Field.TARGET, asked)
        return live.find(kind), live.stamp(kind)
    if kind in TARGETED:
        grants = live.granted(viewer.client_id)
        if grants is None:
            return [], 0
        wanted = grants & set(asked) if asked else grants | {UNTARGETED}
        return live.under(kind, wanted), live.stamp(kind, Field.TARGET, wanted)
    own = live.find(kind, Field.CLIENT, viewer.client_id)
    if asked:
        own = [record for record in own if not set(asked).isdisjoint(record.targets)]
    return own, live.stamp(kind, Field.CLIENT, (viewer.client_id,))


def scope_of_view(live: Live, kind: Kind, viewer: Viewer) -> str:
    """A short name for all viewers that see the same of `kind`: part of cache keys and ETags."""
    if viewer.sees_all:
        return "*"
    if kind not in TARGETED:
        return f"c:{viewer.client_id}"
    grants = live.granted(viewer.client_id)
    if grants is None:
        return "-"
    return "t:" + blake2b("\n".join(sorted(grants)).encode(), digest_size=12).hexdigest()
