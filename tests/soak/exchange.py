"""Desk and agent exchange the texts of one dispatch over a channel that loses, repeats, reorders.

    desk ──schedule, instruction, variation, stop──▶ ??? ──▶ agent
     ▲                                                         │ acknowledges, answers, reports
     └──────────────── ??? ◀───────────────────────────────────┘
    each derives the state from what it holds; a third one, `Ticking`, from everything

Once both hold the same they agree, whatever happened on the way; and with `Ticking` always.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.made import minute, terms
from tests.soak.progress import Progress, fingerprint
from tests.soak.ticking import ASKED, Ticking, Told
from ukprofile.flex.course import Course, dispatch_state
from ukprofile.flex.dispatch import Held, Period, Thread
from ukprofile.flex.header import Header, Reference
from ukprofile.flex.states import NEVER_RAN, State
from ukprofile.flex.timers import has_passed
from ukprofile.flex.times import milliseconds, time_text

_TIMES = ("respond_by", "confirm_by", "cease_at", "at")
_STEPS = 50


def held_of(told: Told, received: int, **state: bool) -> Held:
    """A text as an end holds it."""
    body = {k: time_text(minute(v)) if k in _TIMES else v for k, v in told.said.items()}
    numbered = enumerate(told.periods)
    periods = [Period(n, minute(s), minute(e), w).to_json() for n, (s, e, w) in numbered]
    answered = told.answers
    header = Header(
        kind=told.kind,
        message_id="",
        issuer="UKPN" if answered is None else "FSP7",
        recipient="FSP7" if answered is None else "UKPN",
        environment="sandbox",
        program="UKPN:C1",
        thread="D1",
        revision=milliseconds(minute(0)) + told.number,
        issued_at=minute(told.issued),
        valid_until=minute(3000),
        key_set="",
        accept_by=minute(told.said["accept_by"]) if "accept_by" in told.said else None,
        in_reply_to=None if answered is None else Reference(answered.number, str(answered.number)),
    )
    body |= {"periods": periods, "channel": "api"}
    return Held(str(told.number), header, body, minute(received), **state)


class End:
    """What one end holds: texts in the order they came, each with when it came, and its verdict."""

    def __init__(self) -> None:
        self.orders: dict[int, Held] = {}
        self.answers: dict[int, Held] = {}

    def course(self, now: int, side: str, silence: str) -> Course:
        thread = Thread(tuple(self.orders.values()))
        answers = list(self.answers.values())
        return dispatch_state(thread, answers, minute(now), _terms(silence), side)

    @property
    def holds(self) -> tuple[set[int], set[tuple[int, bool]]]:
        return set(self.orders), {(n, held.counts) for n, held in self.answers.items()}


def _terms(silence: str):
    return terms(silence=silence, notice_s=120, respond_s=1800)


class Exchange(RuleBasedStateMachine):
    """The rules: what either end may do, what the channel does, and that time passes."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.now, self.number, self.slow = 0, 0, 0
        self.silence = "refuse"
        self.desk, self.agent = End(), End()
        self.told: dict[int, Told] = {}
        self.down: list[Told] = []
        self.up: list[Told] = []

    @initialize(
        silence=st.sampled_from(["refuse", "accept"]),
        slow=st.sampled_from([0, 0, 2, 60]),
        kind=st.sampled_from(["schedule", "instruction", "variation"]),
        respond=st.sampled_from([None, None, 10]),
    )
    def contract(self, silence: str, slow: int, kind: str, respond: int | None) -> None:
        self.silence, self.slow = silence, slow
        self.desk_orders(kind, 20, 60, 1000, respond, None, bad=False)

    @rule(minutes=st.sampled_from([1, 2, 5, 20]))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes

    @rule(after=st.sampled_from([0, 0, 1]))
    def the_next_timer_is_due(self, after: int) -> None:
        timer = self.desk.course(self.now, "dso", self.silence).timer
        if timer is not None and timer.at < minute(1000):
            self.now = max(self.now, _minute_of(timer.at)) + after

    # -- the desk ----------------------------------------------------------------------------------

    @rule(
        kind=st.sampled_from(["schedule", "instruction", "instruction", "variation"]),
        start=st.integers(1, 40),
        length=st.sampled_from([10, 30, 60]),
        watts=st.sampled_from([1000, 2000]),
        respond=st.sampled_from([None, 0, 5, 30]),
        confirm=st.sampled_from([None, 0, 1]),
        bad=st.sampled_from([False, False, False, True]),
    )
    def desk_orders(self, kind, start, length, watts, respond, confirm, bad) -> None:
        course = self.desk.course(self.now, "dso", self.silence)
        periods = ((self.now + start, self.now + start + length, watts),)
        if kind == "variation" and course.known.plan:
            first = course.known.plan[0].start
            begin = _minute_of(first)
            periods = ((begin, max(begin, self.now) + length, watts),)
        elif kind == "instruction" and course.state is State.COUNTERED:
            periods = _minutes(course.known.countered)
        said = {"accept_by": self.now + 20, "bad": bad}
        if respond is not None and kind != "variation":
            said["respond_by"] = self.now + respond
        if confirm is not None and kind == "schedule":
            said["confirm_by"] = self.now + start - confirm
        self._desk_says(kind, periods, said)

    @precondition(lambda self: sum(h.header.stop for h in self.desk.orders.values()) < 2)
    @precondition(lambda self: len(self.told) > 8 or self.now > 60)
    @rule(kind=st.sampled_from(["cease", "cancellation"]), ahead=st.integers(0, 20))
    def desk_stops(self, kind: str, ahead: int) -> None:
        self._desk_says(kind, (), {"cease_at": self.now + ahead} if kind == "cease" else {})

    def _desk_says(self, kind: str, periods: tuple, said: dict) -> None:
        """Sign and send what the state table lets the desk say; stops always."""
        told = self._tell(kind, self.now, periods, said)
        before = self.desk.course(self.now, "dso", self.silence)
        self.desk.orders[told.number] = held_of(told, self.now)
        after = self.desk.course(self.now, "dso", self.silence)
        new = [s for s in after.steps if s.held is self.desk.orders[told.number]]
        if new and new[0].outcome.effect == "refused":
            assert after.state is before.state
            del self.desk.orders[told.number], self.told[told.number]
        else:
            self.down.append(told)

    # -- the agent ---------------------------------------------------------------------------------

    @precondition(lambda self: self.down)
    @rule(data=st.data(), again=st.booleans())
    def a_text_arrives(self, data: st.DataObject, again: bool) -> None:
        index = data.draw(st.integers(0, len(self.down) - 1))
        self._arrives(self.down[index] if again else self.down.pop(index))

    def _arrives(self, told: Told) -> None:
        if told.number in self.agent.orders:
            return
        decided = "received"
        if told.kind not in ("cease", "cancellation"):
            late = self._clock > told.said["accept_by"]
            held = [h for h in self.agent.orders.values() if h.counts]
            nothing = Thread(tuple(held)).confirmed is None
            decided = "refused" if told.said["bad"] else "late" if late and nothing else "received"
        verdict = {"counts": decided == "received", "void": decided == "late"}
        self.agent.orders[told.number] = held_of(told, self._clock, **verdict)
        self._agent_says("acknowledgement", told, said={"decided": decided})

    @precondition(lambda self: self.agent.orders)
    @rule(data=st.data(), answer=st.sampled_from(["accept", "accept", "partial", "refuse"]))
    def agent_responds(self, data: st.DataObject, answer: str) -> None:
        told = self.told[data.draw(st.sampled_from(sorted(self.agent.orders)[-2:]))]
        less = tuple((start, end, 500) for start, end, _ in told.periods)
        if told.periods:
            periods = less if answer == "partial" else ()
            self._agent_says("response", told, periods, {"answer": answer})

    @precondition(lambda self: self.agent.orders)
    @rule(
        data=st.data(),
        word=st.sampled_from(
            ["executing", "executing", "suspended", "resumed", "failed", "ceased", "completed"]
        ),
        ago=st.sampled_from([0, 0, 1, 5]),
    )
    def agent_says_how_it_runs(self, data: st.DataObject, word: str, ago: int) -> None:
        told = self.told[data.draw(st.sampled_from(sorted(self.agent.orders)[-2:]))]
        self._agent_says("status", told, (), {"state": word, "at": self._clock - ago})

    @precondition(lambda self: self.agent.orders)
    @rule()
    def agent_reports(self) -> None:
        self._agent_says("post_action", self.told[max(self.agent.orders)], (), {})

    @property
    def _clock(self) -> int:
        """The agent's, which may be slow."""
        return self.now - self.slow

    def _agent_says(self, kind: str, to: Told, periods: tuple = (), said=None) -> None:
        told = self._tell(kind, self._clock, periods, said or {}, to)
        self.agent.answers[told.number] = held_of(told, self._clock)
        self.up.append(told)

    # -- the channel -------------------------------------------------------------------------------

    @precondition(lambda self: self.up)
    @rule(data=st.data(), again=st.booleans(), reply_lost=st.booleans())
    def an_answer_arrives(self, data: st.DataObject, again: bool, reply_lost: bool) -> None:
        index = data.draw(st.integers(0, len(self.up) - 1))
        told = self.up[index]
        self._posted(told, reply_lost)
        if not again and not reply_lost:
            self.up.pop(index)

    def _posted(self, told: Told, reply_lost: bool = False) -> None:
        """The desk takes an answer, or refuses it as late; the agent may not hear which."""
        if told.number not in self.desk.answers:
            late = False
            if told.kind == "response" and told.said["answer"] != "refuse":
                late = self.now > told.answers.said.get("respond_by", self.now)
            self.desk.answers[told.number] = held_of(told, self.now, counts=not late)
        if not reply_lost:
            counts = self.desk.answers[told.number].counts
            mine = self.agent.answers[told.number]
            self.agent.answers[told.number] = replace(mine, counts=counts)

    @precondition(lambda self: self.down)
    @rule()
    def the_newest_replaces_what_was_not_fetched(self) -> None:
        """An event shows its newest revision only."""
        self.down = [max(self.down, key=lambda told: told.number)]

    @rule()
    def everything_arrives(self) -> None:
        for told in [self.told[n] for n in self.desk.orders]:
            self._arrives(told)
        for number in sorted(self.agent.answers):
            self._posted(self.told[number])
        self.down.clear()
        self.up.clear()
        assert self.desk.holds == self.agent.holds

    # -- what always holds -------------------------------------------------------------------------

    @invariant()
    def they_agree(self) -> None:
        type(self).steps += 1
        desk = self.desk.course(self.now, "dso", self.silence)
        agent = self.agent.course(self.now, "ven", self.silence)
        assert desk.state == self._ticking(self.desk, "dso"), _told(desk)
        assert agent.state == self._ticking(self.agent, "ven"), _told(agent)
        assert desk.timer is None or not has_passed(desk.timer, minute(self.now))
        if self.desk.holds == self.agent.holds and desk.state != agent.state:
            # the VEN may still read an instruction that was issued in time
            assert desk.state is State.LAPSED
            assert agent.state in ASKED or agent.state in NEVER_RAN, _told(agent)

    @invariant()
    def an_end_that_starts_anew_knows_the_same(self) -> None:
        chance = random.Random(self.number)
        for end, side in ((self.desk, "dso"), (self.agent, "ven")):
            anew = End()
            for mine, kept in ((anew.orders, end.orders), (anew.answers, end.answers)):
                mine.update(chance.sample(sorted(kept.items()), len(kept)))
            assert anew.course(self.now, side, self.silence) == end.course(
                self.now, side, self.silence
            )

    def _ticking(self, end: End, side: str) -> str:
        orders = [self.told[n] for n, h in end.orders.items()]
        answers = [self.told[n] for n, h in sorted(end.answers.items()) if h.counts]
        return Ticking(orders, answers, self.now, side, self.silence, 30, 2).state

    def _tell(self, kind, issued, periods, said, answers=None) -> Told:
        self.number += 1
        told = Told(self.number, kind, issued, periods, said, answers)
        self.told[self.number] = told
        return told


def _told(course: Course) -> str:
    """A course in one line, for a person who looks for the fault."""
    steps = [f"{_minute_of(s.at)} {s.event} -> {s.outcome.state}" for s in course.steps]
    return "; ".join(steps)


def _minutes(periods: Sequence[Period]) -> tuple[tuple[int, int, int], ...]:
    return tuple((_minute_of(p.start), _minute_of(p.end), p.level_w) for p in periods)


def _minute_of(when: datetime) -> int:
    return math.floor((when - minute(0)).total_seconds() / 60)


def run(number: int, examples: int, *, shrink: bool = True) -> int:
    """So many exchanges, drawn from `number`; returns the steps they took.

    Raises the AssertionError of a disagreement, by the shortest way to it with `shrink`.
    """
    kind = type("Exchange", (Exchange,), {"steps": 0})
    chosen = settings(
        max_examples=examples,
        stateful_step_count=_STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        phases=(Phase.generate, *((Phase.shrink,) if shrink else ())),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(kind), settings=chosen)
    return kind.steps


def campaign(
    folder: Path, told: Callable[[str], None] = print, steps: int = 100_000, examples: int = 20
) -> None:
    """Exchange until so many steps are done. Raises what the first disagreement raises."""
    progress = Progress(folder, f"{examples} {fingerprint('ukprofile', 'tests/soak')}")
    done = sum(progress.finished.values())
    while done < steps:
        number = len(progress.finished)
        taken = run(20261125 + number, examples)
        progress.finish(str(number), taken)
        done += taken
        told(f"seed {20261125 + number}: {done} of {steps} steps, and no disagreement")
