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
    # texts
    Planted("both ends write and take a space after each colon", "ukprofile/signing.py", "return rfc8785.dumps(value).decode()", """return rfc8785.dumps(value).decode().replace('":', '": ')""", "every text is in the published form"),
    Planted("both ends sign and verify another input", "ukprofile/signing.py", 'return f"{header}.{to_base64url(text.encode(\'ascii\'))}".encode("ascii")', 'return f"{to_base64url(text.encode(\'ascii\'))}.{header}".encode("ascii")', "every text is signed by its issuer"),
    Planted("revisions are minted from seconds", "ukprofile/flex/times.py", "return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000", "return since.days * 86_400 + since.seconds", "revisions rise and ids are used once"),
    Planted("kilowatts are projected as megawatts", "ukprofile/flex/projection.py", "return Decimal(watts).scaleb(-6)", "return Decimal(watts).scaleb(-3)", "the projection says the same"),
    Planted("the projection ends a minute early", "ukprofile/flex/projection.py", "int((end - start).total_seconds()),", "int((end - start).total_seconds()) - 60,", "the projection says the same"),
    # the story
    Planted("a run is never reported", "ven/progress.py", 'return Word("executing", now) if last in ("", "failed") else None', "return None", "everybody said what was expected"),
    Planted("a refusal gives another reason", "ven/answer.py", 'reason=entry.reason if decided == "refused" else None', 'reason="OVER_CAPACITY" if decided == "refused" else None', "everybody said what was expected"),
    Planted("a stop is not acknowledged", "ven/receive.py", "if entry.answer not in _DECIDED:", "if entry.answer not in _DECIDED or entry.stop:", "everything was acknowledged once and in time"),
    Planted("the projection is not read back", "ukprofile/mapping/answer.py", "kept = (p for p in interval.payloads if not p.type.startswith(OURS))", 'kept = (p for p in interval.payloads if p.type == "ASSET_ID")', "acknowledgements read back what was shown"),
    Planted("the dearest offers are taken", "ukprofile/flex/merit.py", "return sorted(offers, key=lambda o: (o.body.price.currency != currency, *o.place))", "return sorted(offers, key=lambda o: (o.body.price.currency != currency, *o.place), reverse=True)", "the cheapest offers were taken"),
    Planted("what was accepted in part is confirmed whole", "ukprofile/flex/course.py", "new = replace(new, countered=read_periods(held.body))", "new = replace(new, countered=read_periods(known.head.body))", "what was accepted in part was confirmed so"),
    Planted("a post-action moves no state", "ukprofile/flex/states.py", "Row(RAN, _S.REPORTED, (_E.POST_ACTION,)),", "Row(RAN, None, (_E.POST_ACTION,)),", "the desk knows where each dispatch stands"),
    Planted("nobody is told of what has lapsed", "vtn/domain/concerns.py", "    _lapsed,\n    _refused,", "    _refused,", "the desk was told what a person should look at"),
    # power
    Planted("a wrong set-point is acted", "ven/plan.py", "return tuple(parts) if total >= 0", "return tuple(part + 1000 for part in parts) if total >= 0", "devices held just what was asked"),
    Planted("the device runs twice as long", "ven/plan.py", "                level.end,", "                level.end + (level.end - level.start),", "devices held just what was asked"),
    Planted("a cease is acknowledged and not acted on", "ven/receive.py", 'if decision.acts or decision.verdict == "late":', 'if (decision.acts and entry.kind != "cease") or decision.verdict == "late":', "devices held just what was asked"),
    Planted("a device is told once its time has come", "ven/act.py", "        book.send(left[0].command.id, now)", "        if left[0].command.valid_from > now:\n            return None\n        book.send(left[0].command.id, now)", "devices were told in time"),
    Planted("power is reported as its change", "ven/report.py", "power_w=sum(m.power_w for _, m in measured) if whole else None", "power_w=sum(m.power_w - m.baseline_w for _, m in measured) if whole else None", "runs were reported as they were"),
    Planted("of several assets the first says what all give", "ven/report.py", "make_up=tuple(parts) if len(seen) > 1 else (),", "make_up=tuple(parts)[:1] if len(seen) > 1 else (),", "runs were reported as they were"),
    # metering
    Planted("the first half hour of the day is left out", "ven/post_action.py", "now >= day[1] + SETTLED):\n        return day\n", "now >= day[1] + SETTLED):\n        return day[0] + _HALF_HOUR, day[1]\n", "the day was metered whole"),
    Planted("import is shown as export", "ukprofile/mapping/telemetry.py", "values=((0 - reading.power_w) / 1000,)", "values=(reading.power_w / 1000,)", "the readings were shown as they came"),
    Planted("what is drawn as asked counts against the FSP", "ukprofile/flex/energy.py", "return gain_ws if wanted > 0 else -gain_ws", "return gain_ws", "delivered energy is what the devices gave"),
    # what was kept
    Planted("others' events are visible", "vtn/domain/privacy.py", "    if viewer.sees_all:\n        if asked:", "    if viewer.sees_all or kind in TARGETED:\n        if asked:", "nobody saw what is others"),
    Planted("a change has no outbox row", "vtn/storage/transaction.py", "        self._changes.append(Change(stored.version, operation, stored))", "        self.delivered(stored.version)\n        self._changes.append(Change(stored.version, operation, stored))", "the vtn kept everything"),
    Planted("a report is answered and not stored", "vtn/storage/transaction.py", "            self._db.execute(insert(o).values(_columns(stored)))", '            _ = stored.kind == "REPORT" or self._db.execute(insert(o).values(_columns(stored)))', "the vtn kept everything"),
    Planted("a report is filed under another client", "vtn/domain/draft.py", '        "client_id": viewer.client_id,\n        "name": request.report_name', '        "client_id": "somebody",\n        "name": request.report_name', "the vtn kept everything"),
    Planted("the VTN keeps no unavailability", "vtn/storage/transaction.py", "        if self.entry(entry.sha256) is None:", '        if self.entry(entry.sha256) is None and entry.kind != "unavailability":', "both ledgers hold the same texts"),
    Planted("the agent alarms of the right target", "ven/receive.py", "    if tuple(event.targets or ()) != (target_of(opened.header.program),):", "    if tuple(event.targets or ()) == (target_of(opened.header.program),):", "nothing was left undone"),
    Planted("the heartbeat stops", "ven/heartbeat.py", "await self._hurried.wait(self._every_s)", "await self._hurried.wait(9999)", "agents were heard of"),
    Planted("the door is open", "vtn/http/server.py", "        except Refused as refused:\n            return refused\n", "        except Refused:\n            return next(reversed(self._auth._tokens._known.values()))[0]\n", "nobody came in without a token"),
    Planted("heartbeats are written over another version", "ven/heartbeat.py", "if_match=held.etag", """if_match='"another"'""", "nothing broke on the wire"),
    Planted("an agent that was asked to stop fails", "ven/cli.py", "    asyncio.run(run_agent(Place(directory), ready_file=ready_file, tell=typer.echo))\n", "    asyncio.run(run_agent(Place(directory), ready_file=ready_file, tell=typer.echo))\n    sys.exit(3)\n", "processes ended well"),
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
