"""The page docs/reference/security-log.md, from vtn.http.security_log and ukprofile.codes."""

from ukprofile.codes import CODES
from vtn.http.security_log import EACH, FIELDS, MOST_KEYS, MOST_LINES, WINDOW_S

_INTRODUCTION = f"""\
# The security log of a VTN

Made from `vtn/http/security_log.py` and `ukprofile/codes.py` by `make docs`; do not edit.

`vtn.log` in the data directory holds one JSON object a line. Those with `"log": "security"` and
`"event": "refused"` are refusals that are a matter of security, one line for each:

    jq -c 'select(.log == "security")' ukvtn-data/vtn.log

Never in it: headers, queries, bodies, and what a User-Agent says beside name and version.

A flood fills no disk, and none of it is forgotten. In {WINDOW_S:.0f} s so many lines are written:

- {EACH} of one client, address and reason;
- {MOST_LINES:,} of all together, but the first of each always is, for up to {MOST_KEYS:,} of them.

The rest is counted, and told at the end of that time in one line each, so that the `times` of all
lines add up to how many refusals there were.

## Fields

Every line has every one; an empty text where there is nothing to say.
"""

_ALSO = """
`timestamp` and `level` stand beside them, as in every line of the log.
With `"log": "security"` and a `cause`, but without `"event": "refused"`, come the alarms of the
desk's watch: `ukvtn desk alarms` shows the same.

## Reasons

Those that go to the security log wherever they are met; others do where the place says so.
"""


def page() -> str:
    """The whole page."""
    fields = [f"| `{name}` | {says} |" for name, says in FIELDS.items()]
    reasons = [
        f"| `{code.name}` | {code.meaning} | {code.http} |"
        for code in CODES.values()
        if code.security and code.http
    ]
    return "\n".join(
        [
            _INTRODUCTION,
            "| field | what it says |",
            "|---|---|",
            *fields,
            _ALSO,
            "| reason | meaning | HTTP |",
            "|---|---|---|",
            *reasons,
            "",
        ]
    )
