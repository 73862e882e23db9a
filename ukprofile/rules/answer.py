"""The rules of what a VEN answers (profile 3 response, post_action; 5)."""

from collections.abc import Iterator

from ukprofile.flex.contract import local_day
from ukprofile.flex.dispatch import read_periods
from ukprofile.flex.times import read_time
from ukprofile.rules.rule import Case, Finding, Rule

_RESPONSE = frozenset({"response"})
_PERIODS = "/body/periods"
_SERIES = ("metered_w", "metered_wh", "baseline_w", "delivered_wh", "quality")


def not_outside_what_was_asked(case: Case) -> Iterator[Finding]:
    """A partial acceptance starts 0 to max_start_delay_s later, and ends no later."""
    asked = {p.id: p for p in read_periods(case.answered or {})}
    for index, period in enumerate(case.periods):
        was = asked.get(period.id)
        if was is None or case.terms is None:
            continue
        latest = was.start + case.terms.most_start_delay
        if not was.start <= period.start <= latest or period.end > was.end:
            yield (
                f"{_PERIODS}/{index}",
                (f"starts up to {case.terms.most_start_delay} later, and ends no later"),
            )


def not_more_than_asked(case: Case) -> Iterator[Finding]:
    """A response never offers more than was asked for, nor periods that were not."""
    asked = {p.id: p for p in read_periods(case.answered or {})}
    for index, period in enumerate(case.periods):
        was = asked.get(period.id)
        if was is None or abs(period.level_w) > abs(was.level_w):
            yield f"{_PERIODS}/{index}", "more than was asked for"


def power_enough(case: Case) -> Iterator[Finding]:
    """A partial acceptance offers at least min_power_w."""
    for index, period in enumerate(case.periods):
        if case.terms is not None and abs(period.level_w) < case.terms.least_power_w:
            yield f"{_PERIODS}/{index}", f"the least is {case.terms.least_power_w:,} W"


def long_enough(case: Case) -> Iterator[Finding]:
    """A partial acceptance runs at least min_run_s."""
    if case.terms is not None and case.periods:
        run = case.periods[-1].end - case.periods[0].start
        if run < case.terms.least_run:
            yield _PERIODS, f"runs {run}, the least is {case.terms.least_run}"


def series_fill_the_day(case: Case) -> Iterator[Finding]:
    """The series of a whole local day has a value for each interval: 46, 48 or 50 half hours."""
    start, interval = read_time(case.body["start"]), case.body["interval_s"]
    lengths = {name: len(case.body[name]) for name in _SERIES if name in case.body}
    if len(set(lengths.values())) > 1:
        yield "/body", f"series of different lengths: {lengths}"
    if start is None or case.body.get("parts") != 1:
        return
    first, last = local_day(start)
    due = int((last - first).total_seconds()) // interval
    if start == first and any(length != due for length in lengths.values()):
        yield "/body/delivered_wh", f"that local day has {due} intervals of {interval} s"


RULES = (
    Rule(
        "START_DELAY",
        "profile 3 response; 5 max_start_delay",
        "relation",
        _RESPONSE,
        not_outside_what_was_asked,
    ),
    Rule("EXCEEDS_REQUEST", "profile 3 response", "relation", _RESPONSE, not_more_than_asked),
    Rule("BELOW_MIN_POWER", "profile 5 min_power", "relation", _RESPONSE, power_enough),
    Rule("BELOW_MIN_RUN", "profile 5 min_run", "relation", _RESPONSE, long_enough),
    Rule(
        "BODY_VALUE",
        "profile 3 post_action; requirement B3",
        "object",
        frozenset({"post_action"}),
        series_fill_the_day,
    ),
)
"""In the order in which they are checked."""
