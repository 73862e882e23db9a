"""What an object hangs on, and what hangs on it: references, names, grants; in the writer's turn.

program   no other of its name                  below it  events
event     its program                                     reports
report    its event, visible to who reports
ven       one of its name, one for a client               resources
resource  its ven, of the same client; no other of its name there
"""

from collections.abc import Sequence

from ukprofile.errors import Refused
from vtn.domain.admission import Admission
from vtn.domain.draft import Draft, nfc
from vtn.domain.live import grants_of
from vtn.domain.privacy import Viewer, visible
from vtn.domain.record import Kind, Record, Role
from vtn.domain.store import Transaction


def check_relations(
    tx: Transaction, draft: Draft, viewer: Viewer, old: Record | None, admission: Admission
) -> None:
    """References, names and grants. Raises REF_UNKNOWN, NOT_UNIQUE, OWN_VEN_LOCKED, ..."""
    if draft.kind is Kind.PROGRAM:
        _unique(tx.find(Kind.PROGRAM, name=draft.columns["name"]), old, "/programName")
    elif draft.kind is Kind.EVENT:
        if tx.get(Kind.PROGRAM, draft.columns["program_id"]) is None:
            raise _reference("/programID", hidden=False)
    elif draft.kind is Kind.REPORT:
        event = tx.get(Kind.EVENT, draft.columns["event_id"])
        if event is None or not visible(event, viewer, granted(tx, viewer)):
            raise _reference("/eventID", hidden=event is not None)
    elif draft.kind is Kind.VEN:
        _check_ven(tx, draft, viewer, old)
        admission.check_grants(tx, draft, old)
    elif draft.kind is Kind.RESOURCE:
        _check_resource(tx, draft, viewer, old)
        admission.check_grants(tx, draft, old)


def _check_ven(tx: Transaction, draft: Draft, viewer: Viewer, old: Record | None) -> None:
    name, client_id = draft.columns["name"], draft.columns["client_id"]
    if viewer.role is Role.VEN:
        if old is not None and old.name != name:
            raise Refused("OWN_VEN_LOCKED", "its name is the DSO's to change", path="/venName")
        if old is None:
            _unique(tx.find(Kind.VEN, client_id=client_id), None, "/venName", security=True)
            client = tx.client(client_id)
            if client is None or nfc(client.name) != name:
                raise Refused(
                    "SCOPE_MISSING",
                    "a VEN may create only the ven whose name is bound to its clientID",
                    path="/venName",
                )
        return
    _unique(tx.find(Kind.VEN, name=name), old, "/venName")
    _unique(tx.find(Kind.VEN, client_id=client_id), old, "/clientID")


def _reference(path: str, *, hidden: bool) -> Refused:
    return Refused(
        "REF_UNKNOWN", "no such object to refer to", path=path, clause="T14", security=hidden
    )


def _unique(
    found: Sequence[Record], old: Record | None, path: str, *, security: bool = False
) -> None:
    if any(old is None or other.id != old.id for other in found):
        raise Refused("NOT_UNIQUE", "it is taken", path=path, clause="T14", security=security)


def _check_resource(tx: Transaction, draft: Draft, viewer: Viewer, old: Record | None) -> None:
    ven = tx.get(Kind.VEN, draft.columns["ven_id"])
    if ven is None or (viewer.role is Role.VEN and ven.client_id != viewer.client_id):
        raise _reference("/venID", hidden=ven is not None)
    if ven.client_id != draft.columns["client_id"]:
        raise Refused(
            "BODY_INVALID", "not the client of that ven", path="/clientID", clause="digest T10"
        )
    same = tx.find(Kind.RESOURCE, ven_id=ven.id, name=draft.columns["name"])
    _unique(same, old, "/resourceName")


def granted(tx: Transaction, viewer: Viewer) -> frozenset[str] | None:
    """What `viewer` is granted, as the tables have it; None for all there is, or for no ven."""
    if viewer.sees_all:
        return None
    return grants_of(
        tx.find(Kind.VEN, client_id=viewer.client_id),
        tx.find(Kind.RESOURCE, client_id=viewer.client_id),
    )


def children(tx: Transaction, record: Record) -> bool:
    """Whether anything hangs on `record` (T19)."""
    if record.kind is Kind.PROGRAM:
        return bool(tx.find(Kind.EVENT, program_id=record.id))
    if record.kind is Kind.EVENT:
        return bool(tx.find(Kind.REPORT, event_id=record.id))
    if record.kind is Kind.VEN:
        return bool(tx.find(Kind.RESOURCE, ven_id=record.id))
    return False
