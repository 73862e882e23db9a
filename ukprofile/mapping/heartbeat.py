"""The heartbeat: what an agent keeps fresh in its own ven, and what a DSO reads there (profile 1).

    VEN_STATUS               AVAILABLE; UNAVAILABLE while it could answer no dispatch
    UPDATE_INTERVAL_SECONDS  how often it says so
    UKFLEX_CLOCK             only of a clock that is wrong: STEPPED or OFF, and by how many seconds

Nobody signs it: it raises alarms, and nothing starts or stops by it.
"""

from collections.abc import Sequence
from typing import Literal

from ukprofile.clock_watch import Standing
from ukprofile.openadr import ValuesMap

STATUS = "VEN_STATUS"
INTERVAL = "UPDATE_INTERVAL_SECONDS"
CLOCK = "UKFLEX_CLOCK"

_KINDS: dict[str, Literal["stepped", "off"]] = {"STEPPED": "stepped", "OFF": "off"}
_MOST_S = 1e11
"""More is no time any clock can be wrong by: 3,000 years."""


def beating(
    attributes: Sequence[ValuesMap], every_s: float, clock: Standing
) -> tuple[ValuesMap, ...]:
    """The attributes with those of the heartbeat in place of older ones."""
    status = "UNAVAILABLE" if clock.refuses else "AVAILABLE"
    wrong = (ValuesMap(type=CLOCK, values=(clock.kind.upper(), round(clock.by_s, 1))),)
    return (
        *(a for a in attributes if a.type not in (STATUS, INTERVAL, CLOCK)),
        ValuesMap(type=STATUS, values=(status,)),
        ValuesMap(type=INTERVAL, values=(max(1, round(every_s)),)),
        *(() if clock.kind == "steady" else wrong),
    )


def clock_of(attributes: Sequence[ValuesMap]) -> Standing:
    """What an agent says of its clock; steady where it says nothing that can be read."""
    said = {a.type: a.values for a in attributes}
    match said.get(CLOCK, ()):
        case (str(word), int() | float() as by_s) if word in _KINDS and -_MOST_S < by_s < _MOST_S:
            refuses = said.get(STATUS) == ("UNAVAILABLE",)
            return Standing(_KINDS[word], float(by_s), refuses)
    return Standing("steady")
