"""The agent, put together: what it is made of, and how it starts and ends.

            ┌─ Listener ── events ──▶ Receiver ──┐
    VTN ◀───┼─ Sender ◀── outbox ──┐             ▼
            ├─ Heartbeat           └───────── Journal ◀── Reporter, Meter ◀── measured ──┐
            └─ Telemetry ◀── readings ────────┘ ▲└──────▶ Actor ──────── commands ──▶ devices
                                                └─ Responder ◀────────── forecasts ────────┘

The journal is the only thing the parts share; a bell tells them that there is news in it. Any of
them may be killed at any moment: what stands in the journal is taken up again at the next start.
"""

import asyncio
import json
import os
import secrets
import signal
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom

import structlog

from ukprofile.clock import Clock, WatchedClock
from ukprofile.clock_watch import Standing
from ukprofile.errors import ProfileError
from ukprofile.mapping.draft import DraftEvent, DraftProgram
from ukprofile.openadr import Event, Program
from ukprofile.openadr.client import Client, Credentials
from ukprofile.signing import SigningKeys
from ukprofile.trust import Register
from ven.act import Actor
from ven.alarms import Alarms
from ven.answer import Voice
from ven.bell import Bell
from ven.clock_watch import ClockWatch, proved_time
from ven.device import Device
from ven.endure import Endurance, Part, first
from ven.equipment import batteries, business_clock, forecast_of, offer_terms, weights_of
from ven.heartbeat import Heartbeat
from ven.inbox import Inbox
from ven.journal import Journal, JournalError, JournalFull
from ven.listen import Listener, Party
from ven.log import open_log
from ven.meter import Meter
from ven.nominate import Nominator
from ven.policy import policy_named
from ven.post_action import PostActions
from ven.recall import After, Recall
from ven.receive import DraftReceiver, Receiver
from ven.report import Reporter
from ven.respond import Responder
from ven.send import Sender
from ven.settings import Place, Settings, SettingsError, write_whole
from ven.telemetry import Telemetry

_DRAIN_S = 5.0
"""Real seconds in which a stopping agent tries to send what is queued."""


class Crashed(ProfileError):
    """A part of the agent failed as it never should. Start it again: the journal knows where."""


async def run(
    place: Place, *, ready_file: Path | None = None, tell: Callable[[str], None] | None = None
) -> None:
    """Be the agent of `place` until SIGTERM or SIGINT.

    `ready_file` is written, and `tell` called with a line for a person, once the VTN's events have
    been taken for the first time. Raises SettingsError, JournalError.
    """
    settings = place.load()
    if not settings.enrolled:
        raise SettingsError("not enrolled yet: ukven enrol DIR --vtn URL --client-id ID ...")
    clock = business_clock(settings)
    async with AsyncExitStack() as stack:
        journal = await Journal.open(place.journal)
        stack.push_async_callback(journal.close)
        _not_ready(ready_file)
        watched = clock if isinstance(clock, WatchedClock) else None
        if watched is not None:
            await _since(watched, journal, place.load_register(settings))
        log = stack.enter_context(open_log(place.log))
        client = await stack.enter_async_context(_client(place, settings, watched))
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log.info("starting", party=settings.party, vtn=settings.vtn, pid=os.getpid())
        try:
            ready = _Ready(place, settings, ready_file, tell)
            await _live(place, settings, clock, journal, client, log, stop, ready)
        except ExceptionGroup as group:
            log.exception("crashed")
            _, others = group.split(JournalError)
            if others is None:
                raise first(group) from group
            raise Crashed(f"the agent failed, see {place.log}: {group.exceptions[0]!r}") from group
        log.info("stopped", party=settings.party)


async def _since(clock: WatchedClock, journal: Journal, register: Register) -> None:
    """A clock that was set back while no agent ran stepped all the same (N40a)."""
    proved = await journal.read(lambda book: proved_time(book, {k.party for k in register}))
    if proved is not None:
        clock.not_before(proved)


async def _live(
    place: Place,
    settings: Settings,
    clock: Clock,
    journal: Journal,
    client: Client,
    log: structlog.stdlib.BoundLogger,
    stop: asyncio.Event,
    ready: "_Ready",
) -> None:
    """Start every part, until `stop`; then cancel them, and send what is still queued."""
    ground = _ground(place, settings, clock, journal, log)
    endurance = Endurance(journal, clock, log)
    recall = _recall(ground, client)
    sender = Sender(
        client,
        journal,
        ground.alarms,
        ground.bell,
        clock,
        random=SystemRandom(),
        weights=ground.weights,
    )
    listener = _listener(place, settings, ground, client, recall)
    heartbeat = Heartbeat(
        client, settings.party, log, every_s=settings.heartbeat_s, clock=ground.standing
    )
    parts: list[Part] = [listener, sender, heartbeat, _meter(settings, ground)]
    if isinstance(clock, WatchedClock):
        parts.append(
            ClockWatch(clock, journal, ground.alarms, heartbeat, ground.bell, place.clock_vouched)
        )
    doers = _workers(settings, ground)
    if settings.dialect == "uk":
        doers += _speakers(place, settings, ground)
    due = await recall.due()
    parts += [After(listener.ready, part) for part in doers] if due else doers
    if settings.telemetry:
        assets, every_s = tuple(ground.devices), settings.reading_s
        parts.append(
            Telemetry(client, journal, clock, settings.party, assets, log, reading_s=every_s)
        )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(endurance.run(part), name=type(part).__name__) for part in parts]
        tasks.append(group.create_task(ready.say(listener)))
        await stop.wait()
        for task in tasks:
            task.cancel()
    with suppress(TimeoutError, JournalFull):  # what is queued stays so
        async with asyncio.timeout(_DRAIN_S):
            await sender.flush()


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the parts stand on."""

    journal: Journal
    alarms: Alarms
    voice: Voice
    devices: Mapping[str, Device]
    weights: Mapping[str, int]
    clock: Clock
    bell: Bell
    log: structlog.stdlib.BoundLogger

    def standing(self) -> Standing:
        """How far the clock can be believed; who signs nothing never refuses to."""
        found = (
            self.clock.standing() if isinstance(self.clock, WatchedClock) else Standing("steady")
        )
        return replace(found, refuses=bool(self.voice.doubt()))


def _ground(
    place: Place,
    settings: Settings,
    clock: Clock,
    journal: Journal,
    log: structlog.stdlib.BoundLogger,
) -> _Ground:
    voice = Voice(_keys(place, settings), settings.suite, settings.environment, secrets.token_bytes)
    if isinstance(clock, WatchedClock) and settings.dialect == "uk":
        voice = replace(voice, doubt=clock.doubt)
    devices, weights = batteries(place, settings, clock), weights_of(settings)
    return _Ground(journal, Alarms(journal, log), voice, devices, weights, clock, Bell(), log)


def _recall(ground: _Ground, client: Client) -> Recall:
    g = ground
    return Recall(client, g.journal, g.alarms, g.voice, g.weights, g.devices, g.clock, g.bell)


def _listener(
    place: Place, settings: Settings, ground: _Ground, client: Client, recall: Recall
) -> Listener:
    """Who listens, in the dialect that the enrolment says."""
    g, signed = ground, settings.dialect == "uk"
    register = place.load_register(settings)
    if signed and not register.key_sets:
        raise SettingsError(f"no DSO is trusted yet: ukven enrol {place.path} --dso-keys FILE ...")
    receiver = (
        Receiver(g.journal, g.alarms, g.voice, g.clock, g.weights)
        if signed
        else DraftReceiver(g.journal, g.alarms, g.voice, g.clock, g.weights, settings.fleet)
    )
    me = Party(
        party=settings.party,
        environment=settings.environment,
        register=register,
        weights=g.weights,
        dialect=settings.dialect,
    )
    return Listener(
        client,
        g.journal,
        g.alarms,
        receiver,
        g.bell,
        g.clock,
        me,
        poll_s=settings.poll_s,
        random=SystemRandom(),
        recall=recall,
    )


def _meter(settings: Settings, ground: _Ground) -> Part:
    g, timeout_s = ground, settings.device_timeout_s
    return Meter(g.journal, g.devices, g.clock, reading_s=settings.reading_s, timeout_s=timeout_s)


def _workers(settings: Settings, ground: _Ground) -> list[Part]:
    """Who tells the devices, and says how it goes."""
    g, timeout_s = ground, settings.device_timeout_s
    return [
        Actor(g.journal, g.alarms, g.devices, g.weights, g.clock, g.bell, timeout_s=timeout_s),
        Reporter(g.journal, g.alarms, g.voice, g.devices, g.clock, g.bell, timeout_s=timeout_s),
    ]


def _speakers(place: Place, settings: Settings, ground: _Ground) -> list[Part]:
    """Who says what only the UK profile has words for. Raises SettingsError, ForecastError."""
    g, timeout_s = ground, settings.device_timeout_s
    forecast_of(settings)  # a file that nobody can read is told at once
    speakers: list[Part] = [
        Responder(
            g.journal,
            g.alarms,
            g.voice,
            g.devices,
            g.weights,
            g.clock,
            g.bell,
            g.log,
            policy=policy_named(settings.policy),
            offers=offer_terms(settings),
            forecast=lambda: forecast_of(settings),
            timeout_s=timeout_s,
        ),
        PostActions(
            g.journal,
            g.voice,
            g.weights,
            g.clock,
            g.bell,
            after_s=settings.post_action_after_s,
            interval_s=settings.post_action_interval_s,
        ),
        Inbox(place.inbox, g.journal, g.alarms, g.voice, g.clock, g.bell),
    ]
    if settings.nominate_baseline:
        speakers.append(
            Nominator(g.journal, g.alarms, g.voice, g.devices, g.clock, g.bell, timeout_s=timeout_s)
        )
    return speakers


def _not_ready(ready_file: Path | None) -> None:
    """Take away what an agent before this one wrote."""
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Whom to tell that the agent has taken the VTN's events."""

    place: Place
    settings: Settings
    file: Path | None
    tell: Callable[[str], None] | None

    async def say(self, listener: Listener) -> None:
        """Tell them once it has."""
        await listener.ready.wait()
        party, vtn = self.settings.party, self.settings.vtn
        if self.tell is not None:
            self.tell(f"{party} follows {vtn}; log in {self.place.log}; stop with Ctrl-C")
        if self.file is not None:
            shown = {
                "pid": os.getpid(),
                "party": party,
                "url": vtn,
                "directory": str(self.place.path.absolute()),
            }
            write_whole(self.file, json.dumps(shown) + "\n")


def _keys(place: Place, settings: Settings) -> SigningKeys:
    """My keys, if they are mine and can sign as the settings say. Raises SettingsError."""
    keys = place.load_keys()
    if keys.party != settings.party:
        raise SettingsError(f"{place.keys} is {keys.party}'s, the settings say {settings.party}")
    if settings.suite > 1 and keys.ml_dsa_65_seed is None:
        raise SettingsError("suite 2 needs an ML-DSA-65 key: ukven init --suite 2 makes one")
    return keys


def _client(place: Place, settings: Settings, watched: WatchedClock | None) -> Client:
    trusted = None
    if settings.ca_file:
        try:
            trusted = ssl.create_default_context()
            trusted.load_verify_locations(settings.ca_file)
        except OSError as error:
            raise SettingsError(f"the certificate authority {settings.ca_file}: {error}") from error
    draft = settings.dialect == "gb-draft"
    return Client(
        settings.vtn,
        Credentials(settings.client_id, place.load_secret()),
        timeout_s=settings.timeout_s,
        attempts=2,  # the listener and the outbox come again by themselves
        ssl=trusted,
        allow_token_hosts=settings.allow_token_hosts,
        user_agent="ukven",
        program=DraftProgram if draft else Program,
        event=DraftEvent if draft else Event,
        on_date=watched.hear if watched else None,
    )
