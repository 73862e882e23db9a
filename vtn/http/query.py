"""The parameters of a list (openadr3.yaml): parsed strictly into the domain's `Query`.

A parameter that the list does not have is refused: a misspelt filter would otherwise show
everything, and nobody would notice.
"""

import re
from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import parse_qsl

from ukprofile.errors import Refused
from ukprofile.openadr import ObjectType
from vtn.domain.objects import PAGE, Query
from vtn.domain.record import Kind

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NAME = re.compile(r"[A-Za-z]{1,19}")
_WHOLE = re.compile(r"[0-9]{1,9}")

PARAMETERS: Mapping[Kind, Mapping[str, str]] = {
    Kind.PROGRAM: {"targets": "targets"},
    Kind.EVENT: {"targets": "targets", "programID": "program_id", "active": "active"},
    Kind.REPORT: {"programID": "program_id", "eventID": "event_id", "clientName": "client_name"},
    Kind.SUBSCRIPTION: {
        "programID": "program_id",
        "clientName": "client_name",
        "objects": "objects",
    },
    Kind.VEN: {"targets": "targets", "venName": "name"},
    Kind.RESOURCE: {"targets": "targets", "resourceName": "name", "venID": "ven_id"},
}
"""Of each kind: parameter to field of `Query`; `skip` and `limit` are everybody's."""

MANY = {"targets", "objects"}


def check_id(id: str) -> str:
    """`id`, if it is an objectID. Raises Refused QUERY_INVALID."""
    if _ID.fullmatch(id) is None:
        raise Refused(
            "QUERY_INVALID",
            "an id is 1 to 128 of A-Z a-z 0-9 _ -",
            clause="Y objectID",
            security=not id.isprintable() or "/" in id,
        )
    return id


def read_query(kind: Kind, raw: str) -> Query:
    """Read a query string. Raises Refused QUERY_INVALID, naming the parameter."""
    found: dict[str, Any] = {}
    known = {**PARAMETERS[kind], "skip": "skip", "limit": "limit"}
    for name, value in pairs(raw):
        field = known.get(name)
        if field is None:
            raise bad_parameter(
                name, f"there is no such parameter here; there are {', '.join(known)}"
            )
        if field in MANY:
            found[field] = (*found.get(field, ()), _one_of_many(name, value))
        elif field in found:
            raise bad_parameter(name, "stands twice")
        else:
            found[field] = _value(name, value)
    return Query(**found)


def pairs(raw: str) -> list[tuple[str, str]]:
    """The parameters of a query string, decoded. Raises Refused QUERY_INVALID."""
    try:
        return parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise Refused(
            "QUERY_INVALID", "not UTF-8, or over 100 parameters", clause="RFC 3986"
        ) from None


def _one_of_many(name: str, value: str) -> str:
    if name == "objects" and value not in get_args(ObjectType):
        raise bad_parameter(name, "is no kind of object")
    if not 1 <= len(value) <= 128:
        raise bad_parameter(name, "holds 1 to 128 characters")
    return value


def _value(name: str, value: str) -> Any:
    if name in ("skip", "limit"):
        most = PAGE if name == "limit" else 10**9
        if _WHOLE.fullmatch(value) is None or int(value) > most:
            raise bad_parameter(name, f"a whole number up to {most} is due")
        return int(value)
    if name == "active":
        if value not in ("true", "false"):
            raise bad_parameter(name, "true or false is due")
        return value == "true"
    if name.endswith("ID"):
        return check_id(value)
    if not 1 <= len(value) <= 128:
        raise bad_parameter(name, "holds 1 to 128 characters")
    return value


def bad_parameter(name: str, detail: str) -> Refused:
    """A Refused that names the parameter, if it has a name: what got there by mistake may be a
    secret, and goes neither into an answer nor into a log.
    """
    shown = name if _NAME.fullmatch(name) else "a parameter"
    return Refused(
        "QUERY_INVALID",
        f"{shown}: {detail}",
        path="?" + shown.replace("a parameter", ""),
        clause="Y",
    )
