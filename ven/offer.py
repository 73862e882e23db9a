"""What an FSP offers when a market is asked. Pure, over the journal.

    request: +2.0 MW at Hendon Way, 16:30-18:30, respond by 12:00
       │  a contract of ours for that zone and product, devices that could, a price
       ▼
    availability: +1.5 MW, 16:30-18:30, at 210.00 GBP/MWh     nothing = no offer

The offer is for the whole window at one level: the highest in whole kilowatts that every asset
can hold beside what is promised, never more than was asked for, nor than the contract's capacity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ukprofile.flex.common import Price
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.dispatch import Period
from ukprofile.flex.offer import Availability, OfferedAsset, OfferedPeriod
from ukprofile.flex.request import Request
from ukprofile.receiving import Entry, parse_text
from ven.anchor import terms_of
from ven.device.ability import Ability, Load
from ven.journal import Book
from ven.policy import Asked, able

_KW = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms this FSP offers: its price, and what its assets are."""

    price: Price
    asset_class_id: str
    energy_source: str


@dataclass(frozen=True, slots=True)
class Chance:
    """A request that may still be answered, and the contract under which."""

    entry: Entry
    request: Request
    contract: ContractTerms


def chances(book: Book, now: datetime) -> list[Chance]:
    """The newest text of each request that stands, that we did not answer, and that we could."""
    contracts = [t for program in book.programs() if (t := terms_of(book, program)) is not None]
    newest: dict[str, Entry] = {}
    for entry in book.of_family("request"):
        held = newest.get(entry.slot.thread)
        if entry.standing and (held is None or _order(entry) > _order(held)):
            newest[entry.slot.thread] = entry
    found = []
    for entry in newest.values():
        if entry.stop or book.replies(entry.sha256):
            continue
        request = Request.read(parse_text(entry.text)["body"])
        fitting = [
            c for c in contracts if (c.zone, c.product) == (request.zone, request.service_product)
        ]
        if fitting and now <= request.respond_by:
            found.append(Chance(entry, request, fitting[0]))
    return found


def offer(
    chance: Chance,
    terms: Terms,
    weights: Mapping[str, int],
    promised: Mapping[str, tuple[Load, ...]],
    forecasts: Mapping[str, Sequence[Ability]],
) -> Availability | None:
    """The offer to one request; None where too little could be done."""
    request, contract = chance.request, chance.contract
    assets = tuple(sorted(a.asset_id for a in contract.assets if a.asset_id in forecasts))
    asked = Asked((), assets, contract, weights, promised, forecasts)
    watts = _most(asked, request, min(abs(request.delta_w), contract.capacity_w))
    if not assets or watts < max(_KW, request.min_offer_w or 0):
        return None
    groups = {a.asset_id: a.asset_group_id for a in contract.assets}
    return Availability(
        contract_id=contract.contract_id,
        zone=contract.zone,
        assets=tuple(
            OfferedAsset(
                asset_id=one,
                asset_class_id=terms.asset_class_id,
                energy_source=terms.energy_source,
                asset_group_id=groups[one],
            )
            for one in assets
        ),
        periods=(
            OfferedPeriod(
                start=request.start,
                end=request.end,
                delta_w=watts if request.delta_w > 0 else -watts,
                max_run_s=int((request.end - request.start).total_seconds()),
                notice_s=int(contract.notice.total_seconds()),
            ),
        ),
        price=terms.price,
        dispatch_type=request.dispatch_type,
    )


def _most(asked: Asked, request: Request, limit: int) -> int:
    """The highest level in whole kW that can be held in all of the window; 0 = none."""
    sign = 1 if request.delta_w > 0 else -1
    low, high = 0, limit // _KW
    while low < high:
        middle = (low + high + 1) // 2
        period = Period(0, request.start, request.end, sign * middle * _KW)
        if able(asked, (period,)):
            low = middle
        else:
            high = middle - 1
    return low * _KW


def _order(entry: Entry) -> tuple[bool, int]:
    return entry.stop, entry.revision
