"""Times of signed texts: `YYYY-MM-DDThh:mm:ssZ` and nothing else (profile 2)."""

import re
from datetime import UTC, datetime

_TIME = re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

_YEAR = r"([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_BY_FOUR = r"(0[48]|[2468][048]|[13579][26])"
_LEAP_YEAR = f"([0-9]{{2}}{_BY_FOUR}|{_BY_FOUR}00)"
_DAY = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|1[0-9]|2[0-8]))"
)
TIME_PATTERN = (
    f"({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
"""Exactly the times that `read_time` reads, in syntax every regular expression engine knows."""


def read_time(text: object) -> datetime | None:
    """The instant, aware in UTC; None where `text` is not in the one form, or no real instant."""
    if not isinstance(text, str) or _TIME.fullmatch(text) is None:
        return None
    try:
        # digits stand where they must: reading a text for itself costs a tenth of strptime
        return datetime(
            int(text[:4]), int(text[5:7]), int(text[8:10]),
            int(text[11:13]), int(text[14:16]), int(text[17:19]), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None


def checked_time(text: str) -> datetime:
    """The instant of a text that was checked before. Raises ValueError where it was not."""
    found = read_time(text)
    if found is None:
        raise ValueError(f"{text!r} was never checked to be a time")
    return found


def time_text(when: datetime) -> str:
    """`when` in the form of signed texts; fractions of a second are cut off.

    Raises ValueError for a naive time: nobody can say which instant it is.
    """
    if when.tzinfo is None:
        raise ValueError("a time without a zone cannot be signed")
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def milliseconds(when: datetime) -> int:
    """Milliseconds since 1970: what revisions are minted from."""
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
