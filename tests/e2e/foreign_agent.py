"""An FSP's agent of somebody else's making: it knows the PyPI package `openadr3`, and nothing of ours.

    python foreign_agent.py URL CLIENT_ID SECRET HIDDEN...

HIDDEN are paths of objects that are not its own. What it saw goes to stdout as one JSON object.
"""

import json
import sys
from typing import Any

from openadr3 import VEN_SCOPES, OpenADRClient, body, create_ven_client, fetch_token, success


def main(url: str, client_id: str, secret: str, hidden: list[str]) -> dict[str, Any]:
    token = fetch_token(url, client_id, secret)
    with create_ven_client(url, token) as vtn:
        events = vtn.events(active="true")
        dispatch = next(e for e in events if e.event_name == "REAL_TIME_DISPATCH")
        (resource,) = vtn.resources()
        posted = vtn.create_report(
            {
                "eventID": dispatch.id,
                "clientName": client_id.upper(),
                "resources": [
                    {
                        "resourceName": resource.resource_name,
                        "intervals": [
                            {
                                "id": 0,
                                "payloads": [{"type": "DISPATCH_STATUS", "values": ["EXECUTING"]}],
                            }
                        ],
                    }
                ],
            }
        )
        (ven,) = vtn.vens()
        heartbeat = vtn.update_ven(
            ven.id,
            {
                "objectType": "VEN_VEN_REQUEST",
                "venName": ven.ven_name,
                "attributes": [{"type": "VEN_STATUS", "values": ["ONLINE"]}],
            },
        )
        return {
            "programs": [p.program_name for p in vtn.programs()],
            "events": [e.id for e in vtn.events()],
            "periods": [
                [str(moment) for moment in interval.interval_period.period]
                for interval in dispatch.resolved_intervals()
            ],
            "setpoints": [
                [payload.type, [str(value) for value in payload.values]]
                for payload in dispatch.intervals[0].payloads
            ],
            "posted": posted.status_code,
            "reports": [r.id for r in vtn.reports(eventID=dispatch.id)],
            "report": body(posted)["id"],
            "ven": [ven.ven_name, ven.client_id, ven.targets],
            "heartbeat": body(heartbeat)["attributes"] if success(heartbeat) else None,
            "resources": [r.resource_name for r in vtn.resources(venID=ven.id)],
            "hidden": [vtn._request("GET", path).status_code for path in hidden],
            "subscriptions": body(vtn.get_subscriptions()),
            "notifiers": body(vtn.get_notifiers()),
            "bl_topics": vtn.get_mqtt_topics_events().status_code,
            "find_by_name": vtn.find_ven_by_name(ven.ven_name),
            "own_scopes": own_scopes(url, client_id, secret),
            "anonymous": OpenADRClient(url).get_events().status_code,
        }


def own_scopes(url: str, client_id: str, secret: str) -> str:
    """What becomes of asking for the scopes that the package itself calls a VEN's."""
    try:
        return fetch_token(url, client_id, secret, scopes=sorted(VEN_SCOPES))
    except Exception as error:
        return type(error).__name__


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4], sys.argv[4:])))
