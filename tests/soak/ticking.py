"""The states of a dispatch a second time, as plainly as possible: minute by minute, if by if.

Nothing of the table, the timers or the course is used: what `dispatch_state` derives from sorted
texts and timers, this one finds by living through every minute. Times are minutes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ASKED = ("proposed", "agreed", "countered")
RUN = ("running", "suspended")
LIVE = (*ASKED, "confirmed", *RUN)


@dataclass(frozen=True, slots=True)
class Told:
    """A text of the exchange. `answers` is the number of the text it answers."""

    number: int
    kind: str
    issued: int
    periods: tuple[tuple[int, int, int], ...] = ()
    """start, end, watts"""
    said: Mapping[str, Any] = field(default_factory=dict)
    answers: "Told | None" = None


class Ticking:
    """One dispatch, lived through from minute 0 to `now`, or to the newest text if that is later."""

    def __init__(
        self,
        orders: Sequence[Told],
        answers: Sequence[Told],
        now: int,
        side: str,
        silence: str,
        respond: int,
        notice: int,
    ) -> None:
        self.state, self.head, self.pending = "none", None, None
        self.plan: tuple[tuple[int, int, int], ...] = ()
        self.countered: tuple[tuple[int, int, int], ...] = ()
        self.answered, self.failed, self.newest = False, False, -1
        self.side, self.silence, self.respond, self.notice = side, silence, respond, notice
        self.acks = {a.answers.number: a for a in reversed(answers) if a.kind == "acknowledgement"}
        self.orders, self.answers = orders, answers
        texts = sorted(self._placed(orders, answers), key=lambda t: t[:-1])
        until = max([now, *(at for at, *_ in texts)])
        for minute in range(min([0, *(at for at, *_ in texts)]), until + 1):
            self._deadlines(minute)
            self._start(minute)
            for at, *_, again, told in texts:
                if at == minute:
                    self._text(told, again, minute)
                    self._start(minute)
            self._end(minute)

    def _placed(self, orders: Sequence[Told], answers: Sequence[Told]):
        for o in orders:
            ack = self.acks.get(o.number)
            at = o.issued if ack is None else min(o.issued, ack.issued)
            yield at, 1, o.kind in ("cease", "cancellation"), o.number, False, o
            if ack is not None and o.kind == "cancellation" and ack.issued > at:
                yield ack.issued, 1, True, o.number, True, o
        known = {o.number for o in orders}
        for a in answers:
            if a.kind != "acknowledgement" and a.answers.number in known:
                at = min(a.issued, a.said.get("at", a.issued))
                yield max(at, a.answers.issued), 2, False, a.number, False, a

    # -- the clock -------------------------------------------------------------------------------

    def _respond_by(self):
        if self.head is None:
            return None
        stated = self.head.said.get("respond_by")
        if stated is None and self.head.kind == "schedule":
            half = max(0, (self.plan[0][0] - self.head.issued) / 2)
            return self.head.issued + min(self.respond, half)
        return stated

    def _silent_after(self):
        if self.state == "proposed":
            return self._respond_by()
        if self.state != "confirmed" or self.answered or self._respond_by() is None:
            return None
        return max(self._respond_by(), self.head.said["accept_by"])

    def _taken_up(self, told: Told) -> bool:
        known = {o.number: o for o in self.orders}
        for a in self.answers:
            to = known.get(a.answers.number)
            if to is None or _rank(to) < _rank(told):
                continue
            stop = to.kind in ("cease", "cancellation")
            if a.kind in ("status", "post_action"):
                return True
            if a.kind == "acknowledgement" and not stop and a.said["decided"] == "received":
                return True
        return False

    def _deadlines(self, minute: int) -> None:
        respond, confirm = self._silent_after(), None
        if self.state in ASKED and self.side == "dso":
            confirm = self.head.said.get("confirm_by", self.plan[0][0])
        silent = respond is not None and respond < minute
        if silent and (confirm is None or respond <= confirm):
            self.answered = True
            if self.silence != "accept":
                self.state = "expired"
                return
            self.state = "agreed" if self.state == "proposed" else self.state
        if confirm is not None and confirm < minute and self.state in ASKED:
            self.state = "lapsed"

    def _start(self, minute: int) -> None:
        if self.plan and self.plan[0][0] <= minute:
            if self.state in ASKED:
                self.state = "lapsed"
            elif self.state == "confirmed":
                self.state = "running"

    def _end(self, minute: int) -> None:
        if self.state in RUN and self.plan[-1][1] <= minute:
            self.state = "failed" if self.failed or self.state == "suspended" else "completed"

    # -- what is told ----------------------------------------------------------------------------

    def _text(self, told: Told, again: bool, minute: int) -> None:
        if told.answers is not None:
            self._answer(told, minute)
        elif told.kind in ("cease", "cancellation"):
            self._stop(told, again, minute)
        else:
            self._order(told)

    def _stop(self, told: Told, again: bool, minute: int) -> None:
        ack = self.acks.get(told.number)
        if self.state in RUN:
            self.state = "ceased"
        elif again or self.state not in ("none", *LIVE):
            return
        elif told.kind == "cease":
            self.state = "cancelled" if self.state in ASKED else "ceased"
        elif self.state == "confirmed" and ack is not None and ack.issued >= self.plan[0][0]:
            return
        else:
            self.state = "cancelled"

    def _order(self, told: Told) -> None:
        ack = self.acks.get(told.number)
        if ack is not None and ack.said["decided"] != "received":
            if self.state in ("none", *LIVE):
                if ack.said["decided"] == "late":
                    self.state = "lapsed"
                elif not any(
                    o.number < told.number
                    and o.kind not in ("cease", "cancellation")
                    and o.number in self.acks
                    and self.acks[o.number].said["decided"] == "received"
                    for o in self.orders
                ):
                    self.state = "refused"
            return
        if told.number <= self.newest or self.state not in ("none", *LIVE):
            return
        if told.kind == "variation":
            self._variation(told)
        elif self._out_of_place(told):
            return
        elif told.kind == "schedule":
            self._take(told, "proposed", answered=False)
            self.countered = ()
        elif self.state == "countered" and told.periods != self.countered:
            return
        elif self.state != "none" or told.periods[0][0] >= told.issued + self.notice:
            self._take(told, "confirmed", answered=self.state in ("agreed", "countered"))

    def _out_of_place(self, told: Told) -> bool:
        if self.state in ASKED:
            return told.issued > self.head.said.get("confirm_by", self.plan[0][0])
        return self.state in RUN or (self.state == "confirmed" and told.kind == "schedule")

    def _variation(self, told: Told) -> None:
        if self.state not in ("confirmed", *RUN):
            self._take(told, "confirmed", answered=self.answered)
        elif any(_level(told.periods, m) > _level(self.plan, m) for m in range(told.issued, 2000)):
            self.pending, self.newest = told, told.number
        else:
            self._take(told, self.state, answered=self.answered)

    def _take(self, told: Told, state: str, *, answered: bool) -> None:
        self.state, self.head, self.plan, self.pending = state, told, told.periods, None
        self.answered, self.newest = answered, told.number
        if told.kind != "schedule" and self._taken_up(told):
            self.answered = True

    def _answer(self, told: Told, minute: int) -> None:
        if told.kind == "post_action":
            if self.state in ("completed", "ceased", "failed"):
                self.state = "reported"
        elif told.kind == "status":
            self._status(told.said["state"])
        elif told.answers is (self.pending or self.head):
            self._response(told, minute)

    def _status(self, word: str) -> None:
        if self.state == "confirmed" and word in ("executing", "failed"):
            self.answered, self.failed = True, word == "failed"
        if self.state not in RUN:
            return
        self.answered, self.failed = True, word == "failed"
        if word == "ceased":
            self.state = "ceased"
        elif word == "suspended":
            self.state = "suspended"
        elif word in ("resumed", "executing"):
            self.state = "running"

    def _response(self, told: Told, minute: int) -> None:
        answer, due = told.said["answer"], self._respond_by()
        in_time = due is None or minute <= due
        if self.pending is not None:
            if self.state in ("confirmed", *RUN) and answer != "partial":
                if answer == "accept":
                    self.head, self.plan = self.pending, self.pending.periods
                self.pending = None
        elif answer == "refuse":
            self.state = "refused" if self.state in (*ASKED, "confirmed") else self.state
        elif answer == "accept":
            if self.state == "proposed" and in_time:
                self.state = "agreed"
            elif self.state in ("confirmed", "agreed"):
                self.answered = True
        elif self.state in ("proposed", "confirmed", "countered") and in_time:
            self.state, self.countered = "countered", told.periods


def _rank(told: Told) -> tuple[bool, int]:
    return told.kind in ("cease", "cancellation"), told.number


def _level(periods: Sequence[tuple[int, int, int]], minute: int) -> int:
    return next((watts for start, end, watts in periods if start <= minute < end), 0)
