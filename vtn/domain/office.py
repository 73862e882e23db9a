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
from ukprofile.mapping.contract import contract_event, contract_program, target_of
from ukprofile.openadr import JSON
from ukprofile.signing import canonical_text
from ukprofile.trust import KeySet, Register
from vtn.domain.clients import SCOPES, add_client, disable_client, hash_secret, new_secret
from vtn.domain.live import Field
from vtn.domain.objects import Objects
from vtn.domain.privacy import Viewer
from vtn.domain.record import Client, Kind, Record, Role
from vtn.domain.signer import Signer
from vtn.domain.store import Store

OFFICE = Viewer("", Role.BL, SCOPES[Role.BL])
"""The DSO itself, at its own VTN."""

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

        A VEN's client gets its ven object, named as the client, with `targets` granted. Raises
        Refused NOT_UNIQUE, NAME_INVALID.
        """
        secret = new_secret(secrets.token_bytes)
        hashed = await asyncio.to_thread(hash_secret, secret, secrets.token_bytes(16))
        client_id = _NOT_IN_AN_ID.sub("-", name.lower()).strip("-")[:60] or "client"
        client = Client(client_id, name, role, SCOPES[role], hashed, self._clock.now())
        await self._store.write(lambda tx: add_client(tx, client))
        if role is Role.VEN:
            await self._create(Kind.VEN, _ven(name, client_id, targets))
        return client, secret

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
        contract that has some are a new revision. Raises Refused BODY_MISSING_FIELD, BODY_VALUE,
        and NOT_FOUND where the provider has no client yet.
        """
        terms = _terms(body)
        ven = self._ven_of(provider)
        target = target_of(terms.contract_id)
        program_id = await self._program(terms, projection)
        await self._grant(ven, target)
        for asset in terms.assets:
            await self._resource(ven, asset.asset_id)
        await self._publish(terms, provider, program_id)
        return terms

    def contracts(self) -> list[Record]:
        """The programs of all contracts and markets."""
        return self._store.live.find(Kind.PROGRAM)

    def _ven_of(self, provider: str) -> Record:
        found = self._store.live.find(Kind.VEN, Field.NAME, provider)
        if not found:
            raise Refused(
                "NOT_FOUND", f"there is no ven {provider}: ukvtn clients add {provider} --role ven"
            )
        return found[0]

    async def _program(self, terms: ContractTerms, projection: str) -> str:
        found = self._store.live.find(Kind.PROGRAM, Field.NAME, terms.contract_id)
        if found:
            return found[0].id
        made = await self._create(Kind.PROGRAM, contract_program(terms, projection).dump())
        return str(made["id"])

    async def _grant(self, ven: Record, target: str) -> None:
        if target in ven.targets:
            return
        shown = json.loads(ven.body)
        body = _ven(ven.name, ven.client_id, (*ven.targets, target))
        if "attributes" in shown:
            body["attributes"] = shown["attributes"]
        await self._objects.update(Kind.VEN, ven.id, body, OFFICE)

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

    async def _publish(self, terms: ContractTerms, provider: str, program_id: str) -> None:
        """Sign the terms, unless these very terms are in force already."""
        body = terms.to_json()
        held = await self._store.read(lambda tx: tx.terms(terms.contract_id))
        if held is not None and json.loads(held.text)["body"] == body:
            return
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

    async def _create(self, kind: Kind, body: JSON) -> JSON:
        return json.loads((await self._objects.create(kind, body, OFFICE)).body)


def _ven(name: str, client_id: str, targets: Sequence[str]) -> dict[str, Any]:
    return {
        "objectType": "BL_VEN_REQUEST",
        "venName": name,
        "clientID": client_id,
        "targets": list(targets),
    }


def _terms(body: JSON) -> ContractTerms:
    """Checked as a receiver would check them: before anything is stored."""
    if not isinstance(body, dict):
        raise Refused("BODY_INVALID", "the body of contract_terms, a JSON object, is due")
    canonical_text(body)
    for found in KINDS["contract_terms"].body.look(body, ""):
        if isinstance(found, Fault):
            raise Refused(found.reason, found.detail, path=found.path, clause="profile 3")
    return ContractTerms.read(body)
