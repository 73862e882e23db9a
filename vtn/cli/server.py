"""The server and its database: `ukvtn serve`, `ukvtn migrate`."""

import resource
from pathlib import Path
from typing import Annotated

import typer

from vtn.cli.options import HERE, DataDir, fail
from vtn.http.limits import ROOM
from vtn.http.rate import RATES
from vtn.show import greet

_RATES = ", ".join(f"{lane}={rate}" for lane, rate in RATES.items())
_OTHER_FILES = 256
"""Files that are no clients' connections: database, log, control socket, handshakes."""


def serve(
    data_dir: DataDir = HERE,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT to listen on; port 0 picks a free one.")
    ] = "127.0.0.1:8080",
    dso: Annotated[
        str, typer.Option(help="The operator's party id, as in its contract ids. First start only.")
    ] = "",
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Test keys count; a desk's credentials are shown.")
    ] = False,
    ready_file: Annotated[
        Path | None, typer.Option(help="JSON written once it answers: url, credentials.")
    ] = None,
    public_url: Annotated[
        str, typer.Option(help="Where clients reach this VTN, if not at --listen.")
    ] = "",
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain: TLS 1.3.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key of it.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Plain HTTP: a proxy in front ends TLS.")
    ] = False,
    relay_to: Annotated[
        str, typer.Option(help="Another VTN, on which the FSPs are met: its base URL.")
    ] = "",
    relay_client_id: Annotated[str, typer.Option(help="The desk's OAuth client there.")] = "",
    relay_token_host: Annotated[
        list[str] | None, typer.Option(help="A host other than its own that gives out tokens.")
    ] = None,
    relay_secret_file: Annotated[Path | None, typer.Option(help="A file with its secret.")] = None,
    clock: Annotated[
        Path | None, typer.Option(help="Shared business clock file, for rehearsals.")
    ] = None,
    most_connections: Annotated[int, typer.Option(help="All in all.")] = ROOM.most,
    most_per_address: Annotated[
        int, typer.Option(help="From one address; 0 = any number, as with --behind-proxy.")
    ] = ROOM.per_address,
    most_per_client: Annotated[
        int, typer.Option(help="Of one client; 0 = any number, as with --behind-proxy.")
    ] = ROOM.per_client,
    rate: Annotated[
        list[str] | None,
        typer.Option(help=f"LANE=PER_SECOND/BURST or LANE=off; else {_RATES}."),
    ] = None,
    limiter: Annotated[
        str, typer.Option(help="module:Class of a limiter of one's own, in place of --rate.")
    ] = "",
) -> None:
    """Run a VTN until SIGTERM or Ctrl-C.

    Try it:  ukvtn serve --sandbox --dso DSOA --data-dir /tmp/vtn
    """
    import uvloop

    from vtn.serve import serve as run_server
    from vtn.settings import Settings

    host, port = _address(listen)
    settings = Settings(
        data_dir=data_dir,
        host=host,
        port=port,
        public_url=public_url,
        dso=dso or ("DSOA" if sandbox and not (data_dir / "identity.json").exists() else ""),
        sandbox=sandbox,
        relay_to=relay_to,
        relay_client_id=relay_client_id,
        relay_token_hosts=tuple(relay_token_host or ()),
        relay_secret_file=relay_secret_file,
        clock=clock,
        tls_cert=tls_cert,
        tls_key=tls_key,
        behind_proxy=behind_proxy,
        most_connections=min(most_connections, _files_for(most_connections)),
        most_per_address=most_per_address,
        most_per_client=most_per_client,
        rate=tuple(rate or ()),
        limiter=limiter,
    )
    uvloop.run(run_server(settings, ready_file, greet))


def migrate(data_dir: DataDir = HERE) -> None:
    """Bring the database of a stopped VTN up to date; a server does so itself when it starts."""
    from vtn.settings import Place
    from vtn.storage.sqlite import migrate_file

    if Place(data_dir).identity() is None:
        fail(f"no VTN in {data_dir}")
    print(f"database at revision {migrate_file(Place(data_dir).database)}")


def _files_for(connections: int) -> int:
    """For how many connections this process may have files, raising what it may raise itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return connections if soft == resource.RLIM_INFINITY else max(1, soft - _OTHER_FILES)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise typer.BadParameter("HOST:PORT is due, as 127.0.0.1:8080", param_hint="--listen")
    return host.strip("[]") or "127.0.0.1", int(port)
