"""Did it really happen? An independent check of a demo, from what it left behind.

    python -I demo/checker SCENARIO DIRECTORY

Reads the scenario, and against it: every HTTP exchange as a proxy recorded it, the agents'
journals, the devices' own logs, the VTN's database, what the desk said, both ends' statements, the
exit codes. Imports nothing of this project, so that it shares no mistake with what it checks;
signatures are verified from the published format alone.

Exit codes: 0 everything agrees; 1 something does not, and each disagreement is named.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keeping
import metering
import paying
import power
import story
import texts
from evidence import Evidence

CHECKS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    texts.every_text_is_in_the_published_form,
    texts.every_text_is_signed_by_its_issuer,
    texts.revisions_rise_and_ids_are_used_once,
    texts.the_projection_says_the_same,
    story.everybody_said_what_was_expected,
    story.everything_was_acknowledged_once_and_in_time,
    story.acknowledgements_read_back_what_was_shown,
    story.the_cheapest_offers_were_taken,
    story.what_was_accepted_in_part_was_confirmed_so,
    story.the_desk_knows_where_each_dispatch_stands,
    story.the_desk_was_told_what_a_person_should_look_at,
    power.devices_held_just_what_was_asked,
    power.devices_were_told_in_time,
    power.runs_were_reported_as_they_were,
    metering.the_day_was_metered_whole,
    metering.the_readings_were_shown_as_they_came,
    metering.delivered_energy_is_what_the_devices_gave,
    paying.both_ends_say_the_same_of_what_is_paid,
    paying.what_was_given_is_paid_at_its_price,
    keeping.nobody_saw_what_is_others,
    keeping.the_vtn_kept_everything,
    keeping.both_ledgers_hold_the_same_texts,
    keeping.nothing_was_left_undone,
    keeping.agents_were_heard_of,
    keeping.nobody_came_in_without_a_token,
    keeping.the_killed_went_on_where_they_were,
    keeping.what_was_tampered_with_was_noticed,
    keeping.nothing_broke_on_the_wire,
    keeping.processes_ended_well,
)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__)
        return 2
    evidence = Evidence(Path(arguments[0]), Path(arguments[1]))
    wrong = 0
    for check in CHECKS:
        faults = _faults(check, evidence)
        print(f"  {'no ' if faults else 'yes'}  {check.__name__.replace('_', ' ')}")
        for fault in faults[:5]:
            print(f"         {fault}")
        if len(faults) > 5:
            print(f"         ... and {len(faults) - 5} more")
        wrong += bool(faults)
    total = len(CHECKS)
    print(f"{total - wrong} of {total} checks agree, over {len(evidence.exchanges)} HTTP exchanges")
    return 1 if wrong else 0


def _faults(check: Callable[[Evidence], Iterator[str]], evidence: Evidence) -> list[str]:
    """What a check finds; evidence it cannot even read is a fault, too."""
    try:
        return list(check(evidence))
    except (KeyError, IndexError, TypeError, ValueError, StopIteration, sqlite3.Error) as error:
        return [f"the evidence cannot be read: {error!r}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
