"""Which operation fits which state of a dispatch (profile 5), and what to do where none does.

    proposed, agreed, countered   schedule anew, confirm, cancel
    confirmed                     vary, cancel; cease at a time after its start
    running, suspended            vary, cease
    whatever is over              nothing

A stop is wider than its state: what somebody once confirmed can be ceased until its periods end,
even where the FSP refused or fell silent. Nobody at a desk shall be told that it has ended.
"""

from datetime import datetime

from ukprofile.errors import Refused
from ukprofile.flex.states import ASKED, IN_RUN, State
from vtn.domain.desk.book import Dispatch

_FITS = {
    "scheduled": ASKED,
    "confirmed": ASKED,
    "varied": (State.CONFIRMED, *IN_RUN),
}
_INSTEAD = {
    **dict.fromkeys(ASKED, "confirm it, or cancel it"),
    State.CONFIRMED: "vary it, or cancel it",
    **dict.fromkeys(IN_RUN, "vary it, or cease it"),
}
_OVER = "it is over; what is needed now is a new dispatch under another name"


def check_fits(dispatch: Dispatch, done: str) -> None:
    """Pass if the dispatch may be `done`: scheduled (anew), confirmed, varied.

    Raises Refused STATE_INVALID.
    """
    if dispatch.state not in _FITS[done]:
        instead = _INSTEAD.get(dispatch.state, _OVER)
        raise _invalid(dispatch, f"is {dispatch.state}, and cannot be {done}: {instead}")


def check_new(dispatch: Dispatch) -> None:
    """Refuse a name that a dispatch of the contract has already. Raises Refused STATE_INVALID."""
    instead = _INSTEAD.get(dispatch.state, "choose another name")
    raise _invalid(dispatch, f"is there already, and {dispatch.state}: {instead}")


def check_cease(dispatch: Dispatch, at: datetime) -> None:
    """Pass if a cease at `at` leaves less than there is. Raises Refused STATE_INVALID."""
    plan = dispatch.thread.plan
    if not plan and dispatch.state in ASKED:
        raise _invalid(dispatch, f"is {dispatch.state}, and nothing of it runs: cancel it")
    if not plan or dispatch.now >= plan[-1].end:
        raise _invalid(dispatch, "has nothing left to cease")
    if at <= plan[0].start and dispatch.now < plan[0].start:
        raise _invalid(dispatch, "would have nothing left: cancel it")
    if at >= plan[-1].end:
        raise _invalid(dispatch, "ends before that by itself")


def check_cancel(dispatch: Dispatch) -> None:
    """Pass if it has not begun, and was not stopped. Raises Refused STATE_INVALID."""
    if dispatch.thread.first_stop is not None:
        raise _invalid(dispatch, f"is {dispatch.state} already")
    if dispatch.now >= dispatch.begins:
        instead = "cease it" if dispatch.state in IN_RUN else _OVER
        raise _invalid(dispatch, f"has begun and is {dispatch.state}: {instead}")


def _invalid(dispatch: Dispatch, detail: str) -> Refused:
    return Refused("STATE_INVALID", f"{dispatch.name} {detail}", clause="profile 5")
