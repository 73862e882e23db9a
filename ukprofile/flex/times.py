"""Times of signed texts: `YYYY-MM-DDThh:mm:ssZ` and nothing else (profile 2)."""

import re
from datetime import UTC, datetime

_TIME = re.compile(r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def read_time(text: object) -> datetime | None:
    """The instant, aware in UTC; None where `text` is not in the one form, or no real instant."""
    if not isinstance(text, str) or _TIME.fullmatch(text) is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


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
