"""What a command is: a name, and a coroutine from JSON parameters to a JSON result."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ukprofile.openadr import JSON, read_json
from vtn.app import Vtn

Parameters = Mapping[str, Any]
Command = Callable[[Vtn, Parameters], Awaitable[JSON]]


def document(text: str) -> JSON:
    """A file somebody was given: through the strict door like anything from outside."""
    return read_json(text.encode())
