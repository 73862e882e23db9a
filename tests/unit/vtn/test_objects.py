"""The objects of a VTN under one policy: privacy, references, names, and the profile's admission."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.negatives import signed
from tests.golden import at, life, register, sealed_in
from tests.shared import needs_shared
from ukprofile.clock import ManualClock
from ukprofile.errors import Refused
from ukprofile.receiving.opening import digest
from vtn.domain.admission import Admission
from vtn.domain.objects import Objects, Query
from vtn.domain.privacy import Viewer
from vtn.domain.record import Client, Kind, Role
from vtn.domain.store import Store
from vtn.storage.memory import MemoryStore
from vtn.storage.sqlite import SqliteStore

BL = Viewer(
    "ukpn-bl",
    Role.BL,
    frozenset({"read_all", "write_programs", "write_events", "write_vens", "write_subscriptions"}),
)
VEN_SCOPES = frozenset(
    {"read_targets", "read_ven_objects", "write_reports", "write_subscriptions", "write_vens"}
)
FSP7 = Viewer("fsp7-client", Role.VEN, VEN_SCOPES)
FSP8 = Viewer("fsp8-client", Role.VEN, VEN_SCOPES)
NOBODY = Viewer("nobody", Role.VEN, VEN_SCOPES)
TARGET = "CONTRACT_ID-UKPN-FLEX-2026-0042"


class Vtn:
    """Objects over a store, with the golden contract in it when asked for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock(at("2026-02-20T09:50:00Z"))
        numbers = itertools.count(1)
        self.objects = Objects(
            store,
            self.clock,
            lambda: f"UKPN-{next(numbers)}",
            Admission("UKPN", "sandbox", timedelta(days=30)),
        )
        self.ids: dict[str, str] = {}

    async def create(self, kind: Kind, body: Any, viewer: Viewer = BL) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.objects.create(kind, body, viewer)).body)
        return found

    async def update(self, kind: Kind, id: str, body: Any, viewer: Viewer = BL) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.objects.update(kind, id, body, viewer)).body)
        return found

    def listed(self, kind: Kind, viewer: Viewer, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.objects.list(kind, Query(**query), viewer).body
        )
        return found

    async def live(self, number: str) -> dict[str, Any]:
        """Play one object of the golden life, ids put in."""
        body = json.loads(json.dumps(life(number)))
        for member, key in (("programID", "program"), ("eventID", "event"), ("venID", "ven")):
            if member in body:
                body[member] = self.ids[key]
        if "programName" in body:
            made = await self.create(Kind.PROGRAM, body)
        elif "venName" in body:
            made = await self.create(Kind.VEN, body)
        elif "resourceName" in body:
            made = await self.create(Kind.RESOURCE, body)
        elif "eventID" in body:
            return await self.create(Kind.REPORT, body, FSP7)
        else:
            made = await self.create(Kind.EVENT, body)
        kind = made["objectType"].lower()
        self.ids[kind] = made["id"]
        return made

    async def contract(self) -> None:
        """Contract, ven, resource and terms of the golden life; FSP8 beside it."""

        def clients(tx: Any) -> None:
            for one, name in (("fsp7-client", "FSP7"), ("fsp8-client", "FSP8")):
                tx.put_client(Client(one, name, Role.VEN, VEN_SCOPES, b"", self.clock.now()))
            for key_set in register():
                tx.put_key_set(key_set)

        await self.store.write(clients)
        for number in ("01", "03", "04"):
            await self.live(number)
        self.clock.set(at("2026-02-20T10:00:00Z"))
        await self.live("05")
        await self.create(
            Kind.VEN, {"objectType": "BL_VEN_REQUEST", "clientID": "fsp8-client", "venName": "FSP8"}
        )

    async def instruct(self, number: str = "12") -> dict[str, Any]:
        self.clock.set(at("2026-03-29T12:20:00Z"))
        return await self.live(number)


@pytest.fixture(params=["memory", "sqlite"])
async def vtn(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Vtn]:
    store: Store = MemoryStore("sandbox", "e1")
    if request.param == "sqlite":
        store = await SqliteStore.open(tmp_path / "vtn.db", "sandbox", "e1")
    yield Vtn(store)
    await store.close()


@needs_shared
async def test_the_golden_life_is_taken_and_shown_as_it_was_sent(vtn: Vtn) -> None:
    await vtn.contract()
    made = await vtn.instruct()
    sent = {**life("12"), "programID": vtn.ids["program"]}
    assert {k: v for k, v in made.items() if k in sent} == sent
    assert made["objectType"] == "EVENT"
    assert made["createdDateTime"] == made["modificationDateTime"] == "2026-03-29T12:20:00Z"
    vtn.clock.set(at("2026-03-29T12:20:15Z"))
    answer = await vtn.live("13")
    assert answer["clientID"] == "fsp7-client"
    assert vtn.listed(Kind.REPORT, BL) == [answer] == vtn.listed(Kind.REPORT, FSP7)
    assert vtn.listed(Kind.REPORT, BL, program_id=vtn.ids["program"]) == [answer]
    assert vtn.listed(Kind.REPORT, BL, program_id="other") == []


@needs_shared
async def test_an_fsp_sees_its_own_and_nothing_else(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    assert [e["id"] for e in vtn.listed(Kind.EVENT, FSP7)][-1] == event["id"]
    for kind in (Kind.PROGRAM, Kind.EVENT, Kind.REPORT, Kind.RESOURCE, Kind.SUBSCRIPTION):
        assert vtn.listed(kind, FSP8) == []
        assert vtn.listed(kind, NOBODY) == []
    assert [v["venName"] for v in vtn.listed(Kind.VEN, FSP8)] == ["FSP8"]
    refusals = []
    for asked in (event["id"], "absent-1"):
        with pytest.raises(Refused) as refused:
            vtn.objects.get(Kind.EVENT, asked, FSP8)
        refusals.append((refused.value.reason, refused.value.detail, refused.value.security))
    assert refusals[0] == refusals[1] == ("HIDDEN", refusals[0][1], True)


@needs_shared
async def test_hidden_and_absent_references_are_refused_alike(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    body = {"eventID": event["id"], "clientName": "FSP8", "resources": []}
    with pytest.raises(Refused, match="REF_UNKNOWN") as hidden:
        await vtn.create(Kind.REPORT, body, FSP8)
    with pytest.raises(Refused, match="REF_UNKNOWN") as absent:
        await vtn.create(Kind.REPORT, {**body, "eventID": "absent-1"}, FSP8)
    assert hidden.value.detail == absent.value.detail
    assert (hidden.value.security, absent.value.security) == (True, False)
    with pytest.raises(Refused, match="REF_UNKNOWN"):
        await vtn.create(Kind.EVENT, {"programID": "absent-1"})


@needs_shared
async def test_targets_not_granted_are_never_shown(vtn: Vtn) -> None:
    await vtn.contract()
    await vtn.create(Kind.PROGRAM, {"programName": "plain", "targets": [TARGET, "OTHER"]})
    (seen,) = (p for p in vtn.listed(Kind.PROGRAM, FSP7) if p["programName"] == "plain")
    assert seen["targets"] == [TARGET]
    assert vtn.listed(Kind.PROGRAM, FSP7, targets=("OTHER",)) == []
    assert len(vtn.listed(Kind.PROGRAM, BL, targets=("OTHER",))) == 1


@needs_shared
async def test_the_same_signed_text_again_is_the_same_object(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    assert (await vtn.instruct())["id"] == event["id"]
    vtn.clock.set(at("2026-03-29T12:20:15Z"))
    report = await vtn.live("13")
    assert await vtn.live("13") == report
    assert len(vtn.listed(Kind.REPORT, BL)) == 1


@needs_shared
@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        ([], "TARGET_INVALID"),
        (None, "TARGET_INVALID"),
        ([TARGET, "X"], "TARGET_INVALID"),
        (["CONTRACT_ID-UKPN-FLEX-2026-0043"], "TARGET_INVALID"),
    ],
)
async def test_a_dispatch_has_exactly_the_target_of_its_contract(
    vtn: Vtn, targets: Any, reason: str
) -> None:
    await vtn.contract()
    vtn.clock.set(at("2026-03-29T12:20:00Z"))
    body = {**life("12"), "programID": vtn.ids["program"], "targets": targets}
    with pytest.raises(Refused, match=reason):
        await vtn.create(Kind.EVENT, body)
    assert len(vtn.listed(Kind.EVENT, BL)) == 1


@needs_shared
async def test_what_is_unsigned_altered_or_against_the_contract_is_not_stored(vtn: Vtn) -> None:
    await vtn.contract()
    vtn.clock.set(at("2026-03-29T12:20:00Z"))
    good = {**life("12"), "programID": vtn.ids["program"]}
    before = vtn.listed(Kind.EVENT, BL)

    def payloads(body: Any) -> Any:
        return body["intervals"][0]["payloads"]

    unsigned = json.loads(json.dumps(good))
    payloads(unsigned)[:] = [p for p in payloads(unsigned) if p["type"] != "UKFLEX_SIGNATURE"]
    without = json.loads(json.dumps(good))
    payloads(without)[:] = [p for p in payloads(without) if not p["type"].startswith("UKFLEX")]
    altered = json.loads(json.dumps(good))
    payloads(altered)[0]["values"][0] = payloads(good)[0]["values"][0].replace("1000000", "1000001")
    projected = json.loads(json.dumps(good))
    payloads(projected)[-1]["values"] = [0.5]
    wrong_asset = {**life("25"), "programID": vtn.ids["program"]}
    for body, reason in (
        (unsigned, "SIGNATURE_SET"),
        (without, "MESSAGE_MISSING"),
        (altered, "SIGNATURE_INVALID"),
        (projected, "PROJECTION_MISMATCH"),
    ):
        with pytest.raises(Refused, match=reason):
            await vtn.create(Kind.EVENT, body)
    vtn.clock.set(at("2026-03-29T13:30:00Z"))
    with pytest.raises(Refused, match="ASSET_UNKNOWN"):
        await vtn.create(Kind.EVENT, wrong_asset)
    assert vtn.listed(Kind.EVENT, BL) == before
    await vtn.objects.create(Kind.EVENT, wrong_asset, BL, unchecked=True)
    assert len(vtn.listed(Kind.EVENT, BL)) == len(before) + 1


@needs_shared
async def test_a_dispatch_keeps_its_event_and_a_live_one_is_not_deleted(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    vtn.clock.set(at("2026-03-29T16:10:00Z"))
    vary = {**life("15"), "programID": vtn.ids["program"]}
    with pytest.raises(Refused, match="THREAD_MISPLACED"):
        await vtn.create(Kind.EVENT, vary)
    changed = await vtn.update(Kind.EVENT, event["id"], vary)
    assert len(changed["intervals"]) == 3
    with pytest.raises(Refused, match="IN_USE") as refused:
        await vtn.objects.delete(Kind.EVENT, event["id"], BL)
    assert refused.value.security
    vtn.clock.set(at("2026-03-29T16:38:00Z"))
    await vtn.update(Kind.EVENT, event["id"], {**life("17"), "programID": vtn.ids["program"]})
    with pytest.raises(Refused, match="retention"):
        await vtn.objects.delete(Kind.EVENT, event["id"], BL)
    vtn.clock.advance(timedelta(days=31))
    await vtn.objects.delete(Kind.EVENT, event["id"], BL)
    with pytest.raises(Refused, match="HIDDEN"):
        vtn.objects.get(Kind.EVENT, event["id"], BL)


@needs_shared
async def test_a_report_is_posted_by_the_party_that_signed_it(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    ven = {"objectType": "BL_VEN_REQUEST", "clientID": "fsp8-client", "venName": "FSP8"}
    await vtn.create(Kind.PROGRAM, {"programName": "shared", "targets": ["S"]})
    (old,) = (v for v in vtn.listed(Kind.VEN, BL) if v["venName"] == "FSP8")
    with pytest.raises(Refused, match="NOT_UNIQUE") as refused:
        await vtn.update(Kind.VEN, old["id"], {**ven, "targets": [TARGET]})
    assert refused.value.security
    assert vtn.listed(Kind.EVENT, FSP8) == []
    assert event["id"] not in json.dumps(vtn.listed(Kind.REPORT, FSP8))


@needs_shared
async def test_names_are_taken_once_after_normalising(vtn: Vtn) -> None:
    await vtn.contract()
    await vtn.create(Kind.PROGRAM, {"programName": "Ll\u0177n"})
    with pytest.raises(Refused, match="NOT_UNIQUE"):
        await vtn.create(Kind.PROGRAM, {"programName": "Lly\u0302n"})
    with pytest.raises(Refused, match="NOT_UNIQUE"):
        await vtn.create(Kind.VEN, {**life("03"), "targets": []})


@needs_shared
async def test_a_ven_writes_its_attributes_and_nothing_of_the_dsos(vtn: Vtn) -> None:
    await vtn.contract()
    mine = {"objectType": "VEN_VEN_REQUEST", "venName": "FSP7", "targets": ["X"], "clientID": "x"}
    (ven,) = vtn.listed(Kind.VEN, FSP7)
    updated = await vtn.update(Kind.VEN, ven["id"], {**mine, **life("30")}, FSP7)
    assert updated["targets"] == ven["targets"]
    assert updated["clientID"] == "fsp7-client"
    assert updated["attributes"] == life("30")["attributes"]
    for change, reason in (
        ({"venName": "FSP8"}, "OWN_VEN_LOCKED"),
        ({"objectType": "BL_VEN_REQUEST", "clientID": "fsp7-client"}, "SCOPE_MISSING"),
    ):
        with pytest.raises(Refused, match=reason):
            await vtn.update(Kind.VEN, ven["id"], {**mine, **change}, FSP7)
    with pytest.raises(Refused, match="OWN_VEN_LOCKED"):
        await vtn.objects.delete(Kind.VEN, ven["id"], FSP7)
    with pytest.raises(Refused, match="NOT_UNIQUE"):
        await vtn.create(Kind.VEN, {**mine, "venName": "FSP7b"}, FSP7)
    with pytest.raises(Refused, match="SCOPE_MISSING"):
        await vtn.create(Kind.VEN, {**mine, "venName": "FSP9"}, NOBODY)


@needs_shared
async def test_a_resource_belongs_to_a_ven_of_its_client(vtn: Vtn) -> None:
    await vtn.contract()
    body = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "R1", "venID": vtn.ids["ven"]}
    with pytest.raises(Refused, match="REF_UNKNOWN") as refused:
        await vtn.create(
            Kind.RESOURCE, {**body, "venID": vtn.listed(Kind.VEN, FSP8)[0]["id"]}, FSP7
        )
    assert refused.value.security
    with pytest.raises(Refused, match="BODY_INVALID"):
        await vtn.create(
            Kind.RESOURCE, {**body, "objectType": "BL_RESOURCE_REQUEST", "clientID": "x"}
        )


@needs_shared
async def test_a_contract_is_not_granted_to_another_by_way_of_a_resource(vtn: Vtn) -> None:
    await vtn.contract()
    (rival,) = vtn.listed(Kind.VEN, FSP8)
    body = {
        "objectType": "BL_RESOURCE_REQUEST",
        "resourceName": "R1",
        "clientID": "fsp8-client",
        "venID": rival["id"],
    }
    with pytest.raises(Refused, match="NOT_UNIQUE") as refused:
        await vtn.create(Kind.RESOURCE, {**body, "targets": [TARGET]})
    assert refused.value.security
    own = {**body, "clientID": "fsp7-client", "venID": vtn.ids["ven"], "targets": [TARGET]}
    made = await vtn.create(Kind.RESOURCE, own)
    await vtn.update(Kind.RESOURCE, made["id"], own)
    bought = {"objectType": "BL_VEN_REQUEST", "venName": "FSP7", "clientID": "other"}
    with pytest.raises(Refused, match="NOT_UNIQUE"):
        await vtn.update(Kind.VEN, vtn.ids["ven"], {**bought, "targets": [TARGET]})


@needs_shared
async def test_a_text_of_the_same_order_is_refused_and_kept_as_evidence(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    before = vtn.objects.get(Kind.EVENT, event["id"], BL)
    message = json.loads(sealed_in(life("12")).text)
    message["body"]["periods"][1]["delta_w"] = 1_200_000
    other = signed.event_of(message, vtn.ids["program"])
    text = sealed_in(other).text
    for _ in range(2):
        with pytest.raises(Refused, match="EQUIVOCATION") as refused:
            await vtn.update(Kind.EVENT, event["id"], other)
        assert (refused.value.status, refused.value.security) == (409, True)
    with pytest.raises(Refused, match="EQUIVOCATION"):
        await vtn.create(Kind.EVENT, other)
    kept = await vtn.store.read(lambda tx: tx.entry(digest(text)))
    assert kept is not None
    assert (kept.text, kept.verdict, kept.reason) == (text, "refused", "EQUIVOCATION")
    assert vtn.objects.get(Kind.EVENT, event["id"], BL) == before
    assert len(vtn.listed(Kind.EVENT, BL)) == 2


@needs_shared
async def test_security_hears_of_a_second_and_different_stop(vtn: Vtn) -> None:
    await vtn.contract()
    event = await vtn.instruct()
    for number, now in (("15", "2026-03-29T16:10:00Z"), ("17", "2026-03-29T16:38:00Z")):
        vtn.clock.set(at(now))
        body = {**life(number), "programID": vtn.ids["program"]}
        made = await vtn.objects.update(Kind.EVENT, event["id"], body, BL)
        assert made.notices == ()
    message = json.loads(sealed_in(life("17")).text)
    message["body"]["reason"] = "another"
    other = signed.event_of(message, vtn.ids["program"])
    taken = await vtn.objects.update(Kind.EVENT, event["id"], other, BL)
    assert [notice.reason for notice in taken.notices] == ["EQUIVOCATION"]
    again = await vtn.objects.update(Kind.EVENT, event["id"], other, BL)
    assert again.notices == ()


async def test_scope_and_role_are_judged_first(vtn: Vtn) -> None:
    for kind in (Kind.PROGRAM, Kind.EVENT):
        with pytest.raises(Refused, match="SCOPE_MISSING"):
            await vtn.create(kind, "no object at all", FSP7)
        with pytest.raises(Refused, match="SCOPE_MISSING"):
            await vtn.objects.delete(kind, "absent-1", FSP7)
    with pytest.raises(Refused, match="SCOPE_MISSING"):
        await vtn.create(Kind.REPORT, {}, BL)
    with pytest.raises(Refused, match="SCOPE_MISSING"):
        vtn.objects.list(Kind.PROGRAM, Query(), Viewer("x", Role.VEN, frozenset()))


async def test_subscriptions_are_refused_not_swallowed(vtn: Vtn) -> None:
    with pytest.raises(Refused, match="NOT_IMPLEMENTED"):
        await vtn.create(
            Kind.SUBSCRIPTION,
            {
                "clientName": "bl",
                "objectOperations": [
                    {
                        "objects": ["EVENT"],
                        "operations": ["CREATE"],
                        "callbackUrl": "https://example.org/hook",
                    }
                ],
            },
            BL,
        )
    with pytest.raises(Refused, match="BODY_INVALID"):
        await vtn.create(Kind.SUBSCRIPTION, {}, BL)


async def test_pages_are_in_the_order_of_making_and_etags_follow_what_is_seen(vtn: Vtn) -> None:
    for n in range(5):
        await vtn.create(Kind.PROGRAM, {"programName": f"p{n}"})
        vtn.clock.advance(timedelta(seconds=1))
    names = [p["programName"] for p in vtn.listed(Kind.PROGRAM, BL, skip=1, limit=3)]
    assert names == ["p1", "p2", "p3"]
    assert vtn.listed(Kind.PROGRAM, BL, limit=0) == []
    first = vtn.objects.list(Kind.PROGRAM, Query(), BL).etag
    assert vtn.objects.list(Kind.PROGRAM, Query(), BL).etag == first
    await vtn.create(Kind.VEN, {"objectType": "BL_VEN_REQUEST", "clientID": "c", "venName": "v"})
    assert vtn.objects.list(Kind.PROGRAM, Query(), BL).etag == first
    one = vtn.listed(Kind.PROGRAM, BL)[0]
    stale = vtn.objects.get(Kind.PROGRAM, one["id"], BL).etag
    await vtn.objects.update(Kind.PROGRAM, one["id"], {"programName": "q"}, BL, if_match=stale)
    assert vtn.objects.list(Kind.PROGRAM, Query(), BL).etag != first
    with pytest.raises(Refused, match="PRECONDITION"):
        await vtn.objects.update(Kind.PROGRAM, one["id"], {"programName": "r"}, BL, if_match=stale)


async def test_events_that_ended_are_left_out_when_active_ones_are_asked_for(vtn: Vtn) -> None:
    program = await vtn.create(Kind.PROGRAM, {"programName": "p"})
    now = "2026-02-20T09:50:00Z"
    for duration in ("PT1H", "P9999Y"):
        period = {"start": now, "duration": duration}
        body = {"programID": program["id"], "eventName": duration, "intervalPeriod": period}
        await vtn.create(Kind.EVENT, {**body, "intervals": [{"id": 0, "payloads": []}]})
    await vtn.create(Kind.EVENT, {"programID": program["id"], "eventName": "none"})
    vtn.clock.advance(timedelta(hours=1))
    active = vtn.listed(Kind.EVENT, BL, active=True)
    assert [e["eventName"] for e in active] == ["P9999Y", "none"]
    assert len(vtn.listed(Kind.EVENT, BL, active=False)) == 3
    assert len(vtn.listed(Kind.EVENT, BL, program_id="other")) == 0
    with pytest.raises(Refused, match="IN_USE"):
        await vtn.objects.delete(Kind.PROGRAM, program["id"], BL)
