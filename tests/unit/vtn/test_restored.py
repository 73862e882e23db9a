"""What a restored store knows of its gaps: revisions that nobody used, texts that were lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ven.dso import CONTRACT, NOON
from tests.unit.vtn.scene import scene_on
from ukprofile.flex.header import Reference, uuid7
from ukprofile.flex.times import milliseconds
from ukprofile.receiving import Slot
from vtn.domain.restored import Gap, Lost, Restored, learn_lost, put_restored, read_restored

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
GAP = Gap(NOON - HOUR, NOON)
D1 = Slot("UKPN", "FSP7", "sandbox", CONTRACT, "dispatch", "D1")


def lost(revision, thread="D1", sha256="ab", learned_at=NOON):
    slot = Slot("UKPN", "FSP7", "sandbox", CONTRACT, "dispatch", thread)
    return Lost(slot, revision, sha256, learned_at)


def test_a_store_that_was_never_restored_has_forgotten_nothing():
    restored = Restored()
    assert not restored.forgot(milliseconds(NOON))
    assert restored.floor(CONTRACT, "D1") == 0


@given(st.integers(0, 3600), st.integers(0, 30))
def test_a_new_revision_stands_above_all_that_can_have_been_used_in_a_gap(before, ahead):
    """Signed `before` the restore, by a desk that spoke `ahead` of its clock; in seconds."""
    used = milliseconds(NOON + timedelta(seconds=ahead - before))
    floor = Restored((GAP,)).floor(CONTRACT, "D1")
    assert used < floor
    assert floor - milliseconds(NOON) <= 60_000  # REVISION_WINDOW, profile 2 Receiving 4


@pytest.mark.parametrize(
    ("when", "there"),
    [
        (NOON - HOUR - 61 * SECOND, False),
        (NOON - HOUR - 59 * SECOND, True),
        (NOON + 59 * SECOND, True),
        (NOON + 61 * SECOND, False),
    ],
)
def test_what_lies_in_a_gap_may_have_been_minted_there(when, there):
    restored = Restored((GAP,))
    assert restored.forgot(milliseconds(when)) is there
    assert restored.forgot_event(f"UKPN-{uuid7(when, bytes)}") is there


@pytest.mark.parametrize("name", ["", "no-such-event", "UKPN-2f1b8c5e-1111-4222-8333-444455556666"])
def test_an_id_that_is_none_of_this_vtns_was_not_made_in_a_gap(name):
    assert not Restored((Gap(datetime(1970, 1, 1, tzinfo=UTC), NOON),)).forgot_event(name)


def test_of_a_thread_its_newest_lost_text_is_remembered_and_others_have_their_own():
    restored = Restored((GAP,)).learn(lost(5)).learn(lost(7, sha256="cd")).learn(lost(6))
    assert restored.lost == (lost(7, sha256="cd"),)
    both = restored.learn(lost(3, "D2"))
    assert len(both.lost) == 2
    assert both.answered(Reference(7, "cd", "D1")) == lost(7, sha256="cd")
    assert both.answered(Reference(7, "ef", "D1")) is None


def test_the_next_revision_stands_above_a_lost_one_however_far_ahead_it_is():
    far = milliseconds(NOON + 5 * HOUR)
    restored = Restored((GAP,)).learn(lost(far))
    assert restored.floor(CONTRACT, "D1") == far + 1
    assert restored.floor(CONTRACT, "D2") == milliseconds(NOON + 40 * SECOND)
    assert restored.floor("UKPN:OTHER", "D1") == milliseconds(NOON + 40 * SECOND)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_it_is_kept_in_the_store_and_read_again(kind):
    async with scene_on(kind) as scene:
        assert await scene.store.read(read_restored) == Restored()
        await scene.store.write(lambda tx: put_restored(tx, Restored((GAP,))))
        await scene.store.write(lambda tx: learn_lost(tx, [lost(5), lost(8, "D2")]))
        assert await scene.store.read(read_restored) == Restored((GAP,), (lost(5), lost(8, "D2")))
