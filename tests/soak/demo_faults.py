"""Faults planted in everything the demo runs: its checker must see each, and name it.

project ──copy──▶ project + fault ──python -m demo──▶ exit code 1, and the check that says no
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.soak.mutating import Copy
from tests.soak.progress import Progress, fingerprint

TREES = ("ukprofile", "vtn", "ven", "demo")
_PACE = "3"


@dataclass(frozen=True, slots=True)
class Planted:
    """`old`, which stands once in `file`, becomes `new`; the demo's `check` must say no."""

    what: str
    file: str
    old: str
    new: str
    check: str

    def apply(self, source: str) -> str:
        """The source with the fault. Raises AssertionError unless `old` stands there once."""
        assert source.count(self.old) == 1, f"stands {source.count(self.old)} times: {self.what}"
        return source.replace(self.old, self.new)


# fmt: off
PLANTED = (
    Planted("a wrong set-point is acted", "ven/plan.py", "return tuple(parts) if total >= 0", "return tuple(part + 1000 for part in parts) if total >= 0", "devices did just what was accepted"),
    Planted("the device runs twice as long", "ven/plan.py", "                level.end,", "                level.end + (level.end - level.start),", "devices did just what was accepted"),
    Planted("a refused order is acted", "ven/receive.py", "decision = decide(opened, book, now)", "decision = decide(opened, book, now, ())", "devices did just what was accepted"),
    Planted("the acknowledgement is missing", "ven/receive.py", "if decision.answer in _DECIDED:", 'if decision.answer in ("late",):', "each order was acknowledged once"),
    Planted("a refusal gives another reason", "ven/answer.py", 'reason=entry.reason if decided == "refused" else None', 'reason="OVER_CAPACITY" if decided == "refused" else None', "each order was acknowledged once"),
    Planted("the projection is not read back", "ukprofile/mapping/answer.py", "kept = (p for p in interval.payloads if not p.type.startswith(OURS))", 'kept = (p for p in interval.payloads if p.type == "ASSET_ID")', "acknowledgements read back what was shown"),
    Planted("a run is never reported", "ven/progress.py", 'return None if "executing" in said else Word("executing", now)', "return None", "the run was reported"),
    Planted("others' events are visible", "vtn/domain/privacy.py", "    if viewer.sees_all:\n        if asked:", "    if viewer.sees_all or kind in TARGETED:\n        if asked:", "nobody saw what is others"),
    Planted("kilowatts are projected as megawatts", "ukprofile/flex/projection.py", "return Decimal(watts).scaleb(-6)", "return Decimal(watts).scaleb(-3)", "the projection says the same"),
    Planted("both ends sign and verify another input", "ukprofile/signing.py", 'return f"{header}.{to_base64url(text.encode(\'ascii\'))}".encode("ascii")', 'return f"{to_base64url(text.encode(\'ascii\'))}.{header}".encode("ascii")', "each order reached its fsp"),
    Planted("a change has no outbox row", "vtn/storage/transaction.py", "        self._changes.append(Change(stored.version, operation, stored))", "        self.delivered(stored.version)\n        self._changes.append(Change(stored.version, operation, stored))", "the vtn kept everything"),
    Planted("a report is answered and not stored", "vtn/storage/transaction.py", "            self._db.execute(insert(o).values(_columns(stored)))", '            _ = stored.kind == "REPORT" or self._db.execute(insert(o).values(_columns(stored)))', "the vtn kept everything"),
    Planted("a report is filed under another client", "vtn/domain/draft.py", '        "client_id": viewer.client_id,\n        "name": request.report_name', '        "client_id": "somebody",\n        "name": request.report_name', "the vtn kept everything"),
    Planted("the door is open", "vtn/http/server.py", "            viewer = self._auth.viewer(request)", "            try:\n                viewer = self._auth.viewer(request)\n            except Refused:\n                viewer = next(reversed(self._auth._tokens._known.values()))[0]", "nobody came in without a token"),
    Planted("the heartbeat stops", "ven/heartbeat.py", "await asyncio.sleep(self._every_s)", "await asyncio.sleep(9999)", "agents were heard of"),
)
# fmt: on


def judge(copy: Copy, planted: Planted, directory: Path) -> str:
    """Play the demo with the fault: "named", or what the checker said instead."""
    shutil.rmtree(directory, ignore_errors=True)
    with copy.fault(planted):
        done = copy.run("demo", "--pace", _PACE, "--directory", str(directory))
    if done.returncode != 1:
        return f"exit code {done.returncode}"
    said_no = [line.strip() for line in done.stdout.splitlines() if line.startswith("  no ")]
    return "named" if f"no   {planted.check}" in said_no else f"said no to: {said_no}"


def campaign(
    folder: Path, told: Callable[[str], None] = print, planted: Sequence[Planted] = PLANTED
) -> None:
    """Play the demo once for each fault. Raises AssertionError, at the end, with those unseen."""
    progress = Progress(folder, fingerprint(*TREES))
    left = [one for one in planted if one.what not in progress.finished]
    told(f"{len(left)} of {len(planted)} faults to plant in the demo")
    shutil.rmtree(folder / "copy", ignore_errors=True)
    copy = Copy(folder / "copy", TREES)
    for one in left:
        verdict = judge(copy, one, folder / "played")
        told(f"{verdict}: {one.what}")
        progress.finish(one.what, verdict)
    unseen = [one.what for one in planted if progress.finished[one.what] != "named"]
    assert not unseen, f"{len(unseen)} faults not named: {'; '.join(unseen)}"
