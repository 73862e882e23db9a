"""The golden messages, read once: objects of one life, vectors, and the published sandbox keys."""

import json
from datetime import datetime
from functools import cache
from typing import Any

from tests.shared import SHARED
from ukprofile.flex.times import read_time
from ukprofile.signing import Sealed, SigningKeys
from ukprofile.trust import KeySet, Register

LIFE = SHARED / "examples/life"


@cache
def life(number: str) -> Any:
    """One OpenADR request body of the golden life, by the two digits of its file."""
    (path,) = LIFE.glob(f"{number}_*.json")
    return json.loads(path.read_text())


def sealed_in(body: Any) -> Sealed:
    """The signed text and signatures that a golden object carries."""
    intervals = body.get("intervals") or body["resources"][0]["intervals"]
    payloads = intervals[0]["payloads"]
    texts = [p["values"][0] for p in payloads if p["type"] == "UKFLEX_MESSAGE"]
    signatures = [p["values"][0] for p in payloads if p["type"] == "UKFLEX_SIGNATURE"]
    return Sealed(texts[0], tuple(signatures))


@cache
def vectors() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads((SHARED / "examples/vectors.json").read_text())["vectors"])


@cache
def signing_keys() -> dict[str, SigningKeys]:
    """The published private keys, by key set."""
    sets = json.loads((SHARED / "examples/keys.json").read_text())["key_sets"]
    return {s["key_set"]: SigningKeys.from_json(s) for s in sets}


@cache
def register() -> Register:
    """A sandbox register with every published key set."""
    found = Register("sandbox")
    sets = json.loads((SHARED / "examples/keys.json").read_text())["key_sets"]
    for one in sets:
        found = found.with_key_set(KeySet.from_json(one))
    return found


def at(text: str) -> datetime:
    """A time as golden files write it."""
    found = read_time(text)
    assert found is not None
    return found
