"""How long a cease takes, quiet and under attack, with real processes on loopback.

    ukvtn desk cease ─▶ ukvtn serve ◀── polls, each second ── ukven run
          │                  ▲                                    │
          0 s                └────────── acknowledgement ─────────┘  measured: until the desk has it
                             ▲
              1,000 slow connections and a flood of refused requests (`attack`)

Each sample is the cease of a running dispatch of its own, by the command that a person would give.
"""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.attack import Plan
from benchmarks.spread import Spread
from demo.joining import home_of, join
from demo.stage import Stage
from ukprofile.clock import SystemClock, monotonic
from ukprofile.flex.times import time_text
from vtn.tell import tell

_CONTRACT_ID = "BENCH:CEASE"
_AGENT = {
    "party": "HONEST",
    "contracts": [{"contract_id": _CONTRACT_ID, "capacity_w": 1_000_000_000}],
    "assets": {"ASSET-1": "capacity_wh=4000000,max_w=2000000"},
}
_ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00"}
_CONTRACT = {
    "zone": "BENCH",
    "product": "OU",
    "windows": [_ALWAYS | {"end": "00:00", "time_zone": "Europe/London", "fold": 0}],
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_to": "2099-01-01T00:00:00Z",
    "notice_s": 1,
    "ramp_s": 1,
    "min_run_s": 1800,
}
_LEVEL_W = 1_000_000
_POLL_S = "1"
_LEAD, _LASTS = timedelta(seconds=10), timedelta(minutes=60)
_PATIENCE_S = 120.0
_ROGUES = 3
"""FSPs gone bad; each may have a hundred connections."""
_REPORTS = 4
_REPORT_BYTES = 900_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured, and how much attacked."""

    samples: int = 20
    slow: int = 1_000
    floods: int = 32


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds from the command to the acknowledgement; and what the attack did meanwhile."""

    timer_s: float
    quiet: Spread
    attacked: Spread
    attack: dict[str, Any]

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self.attacked.median / self.quiet.median

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 2)}


async def measure(directory: Path, sizes: Sizes, told: Callable[[str], None]) -> Result:
    """Measure in `directory`, which is empty. Raises StageError, TimeoutError."""
    stage, data = Stage(directory), directory / "vtn"
    try:
        ready = await stage.start(
            "vtn", "vtn", "serve", "--data-dir", data, "--sandbox",
            "--dso", "BENCH", "--listen", "127.0.0.1:0",
        )  # fmt: skip
        await join(stage, _AGENT, _CONTRACT, data, ready["url"], "--poll-s", _POLL_S)
        await stage.start("honest", "ven", "run", home_of(stage, _AGENT))
        plan = await _plan(stage, data, ready, sizes)
        first, second = await _running(data, "QUIET", "ATTACKED", sizes.samples)
        told(f"{sizes.samples} ceases, quiet")
        timer_s, quiet = await _ceases(stage, data, first)
        told(f"{sizes.slow} slow connections and {sizes.floods} that flood")
        plan.write(directory / "plan.json")
        counts = directory / "counts.json"
        await stage.start(
            "attack", "benchmarks.attack",
            "--plan", directory / "plan.json", "--counts-file", counts,
        )  # fmt: skip
        told(f"{sizes.samples} ceases, under attack")
        _, attacked = await _ceases(stage, data, second)
        await stage.stop("attack")
        return Result(timer_s, quiet, attacked, json.loads(counts.read_text()))
    finally:
        await stage.clear()


async def _running(data: Path, first: str, second: str, count: int) -> tuple[list[str], list[str]]:
    """Twice so many dispatches that run; their threads."""
    threads = [[f"{name}-{n}" for n in range(count)] for name in (first, second)]
    start = SystemClock().now()
    for thread in (*threads[0], *threads[1]):
        start = SystemClock().now().replace(microsecond=0) + _LEAD
        period = {"start": time_text(start), "end": time_text(start + _LASTS), "delta_w": _LEVEL_W}
        order = {"contract_id": _CONTRACT_ID, "thread": thread, "periods": [period]}
        await asyncio.to_thread(tell, data, "desk.instruct", order)
    for thread in (*threads[0], *threads[1]):
        await _acknowledged(data, thread, "instruction")
    await SystemClock().until(start + timedelta(seconds=1))
    return threads[0], threads[1]


async def _ceases(stage: Stage, data: Path, threads: list[str]) -> tuple[float, Spread]:
    """Cease dispatches, one after the other; the timer of a cease, and how long each took until
    it was acknowledged.
    """
    took, timer_s = [], 0.0
    for thread in threads:
        began = monotonic()
        await stage.command("vtn", "desk", "cease", thread, "-d", data)
        shown = await _acknowledged(data, thread, "cease")
        took.append(monotonic() - began)
        issued, due = (datetime.fromisoformat(shown[k]) for k in ("issued_at", "ack_by"))
        timer_s = (due - issued).total_seconds()
    return timer_s, Spread.of(took)


async def _acknowledged(data: Path, thread: str, kind: str) -> dict[str, Any]:
    """Wait until the desk has the acknowledgement; how the dispatch stands then."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            shown: dict[str, Any] = await asyncio.to_thread(
                tell, data, "desk.show", {"thread": thread}
            )
            if shown["kind"] == kind and shown["delivery"] == "acknowledged":
                return shown
            await asyncio.sleep(0.02)


# -- the attacker's means ----------------------------------------------------------------------


async def _plan(stage: Stage, data: Path, ready: dict[str, Any], sizes: Sizes) -> Plan:
    """FSPs gone bad: one with a contract, and each with megabytes of reports of its own to read."""
    home, bl = stage.directory / "rogue", Api(ready["url"])
    await stage.command("ven", "init", home, "--party", "ROGUE-0", "--asset", "A=simulated:")
    await stage.command("vtn", "keys", "add", home / "public.json", "-d", data)
    await bl.login(ready["bl"]["client_id"], ready["bl"]["client_secret"])
    program_id = await bl.post("/programs", {"programName": "public"})
    event_id = await bl.post("/events", {"programID": program_id})
    tokens, client_ids, rogues = [], [], []
    for n in range(_ROGUES):
        words = ("clients", "add", f"ROGUE-{n}", "--role", "ven", "--json", "-d", data)
        made = json.loads(await stage.command("vtn", *words))
        rogue = Api(ready["url"])
        rogues.append(rogue)
        tokens.append(await rogue.login(made["client_id"], made["client_secret"]))
        client_ids.append(made["client_id"])
        report = {"eventID": event_id, "clientName": f"ROGUE-{n}", "resources": []}
        for _ in range(_REPORTS):
            await rogue.post("/reports", {**report, "x-padding": "x" * _REPORT_BYTES})
    terms = {**_CONTRACT, "contract_id": "BENCH:ROGUE", "assets": [{"asset_id": "A"}]}
    given = json.dumps({**terms, "capacity_w": _LEVEL_W})
    await stage.command(
        "vtn", "contracts", "add", "-", "--provider", "ROGUE-0", "-d", data, stdin=given
    )
    signed = [e["id"] for e in await rogues[0].get("/events") if e["id"] != event_id]
    at = urlsplit(ready["url"])
    return Plan(
        host=at.hostname or "",
        port=at.port or 0,
        slow_heads=sizes.slow * 4 // 10,
        slow_bodies=sizes.slow * 3 // 10,
        slow_readers=sizes.slow * 3 // 10,
        floods=sizes.floods,
        tokens=tuple(tokens),
        client_id=client_ids[0],
        key_set=json.loads((home / "public.json").read_text())["key_set"],
        event_id=signed[0],
    )


class Api:
    """A client of the VTN that does one thing after the other."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = ""

    async def login(self, client_id: str, secret: str) -> str:
        """Get a token, and keep it."""
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
        }
        self._token = str((await self._ask("/auth/token", urlencode(form)))["access_token"])
        return self._token

    async def post(self, path: str, body: dict[str, Any]) -> str:
        """Make an object; its id."""
        return str((await self._ask(path, json.dumps(body)))["id"])

    async def get(self, path: str) -> Any:
        return await self._ask(path)

    async def _ask(self, path: str, body: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if path != "/auth/token":
            headers["Content-Type"] = "application/json"
        asked = urllib.request.Request(  # noqa: S310 - our own VTN
            self._url + path, body.encode() or None, headers
        )

        def ask() -> Any:
            with urllib.request.urlopen(asked) as answer:  # noqa: S310
                return json.loads(answer.read())

        return await asyncio.to_thread(ask)
