"""What every OpenADR object has in common: how it is read, refused, and written.

`read` is for values that came through `door.read_json`; the constructor is for our own code. Both
check everything; only `read` insists on the spelling of the specification.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, ValidationError
from pydantic.alias_generators import to_camel

from ukprofile.codes import CODES
from ukprofile.errors import Refused
from ukprofile.openadr.door import JSON, REQUEST, Limits, read_json
from ukprofile.openadr.scalars import DateTime, ObjectID

T = TypeVar("T")
Many: TypeAlias = Annotated[tuple[T, ...], Strict(False)]
"""A JSON array, held as a tuple."""

_SPELT_OTHERWISE = {
    "program_id": "programID",
    "event_id": "eventID",
    "ven_id": "venID",
    "client_id": "clientID",
    "url": "URL",
    "token_url": "tokenURL",
    "webhook": "WEBHOOK",
    "mqtt": "MQTT",
    "uris": "URIS",
    "create": "CREATE",
    "update": "UPDATE",
    "delete": "DELETE",
    "all": "ALL",
}


def spelling(attribute: str) -> str:
    """How the specification spells the member that Python knows as `attribute`."""
    return _SPELT_OTHERWISE.get(attribute) or to_camel(attribute)


SERVER_OWNED = frozenset({"id", "createdDateTime", "modificationDateTime", "objectType"})
"""What only the VTN writes: ignored in a request (D:357-362)."""


class Wire(BaseModel):
    """An OpenADR object: frozen, strictly typed, with the members it does not know kept.

    An attribute is None where the member is absent or null (T18); `dump` gives back exactly what
    was there. Attributes are snake_case, members spelt as in the specification.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="allow",
        allow_inf_nan=False,
        alias_generator=spelling,
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
    )

    dropped: ClassVar[frozenset[str]] = frozenset()
    """Members that the sender has no say in: taken away before unknown ones are kept."""
    demanded: ClassVar[str] = ""
    """A member with a default for our own code, which the wire must nevertheless state."""

    @classmethod
    def read(cls, value: JSON) -> Self:
        """The object that a JSON value holds.

        Raises Refused with the JSON pointer of the first fault: BODY_INVALID (missing, mistyped,
        out of range), TIME_INVALID, NAME_INVALID.
        """
        if isinstance(value, dict):
            if cls.demanded and cls.demanded not in value:
                raise Refused(
                    "BODY_INVALID", "required, and absent", path=f"/{cls.demanded}", clause="D:286"
                )
            if not cls.dropped.isdisjoint(value):
                value = {k: v for k, v in value.items() if k not in cls.dropped}
        try:
            found: Self = cls.__pydantic_validator__.validate_python(
                value, by_alias=True, by_name=False
            )
        except ValidationError as error:
            raise _refusal(error, value) from None
        return found

    @classmethod
    def read_bytes(cls, raw: bytes, limits: Limits = REQUEST) -> Self:
        """The object in untrusted bytes, through the strict door. Raises Refused."""
        return cls.read(read_json(raw, limits))

    @classmethod
    def read_list(cls, value: JSON) -> list[Self]:
        """A JSON array of these objects. Raises Refused, with the index in the path."""
        if not isinstance(value, list):
            raise Refused("BODY_INVALID", "an array is due here")
        found = []
        for index, item in enumerate(value):
            try:
                found.append(cls.read(item))
            except Refused as refused:
                raise Refused(
                    refused.reason,
                    refused.detail,
                    path=f"/{index}{refused.path}",
                    clause=refused.clause,
                    security=refused.security,
                ) from None
        return found

    def dump(self) -> dict[str, JSON]:
        """The JSON object: what was set, spelt as in the specification, unknown members too."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def dump_json(self) -> bytes:
        """The same as `dump`, as UTF-8."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_unset=True)

    @property
    def extras(self) -> dict[str, JSON]:
        """The members this version of the specification does not know."""
        return self.__pydantic_extra__ or {}


class Typed(Wire):
    """An object whose `objectType` follows from what it is: always written.

    It may be missing where only one type can stand: peers leave it out (T12, and openleadr-rs of
    events and vens), and nothing hangs on it there.
    """

    def model_post_init(self, _context: Any) -> None:
        self.model_fields_set.add("object_type")


class Metadata(Wire):
    """What the VTN adds to an object it stores (Y: objectMetadata)."""

    id: ObjectID
    created_date_time: DateTime
    modification_date_time: DateTime


_IN_JSON_TERMS = {
    "missing": "required, and absent",
    "tuple_type": "an array is due here",
    "model_type": "an object is due here",
}


def _refusal(error: ValidationError, value: JSON) -> Refused:
    """The first fault pydantic found, in our terms."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind = first["type"]
    return Refused(
        kind if kind in CODES else "BODY_INVALID",
        _IN_JSON_TERMS.get(kind, first["msg"]),
        path=pointer(first["loc"], value, missing=kind == "missing"),
        clause="D:286" if kind == "missing" else "Y",
    )


def pointer(loc: Sequence[str | int], value: JSON, *, missing: bool = False) -> str:
    """The JSON pointer (RFC 6901) of pydantic's `loc` in `value`.

    pydantic puts the names of union members among the steps; what cannot be followed in `value`
    is no step, but for the last one of a member that is missing.
    """
    steps = []
    for place, step in enumerate(loc):
        index = isinstance(value, list) and isinstance(step, int)
        if index or (isinstance(value, dict) and step in value):
            value = value[step]
        elif not (missing and place == len(loc) - 1):
            continue
        steps.append(str(step).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)
