"""`python -m plugfest.faults`: one misbehaving proxy, as a process that runs until it is stopped.

    tcp    --upstream http://127.0.0.1:8080 --odds reset=0.1 latency_s=0.2
    http   --upstream http://127.0.0.1:8080 --odds late=0.1 lost=0.1 patience_s=2
    meddle --upstream http://127.0.0.1:8080 --control-port 8099

It listens on loopback only. Its URL (and the control's) goes to standard output, and to
`--ready-file`, as one JSON object. Tokens come from where the server says; name that host to
clients (`ukven enrol --token-host`), or start the server with the proxy as its public URL.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from plugfest.faults import http, tcp
from plugfest.faults.control import controlled
from plugfest.faults.meddling import meddling

Odds = TypeVar("Odds", tcp.Odds, http.Odds)


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for, until SIGTERM or SIGINT. Exit code 2: wrong usage."""
    parser = _parser()
    asked = parser.parse_args(words)
    try:
        ready = _proxy(asked)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(ready, asked.ready_file))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m plugfest.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=("tcp", "http", "meddle"))
    parser.add_argument("--upstream", required=True, help="the server behind it, as a URL")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--odds", nargs="*", default=[], metavar="FAULT=CHANCE")
    parser.add_argument("--log", type=Path, help="a JSON line for each fault that struck")
    parser.add_argument("--port", type=int, default=0, help="where it listens; 0 = a free port")
    parser.add_argument("--control-port", type=int, default=0, help="meddle: where it is told")
    parser.add_argument("--ready-file", type=Path)
    return parser


def _proxy(asked: argparse.Namespace) -> Any:
    """The proxy, not yet listening. Raises ValueError, TypeError for odds that are none."""
    common = {"seed": asked.seed, "log": asked.log, "listen": asked.port}
    if asked.kind == "meddle":
        if asked.odds:
            raise ValueError("meddle takes orders, no odds")
        return _meddling(asked.upstream, asked.control_port, **common)
    if asked.kind == "http":
        odds = _odds(http.Odds, asked.odds)
        return _alone(http.misbehaving(asked.upstream, odds=odds, **common))
    at = urlsplit(asked.upstream)
    if at.hostname is None:
        raise ValueError(f"no host in {asked.upstream}")
    odds_of_bytes = _odds(tcp.Odds, asked.odds)
    port = at.port or 80
    return _alone(tcp.misbehaving(at.hostname, port, odds=odds_of_bytes, **common))


def _odds(kind: type[Odds], words: Sequence[str]) -> Odds:
    """Raises ValueError for what is no `name=number`, and as `kind` does."""
    known = {field.name: float if field.type is float else int for field in fields(kind)}
    given: dict[str, Any] = {}
    for word in words:
        name, _, number = word.partition("=")
        if name not in known:
            raise ValueError(f"{name} is none of {', '.join(known)}")
        given[name] = known[name](number)
    return kind(**given)


@asynccontextmanager
async def _alone(proxy: Any) -> AsyncIterator[dict[str, str]]:
    async with proxy as (url, _):
        yield {"url": url}


@asynccontextmanager
async def _meddling(
    upstream: str, control_port: int, **common: Any
) -> AsyncIterator[dict[str, str]]:
    async with (
        meddling(upstream, **common) as (url, meddler),
        controlled(meddler, control_port) as control,
    ):
        yield {"url": url, "control": control}


async def _run(ready: Any, ready_file: Path | None) -> None:
    """Listen, say where, and wait to be stopped."""
    stopped = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stopped.set)
    async with ready as told:
        text = json.dumps(told)
        print(text, flush=True)  # noqa: T201
        if ready_file is not None:
            whole = ready_file.with_suffix(".part")
            whole.write_text(text)
            whole.replace(ready_file)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
