"""Where the texts of a thread stand in time, and what became of each: from signed words alone.

    schedule  accept        instruction    ┄┄┄┄ start        status        cancellation
    ──●─────────●───────────────●──────────────────●────────────●───────────●┄┄┄┄┄┄┄┄●──
    issued_at   issued_at   issued_at                           at       issued_at   acknowledged

- A text of the DSO's stands where it was issued, or acknowledged if that is earlier (a stop that
  was read by a clock that runs slow), but never before one that it follows: an extension read by
  such a clock would precede the order that it extends, and be taken for an order. A cancellation
  stands a second time where it was acknowledged: read after the start, it acts there as a cease
  (profile 3).
- A status stands at its `at`, any other answer where it was issued; neither before the text that
  it answers. Answers to texts that are not held say nothing yet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ukprofile.flex.dispatch import Held
from ukprofile.flex.times import read_time


@dataclass(frozen=True, slots=True)
class Happening:
    """A text where it stands in time. `answers` is what it answers; `decided` what became of it.

    `taken_up` says whether the VEN showed, by a word about it or about a later one, that it did.
    """

    at: datetime
    held: Held
    answers: Held | None = None
    decided: str = ""
    acknowledged_at: datetime | None = None
    earlier_held: bool = False
    taken_up: bool = False
    again: bool = False

    @property
    def place(self) -> tuple[datetime, int]:
        return self.at, 1 if self.answers is None else 2

    @property
    def order(self) -> tuple[datetime, int, bool, int, str, bool]:
        return (*self.place, *self.held.order, self.held.sha256, self.again)


def happenings(
    texts: Iterable[Held], answers: Iterable[Held], *, own: bool = False
) -> list[Happening]:
    """Every text at its time, each once, in an order that does not depend on how they came.

    `own` texts were decided here: what counts was taken up, whatever became of the
    acknowledgement.
    """
    orders = {held.sha256: held for held in texts}
    replies = {held.sha256: held for held in answers}
    acknowledged = _acknowledgements(replies.values())
    found = list[Happening]()
    for held in sorted(orders.values(), key=lambda h: h.order):
        followed = (h for h in found if h.held.header.issued_at <= held.header.issued_at)
        before = [h.at for h in followed if not h.again]
        found += _order(held, before, acknowledged, orders, replies.values(), own=own)
    for reply in replies.values():
        reference = reply.header.in_reply_to
        answered = None if reference is None else orders.get(reference.sha256)
        if answered is not None and reply.header.kind != "acknowledgement":
            found.append(Happening(_time_of(reply, answered), reply, answered))
    return sorted(found, key=lambda h: h.order)


def _acknowledgements(replies: Iterable[Held]) -> dict[str, Held]:
    """The acknowledgement of each text; of several the oldest, since the stored answer stands."""
    found: dict[str, Held] = {}
    for reply in sorted(replies, key=lambda r: (*r.order, r.sha256), reverse=True):
        if reply.header.kind == "acknowledgement" and reply.header.in_reply_to is not None:
            found[reply.header.in_reply_to.sha256] = reply
    return found


def _order(
    held: Held,
    before: Iterable[datetime],
    acknowledged: Mapping[str, Held],
    orders: Mapping[str, Held],
    replies: Iterable[Held],
    *,
    own: bool,
) -> list[Happening]:
    said = acknowledged.get(held.sha256)
    issued = held.header.issued_at
    at = max((issued if said is None else min(issued, said.header.issued_at), *before))
    one = Happening(
        at,
        held,
        decided=_decided(held, said),
        acknowledged_at=None if said is None else said.header.issued_at,
        earlier_held=any(
            other.order <= held.order and _decided(other, acknowledged.get(sha256)) == "received"
            for sha256, other in orders.items()
            if sha256 != held.sha256 and (own or sha256 in acknowledged)
        ),
        taken_up=(own and held.counts) or any(_takes_up(reply, held, orders) for reply in replies),
    )
    if held.header.kind == "cancellation" and said is not None and said.header.issued_at > at:
        return [one, replace(one, at=said.header.issued_at, again=True)]
    return [one]


def _takes_up(reply: Held, held: Held, orders: Mapping[str, Held]) -> bool:
    reference = reply.header.in_reply_to
    answered = None if reference is None else orders.get(reference.sha256)
    if answered is None or answered.order < held.order:
        return False
    if reply.header.kind == "acknowledgement":
        return not answered.header.stop and reply.body.get("decided") == "received"
    return reply.header.kind in ("status", "post_action")


def _decided(held: Held, said: Held | None) -> str:
    if said is not None:
        return str(said.body.get("decided"))
    return "late" if held.void else "received" if held.counts else "refused"


def _time_of(reply: Held, answered: Held) -> datetime:
    at = reply.header.issued_at
    if reply.header.kind == "status":
        at = min(at, read_time(reply.body.get("at")) or at)
    return max(at, answered.header.issued_at)
