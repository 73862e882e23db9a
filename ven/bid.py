"""Offering in markets: an offer to each request, once; and taken back when it is void.

    request ─────────▶ the most that is free ─▶ availability    nothing = no offer
    request changed ─▶ what is free now ──────▶ its next revision, or withdrawn
    request withdrawn ────────────────────────▶ withdrawn

As responses, offers are worked out beside the journal and signed in it, if all is still the same.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ukprofile.flex.offer import Availability
from ven.anchor import carried_by
from ven.answer import Voice, own_thread, reply
from ven.device.ability import Ability, Load
from ven.foresight import Foresight, available
from ven.journal import Book, Journal
from ven.offer import Terms, offer, size
from ven.offering import Chance, chances, offered, overtaken, reservations, withdraw
from ven.promises import outlook, spoken_for

_AT_LAST = timedelta(minutes=1)
"""So long before respond_by it is offered without devices that do not say what they could do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One chance, and everything an offer to it depends on."""

    chance: Chance
    promised: Mapping[str, tuple[Load, ...]]
    able: Mapping[str, tuple[Ability, ...]]


class Bidder:
    """Makes and withdraws offers, on `terms`; None = it makes none, and still withdraws."""

    def __init__(
        self, journal: Journal, voice: Voice, weights: Mapping[str, int], terms: Terms | None
    ) -> None:
        self._journal = journal
        self._voice = voice
        self._weights = weights
        self._terms = terms

    def until(self, book: Book, now: datetime) -> datetime | None:
        """Until when devices must look ahead for offers; None = there is nothing to offer to."""
        open_ = chances(book, now) if self._terms is not None else []
        ends = [chance.request.end for chance in open_]
        ends += [p.end for one in reservations(book, now) for p in one.periods] if open_ else []
        return max(ends, default=None)

    async def withdraw(self, now: datetime) -> bool:
        """Withdraw offers whose request was withdrawn; whether there were any."""
        if not await self._journal.read(overtaken):
            return False

        def take_back(book: Book) -> bool:
            for one in overtaken(book):
                assert one.request is not None
                event_id = carried_by(book, one.request.slot)
                withdraw(book, self._voice, one, "REQUEST_WITHDRAWN", event_id, now)
            return True

        return await self._journal.write(take_back)

    async def look(self, seen: Foresight, now: datetime) -> tuple[bool, bool]:
        """Offer to every chance; whether anything was said, and whether something is left."""
        if self._terms is None:
            return False, False
        said, seen_to, left = False, set[str](), False

        def ask(book: Book) -> Question | None:
            for chance in chances(book, now):
                if chance.entry.sha256 not in seen_to and chance.request.end <= seen.until:
                    return self._question(book, chance, seen, now)
            return None

        while (question := await self._journal.read(ask)) is not None:
            chance = question.chance
            if _waits(chance, seen, now):
                seen_to.add(chance.entry.sha256)
                left = True
                continue
            body = await asyncio.to_thread(self._best, question, self._terms)
            done = await self._journal.write(self._say(question, body, seen, now))
            if done is not None:
                seen_to.add(chance.entry.sha256)
                said |= done
        return said, left

    def _question(self, book: Book, chance: Chance, seen: Foresight, now: datetime) -> Question:
        able = available(book, seen.able)
        mine = own_thread("AV", chance.entry.slot.thread)
        kept = reservations(book, now, but=mine)
        dispatched = outlook(book, now)[1]
        return Question(chance, spoken_for(dispatched, kept, self._weights, able, now), able)

    def _best(self, question: Question, terms: Terms) -> Availability | None:
        """The offer under whichever contract can give most."""
        request = question.chance.request
        found = [
            body
            for contract in question.chance.contracts
            if (
                body := offer(
                    request, contract, terms, self._weights, question.promised, question.able
                )
            )
        ]
        return max(found, key=size, default=None)

    def _say(
        self, question: Question, body: Availability | None, seen: Foresight, now: datetime
    ) -> Callable[[Book], bool | None]:
        """Sign it, if all is still as it was; whether anything was said, None = it has changed."""

        def say(book: Book) -> bool | None:
            chance = question.chance
            if chance not in chances(book, now):
                return None
            if self._question(book, chance, seen, now) != question:
                return None
            event_id = carried_by(book, chance.entry.slot)
            if body is not None:
                reply(book, self._voice, chance.entry, body, event_id, now)
                return True
            mine = own_thread("AV", chance.entry.slot.thread)
            before = [o for o in offered(book) if o.entry.slot.thread == mine]
            for one in (o for o in before if o.course == "open"):
                withdraw(book, self._voice, one, "UNAVAILABLE", event_id, now)
                return True
            return False

        return say


def _waits(chance: Chance, seen: Foresight, now: datetime) -> bool:
    """Whether devices that did not answer are asked once more: there is time."""
    mine = {asset for contract in chance.contracts for asset in contract.asset_ids}
    return bool(seen.silent & mine) and now + _AT_LAST < chance.request.respond_by
