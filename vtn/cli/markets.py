"""`ukvtn markets`, and what the desk does in them: `ukvtn desk request`, `offers`, `award`."""

import json
from typing import Annotated, Any

import typer

from vtn.cli.desk import app as desk
from vtn.cli.options import HERE, AsJson, DataDir, ask, utc
from vtn.show import show, table

app = typer.Typer(no_args_is_help=True, help="Markets: where FSPs are asked for offers.")

Product = Annotated[str, typer.Argument(help="Service product: PR, SU, OU, ...")]
Zone = Annotated[str, typer.Argument(help="Where in the network, as in the contracts.")]
Asked = Annotated[str, typer.Argument(help="The request, as in desk offers.")]

MARKET = ("market", "program_id", "members")
REQUEST = ("thread", "market", "delta_w", "start", "end", "respond_by")
OFFER = (
    "offer",
    "of",
    "currency",
    "minor/MWh",
    "minor/MW h",
    "offered",
    "taken",
    "answer",
    "dispatches",
)
"""The columns of an offer; prices as signed, in the smallest unit of the currency."""


@app.command("add")
def add(
    product: Product,
    zone: Zone,
    member: Annotated[
        list[str] | None, typer.Option("--member", help="An FSP that may offer; say it for each.")
    ] = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Open a market, or let further FSPs into it. Safe to repeat.

    Example:  ukvtn markets add OU HENDON-WAY --member FSP7 --member FSP8
    """
    given = {"product": product, "zone": zone, "members": member or []}
    show(_in_words(ask(data_dir, "markets.add", given), as_json), as_json, MARKET)


@app.command("list")
def list_(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Every market, and who may offer in it."""
    found = ask(data_dir, "markets.list")
    table([_in_words(one, as_json) for one in found], as_json, MARKET)


@desk.command()
def request(
    product: Product,
    zone: Zone,
    delta_w: Annotated[
        int, typer.Option(help="Watts needed; + = more export or less import at the meter.")
    ],
    start: Annotated[str, typer.Option(help="2026-11-24T16:30:00Z; other offsets are fine.")],
    end: Annotated[str, typer.Option(help="When it is no longer needed.")],
    respond_by: Annotated[str, typer.Option(help="Offers that come later do not count.")],
    min_offer_w: Annotated[
        int | None, typer.Option(help="The least that is worth an offer.")
    ] = None,
    dispatch_type: Annotated[
        str, typer.Option(help="demand_turn_down, ...; any of that sign if absent.")
    ] = "",
    thread: Annotated[
        str, typer.Option("--thread", help="The request's own name; made up if absent.")
    ] = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask a market for flexibility; its members offer until --respond-by.

    Example:  ukvtn desk request OU HENDON-WAY --delta-w 2500000 --start 2026-11-24T16:30:00Z
              --end 2026-11-24T18:30:00Z --respond-by 2026-11-23T12:00:00Z --thread REQ-7
    """
    times = {"start": start, "end": end, "respond_by": respond_by}
    options = {"dispatch_type": dispatch_type, "thread": thread}
    given: dict[str, Any] = {"product": product, "zone": zone, "delta_w": delta_w}
    given |= {name: utc(text, f"--{name.replace('_', '-')}") for name, text in times.items()}
    given |= {name: text for name, text in options.items() if text}
    given |= {} if min_offer_w is None else {"min_offer_w": min_offer_w}
    show(ask(data_dir, "desk.request", given), as_json, REQUEST)


@desk.command()
def offers(
    thread: Annotated[
        str, typer.Argument(metavar="[REQUEST]", help="The request; all of them if not given.")
    ] = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Every offer in merit order, with what is or would be taken of it.

    Example:  ukvtn desk offers REQ-7
    """
    found = ask(data_dir, "desk.offers", {"thread": thread} if thread else {})
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for one in found["requests"]:
        _print_offers(one)
    if not found["requests"]:
        print("nothing is requested: ukvtn desk request asks")


@desk.command()
def award(thread: Asked, data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Accept in merit order until the request is met, and turn the rest down. Safe to repeat.

    Offers that came since the last award are taken for what is still missing.

    Example:  ukvtn desk award REQ-7
    """
    found = ask(data_dir, "desk.award", {"thread": thread})
    if as_json:
        print(json.dumps(found, indent=2))
        return
    _print_offers(found)


def _print_offers(listing: dict[str, Any]) -> None:
    asked = listing["request"]
    state = " withdrawn" if asked["withdrawn"] else f" offers until {asked['respond_by']}"
    print(f"{asked['thread']} {_level(asked)} in {asked['market']}{state}")
    table([_row(offer) for offer in listing["offers"]], False, OFFER)
    for span in listing["missing"]:
        print(f"missing {_level(span)}")


def _row(offer: dict[str, Any]) -> dict[str, Any]:
    """One offer, a line of the table."""
    answer = offer["acceptance"]
    return {
        "offer": offer["thread"],
        "of": offer["provider"],
        "currency": offer["currency"],
        "minor/MWh": f"{offer['utilisation_minor_per_mwh'] or 0:,}",
        "minor/MW h": f"{offer['availability_minor_per_mw_h'] or 0:,}",
        "offered": "; ".join(map(_level, offer["periods"])),
        "taken": "; ".join(map(_level, offer["taken"])) or offer["reason"],
        "answer": "" if answer is None else _answer(answer),
        "dispatches": " ".join(offer["dispatches"]),
    }


def _answer(acceptance: dict[str, Any]) -> str:
    said = "accepted" if acceptance["accepted"] else acceptance["reason"]
    return f"{acceptance['thread']} {'withdrawn' if acceptance['withdrawn'] else said}"


def _level(span: dict[str, Any]) -> str:
    return f"{span['delta_w']:+,} W {span['start']} to {span['end']}"


def _in_words(market: dict[str, Any], as_json: bool) -> dict[str, Any]:
    return market if as_json else market | {"members": " ".join(market["members"])}
