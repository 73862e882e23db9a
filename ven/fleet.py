"""What an agent of the draft GB API's dialect has, by the names the DSO uses.

Apart from `ven.draft`, which reads events: settings are read by every command of `ukven`, and most
of them read no event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ukprofile.errors import Refused

Dialect = Literal["uk", "gb-draft"]
"""What a DSO's VTN sends: signed messages of the profile, or the draft's payloads alone."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """My assets by the DSO's ids, and those of each group."""

    assets: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]

    def named(self, assets: tuple[str, ...], groups: tuple[str, ...]) -> tuple[str, ...]:
        """The assets that a draft is for: those it names, else those of its groups, else all.

        Raises Refused ASSET_UNKNOWN where any of them is not mine: nobody could say which part
        of the power would be theirs.
        """
        if unknown := [group for group in groups if not assets and group not in self.groups]:
            raise _not_mine("group", unknown)
        found = assets or tuple(asset for group in groups for asset in self.groups[group])
        if unknown := [asset for asset in found if asset not in self.assets]:
            raise _not_mine("asset", unknown)
        return tuple(dict.fromkeys(found)) or self.assets


def _not_mine(what: str, ids: Sequence[str]) -> Refused:
    named = ", ".join(ids)
    return Refused(
        "ASSET_UNKNOWN", f"{what} {named[:200]} is none of mine", path="/intervals", clause="5.3"
    )
