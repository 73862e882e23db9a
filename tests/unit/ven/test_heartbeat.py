"""The heartbeat: the agent's own ven, at a real VTN."""

import pytest
import structlog

from tests.unit.ven.dso import NOON, dso_with_fsp7
from ukprofile.clock import ManualClock
from ukprofile.openadr.client import Client, Credentials
from ven.heartbeat import Heartbeat
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind
from vtn.testing import running_vtn


@pytest.fixture
async def dso():
    async with dso_with_fsp7(ManualClock(NOON)) as made:
        yield made


def shown(ven) -> dict[str, list]:
    return {a["type"]: a["values"] for a in ven.get("attributes", [])}


async def test_it_says_available_and_how_often_and_keeps_the_grants(dso):
    async with Client(dso.url, Credentials(dso.client_id, dso.secret), attempts=1) as client:
        heart = Heartbeat(client, "FSP7", structlog.get_logger(), every_s=60.0)
        await heart.beat()
        before = dso.ven()
        await heart.beat()
    assert shown(before) == {"VEN_STATUS": ["AVAILABLE"], "UPDATE_INTERVAL_SECONDS": [60]}
    assert before["targets"] == ["CONTRACT_ID-UKPN-FLEX-1"]
    assert shown(dso.ven()) == shown(before)


async def test_what_the_dso_wrote_meanwhile_stays(dso):
    """The BL changes the ven between two beats: its attribute survives, nobody is overwritten."""
    async with Client(dso.url, Credentials(dso.client_id, dso.secret), attempts=1) as client:
        heart = Heartbeat(client, "FSP7", structlog.get_logger(), every_s=5.0)
        await heart.beat()
        ven = dso.ven()
        body = {
            "objectType": "BL_VEN_REQUEST",
            "venName": "FSP7",
            "clientID": dso.client_id,
            "targets": ven["targets"],
            "attributes": [{"type": "LICENCE", "values": ["31E"]}],
        }
        await dso.running.vtn.objects.update(Kind.VEN, ven["id"], body, OFFICE)
        await heart.beat()
    assert shown(dso.ven()) == {
        "LICENCE": ["31E"],
        "VEN_STATUS": ["AVAILABLE"],
        "UPDATE_INTERVAL_SECONDS": [5],
    }


async def test_where_the_dso_made_no_ven_the_agent_makes_it():
    async with running_vtn(clock=ManualClock(NOON)) as vtn:
        client_id, secret = await vtn.client("FSP7")
        (made,) = vtn.vtn.store.live.find(Kind.VEN)
        await vtn.vtn.objects.delete(Kind.VEN, made.id, OFFICE)
        async with Client(vtn.url, Credentials(client_id, secret), attempts=1) as client:
            held = await Heartbeat(client, "FSP7", structlog.get_logger(), every_s=60.0).beat()
    assert held.value.ven_name == "FSP7"
