"""A row of measurements, as figures that a person compares."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """How many, and how they lie. The 99th percentile is one that was measured: of fewer than a
    hundred, the largest.
    """

    n: int
    median: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value. Raises ValueError of none."""
        if not values:
            raise ValueError("nothing was measured")
        ordered = sorted(values)
        p99 = ordered[ceil(0.99 * len(ordered)) - 1]
        return cls(len(ordered), *(round(v, 3) for v in (median(ordered), p99, ordered[-1])))
