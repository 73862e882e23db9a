"""A day out of a DSO's published history, as a scenario: the same that is played and checked else.

    the evening before   requests in every market ─▶ offers ─▶ awards   rows held ready
                         schedules ─▶ accepted ─▶ confirmed             rows used
    the day              every start and every end; one VTN and one agent killed in mid-dispatch
    after midnight       what was metered

One agent for each company, one contract for each deal (`demo.deals`), a simulated asset under each.
Pure: rows in, a scenario out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from demo.deals import TIME_ZONE, Deal, deals_of, unused, word
from demo.screen import clock_text
from demo.stage import StageError
from ukprofile.flex.history import HistoryRow

JSON = dict[str, Any]

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_BEFORE = 2 * _HOUR
"""So long before midnight the day is bought."""
_KW = 1000
"""Offers are whole kilowatts."""
_COMMON = {"notice_s": 900, "ramp_s": 300}


@dataclass(frozen=True, slots=True)
class Run:
    """A row that is dispatched, under which deal, and the name of the dispatch."""

    thread: str
    deal: Deal
    row: HistoryRow

    @property
    def delta_w(self) -> int:
        return self.deal.sign * self.row.utilisation_w

    def then(self, *words: str) -> str:
        """What its FSP says of it, as the scenario has it."""
        kind, *said = words
        return " ".join((self.deal.party, kind, self.thread, *said))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a market: of each FSP in it one deal is wanted, whole."""

    thread: str
    deals: tuple[Deal, ...]

    @property
    def order(self) -> JSON:
        rows = [row for deal in self.deals for row in deal.held]
        first = self.deals[0]
        return {
            "do": "request",
            "thread": self.thread,
            "product": first.product,
            "zone": first.zone,
            "start": clock_text(min(row.start for row in rows)),
            "end": clock_text(max(row.end for row in rows)),
            "delta_w": first.sign * sum(deal.capacity_w for deal in self.deals),
            "dispatch_type": first.first.dispatch_type,
        }


def rows_on(rows: Sequence[HistoryRow], on: date) -> tuple[list[HistoryRow], list[HistoryRow]]:
    """The rows that start on that day in London: those that can be played, and those that cannot,
    because they end after it. Raises StageError where there are none.
    """
    of_day = [row for row in rows if row.day == on]
    whole = [row for row in of_day if row.end <= _midnight(on + _DAY)]
    if not whole:
        busiest = Counter(row.day for row in rows if row.end <= _midnight(row.day + _DAY))
        days = ", ".join(str(day) for day, _ in busiest.most_common(3)) or "none"
        raise StageError(f"no row of {on} that ends on it; days with most rows: {days}")
    return whole, [row for row in of_day if row not in whole]


def scenario_of(rows: Sequence[HistoryRow], on: date, dso: str) -> JSON:
    """The scenario of the rows of one day, as `demo.day` and `demo/checker` read it."""
    deals = deals_of(rows, dso)
    assets = {deal.name: f"{deal.name.replace(':', '-')}-A" for deal in deals}
    runs, asked = _runs(deals), _asked(deals)
    parties = list(dict.fromkeys(deal.party for deal in deals))
    midnight = _midnight(on)
    return {
        "title": f"{len(rows)} rows of a history, {len(parties)} FSPs",
        "dso": dso,
        "date": on.isoformat(),
        "time_zone": TIME_ZONE,
        "start": clock_text(midnight - _BEFORE),
        "brief": True,
        "markets": _markets(asked),
        "contract": {
            **_COMMON,
            "valid_from": clock_text(midnight - 31 * _DAY),
            "valid_to": clock_text(midnight + 366 * _DAY),
        },
        "agents": [_agent(party, [d for d in deals if d.party == party], assets)
                   for party in parties],
        "scenes": list(_scenes(midnight, _midnight(on + _DAY), asked, runs, parties)),
        "states": {run.thread: "reported" for run in runs},
        "alarms": [],
        "agent_alarms": {party: ["OUT_OF_CONTACT"] for party in parties},
        "levels": {
            deal.name: [
                [clock_text(run.row.start), clock_text(run.row.end), run.delta_w]
                for run in runs
                if run.deal is deal
            ]
            for deal in deals
        },
    }  # fmt: skip


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), ZoneInfo(TIME_ZONE)).astimezone(UTC)


def _runs(deals: Sequence[Deal]) -> list[Run]:
    taken: set[str] = set()
    return [
        Run(unused(f"{word(row.unit)}-{row.start:%H%M}", taken), deal, row)
        for deal in deals
        for row in sorted(deal.used, key=lambda row: row.start)
    ]


def _asked(deals: Sequence[Deal]) -> list[Asked]:
    """The requests that buy what is held ready: in each market as many as an FSP has deals there.

    An FSP answers a request with the deal that can give most of what it has not offered yet.
    """
    rounds: dict[tuple[str, str, str, int], list[Deal]] = defaultdict(list)
    places: Counter[tuple[str, str, str, str]] = Counter()
    for deal in sorted((deal for deal in deals if deal.held), key=lambda d: -d.held_ws):
        market = (deal.zone, deal.product, deal.first.dispatch_type)
        rounds[(*market, places[(*market, deal.party)])].append(deal)
        places[(*market, deal.party)] += 1
    taken: set[str] = set()
    return [
        Asked(unused(f"REQ-{zone}", taken), tuple(found))
        for (zone, *_), found in sorted(rounds.items())
    ]


def _markets(asked: Sequence[Asked]) -> list[JSON]:
    members: dict[tuple[str, str], list[str]] = {}
    for one in asked:
        for deal in one.deals:
            of_market = members.setdefault((deal.product, deal.zone), [])
            of_market += [] if deal.party in of_market else [deal.party]
    return [{"product": p, "zone": z, "members": found} for (p, z), found in members.items()]


def _agent(party: str, deals: Sequence[Deal], assets: Mapping[str, str]) -> JSON:
    row = deals[0].first
    side = "Demand side" if row.dispatch_type.startswith("demand") else "Storage"
    return {
        "party": party,
        "contracts": [deal.terms(assets[deal.name]) for deal in deals],
        "settings": {
            "offer_price": "contract",
            "asset_class": word(row.technology),
            "energy_source": side,
            "reading_s": "300",
        },
        "assets": {assets[deal.name]: _device(deal) for deal in deals},
    }


def _device(deal: Deal) -> str:
    """A simulated fleet that can do just what the deal is for, for as long as it is asked.

    Its meter shows the change alone: a baseline of 0 needs no nominations.
    """
    watts = deal.capacity_w
    most, least = (watts, 0) if deal.sign > 0 else (0, -watts)
    return (
        f"capacity_wh={200 * watts},energy_wh={100 * watts},max_w={most},min_w={least},"
        f"ramp_w_per_s={watts},baseline=0:0"
    )


def _scenes(
    midnight: datetime,
    end: datetime,
    asked: Sequence[Asked],
    runs: Sequence[Run],
    parties: Sequence[str],
) -> Iterator[JSON]:
    evening = midnight - _BEFORE
    if asked:
        yield from _bought(evening + 5 * _MINUTE, asked)
    if runs:
        yield from _agreed(evening + 20 * _MINUTE, runs)
    at_edges = {clock_text(edge): _edge(edge, runs) for edge in _edges(runs)}
    at, party = _mishap(midnight, runs, parties)
    killed = _killed(at, party)
    yield from sorted([*at_edges.values(), killed], key=lambda scene: str(scene["at"]))
    metered = [run.then("post_action") for run in runs]
    yield {"at": clock_text(end + _MINUTE), "title": "What was metered", "then": metered}
    yield {"at": clock_text(end + 15 * _MINUTE), "title": "The day is over"}


def _bought(at: datetime, asked: Sequence[Asked]) -> Iterator[JSON]:
    """Requests, offers and awards."""
    respond_by = clock_text(at + 12 * _MINUTE)
    orders = [one.order | {"respond_by": respond_by} for one in asked]
    wanted = [(one, deal, deal.capacity_w // _KW * _KW) for one in asked for deal in one.deals]
    awards: dict[str, dict[str, int]] = {}
    for one, deal, watts in wanted:
        awards.setdefault(one.thread, {})[deal.party] = watts
    yield {
        "at": clock_text(at),
        "title": "Availability is bought: requests, offers, awards",
        "steps": [_batch(f"Requests in {len(_markets(asked))} markets", orders)],
        "then": [f"{deal.party} availability {one.thread}" for one, deal, watts in wanted if watts],
    }
    orders = [{"do": "award", "thread": one.thread} for one in asked]
    yield {
        "at": clock_text(at + 5 * _MINUTE),
        "steps": [_batch("Every offer is taken", orders)],
        "awards": awards,
    }


def _agreed(at: datetime, runs: Sequence[Run]) -> Iterator[JSON]:
    """Schedules, accepted and confirmed."""
    orders = [
        {
            "do": "schedule",
            "contract_id": run.deal.name,
            "thread": run.thread,
            "dispatch_type": run.row.dispatch_type,
            "periods": [
                {
                    "start": clock_text(run.row.start),
                    "end": clock_text(run.row.end),
                    "delta_w": run.delta_w,
                }
            ],
        }
        for run in runs
    ]
    received = [run.then("acknowledgement", "received") for run in runs]
    yield {
        "at": clock_text(at),
        "title": "Utilisation is scheduled, accepted, confirmed",
        "steps": [_batch(f"{len(runs)} schedules", orders)],
        "then": [*received, *(run.then("response", "accept") for run in runs)],
    }
    orders = [{"do": "confirm", "thread": run.thread} for run in runs]
    yield {
        "at": clock_text(at + 10 * _MINUTE),
        "steps": [_batch("All of them are confirmed", orders)],
        "then": received,
    }


def _batch(says: str, orders: Sequence[JSON]) -> JSON:
    return {"says": says, "run": "ukvtn desk batch -", "orders": list(orders)}


def _edges(runs: Sequence[Run]) -> list[datetime]:
    return sorted({edge for run in runs for edge in (run.row.start, run.row.end)})


def _edge(at: datetime, runs: Sequence[Run]) -> JSON:
    """Everything that begins or ends at one moment."""
    ends = [run.then("status", "completed") for run in runs if run.row.end == at]
    starts = [run.then("status", "executing") for run in runs if run.row.start == at]
    return {"at": clock_text(at), "then": [*ends, *starts]}


def _mishap(
    midnight: datetime, runs: Sequence[Run], parties: Sequence[str]
) -> tuple[datetime, str]:
    """When most is running, in the middle between two edges; and who runs most of it then."""
    best: tuple[int, datetime, str] = (0, midnight + 12 * _HOUR, parties[0])
    for one, other in pairwise(_edges(runs)):
        running = Counter(r.deal.party for r in runs if r.row.start <= one and other <= r.row.end)
        middle = (one + (other - one) / 2).replace(microsecond=0)
        if running.total() > best[0]:
            best = running.total(), middle, running.most_common(1)[0][0]
    return best[1], best[2]


def _killed(at: datetime, party: str) -> JSON:
    name = party.lower()
    return {
        "at": clock_text(at),
        "title": f"The VTN is killed, then {party}'s agent",
        "steps": [
            {"says": "The VTN is killed with SIGKILL", "run": "kill -9 vtn"},
            {"says": f"{party}'s agent is killed with SIGKILL", "run": f"kill -9 {name}"},
            {"says": "The VTN is started again", "run": "start vtn"},
            {"says": f"{party}'s agent is started again", "run": f"start {name}"},
        ],
    }
