"""What the UK profile demands when an object carries or claims it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth a line in a log about a request that was taken all the same."""

    reason: str
    detail: str
    path: str = ""
    security: bool = False
    alarm: str | None = None


class Admission:
    """The profile's admission rules, with what they need to know of this VTN."""

    def __init__(self, dso: str, environment: str, retention: timedelta) -> None:
        """`dso` is the party id of this VTN's operator; nothing is deleted before `retention`
        has passed since its end (profile 1).
        """
        self.dso = dso
        self.environment = environment
        self.retention = retention
