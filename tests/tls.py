"""TLS for tests: throwaway certificates, contexts of any version, and a server that only listens."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"
_DAY = timedelta(days=1)
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """A self-signed certificate, which is its own authority, and its key: PEM files."""

    chain: Path
    key: Path

    def serving(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.chain))


def identity(folder: Path, host: str = HOST, *, until: timedelta = _DAY) -> Identity:
    """An identity for `host`, a name or an address; good from a week ago `until` so far from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "throwaway")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 7 * _DAY)
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([_named(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    found = Identity(folder / "chain.pem", folder / "key.pem")
    found.chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return found


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def only_tls_1_1(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, as a peer of ten years ago: OpenSSL must be told so three times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@dataclass
class Listening:
    """A server that answers nothing: how often somebody came, and what it was told over TLS.

    In threads: asyncio hangs up where a handshake fails, and does not say why as others do.
    """

    context: ssl.SSLContext
    socket: socket.socket
    came: int = 0
    heard: bytes = b""

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.socket.getsockname()[1]}"

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as taking:
            while True:
                connection, _ = await loop.sock_accept(self.socket)
                self.came += 1
                taking.create_task(asyncio.to_thread(self._take, connection))

    def _take(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_S)
        # a handshake that fails is an OSError too
        with connection, suppress(OSError), self.context.wrap_socket(connection, True) as spoken:
            self.heard += spoken.recv(65_536)


@asynccontextmanager
async def listening_with(context: ssl.SSLContext) -> AsyncIterator[Listening]:
    """A server on loopback with this context."""
    with socket.create_server((HOST, 0)) as listener:
        listener.setblocking(False)
        found = Listening(context, listener)
        task = asyncio.create_task(found.run())
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def spoken(url: str, context: ssl.SSLContext) -> Any:
    """The TLS version that is agreed on with who listens there. Raises ssl.SSLError, OSError."""
    port = int(url.rpartition(":")[2])
    _, writer = await asyncio.open_connection(HOST, port, ssl=context)
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    return version
