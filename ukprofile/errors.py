"""The errors of the profile.

ProfileError
 ├─ Refused            bad input: one reason code, where it is, which clause, and what to do
 └─ Unreachable        the peer did not answer, or not in time

`Refused` is raised where the meaning is known and rendered at the edges only: as a Problem by the
VTN, as an acknowledgement by the VEN, as a line on stderr by the commands.
"""

from ukprofile.codes import CODES, Code


class ProfileError(Exception):
    """Anything this project refuses or cannot do, with a reason a person can act on."""


class Refused(ProfileError):
    """Input that is not taken: nothing was stored and nothing changed.

    `reason` is a name of `ukprofile.codes.CODES`; `detail` says what is wrong and how to mend it;
    `path` is a JSON pointer into what was sent ("" = all of it); `clause` is where it is written
    ("profile 2 Receiving 2", "RFC 8259 4"); `security` says whether the security log hears of it;
    `status` is the HTTP status where it is not the code's own.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        path: str = "",
        clause: str = "",
        security: bool | None = None,
        status: int | None = None,
    ) -> None:
        self.code: Code = CODES[reason]
        self.reason = reason
        self.detail = detail or self.code.meaning
        self.path = path
        self.clause = clause
        self.security = self.code.security if security is None else security
        self.status = self.code.http if status is None else status
        where = f" at {path}" if path else ""
        super().__init__(f"{reason}{where}: {self.detail}")


class Unreachable(ProfileError):
    """The peer did not answer, or not in time; what was asked may or may not have happened."""
