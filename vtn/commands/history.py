"""Published history: `ukvtn import`, `ukvtn history`. A file comes batch by batch."""

from collections.abc import Mapping
from datetime import date

from ukprofile.clock import SystemClock
from ukprofile.errors import Refused
from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters
from vtn.domain.history import History
from vtn.domain.past import read_past


async def _begin(vtn: Vtn, given: Parameters) -> JSON:
    return {"import": await _history(vtn).begin(str(given["name"]))}


async def _stage(vtn: Vtn, given: Parameters) -> JSON:
    if not isinstance(given["rows"], list):
        raise Refused("BODY_VALUE", "rows: a list is due")
    rows = [read_past(one) for one in given["rows"]]
    return {"new": await _history(vtn).stage(given["import"], rows)}


async def _finish(vtn: Vtn, given: Parameters) -> JSON:
    if not isinstance(given["rows"], int):
        raise Refused("BODY_VALUE", "rows: the number of rows of the file is due")
    return (await _history(vtn).finish(given["import"], given["rows"])).to_json()


async def _abandon(vtn: Vtn, given: Parameters) -> JSON:
    await _history(vtn).abandon(given["import"])
    return {}


async def _imports(vtn: Vtn, _given: Parameters) -> JSON:
    return [one.to_json() for one in await _history(vtn).imports()]


async def _days(vtn: Vtn, given: Parameters) -> JSON:
    return [one.to_json() for one in await _history(vtn).days(given.get("company"))]


async def _rows(vtn: Vtn, given: Parameters) -> JSON:
    try:
        day = date.fromisoformat(given["day"])
    except (TypeError, ValueError) as error:
        raise Refused("TIME_INVALID", f"{given['day']!r} is no day: write 2025-06-20") from error
    return [one.to_json() for one in await _history(vtn).rows(day, given.get("company"))]


def _history(vtn: Vtn) -> History:
    return History(vtn.store, SystemClock())


COMMANDS: Mapping[str, Command] = {
    "history.begin": _begin,
    "history.stage": _stage,
    "history.finish": _finish,
    "history.abandon": _abandon,
    "history.imports": _imports,
    "history.days": _days,
    "history.rows": _rows,
}
