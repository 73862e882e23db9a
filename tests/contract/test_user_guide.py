"""Every JSON example of the official texts: read by our models, or refused by name.

    User_Guide.md, Definition.md ──fences──▶ Example UG:504 ──shape──▶ Program.read
                                                │                        │
                                             REFUSED ◀── exactly those ──┘

The examples break their own specification here and there (digest T11, T12). What peers copied
from them is accepted where nothing else forbids it, and written as the specification has it; the
rest stands in the table below.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.contract.test_openapi import components, validator
from tests.shared import SHARED, needs_shared
from ukprofile import openadr
from ukprofile.errors import Refused
from ukprofile.openadr import Wire, read_json

DOCUMENTS = {"UG": "User_Guide.md", "D": "Definition.md"}
FEWEST = {"UG": 47, "D": 16}
"""How many examples each text holds today: an extraction that finds fewer overlooks some."""


@dataclass(frozen=True, slots=True)
class Example:
    """One fenced JSON text, named as the digest names places: UG:504 is the line of its fence."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """Why an example is refused: the trap of the digest ("" = none: the text is an excerpt)."""

    trap: str
    reason: str
    path: str
    why: str


_NO_TIME = "createdDateTime is a time of day (N103), and modificationDateTime is absent (D:286)"
_EXCERPT = "not JSON: parts are left out, for people"
REFUSED = {
    "UG:504": Known("T12", "TIME_INVALID", "/createdDateTime", _NO_TIME),
    "UG:553": Known("T12", "TIME_INVALID", "/createdDateTime", _NO_TIME),
    "UG:613": Known("T12", "TIME_INVALID", "/createdDateTime", _NO_TIME),
    "UG:1130": Known(
        "T12",
        "BODY_INVALID",
        "/reportDescriptors/0/payloadType",
        "payLoadType: misspelt is missing, and missing SHALL be 400 (D:286, N133)",
    ),
    "UG:1581": Known("T12", "BODY_INVALID", "", "points without x and y are not JSON (N93)"),
    "UG:2552": Known(
        "T12",
        "TIME_INVALID",
        "/intervals/0/intervalPeriod/start",
        "2025-02-13 19:00:00.000Z: a blank for the T (N103f)",
    ),
    "UG:2739": Known("T12", "TIME_INVALID", "/0/createdDateTime", _NO_TIME),
    "UG:2798": Known("T12", "TIME_INVALID", "/0/createdDateTime", _NO_TIME),
    "D:498": Known("T11", "BODY_INVALID", "/operation", "POST is no operation of 3.1 (N133m)"),
    "D:2551": Known("", "BODY_INVALID", "", _EXCERPT),
    "D:2574": Known("", "BODY_INVALID", "", _EXCERPT),
    "D:2620": Known("", "BODY_INVALID", "", _EXCERPT),
    "D:2785": Known("", "BODY_INVALID", "", _EXCERPT),
    "D:2964": Known("", "BODY_INVALID", "", _EXCERPT),
}

SHAPES: tuple[tuple[set[str], Callable[[Any], Wire], type[Wire] | None], ...] = (
    # the members that tell an object, how its request is read, and its stored form if any
    ({"operation", "object"}, openadr.Notification.read, None),
    ({"objectOperations"}, openadr.SubscriptionRequest.read, openadr.Subscription),
    ({"venName"}, openadr.read_ven_request, openadr.Ven),
    ({"resourceName", "venID"}, openadr.read_resource_request, openadr.Resource),
    ({"eventID", "resources"}, openadr.ReportRequest.read, openadr.Report),
    ({"programName"}, openadr.ProgramRequest.read, openadr.Program),
    ({"programID"}, openadr.EventRequest.read, openadr.Event),
    ({"WEBHOOK"}, openadr.NotifiersResponse.read, None),
    ({"topics"}, openadr.NotifierTopicsResponse.read, None),
    ({"id", "payloads"}, openadr.Interval.read, None),
    ({"type", "values"}, openadr.ValuesMap.read, None),
    ({"payloadType", "readingType"}, openadr.ReportPayloadDescriptor.read, None),
    ({"payloadType"}, openadr.EventPayloadDescriptor.read, None),
    ({"title", "status"}, openadr.Problem.read, None),
)


def read(text: str) -> list[tuple[Any, Wire]]:
    """Each object of an example beside the model that holds it.

    Raises Refused; StopIteration for a shape that nothing here knows.
    """
    value = read_json(text.encode())
    members = value[0] if isinstance(value, list) else value
    request, stored = next((r, s) for told, r, s in SHAPES if told <= members.keys())
    if isinstance(value, list):
        assert stored is not None
        return list(zip(value, stored.read_list(value), strict=True))
    if stored is not None and "createdDateTime" in value:
        return [(value, stored.read(value))]
    return [(value, request(value))]


def fences(document: str) -> Iterator[Example]:
    """Every fenced text that is marked as JSON, or that begins like it."""
    opened, language, lines = 0, "", [""]
    path = SHARED / "openadr/3.1.1" / DOCUMENTS[document]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = re.match(r"\s*```\s*(\w*)", line)
        if fence is None:
            lines.append(line)
        elif opened:
            text = "\n".join(lines)
            if language == "json" or text.lstrip().startswith(("{", "[")):
                yield Example(f"{document}:{opened}", text)
            opened = 0
        else:
            opened, language, lines = number, fence[1], []


@cache
def examples() -> tuple[Example, ...]:
    if not SHARED.is_dir():
        return (Example("none", ""),)
    return tuple(example for document in DOCUMENTS for example in fences(document))


def holds(whole: Any, part: Any) -> bool:
    """Whether everything of `part` stands in `whole`, lists in the same length and order."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and holds(whole[name], member) for name, member in part.items()
        )
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return type(whole) is type(part) and bool(whole == part)


def schema_of(model: Wire) -> str:
    """What the official file calls this model: eventRequest, BlVenRequest."""
    name = type(model).__name__
    return name if name in components()["schemas"] else name[0].lower() + name[1:]


@needs_shared
@pytest.mark.parametrize("example", examples(), ids=lambda e: e.name)
def test_an_example_is_read_and_written_back_or_refused_as_listed(example: Example) -> None:
    known = REFUSED.get(example.name)
    if known is None:
        for value, model in read(example.text):
            assert holds(model.dump(), value)
            validator(schema_of(model)).validate(model.dump())
        return
    with pytest.raises(Refused) as refused:
        read(example.text)
    assert (refused.value.reason, refused.value.path) == (known.reason, known.path), known.why


@needs_shared
def test_no_example_is_overlooked_and_no_entry_is_stale() -> None:
    names = [example.name for example in examples()]
    assert len(names) == len(set(names))
    for document, fewest in FEWEST.items():
        assert sum(name.startswith(f"{document}:") for name in names) >= fewest
    assert set(names) >= set(REFUSED)


@needs_shared
def test_every_trap_stands_in_the_digest() -> None:
    digest = (SHARED / "research/openadr-digest.md").read_text()
    for known in REFUSED.values():
        assert not known.trap or re.search(rf"^{known.trap} ", digest, re.MULTILINE)


@needs_shared
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (("0001-01-01", "2026-11-24"), "UG:1653"),  # N103a: the sentinel alone may lack a time
        (("PT0H", "P0S"), "UG:1653"),  # N105a
        (("T19:00:00.000Z", "T19:00:00"), "UG:2585"),  # N101
    ],
)
def test_what_is_taken_of_the_guide_opens_no_wider_door(change: tuple[str, str], name: str) -> None:
    (example,) = (e for e in examples() if e.name == name)
    assert change[0] in example.text
    with pytest.raises(Refused, match="TIME_INVALID"):
        read(example.text.replace(*change))
