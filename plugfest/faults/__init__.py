"""A network, and people in it, that misbehave: proxies whose faults follow from a seed.

    client ──▶ tcp        bytes: slow, cut, swallowed, changed
           ──▶ http       exchanges: twice, overtaken, too late, unanswered, refused, stale, cut
           ──▶ meddling   messages: whatever `tampering` lists, on command
           ──▶ server

Each writes a JSON line for every fault that struck. `python -m plugfest.faults` runs one.
"""

from plugfest.faults.tcp import Fate, Faults, Odds, fate, misbehaving

__all__ = ["Fate", "Faults", "Odds", "fate", "misbehaving"]
