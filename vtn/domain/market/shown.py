"""What the market desk answers, as JSON: one model for each answer, and its schema for the API."""

from typing import Self

from ukprofile.flex.merit import Reason
from ukprofile.flex.offer import OfferedPeriod
from vtn.domain.desk.shown import Shown, Time
from vtn.domain.market.market import MarketPlace
from vtn.domain.market.offers import Asked, Line, Listing


class MarketShown(Shown):
    """A market, and the FSPs that may offer in it."""

    market: str
    program_id: str
    members: tuple[str, ...]

    @classmethod
    def of(cls, place: MarketPlace) -> Self:
        return cls(market=place.name, program_id=place.program_id, members=place.members)


class RequestShown(Shown):
    """A request as it was asked; see `RequestOrder`."""

    thread: str
    market: str
    product: str
    zone: str
    start: Time
    end: Time
    delta_w: int
    respond_by: Time
    min_offer_w: int | None
    dispatch_type: str | None
    issued_at: Time
    withdrawn: bool

    @classmethod
    def of(cls, asked: Asked) -> Self:
        request = asked.request
        return cls(
            thread=asked.thread,
            market=asked.market,
            product=request.service_product,
            zone=request.zone,
            start=request.start,
            end=request.end,
            delta_w=request.delta_w,
            respond_by=request.respond_by,
            min_offer_w=request.min_offer_w,
            dispatch_type=request.dispatch_type,
            issued_at=asked.issued_at,
            withdrawn=asked.withdrawn,
        )


class PeriodShown(Shown):
    """An offered period as it was signed; null = it says nothing of that."""

    start: Time
    end: Time
    delta_w: int
    id: int | None
    max_run_s: int | None
    notice_s: int | None

    @classmethod
    def of(cls, period: OfferedPeriod) -> Self:
        return cls(**{name: getattr(period, name) for name in cls.model_fields})


class AcceptanceShown(Shown):
    """How an offer was answered: `accepted`, or turned down with a reason; `withdrawn` since."""

    thread: str
    accepted: bool
    reason: str
    withdrawn: bool


class OfferShown(Shown):
    """One offer. `taken` is what its acceptance takes or, of one that has none, what an award
    would take now; `reason` says why that is nothing.

    `dispatches` are those that draw on the acceptance: same contract, asset and time.
    """

    provider: str
    contract_id: str
    thread: str
    revision: int
    received_at: Time
    currency: str
    utilisation_minor_per_mwh: int | None
    availability_minor_per_mw_h: int | None
    assets: tuple[str, ...]
    periods: tuple[PeriodShown, ...]
    taken: tuple[PeriodShown, ...]
    reason: Reason
    withdrawn: bool
    acceptance: AcceptanceShown | None
    dispatches: tuple[str, ...]

    @classmethod
    def of(cls, line: Line) -> Self:
        offer, answer = line.offered.offer, line.offered.answer
        price = offer.body.price
        return cls(
            provider=offer.provider,
            contract_id=offer.body.contract_id,
            thread=offer.thread,
            revision=line.offered.newest.revision,
            received_at=offer.received_at,
            currency=price.currency,
            utilisation_minor_per_mwh=price.utilisation_minor_per_mwh,
            availability_minor_per_mw_h=price.availability_minor_per_mw_h,
            assets=tuple(asset.asset_id for asset in offer.body.assets),
            periods=tuple(map(PeriodShown.of, offer.body.periods)),
            taken=tuple(map(PeriodShown.of, line.ranked.taken)),
            reason=line.ranked.reason,
            withdrawn=offer.withdrawn,
            acceptance=None
            if answer is None
            else AcceptanceShown(
                thread=answer.slot.thread,
                accepted=bool(answer.body.periods),
                reason=answer.body.reason or "",
                withdrawn=answer.withdrawn,
            ),
            dispatches=line.offered.dispatches,
        )


class MissingShown(Shown):
    """What nobody gives, for a while."""

    start: Time
    end: Time
    delta_w: int


class OffersShown(Shown):
    """A request, every offer to it in merit order, and what is missing with all that is taken."""

    request: RequestShown
    currency: str
    offers: tuple[OfferShown, ...]
    missing: tuple[MissingShown, ...]

    @classmethod
    def of(cls, listing: Listing) -> Self:
        return cls(
            request=RequestShown.of(listing.asked),
            currency=listing.currency,
            offers=tuple(map(OfferShown.of, listing.lines)),
            missing=tuple(
                MissingShown(start=m.start, end=m.end, delta_w=m.delta_w) for m in listing.missing
            ),
        )


class RequestsShown(Shown):
    """Several requests with their offers, oldest first."""

    requests: tuple[OffersShown, ...]

    @classmethod
    def of(cls, listings: list[Listing]) -> Self:
        return cls(requests=tuple(map(OffersShown.of, listings)))


class WithdrawnShown(Shown):
    """What was withdrawn: a request or an acceptance."""

    thread: str
    program: str
    of: str
    revision: int
    kind: str = "cancellation"
    state: str = "withdrawn"
