"""What an FSP answers to what it is asked: yes, less, or no. Pure, and to be replaced.

    asked ─┐
    promised ─┤ fits? ─▶ accept
    forecast ─┘  no ──▶ less of it, or later: the most that fits, within the contract ─▶ partial
                            nothing that the contract allows fits ─▶ refuse

An FSP with a mind of its own writes a class with one method, `answer`, and names it in the
settings: `policy = "mymodule:MyPolicy"`.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from ukprofile.errors import ProfileError
from ukprofile.flex.answer import Answer
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period
from ven.device.ability import Ability, Load, fits
from ven.plan import share

_LATER = timedelta(minutes=5)
_COARSE_W = 1000
"""What is offered instead is whole kilowatts."""


class PolicyError(ProfileError):
    """The policy that the settings name cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of some assets, and all there is to know about it.

    `whole` = only yes or no is possible (an increase). `promised` are the loads of each asset by
    everything that was accepted or confirmed besides; `forecasts` what each could do if nothing
    were asked of it.
    """

    periods: tuple[Period, ...]
    assets: tuple[str, ...]
    terms: ContractTerms | None
    weights: Mapping[str, int]
    promised: Mapping[str, tuple[Load, ...]]
    forecasts: Mapping[str, Sequence[Ability]]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer; `periods` with partial, a `reason` with everything but accept."""

    answer: Answer
    periods: tuple[Period, ...] = ()
    reason: str = ""


class Policy(Protocol):
    """Decides what the FSP answers."""

    def answer(self, asked: Asked) -> Reply:
        """Accept, accept in part within the contract's limits, or refuse."""
        ...


class Always:
    """Accepts everything: somebody else has made sure of it."""

    def answer(self, _asked: Asked) -> Reply:
        return Reply("accept")


class Able:
    """Accepts what the devices can do, else the most of it that the contract allows."""

    def answer(self, asked: Asked) -> Reply:
        if able(asked, asked.periods):
            return Reply("accept")
        if not asked.whole and asked.terms is not None:
            found = max(_instead(asked, asked.terms), key=_energy, default=())
            if found:
                return Reply("partial", found, "CAPACITY")
        return Reply("refuse", reason="UNAVAILABLE" if _idle(asked) else "CAPACITY")


def able(asked: Asked, periods: Sequence[Period]) -> bool:
    """Whether every asset could do its share of `periods`, beside what is promised."""
    return all(
        fits(
            asked.forecasts.get(asset, ()),
            loads_of(asked, periods, asset),
            asked.promised.get(asset, ()),
            None if asked.terms is None else asked.terms.ramp,
        )
        for asset in asked.assets
    )


def _idle(asked: Asked) -> bool:
    """Whether some asset can do nothing at all in some of the time asked."""
    return any(
        step.least_w == step.most_w == 0
        for asset in asked.assets
        for step in asked.forecasts.get(asset, ())
        for period in asked.periods
        if step.start < period.end and period.start < step.end
    )


def loads_of(asked: Asked, periods: Sequence[Period], asset: str) -> tuple[Load, ...]:
    """What one asset would have to do: its share of each period, against its baseline."""
    return part_of(periods, asked.assets, asset, asked.weights, asked.forecasts.get(asset, ()))


def part_of(
    periods: Sequence[Period],
    assets: Sequence[str],
    asset: str,
    weights: Mapping[str, int],
    forecast: Sequence[Ability] = (),
) -> tuple[Load, ...]:
    """One asset's loads in a dispatch over several; a set-point is measured by the forecast."""
    weight = [weights.get(one, 1) for one in assets]
    mine = list(assets).index(asset)
    found: list[Load] = []
    for period in periods:
        if period.delta_w is not None:
            found.append(Load(period.start, period.end, share(period.delta_w, weight)[mine]))
        else:
            found += _against_baseline(
                period, share(period.setpoint_w or 0, weight)[mine], forecast
            )
    return tuple(found)


def _against_baseline(
    period: Period, setpoint_w: int, forecast: Sequence[Ability]
) -> Iterator[Load]:
    """A set-point as changes, which differ where the baseline does; unforeseen it stands as 0."""
    reached = period.start
    for step in forecast:
        start, end = max(reached, step.start), min(period.end, step.end)
        if start < end:
            if reached < start:
                yield Load(reached, start, setpoint_w)
            yield Load(start, end, setpoint_w - step.baseline_w)
            reached = end
    if reached < period.end:
        yield Load(reached, period.end, setpoint_w)


def _instead(asked: Asked, terms: ContractTerms) -> Iterator[tuple[Period, ...]]:
    """What could be run instead: as much as fits, at each start that the contract allows."""
    delay = timedelta(0)
    while delay <= terms.most_start_delay:
        begun = _begun_later(asked.periods, delay)
        if begun and begun[-1].end - begun[0].start >= terms.least_run:
            most = _most(asked, begun, terms)
            if most:
                yield most
        delay += _LATER


def _begun_later(periods: Sequence[Period], delay: timedelta) -> tuple[Period, ...]:
    """The periods without the first `delay` of the first one; () where nothing is left of it."""
    first = replace(periods[0], start=periods[0].start + delay)
    return (first, *periods[1:]) if first.start < first.end else ()


def _most(asked: Asked, periods: tuple[Period, ...], terms: ContractTerms) -> tuple[Period, ...]:
    """The highest level, in whole kW, at which the periods fit: found by halving."""
    levels = [abs(p.delta_w or 0) for p in periods]
    if min(levels) < terms.least_power_w:
        return ()
    low, high = _least(terms), max(levels) // _COARSE_W
    if not able(asked, _capped(periods, low * _COARSE_W)):
        return ()
    while low < high:
        middle = (low + high + 1) // 2
        if able(asked, _capped(periods, middle * _COARSE_W)):
            low = middle
        else:
            high = middle - 1
    return _capped(periods, low * _COARSE_W)


def _least(terms: ContractTerms) -> int:
    """The lowest level, in kW, that the contract takes."""
    return max(1, -(-terms.least_power_w // _COARSE_W))


def _capped(periods: Sequence[Period], watts: int) -> tuple[Period, ...]:
    return tuple(
        replace(p, delta_w=max(-watts, min(watts, p.delta_w))) if p.delta_w else p for p in periods
    )


def _energy(periods: Sequence[Period]) -> float:
    return sum(abs(p.delta_w or 0) * (p.end - p.start).total_seconds() for p in periods)


_BY_NAME: Mapping[str, type[Policy]] = {"able": Able, "accept": Always}


def policy_named(name: str) -> Policy:
    """`able`, `accept`, or `module:Class` of the FSP's own. Raises PolicyError."""
    if name in _BY_NAME:
        return _BY_NAME[name]()
    module, colon, attribute = name.partition(":")
    if not colon:
        known = ", ".join(_BY_NAME)
        raise PolicyError(f"there is no policy {name!r}: {known}, or module:Class")
    try:
        made = getattr(importlib.import_module(module), attribute)()
    except Exception as error:
        raise PolicyError(f"the policy {name} cannot be made: {error!r}") from error
    if not callable(getattr(made, "answer", None)):
        raise PolicyError(f"the policy {name} has no method answer(asked)")
    policy: Policy = made
    return policy
