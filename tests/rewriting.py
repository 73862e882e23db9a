"""A stand-in for VTNs that pass objects on in their own words: what openleadr-rs 0.2.4 does to them.

    writer ── POST, PUT ──▶ as stored ──▶ our VTN ── GET ──▶ as shown ──▶ reader

Read from its source, not run (digest 2.2): members it does not know are gone at every level, keys
come in the order of jsonb, times are in +00:00, lengths in all their parts, numbers in decimal
notation; defaults are written out, `objectType` is left out, nothing has an ETag, lists come in
another order, and what its types do not admit is 400. Texts in payloads of private types are kept.
"""

import json
import re
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import ClientSession, web

JSON = Any
Read = Callable[[JSON], JSON]

FLOATS = frozenset({"DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE", "PRICE", "EXPORT_PRICE"})
"""Of the enumerated payload types of events those whose value is a float; others are private."""
CURRENCIES = frozenset({"GBP", "EUR", "USD"})
METADATA = ("id", "createdDateTime", "modificationDateTime")


class Rejected(Exception):
    """What the types of that server do not admit: 400."""


# -- scalars ---------------------------------------------------------------------------------------


def time(text: JSON) -> str:
    """RFC 3339 with its zone, in UTC, as +00:00."""
    if not isinstance(text, str) or not re.fullmatch(
        r".+T.+(Z|[+-]\d\d:\d\d)", text, re.IGNORECASE
    ):
        raise Rejected(f"no date-time: {text}")
    when = datetime.fromisoformat(text).astimezone(UTC)
    return when.isoformat()


def duration(text: JSON) -> str:
    """Every part, each through an f32: more than 2^24 of anything loses digits."""
    form = r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    form += r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
    found = re.fullmatch(form, text) if isinstance(text, str) else None
    if found is None:
        raise Rejected(f"no duration: {text}")
    years, months, weeks, days, hours, minutes, seconds = (f32(p or "0") for p in found.groups())
    shown = [plain(p) for p in (years, months, days + 7 * weeks, hours, minutes, seconds)]
    return "P{}Y{}M{}DT{}H{}M{}S".format(*shown)


def f32(text: str) -> float:
    (found,) = struct.unpack("f", struct.pack("f", float(text)))
    return float(found)


def plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:f}"


def word(text: JSON) -> str:
    """A target, or a client id."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text):
        raise Rejected(f"no identifier: {text}")
    if text.lower() == "null":
        raise Rejected("null is no identifier")
    return text


def currency(text: JSON) -> JSON:
    if text is not None and text not in CURRENCIES:
        raise Rejected(f"no currency: {text}")
    return text


def unsigned(number: JSON) -> JSON:
    if number is not None and not 0 <= number < 2**32:
        raise Rejected(f"no u32: {number}")
    return number


def same(value: JSON) -> JSON:
    if isinstance(value, str) and "\0" in value:
        raise Rejected("Postgres takes no NUL")
    return value


def loose(value: JSON) -> JSON:
    """A value of a private type: scalars as they are, integers past i64 as floats."""
    if isinstance(value, dict) and {"x", "y"} <= value.keys():
        return {name: f32(str(value[name])) for name in ("x", "y")}
    if value is None or isinstance(value, dict | list):
        raise Rejected(f"no value: {value}")
    if type(value) is int and not -(2**63) <= value < 2**63:
        return float(value)
    return same(value)


# -- objects: the members each has, and how each is read -------------------------------------------


def members(known: Mapping[str, Read], *demanded: str, **defaults: JSON) -> Read:
    def read(value: JSON) -> JSON:
        if not isinstance(value, dict):
            raise Rejected(f"an object is due: {value}")
        if absent := [name for name in demanded if name not in value]:
            raise Rejected(f"missing: {absent}")
        whole = {**defaults, **value}
        return {
            name: None if whole[name] is None else reader(whole[name])
            for name, reader in known.items()
            if name in whole
        }

    return read


def many(read: Read, least: int = 0) -> Read:
    def each(values: JSON) -> JSON:
        if not isinstance(values, list) or len(values) < least:
            raise Rejected(f"at least {least} are due: {values}")
        return [read(value) for value in values]

    return each


def event_payload(payload: JSON) -> JSON:
    kept = values_map(payload)
    if kept["type"] in FLOATS and any(type(v) is not float for v in kept["values"]):
        raise Rejected(f"{kept['type']} holds floats: {kept['values']}")
    return kept


_stamps: dict[str, Read] = {
    "id": same,
    "createdDateTime": time,
    "modificationDateTime": time,
}
values_map = members({"type": same, "values": many(loose)}, "type", "values")
period = members({"start": time, "duration": duration, "randomizeStart": duration}, "start")
_report_descriptor = members(
    dict.fromkeys(
        [
            "payloadType",
            "readingType",
            "units",
            "targets",
            "aggregate",
            "startInterval",
            "numIntervals",
            "historical",
            "frequency",
            "repeat",
            "reportIntervals",
        ],
        same,
    ),
    "payloadType",
    readingType=None,
    units=None,
    targets=None,
    aggregate=False,
    startInterval=-1,
    numIntervals=-1,
    historical=True,
    frequency=-1,
    repeat=1,
    reportIntervals="INTERVALS",
)
_event_descriptor = members(
    {"payloadType": same, "units": same, "currency": currency}, "payloadType", units=None
)
_any_descriptor = members(
    {
        "objectType": same,
        "payloadType": same,
        "units": same,
        "currency": currency,
        "readingType": same,
        "accuracy": lambda number: f32(str(number)),
        "confidence": same,
    },
    "objectType",
    "payloadType",
)


def _interval(payload: Read, least: int) -> Read:
    known = {"id": same, "intervalPeriod": period, "payloads": many(payload, least)}
    return members(known, "id", "payloads")


KINDS: Mapping[str, Read] = {
    "programs": members(
        {
            **_stamps,
            "objectType": same,
            "programName": same,
            "intervalPeriod": period,
            "programDescriptions": same,
            "payloadDescriptors": many(_any_descriptor),
            "attributes": many(values_map),
            "targets": many(word),
        },
        "programName",
    ),
    "events": members(
        {
            **_stamps,
            "programID": word,
            "eventName": same,
            "duration": duration,
            "priority": unsigned,
            "targets": many(word),
            "reportDescriptors": many(_report_descriptor),
            "payloadDescriptors": many(_event_descriptor),
            "intervalPeriod": period,
            "intervals": many(_interval(event_payload, 1)),
        },
        "programID",
        priority=None,
    ),
    "reports": members(
        {
            **_stamps,
            "objectType": same,
            "clientID": word,
            "eventID": word,
            "clientName": same,
            "reportName": same,
            "payloadDescriptors": many(_any_descriptor),
            "resources": many(
                members(
                    {
                        "resourceName": same,
                        "intervalPeriod": period,
                        "intervals": many(_interval(values_map, 0)),
                    },
                    "resourceName",
                    "intervals",
                )
            ),
        },
        "eventID",
        "clientName",
        "resources",
    ),
    "vens": members(
        {
            **_stamps,
            "objectType": same,
            "clientID": word,
            "venName": same,
            "attributes": many(values_map),
            "targets": many(word),
        },
        "venName",
    ),
    "resources": members(
        {
            **_stamps,
            "objectType": same,
            "clientID": word,
            "venID": word,
            "resourceName": same,
            "attributes": many(values_map),
            "targets": many(word),
        },
        "resourceName",
    ),
}
UNTYPED = ("events", "vens")
"""Kinds that are shown without `objectType`; of vens the request needs it."""


def stored(kind: str, body: JSON) -> JSON:
    """What that server keeps of a request. Raises Rejected."""
    return KINDS[kind](body)


def shown(kind: str, body: JSON) -> JSON:
    """How that server shows an object it keeps."""
    kept = KINDS[kind](body)
    if kind in UNTYPED:
        kept.pop("objectType", None)
    return kept


def written(value: JSON) -> bytes:
    """JSON as jsonb gives it back: keys by length, then by bytes; no exponents."""
    return _text(value).encode()


def _text(value: JSON) -> str:
    if isinstance(value, dict):
        ordered = sorted(value, key=lambda key: (len(key), key))
        return "{" + ", ".join(f"{json.dumps(k)}: {_text(value[k])}" for k in ordered) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    if type(value) is float:
        digits = f"{Decimal(repr(value)):f}"
        return digits if "." in digits else f"{digits}.0"
    return json.dumps(value)


# -- the server ------------------------------------------------------------------------------------


class StandIn:
    """A reverse proxy before `upstream`."""

    def __init__(self, upstream: str, session: ClientSession) -> None:
        self.upstream, self.session = upstream, session
        self.report_names: set[str] = set()
        self.rewritten = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        kind, _, one = request.path.strip("/").partition("/")
        try:
            if kind not in KINDS:
                return await self._passed_on(request, await request.read())
            if request.method == "GET" and not one:
                return await self._list(request, kind)
            if request.method in ("POST", "PUT"):
                return await self._write(request, kind)
            if (request.method, kind) == ("DELETE", "events") and await self._reports_on(
                request, one
            ):
                return web.json_response({"status": 409}, status=409)
            return await self._passed_on(request, b"", kind)
        except Rejected as why:
            return web.json_response({"status": 400, "detail": str(why)}, status=400)

    async def _write(self, request: web.Request, kind: str) -> web.StreamResponse:
        sent = await request.json()
        body = stored(kind, sent)
        name = body.get("reportName")
        if kind == "reports" and request.method == "POST" and name in self.report_names - {None}:
            return web.json_response({"status": 409}, status=409)
        answer = await self._passed_on(request, written(body), kind)
        if kind == "reports" and answer.status == 201 and name is not None:
            self.report_names.add(name)
        return answer

    async def _list(self, request: web.Request, kind: str) -> web.StreamResponse:
        """The window that is asked for, of a list in that server's own order."""
        query = [(k, v) for k, v in request.query.items() if k not in ("skip", "limit", "active")]
        skip, limit = int(request.query.get("skip", 0)), int(request.query.get("limit", 50))
        if not 1 <= limit <= 50:
            raise Rejected("limit is 1 to 50")
        found: list[JSON] = []
        while len(found) % 50 == 0:
            window = [*query, ("skip", str(len(found))), ("limit", "50")]
            status, page = await self._ask(request, f"/{kind}", window)
            if status != 200:
                return web.json_response(page, status=status)
            found += page
            if not page:
                break
        found.sort(key=lambda one: (one["createdDateTime"], one["id"]), reverse=True)
        found.sort(key=lambda one: _priority(one.get("priority")))
        self.rewritten += 1
        return _answer(200, [shown(kind, one) for one in found[skip : skip + limit]])

    async def _reports_on(self, request: web.Request, event_id: str) -> bool:
        status, found = await self._ask(request, "/reports", [("eventID", event_id)])
        return status == 200 and bool(found)

    async def _ask(
        self, request: web.Request, path: str, query: list[tuple[str, str]]
    ) -> tuple[int, JSON]:
        headers = {"Authorization": request.headers.get("Authorization", "")}
        async with self.session.get(self.upstream + path, params=query, headers=headers) as answer:
            return answer.status, await answer.json()

    async def _passed_on(
        self, request: web.Request, body: bytes, kind: str = ""
    ) -> web.StreamResponse:
        """Handed on without conditions; what comes back of `kind` is shown in other words."""
        kept = ("Authorization", "Content-Type")
        async with self.session.request(
            request.method,
            self.upstream + request.path_qs,
            data=body,
            headers={k: request.headers[k] for k in kept if k in request.headers},
        ) as answer:
            raw = await answer.read()
            if kind and answer.status in (200, 201):
                self.rewritten += 1
                return _answer(answer.status, shown(kind, json.loads(raw)))
            return web.Response(status=answer.status, body=raw, content_type=answer.content_type)


def _priority(number: int | None) -> int:
    """Nulls come last."""
    return 2**32 if number is None else number


def _answer(status: int, value: JSON) -> web.Response:
    return web.Response(status=status, body=written(value), content_type="application/json")


@asynccontextmanager
async def rewriting_before(upstream: str) -> AsyncIterator[tuple[StandIn, str]]:
    """A stand-in before the VTN at `upstream`, and its own URL."""
    async with ClientSession() as session:
        stand_in = StandIn(upstream, session)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", stand_in.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield stand_in, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
