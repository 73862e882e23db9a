"""How the DSO signs: header, revision, seal.

A revision is `max(last + 1, unix time in ms)` (profile 2): higher than everything this thread
holds, and, by the floor of `vtn.domain.restored`, than whatever a restored store has forgotten.
Two revisions of one thread made at the same moment cannot both stand: the VTN takes one, and
refuses the other as stale or equivocal.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.header import Header, Reference, uuid7
from ukprofile.flex.kinds import family
from ukprofile.flex.times import milliseconds
from ukprofile.receiving import Slot
from ukprofile.signing import Sealed, SigningKeys, seal
from vtn.domain.clocks import REMEDY
from vtn.domain.restored import read_restored
from vtn.domain.store import Store


class Signer:
    """Signs for one DSO in one environment: with one suite, or a higher one if its floor is."""

    def __init__(
        self,
        store: Store,
        keys: SigningKeys,
        suite: int,
        environment: str,
        random_bytes: Callable[[int], bytes],
        doubt: Callable[[], str] = lambda: "",
    ) -> None:
        """`doubt` says why the clock cannot be believed; "" = it can."""
        self._store = store
        self._keys = keys
        self._suite = suite
        self._environment = environment
        self._random_bytes = random_bytes
        self._doubt = doubt

    @property
    def party(self) -> str:
        """The DSO's party id."""
        return self._keys.party

    @property
    def environment(self) -> str:
        """What its signatures count in: production or sandbox."""
        return self._environment

    def slot(self, program: str, recipient: str, family: str, thread: str) -> Slot:
        """Where the order of a thread of the DSO's is kept."""
        return Slot(self.party, recipient, self._environment, program, family, thread)

    async def sign(
        self,
        kind: str,
        program: str,
        recipient: str,
        thread: str,
        body: Mapping[str, Any],
        now: datetime,
        *,
        valid_until: datetime,
        accept_by: datetime | None = None,
        in_reply_to: Reference | None = None,
    ) -> tuple[Sealed, Header]:
        """A signed message, and its header.

        Raises Refused CLOCK_STEP while the clock cannot be believed (research security 4), and as
        `signing.seal`.
        """
        if doubt := self._doubt():
            raise Refused("CLOCK_STEP", f"{doubt}: nothing is signed. {REMEDY}")
        slot = self.slot(program, recipient, family(kind, body), thread)
        held, restored = await self._store.read(lambda tx: (tx.thread(slot), read_restored(tx)))
        last = max((entry.revision for entry in held), default=0)
        suite = max(self._suite, self._store.live.register.floor(slot.issuer))
        header = Header(
            kind=kind,
            message_id=uuid7(now, self._random_bytes),
            issuer=slot.issuer,
            recipient=recipient,
            environment=self._environment,
            program=program,
            thread=thread,
            revision=max(last + 1, restored.floor(program, thread), milliseconds(now)),
            issued_at=now.replace(microsecond=0),
            valid_until=valid_until,
            accept_by=accept_by,
            in_reply_to=in_reply_to,
            key_set=self._keys.key_set,
            suite=suite,
        )
        return await asyncio.to_thread(seal, header.to_json(body), self._keys, suite), header
