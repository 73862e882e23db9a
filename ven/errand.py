"""What a person wants said unasked, and the texts that follow from it. Pure.

    {"say": "unavailability", "asset": ...}  ──▶ one text for each contract the asset is in
    {"say": "baseline", "series": [...]}     ──▶ one text for each contract and London day

The command that takes an errand down and the agent that carries it out read it alike, so that
what was accepted from a person is not refused afterwards.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from ukprofile.errors import Refused
from ukprofile.flex.answer import Unavailability
from ukprofile.flex.bodies import Body, kind_of
from ukprofile.flex.common import Asset
from ukprofile.flex.contract import ContractTerms, local_day
from ukprofile.flex.fields import Fault
from ukprofile.flex.kinds import KINDS
from ukprofile.flex.metering import Baseline
from ukprofile.flex.times import read_time, time_text
from ven.answer import own_thread

_LONDON = ZoneInfo("Europe/London")
_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Saying:
    """One text to sign: in which contract, in which thread of mine, how long it is good for."""

    program: str
    thread: str
    body: Body
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An asset that cannot be dispatched for `start <= t < end` (aware, UTC), and why.

    `thread` is the declaration's own; `contract` names the one contract that hears of it, "" =
    every one the asset is in.
    """

    asset_id: str
    start: datetime
    end: datetime
    reason: str
    thread: str
    contract: str = ""

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Unavailable":
        _known(value, "say", "asset", "from", "to", "reason", "thread", "contract")
        return cls(
            _text(value, "asset"),
            _time(value, "from"),
            _time(value, "to"),
            _text(value, "reason"),
            _text(value, "thread"),
            _text(value, "contract"),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "say": "unavailability",
            "asset": self.asset_id,
            "from": time_text(self.start),
            "to": time_text(self.end),
            "reason": self.reason,
            "thread": self.thread,
            "contract": self.contract,
        }

    def sayings(self, held: Sequence[ContractTerms], now: datetime) -> list[Saying]:
        """The texts. Raises Refused: over already, in no contract, or not to be signed so."""
        if self.end <= self.start:
            raise Refused("TIME_INVALID", "it ends before it starts: mend from or to", path="/to")
        if self.end <= now:
            raise Refused("EXPIRED", f"{time_text(self.end)} is over: mend to", path="/to")
        found = []
        for terms in _in_force(held, self.contract, self.start, self.end):
            if self.asset_id not in terms.asset_ids:
                continue
            body = Unavailability(
                contract_id=terms.contract_id,
                zone=terms.zone,
                assets=_assets(terms, [self.asset_id]),
                unit=self.asset_id,
                start=self.start,
                end=self.end,
                reason=self.reason,
            )
            thread = own_thread("UN", self.thread)
            found.append(Saying(terms.contract_id, thread, _checked(body), self.end))
        if not found:
            raise _in_none(self.asset_id, self.contract)
        return found


@dataclass(frozen=True, slots=True)
class Series:
    """Mean watts (+ = export) of each interval of a whole London day, from its start."""

    start: datetime
    interval_s: int
    baseline_w: tuple[int, ...]

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.interval_s * len(self.baseline_w))

    def check(self) -> "Series":
        """Itself, if it fills a London day. Raises Refused."""
        first, last = local_day(self.start)
        if (self.start, self.end) != (first, last):
            due = (last - first) // timedelta(seconds=self.interval_s or 1)
            day = f"{first.astimezone(_LONDON):%Y-%m-%d}"
            detail = (
                f"the London day {day} begins at {time_text(first)} and has {due} intervals of"
                f" {self.interval_s} s: here are {len(self.baseline_w)} from"
                f" {time_text(self.start)}"
            )
            raise Refused("BODY_VALUE", detail, path="/series", clause="profile 3 baseline")
        return self


@dataclass(frozen=True, slots=True)
class Nomination:
    """A baseline for one London day or several, of `assets` together.

    No assets = all of the contract; `contract` "" = every contract all of them are in.
    """

    series: tuple[Series, ...]
    assets: tuple[str, ...] = ()
    contract: str = ""

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Nomination":
        _known(value, "say", "series", "assets", "contract")
        return cls(
            tuple(_series(one) for one in _list(value, "series")),
            tuple(str(one) for one in _list(value, "assets")),
            _text(value, "contract"),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "say": "baseline",
            "series": [
                {
                    "start": time_text(one.start),
                    "interval_s": one.interval_s,
                    "baseline_w": list(one.baseline_w),
                }
                for one in self.series
            ],
            "assets": list(self.assets),
            "contract": self.contract,
        }

    def sayings(self, held: Sequence[ContractTerms], now: datetime) -> list[Saying]:
        """The texts, one for each contract and day. Raises Refused as `Unavailable.sayings`."""
        found = []
        for one in self.series:
            if one.check().end <= now:
                detail = f"the day from {time_text(one.start)} is over: nominate a day to come"
                raise Refused("EXPIRED", detail, path="/series")
            for terms in _in_force(held, self.contract, one.start, one.end):
                assets = self.assets or tuple(a.asset_id for a in terms.assets)
                if not terms.asset_ids.issuperset(assets):
                    continue
                body = Baseline(
                    contract_id=terms.contract_id,
                    zone=terms.zone,
                    assets=_assets(terms, assets),
                    start=one.start,
                    interval_s=one.interval_s,
                    baseline_w=one.baseline_w,
                )
                about = f"{','.join(assets)}-{one.start.astimezone(_LONDON):%Y%m%d}"
                thread = own_thread("BL", about)
                found.append(Saying(terms.contract_id, thread, _checked(body), one.end + _AFTER))
        if not found:
            raise _in_none(", ".join(self.assets) or "the day", self.contract)
        return found


Errand: TypeAlias = Unavailable | Nomination


def read_errand(text: str) -> Errand:
    """What a file of the inbox holds. Raises Refused, naming the member that is wrong."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("BODY_INVALID", f"not JSON: {error}") from error
    say = value.get("say") if isinstance(value, dict) else None
    if say == "unavailability":
        return Unavailable.read(value)
    if say == "baseline":
        return Nomination.read(value)
    raise Refused("BODY_INVALID", "say is unavailability or baseline", path="/say")


# -- what both need ------------------------------------------------------------------------------


def _in_force(
    held: Iterable[ContractTerms], contract: str, start: datetime, end: datetime
) -> list[ContractTerms]:
    """The contracts meant that are in force at some time of a span."""
    return [
        terms
        for terms in held
        if contract in ("", terms.contract_id) and terms.valid_from < end and start < terms.valid_to
    ]


def _assets(terms: ContractTerms, wanted: Sequence[str]) -> tuple[Asset, ...]:
    """The assets as the contract names them, with their groups."""
    return tuple(asset for asset in terms.assets if asset.asset_id in wanted)


def _in_none(what: str, contract: str) -> Refused:
    where = contract or "any contract that is held"
    detail = f"{what}: not in {where} at that time; ukven status shows the contracts"
    return Refused("ASSET_UNKNOWN", detail)


def _checked(body: Body) -> Body:
    """The body, if the field table takes it. Raises Refused."""
    for finding in KINDS[kind_of(body)].body.look(body.to_json(), "/body"):
        if isinstance(finding, Fault):
            raise Refused(finding.reason, finding.detail, path=finding.path, clause="profile 3")
    return body


def _known(value: Mapping[str, Any], *names: str) -> None:
    for name in value.keys() - set(names):
        raise Refused("BODY_INVALID", f"there is no {name!r}: {', '.join(names)}", path=f"/{name}")


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise Refused("BODY_INVALID", f"{name} must be text", path=f"/{name}")
    return found


def _time(value: Mapping[str, Any], name: str) -> datetime:
    found = read_time(value.get(name))
    if found is None:
        raise Refused("TIME_FORMAT", f"{name} must be a time YYYY-MM-DDThh:mm:ssZ", path=f"/{name}")
    return found


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    if not isinstance(found, list):
        raise Refused("BODY_INVALID", f"{name} must be a list", path=f"/{name}")
    return found


def _series(value: Any) -> Series:
    if not isinstance(value, dict):
        raise Refused("BODY_INVALID", "a series is an object", path="/series")
    _known(value, "start", "interval_s", "baseline_w")
    interval_s, watts = value.get("interval_s"), _list(value, "baseline_w")
    if type(interval_s) is not int or not all(type(watt) is int for watt in watts):
        raise Refused("BODY_VALUE", "interval_s and baseline_w are whole numbers", path="/series")
    return Series(_time(value, "start"), interval_s, tuple(watts))
