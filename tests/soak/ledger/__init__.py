"""Was anything lost, was anything done twice? A judge of what a round of kills left behind.

    http.jsonl                   what the VTN was asked, and what it answered  ─┐
    vtn/vtn.db                   what it acknowledged by that                   ├─▶ statements, each
    AGENT/journal.db             what the agent received, planned, said         │   with what breaks it
    AGENT/devices/ASSET.jsonl    what the device took, by its own log          ─┘

It imports nothing of the programs that it judges, so that it shares no mistake with them; texts
are verified from the published format alone. Who was killed when it does not know: what a process
had time for follows from how often it was seen on the wire.
"""

from collections.abc import Callable, Iterator

from tests.soak.ledger import kept, outcome, power
from tests.soak.ledger.evidence import Evidence
from tests.soak.ledger.outcome import ends

STATEMENTS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    kept.what_was_answered_is_stored,
    kept.what_was_shown_is_stored,
    kept.what_an_agent_acknowledged_is_in_its_journal,
    kept.what_an_agent_said_is_in_its_journal,
    kept.every_text_is_signed_by_its_issuer,
    kept.no_number_is_used_twice,
    power.devices_took_what_was_planned_and_nothing_else,
    power.no_command_was_executed_twice,
    power.devices_held_what_was_acknowledged,
    power.nothing_ran_after_a_stop,
    outcome.every_dispatch_was_delivered_or_told_of,
    outcome.what_was_overdue_was_alarmed,
    outcome.nothing_was_left_undone,
)


def judge(evidence: Evidence) -> list[str]:
    """Every fault of a round, each with the statement that it breaks."""
    return [
        f"{statement.__name__.replace('_', ' ')}: {fault}"
        for statement in STATEMENTS
        for fault in statement(evidence)
    ]


__all__ = ["STATEMENTS", "Evidence", "ends", "judge"]
