"""Keeping a copy, and going back to it: `ukvtn backup`, `ukvtn restore`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vtn.cli.options import HERE, AsJson, DataDir
from vtn.show import show

if TYPE_CHECKING:
    from vtn.archive import Progress

Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Clock = Annotated[
    Path | None, typer.Option(help="Shared business clock file, for rehearsals; as for serve.")
]


def backup(
    file: Annotated[Path, typer.Argument(help="Where the backup goes: one file, mode 0600.")],
    with_keys: Annotated[
        bool,
        typer.Option(
            "--with-keys",
            help="The DSO's private signing keys and the token key go into it, too: whoever has "
            "the file can then speak as the DSO.",
        ),
    ] = False,
    force: Force = False,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Copy everything a VTN knows into one file, while it is served or not.

    The file is a tar with the database as it was at one moment, and SHA256SUMS of all that is in
    it. Without --with-keys it holds no private key: keep dso_keys.json and token_key.json
    elsewhere, once; they do not change from day to day.

    Example:  ukvtn backup /backups/vtn-$(date +%F).tar
    """
    from ukprofile.clock import SystemClock
    from vtn.backup import back_up
    from vtn.settings import Place

    now = SystemClock().now()
    with _progress(as_json) as progress:
        made = back_up(Place(data_dir), file, now, progress, keys=with_keys, force=force)
    shown = made.to_json() | {"file": str(file), "bytes": file.stat().st_size}
    show(shown, as_json, ("file", "bytes", "newest", "texts", "keys"))


def restore(
    file: Annotated[Path, typer.Argument(help="As ukvtn backup made it.")],
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Though the database that is there is newer, or cannot be read; it is kept aside.",
        ),
    ] = False,
    new_keys: Annotated[
        bool,
        typer.Option(
            "--new-keys",
            help="Though the DSO's signing keys are gone: the next start makes new ones, which "
            "every FSP has to pin.",
        ),
    ] = False,
    clock_is_right: Annotated[
        bool,
        typer.Option(
            "--clock-is-right", help="Though the backup knows of a later time than the clock."
        ),
    ] = False,
    clock: Clock = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Go back to a backup, where no server runs.

    What was there is kept aside as vtn.db.replaced-TIME. What it says is shut stays shut: revoked
    keys, disabled clients, suite floors. Keys in the data directory are never replaced. Revisions
    and change numbers go on above all that can have been used, and an alarm tells the desk what
    was lost: docs/how-to/backup.md.

    Example:  ukvtn restore /backups/vtn-2026-11-24.tar --force
    """
    from ukprofile.clock import SharedClock, SystemClock
    from vtn.backup import restore as run_restore
    from vtn.settings import Place

    now = (SystemClock() if clock is None else SharedClock(clock)).now()
    with _progress(as_json) as progress:
        done = run_restore(
            Place(data_dir),
            file,
            now,
            progress,
            force=force,
            new_keys=new_keys,
            clock_is_right=clock_is_right,
        )
    columns = ("from", "until", "kept_aside", "keys", "compared", "lost", "still_shut")
    show(done.to_json(), as_json, columns)


@contextmanager
def _progress(as_json: bool) -> "Iterator[Progress]":
    """A bar on stderr where a person looks on; nothing for programs."""
    if as_json or not sys.stderr.isatty():
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, all_: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=all_)

        yield told
