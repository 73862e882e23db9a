"""An FSP's agent written from the draft GB dispatch API and OpenADR 3.1's HTTP, and nothing else.

    bare_draft_ven.py URL CLIENT_ID SECRET CLOCK DEVICE_LOG

It imports nothing of this project, and ignores every payload type the draft does not name. CLOCK is
a rehearsal's shared clock (sequence, real and business anchor in ns, rate, sequence). What its one
device does goes to DEVICE_LOG, a JSON line for each change of power: {"at": "...Z", "mw": 1.2}.

    poll ─▶ new, or changed: it replaces what was there ─▶ READ_BACK         (5.5, 7.6)
         ─▶ gone: cancelled                                                  (7.7)
    start, SELF_DISPATCHED true ─▶ the device moves ─▶ EXECUTING             (5.1, 7.8)
    start, SELF_DISPATCHED false ─▶ lapsed, whatever comes later             (5.1)

The numbers in brackets are sections of the draft.
"""

import asyncio
import json
import re
import struct
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

POLL_S = 0.02
UNDERSTOOD = ("SELF_DISPATCHED", "DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE")
NOW = ("0000-00-00", "0001-01-01")
FOREVER = datetime.max.replace(tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now(clock: Path) -> datetime:
    """The business time: anchors and rate of a file, written by whoever conducts."""
    while True:
        before, real, business, rate, after = struct.unpack("<QqqdQ", clock.read_bytes())
        if before == after and before % 2 == 0:
            passed = int((time.time_ns() - real) * rate)
            return EPOCH + timedelta(microseconds=(business + passed) // 1000)


@dataclass
class Step:
    """One interval: MW from `start` on, absolute, or an adjustment of the current set-point."""

    start: datetime
    end: datetime
    mw: float
    relative: bool


@dataclass
class Dispatch:
    """An event as it was read last."""

    shown: dict[str, Any]
    steps: list[Step]
    self_dispatched: bool
    lapsed: bool = False
    executing: bool = False

    @property
    def start(self) -> datetime:
        return min((step.start for step in self.steps), default=FOREVER)

    def level(self, at: datetime, baseline: float) -> float | None:
        """The set-point at `at`, each adjustment made to the one before it (5.4.1)."""
        if self.lapsed or not self.self_dispatched:
            return None
        current = baseline
        for step in self.steps:
            current = current + step.mw if step.relative else step.mw
            if step.start <= at < step.end:
                return current
        return None


@dataclass
class Device:
    """Follows what it was programmed with, whether anybody looks or not."""

    log: Path
    held: dict[str, Dispatch] = field(default_factory=dict)
    mw: float = 0.0
    reached: datetime = EPOCH

    def level(self, at: datetime) -> float:
        levels = (d.level(at, 0.0) for d in self.held.values())
        return next((mw for mw in levels if mw is not None), 0.0)

    def advance(self, until: datetime) -> None:
        """Everything that happened since the last look, each change at its own instant."""
        steps = [step for d in self.held.values() for step in d.steps]
        edges = {edge for step in steps for edge in (step.start, step.end)}
        for edge in sorted(e for e in edges if self.reached < e <= until):
            for one in self.held.values():
                one.lapsed |= one.start <= edge and not one.self_dispatched
            self.move(edge)
        self.reached = until

    def move(self, at: datetime) -> None:
        if (mw := self.level(at)) != self.mw:
            self.mw = mw
            with self.log.open("a") as log:
                log.write(json.dumps({"at": at.isoformat(), "mw": mw}) + "\n")


# -- reading an event (5.2, 5.4) -------------------------------------------------------------------


def read(event: dict[str, Any], seen_at: datetime) -> Dispatch | None:
    """The dispatch in an event; None where the draft knows no payload of it."""
    above = event.get("intervalPeriod") or {}
    follows = instant(above.get("start"), seen_at)
    steps: list[Step] = []
    firm: list[bool] = []
    for interval in event.get("intervals") or ():
        own = interval.get("intervalPeriod") or {}
        start = instant(own.get("start"), follows)
        end = ending(start, own.get("duration") or above.get("duration") or "PT0S")
        said = {p["type"]: p["values"][0] for p in interval["payloads"] if p["type"] in UNDERSTOOD}
        if "SELF_DISPATCHED" in said:
            firm.append(said["SELF_DISPATCHED"] is True)
        for kind in ("DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE"):
            if kind in said:
                steps.append(Step(start, end, float(said[kind]), kind.endswith("RELATIVE")))
        follows = end
    if not steps and not firm:
        return None
    return Dispatch(event, steps, all(firm))


def instant(text: str | None, otherwise: datetime) -> datetime:
    """A start; what is none, or "do it now", is `otherwise`."""
    if not text or text.startswith(NOW):
        return otherwise
    return datetime.fromisoformat(text).astimezone(UTC)


def ending(start: datetime, duration: str) -> datetime:
    if duration == "P9999Y":
        return FOREVER
    form = r"P(?:0Y)?(?:0M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
    found = re.fullmatch(form, duration)
    assert found, duration
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return start + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


# -- over HTTP -------------------------------------------------------------------------------------


class Vtn:
    """What of OpenADR 3.1 a VEN needs: a token, lists, reports, and its own ven."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str, name: str) -> None:
        self.http, self.url, self.name = http, url, name
        self.headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def open(cls, http: aiohttp.ClientSession, url: str, client: str, secret: str) -> "Vtn":
        async with http.get(f"{url}/auth/server") as answer:
            token_url = (await answer.json())["tokenURL"]
        form = {"client_id": client, "client_secret": secret, "grant_type": "client_credentials"}
        async with http.post(token_url, data=form) as answer:
            token = (await answer.json())["access_token"]
        return cls(http, url, token, client)

    async def listed(self, path: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            window = {**query, "skip": str(len(found)), "limit": "50"}
            async with self.http.get(
                f"{self.url}/{path}", params=window, headers=self.headers
            ) as answer:
                answer.raise_for_status()
                page = await answer.json()
            found += page
            if len(page) < 50:
                return found

    async def report(self, event_id: str, kind: str, intervals: list[dict[str, Any]]) -> None:
        described = {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind}
        body = {
            "eventID": event_id,
            "clientName": self.name,
            "payloadDescriptors": [described],
            "resources": [{"resourceName": "AGGREGATED_REPORT", "intervals": intervals}],
        }
        async with self.http.post(f"{self.url}/reports", json=body, headers=self.headers) as answer:
            answer.raise_for_status()

    async def available(self) -> None:
        """Section 6: the VEN keeps its own ven object."""
        (ven,) = await self.listed("vens")
        attributes = [
            {"type": "VEN_STATUS", "values": ["AVAILABLE"]},
            {"type": "UPDATE_INTERVAL_SECONDS", "values": [5]},
        ]
        body = {
            "objectType": "VEN_VEN_REQUEST",
            "venName": ven["venName"],
            "attributes": attributes,
        }
        async with self.http.put(
            f"{self.url}/vens/{ven['id']}", json=body, headers=self.headers
        ) as answer:
            answer.raise_for_status()


def read_back(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The payload items that were understood (5.5)."""
    return [
        {
            "id": interval["id"],
            "payloads": [p for p in interval["payloads"] if p["type"] in UNDERSTOOD],
        }
        for interval in event["intervals"]
    ]


EXECUTING = [{"id": 0, "payloads": [{"type": "DISPATCH_STATUS", "values": ["EXECUTING"]}]}]


async def look(vtn: Vtn, device: Device, at: datetime) -> None:
    """One poll: what is new or changed replaces, what is gone is cancelled."""
    shown: dict[str, dict[str, Any]] = {}
    for program in await vtn.listed("programs"):
        for event in await vtn.listed("events", programID=program["id"]):
            shown[event["id"]] = event
    for gone in device.held.keys() - shown.keys():
        del device.held[gone]
    changed = []
    for event_id, event in shown.items():
        before = device.held.get(event_id)
        if before is not None and before.shown == event:
            continue
        dispatch = read(event, at)
        if dispatch is None:
            continue
        if before is not None:
            dispatch.lapsed, dispatch.executing = before.lapsed, before.executing
        device.held[event_id] = dispatch
        changed.append(event)
    device.move(at)
    for event in changed:
        await vtn.report(event["id"], "READ_BACK", read_back(event))


async def tell_started(vtn: Vtn, device: Device, at: datetime) -> None:
    for event_id, one in device.held.items():
        runs = one.self_dispatched and not one.lapsed and one.start <= at
        if runs and not one.executing:
            one.executing = True
            await vtn.report(event_id, "DISPATCH_STATUS", EXECUTING)


async def main(url: str, client: str, secret: str, clock: Path, log: Path) -> None:
    device = Device(log)
    async with aiohttp.ClientSession() as http:
        vtn = await Vtn.open(http, url, client, secret)
        await vtn.available()
        while True:
            at = now(clock)
            device.advance(at)
            await look(vtn, device, at)
            await tell_started(vtn, device, at)
            await asyncio.sleep(POLL_S)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], Path(sys.argv[4]), Path(sys.argv[5])))
