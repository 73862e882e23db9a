"""Receiving a signed message, at either end (profile 2, Receiving).

    text, signatures ──open_message──▶ Opened ──decide(ledger)──▶ Decision ──▶ ledger.keep
                       steps 1-3: pure, heavy,   steps 4-6: order and rules,    in one transaction
                       any thread                 in the writer's turn         with plan, answer

Before `open_message`, ask `repeat(text, ledger)`: a text already decided needs no verification.
"""

from ukprofile.receiving.deciding import decide, receiving_time, repeat, unknown_fields
from ukprofile.receiving.ledger import SENT, STANDING, Entry, Ledger, MemoryLedger, Slot
from ukprofile.receiving.opening import open_message, parse_text, sent_entry
from ukprofile.receiving.thread import Stop, Thread
from ukprofile.receiving.values import Carrier, Context, Decision, Opened, Verdict

__all__ = [
    "SENT",
    "STANDING",
    "Carrier",
    "Context",
    "Decision",
    "Entry",
    "Ledger",
    "MemoryLedger",
    "Opened",
    "Slot",
    "Stop",
    "Thread",
    "Verdict",
    "decide",
    "open_message",
    "parse_text",
    "receiving_time",
    "repeat",
    "sent_entry",
    "unknown_fields",
]
