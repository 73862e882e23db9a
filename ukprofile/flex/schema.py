"""The field tables for others: JSON Schema of a kind, and its page of the reference.

KINDS ─▶ schema("cease")       JSON Schema 2020-12 of the body: takes and refuses the same
      └▶ reference()           Markdown, a table for each kind, as docs/reference/kinds.md

A schema sees one body. What a message must be beside its thread, its contract and the clock, the
rules say.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ukprofile.errors import Refused
from ukprofile.flex.fields import Advised, Each, Field, Members, Shape
from ukprofile.flex.kinds import KINDS, Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SENDERS = {"dso": "DSO", "ven": "VEN"}


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of the body of a kind, with titles and units (`x-unit`).

    Patterns are anchored, and mean what ECMA-262 says. Raises Refused KIND_UNKNOWN.
    """
    known = KINDS.get(kind)
    if known is None:
        raise Refused("KIND_UNKNOWN", f"{kind!a} is none of {', '.join(KINDS)}", clause="profile 3")
    about = {
        "$schema": DIALECT,
        "$id": f"urn:ukflex:1.0:{kind}",
        "title": kind,
        "description": known.title,
    }
    return about | known.body.schema()


def senders(kind: Kind) -> str:
    """Who may send it, in words: DSO, VEN, or both."""
    return ", ".join(SENDERS[role] for role in sorted(kind.senders))


def reference() -> str:
    """The reference page of all kinds, as Markdown."""
    return "\n".join([_HEAD, *(line for kind in KINDS.values() for line in _page(kind))])


_HEAD = """\
# Kinds of message

Made from the field tables by `make docs`: change those, not this page. Clause: profile 3. \
The same as JSON Schema: `ukvtn schema KIND`.

**Needed**: *vital* = without it the message cannot be executed, and is refused \
BODY_MISSING_FIELD; *due* = belongs there, refused BODY_VALUE without it; *may* = may be absent. \
Members that stand in no table are ignored and reported back, unless the header's `criticality` \
says otherwise. A list of objects shows the members of each object below it.
"""


def _page(kind: Kind) -> Iterator[str]:
    header = ["accept_by"] * kind.has_accept_by + ["in_reply_to"] * kind.answers
    yield f"## {kind.name}\n"
    yield kind.title
    yield f"\nFrom: {senders(kind)}." + (f" Header: also {', '.join(header)}." if header else "")
    yield "\n| member | needed | value | unit | what it is |\n|---|---|---|---|---|"
    for name, field in _rows(kind.body.fields):
        cells = (f"`{name}`", field.need, field.shape.what, field.unit, field.title)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _rows(fields: Mapping[str, Field], above: str = "") -> Iterator[tuple[str, Field]]:
    """Every member and the members below it, named by their path: `periods[].start`."""
    for name, field in fields.items():
        yield above + name, field
        inside, step = _inside(field.shape)
        if inside is not None:
            yield from _rows(inside.fields, f"{above}{name}{step}.")


def _inside(shape: Shape) -> tuple[Members | None, str]:
    if isinstance(shape, Advised):
        return _inside(shape.shape)
    if isinstance(shape, Each) and shape.most > 0:
        inside, _ = _inside(shape.item)
        return inside, "[]"
    return (shape, "") if isinstance(shape, Members) else (None, "")
