"""The DSO's office: who may come in, whose keys count, which contracts there are.

    add_client    OAuth client, and for a VEN its ven object with the targets granted to it
    add_key_set   an FSP's public keys, pinned
    add_contract  program + grant to the FSP's ven + its assets as resources + signed terms

Everything is written through `Objects` as the business logic would write it, so that the same
rules hold for the office as for anybody's client.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ukprofile.clock import Clock
from ukprofile.errors import Refused
from ukprofile.flex.contract import ContractTerms
from ukprofile.flex.fields import Fault
from ukprofile.flex.kinds import KINDS
from ukprofile.mapping.contract import (
    CONTRACT_ATTRIBUTE,
    attribute,
    contract_event,
    contract_program,
    dso_of,
    is_market,
    target_of,
)
from ukprofile.openadr import JSON, Program
from ukprofile.signing import Sealed, canonical_text
from ukprofile.trust import KeySet, Register
from vtn.domain.clients import (
    SCOPES,
    add_client,
    check_new,
    disable_client,
    hash_secret,
    new_secret,
)
from vtn.domain.draft import nfc
from vtn.domain.grants import OFFICE, grant, ven_of, ven_request
from vtn.domain.live import Field
from vtn.domain.objects import Objects
from vtn.domain.record import Client, Kind, Record, Role
from vtn.domain.signer import Signer
from vtn.domain.store import Store

__all__ = ["OFFICE", "PROJECTIONS", "Office"]

PROJECTIONS = ("gb-draft", "none")
"""With the draft GB API's payloads beside each message, or without."""

_NOT_IN_AN_ID = re.compile(r"[^a-z0-9_-]+")


class Office:
    """Administration of one VTN. Raises Refused only."""

    def __init__(self, store: Store, objects: Objects, signer: Signer, clock: Clock) -> None:
        """`clock` is the business clock, by which terms are issued."""
        self._store = store
        self._objects = objects
        self._signer = signer
        self._clock = clock

    # -- clients -------------------------------------------------------------------------------

    async def add_client(
        self, name: str, role: Role, targets: Sequence[str] = ()
    ) -> tuple[Client, str]:
        """A new client and its secret, which is shown here and never again.

        A VEN's client gets its ven object, named as the client, with `targets` granted; the
        client comes last, so that all of it may be said again after it was cut short. Raises
        Refused NOT_UNIQUE, NAME_INVALID, BODY_INVALID.
        """
        if targets and role is not Role.VEN:
            raise Refused("BODY_INVALID", "targets are granted to a ven", path="/targets")
        secret = new_secret(secrets.token_bytes)
        hashed = await asyncio.to_thread(hash_secret, secret, secrets.token_bytes(16))
        client_id = _NOT_IN_AN_ID.sub("-", name.lower()).strip("-")[:60] or "client"
        client = Client(client_id, name, role, SCOPES[role], hashed, self._clock.now())
        await self._store.read(lambda tx: check_new(tx, client))
        if role is Role.VEN:
            await self._ven(name, client_id, targets)
        await self._store.write(lambda tx: add_client(tx, client))
        return client, secret

    async def _ven(self, name: str, client_id: str, targets: Sequence[str]) -> None:
        held = self._store.live.find(Kind.VEN, Field.NAME, nfc(name))
        if not held or held[0].client_id != client_id:
            await self._create(Kind.VEN, ven_request(name, client_id, targets))
        else:
            await grant(self._objects, held[0], targets)

    async def disable_client(self, client_id: str) -> Client:
        """Stop a client; its tokens stop with it. Raises Refused NOT_FOUND."""
        now = self._clock.now()
        return await self._store.write(lambda tx: disable_client(tx, client_id, now))

    async def new_secret(self, client_id: str) -> tuple[Client, str]:
        """A fresh secret in place of the old one. Raises Refused NOT_FOUND."""
        secret = new_secret(secrets.token_bytes)
        hashed = await asyncio.to_thread(hash_secret, secret, secrets.token_bytes(16))

        def command(tx: Any) -> Client:
            client: Client | None = tx.client(client_id)
            if client is None:
                raise Refused("NOT_FOUND", f"there is no client {client_id}")
            changed = replace(client, secret_hash=hashed)
            tx.put_client(changed)
            return changed

        return await self._store.write(command), secret

    def clients(self) -> list[Client]:
        """Every client, by name."""
        return sorted(self._store.live.clients.values(), key=lambda c: (c.role, c.name))

    # -- keys ----------------------------------------------------------------------------------

    async def add_key_set(self, value: Mapping[str, Any]) -> KeySet:
        """Pin a public key set, as a party published it. Raises Refused."""
        key_set = KeySet.from_json(value)
        await self._store.write(lambda tx: tx.put_key_set(key_set))
        return key_set

    async def revoke_key_set(self, name: str) -> KeySet:
        """From now on nothing signed with it counts. Raises Refused NOT_FOUND."""
        held = self._store.live.register.get(name)
        if held is None:
            raise Refused("NOT_FOUND", f"there is no key set {name}")
        revoked = replace(held, revoked_at=held.revoked_at or self._clock.now())
        await self._store.write(lambda tx: tx.put_key_set(revoked))
        return revoked

    async def raise_floor(self, party: str, suite: int) -> int:
        """Take at least `suite` from `party` from now on. Raises Refused SUITE_BELOW_FLOOR."""
        await self._store.write(lambda tx: tx.raise_floor(party, suite))
        return self.register.floor(party)

    @property
    def register(self) -> Register:
        """Every key set that was pinned, the DSO's own among them."""
        return self._store.live.register

    # -- contracts -----------------------------------------------------------------------------

    async def add_contract(
        self, body: JSON, provider: str, projection: str = "gb-draft"
    ) -> ContractTerms:
        """Take a contract with `provider`: `body` is that of a contract_terms message.

        May be said again after it was cut short: what is there already stays. New terms of a
        contract that has some are a new revision. Whatever is wrong with the terms is refused
        before anything is stored: BODY_MISSING_FIELD, BODY_VALUE, NAME_INVALID, and as
        `signing.seal`; NOT_FOUND where the provider has no client yet.
        """
        terms = self._terms(body, projection)
        ven = ven_of(self._store.live, provider)
        signed = await self._signed(terms, provider)
        program_id = await self._program(terms, projection)
        await grant(self._objects, ven, [target_of(terms.contract_id)])
        for asset in terms.assets:
            await self._resource(ven, asset.asset_id)
        if signed is not None:
            await self._publish(*signed, terms, program_id)
        return terms

    def contracts(self) -> list[Record]:
        """The programs of all contracts; neither markets nor anybody's plain programs."""
        return [
            program
            for program in self._store.live.find(Kind.PROGRAM)
            if attribute(Program.read(json.loads(program.body)), CONTRACT_ATTRIBUTE) is not None
        ]

    async def _program(self, terms: ContractTerms, projection: str) -> str:
        found = self._store.live.find(Kind.PROGRAM, Field.NAME, terms.contract_id)
        if found:
            return found[0].id
        made = await self._create(Kind.PROGRAM, contract_program(terms, projection).dump())
        return str(made["id"])

    async def _resource(self, ven: Record, asset_id: str) -> None:
        of_ven = self._store.live.find(Kind.RESOURCE, Field.VEN, ven.id)
        if any(resource.name == asset_id for resource in of_ven):
            return
        await self._create(
            Kind.RESOURCE,
            {
                "objectType": "BL_RESOURCE_REQUEST",
                "resourceName": asset_id,
                "venID": ven.id,
                "clientID": ven.client_id,
            },
        )

    async def _signed(self, terms: ContractTerms, provider: str) -> tuple[Sealed, str] | None:
        """The terms signed, and their thread; None where these very terms are in force already."""
        body = terms.to_json()
        held = await self._store.read(lambda tx: tx.terms(terms.contract_id))
        if held is not None and json.loads(held.text)["body"] == body:
            return None
        thread = held.slot.thread if held else f"CT-{secrets.token_hex(4)}"
        now = self._clock.now()
        sealed, _ = await self._signer.sign(
            "contract_terms",
            terms.contract_id,
            provider,
            thread,
            body,
            now,
            valid_until=max(terms.valid_to, now.replace(microsecond=0) + timedelta(hours=1)),
        )
        return sealed, thread

    async def _publish(
        self, sealed: Sealed, thread: str, terms: ContractTerms, program_id: str
    ) -> None:
        request = contract_event(sealed, terms, program_id).dump()
        events = [
            event
            for event in self._store.live.find(Kind.EVENT, Field.PROGRAM, program_id)
            if event.name == thread
        ]
        if events:
            await self._objects.update(Kind.EVENT, events[0].id, request, OFFICE)
        else:
            await self._create(Kind.EVENT, request)

    def _terms(self, body: JSON, projection: str) -> ContractTerms:
        """The terms, checked as a receiver would check them, and once more for slips."""
        if not isinstance(body, dict):
            raise Refused("BODY_INVALID", "the body of contract_terms, a JSON object, is due")
        if projection not in PROJECTIONS:
            raise _wrong("", f"the projection is one of {', '.join(PROJECTIONS)}")
        canonical_text(body)
        for found in KINDS["contract_terms"].body.look(body, ""):
            if isinstance(found, Fault):
                raise Refused(found.reason, found.detail, path=found.path, clause="profile 3")
            # a misspelt term would silently be no term of the contract
            raise _wrong(found.path, "there is no such term")
        terms = ContractTerms.read(body)
        if dso_of(terms.contract_id) != self._signer.party:
            raise _wrong("/contract_id", f"a contract of {self._signer.party} is due here")
        if is_market(terms.contract_id):
            raise _wrong("/contract_id", "a market is no contract")
        if terms.valid_from >= terms.valid_to:
            raise _wrong("/valid_to", "ends before it begins")
        return terms

    async def _create(self, kind: Kind, body: JSON) -> JSON:
        return json.loads((await self._objects.create(kind, body, OFFICE)).body)


def _wrong(path: str, detail: str) -> Refused:
    return Refused("BODY_VALUE", detail, path=path, clause="profile 3")
