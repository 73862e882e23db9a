"""The composition of a VTN: what is made of what, on one page.

settings ─▶ store ─▶ admission ─▶ objects ─▶ office, desk, market (open_vtn)
│           ├─▶ watch                                            (watching)
│           └─▶ relay ◀─▶ another VTN, if there is one           (relaying)
│                      │
└─▶ tokens, gate ─▶ auth ─▶ routes ─▶ server ─▶ socket   (listening)
"""

import asyncio
import secrets
import socket
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

import structlog
from aiohttp import web

from ukprofile.clock import Clock, SharedClock, SystemClock, WatchedClock, monotonic
from ukprofile.errors import Refused
from ukprofile.flex.header import uuid7
from ukprofile.openadr.client import Client, Credentials
from ukprofile.signing import SigningKeys
from vtn.domain.admission import Admission
from vtn.domain.attempts import Attempts
from vtn.domain.clocks import unvouched_stamp
from vtn.domain.desk import Desk
from vtn.domain.market import Market
from vtn.domain.objects import Objects
from vtn.domain.office import Office
from vtn.domain.restored import read_restored
from vtn.domain.signer import Signer
from vtn.domain.store import Store
from vtn.domain.watch import Watch
from vtn.http.auth import Auth
from vtn.http.gate import Gate
from vtn.http.problems import Log, Problems
from vtn.http.rate import Limiter, limiter_named
from vtn.http.routes import routes
from vtn.http.server import Router, Server, Site
from vtn.http.tokens import Tokens, new_token_key
from vtn.relay import Relay
from vtn.settings import Place, Settings, SettingsError, write_json
from vtn.storage.sqlite import SqliteStore

_KEYS_LAST = timedelta(days=3 * 365)
_BACKLOG = 1024
_DRAIN_S = 20.0
"""How long a stopping server waits for the requests that are under way."""


@dataclass(frozen=True)
class Vtn:
    """A VTN that is open: everything but its sockets."""

    settings: Settings
    dso: str
    clock: Clock
    store: Store
    objects: Objects
    office: Office
    desk: Desk
    market: Market
    watch: Watch
    relay: Relay | None
    tokens: Tokens
    keys: SigningKeys
    limiter: Limiter
    log: Log

    def edge(self, public_url: str) -> Server:
        """The HTTP server, for a socket that clients reach at `public_url`."""
        problems = Problems(self.log)
        gate = Gate(self.limiter, self.settings.room)
        auth = Auth(self.tokens, self.store.live, public_url, gate)
        attempts = Attempts(self.store, SystemClock())
        table = routes(self.objects, self.desk, self.market, problems, attempts)
        watched = self.clock if isinstance(self.clock, WatchedClock) else None
        return Server(Router(table, auth, problems, gate, watched), problems, gate)


@asynccontextmanager
async def open_vtn(
    settings: Settings, *, clock: Clock | None = None, log: Log | None = None
) -> AsyncIterator[Vtn]:
    """Open the VTN of a data directory, making it at the first start.

    `clock` is the business clock, if it is not the one that `settings` name. Raises
    SettingsError, and Refused STORE_DOWN where another process has it open.
    """
    settings.check()
    place = Place(settings.data_dir).make()
    place.identify(settings)
    store = await SqliteStore.open(place.database, settings.environment, uuid.uuid4().hex)
    try:
        yield await assemble(settings, place, store, clock or _clock(settings), log)
    finally:
        await store.close()


async def assemble(
    settings: Settings, place: Place, store: Store, clock: Clock, log: Log | None
) -> Vtn:
    """Everything that is made of an open store."""
    identity = place.identify(settings)
    dso = identity.dso
    watched = clock if isinstance(clock, WatchedClock) else None
    if watched is not None and (stamp := await unvouched_stamp(store)) is not None:
        watched.not_before(stamp)
    keys = _signing_keys(place, dso, settings.environment, clock)
    if store.live.register.get(keys.key_set) != keys.public():
        # once: a start on a full disk still serves what there is to read
        await store.write(lambda tx: tx.put_key_set(keys.public()))
    restored = await store.read(read_restored)
    admission = Admission(dso, settings.environment, settings.retention, restored)
    objects = Objects(
        store, clock, lambda: f"{dso}-{uuid7(clock.now(), secrets.token_bytes)}", admission
    )
    doubt = watched.doubt if watched else lambda: ""
    signer = Signer(store, keys, 1, settings.environment, secrets.token_bytes, doubt)
    log = log or structlog.get_logger()
    return Vtn(
        settings=settings,
        dso=dso,
        clock=clock,
        store=store,
        objects=objects,
        office=Office(store, objects, signer, clock),
        desk=Desk(store, objects, signer, clock),
        market=Market(store, objects, signer, clock),
        watch=Watch(store, clock, log, dso),
        relay=_relay(settings, store, admission, clock, log),
        tokens=_tokens(place, identity.vtn_id),
        keys=keys,
        limiter=limiter_named(settings.limiter, settings.rates, monotonic),
        log=log,
    )


@asynccontextmanager
async def watching(vtn: Vtn) -> AsyncIterator[None]:
    """Raise alarms as long as this lasts: what only opens a VTN for one command watches nothing."""
    task = asyncio.create_task(vtn.watch.run(), name="watch")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def relaying(vtn: Vtn) -> AsyncIterator[None]:
    """Keep another VTN level with this one as long as this lasts, where the settings name one."""
    task = asyncio.create_task(vtn.relay.run(), name="relay") if vtn.relay else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def listening(vtn: Vtn) -> AsyncIterator[str]:
    """Listen as the settings say; gives the URL, and drains what is under way at the end.

    Raises SettingsError where the port is taken or the certificate cannot be read.
    """
    settings = vtn.settings
    tls = _tls(settings)
    listener = _socket(settings)
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{'https' if tls else 'http'}://{host}:{port}"
    edge = vtn.edge(settings.public_url.rstrip("/") or url)
    runner = web.ServerRunner(edge, shutdown_timeout=_DRAIN_S)
    await runner.setup()
    try:
        await Site(runner, listener, tls, _BACKLOG).start()
        yield url
    finally:
        await runner.cleanup()


def _signing_keys(place: Place, dso: str, environment: str, clock: Clock) -> SigningKeys:
    held = place.read_secret(place.dso_keys)
    if held is not None:
        try:
            keys = SigningKeys.from_json(held)
        except Refused as refused:
            raise SettingsError(f"{place.dso_keys}: {refused.detail}") from refused
        if (keys.party, keys.role) != (dso, "dso"):
            raise SettingsError(f"{place.dso_keys} are keys of the {keys.role} {keys.party}")
        return keys
    now = clock.now().replace(microsecond=0)
    keys = SigningKeys.generate(
        f"{dso[:32]}-{environment}-{now:%Y%m%d}-{secrets.token_hex(2)}",
        dso,
        "dso",
        now - timedelta(days=1),
        now + _KEYS_LAST,
        secrets.token_bytes,
    )
    write_json(place.dso_keys, keys.to_json())
    return keys


def _relay(
    settings: Settings, store: Store, admission: Admission, clock: Clock, log: Log
) -> Relay | None:
    if not settings.relay_to or settings.relay_secret_file is None:
        return None
    try:
        secret = settings.relay_secret_file.read_text().strip()
        client = Client(
            settings.relay_to,
            Credentials(settings.relay_client_id, secret),
            allow_token_hosts=settings.relay_token_hosts,
            user_agent="ukvtn",
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"the relay to {settings.relay_to}: {error}") from error
    return Relay(store, admission, client, clock, log, random=SystemRandom())


def _tokens(place: Place, vtn_id: str) -> Tokens:
    held = place.read_secret(place.token_key)
    if held is None:
        held = new_token_key()
        write_json(place.token_key, held)
    if "d" not in held:
        raise SettingsError(f"{place.token_key} holds no key: its private half is missing")
    try:
        return Tokens(held, vtn_id, SystemClock())
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{place.token_key} holds no key: {error}") from error


def _clock(settings: Settings) -> Clock:
    if settings.clock is None:
        return WatchedClock()
    try:
        return SharedClock(settings.clock)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{settings.clock} is no shared clock: {error}; "
            "ukvtn serve with another --clock, or none"
        ) from error


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise SettingsError(f"certificate or key cannot be read: {error}") from error
    return context


def _socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from error
    return listener
