"""Every flipped bit of a message is refused: all of suite 1, a sample of suite 2; `make soak` flips
all of both.
"""

import random
from pathlib import Path

import pytest

from tests.soak.bit_flips import DUE, campaign, flips, message, opened, refusals


def test_every_flipped_bit_of_a_suite_1_message_is_refused_as_is_due() -> None:
    payloads = message(1)
    assert opened(payloads) == ""
    every = list(flips(payloads))
    assert len(every) == 8 * sum(len(whole) for pair in payloads for whole in pair)
    found = refusals(payloads, every)
    assert found.total() == len(every)
    assert {what.partition(":")[0] for what in found} == set(DUE)


@pytest.mark.soak
def test_a_sample_of_the_flipped_bits_of_a_suite_2_message_is_refused() -> None:
    payloads = message(2)
    assert opened(payloads) == ""
    sample = random.Random(7).sample(list(flips(payloads)), 300)
    assert refusals(payloads, sample).total() == 300


def test_a_flip_that_is_taken_is_found() -> None:
    """A text that has no bit flipped stands for one whose flip did not matter."""
    payloads = message(1)
    (flip,) = random.Random(7).sample(list(flips(payloads)), 1)
    with pytest.raises(AssertionError, match="taken"):
        refusals(flip.of(payloads), [flip])


@pytest.mark.soak
def test_a_campaign_that_was_cut_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    campaign(tmp_path / "bit-flips", said.append, at_most=16)
    assert said[:2] == [
        "suite 1: 16 of 16 flips, all refused",
        "suite 1: 16 message type: MESSAGE_MISSING",
    ]
    again: list[str] = []
    campaign(tmp_path / "bit-flips", again.append, at_most=16)
    assert again == said
