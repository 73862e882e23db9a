"""`ukvtn trust-clock`: a person's word against the watch of the clock."""

from vtn.cli.options import HERE, AsJson, DataDir, ask
from vtn.show import show


def trust_clock(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Say that the machine's clock is right, after the VTN stopped to sign by it.

    A clock that was set by more than 5 s, or back behind what is stored, is trusted again by itself
    only once it is set right. Compare it with another one first: by this clock messages are issued
    and dispatches begin and end from now on.

    Example:  ukvtn trust-clock --data-dir /var/lib/ukvtn
    """
    show(ask(data_dir, "clock.trust"), as_json, ("before", "now"))
