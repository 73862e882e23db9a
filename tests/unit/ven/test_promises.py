"""For whom a dispatch is, and what an asset is spoken for."""

from datetime import timedelta

from tests.made import held, minute, period
from ukprofile.flex.dispatch import Thread
from ukprofile.receiving import Slot
from ven.promises import AskedBy, Promise, asked_by, spoken_for

NESO = {"origin": {"party": "NESO", "reference": "BOA-9"}, "priority": 2}


def test_a_variation_leaves_for_whom_it_is_as_it_was():
    instruction = held("instruction", 0, period(0, 60, 180), **NESO)
    variation = held("variation", 5, period(0, 60, 120))
    assert asked_by(Thread((instruction, variation))) == AskedBy("NESO", "BOA-9", 2)


def test_the_newest_that_says_it_counts_and_without_a_word_it_is_the_dsos():
    schedule = held("schedule", 0, period(0, 60, 180), **NESO)
    instruction = held("instruction", 5, period(0, 60, 180), priority=1)
    assert asked_by(Thread((schedule, instruction))) == AskedBy("DSO", "", 1)
    assert asked_by(Thread((held("cease", 6, **NESO),))) == AskedBy("DSO", "", None)


def promise(contract: str, watts: int, *assets: str) -> Promise:
    slot = Slot("UKPN", "FSP7", "sandbox", contract, "dispatch", "D1")
    return Promise(slot, contract, assets or ("A1",), (period(0, 60, 120, watts),))


def at(found, asset: str, when: int) -> int:
    return sum(x.delta_w for x in found.get(asset, ()) if x.start <= minute(when) < x.end)


def test_a_contracts_dispatches_use_up_its_own_reservation_and_no_others():
    found = spoken_for(
        [promise("C1", 300_000)],
        [promise("C1", 500_000), promise("C2", 100_000)],
        {},
        {},
        minute(0),
    )
    assert at(found, "A1", 60) == 600_000


def test_only_what_is_still_to_come_is_spoken_for_and_each_asset_for_its_share():
    found = spoken_for([promise("C1", 300_000, "A1", "A2")], [], {"A1": 2}, {}, minute(90))
    assert (at(found, "A1", 89), at(found, "A1", 90), at(found, "A2", 90)) == (0, 200_000, 100_000)
    assert found["A1"][0].end - found["A1"][0].start == timedelta(minutes=30)
