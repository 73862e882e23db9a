"""The desk over somebody else's VTN (requirement C8): what it publishes goes there, what FSPs
answer there comes back.

    desk, office ─▶ store (rules, ledger, on disk) ─▶ Publisher ─▶ other VTN ─▶ FSPs
                      ▲                                               │
                      └────── admission ◀── Collector ◀── reports ────┘

The desk works on this VTN's own tables, so that nothing depends on how long the other one is
away, or on what it makes of an object: only the signed text counts, at either end.
"""

from vtn.relay.collect import Collector
from vtn.relay.publish import Lag, Publisher

__all__ = ["Collector", "Lag", "Publisher"]
