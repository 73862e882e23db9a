"""The office: clients, keys and contracts, also when it is cut short and told again."""

import json
from datetime import timedelta

import pytest

from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, NOON, terms
from tests.unit.vtn.scene import scene_on
from ukprofile.errors import Refused
from ukprofile.signing import SigningKeys
from vtn.domain.clients import SCOPES, is_secret_of
from vtn.domain.office import OFFICE
from vtn.domain.record import Kind, Role

TARGET = "CONTRACT_ID-UKPN-FLEX-1"


# -- clients ---------------------------------------------------------------------------------------


async def test_a_ven_client_gets_a_secret_and_its_ven(scene):
    client, secret = await scene.office.add_client("FSP7", Role.VEN, ["T1", "T2"])
    assert (client.client_id, client.scopes) == ("fsp7", SCOPES[Role.VEN])
    assert is_secret_of(client, secret)
    assert not is_secret_of(client, secret + "x")
    (ven,) = scene.objects(Kind.VEN)
    assert (ven["venName"], ven["clientID"], ven["targets"]) == ("FSP7", "fsp7", ["T1", "T2"])
    assert scene.office.clients() == [client]


async def test_a_desk_gets_no_ven_and_no_targets(scene):
    client, _ = await scene.office.add_client("Control Room 1", Role.BL)
    assert (client.client_id, client.scopes) == ("control-room-1", SCOPES[Role.BL])
    assert scene.objects(Kind.VEN) == []
    with pytest.raises(Refused, match="BODY_INVALID at /targets"):
        await scene.office.add_client("Desk", Role.BL, ["T1"])


@pytest.mark.parametrize(
    ("name", "client_id"),
    [
        ("FSP 7", "fsp-7"),
        ("Ynni Ll\u0177n", "ynni-ll-n"),
        ("\u4e2d\u6587", "client"),
        ("x" * 90, "x" * 60),
    ],
)
async def test_a_client_id_is_made_of_its_name(name, client_id):
    async with scene_on("memory") as scene:
        client, _ = await scene.office.add_client(name, Role.VEN)
        assert (client.client_id, client.name) == (client_id, name)
        assert scene.objects(Kind.VEN)[0]["clientID"] == client_id


@pytest.mark.parametrize("name", ["", "FSP\x07", "y" * 129])
async def test_a_bad_name_leaves_nothing_behind(scene, name):
    before = await scene.counts()
    with pytest.raises(Refused):
        await scene.office.add_client(name, Role.VEN)
    assert await scene.counts() == before


async def test_a_name_that_is_taken_changes_nothing(scene):
    first, secret = await scene.office.add_client("FSP7", Role.VEN, ["T1"])
    before = await scene.counts()
    for name in ("FSP7", "fsp7"):
        with pytest.raises(Refused, match="NOT_UNIQUE"):
            await scene.office.add_client(name, Role.VEN, ["T9"])
    assert await scene.counts() == before
    assert scene.objects(Kind.VEN)[0]["targets"] == ["T1"]
    assert is_secret_of(scene.office.clients()[0], secret)
    assert scene.office.clients() == [first]


async def test_the_ven_of_another_client_is_not_taken_over(scene):
    body = {"objectType": "BL_VEN_REQUEST", "venName": "FSP7", "clientID": "somebody"}
    await scene.vtn.objects.create(Kind.VEN, body, OFFICE)
    with pytest.raises(Refused, match="NOT_UNIQUE"):
        await scene.office.add_client("FSP7", Role.VEN)
    assert scene.office.clients() == []


@pytest.mark.parametrize("n", [1, 2])
async def test_adding_a_client_that_was_cut_short_is_said_again(scene, n):
    scene.store.cut_at(n)
    with pytest.raises(Refused, match="STORE_DOWN"):
        await scene.office.add_client("FSP7", Role.VEN, ["T1"])
    assert scene.office.clients() == []  # a secret nobody saw opens no door
    client, secret = await scene.office.add_client("FSP7", Role.VEN, ["T1"])
    assert is_secret_of(scene.office.clients()[0], secret)
    (ven,) = scene.objects(Kind.VEN)
    assert (ven["clientID"], ven["targets"]) == (client.client_id, ["T1"])


async def test_said_again_with_more_targets_they_are_added(scene):
    scene.store.cut_at(2)
    with pytest.raises(Refused, match="STORE_DOWN"):
        await scene.office.add_client("FSP7", Role.VEN, ["T1"])
    await scene.office.add_client("FSP7", Role.VEN, ["T2", "T1"])
    assert scene.objects(Kind.VEN)[0]["targets"] == ["T1", "T2"]


async def test_a_fresh_secret_ends_the_old_one(scene):
    _, old = await scene.office.add_client("FSP7", Role.VEN)
    client, new = await scene.office.new_secret("fsp7")
    assert is_secret_of(client, new)
    assert not is_secret_of(client, old)
    assert scene.office.clients() == [client]
    scene.store.cut_at(1)
    with pytest.raises(Refused, match="STORE_DOWN"):
        await scene.office.new_secret("fsp7")
    assert is_secret_of(scene.office.clients()[0], new)
    with pytest.raises(Refused, match="NOT_FOUND"):
        await scene.office.new_secret("fsp9")


async def test_a_disabled_client_stays_and_stays_disabled(scene):
    _, secret = await scene.office.add_client("FSP7", Role.VEN)
    gone = await scene.office.disable_client("fsp7")
    assert gone.disabled == NOON
    assert not is_secret_of(scene.office.clients()[0], secret)
    changed, fresh = await scene.office.new_secret("fsp7")
    assert changed.disabled == NOON
    assert not is_secret_of(changed, fresh)


# -- keys ------------------------------------------------------------------------------------------


async def test_a_key_set_is_pinned_and_revoked_for_good(scene):
    await scene.office.add_key_set(FSP7.public().to_json())
    assert [k.key_set for k in scene.office.register][1:] == ["FSP7-1"]
    revoked = await scene.office.revoke_key_set("FSP7-1")
    assert revoked.revoked_at == NOON
    scene.clock.advance(timedelta(hours=1))
    assert (await scene.office.revoke_key_set("FSP7-1")).revoked_at == NOON
    await scene.office.add_key_set(FSP7.public().to_json())
    held = scene.office.register.get("FSP7-1")
    assert not held.active(scene.clock.now())
    with pytest.raises(Refused, match="NOT_FOUND"):
        await scene.office.revoke_key_set("FSP9-1")


async def test_a_key_set_that_is_none_is_refused(scene):
    for value in ([], {}, {**FSP7.public().to_json(), "role": "desk"}):
        with pytest.raises(Refused, match="BODY_INVALID"):
            await scene.office.add_key_set(value)
    other = SigningKeys.sandbox("FSP7-1", "FSP8", "ven", NOON, NOON + timedelta(days=1))
    await scene.office.add_key_set(FSP7.public().to_json())
    with pytest.raises(Refused, match="KEY_INACTIVE"):
        await scene.office.add_key_set(other.public().to_json())
    assert len(list(scene.office.register)) == 2


async def test_a_floor_only_rises(scene):
    assert await scene.office.raise_floor("FSP7", 2) == 2
    assert await scene.office.raise_floor("FSP7", 1) == 2
    with pytest.raises(Refused, match="SUITE_BELOW_FLOOR"):
        await scene.office.raise_floor("FSP7", 3)
    assert scene.office.register.floor("FSP7") == 2


# -- contracts -------------------------------------------------------------------------------------


async def terms_held(scene):
    return await scene.store.read(lambda tx: tx.terms(CONTRACT))


async def whole(scene):
    """What a contract makes, whatever ids, threads and times it got."""
    (program,), (ven,) = scene.objects(Kind.PROGRAM), scene.objects(Kind.VEN)
    (event,) = scene.objects(Kind.EVENT)
    held = await terms_held(scene)
    assert event["programID"] == program["id"]
    payloads = {p["type"]: p["values"] for p in event["intervals"][0]["payloads"]}
    assert payloads["UKFLEX_MESSAGE"] == [held.text]
    return (
        (program["programName"], program["targets"], program["attributes"]),
        (ven["venName"], ven["targets"]),
        sorted((r["resourceName"], r["clientID"]) for r in scene.objects(Kind.RESOURCE)),
        (event["eventName"], event["targets"], event["intervalPeriod"]),
        (held.slot.recipient, json.loads(held.text)["body"]),
    )


async def with_fsp7(scene):
    await scene.office.add_client("FSP7", Role.VEN, ["OTHER"])
    await scene.office.add_key_set(FSP7.public().to_json())


TWO = {"assets": [{"asset_id": ASSET}, {"asset_id": "UKPN-AS-2", "asset_group_id": "G"}]}


async def test_a_contract_is_program_grant_assets_and_signed_terms(scene):
    await with_fsp7(scene)
    made = await scene.office.add_contract(terms(**TWO), "FSP7")
    program, ven, resources, event, message = await whole(scene)
    attributes = {a["type"]: a["values"] for a in program[2]}
    assert program[:2] == (CONTRACT, [TARGET])
    assert attributes == {
        "UKFLEX_PROFILE": ["1.0"],
        "UKFLEX_PROJECTION": ["gb-draft"],
        "CONTRACT_ID": [CONTRACT],
    }
    assert ven == ("FSP7", ["OTHER", TARGET])
    assert resources == [(ASSET, "fsp7"), ("UKPN-AS-2", "fsp7")]
    assert event[:2] == ("CONTRACT_TERMS", [TARGET])
    assert message == ("FSP7", terms(**TWO)) == ("FSP7", made.to_json())
    assert [c.name for c in scene.office.contracts()] == [CONTRACT]


async def test_a_contract_that_stands_is_not_written_again(scene):
    await scene.contract()
    before = await scene.counts()
    scene.clock.advance(timedelta(days=1))
    await scene.office.add_contract(terms(), "FSP7")
    assert await scene.counts() == before


async def writes_of_a_contract() -> int:
    async with scene_on("memory") as scene:
        await with_fsp7(scene)
        scene.store.writes = 0
        await scene.office.add_contract(terms(**TWO), "FSP7")
        return scene.store.writes


async def test_a_contract_that_was_cut_short_anywhere_is_said_again_to_the_same_end():
    steps = await writes_of_a_contract()
    assert steps == 5  # program, grant, two assets, terms
    async with scene_on("memory") as scene:
        await with_fsp7(scene)
        await scene.office.add_contract(terms(**TWO), "FSP7")
        due, counts = await whole(scene), await scene.counts()
    for kind in ("memory", "sqlite"):
        for n in range(1, steps + 1):
            async with scene_on(kind) as scene:
                await with_fsp7(scene)
                scene.store.cut_at(n)
                with pytest.raises(Refused, match="STORE_DOWN"):
                    await scene.office.add_contract(terms(**TWO), "FSP7")
                scene.clock.advance(timedelta(minutes=1))
                await scene.office.add_contract(terms(**TWO), "FSP7")
                assert (await whole(scene), await scene.counts()) == (due, counts)


async def test_new_terms_are_a_new_revision_in_the_same_event(scene):
    await scene.contract()
    (event,), first = scene.objects(Kind.EVENT), await terms_held(scene)
    scene.clock.advance(timedelta(hours=1))
    for n in (1, None):
        scene.store.cut_at(n)
        if n:
            with pytest.raises(Refused, match="STORE_DOWN"):
                await scene.office.add_contract(terms(capacity_w=2_000_000), "FSP7")
        else:
            await scene.office.add_contract(terms(capacity_w=2_000_000), "FSP7")
    second = await terms_held(scene)
    assert second.slot == first.slot
    assert second.revision > first.revision
    assert json.loads(second.text)["body"]["capacity_w"] == 2_000_000
    assert [e["id"] for e in scene.objects(Kind.EVENT)] == [event["id"]]
    assert len(scene.objects(Kind.PROGRAM)) == 1


async def test_an_asset_that_is_added_later_becomes_a_resource(scene):
    await scene.contract()
    await scene.office.add_contract(terms(**TWO), "FSP7")
    assert {r["resourceName"] for r in scene.objects(Kind.RESOURCE)} == {ASSET, "UKPN-AS-2"}


async def test_a_grant_leaves_what_the_ven_says_of_itself(scene):
    await scene.office.add_client("FSP7", Role.VEN)
    (ven,) = scene.objects(Kind.VEN)
    body = {"objectType": "BL_VEN_REQUEST", "venName": "FSP7", "clientID": "fsp7"}
    said = [{"type": "VEN_STATUS", "values": ["ONLINE"]}]
    await scene.vtn.objects.update(Kind.VEN, ven["id"], {**body, "attributes": said}, OFFICE)
    await scene.office.add_contract(terms(), "FSP7")
    (ven,) = scene.objects(Kind.VEN)
    assert (ven["attributes"], ven["targets"]) == (said, [TARGET])


BAD = {
    "no object": ([], "BODY_INVALID", ""),
    "nothing": ({}, "BODY_VALUE", "/contract_id"),
    "no assets": (terms(assets=[]), "BODY_VALUE", "/assets"),
    "no capacity": (terms(capacity_w=0), "BODY_VALUE", "/capacity_w"),
    "a float": (terms(capacity_w=1.5e6), "FLOAT_FORBIDDEN", "/capacity_w"),
    "null": (terms(price=None), "NULL_FORBIDDEN", "/price"),
    "a bool": (terms(notice_s=True), "BODY_VALUE", "/notice_s"),
    "not ASCII": (terms(zone="LL\u0176N"), "NOT_ASCII", ""),
    "a misspelt term": (terms(notice=120), "BODY_VALUE", "/notice"),
    "another DSO's": (terms(contract_id="SSEN:C1"), "BODY_VALUE", "/contract_id"),
    "a market": (terms(contract_id="market:UKPN:OU:Z"), "BODY_VALUE", "/contract_id"),
    "no contract id": (terms(contract_id="FLEX-1"), "NAME_INVALID", "/programName"),
    "ends first": (terms(valid_to="2026-10-01T00:00:00Z"), "BODY_VALUE", "/valid_to"),
    "too many": (
        terms(assets=[{"asset_id": f"UKPN-AS-{n:06}"} for n in range(1170)]),
        "TOO_LARGE",
        "",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_terms_are_refused_by_field_and_clause_before_anything_is_stored(scene, case):
    body, reason, path = BAD[case]
    await with_fsp7(scene)
    before = await scene.counts()
    with pytest.raises(Refused) as refused:
        await scene.office.add_contract(body, "FSP7")
    assert (refused.value.reason, refused.value.path) == (reason, path)
    assert refused.value.clause or reason in ("BODY_INVALID", "NOT_ASCII")
    assert await scene.counts() == before


async def test_a_provider_without_a_client_and_an_unknown_projection_store_nothing(scene):
    before = await scene.counts()
    with pytest.raises(Refused, match=r"NOT_FOUND.*ukvtn clients add FSP7 --role ven"):
        await scene.office.add_contract(terms(), "FSP7")
    await with_fsp7(scene)
    with pytest.raises(Refused, match=r"BODY_VALUE.*gb-draft, none"):
        await scene.office.add_contract(terms(), "FSP7", "gb")
    assert (await scene.counts())["PROGRAM"] == before["PROGRAM"] == 0


async def test_a_contract_has_one_provider(scene):
    await scene.contract()
    await scene.office.add_client("FSP8", Role.VEN)
    before = await scene.counts()
    with pytest.raises(Refused, match="NOT_UNIQUE at /targets"):
        await scene.office.add_contract(terms(capacity_w=9), "FSP8")
    assert await scene.counts() == before


async def test_plain_programs_and_markets_are_no_contracts(scene):
    await scene.contract()
    await scene.vtn.objects.create(Kind.PROGRAM, {"programName": "plain"}, OFFICE)
    assert [c.name for c in scene.office.contracts()] == [CONTRACT]
