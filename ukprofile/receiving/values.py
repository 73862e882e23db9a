"""The values that go into receiving and come out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ukprofile.flex.header import Header
from ukprofile.flex.projection import Projected
from ukprofile.receiving.ledger import Entry, Slot
from ukprofile.trust import Register, Role

Verdict = Literal[
    "act",
    "hold",
    "noop",
    "silent",
    "stale",
    "late",
    "expired",
    "refused",
    "alarm+act",
    "alarm+noop",
]
"""The verdicts of codes.md."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who receives: what "mine" means in step 3.

    `party` and `role` are the receiver's own. `programs` maps each program that is mine (contract
    id or market id) to the parties at its other end: for a VEN the one DSO; for the VTN of a DSO
    the ven of the contract, or every ven granted in a market. Any Mapping will do; only `get` is
    called. Safe to share between threads as long as the mapping is.
    """

    party: str
    role: Role
    environment: str
    register: Register
    programs: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Carrier:
    """What brought the text.

    `program`: contract or market id of the program of the carrying event ("" = unknown: not
    checked). `client`: the party whose token posted it ("" = nobody posted: a VEN reads).
    `projection`: what the intervals beside the message say (`mapping.carrier.message_in`); None =
    not compared (a program with UKFLEX_PROJECTION none, a report).
    """

    program: str = ""
    client: str = ""
    projection: tuple[Projected, ...] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A text that passed steps 1 to 3: genuine, well-formed, and meant for me."""

    text: str
    signatures: tuple[str, ...]
    sha256: str
    header: Header
    body: Mapping[str, Any]
    slot: Slot
    stop: bool
    context: Context
    carrier: Carrier


@dataclass(frozen=True, slots=True)
class Decision:
    """What a receiver makes of a text: verdict, reason and alarm as in codes.md, "" for none.

    `answer` is the `decided` of the acknowledgement to send ("" = none). `notices` are pointers
    of fields that were ignored or alerted. `detail`, `path` and `clause` explain a refusal.
    `entry` is what the caller must `keep`, in the transaction that carries out the decision;
    None where there is nothing to remember. `earlier` is the entry of a repeated text: its
    verdict and reason stand.
    """

    verdict: Verdict
    reason: str = ""
    alarm: str = ""
    answer: str = ""
    notices: tuple[str, ...] = ()
    detail: str = ""
    path: str = ""
    clause: str = ""
    entry: Entry | None = None
    earlier: Entry | None = None

    @property
    def acts(self) -> bool:
        """Whether the text became part of its thread: the plan may have changed."""
        return self.verdict in ("act", "alarm+act", "hold")
