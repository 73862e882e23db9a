"""Unsigned events as entries: what replaces what, what lapses, and what nothing follows from."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ukprofile.mapping.test_draft import (
    HOUR,
    READ_AT,
    RELATIVE,
    SETPOINT,
    START,
    event,
    program,
    said,
)
from ukprofile.errors import Refused
from ukprofile.flex.dispatch import Thread
from ukprofile.receiving import Entry, MemoryLedger
from ukprofile.receiving.thread import thread_of
from ven.draft import Reader, entries_for, entry_when_gone, is_draft
from ven.fleet import Fleet
from ven.plan import dispatches

FLEET = Fleet(("ASS001", "ASS002"), {"AGRP001": ("ASS002",)})
READER = Reader("FSP7", "sandbox", FLEET)
MINUTE = timedelta(minutes=1)
NOW = {"intervalPeriod": {"start": "0000-00-00", "duration": "PT1H"}}
VOID = {"intervals": [said(0, ("SELF_DISPATCHED", False))]}


def asked(mw: float, *, firm: bool = True, **members: Any) -> dict[str, Any]:
    return {"intervals": [said(0, (SETPOINT, mw), ("SELF_DISPATCHED", firm))], **members}


class Held:
    """What is kept of one event, read again and again."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()

    def read(self, members: dict[str, Any], at: Any = READ_AT) -> list[tuple[str, str]]:
        """What follows from one look at the event: kind and verdict of each entry."""
        found = entries_for(self.ledger, event(**members), program(), READER, at)
        for entry in found:
            self.ledger.keep(entry)
        return [(e.kind, e.verdict) for e in found]

    @property
    def entries(self) -> list[Entry]:
        return list(self.ledger._entries.values())

    def gone(self, at: Any) -> None:
        if (entry := entry_when_gone(self.ledger, self.entries[-1], at)) is not None:
            self.ledger.keep(entry)

    def thread(self) -> Thread:
        return thread_of(self.ledger, self.entries[-1].slot)

    def plan(self) -> list[tuple[int, int, int]]:
        """What is to run: minutes after 04:00 from and to, watts."""
        return [
            (int((p.start - START).total_seconds()) // 60, int((p.end - START).total_seconds()) // 60, p.level_w)
            for one in dispatches(self.ledger, ["draft:P1"], READ_AT)
            for p in one.periods
        ]  # fmt: skip


@pytest.fixture
def held():
    return Held()


def test_polls_of_an_unchanged_event_are_silent(held):
    assert held.read(asked(1.2)) == [("instruction", "act")]
    for minutes in range(3):
        again = {**asked(1.2), "eventName": f"renamed {minutes}", "priority": minutes}
        assert held.read(again, READ_AT + minutes * MINUTE) == []
    assert held.plan() == [(0, 60, 1_200_000)]
    (entry,) = held.entries
    assert is_draft(entry.slot)
    assert (entry.signatures, entry.verified_at, entry.answer) == ((), None, "")


def test_an_update_replaces(held):
    held.read(asked(1.2))
    assert held.read(asked(0.7), READ_AT + MINUTE) == [("instruction", "act")]
    assert held.plan() == [(0, 60, 700_000)]
    more = {"start": "2025-04-12T04:10:00Z", "duration": "PT2H"}
    held.read(asked(2, intervalPeriod=more), START + MINUTE)  # more than before is no question
    assert held.plan() == [(10, 130, 2_000_000)]


def test_information_runs_once_it_is_confirmed_before_its_start(held):
    assert held.read(asked(1.2, firm=False)) == [("schedule", "act")]
    assert held.plan() == []
    assert held.read(asked(1.2), START - MINUTE) == [("instruction", "act")]
    assert held.plan() == [(0, 60, 1_200_000)]


def test_information_lapses_at_its_start_whatever_comes_later(held):
    held.read(asked(1.2, firm=False))
    assert held.read(asked(1.2), START) == [("instruction", "late")]
    assert held.read(asked(1.2), START + MINUTE) == []
    assert held.read(asked(1.3), START + MINUTE) == [("instruction", "late")]
    assert held.plan() == []


def test_what_lapsed_may_be_given_another_start(held):
    held.read(asked(1.2, firm=False))
    held.read(asked(1.2), START)
    later = {"start": "2025-04-12T06:00:00Z", "duration": "PT1H"}
    assert held.read(asked(1.2, intervalPeriod=later), START + HOUR) == [("instruction", "act")]
    assert held.plan() == [(120, 180, 1_200_000)]
    assert held.entries[-1].slot.thread == "E1-2"


def test_what_was_firm_and_is_information_again_runs_no_more(held):
    held.read(asked(1.2))
    said_so = held.read(asked(1.2, firm=False), READ_AT + MINUTE)
    assert said_so == [("cancellation", "act"), ("schedule", "act")]
    assert held.plan() == []
    assert held.read(asked(1.2), READ_AT + 2 * MINUTE) == [("instruction", "act")]
    assert held.plan() == [(0, 60, 1_200_000)]


@pytest.mark.parametrize(
    "void", [VOID, asked(1.2, intervalPeriod={"start": "0001-01-01", "duration": "PT0S"})]
)
def test_the_void_form_cancels_before_the_start_and_ceases_after_it(void):  # fmt: skip
    for at, left in ((START - MINUTE, []), (START + 5 * MINUTE, [(0, 5, 1_200_000)])):
        held = Held()
        held.read(asked(1.2))
        assert held.read(void, at) == [("cancellation", "act")]
        assert held.read(void, at + MINUTE) == []
        assert held.plan() == left


def test_a_void_event_that_never_was_a_dispatch_is_nothing(held):
    assert held.read(VOID) == []
    assert held.entries == []


def test_a_deleted_event_is_cancelled_and_one_that_comes_back_runs(held):
    held.read(asked(1.2))
    held.gone(START + 5 * MINUTE)
    held.gone(START + 6 * MINUTE)
    assert held.plan() == [(0, 5, 1_200_000)]
    assert held.read(asked(1.2), START + 10 * MINUTE) == [("instruction", "act")]
    assert held.plan() == [(0, 5, 1_200_000), (0, 60, 1_200_000)]
    held.gone(START + 2 * HOUR)  # over: nothing is left to cancel
    assert [e.kind for e in held.entries] == ["instruction", "cancellation", "instruction"]


def test_do_it_now_begins_when_it_was_first_read_and_never_again(held):
    at = START + 7 * MINUTE
    assert held.read(asked(1, **NOW), at) == [("instruction", "act")]
    assert held.read(asked(1, **NOW), at + MINUTE) == []
    assert held.read(asked(2, **NOW), at + 20 * MINUTE) == [("instruction", "act")]
    assert held.plan() == [(7, 67, 2_000_000)]
    # once it is over, "now" is another moment
    assert held.read(asked(3, **NOW), at + 2 * HOUR) == [("instruction", "act")]
    assert held.plan() == [(7, 67, 2_000_000), (127, 187, 3_000_000)]


def test_what_is_over_when_it_is_first_read_never_runs(held):
    assert held.read(asked(1.2), START + HOUR) == [("schedule", "expired")]
    assert held.read(asked(1.2), START + HOUR) == []
    assert held.plan() == []


def test_what_is_read_late_starts_late(held):
    assert held.read(asked(1.2), START + MINUTE) == [("instruction", "act")]
    assert held.plan() == [(0, 60, 1_200_000)]


@pytest.mark.parametrize(
    ("named", "assets"),
    [
        ((), ["ASS001", "ASS002"]),
        ((("ASSET_ID", "ASS001"),), ["ASS001"]),
        ((("ASSET_GRP", "AGRP001"),), ["ASS002"]),
        ((("ASSET_ID", "ASS001"), ("ASSET_GRP", "theirs")), ["ASS001"]),
    ],
)
def test_which_assets(held, named, assets):
    held.read({"intervals": [said(0, *named, (RELATIVE, 1), ("SELF_DISPATCHED", True))]})
    assert [a["asset_id"] for a in held.thread().standing[-1].body["assets"]] == assets


@pytest.mark.parametrize("named", [("ASSET_ID", "ASS009"), ("ASSET_GRP", "AGRP009")])
def test_assets_that_are_none_of_mine_are_refused_and_what_ran_runs_on(held, named):
    held.read(asked(1.2))
    with pytest.raises(Refused) as refused:
        held.read({"intervals": [said(0, named, (SETPOINT, 2), ("SELF_DISPATCHED", True))]})
    assert refused.value.reason == "ASSET_UNKNOWN"
    assert held.plan() == [(0, 60, 1_200_000)]


def test_long_ids_have_names_of_their_own():
    ledger = MemoryLedger()
    for name in ("A" * 128, "A" * 127 + "B"):
        (entry,) = entries_for(ledger, event(id=name, **asked(1)), program(), READER, READ_AT)
        ledger.keep(entry)
    threads = {e.slot.thread for e in ledger._entries.values()}
    assert len(threads) == 2
    assert all(len(thread) <= 64 for thread in threads)


LOOKS = st.lists(
    st.tuples(
        st.sampled_from(["void", "gone", "same", 1, 2, 3]), st.integers(0, 59), st.booleans()
    ),
    min_size=1,
    max_size=8,
)


@given(LOOKS)
def test_the_level_is_that_of_the_last_look_however_often_it_changed(looks):
    """Looks at minutes of the hour from 04:00 on; each may be repeated at once."""
    held, due = Held(), 0
    for what, minute, again in sorted(looks, key=lambda look: look[1]):
        at = START + minute * MINUTE
        for _ in range(1 + again):
            if what == "gone" and held.entries:
                held.gone(at)
            elif what == "void":
                held.read(VOID, at)
            elif isinstance(what, int):
                held.read(asked(what), at)
        if what != "same":
            due = what * 1_000_000 if isinstance(what, int) else 0
    found = dispatches(held.ledger, ["draft:P1"], READ_AT)
    running = [p.level_w for one in found for p in one.periods if p.start <= at < p.end]
    assert running == ([due] if due else [])
