"""Clients: what is kept of a secret, and who counts as its owner."""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.conftest import COST_AS_SHIPPED
from tests.unit.ven.dso import NOON
from ukprofile.errors import Refused
from vtn.domain import clients
from vtn.domain.clients import (
    SCOPES,
    add_client,
    disable_client,
    hash_secret,
    is_secret_of,
    new_secret,
)
from vtn.domain.record import Client, Role

SALT = b"0123456789abcdef"


def client(name="FSP7", client_id="fsp7", secret="right"):
    hashed = hash_secret(secret, SALT)
    return Client(client_id, name, Role.VEN, SCOPES[Role.VEN], hashed, NOON)


def test_a_secret_is_of_256_bits_that_fit_into_a_form():
    asked = []
    made = new_secret(lambda n: asked.append(n) or b"\xff" * n)
    assert asked == [32]
    assert made == "_" * 42 + "8"
    assert new_secret(secrets.token_bytes) != new_secret(secrets.token_bytes)


def test_what_is_kept_is_a_salted_hash_and_not_the_secret():
    kept = hash_secret("right", SALT)
    assert kept.startswith(SALT)
    assert len(kept) == 16 + 32
    assert b"right" not in kept
    assert hash_secret("right", b"f" * 16)[16:] != kept[16:]


@pytest.mark.parametrize("given", ["", "wrong", "Right", "right ", "rightright", "r\u00eeght"])
def test_only_the_secret_itself_is_taken(given):
    assert is_secret_of(client(), "right")
    assert not is_secret_of(client(), given)


def test_a_disabled_client_has_no_secret():
    assert not is_secret_of(replace(client(), disabled=NOON), "right")


def test_an_unknown_client_costs_the_same_work(monkeypatch):
    """N79b: whoever measures the time must not learn which clients there are."""
    work = []
    scrypt = clients.hashlib.scrypt

    def counted(secret, **cost):
        work.append({**cost, "salt": len(cost["salt"])})
        return scrypt(secret, **cost)

    monkeypatch.setattr(clients.hashlib, "scrypt", counted)
    monkeypatch.setattr(clients, "COST", COST_AS_SHIPPED)
    assert not is_secret_of(None, "right")
    assert not is_secret_of(None, "")
    assert not is_secret_of(client(), "wrong")
    for one in work:
        assert one == {"salt": 16, "n": 2**14, "r": 8, "p": 1, "dklen": 32}
    assert len(work) == 4  # the three, and the one that made the client


async def test_a_client_is_taken_once(scene):
    await scene.store.write(lambda tx: add_client(tx, client()))
    assert scene.store.live.clients["fsp7"] == client()
    for other in (client("FSP8"), client()):
        with pytest.raises(Refused, match="NOT_UNIQUE at /name"):
            await scene.store.write(lambda tx, other=other: add_client(tx, other))
    assert scene.store.live.clients["fsp7"].name == "FSP7"


@pytest.mark.parametrize("name", ["", "  ", "FSP\x07", "FSP\u202e7", "FSP\u200b7", "FSP7\n"])
async def test_a_name_is_one_that_people_can_see(scene, name):
    with pytest.raises(Refused, match="NAME_INVALID at /name"):
        await scene.store.write(lambda tx: add_client(tx, client(name)))
    assert not scene.store.live.clients


async def test_a_name_may_be_welsh(scene):
    await scene.store.write(lambda tx: add_client(tx, client("Ynni Ll\u0177n")))
    assert scene.store.live.clients["fsp7"].name == "Ynni Ll\u0177n"


async def test_disabling_twice_is_once_and_an_unknown_client_is_named(scene):
    await scene.store.write(lambda tx: add_client(tx, client()))
    later = NOON + timedelta(hours=1)
    for when in (NOON, later):
        gone = await scene.store.write(lambda tx, when=when: disable_client(tx, "fsp7", when))
        assert gone.disabled == NOON
    assert scene.store.live.clients["fsp7"].disabled == NOON
    with pytest.raises(Refused, match=r"NOT_FOUND.*fsp9"):
        await scene.store.write(lambda tx: disable_client(tx, "fsp9", NOON))
