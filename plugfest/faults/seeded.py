"""What the proxies share: chance that can be repeated, and a line for each fault that struck."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=str)


def check_odds(odds: Iterable[float]) -> None:
    """Raise ValueError unless these chances are of things that exclude each other."""
    chances = tuple(odds)
    if min(chances) < 0 or sum(chances) > 1:
        raise ValueError("the odds of all faults together lie between 0 and 1")


def drawn(random: Random, odds: Mapping[Kind, float]) -> Kind | None:
    """One of the kinds, as often as its chance (0 to 1) says; None for the rest of the times."""
    left = random.random()
    for kind, chance in odds.items():
        if left < chance:
            return kind
        left -= chance
    return None


def write_down(struck: list[dict[str, Any]], log: Path | None, entry: dict[str, Any]) -> None:
    """Remember a fault that struck, and add its JSON line to `log`."""
    struck.append(entry)
    if log is not None:
        with log.open("a") as file:
            file.write(json.dumps(entry) + "\n")
