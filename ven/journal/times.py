"""Times as the journal keeps them: UTC text of one width, which sorts as the times do."""

from datetime import UTC, datetime

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


def time_text(when: datetime) -> str:
    """`when` in that form."""
    return when.astimezone(UTC).strftime(_FORM)


def read_time(text: str | None) -> datetime | None:
    """What `time_text` wrote; None for None."""
    return None if text is None else due_time(text)


def due_time(text: str) -> datetime:
    """What `time_text` wrote, where a time is always there."""
    return datetime.fromisoformat(text)
