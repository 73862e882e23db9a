"""What the DSO grants to an FSP's ven: targets, and with them what it sees.

Targets are written by the business logic only (profile 1); all that a ven says of itself stays.
"""

import json
from collections.abc import Sequence
from typing import Any

from ukprofile.errors import Refused
from vtn.domain.clients import SCOPES
from vtn.domain.live import Field, Live
from vtn.domain.objects import Objects
from vtn.domain.privacy import Viewer
from vtn.domain.record import Kind, Record, Role

OFFICE = Viewer("", Role.BL, SCOPES[Role.BL])
"""The DSO itself, at its own VTN."""


def ven_of(live: Live, party: str) -> Record:
    """The ven of an FSP. Raises Refused NOT_FOUND."""
    found = live.find(Kind.VEN, Field.NAME, party)
    if not found:
        raise Refused("NOT_FOUND", f"there is no ven {party}: ukvtn clients add {party} --role ven")
    return found[0]


async def grant(objects: Objects, ven: Record, targets: Sequence[str]) -> None:
    """Grant `targets` beside those that are granted already."""
    granted = tuple(dict.fromkeys((*ven.targets, *targets)))
    if granted == ven.targets:
        return
    shown = json.loads(ven.body)
    body = ven_request(ven.name, ven.client_id, granted)
    if "attributes" in shown:
        body["attributes"] = shown["attributes"]
    await objects.update(Kind.VEN, ven.id, body, OFFICE)


def ven_request(name: str, client_id: str, targets: Sequence[str]) -> dict[str, Any]:
    """A ven as the business logic writes it."""
    return {
        "objectType": "BL_VEN_REQUEST",
        "venName": name,
        "clientID": client_id,
        "targets": list(targets),
    }
