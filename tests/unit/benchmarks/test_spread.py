"""A row of measurements as figures."""

import pytest

from benchmarks.spread import Spread


def test_median_high_percentile_and_largest() -> None:
    assert Spread.of([0.3, 0.1, 0.2]) == Spread(3, 0.2, 0.3, 0.3)
    assert Spread.of(range(1, 201)) == Spread(200, 100.5, 198, 200)
    assert Spread.of([7.0]) == Spread(1, 7.0, 7.0, 7.0)


def test_of_nothing_there_are_no_figures() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])
