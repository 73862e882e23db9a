"""Who may ask for tokens: OAuth clients, their scopes, their secrets.

A secret is shown once, when it is made; what is kept is a salted scrypt hash. Checking one takes
some 50 ms on purpose, for clients that exist and for those that do not alike (N79b): do it in a
thread.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ukprofile.errors import Refused
from ukprofile.openadr import clean_name
from ukprofile.trust import to_base64url
from vtn.domain.record import Client, Role
from vtn.domain.store import Transaction

SCOPES = {
    Role.BL: frozenset(
        {"read_all", "write_programs", "write_events", "write_subscriptions", "write_vens"}
    ),
    Role.VEN: frozenset(
        {
            "read_targets",
            "read_ven_objects",
            "write_reports",
            "write_subscriptions",
            "write_vens",
        }
    ),
}
"""What each side may ask for, and gets when it asks for nothing (digest 1.1)."""

COST = 2**14
"""scrypt's N: 50 ms and 16 MB for whoever tries a secret."""
_SALT = 16
_NOBODY = b"\0" * _SALT + b"\0" * 32
_SECRET = 32


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A secret of 256 bits: text that fits into a form, a file and an environment variable."""
    return to_base64url(random_bytes(_SECRET))


def hash_secret(secret: str, salt: bytes) -> bytes:
    """What is kept of a secret: the salt (16 bytes), then scrypt's 32."""
    return salt + hashlib.scrypt(secret.encode(), salt=salt, n=COST, r=8, p=1, dklen=32)


def is_secret_of(client: Client | None, secret: str) -> bool:
    """Whether `secret` is the client's own; takes as long where there is no such client."""
    kept = client.secret_hash if client is not None else _NOBODY
    same = hmac.compare_digest(hash_secret(secret, kept[:_SALT]), kept)
    return same and client is not None and client.disabled is None


def add_client(tx: Transaction, client: Client) -> None:
    """Take a new client. Raises as `check_new`.

    The name of a VEN's client is its party id: the messages it posts are its own only (profile 1).
    """
    check_new(tx, client)
    tx.put_client(client)


def check_new(tx: Transaction, client: Client) -> None:
    """Whether this may be a new client. Raises Refused NOT_UNIQUE, NAME_INVALID."""
    if not client.name.strip():
        raise Refused("NAME_INVALID", "a client has a name", path="/name")
    try:
        clean_name(client.name)
    except ValueError as error:
        raise Refused("NAME_INVALID", str(error), path="/name") from None
    if tx.client(client.client_id) is not None:
        raise Refused("NOT_UNIQUE", f"there is a client {client.client_id} already", path="/name")


def disable_client(tx: Transaction, client_id: str, now: datetime) -> Client:
    """Stop a client: no new tokens, and those it has are refused at once.

    Raises Refused NOT_FOUND. Twice is once.
    """
    client = tx.client(client_id)
    if client is None:
        raise Refused("NOT_FOUND", f"there is no client {client_id}")
    if client.disabled is None:
        client = replace(client, disabled=now)
        tx.put_client(client)
    return client
