"""Faults planted in the programs that are killed: the judge must see each, and name it.

programs ──copy──▶ programs + fault ──a round of kills──▶ the judge names the statement
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.soak.demo_faults import Planted
from tests.soak.dispatching.round import Plan, play
from tests.soak.ledger import Evidence
from tests.soak.ledger import judge as faults_of
from tests.soak.mutating import Copy
from tests.soak.progress import Progress, fingerprint

TREES = ("ukprofile", "vtn", "ven")
_KILLS, _TRIES = 12, 3
"""A kill has to meet the right moment: what one round does not show, another may."""

# fmt: off
PLANTED = (
    Planted("an agent forgets what it told its devices", "ven/replan.py", "        told = book.told(asset_id, now)\n", "        told = ()\n", "no command was executed twice"),
    Planted("the VTN answers before it has stored", "vtn/storage/sqlite.py", "            self._file.check()\n", '            self._loop.call_soon_threadsafe(self._answer, list(turns))\n            turns.clear()\n            __import__("time").sleep(0.3)\n', "what was answered is stored"),
    Planted("an agent posts what it did not write down", "ven/answer.py", "    book.keep(sent_entry(sealed, now))\n", "", "what an agent said is in its journal"),
    Planted("a cease is acknowledged, and the run goes on", "ukprofile/flex/course.py", "    periods = thread.cut_by_stops(course.known.plan)\n", "    periods = course.known.plan\n", "nothing ran after a stop"),
    Planted("nobody is told of what was not acknowledged", "vtn/domain/concerns.py", "    _unacknowledged,\n    _expired,", "    _expired,", "what was overdue was alarmed"),
)
# fmt: on


def judge(
    copy: Copy, planted: Planted, folder: Path, kills: int = _KILLS, tries: int = _TRIES
) -> str:
    """Play rounds with the fault: "named", or what was said instead in the last one."""
    said = ""
    with copy.fault(planted):
        for number in range(tries):
            shutil.rmtree(folder, ignore_errors=True)
            try:
                asyncio.run(play(Plan(f"{planted.what} {number}", kills, 2, copy.root), folder))
            except AssertionError as error:
                said = str(error)  # it did not even come to its end; what it left is judged
            found = {fault.partition(":")[0] for fault in faults_of(Evidence(folder))}
            if planted.check in found:
                return "named"
            said = f"{said} {sorted(found)}"
    return said


def campaign(
    folder: Path, told: Callable[[str], None] = print, planted: Sequence[Planted] = PLANTED
) -> None:
    """Plant one fault after the other. Raises AssertionError, at the end, with those unseen."""
    progress = Progress(folder, fingerprint(*TREES, "tests/soak"))
    left = [one for one in planted if one.what not in progress.finished]
    told(f"{len(left)} of {len(planted)} faults to plant in what is killed")
    shutil.rmtree(folder / "copy", ignore_errors=True)
    copy = Copy(folder / "copy", TREES)
    for one in left:
        verdict = judge(copy, one, folder / "played")
        told(f"{verdict}: {one.what}")
        progress.finish(one.what, verdict)
    unseen = [one.what for one in planted if progress.finished[one.what] != "named"]
    assert not unseen, f"{len(unseen)} faults not named: {'; '.join(unseen)}"
