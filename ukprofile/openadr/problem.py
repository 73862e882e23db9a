"""The problem: how a VTN says that it did not do what was asked (Y: problem; D:303-335)."""

from typing import Annotated

from pydantic import Field

from ukprofile.openadr.scalars import NOT_NULL, Uri
from ukprofile.openadr.wire import Wire


class Problem(Wire):
    """Everything is optional. `reason` and `violations` of the UK profile are unknown members."""

    type: Annotated[Uri | None, NOT_NULL] = None
    title: Annotated[str | None, NOT_NULL] = None
    status: Annotated[Annotated[int, Field(ge=100, lt=600)] | None, NOT_NULL] = None
    detail: Annotated[str | None, NOT_NULL] = None
    instance: Annotated[Annotated[str, Field(min_length=3, max_length=8000)] | None, NOT_NULL] = (
        None
    )

    @property
    def reason(self) -> str | None:
        """The reason code of a VTN that speaks the UK profile, if it gave one."""
        reason = self.extras.get("reason")
        return reason if isinstance(reason, str) else None
