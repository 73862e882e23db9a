"""Unsigned READ_BACK reports, as a VEN of the draft GB API posts them."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.vtn.scene import AS_FSP7, Scene, scene_on
from ukprofile.flex.times import time_text
from vtn.domain.record import Kind

MINUTE = timedelta(minutes=1)
AS_ISSUED = {"SELF_DISPATCHED": True, "DISPATCH_SETPOINT_RELATIVE": 1.0}


@pytest.fixture
async def scene():
    async with scene_on("memory") as made:
        await made.contract()
        await made.issue("D1")
        yield made


async def read_back(
    scene: Scene, said: dict[str, Any], number: int = 0, descriptor: str = "READ_BACK"
) -> None:
    (event,) = [e for e in scene.store.live.find(Kind.EVENT) if e.name == "D1"]
    payloads = [{"type": kind, "values": [value]} for kind, value in said.items()]
    intervals = [{"id": number, "payloads": payloads}]
    described = {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": descriptor}
    body = {
        "eventID": event.id,
        "clientName": "fsp7",
        "payloadDescriptors": [described],
        "resources": [{"resourceName": "AGGREGATED_REPORT", "intervals": intervals}],
    }
    await scene.vtn.objects.create(Kind.REPORT, body, AS_FSP7)


async def shown(scene: Scene) -> tuple[str, tuple[str, ...]]:
    (standing,) = await scene.desk.dispatches()
    return standing.delivery.value, standing.flags


async def test_what_was_read_back_unsigned_is_fetched_and_overdue_all_the_same(scene):
    assert await shown(scene) == ("issued", ())
    await read_back(scene, AS_ISSUED)
    assert await shown(scene) == ("fetched", ("read_back_unsigned",))
    (standing,) = await scene.desk.dispatches()
    scene.clock.set(standing.ack_by + timedelta(seconds=1))
    assert await shown(scene) == ("overdue", ("read_back_unsigned",))


async def test_a_signed_acknowledgement_makes_it_of_no_account(scene):
    await read_back(scene, AS_ISSUED)
    await scene.acknowledges("D1")
    assert await shown(scene) == ("acknowledged", ())


@pytest.mark.parametrize(
    ("said", "number", "descriptor"),
    [
        ({**AS_ISSUED, "SELF_DISPATCHED": False}, 0, "READ_BACK"),
        ({**AS_ISSUED, "DISPATCH_SETPOINT_RELATIVE": 1.1}, 0, "READ_BACK"),
        ({"SELF_DISPATCHED": True}, 0, "READ_BACK"),
        ({}, 0, "READ_BACK"),
        (AS_ISSUED, 1, "READ_BACK"),
        (AS_ISSUED, 0, "DISPATCH_STATUS"),
    ],
)
async def test_a_report_that_says_otherwise_is_none(scene, said, number, descriptor):
    await read_back(scene, said, number, descriptor)
    assert await shown(scene) == ("issued", ())


async def test_a_payload_the_vtn_never_sent_takes_nothing_away(scene):
    await read_back(scene, {**AS_ISSUED, "ASSET_ID": "UKPN-AS-000731", "NOTE": "read"})
    assert (await shown(scene))[0] == "fetched"


async def test_a_later_revision_has_to_be_read_back_anew(scene):
    """The draft reads back no times: a cease looks like what it ends."""
    await read_back(scene, AS_ISSUED)
    scene.clock.set((await scene.desk.dispatches())[0].periods[0].start + MINUTE)
    await scene.cease("D1")
    assert await shown(scene) == ("issued", ())
    await read_back(scene, AS_ISSUED)
    assert (await shown(scene))[0] == "fetched"
    assert time_text((await scene.desk.dispatches())[0].issued_at) == "2026-11-24T16:31:00Z"
