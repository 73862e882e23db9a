"""How the DSO signs: revisions that only rise, whatever the clock does, and the suite it owes."""

from datetime import timedelta

import pytest

from tests.unit.ven.dso import CONTRACT, NOON
from tests.unit.vtn.scene import BEGIN, END
from ukprofile.errors import Refused
from ukprofile.flex.times import milliseconds
from ukprofile.receiving.opening import sent_entry
from ukprofile.signing import verify

BODY = {"contract_id": CONTRACT, "assets": [], "zone": "Z"}


async def signed(scene, thread="D1", kind="instruction", body=BODY, **changes):
    now = scene.clock.now()
    signer = scene.desk._signer
    return await signer.sign(kind, CONTRACT, "FSP7", thread, body, now, valid_until=END, **changes)


async def kept(scene, *made):
    for sealed, _ in made:
        entry = sent_entry(sealed, scene.clock.now())
        await scene.store.write(lambda tx, entry=entry: tx.keep(entry))


async def test_a_first_revision_is_the_time_in_milliseconds(scene):
    scene.clock.advance(timedelta(milliseconds=789))
    sealed, header = await signed(scene, accept_by=BEGIN)
    assert header.revision == milliseconds(NOON) + 789
    assert (header.issuer, header.recipient, header.environment) == ("UKPN", "FSP7", "sandbox")
    assert header.issued_at == NOON  # whole seconds, as they are written
    assert header.accept_by == BEGIN
    assert verify(sealed.text, sealed.signatures, scene.office.register, NOON).suite == 1
    assert '"accept_by":"2026-11-24T16:30:00Z"' in sealed.text


@pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=-30), timedelta(days=-400)])
async def test_the_next_revision_is_higher_though_the_clock_is_not(scene, step):
    first = await signed(scene, accept_by=BEGIN)
    await kept(scene, first)
    scene.clock.advance(step)
    _, second = await signed(scene, accept_by=BEGIN)
    assert second.revision == first[1].revision + 1
    assert second.message_id != first[1].message_id
    scene.clock.set(NOON + timedelta(minutes=1))
    _, third = await signed(scene, accept_by=BEGIN)
    assert third.revision == milliseconds(NOON) + 60_000


async def test_a_stop_counts_in_the_thread_it_stops_and_other_threads_do_not(scene):
    first = await signed(scene, accept_by=BEGIN)
    await kept(scene, first)
    stop = {**BODY, "cease_at": "2026-11-24T16:40:00Z"}
    _, cease = await signed(scene, kind="cease", body=stop)
    assert cease.revision == first[1].revision + 1
    _, other = await signed(scene, thread="D2", accept_by=BEGIN)
    assert other.revision == milliseconds(NOON)


async def test_it_signs_with_the_suite_that_its_own_floor_asks_for(scene):
    await scene.office.raise_floor("UKPN", 2)
    sealed, header = await signed(scene, accept_by=BEGIN)
    assert (header.suite, len(sealed.signatures)) == (2, 2)
    assert verify(sealed.text, sealed.signatures, scene.office.register, NOON).suite == 2


async def test_what_may_not_be_signed_is_refused(scene):
    with pytest.raises(Refused, match="FLOAT_FORBIDDEN at /body/zone"):
        await signed(scene, body={**BODY, "zone": 1.5}, accept_by=BEGIN)
