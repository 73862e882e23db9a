"""The business clock: how it stands, and a person's word that it is right."""

from collections.abc import Mapping

from ukprofile.clock import Clock, WatchedClock
from ukprofile.errors import Refused
from ukprofile.flex.times import time_text
from ukprofile.openadr import JSON
from vtn.app import Vtn
from vtn.commands.command import Command, Parameters
from vtn.domain.clocks import REMEDY, vouch


def clock_text(clock: Clock) -> str:
    """What a person should know of the clock, and the time where it is not the machine's; "" = it
    is steady.
    """
    if not isinstance(clock, WatchedClock):
        return f"the clock is a rehearsal's, at {time_text(clock.now())}"
    found = clock.standing()
    if found.kind == "steady":
        return ""
    said = f"{found.text}; what counts as now is {time_text(clock.now())}"
    return f"{said}, and nothing is signed. {REMEDY}" if found.refuses else said


async def _trust(vtn: Vtn, _given: Parameters) -> JSON:
    if not isinstance(vtn.clock, WatchedClock):
        raise Refused("STATE_INVALID", "it goes by the clock of a rehearsal: that is not watched")
    before = vtn.clock.standing().text
    await vouch(vtn.store, vtn.clock)
    return {"before": before, "now": time_text(vtn.clock.now())}


COMMANDS: Mapping[str, Command] = {"clock.trust": _trust}
