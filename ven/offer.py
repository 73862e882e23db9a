"""What an FSP offers when a market is asked. Pure.

    request     ├──────────────────────────────┤  +2.0 MW at Hendon Way, 16:30-18:30
    contract    ──────────────────────────┐       its life and its windows
    able            ┌───────┐      ┌──────┘       every asset, beside what is promised, reserved
                ────┘       └──────┘              and offered elsewhere
    offered         ├ 1.5 MW ┤     ├ 0.8 ─┤       each span at one level, held to its end

Levels are whole kilowatts, never more than was asked for, nor than the contract's capacity. A span
too short for a run, or a level under min_offer_w, is not offered. Of the assets those are offered
together that can do the most so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from ukprofile.flex.common import Price
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period
from ukprofile.flex.offer import Availability, OfferedAsset, OfferedPeriod
from ukprofile.flex.request import Request
from ven.device.ability import Ability, Load
from ven.policy import Asked, able

_KW = 1000
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Nature:
    """What an asset is, as offers say it (requirement A7): make and model, its energy source by
    the list of licence condition 31E, and grams of CO2 equivalent for each kWh.
    """

    asset_class_id: str
    energy_source: str
    ghg_g_per_kwh: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms this FSP offers: its price, what its assets are, and how sure it is.

    `price` None = each contract's own. `natures` are those of assets that differ from the usual
    one.
    """

    price: Price | None
    asset_class_id: str
    energy_source: str
    natures: Mapping[str, Nature] = field(default_factory=dict)
    confidence_percent: int | None = None

    def nature(self, asset_id: str) -> Nature:
        usual = Nature(self.asset_class_id, self.energy_source)
        return self.natures.get(asset_id, usual)


def offer(
    request: Request,
    contract: ContractTerms,
    terms: Terms,
    weights: Mapping[str, int],
    promised: Mapping[str, tuple[Load, ...]],
    forecasts: Mapping[str, Sequence[Ability]],
) -> Availability | None:
    """The offer to `request` under one contract; None where too little could be done, or where
    nobody has said at what price.
    """
    price = terms.price or contract.price
    if price is None:
        return None
    spans = open_spans(contract, request.start, request.end)
    everything = Asked((), (), contract, weights, promised, forecasts)
    capable = [
        asset_id
        for asset_id in sorted(contract.asset_ids)
        if any(_runs(replace(everything, assets=(asset_id,)), spans, _sign(request) * _KW))
    ]
    choices = [tuple(capable), *((one,) for one in capable)] if capable else []
    offered = [(_periods(replace(everything, assets=c), request, spans), c) for c in choices]
    periods, assets = max(offered, key=lambda found: _energy(found[0]), default=((), ()))
    if not periods:
        return None
    return Availability(
        contract_id=contract.contract_id,
        zone=contract.zone,
        assets=tuple(_offered(one, contract, terms) for one in assets),
        periods=tuple(_offered_period(period, contract) for period in periods),
        price=price,
        dispatch_type=request.dispatch_type,
        confidence_percent=terms.confidence_percent,
    )


def size(body: Availability) -> float:
    """How much is offered, in watt-seconds: of two offers the larger serves both ends better."""
    return _energy(tuple(Period(0, p.start, p.end, p.delta_w) for p in body.periods))


def _energy(periods: Sequence[Period]) -> float:
    return sum(abs(p.level_w) * (p.end - p.start).total_seconds() for p in periods)


def open_spans(contract: ContractTerms, start: datetime, end: datetime) -> list[Span]:
    """What of `start <= t < end` lies in the contract's life and windows; touching ones joined."""
    start, end = max(start, contract.valid_from), min(end, contract.valid_to)
    day, found = (start - timedelta(days=2)).date(), list[Span]()
    while day <= end.date():
        windows = (window.on(day) for window in contract.windows)
        found += [span for span in windows if span is not None]
        day += timedelta(days=1)
    clipped = ((max(a, start), min(b, end)) for a, b in sorted(found))
    return _joined([span for span in clipped if span[0] < span[1]])


def _joined(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _periods(asked: Asked, request: Request, spans: Sequence[Span]) -> tuple[Period, ...]:
    """Each span that can be run, as high as it can be held beside the ones before it."""
    assert asked.terms is not None
    least = max(1, -(-(request.min_offer_w or 0) // _KW))
    most = min(abs(request.delta_w), asked.terms.capacity_w) // _KW
    found: tuple[Period, ...] = ()
    for start, end in _runs(asked, spans, _sign(request) * least * _KW):
        if end - start < asked.terms.least_run:
            continue
        bare = Period(len(found), start, end)
        level = _highest(asked, found, bare, _sign(request), most)
        if level >= least:
            found = (*found, replace(bare, delta_w=_sign(request) * level * _KW))
    return found


def _runs(asked: Asked, spans: Sequence[Span], watts: int) -> list[Span]:
    """Where each stretch by itself can hold `watts`."""
    found: list[Span] = []
    for start, end in spans:
        inside = (e for e in _edges(asked) if start < e < end)
        cuts = pairwise((start, *inside, end))
        found += [(a, b) for a, b in cuts if able(asked, (Period(0, a, b, watts),))]
    return _joined(found)


def _edges(asked: Asked) -> list[datetime]:
    """Where what can be done changes: not at each step of a forecast that says the same again."""
    found = set()
    for asset_id in asked.assets:
        steps = asked.forecasts.get(asset_id, ())
        found |= {load.start for load in asked.promised.get(asset_id, ())}
        found |= {load.end for load in asked.promised.get(asset_id, ())}
        found |= {edge for step in (*steps[:1], *steps[-1:]) for edge in (step.start, step.end)}
        for one, other in pairwise(steps):
            if (one.least_w, one.most_w, one.end) != (other.least_w, other.most_w, other.start):
                found |= {one.end, other.start}
    return sorted(found)


def _highest(asked: Asked, before: tuple[Period, ...], bare: Period, sign: int, most: int) -> int:
    """The highest level in kW, up to `most`, that can be held to the end; 0 = none."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if able(asked, (*before, replace(bare, delta_w=sign * middle * _KW))):
            low = middle
        else:
            high = middle - 1
    return low


def _sign(request: Request) -> int:
    return 1 if request.delta_w > 0 else -1


def _offered(asset_id: str, contract: ContractTerms, terms: Terms) -> OfferedAsset:
    nature = terms.nature(asset_id)
    return OfferedAsset(
        asset_id=asset_id,
        asset_class_id=nature.asset_class_id,
        energy_source=nature.energy_source,
        asset_group_id=next(a.asset_group_id for a in contract.assets if a.asset_id == asset_id),
        ghg_g_per_kwh=nature.ghg_g_per_kwh,
    )


def _offered_period(period: Period, contract: ContractTerms) -> OfferedPeriod:
    assert period.delta_w is not None
    return OfferedPeriod(
        start=period.start,
        end=period.end,
        delta_w=period.delta_w,
        max_run_s=int((period.end - period.start).total_seconds()),
        notice_s=contract.notice_s,
    )
