"""Somebody else's client against our VTN: the PyPI package `openadr3`, release 0.5.0.

It speaks 3.1 in all that an agent needs: tokens by client credentials, flat targets, VEN_VEN_REQUEST,
reports with resources. What of it differs from 3.1, found by reading it and by this test:

- `find_ven_by_name` and `find_program_by_name` ask with `targetType` and `targetValues`, which 3.1
  took away; a VTN that ignored them would show everything, ours answers 400, and they find None.
- `VEN_SCOPES` holds `read_all`, which is the business logic's: asked for, it is refused
  (invalid_scope). Without a scope parameter it gets a VEN's own.
- It never looks at ETag, pages only by hand, and takes 401 as final.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.negatives.oauth import with_secret
from tests.contract.negatives.scene import SECRET, Given, Scene, vtn_scene
from tests.shared import needs_shared
from tests.wire import get

AGENT = Path(__file__).with_name("foreign_agent.py")
KINDS = {"programs": "P8", "events": "E8", "reports": "R8", "vens": "V8", "resources": "A8"}


async def seen_by_the_agent(scene: Scene) -> dict[str, Any]:
    hidden = [f"/{kind}/{scene.ids[name]}" for kind, name in KINDS.items()]
    agent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(AGENT),
        scene.running.url,
        "fsp7",
        SECRET,
        *hidden,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, _ = await agent.communicate()
    assert agent.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.e2e
@needs_shared
async def test_another_client_reads_reports_and_sees_nothing_of_the_rival(tmp_path: Path) -> None:
    async with vtn_scene(Given(also=with_secret), tmp_path) as scene:
        seen = await seen_by_the_agent(scene)
        ids = scene.ids
        assert sorted(seen["programs"]) == ["UKPN:FLEX-2026-0042", "plain"]  # made in one moment
        assert seen["events"] == [ids["T7"], ids["E1"]]
        assert seen["ven"] == ["FSP7", "fsp7", ["CONTRACT_ID-UKPN-FLEX-2026-0042"]]
        assert seen["resources"] == ["UKPN-AS-000731"]
        assert seen["posted"] == 201
        assert seen["reports"] == [seen["report"]]
        assert seen["heartbeat"] == [{"type": "VEN_STATUS", "values": ["ONLINE"]}]
        assert seen["hidden"] == [404] * len(KINDS)
        assert seen["subscriptions"] == []
        assert seen["notifiers"] == {"WEBHOOK": False}
        assert (seen["bl_topics"], seen["anonymous"]) == (403, 401)
        check_dispatch(seen)
        assert seen["find_by_name"] is None
        assert seen["own_scopes"] == "HTTPStatusError"
        stored = (await scene.send(get(f"/reports/{seen['report']}", "bl"))).json
        assert (stored["clientID"], stored["eventID"]) == ("fsp7", ids["E1"])
        rival = await scene.send(get("/reports", "fsp8"))
        assert [report["id"] for report in rival.json] == [ids["R8"]]
        assert not scene.security.errors


def check_dispatch(seen: dict[str, Any]) -> None:
    """An agent that knows only intervals reads the dispatch as it was meant."""
    ((start, end),) = seen["periods"]
    assert "2026-11-24" in start
    assert "16:30" in start
    assert "18:00" in end
    said = dict(seen["setpoints"])
    assert float(said["DISPATCH_SETPOINT_RELATIVE"][0]) == 1.0
    assert said["SELF_DISPATCHED"] == ["True"]
    assert said["ASSET_ID"] == ["UKPN-AS-000731"]
