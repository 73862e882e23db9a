"""Notifications: the object has the type that is announced, stated or not."""

from typing import Any

import pytest

from ukprofile.errors import Refused
from ukprofile.openadr import Event, Notification

EVENT = {
    "id": "e1",
    "createdDateTime": "2026-11-24T15:00:00Z",
    "modificationDateTime": "2026-11-24T15:00:00Z",
    "programID": "p1",
}
TYPED = {**EVENT, "objectType": "EVENT"}
SENT = {"objectType": "EVENT", "operation": "UPDATE", "object": TYPED}


@pytest.mark.parametrize("inner", [EVENT, TYPED])
def test_the_object_may_leave_its_type_to_the_notification(inner: Any) -> None:
    found = Notification.read({**SENT, "object": inner})
    assert isinstance(found.object, Event)
    assert found.dump() == SENT


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"objectType": "PROGRAM"}, "/object/objectType"),
        ({"objectType": None}, "/object/objectType"),
        ({"object": {**EVENT, "objectType": "VEN"}}, "/object/objectType"),
        ({"object": {**TYPED, "programID": 1}}, "/object/programID"),
        ({"object": [TYPED]}, "/object"),
        ({"objectType": "BEACON", "object": EVENT}, "/objectType"),
        ({"operation": "POST"}, "/operation"),
        ({"targets": [""]}, "/targets/0"),
    ],
)
def test_a_notification_that_contradicts_itself_is_refused(change: Any, path: str) -> None:
    with pytest.raises(Refused, match="BODY_INVALID") as refused:
        Notification.read({**SENT, **change})
    assert refused.value.path == path


@pytest.mark.parametrize("value", [[], None, "EVENT", {}])
def test_what_is_no_notification_is_refused(value: Any) -> None:
    with pytest.raises(Refused, match="BODY_INVALID"):
        Notification.read(value)
