"""The board: what it says after any number of changes is what all of it together would say."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from tests.made import minute, period
from ukprofile.flex.common import Asset
from ukprofile.receiving import Slot
from vtn.domain.alarm import Cause, concern
from vtn.domain.board import Board
from vtn.domain.clashes import Absence, Claim, overlaps, touched
from vtn.domain.concerns import Found

NOW = minute(0)


def slot(number: int, provider: str = "FSP7") -> Slot:
    return Slot("UKPN", provider, "sandbox", f"UKPN:{provider}", "dispatch", f"D{number}")


def found(number: int, provider: str, start: int, length: int, assets, look_at: int | None):
    mine = slot(number, provider)
    runs = (period(0, start, start + length),)
    claim = Claim(mine, number, tuple(map(Asset, assets)), runs, "DSO", None, NOW)
    told = (concern(mine, Cause.COUNTERED, number, NOW, "decide"),) if number % 2 else ()
    return mine, Found(told, None if look_at is None else minute(look_at), claim)


def absence(provider: str, start: int, asset: str) -> Absence:
    said = Slot(provider, "UKPN", "sandbox", f"UKPN:{provider}", "unavailability", "U1")
    span = ((minute(start), minute(start + 2)),)
    return Absence(Cause.UNAVAILABLE, said, 1, said.program, frozenset([asset]), span, "", NOW)


ASSETS = ("A1", "A2", "A3")
PROVIDERS = ("FSP7", "FSP8")
a_dispatch = st.builds(
    found,
    st.integers(1, 4),
    st.sampled_from(PROVIDERS),
    st.integers(0, 6),
    st.integers(1, 4),
    st.lists(st.sampled_from(ASSETS), min_size=1, max_size=2, unique=True),
    st.none() | st.integers(1, 9),
)
it_is_over = st.builds(
    lambda n, provider: (slot(n, provider), Found()), st.integers(1, 4), st.sampled_from(PROVIDERS)
)
an_absence = st.builds(
    lambda provider, some: (provider, tuple(some)),
    st.sampled_from(PROVIDERS),
    st.lists(
        st.builds(absence, st.just("FSP7"), st.integers(0, 8), st.sampled_from(ASSETS)),
        max_size=1,
    ),
)
a_change = st.tuples(
    st.lists(a_dispatch | it_is_over, max_size=3).map(dict),
    st.lists(an_absence, max_size=1).map(dict),
)


def all_together(dispatches, absences, now: datetime):
    """What there is to say, thought out anew from everything."""
    claims = [f.claim for f in dispatches.values() if f.claim is not None]
    told = [c for f in dispatches.values() for c in f.concerns]
    for claim in claims:
        told += overlaps(claim, [c for c in claims if c is not claim], now)
        told += touched(claim, absences.get(claim.slot.recipient, ()), now)
    return {c.key: c for c in told}


@given(st.lists(a_change, max_size=6))
def test_what_it_says_after_any_changes_is_what_all_of_it_together_would_say(changes) -> None:
    board, dispatches, absences = Board(), {}, {}
    for dispatch, absent in changes:
        board.put(dispatch, absent, NOW)
        dispatches |= dispatch
        absences |= absent
        assert board.concerns() == all_together(dispatches, absences, NOW)
        moments = [f.look_at for f in dispatches.values() if f.look_at is not None]
        assert (board.next() is None) <= (not moments)
        assert all(board.next() <= when for when in moments)
    for name in PROVIDERS:
        assert board.knows(name) == (name in absences)
        program = f"UKPN:{name}"
        assert board.of(program) == {
            s for s, f in dispatches.items() if s.program == program and f != Found()
        }


def test_an_overlap_is_looked_at_again_when_a_shared_time_may_be_over() -> None:
    board = Board()
    board.put(dict([found(1, "FSP7", 1, 4, ["A1"], 9), found(2, "FSP8", 2, 5, ["A1"], 8)]), {}, NOW)
    assert board.next() == minute(5)
    assert {s.thread for s in board.due(minute(5))} == {"D1", "D2"}
    assert {s.thread for s in board.due(minute(9))} == {"D1", "D2"}
    assert board.due(minute(4)) == set()
    late = dict([found(2, "FSP8", 2, 5, ["A1"], 8)])
    board.put(late, {}, minute(5))
    assert [c.cause for c in board.concerns().values()] == [Cause.COUNTERED]


def test_the_younger_of_two_is_thought_of_again_when_the_older_ends() -> None:
    board = Board()
    board.put(dict([found(2, "FSP7", 1, 4, ["A1"], 9), found(4, "FSP8", 2, 5, ["A1"], 9)]), {}, NOW)
    assert [c.thread for c in board.concerns().values()] == ["D4"]
    board.put({slot(2): Found()}, {}, NOW)
    assert board.concerns() == {}


def test_an_absence_touches_what_is_dispatched_after_it_until_that_is_over() -> None:
    board = Board()
    board.put({}, {"FSP7": (absence("FSP7", 1, "A1"), absence("FSP7", 4, "A1"))}, NOW)
    mine = dict([found(2, "FSP7", 1, 7, ["A1"], 20)])
    board.put(mine, {}, minute(2))
    assert [c.cause for c in board.concerns().values()] == [Cause.UNAVAILABLE]
    assert board.next() == minute(3)
    board.put(mine, {}, minute(4))
    assert board.next() == minute(6)
    board.put(mine, {}, minute(6))
    assert board.concerns() == {}
    board.put({slot(2): Found()}, {}, NOW)
    assert board.next() is None


def test_what_is_over_is_forgotten() -> None:
    board = Board()
    board.put(dict([found(1, "FSP7", 1, 4, ["A1"], 9)]), {}, NOW)
    board.put({slot(1): Found()}, {}, NOW)
    assert board.concerns() == {}
    assert board.next() is None
    assert not board._on
