"""Where texts stand in time, and what became of each, whatever order they are held in."""

from dataclasses import replace
from itertools import permutations

from tests.made import header, held, minute, period
from tests.unit.ukprofile.flex.test_course import acknowledges, answer, status
from ukprofile.flex.happenings import happenings

RUN = period(0, 60, 180)
FIRST, SECOND = held("instruction", 0, RUN), held("variation", 10, RUN)
STOP = held("cancellation", 50)


def test_every_text_stands_once_where_it_was_signed_for() -> None:
    word = status(95, FIRST, at=90, state="executing")
    early = status(95, SECOND, at=5, state="executing")
    texts, answers = (FIRST, SECOND, FIRST), (word, early, word)
    found = [(h.held, h.at) for h in happenings(texts, answers)]
    assert found == [
        (FIRST, minute(0)),
        (SECOND, minute(10)),
        (early, minute(10)),
        (word, minute(90)),
    ]


def test_the_order_in_one_second_is_that_of_the_slot_and_then_the_answers() -> None:
    newer = replace(FIRST, sha256="b" * 64, header=header("instruction", 0, revision=2 * 10**12))
    stop = replace(STOP, header=header("cancellation", 0))
    reply = answer("response", 0, FIRST, answer="accept")
    expected = [FIRST, newer, stop, reply]
    for texts in permutations((FIRST, newer, stop)):
        assert [h.held for h in happenings(texts, [reply])] == expected


def test_only_a_cancellation_that_was_acknowledged_later_stands_twice() -> None:
    cease = held("cease", 50, cease_at="2026-11-24T16:40:00Z")
    for stop, times in ((STOP, [50, 60]), (cease, [50])):
        found = happenings([stop], [acknowledges(60, stop)])
        assert [h.at for h in found] == [minute(n) for n in times]
    assert [h.at for h in happenings([STOP], [acknowledges(40, STOP)])] == [minute(40)]


def test_no_clock_that_runs_slow_brings_a_text_before_one_that_it_follows() -> None:
    for text in (SECOND, STOP):
        slow = [acknowledges(-15, text)]
        assert [h.held for h in happenings([text, FIRST], slow)] == [FIRST, text]
        both = [acknowledges(-20, FIRST), *slow]
        assert [h.at for h in happenings([text, FIRST], both)] == [minute(-20), minute(-15)]
    later = replace(FIRST, sha256="c" * 64, header=header("instruction", 55))
    found = happenings([later, STOP], [acknowledges(40, STOP)])
    assert [h.at for h in found] == [minute(40), minute(55)], "a stop follows what was said by then"
    cease = held("cease", 55, cease_at="2026-11-24T16:40:00Z")
    found = happenings([STOP, cease], [acknowledges(60, STOP)])
    assert [h.at for h in found] == [minute(50), minute(55), minute(60)]


def test_of_several_acknowledgements_the_first_stands() -> None:
    refused = acknowledges(1, FIRST, decided="refused")
    received = acknowledges(2, FIRST)
    for answers in ([refused, received], [received, refused]):
        (found,) = happenings([FIRST], answers)
        assert (found.decided, found.acknowledged_at) == ("refused", minute(1))


def test_what_shows_that_a_text_was_taken_up() -> None:
    shown = {
        "nothing": [],
        "a refusal": [acknowledges(1, FIRST, decided="refused")],
        "a late one": [acknowledges(1, FIRST, decided="late")],
        "a response": [answer("response", 1, FIRST, answer="accept")],
        "an acknowledgement of a stop": [acknowledges(55, STOP)],
        "an acknowledgement": [acknowledges(1, FIRST)],
        "one of a later text": [acknowledges(11, SECOND)],
        "a word": [status(60, FIRST, at=60, state="executing")],
        "a word about the stop": [status(60, STOP, at=60, state="ceased")],
        "a report": [answer("post_action", 300, FIRST)],
    }
    taken = [what for what, answers in shown.items() if _taken_up(answers)]
    assert taken == [*shown][5:]
    by_earlier = happenings([FIRST, SECOND], [acknowledges(1, FIRST)])
    assert [(h.taken_up, h.earlier_held) for h in by_earlier] == [(True, False), (False, True)]


def _taken_up(answers) -> bool:
    return happenings([FIRST, SECOND, STOP], answers)[0].taken_up


def test_an_answer_to_what_is_not_held_says_nothing_yet() -> None:
    assert happenings([FIRST], [status(60, SECOND, at=60, state="executing")])[1:] == []
