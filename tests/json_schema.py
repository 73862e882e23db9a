"""A JSON Schema validator whose patterns mean what ECMA-262 says."""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """In ECMA-262 $ is the end; in Python it is also before a last line feed."""
    assert pattern.startswith("^(")
    assert pattern.endswith(")$")
    if isinstance(instance, str) and not re.search(pattern[:-1] + r"\Z", instance):
        yield ValidationError(f"{instance!r} does not match")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})


def validator(schema: dict[str, Any]) -> Any:
    """A validator for `schema`, which must be a valid one itself."""
    Draft202012Validator.check_schema(schema)
    return _Validator(schema)
